//! Which public data sets are at hand, where, and whether they are the originals.

use crate::data::known::{self, KnownFile, Set};
use crate::data::mnist;
use std::fs::File;
use std::path::{Path, PathBuf};

/// A file of a public data set that is at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The set that it belongs to.
    pub set: Set,
    /// Which of the set's files it is.
    pub file: KnownFile,
    /// Where it is.
    pub path: PathBuf,
    /// Its SHA-256 (unpacked where [`KnownFile::checked`] says so), unless it cannot be read.
    pub sha256: Option<String>,
    /// What that tells.
    pub status: Status,
}

/// What a file's checksum tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// The file is the original.
    Original,
    /// The file is sound as far as was checked, and another than the original: another data set
    /// of the same form, or the same data in another order or packing.
    Other,
    /// The file is no file of the set's form, or cannot be read: why.
    Damaged(String),
}

/// Whether a set is at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every file is the original.
    Original,
    /// Every file is sound, and these are not the originals.
    Other(Vec<Found>),
    /// These are damaged.
    Damaged(Vec<Found>),
    /// These are missing, by their names on a mirror.
    Missing(Vec<&'static str>),
}

/// Every file of every public set in `folders`, and in the folders within them where its set is
/// looked for.
pub fn inventory(folders: &[impl AsRef<Path>]) -> Vec<Found> {
    let mut all = Vec::new();
    for folder in folders {
        for set in Set::ALL {
            for place in set.folders() {
                all.extend(at(set, &folder.as_ref().join(place)));
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
        let found = at(set, &folder.join(place));
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
    let other: Vec<_> = sound.into_iter().filter(|found| found.status == Status::Other).collect();
    if other.is_empty() { Verdict::Original } else { Verdict::Other(other) }
}

/// The files of `set` in one folder.
fn at(set: Set, folder: &Path) -> Vec<Found> {
    let mut all = Vec::new();
    for (k, file) in set.files().iter().enumerate() {
        if let Some(path) = mnist::find(folder, file) {
            let sum = match (set, file.checked) {
                (Set::Mnist, _) => mnist::read_form(&path, k)
                    .map_err(|error| error.to_string())
                    .and_then(|bytes| known::sha256(&bytes[..]).map_err(|e| e.to_string())),
                (Set::Cifar10, _) => File::open(&path)
                    .and_then(known::sha256)
                    .map_err(|error| format!("{}: cannot be read ({error})", path.display())),
            };
            let (sha256, status) = match sum {
                Ok(sum) if sum == file.sha256 => (Some(sum), Status::Original),
                Ok(sum) => (Some(sum), Status::Other),
                Err(reason) => (None, Status::Damaged(reason)),
            };
            all.push(Found { set, file: *file, path, sha256, status });
        }
    }
    all
}
