//! MNIST from its four files. Chapter 12.
//!
//! A file in the IDX format is a header of 32-bit numbers, the most significant byte first, and
//! the data, a byte each:
//!
//! ```text
//! images   0x00000803  count  rows  columns   count · rows · columns pixels
//! labels   0x00000801  count                  count class indices
//! ```
//!
//! The crate `mnist` decodes them. It trusts its files, so they are checked here first, and what
//! was checked is what it decodes: unpacked copies, in temporary files that leave nothing behind.

use crate::data::known::{self, KnownFile, Set};
use crate::data::nameless::Nameless;
use crate::data::{Dataset, DatasetError};
use crate::regular;
use flate2::read::MultiGzDecoder;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Rows and columns of an image.
pub const SIDE: usize = 28;

/// Number of classes.
pub const CLASSES: usize = 10;

/// Images to train on, and images to test on.
pub const COUNTS: [usize; 2] = [60_000, 10_000];

/// MNIST, or other data of its form.
#[derive(Clone, Debug)]
pub struct Mnist {
    /// All 70,000 images, `[28, 28]` in 10 classes: those of `train`, then those of `test`.
    pub all: Dataset,
    /// The 60,000 images to train on. Shares the inputs with `all`.
    pub train: Dataset,
    /// The 10,000 images to test on. Shares the inputs with `all`.
    pub test: Dataset,
    /// The files that were read: images and labels to train on, then to test on.
    pub files: [Source; 4],
    /// What is to be told to whoever takes these data for MNIST: their checksums are others.
    pub notice: Option<String>,
}

/// A file that data were read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file.
    pub path: PathBuf,
    /// SHA-256 of its unpacked bytes, as 64 hexadecimal digits.
    pub sha256: String,
}

/// Files that are not MNIST's, or cannot be read.
#[derive(Debug, Error)]
pub enum MnistError {
    /// In no folder are all four files.
    #[error(
        "no MNIST in {}: {} is neither there nor in its folders mnist and MNIST/raw, unpacked or \
         as .gz: download the set, or name its folder",
        folder.display(), missing.join(" or ")
    )]
    Missing {
        /// The folder that was searched.
        folder: PathBuf,
        /// The files that are missing where the most of them are.
        missing: Vec<String>,
    },
    /// A folder cannot be looked into, and may have the files.
    #[error(
        "{}: cannot be looked into ({source}): make it a folder that you may read, or name another \
         one",
        folder.display()
    )]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be read.
    #[error(
        "{}: cannot be read ({source}): it must be a regular file that you may read",
        path.display()
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that ends in `.gz` does not unpack.
    #[error(
        "{}: expected a whole gzip file, found a damaged or foreign one ({source}): download it \
         again, or drop .gz from its name if it is unpacked",
        path.display()
    )]
    Gzip {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file does not begin as it should.
    #[error(
        "{}: expected a file of {content} that begins with {expected:#010x}, found {found:#010x}: \
         this is another file under that name; download it again",
        path.display()
    )]
    Magic {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        content: Content,
        /// The magic number that it should begin with.
        expected: u32,
        /// What it begins with.
        found: u32,
    },
    /// A number in a file's header is not MNIST's.
    #[error(
        "{}: expected {expected} {field}, found {found}: only data of MNIST's form are read, \
         60,000 and 10,000 images of 28 x 28",
        path.display()
    )]
    Header {
        /// The file.
        path: PathBuf,
        /// What the number counts: `"images"`, `"labels"`, `"rows"`, `"columns"`.
        field: &'static str,
        /// The number that it should be.
        expected: usize,
        /// The number that it is.
        found: usize,
    },
    /// A file is shorter or longer than its header says.
    #[error(
        "{}: expected {expected} bytes, unpacked, found {}{found}: the file is damaged; download \
         it again",
        path.display(), if found > expected { "at least " } else { "" }
    )]
    Size {
        /// The file.
        path: PathBuf,
        /// The bytes that there should be.
        expected: usize,
        /// The bytes that there are. Reading stops at the first that is too many.
        found: usize,
    },
    /// A label is not a class index.
    #[error(
        "{}: expected labels from 0 to 9, found {label} at sample {sample}: the file is damaged; \
         download it again",
        path.display()
    )]
    Label {
        /// The file.
        path: PathBuf,
        /// The sample.
        sample: usize,
        /// Its label.
        label: u8,
    },
    /// There is no room to unpack in.
    #[error(
        "the files cannot be unpacked into {} ({source}): free 55 MB there, or name another \
         folder with TMPDIR",
        folder.display()
    )]
    Unpack {
        /// The folder for temporary files.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The decoded data make no data set.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Images of 28 x 28 pixels.
    Images,
    /// Class indices from 0 to 9.
    Labels,
}

