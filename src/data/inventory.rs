//! Which public data sets are at hand, where, and whether they are the originals.

use crate::data::known::{self, KnownFile, Set};
use crate::data::mnist::{self, MnistError};
use crate::data::{cifar, cifar::Identity};
use std::error::Error;
use std::path::{Path, PathBuf};

/// A file of a public data set that is at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The set that it belongs to.
    pub set: Set,
    /// Which of the set's files it is.
    pub file: KnownFile,
    /// Where it is: the file, or the folder that it was unpacked into.
    pub path: PathBuf,
    /// Its SHA-256 (unpacked where [`KnownFile::checked`] says so, and of CIFAR-10's batches one
    /// behind the other where these are at hand), unless it cannot be read.
    pub sha256: Option<String>,
    /// What that tells.
    pub status: Status,
}

/// What a file's checksum tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// The file is the original.
    Original,
    /// The file has the original's data in another order or packing.
    Repacked,
    /// The file is sound, and holds another data set of the same form.
    Other,
    /// The file is another than the original. It was not unpacked to look at its data.
    Unopened,
    /// The file is no file of the set's form, or cannot be read: why.
    Damaged(String),
}

/// Whether a set is at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every file is the original.
    Original,
    /// Every file holds the original's data, these in another order or packing.
    Repacked(Vec<Found>),
    /// Every file is sound, and these are of another data set.
    Other(Vec<Found>),
    /// These are damaged.
    Damaged(Vec<Found>),
    /// These are missing, by their names on a mirror.
    Missing(Vec<&'static str>),
}

/// Every file of every public set in `folders`, and in the folders within them where its set is
/// looked for. An archive is not unpacked: that is left to [`verify`].
pub fn inventory(folders: &[impl AsRef<Path>]) -> Vec<Found> {
    let mut all = Vec::new();
    for folder in folders {
        for set in Set::ALL {
            for place in set.folders() {
                all.extend(at(set, &folder.as_ref().join(place), false));
            }
        }
    }
    all
}

/// Whether `set` is at hand in `folder`: of the places where it is looked for, the first with
/// all of its files counts.
pub fn verify(set: Set, folder: &Path) -> Verdict {
    let mut missing: Vec<&str> = set.files().iter().map(|file| file.name).collect();
    for place in set.folders() {
        let found = at(set, &folder.join(place), true);
        let absent: Vec<&str> = (set.files().iter())
            .filter(|file| found.iter().all(|found| found.file != **file))
            .map(|file| file.name)
            .collect();
        if absent.is_empty() {
            return judge(found);
        }
        if absent.len() < missing.len() {
            missing = absent;
        }
    }
    Verdict::Missing(missing)
}

fn judge(found: Vec<Found>) -> Verdict {
    let (damaged, sound): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|found| matches!(found.status, Status::Damaged(_)));
    if !damaged.is_empty() {
        return Verdict::Damaged(damaged);
    }
    let with = |status| sound.iter().filter(|found| found.status == status).cloned().collect();
    let (other, repacked): (Vec<_>, Vec<_>) = (with(Status::Other), with(Status::Repacked));
    if !other.is_empty() {
        return Verdict::Other(other);
    }
    if repacked.is_empty() { Verdict::Original } else { Verdict::Repacked(repacked) }
}

/// The files of `set` in one folder. Archives that are not the original are unpacked where
/// `unpack`.
fn at(set: Set, folder: &Path, unpack: bool) -> Vec<Found> {
    match set {
        Set::Mnist => mnist_at(folder),
        Set::Cifar10 => cifar_at(folder, unpack).into_iter().collect(),
    }
}

fn mnist_at(folder: &Path) -> Vec<Found> {
    let mut all = Vec::new();
    for (k, file) in known::MNIST.iter().enumerate() {
        let path = match mnist::find(folder, file) {
            Ok(None) => continue,
            Ok(Some(path)) => path,
            Err(source) => {
                let error = MnistError::Folder { folder: folder.to_owned(), source };
                all.push(hidden(Set::Mnist, *file, folder, &error));
                continue;
            }
        };
        let sum = mnist::read_form(&path, k)
            .map_err(|error| error.to_string())
            .and_then(|bytes| known::sha256(&bytes[..]).map_err(|e| e.to_string()));
        let (sha256, status) = match sum {
            Ok(sum) if sum == file.sha256 => (Some(sum), Status::Original),
            Ok(sum) => (Some(sum), Status::Other),
            Err(reason) => (None, Status::Damaged(reason)),
        };
        all.push(Found { set: Set::Mnist, file: *file, path, sha256, status });
    }
    all
}

fn cifar_at(folder: &Path, unpack: bool) -> Option<Found> {
    let [file] = known::CIFAR10;
    let location = match cifar::find(folder) {
        Ok(location) => location?,
        Err(error) => return Some(hidden(Set::Cifar10, file, folder, &error)),
    };
    let (sha256, status) = match location.sha256() {
        Err(error) => (None, Status::Damaged(error.to_string())),
        Ok(sum) if sum == file.sha256 => (Some(sum), Status::Original),
        Ok(sum) if !unpack => (Some(sum), Status::Unopened),
        Ok(sum) => match cifar::read(&location).map(|set| set.identity) {
            Err(error) => (Some(sum), Status::Damaged(error.to_string())),
            Ok(Identity::Original) => (Some(sum), Status::Original),
            Ok(Identity::Repacked) => (Some(sum), Status::Repacked),
            Ok(Identity::Other) => (Some(sum), Status::Other),
        },
    };
    Some(Found { set: Set::Cifar10, file, path: location.path().to_owned(), sha256, status })
}

/// A file that may be in `folder`, which cannot be looked into.
fn hidden(set: Set, file: KnownFile, folder: &Path, error: &dyn Error) -> Found {
    let status = Status::Damaged(error.to_string());
    Found { set, file, path: folder.join(file.name), sha256: None, status }
}
