//! Files that are written whole or not at all. Chapter 11.
//!
//! A file is written beside its place, under a name that no other writer has, and then renamed into it:
//! its own name holds the old content or the new, whatever happens in between, and whoever else writes it
//! at the same time.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// Begins the name of a file that is not whole yet.
const PART: &str = ".unfinished-";

/// Writes `bytes` to the file at `path`: all of them, or none.
///
/// # Errors
/// Those of the file system; what stood at `path` then still stands there.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut part = tempfile::Builder::new();
    part.prefix(PART);
    // As any new file: a temporary one would be its owner's alone.
    #[cfg(unix)]
    part.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = part.tempfile_in(folder.unwrap_or(Path::new(".")))?;
    file.write_all(bytes)?;
    // Without it a power cut could keep the new name and lose the new content.
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Removes what is left in `folder` of writers that were killed. Another one that is still at work there
/// would lose its file.
///
/// # Errors
/// Those of the file system.
pub fn remove_unfinished(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(PART.as_bytes()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
