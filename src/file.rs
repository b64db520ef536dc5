//! Files that are written whole or not at all. Chapter 11.
//!
//! A file is written beside its place and then renamed into it, so that a name holds the old
//! content or the new, whatever happens in between.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Writes `bytes` to the file at `path`: all of them, or none.
///
/// # Errors
/// Those of the file system; what stood at `path` then still stands there.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = Path::new(&part);
    let written = File::create(part).and_then(|mut file| {
        file.write_all(bytes)?;
        // Without it a power cut could keep the new name and lose the new content.
        file.sync_all()
    });
    written.and_then(|()| fs::rename(part, path)).inspect_err(|_| {
        // The error that counts is the one above.
        let _ = fs::remove_file(part);
    })
}
