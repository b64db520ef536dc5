//! The folder of a training: one process at a time trains there, and goes on with what it finds.

use super::console::Failure;
use super::quote;
use super::report::{METRICS, MODEL};
use super::settings::Settings;
use crate::file::{remove_unfinished, write_atomically};
use crate::regular;
use serde::Deserialize;
use serde_json::Value;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Where trainings go that are given no folder.
const RUNS: &str = "runs";
/// The state of a training, to be resumed.
const CHECKPOINT: &str = "checkpoint.safetensors";
/// The settings that a resumed training goes on with.
const SETTINGS: &str = "settings.json";
/// Most bytes of them: a stranger's may have any number.
const MAX_SETTINGS: u64 = 1_000_000;
/// Locked while a process trains. The lock ends with the process, and the file stays: it says nothing.
const LOCK: &str = ".lock";

/// A folder in which this process alone trains.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Refuses a folder that has a training already, or that cannot be written to. Nothing is left there,
    /// as the data may still refuse the new one.
    pub fn check(out: Option<&Path>) -> Result<(), Failure> {
        let folder = out.unwrap_or(Path::new(RUNS));
        expect_unused(folder)?;
        // What is not there will be made in the nearest folder that is.
        let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
        tempfile::tempfile_in(there).map_err(|error| cannot_write(folder, &error))?;
        Ok(())
    }

    /// Makes the folder of a new training on `data`, and writes its settings there.
    pub fn create(out: Option<&Path>, data: &str, settings: &Value) -> Result<Self, Failure> {
        let path = match out {
            Some(path) => fs::create_dir_all(path).map(|()| path.to_path_buf()),
            None => fs::create_dir_all(RUNS).and_then(|()| create_next(data)),
        };
        let path = path.map_err(|error| cannot_write(out.unwrap_or(Path::new(RUNS)), &error))?;
        let folder = Self::lock(path)?;
        // Another process may have trained here since the check.
        expect_unused(&folder.path)?;
        write_atomically(&folder.path.join(SETTINGS), format!("{settings:#}").as_bytes())
            .map_err(|error| cannot_write(&folder.path, &error))?;
        Ok(folder)
    }

    /// Opens the folder of a training that was broken off, with its settings as they stand there.
    pub fn reopen(path: &Path) -> Result<(Self, Value), Failure> {
        let file = path.join(SETTINGS);
        let unreadable = |error| {
            Failure::new(format!(
                "{}: {error}. Name the folder of a training that was broken off",
                file.display()
            ))
        };
        // No lock is left in a folder that is none of a training.
        fs::metadata(&file).map_err(unreadable)?;
        let folder = Self::lock(path.to_path_buf())?;
        let text = regular::read(&file, MAX_SETTINGS).map_err(unreadable)?;
        let settings = serde_json::from_slice(&text).map_err(|error| not_settings(path, &error))?;
        Ok((folder, settings))
    }

    /// Takes the folder for this process, and what is left there of one that was killed away.
    fn lock(path: PathBuf) -> Result<Self, Failure> {
        let file = path.join(LOCK);
        let lock = regular::create(&file).map_err(|error| {
            Failure::new(format!("{}: cannot be written to: {error}", file.display()))
        })?;
        lock.try_lock().map_err(|error| {
            let folder = path.display();
            Failure::new(match error {
                TryLockError::WouldBlock => format!(
                    "{folder}: another process trains there. Wait until it ends, or name another \
                     folder with --out"
                ),
                TryLockError::Error(error) => format!(
                    "{folder}: cannot be locked: {error}. Name a folder on another disk with --out"
                ),
            })
        })?;
        remove_unfinished(&path).map_err(|error| cannot_write(&path, &error))?;
        Ok(Self { path, _lock: lock })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file with the state of the training.
    pub fn checkpoint(&self) -> PathBuf {
        self.path.join(CHECKPOINT)
    }

    /// Whether there is a state to go on from. There is none where a training was broken off before its
    /// first checkpoint, and it begins again. One that has ended does not.
    pub fn has_begun(&self) -> Result<bool, Failure> {
        if self.checkpoint().exists() {
            return Ok(true);
        }
        match [MODEL, METRICS].map(|file| self.path.join(file)).iter().find(|file| file.exists()) {
            None => Ok(false),
            Some(result) => Err(Failure::new(format!(
                "{}: the training has ended, and its {CHECKPOINT} is gone: there is nothing to go on \
                 from. Train anew with --out and another folder",
                result.display()
            ))),
        }
    }

    /// The settings that stand here as a `value`.
    pub fn settings(&self, value: &Value) -> Result<Settings, Failure> {
        Settings::deserialize(value).map_err(|error| not_settings(&self.path, &error))
    }
}

/// The first folder of `runs` that is not there yet.
fn create_next(data: &str) -> io::Result<PathBuf> {
    for number in 1_u64.. {
        let path = Path::new(RUNS).join(format!("{data}-{number}"));
        match fs::create_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map(|()| path),
        }
    }
    unreachable!("one of all numbers is free")
}

fn expect_unused(folder: &Path) -> Result<(), Failure> {
    for file in [CHECKPOINT, MODEL] {
        if folder.join(file).exists() {
            return Err(Failure::new(format!(
                "{}: an earlier training is there. Name another folder with --out, or go on with \
                 --resume {}",
                folder.join(file).display(),
                quote::path(folder)
            )));
        }
    }
    Ok(())
}

fn cannot_write(folder: &Path, error: &io::Error) -> Failure {
    let folder = folder.display();
    Failure::new(format!("{folder}: cannot be written to: {error}. Name another folder with --out"))
}

fn not_settings(folder: &Path, error: &serde_json::Error) -> Failure {
    let file = folder.join(SETTINGS);
    Failure::new(format!("{}: not the settings of a training: {error}", file.display()))
}
