//! A picture of a digit, as the network saw digits in training.
//!
//! MNIST's digits are light on dark, fit a square of 20 pixels and have their center of mass in
//! the middle of 28 x 28 pixels. A picture from elsewhere is brought into that form first.

use image::imageops::{self, FilterType};
use image::{GrayImage, ImageReader};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Side of the whole picture.
const SIDE: u32 = 28;
/// Side of the square that holds the digit.
const DIGIT: u32 = 20;
/// A pixel this much lighter than the darkest counts as ink.
const INK: u8 = 32;

/// A file that is no picture of a digit.
#[derive(Debug, Error)]
pub enum PictureError {
    /// The file cannot be opened.
    #[error("{}: cannot be read: {source}. Name a PNG or JPEG file", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file holds no PNG and no JPEG.
    #[error("{}: not a PNG or JPEG picture: {source}", path.display())]
    Decode {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        source: image::ImageError,
    },
    /// All pixels are alike.
    #[error("{}: a blank picture: there is no digit in it", path.display())]
    Blank {
        /// The file.
        path: PathBuf,
    },
}

/// Reads a picture of any size, light on dark or dark on light, as 784 numbers from 0 (ground) to
/// 1 (ink).
///
/// # Errors
/// [`PictureError`] where the file is missing, no picture, or blank.
pub fn read(path: &Path) -> Result<Vec<f32>, PictureError> {
    let owned = || path.to_path_buf();
    let file =
        ImageReader::open(path).map_err(|source| PictureError::Open { path: owned(), source })?;
    let picture = file
        .with_guessed_format()
        .map_err(|source| PictureError::Open { path: owned(), source })?
        .decode()
        .map_err(|source| PictureError::Decode { path: owned(), source })?;
    let digit =
        normalize(on_black(picture)).ok_or_else(|| PictureError::Blank { path: owned() })?;
    Ok(digit.iter().map(|&pixel| f32::from(pixel) / 255.0).collect())
}

/// As gray levels; what is transparent counts as white paper.
fn on_black(picture: image::DynamicImage) -> GrayImage {
    let picture = picture.to_luma_alpha8();
    GrayImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [level, alpha] = picture.get_pixel(x, y).0.map(u32::from);
        image::Luma([((level * alpha + 255 * (255 - alpha)) / 255) as u8])
    })
}

/// Light ink on a dark ground, in MNIST's frame. `None` where all pixels are alike.
fn normalize(mut picture: GrayImage) -> Option<GrayImage> {
    // The ground is what most of the border shows.
    let (width, height) = picture.dimensions();
    let border = picture
        .enumerate_pixels()
        .filter(|&(x, y, _)| x == 0 || y == 0 || x == width - 1 || y == height - 1);
    let levels: Vec<u64> = border.map(|(_, _, pixel)| u64::from(pixel.0[0])).collect();
    if levels.iter().sum::<u64>() > 127 * levels.len() as u64 {
        imageops::invert(&mut picture);
    }
    let darkest = picture.iter().min().copied()?;
    let lightest = picture.iter().max().copied()?;
    if lightest - darkest < INK {
        return None;
    }
    // The whole range of levels, as in the training data.
    let range = u32::from(lightest - darkest);
    for pixel in picture.iter_mut() {
        *pixel = (u32::from(*pixel - darkest) * 255 / range) as u8;
    }
    Some(frame(&crop(&picture)))
}

/// The smallest rectangle that holds all ink.
fn crop(picture: &GrayImage) -> GrayImage {
    let ink = picture.enumerate_pixels().filter(|(_, _, pixel)| pixel.0[0] > INK);
    let (mut left, mut top, mut right, mut bottom) = (u32::MAX, u32::MAX, 0, 0);
    for (x, y, _) in ink {
        (left, right) = (left.min(x), right.max(x));
        (top, bottom) = (top.min(y), bottom.max(y));
    }
    imageops::crop_imm(picture, left, top, right - left + 1, bottom - top + 1).to_image()
}

/// The digit scaled into 20 x 20 pixels, its center of mass in the middle of 28 x 28.
fn frame(digit: &GrayImage) -> GrayImage {
    let longest = f64::from(digit.width().max(digit.height()));
    let scaled = |side: u32| ((f64::from(side * DIGIT) / longest).round() as u32).max(1);
    let (width, height) = (scaled(digit.width()), scaled(digit.height()));
    let digit = imageops::resize(digit, width, height, FilterType::Triangle);
    let mass: f64 = digit.iter().map(|&pixel| f64::from(pixel)).sum();
    let moment = |coordinate: fn((u32, u32)) -> u32| -> f64 {
        let moments = digit
            .enumerate_pixels()
            .map(|(x, y, pixel)| (f64::from(coordinate((x, y))) + 0.5) * f64::from(pixel.0[0]));
        moments.sum::<f64>() / mass
    };
    let place = |center: f64, side: u32| {
        let offset = (f64::from(SIDE) / 2.0 - center).round().max(0.0) as u32;
        i64::from(offset.min(SIDE - side))
    };
    let (x, y) = (place(moment(|(x, _)| x), width), place(moment(|(_, y)| y), height));
    let mut framed = GrayImage::new(SIDE, SIDE);
    imageops::overlay(&mut framed, &digit, x, y);
    framed
}
