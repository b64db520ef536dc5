//! What a run has while it is made: a folder of its own, a lock and a checkpoint.

use super::super::console::{Failure, Outcome};
use super::super::records::Run;
use crate::file::remove_unfinished;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// The folder of what is under way, among the records.
const RUNNING: &str = ".running";

/// Locked while a process makes the run. The lock ends with the process.
const LOCK: &str = ".lock";

/// The state of the training, to go on from.
const CHECKPOINT: &str = "checkpoint.safetensors";

/// A run that this process alone makes.
#[derive(Debug)]
pub struct State {
    folder: PathBuf,
    _lock: File,
}

impl State {
    /// Takes the run for this process. None where another one has it.
    pub fn take(records: &Path, run: &Run) -> Result<Option<Self>, Failure> {
        let folder = records.join(RUNNING).join(run.name());
        let cannot = |error: io::Error| {
            Failure::new(format!(
                "{}: cannot be written to: {error}. Free some space, or name another folder with \
                 --records",
                folder.display()
            ))
        };
        let lock = open(&folder).map_err(cannot)?;
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(cannot(error)),
            Ok(()) => {}
        }
        remove_unfinished(&folder).map_err(cannot)?;
        Ok(Some(Self { folder, _lock: lock }))
    }

    /// The file with the state of the training.
    pub fn checkpoint(&self) -> PathBuf {
        self.folder.join(CHECKPOINT)
    }

    /// Begins anew.
    pub fn forget(&self) -> Outcome {
        match fs::remove_file(self.checkpoint()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Leaves nothing behind: the run has its record.
    pub fn leave(self) -> Outcome {
        self.forget()?;
        // Another process may wait for the lock in this folder, and finds the record then. The folders
        // above go with the last run in them.
        let folders = self.folder.ancestors().take(4);
        let _ = fs::remove_file(self.folder.join(LOCK));
        for folder in folders {
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// The lock file in `folder`, both made where they are missing. Another process that ends its run may take
/// the folder away in between.
fn open(folder: &Path) -> io::Result<File> {
    let mut attempts = 0;
    loop {
        fs::create_dir_all(folder)?;
        let lock = File::options().write(true).create(true).truncate(false).open(folder.join(LOCK));
        attempts += 1;
        match lock {
            Err(error) if error.kind() == io::ErrorKind::NotFound && attempts < 10 => {}
            lock => return lock,
        }
    }
}
