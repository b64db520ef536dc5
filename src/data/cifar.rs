//! CIFAR-10 from the archive of its binary version, or from the files in it. Chapter 14.
//!
//! Five batches to train on and one to test on hold 10,000 records each. A record is a label and
//! the three colors of an image, plane after plane, a byte each:
//!
//! ```text
//! record   label   red[32, 32]   green[32, 32]   blue[32, 32]        1 + 3 · 1,024 bytes
//! ```
//!
//! A data set keeps the three colors of a pixel together, `[32, 32, 3]`. The archive is unpacked
//! in memory: nothing is written to disk.
//!
//! The order of the images makes no other data set. So an archive whose checksum is not the
//! original's is asked for its images: their digest is that of the sorted digests of the records,
//! and the same in any order and packing.

use crate::checksum::hexadecimal;
use crate::data::known::{self, Hashing, Set};
use crate::data::mnist::Source;
use crate::data::{Dataset, DatasetError};
use crate::regular;
use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use thiserror::Error;

/// Rows and columns of an image.
pub const SIDE: usize = 32;

/// Colors of a pixel: red, green and blue.
pub const CHANNELS: usize = 3;

/// Number of classes.
pub const CLASSES: usize = 10;

/// Images to train on, and images to test on.
pub const COUNTS: [usize; 2] = [50_000, 10_000];

/// What the classes are, in the order of the labels.
pub const NAMES: [&str; CLASSES] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// The folder in the archive.
pub const FOLDER: &str = "cifar-10-batches-bin";

/// The files in it: five batches to train on and one to test on.
pub const BATCHES: [&str; 6] = [
    "data_batch_1.bin",
    "data_batch_2.bin",
    "data_batch_3.bin",
    "data_batch_4.bin",
    "data_batch_5.bin",
    "test_batch.bin",
];

/// [`digest`] of the images to train on, and of the images to test on.
///
/// They were taken of a copy that was rebuilt from lossless pictures: its numbers of images in
/// each class, and the means and deviations of its colors, are the published ones.
pub const DIGESTS: [&str; 2] = [
    "d59acf989e068e709ce686cda292672c7b212c08d29d3d3e6d8c3aa99eba6a85",
    "899683d46c3a8c66fd56e1af12202e69fe5a4517be10b0f68e04c78fe585c57c",
];

const PLANE: usize = SIDE * SIDE;
const PIXELS: usize = CHANNELS * PLANE;
const RECORD: usize = 1 + PIXELS;
const RECORDS: usize = 10_000;
const IMAGES: usize = BATCHES.len() * RECORDS;

/// Bytes of a batch.
pub const BATCH: usize = RECORDS * RECORD;

/// Most that is unpacked of an archive: more than CIFAR-10 has, and less than fills a memory.
const LIMIT: u64 = 1 << 28;

/// CIFAR-10, or other data of its form.
#[derive(Clone, Debug)]
pub struct Cifar {
    /// All 60,000 images, `[32, 32, 3]` in 10 classes: those of `train`, then those of `test`.
    pub all: Dataset,
    /// The 50,000 images to train on. Shares the inputs with `all`.
    pub train: Dataset,
    /// The 10,000 images to test on. Shares the inputs with `all`.
    pub test: Dataset,
    /// The files that were read: the archive, or the six batches.
    pub files: Vec<Source>,
    /// Whether these are CIFAR-10's images.
    pub identity: Identity,
    /// What is to be told to whoever takes these data for the original archive.
    pub notice: Option<String>,
}

/// Whether data are CIFAR-10's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The archive is the original one.
    Original,
    /// The images and labels are the original ones, in another order or packing.
    Repacked,
    /// They are others.
    Other,
}

/// Where CIFAR-10 is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In this archive.
    Archive(PathBuf),
    /// In these files, in the order of [`BATCHES`].
    Batches([PathBuf; 6]),
}

