//! The kernel's place in the environment, where every front end looks for it.
//!
//! What cells depend on is the same for all kernels, and is compiled once: it lies in a build
//! directory that a kernel takes over from the one before it. Kernels that run at the same time have
//! one each, for they call the crates of their cells by the same name, and in a shared directory one
//! would load the cells of another. `launch.py` sees to both, and writes the kernel's settings.

use super::child::{self, ChildError};
use super::environment::Environment;
use super::project::Project;
use crate::file::write_atomically;
use serde_json::json;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use thiserror::Error;

/// What front ends call the kernel.
pub const DISPLAY_NAME: &str = "Rust";

/// What Jupyter starts in the place of the kernel, by the environment's Python.
const LAUNCHER: &str = include_str!("launch.py");

/// Why the environment does not know the kernel.
#[derive(Debug, Error)]
pub enum RegistrationError {
    #[error(transparent)]
    Child(#[from] ChildError),
    #[error("{} cannot be written ({source}): is the disk full?", path.display())]
    Unwritable { path: PathBuf, source: io::Error },
}

/// Writes the kernel's launcher and its registration, where they are not as they should be.
pub fn register(
    project: &Project,
    environment: &Environment<'_>,
    kernel: &Path,
) -> Result<(), RegistrationError> {
    let launcher = project.folder().join("launch.py");
    keep(&launcher, LAUNCHER)?;
    let jupyter = environment.folder().join("share").join("jupyter");
    let folder = jupyter.join("kernels").join("rust");
    // The kernel's own installation ends with this file.
    if !folder.join("version.txt").is_file() {
        let mut install = Command::new(kernel);
        install.arg("--install").env("JUPYTER_PATH", &jupyter);
        child::run(install, "registering the kernel", &project.log("kernel"))?;
    }
    let builds = project.builds();
    let registration = json!({
        "argv": [environment.python(), launcher, builds, kernel, "--control_file", "{connection_file}"],
        "display_name": DISPLAY_NAME,
        "language": "rust",
        "interrupt_mode": "message",
        "env": {
            // The kernel looks here for an older registration to renew: its own is none, and the
            // user's, in the home folder, is not this lab's.
            "JUPYTER_PATH": jupyter,
        },
    });
    keep(&folder.join("kernel.json"), &format!("{registration:#}\n"))
}

/// Writes `text` to `path`, unless it is there.
pub fn keep(path: &Path, text: &str) -> Result<(), RegistrationError> {
    if fs::read_to_string(path).is_ok_and(|found| found == text) {
        return Ok(());
    }
    let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
    folder
        .and_then(|()| write_atomically(path, text.as_bytes()))
        .map_err(|source| RegistrationError::Unwritable { path: path.to_owned(), source })
}
