//! What is opened by a path that someone named: regular files alone.
//!
//! A pipe may never answer, and a device never end. Both are refused before they are opened.

use std::fs::{self, File, FileType};
#[cfg(feature = "cli")]
use std::io::Read;
use std::io::{self, ErrorKind};
use std::path::Path;

/// Opens the regular file at `path`, to be read.
///
/// # Errors
/// Those of the file system, and of what is no regular file.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    expect_file(fs::metadata(path)?.file_type())?;
    File::open(path)
}

/// Opens the file at `path`, to be written to: as it is, or a new one. A link is not followed: it may lead
/// out of the folder.
///
/// # Errors
/// Those of the file system, and of what is no regular file.
#[cfg(feature = "cli")]
pub(crate) fn create(path: &Path) -> io::Result<File> {
    // Where there is nothing to be seen, there is no file yet, or none can be made: that is told below.
    if let Ok(there) = fs::symlink_metadata(path) {
        expect_file(there.file_type())?;
    }
    File::options().write(true).create(true).truncate(false).open(path)
}

fn expect_file(kind: FileType) -> io::Result<()> {
    if kind.is_file() {
        return Ok(());
    }
    let (error, what) = match (kind.is_dir(), kind.is_symlink()) {
        (true, _) => (ErrorKind::IsADirectory, "a folder is there, no regular file"),
        (_, true) => (ErrorKind::InvalidInput, "a link is there, no regular file"),
        _ => (ErrorKind::InvalidInput, "a pipe or a device is there, no regular file"),
    };
    Err(io::Error::new(error, what))
}

/// All bytes of the regular file at `path`, which are `limit` at most.
///
/// # Errors
/// Those of [`open`], and [`ErrorKind::FileTooLarge`].
#[cfg(feature = "cli")]
pub(crate) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // Not by its length: it may grow meanwhile.
    open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > limit {
        true => Err(io::Error::new(ErrorKind::FileTooLarge, format!("more than {limit} bytes"))),
        false => Ok(bytes),
    }
}

/// Whether there is anything at `path`.
///
/// # Errors
/// Those of a folder that cannot be looked into: what is in there is not known to be missing.
#[cfg(feature = "data")]
pub(crate) fn exists(path: &Path) -> io::Result<bool> {
    match path.try_exists() {
        // One of the folders above is a file.
        Err(error) if error.kind() == ErrorKind::NotADirectory => Ok(false),
        answer => answer,
    }
}

#[cfg(all(test, feature = "cli"))]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_the_limit_and_refused_beyond() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("file");
        fs::write(&path, b"1234").expect("a file");
        assert_eq!(read(&path, 4).expect("four bytes"), b"1234");
        assert_eq!(read(&path, u64::MAX).expect("four bytes"), b"1234");
        let error = read(&path, 3).expect_err("a byte too many");
        assert_eq!(error.kind(), ErrorKind::FileTooLarge);
        assert_eq!(error.to_string(), "more than 3 bytes");
    }

    #[test]
    fn what_is_no_file_is_not_opened() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("file");
        create(&path).expect("a new file");
        fs::write(&path, b"1234").expect("it is there");
        create(&path).expect("the same file");
        assert_eq!(fs::read(&path).expect("it is there"), b"1234");
        for error in [open(folder.path()), create(folder.path())] {
            assert_eq!(error.expect_err("a folder").kind(), ErrorKind::IsADirectory);
        }
        let missing = open(&folder.path().join("none")).expect_err("nothing is there");
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        let below = create(&path.join("none")).expect_err("the folder is a file");
        assert_eq!(below.kind(), ErrorKind::NotADirectory);
    }

    #[test]
    fn what_is_not_there_is_told_from_what_cannot_be_looked_for() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("file");
        assert!(!exists(&path).expect("the folder can be looked into"));
        fs::write(&path, b"1234").expect("a file");
        assert!(exists(&path).expect("it is there"));
        assert!(!exists(&path.join("none")).expect("no file is in a file"));
        exists(Path::new("no\0name")).expect_err("no path");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_followed_to_be_read_alone() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [file, link] = ["file", "link"].map(|name| folder.path().join(name));
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        assert_eq!(
            create(&link).expect_err("a link").to_string(),
            "a link is there, no regular file"
        );
        assert!(!file.exists());
        fs::write(&file, b"1234").expect("a file");
        assert_eq!(read(&link, 4).expect("the link's file"), b"1234");
        let device = open(Path::new("/dev/null")).expect_err("a device").to_string();
        assert_eq!(device, "a pipe or a device is there, no regular file");
    }
}