/// Files that are not CIFAR-10's, or cannot be read.
#[derive(Debug, Error)]
pub enum CifarError {
    /// In no folder are the archive or all six batches.
    #[error(
        "no CIFAR-10 in {}: {} is neither there nor in its folder cifar-10: download the set, or \
         name its folder",
        folder.display(), missing.join(" or ")
    )]
    Missing {
        /// The folder that was searched.
        folder: PathBuf,
        /// The archive, or the batches that are missing where there are others.
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
    /// The archive ends before its end.
    #[error("{}: cut off {place}: download it again", path.display())]
    Cut {
        /// The archive.
        path: PathBuf,
        /// How far it could be unpacked.
        place: String,
    },
    /// The archive does not unpack.
    #[error(
        "{}: expected a tar archive packed with gzip, found a damaged or foreign file ({source}) \
         {place}: download it again",
        path.display()
    )]
    Damaged {
        /// The archive.
        path: PathBuf,
        /// How far it could be unpacked.
        place: String,
        /// Why.
        source: io::Error,
    },
    /// A file in the archive would be written outside of the folder that it is unpacked into.
    #[error(
        "{}: the file {entry} in it leaves the archive's folder: this is not CIFAR-10; do not \
         unpack it, and download the set again",
        path.display()
    )]
    Outside {
        /// The archive.
        path: PathBuf,
        /// The path of the file in it.
        entry: String,
    },
    /// The archive is whole and lacks batches.
    #[error(
        "{}: expected six batches, found none under the name {}: this is another archive; \
         download CIFAR-10's binary version",
        path.display(), missing.join(" or ")
    )]
    Incomplete {
        /// The archive.
        path: PathBuf,
        /// The batches that are not in it.
        missing: Vec<&'static str>,
    },
    /// A batch is shorter or longer than 10,000 records.
    #[error(
        "{}: {batch}: expected {BATCH} bytes, 10,000 records of 3,073, found {}{found}: the file \
         is damaged; download the set again",
        path.display(), if found > &(BATCH as u64) { "at least " } else { "" }
    )]
    Size {
        /// The archive, or the file.
        path: PathBuf,
        /// The batch.
        batch: &'static str,
        /// The bytes that there are.
        found: u64,
    },
    /// A label is not a class index.
    #[error(
        "{}: {batch}: expected labels from 0 to 9, found {label} at record {record}: the file is \
         damaged; download the set again",
        path.display()
    )]
    Label {
        /// The archive, or the file.
        path: PathBuf,
        /// The batch.
        batch: &'static str,
        /// The record, from 0.
        record: usize,
        /// Its label.
        label: u8,
    },
    /// The records make no data set.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
}

/// Reads `cifar-10-binary.tar.gz`, or the six batches in `cifar-10-batches-bin`, in `folder` or
/// in `cifar-10` within it.
///
/// # Errors
/// [`CifarError`], which names the file, what was expected and what was found.
pub fn load(folder: &Path) -> Result<Cifar, CifarError> {
    read(&locate(folder)?)
}

/// Where in `folder` CIFAR-10 is: the batches where all of them are there, as they are read the
/// fastest, else the archive.
///
/// # Errors
/// [`CifarError::Missing`], and [`CifarError::Folder`] where a folder cannot be looked into.
pub fn locate(folder: &Path) -> Result<Location, CifarError> {
    let places = || Set::Cifar10.folders().iter().map(|place| folder.join(place));
    for place in places() {
        if let Some(location) = find(&place)? {
            return Ok(location);
        }
    }
    let incomplete = places().map(|place| place.join(FOLDER)).find(|place| place.is_dir());
    let missing = match incomplete {
        None => vec![known::CIFAR10[0].name.to_owned()],
        Some(place) => (BATCHES.iter().filter(|batch| !place.join(batch).exists()))
            .map(|batch| format!("{FOLDER}/{batch}"))
            .collect(),
    };
    Err(CifarError::Missing { folder: folder.to_owned(), missing })
}

/// CIFAR-10 in this folder itself.
///
/// # Errors
/// [`CifarError::Folder`] where a folder cannot be looked into.
pub(super) fn find(folder: &Path) -> Result<Option<Location>, CifarError> {
    let exists = |path: &PathBuf| {
        let folder = path.parent().unwrap_or(folder).to_owned();
        regular::exists(path).map_err(|source| CifarError::Folder { folder, source })
    };
    let batches = BATCHES.map(|batch| folder.join(FOLDER).join(batch));
    let mut all = true;
    for batch in &batches {
        all &= exists(batch)?;
    }
    if all {
        return Ok(Some(Location::Batches(batches)));
    }
    let archive = folder.join(known::CIFAR10[0].name);
    Ok(exists(&archive)?.then_some(Location::Archive(archive)))
}

impl Location {
    /// The archive, or the folder of the batches.
    pub fn path(&self) -> &Path {
        match self {
            Self::Archive(path) => path,
            Self::Batches([first, ..]) => first.parent().unwrap_or(first),
        }
    }