impl Content {
    /// The number that a file begins with.
    pub fn magic(self) -> u32 {
        match self {
            Self::Images => 0x803,
            Self::Labels => 0x801,
        }
    }

    /// The bytes of a file of `count` samples.
    pub fn size(self, count: usize) -> usize {
        match self {
            Self::Images => 16 + count * SIDE * SIDE,
            Self::Labels => 8 + count,
        }
    }
}

impl std::fmt::Display for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Images => "images",
            Self::Labels => "labels",
        })
    }
}

/// What each of the four files holds, and how many of it.
const FORMS: [(Content, usize); 4] = [
    (Content::Images, COUNTS[0]),
    (Content::Labels, COUNTS[0]),
    (Content::Images, COUNTS[1]),
    (Content::Labels, COUNTS[1]),
];

/// Reads the four files in `folder`, or in `mnist` or `MNIST/raw` within it, each unpacked or as
/// `.gz`.
///
/// # Errors
/// [`MnistError`], which names the file, what was expected and what was found.
pub fn load(folder: &Path) -> Result<Mnist, MnistError> {
    let paths = locate(folder)?;
    let mut sums = [const { String::new() }; 4];
    let mut unpacked = [const { None }; 4];
    // The small files are last: a damaged one is found before a large one is read.
    for (k, path) in paths.iter().enumerate().rev() {
        let bytes = read_form(path, k)?;
        sums[k] = known::sha256(&bytes[..])
            .map_err(|source| MnistError::Read { path: path.clone(), source })?;
        unpacked[k] = Some(
            Nameless::new(&bytes)
                .map_err(|source| MnistError::Unpack { folder: std::env::temp_dir(), source })?,
        );
    }
    let original = sums.iter().zip(&known::MNIST).all(|(sum, file)| sum == file.sha256);
    let name = if original { "MNIST" } else { "data in the form of MNIST" };
    let all = decode(&unpacked.map(|file| file.expect("one for each file")), name)?;
    let (train, test): (Vec<usize>, Vec<usize>) = (0..all.len()).partition(|&i| i < COUNTS[0]);
    let mut sums = sums.into_iter();
    let files = paths.map(|path| Source { path, sha256: sums.next().expect("one for each file") });
    Ok(Mnist {
        train: all.select(&train),
        test: all.select(&test),
        all,
        notice: notice(&files),
        files,
    })
}

/// The four files, in the order of [`known::MNIST`], of the first place that has all of them.
///
/// # Errors
/// [`MnistError::Missing`], and [`MnistError::Folder`] where a folder cannot be looked into.
pub fn locate(folder: &Path) -> Result<[PathBuf; 4], MnistError> {
    let mut fewest: Option<Vec<String>> = None;
    for place in Set::Mnist.folders() {
        let place = folder.join(place);
        let mut found = [const { None }; 4];
        for (path, file) in found.iter_mut().zip(&known::MNIST) {
            *path = find(&place, file)
                .map_err(|source| MnistError::Folder { folder: place.clone(), source })?;
        }
        let missing: Vec<String> = (found.iter().zip(&known::MNIST))
            .filter(|(path, _)| path.is_none())
            .map(|(_, file)| file.unpacked_name().to_owned())
            .collect();
        if let [Some(a), Some(b), Some(c), Some(d)] = found {
            return Ok([a, b, c, d]);
        }
        if fewest.as_ref().is_none_or(|fewest| missing.len() < fewest.len()) {
            fewest = Some(missing);
        }
    }
    Err(MnistError::Missing { folder: folder.to_owned(), missing: fewest.unwrap_or_default() })
}

