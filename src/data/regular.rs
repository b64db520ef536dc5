//! What the loaders open: regular files alone.
//!
//! A pipe may never answer, and a device never end. Both are refused before they are opened.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Opens the regular file at `path`.
///
/// # Errors
/// Those of the file system, and of what is no regular file.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let kind = fs::metadata(path)?.file_type();
    if kind.is_file() {
        return File::open(path);
    }
    let (error, what) = match kind.is_dir() {
        true => (ErrorKind::IsADirectory, "a folder is there, no regular file"),
        false => (ErrorKind::InvalidInput, "a pipe or a device is there, no regular file"),
    };
    Err(io::Error::new(error, what))
}

/// Whether there is anything at `path`.
///
/// # Errors
/// Those of a folder that cannot be looked into: what is in there is not known to be missing.
pub(super) fn exists(path: &Path) -> io::Result<bool> {
    match path.try_exists() {
        // One of the folders above is a file.
        Err(error) if error.kind() == ErrorKind::NotADirectory => Ok(false),
        answer => answer,
    }
}