    /// The SHA-256 of the archive, or of the six batches one behind the other.
    ///
    /// # Errors
    /// [`CifarError::Read`].
    pub fn sha256(&self) -> Result<String, CifarError> {
        let files = match self {
            Self::Archive(path) => std::slice::from_ref(path),
            Self::Batches(paths) => &paths[..],
        };
        let mut all: Box<dyn Read> = Box::new(io::empty());
        for path in files {
            all = Box::new(all.chain(open(path)?));
        }
        let read = |source| CifarError::Read { path: self.path().to_owned(), source };
        known::sha256(all).map_err(read)
    }
}

fn open(path: &Path) -> Result<File, CifarError> {
    regular::open(path).map_err(|source| CifarError::Read { path: path.to_owned(), source })
}

/// Reads what is at `location`.
///
/// # Errors
/// [`CifarError`].
pub(super) fn read(location: &Location) -> Result<Cifar, CifarError> {
    let (records, files) = match location {
        Location::Archive(path) => read_archive(path)?,
        Location::Batches(paths) => read_batches(paths)?,
    };
    let identity = match &files[..] {
        [archive] if archive.sha256 == known::CIFAR10[0].sha256 => Identity::Original,
        _ if records.digests() == DIGESTS => Identity::Repacked,
        _ => Identity::Other,
    };
    let name = match identity {
        Identity::Original | Identity::Repacked => "CIFAR-10",
        Identity::Other => "data in the form of CIFAR-10",
    };
    let Records { pixels, labels } = records;
    let all = Dataset::from_bytes(name, &[SIDE, SIDE, CHANNELS], CLASSES, pixels, labels)?
        .name_classes(&NAMES);
    let (train, test): (Vec<usize>, Vec<usize>) = (0..all.len()).partition(|&i| i < COUNTS[0]);
    Ok(Cifar {
        train: all.select(&train),
        test: all.select(&test),
        all,
        notice: notice(location, &files, identity),
        files,
        identity,
    })
}

/// All images and labels.
struct Records {
    /// `[60,000, 32, 32, 3]`.
    pixels: Vec<u8>,
    labels: Vec<u8>,
}

impl Records {
    fn new() -> Self {
        Self { pixels: vec![0; IMAGES * PIXELS], labels: vec![0; IMAGES] }
    }

    /// Puts batch `k` of [`BATCHES`], read from `path`, into its place.
    fn put(&mut self, path: &Path, k: usize, bytes: &[u8]) -> Result<(), CifarError> {
        check(path, BATCHES[k], bytes)?;
        let records = k * RECORDS..(k + 1) * RECORDS;
        let images = self.pixels[records.start * PIXELS..].chunks_exact_mut(PIXELS);
        let labels = &mut self.labels[records];
        for ((record, image), label) in bytes.chunks_exact(RECORD).zip(images).zip(labels) {
            *label = record[0];
            let (red, rest) = record[1..].split_at(PLANE);
            let (green, blue) = rest.split_at(PLANE);
            for (p, pixel) in image.as_chunks_mut().0.iter_mut().enumerate() {
                *pixel = [red[p], green[p], blue[p]];
            }
        }
        Ok(())
    }

    fn digests(&self) -> [String; 2] {
        let (train, test) = self.labels.split_at(COUNTS[0]);
        let (train_pixels, test_pixels) = self.pixels.split_at(COUNTS[0] * PIXELS);
        [digest(train_pixels, train), digest(test_pixels, test)]
    }
}

/// A checksum of images and labels that does not depend on their order: the SHA-256, as 64
/// hexadecimal digits, of the sorted SHA-256 of all records, where a record is the label and the
/// `[32, 32, 3]` pixels behind it.
pub fn digest(pixels: &[u8], labels: &[u8]) -> String {
    let mut records: Vec<[u8; 32]> = (pixels.chunks_exact(PIXELS).zip(labels))
        .map(|(image, &label)| Sha256::new().chain_update([label]).chain_update(image).finalize())
        .map(Into::into)
        .collect();
    records.sort_unstable();
    hexadecimal(&Sha256::digest(records.as_flattened()))
}

