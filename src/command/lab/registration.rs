//! The kernel's place in the environment, where every front end looks for it, and its settings.
//!
//! A kernel has a folder of its own for the cells that it compiles. What cells depend on is the
//! same for all kernels, and is compiled once: it lies in a build directory that kernels share,
//! and cargo's lock keeps two of them from writing to it at once. A kernel takes what cargo has
//! linked from its own target directory, so that none can load the cells of another.

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

/// Why the environment does not know the kernel.
#[derive(Debug, Error)]
pub enum RegistrationError {
    #[error(transparent)]
    Child(#[from] ChildError),
    #[error("{} cannot be written ({source}): is the disk full?", path.display())]
    Unwritable { path: PathBuf, source: io::Error },
}

/// Writes the kernel's settings and its registration, where they are not as they should be.
pub fn register(
    project: &Project,
    environment: &Environment<'_>,
    kernel: &Path,
) -> Result<(), RegistrationError> {
    let settings = project.folder().join("evcxr");
    keep(&settings.join("evcxr.toml"), &settings_text(project))?;
    let jupyter = environment.folder().join("share").join("jupyter");
    let folder = jupyter.join("kernels").join("rust");
    // The kernel's own installation ends with this file.
    if !folder.join("version.txt").is_file() {
        let mut install = Command::new(kernel);
        install.arg("--install").env("JUPYTER_PATH", &jupyter);
        child::run(install, "registering the kernel", &project.log("kernel"))?;
    }
    keep(&folder.join("kernel.json"), &registration_text(kernel, &settings, &jupyter))
}

/// The kernel's settings: cells end at a panic, as a program does, kernels share builds, and what
/// cells call is compiled as in a release. What a cell would gain from an incremental build of the
/// library, every first cell would pay for.
fn settings_text(project: &Project) -> String {
    format!(
        "[evcxr]
preserve_vars_on_panic = false
prelude = '''
:build_env CARGO_BUILD_BUILD_DIR={}
:build_env CARGO_INCREMENTAL=0
:build_env CARGO_PROFILE_DEV_DEBUG_ASSERTIONS=false
:build_env CARGO_PROFILE_DEV_OVERFLOW_CHECKS=false
'''
",
        project.builds().display()
    )
}

/// What Jupyter starts for a Rust notebook.
fn registration_text(kernel: &Path, settings: &Path, jupyter: &Path) -> String {
    let registration = json!({
        "argv": [kernel, "--control_file", "{connection_file}"],
        "display_name": DISPLAY_NAME,
        "language": "rust",
        "interrupt_mode": "message",
        "env": {
            "EVCXR_CONFIG_DIR": settings,
            // The kernel looks here for an older registration to renew: its own is none, and the
            // user's, in the home folder, is not this lab's.
            "JUPYTER_PATH": jupyter,
        },
    });
    format!("{registration:#}\n")
}

/// Writes `text` to `path`, unless it is there.
fn keep(path: &Path, text: &str) -> Result<(), RegistrationError> {
    if fs::read_to_string(path).is_ok_and(|found| found == text) {
        return Ok(());
    }
    let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
    folder
        .and_then(|()| write_atomically(path, text.as_bytes()))
        .map_err(|source| RegistrationError::Unwritable { path: path.to_owned(), source })
}
