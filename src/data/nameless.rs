//! A temporary file that leaves nothing, however the program ends.
//!
//! It has no name in any folder (Windows: the system deletes it with its last handle), so that
//! there is nothing to clean up after a signal. Who must read it by a path is given one that holds
//! as long as the file is open.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::path::PathBuf;

/// A temporary file with its content.
#[derive(Debug)]
pub(super) struct Nameless {
    #[cfg(not(windows))]
    file: File,
    #[cfg(windows)]
    file: tempfile::NamedTempFile,
}

impl Nameless {
    /// Writes `bytes` to a new file in the system's folder for temporary files.
    ///
    /// # Errors
    /// Those of the file system, and of a system without a path to open files.
    pub(super) fn new(bytes: &[u8]) -> io::Result<Self> {
        let mut file = create()?;
        file.write_all(bytes)?;
        // Some systems share the position with who opens the path.
        file.rewind()?;
        let nameless = Self { file };
        File::open(nameless.path())?;
        Ok(nameless)
    }

    /// A path to read the file by, once, from its beginning.
    #[cfg(not(windows))]
    pub(super) fn path(&self) -> PathBuf {
        use std::os::fd::AsRawFd;
        PathBuf::from(format!("/dev/fd/{}", self.file.as_raw_fd()))
    }

    /// A path to read the file by.
    #[cfg(windows)]
    pub(super) fn path(&self) -> PathBuf {
        self.file.path().to_owned()
    }
}

#[cfg(not(windows))]
fn create() -> io::Result<File> {
    tempfile::tempfile()
}

#[cfg(windows)]
fn create() -> io::Result<tempfile::NamedTempFile> {
    use std::os::windows::fs::OpenOptionsExt;
    const FILE_FLAG_DELETE_ON_CLOSE: u32 = 0x0400_0000;
    tempfile::Builder::new().make(|path| {
        File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .custom_flags(FILE_FLAG_DELETE_ON_CLOSE)
            .open(path)
    })
}