/// `file` in `folder`, unpacked or, failing that, as it comes from a mirror.
///
/// # Errors
/// Those of a folder that cannot be looked into.
pub(super) fn find(folder: &Path, file: &KnownFile) -> io::Result<Option<PathBuf>> {
    for path in [file.unpacked_name(), file.name].map(|name| folder.join(name)) {
        if regular::exists(&path)? {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// The unpacked bytes of file `k` of [`known::MNIST`], checked.
///
/// # Errors
/// [`MnistError`].
pub(super) fn read_form(path: &Path, k: usize) -> Result<Vec<u8>, MnistError> {
    let (content, count) = FORMS[k];
    let size = content.size(count);
    let read_error = |source| MnistError::Read { path: path.to_owned(), source };
    let file = regular::open(path).map_err(read_error)?;
    // One byte more than is expected tells a longer file from a whole one.
    let limit = size as u64 + 1;
    let mut bytes = Vec::with_capacity(size + 1);
    if path.extension().is_some_and(|extension| extension == "gz") {
        MultiGzDecoder::new(file)
            .take(limit)
            .read_to_end(&mut bytes)
            .map_err(|source| MnistError::Gzip { path: path.to_owned(), source })?;
    } else {
        file.take(limit).read_to_end(&mut bytes).map_err(read_error)?;
    }
    check(path, &bytes, content, count)?;
    Ok(bytes)
}

/// Checks that `bytes` are `count` images or labels in the IDX format. `path` is for the error.
///
/// # Errors
/// [`MnistError::Magic`], [`MnistError::Header`], [`MnistError::Size`] and [`MnistError::Label`].
pub fn check(path: &Path, bytes: &[u8], content: Content, count: usize) -> Result<(), MnistError> {
    let path = || path.to_owned();
    let size = MnistError::Size { path: path(), expected: content.size(count), found: bytes.len() };
    let (numbers, _) = bytes.as_chunks::<4>();
    let mut numbers = numbers.iter().map(|&number| u32::from_be_bytes(number));
    let Some(found) = numbers.next() else { return Err(size) };
    let expected = content.magic();
    if found != expected {
        return Err(MnistError::Magic { path: path(), content, expected, found });
    }
    let fields = match content {
        Content::Images => &[("images", count), ("rows", SIDE), ("columns", SIDE)][..],
        Content::Labels => &[("labels", count)],
    };
    for &(field, expected) in fields {
        let Some(found) = numbers.next() else { return Err(size) };
        let found = found as usize;
        if found != expected {
            return Err(MnistError::Header { path: path(), field, expected, found });
        }
    }
    if bytes.len() != content.size(count) {
        return Err(size);
    }
    if content == Content::Labels {
        let labels = &bytes[bytes.len() - count..];
        if let Some(sample) = labels.iter().position(|&label| usize::from(label) >= CLASSES) {
            return Err(MnistError::Label { path: path(), sample, label: labels[sample] });
        }
    }
    Ok(())
}

/// Decodes the four files, which are known to be sound.
fn decode(files: &[Nameless; 4], name: &str) -> Result<Dataset, MnistError> {
    let paths = files.each_ref().map(Nameless::path);
    // The decoder takes its paths as text. An absolute one replaces the folder.
    let mut names = [""; 4];
    for (name, path) in names.iter_mut().zip(&paths) {
        *name = path.to_str().ok_or_else(|| MnistError::Unpack {
            folder: std::env::temp_dir(),
            source: io::Error::new(io::ErrorKind::InvalidInput, "its path is not valid Unicode"),
        })?;
    }
    let decoded = mnist::MnistBuilder::new()
        .training_images_filename(names[0])
        .training_labels_filename(names[1])
        .test_images_filename(names[2])
        .test_labels_filename(names[3])
        .label_format_digit()
        .training_set_length((COUNTS[0] + COUNTS[1]) as u32)
        .validation_set_length(0)
        .test_set_length(0)
        .finalize();
    Ok(Dataset::from_bytes(name, &[SIDE, SIDE], CLASSES, decoded.trn_img, decoded.trn_lbl)?)
}

/// What to tell where a checksum is not MNIST's.
fn notice(files: &[Source; 4]) -> Option<String> {
    let (file, known) =
        files.iter().zip(&known::MNIST).find(|(file, known)| file.sha256 != known.sha256)?;
    Some(format!(
        "{}: SHA-256 {} is not that of MNIST's file ({}): these data have the form of MNIST and \
         are others",
        file.path.display(),
        file.sha256,
        known.sha256
    ))
}
