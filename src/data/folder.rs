//! Where data sets are looked for and put.

use etcetera::BaseStrategy;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The environment variable that names the folder.
pub const VARIABLE: &str = "CHAINRULE_DATA";

/// No folder was named, and the platform has none.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("no home folder found to look for data in: name a folder with --data-dir or {VARIABLE}")]
pub struct NoFolder;

/// The folder of the data sets: `explicit`, else the value of [`VARIABLE`] where it is set and
/// not empty, else what `platform` finds (see [`platform`]).
///
/// # Errors
/// [`NoFolder`] where none of the three names one.
pub fn choose(
    explicit: Option<&Path>,
    variable: Option<&OsStr>,
    platform: impl FnOnce() -> Option<PathBuf>,
) -> Result<PathBuf, NoFolder> {
    let variable = variable.filter(|value| !value.is_empty()).map(Path::new);
    explicit.or(variable).map(Path::to_owned).or_else(platform).ok_or(NoFolder)
}

/// `chainrule` in the platform's folder for data: `~/.local/share` on Linux,
/// `~/Library/Application Support` on macOS, `%APPDATA%` on Windows. None where the user has no
/// home: no entry among the system's users and no `HOME`, or one that is no absolute path.
pub fn platform() -> Option<PathBuf> {
    let strategy = etcetera::base_strategy::choose_native_strategy().ok()?;
    Some(strategy.data_dir().join("chainrule")).filter(|folder| folder.is_absolute())
}