/// Checks that `bytes` are 10,000 records. `path` and `batch` are for the error.
///
/// # Errors
/// [`CifarError::Size`] and [`CifarError::Label`].
pub fn check(path: &Path, batch: &'static str, bytes: &[u8]) -> Result<(), CifarError> {
    let path = || path.to_owned();
    if bytes.len() != BATCH {
        return Err(CifarError::Size { path: path(), batch, found: bytes.len() as u64 });
    }
    let labels = bytes.iter().step_by(RECORD);
    if let Some((record, &label)) =
        labels.enumerate().find(|(_, label)| usize::from(**label) >= CLASSES)
    {
        return Err(CifarError::Label { path: path(), batch, record, label });
    }
    Ok(())
}

fn read_batches(paths: &[PathBuf; 6]) -> Result<(Records, Vec<Source>), CifarError> {
    let (mut records, mut files) = (Records::new(), Vec::with_capacity(paths.len()));
    let mut bytes = Vec::with_capacity(BATCH + 1);
    for (k, path) in paths.iter().enumerate() {
        let read = |source| CifarError::Read { path: path.clone(), source };
        bytes.clear();
        // One byte more than is expected tells a longer file from a whole one.
        open(path)?.take(BATCH as u64 + 1).read_to_end(&mut bytes).map_err(read)?;
        records.put(path, k, &bytes)?;
        let sha256 = known::sha256(&bytes[..]).map_err(read)?;
        files.push(Source { path: path.clone(), sha256 });
    }
    Ok((records, files))
}

fn read_archive(path: &Path) -> Result<(Records, Vec<Source>), CifarError> {
    let failure = |place: &str, source: io::Error| {
        let (path, place) = (path.to_owned(), place.to_owned());
        match source.kind() {
            io::ErrorKind::UnexpectedEof => CifarError::Cut { path, place },
            _ => CifarError::Damaged { path, place, source },
        }
    };
    let mut unpacked = MultiGzDecoder::new(Hashing::new(open(path)?)).take(LIMIT);
    let mut archive = tar::Archive::new(&mut unpacked);
    let (mut records, mut found) = (Records::new(), [false; BATCHES.len()]);
    let mut bytes = Vec::with_capacity(BATCH);
    let mut place = "at its beginning".to_owned();
    for entry in archive.entries().map_err(|source| failure(&place, source))? {
        let mut entry = entry.map_err(|source| failure(&place, source))?;
        let name = entry.path().map_err(|source| failure(&place, source))?.into_owned();
        if !name.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            let (path, entry) = (path.to_owned(), name.display().to_string());
            return Err(CifarError::Outside { path, entry });
        }
        place = format!("in or behind {}", name.display());
        let batch = BATCHES.iter().position(|batch| name.file_name() == Some(OsStr::new(batch)));
        let Some(k) = batch.filter(|_| entry.header().entry_type().is_file()) else { continue };
        if entry.size() != BATCH as u64 {
            let (path, batch, found) = (path.to_owned(), BATCHES[k], entry.size());
            return Err(CifarError::Size { path, batch, found });
        }
        bytes.resize(BATCH, 0);
        entry.read_exact(&mut bytes).map_err(|source| failure(&place, source))?;
        records.put(path, k, &bytes)?;
        found[k] = true;
    }
    // The checksum of gzip is behind the last file.
    io::copy(&mut unpacked, &mut io::sink()).map_err(|source| failure(&place, source))?;
    let read = |source| CifarError::Read { path: path.to_owned(), source };
    let sha256 = unpacked.into_inner().into_inner().finish().map_err(read)?;
    let missing: Vec<_> = (BATCHES.iter().zip(found))
        .filter_map(|(batch, found)| (!found).then_some(*batch))
        .collect();
    if !missing.is_empty() {
        return Err(CifarError::Incomplete { path: path.to_owned(), missing });
    }
    Ok((records, vec![Source { path: path.to_owned(), sha256 }]))
}

/// What to tell where the data are not the original archive.
fn notice(location: &Location, files: &[Source], identity: Identity) -> Option<String> {
    let path = location.path().display();
    let what = match identity {
        Identity::Original => return None,
        Identity::Repacked => "CIFAR-10's 60,000 images and labels, in another order or packing",
        Identity::Other => "other data, in the form of CIFAR-10",
    };
    let original = known::CIFAR10[0].sha256;
    Some(match files {
        [archive] => format!(
            "{path}: SHA-256 {} is not that of CIFAR-10's archive ({original}): these are {what}",
            archive.sha256
        ),
        _ => format!("{path}: not CIFAR-10's archive ({original}): these are {what}"),
    })
}
