//! From a picture's file to its pixels. The file may be a stranger's: what it asks for is limited
//! before memory is taken, and one that is cut short is refused.

use crate::regular;
use image::imageops;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits, RgbImage};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Most pixels of a picture. A phone's 48 million are below it, and take 0.6 GB where each has four
/// channels of 16 bits, or where a JPEG is progressive.
const MAX_PIXELS: u64 = 50_000_000;
/// Most pixels of a row or a column: what a JPEG can have. A longer one takes more to be scaled than to
/// be read.
const MAX_SIDE: u32 = 65_535;
/// Most bytes of a file.
const MAX_BYTES: u64 = 100_000_000;
/// Most bytes of what a decoder makes of the file at once: 8 a pixel at most, and its tables.
const MAX_MEMORY: u64 = 500_000_000;

/// A file that is no picture, or none that can be read.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// The file cannot be opened.
    #[error("{}: cannot be read: {source}. Name a PNG or JPEG file", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds no PNG and no JPEG.
    #[error("{}: not a PNG or JPEG picture, or a damaged one: {source}", path.display())]
    Decode {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        source: ImageError,
    },
    /// A JPEG without its end.
    #[error("{}: this JPEG is cut short: its end is missing. Copy it again", path.display())]
    Cut {
        /// The file.
        path: PathBuf,
    },
    /// The file is longer than a picture may be.
    #[error(
        "{}: more than {} MB, the most that a picture may have. Save it smaller",
        path.display(), MAX_BYTES / 1_000_000
    )]
    Bytes {
        /// The file.
        path: PathBuf,
    },
    /// The picture says that it has more pixels than one may have.
    #[error(
        "{}: {width} x {height} pixels, but a picture may have {} million at most, and {MAX_SIDE} a side, \
         so that it takes less than 1 GB of memory. Scale it down",
        path.display(), MAX_PIXELS / 1_000_000
    )]
    Pixels {
        /// The file.
        path: PathBuf,
        /// Pixels in a row.
        width: u32,
        /// Rows.
        height: u32,
    },
}

/// The pixels of the PNG or JPEG file at `path`, turned as its camera was held. What is transparent
/// counts as white paper.
///
/// # Errors
/// [`DecodeError`] where the file is missing, no picture, cut short, or too large.
pub fn decode(path: &Path) -> Result<RgbImage, DecodeError> {
    let owned = || path.to_path_buf();
    let bytes = regular::read(path, MAX_BYTES).map_err(|source| match source.kind() {
        ErrorKind::FileTooLarge => DecodeError::Bytes { path: owned() },
        _ => DecodeError::Open { path: owned(), source },
    })?;
    let failure = |source| DecodeError::Decode { path: owned(), source };
    let mut reader = ImageReader::new(io::Cursor::new(bytes.as_slice()))
        .with_guessed_format()
        .map_err(|error| failure(error.into()))?;
    if reader.format() == Some(image::ImageFormat::Jpeg) && !is_whole_jpeg(&bytes) {
        return Err(DecodeError::Cut { path: owned() });
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(failure)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS || width.max(height) > MAX_SIDE {
        return Err(DecodeError::Pixels { path: owned(), width, height });
    }
    let orientation = decoder.orientation().map_err(failure)?;
    let picture = DynamicImage::from_decoder(decoder).map_err(failure)?;
    Ok(turn(on_white(picture), orientation))
}

/// Whether a JPEG reaches the marker of its end. Its decoder paints gray what is missing.
///
/// A marker is 0xFF and its code. A segment with its length follows most of them, and in it may
/// stand a whole small picture, which is passed over. In the coded pixels 0xFF comes with a 0, or
/// is a marker of restart.
fn is_whole_jpeg(bytes: &[u8]) -> bool {
    const START: u8 = 0xd8;
    const END: u8 = 0xd9;
    let is_marker = |code| !matches!(code, 0x00 | 0x01 | 0xd0..=START | 0xff);
    let mut rest = bytes;
    while let Some(at) = rest.windows(2).position(|pair| pair[0] == 0xff && is_marker(pair[1])) {
        if rest[at + 1] == END {
            return true;
        }
        rest = &rest[at + 2..];
        let length = rest.first_chunk().map(|&length| usize::from(u16::from_be_bytes(length)));
        match length.and_then(|length| rest.get(length..)) {
            Some(behind) => rest = behind,
            None => return false,
        }
    }
    false
}

/// `picture` as one sees it on white paper.
fn on_white(picture: DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.into_rgb8();
    }
    let picture = picture.into_rgba8();
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [red, green, blue, alpha] = picture.get_pixel(x, y).0.map(u32::from);
        image::Rgb(
            [red, green, blue].map(|level| ((level * alpha + 255 * (255 - alpha)) / 255) as u8),
        )
    })
}

/// `picture` as it was seen: cameras save what their sensor read, and how they were held.
fn turn(picture: RgbImage, orientation: Orientation) -> RgbImage {
    let mut picture = match orientation {
        Orientation::Rotate90 | Orientation::Rotate90FlipH => imageops::rotate90(&picture),
        Orientation::Rotate270 | Orientation::Rotate270FlipH => imageops::rotate270(&picture),
        _ => picture,
    };
    match orientation {
        Orientation::FlipVertical => imageops::flip_vertical_in_place(&mut picture),
        Orientation::Rotate180 => imageops::rotate180_in_place(&mut picture),
        Orientation::FlipHorizontal | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH => {
            imageops::flip_horizontal_in_place(&mut picture);
        }
        Orientation::NoTransforms | Orientation::Rotate90 | Orientation::Rotate270 => {}
    }
    picture
}
