//! The virtual environment with JupyterLab.
//!
//! It is whole where a copy of the requirements lies in it, written when pip had installed them
//! all, and its Python finds JupyterLab and nbclient. Where it is not whole it is made anew: pip
//! takes a package for installed that a broken-off run left half there.

use super::child::{self, ChildError};
use super::project::Project;
use super::python::{self, PythonError};
use crate::file::write_atomically;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use thiserror::Error;

/// The oldest pip that finds every wheel. An older one is replaced by [`PIP`].
const OLDEST_PIP: u32 = 22;

/// The pip in place of one that is too old.
const PIP: &str = "pip==26.3";

/// A virtual environment.
#[derive(Debug)]
pub struct Environment<'a> {
    project: &'a Project,
    folder: PathBuf,
}

/// Why there is no environment.
#[derive(Debug, Error)]
pub enum EnvironmentError {
    #[error(transparent)]
    Python(#[from] PythonError),
    #[error(transparent)]
    Child(#[from] ChildError),
    #[error("{} cannot be replaced ({source}). Close the JupyterLab that uses it, or remove it", path.display())]
    Stuck { path: PathBuf, source: io::Error },
    #[error("{} cannot be written ({source}): is the disk full?", path.display())]
    Unwritable { path: PathBuf, source: io::Error },
    #[error(
        "{} is installed, and its Python does not find JupyterLab. What pip said is in {}",
        folder.display(),
        log.display()
    )]
    Broken { folder: PathBuf, log: PathBuf },
}

impl<'a> Environment<'a> {
    /// The environment of `project`, made or not.
    pub fn of(project: &'a Project) -> Self {
        Self { project, folder: project.folder().join("python") }
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its Python.
    pub fn python(&self) -> PathBuf {
        let program = if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" };
        self.folder.join(program)
    }

    /// What it holds where it is whole.
    fn installed(&self) -> PathBuf {
        self.folder.join("requirements.txt")
    }

    /// Whether everything is installed, and can be found.
    pub fn is_whole(&self) -> bool {
        let installed = fs::read_to_string(self.installed());
        installed.is_ok_and(|text| text == self.project.requirements()) && self.works()
    }

    fn works(&self) -> bool {
        let mut python = Command::new(self.python());
        child::answer({
            python.args(["-c", "import jupyterlab, nbclient, nbformat"]);
            python
        })
        .is_some()
    }

    /// Makes it anew with a Python of the machine: `explicit`, or one on PATH.
    pub fn make(&self, explicit: Option<&Path>) -> Result<(), EnvironmentError> {
        let python = python::find(explicit)?;
        let log = self.project.log("python");
        self.remove()?;
        let mut venv = Command::new(python);
        venv.args(["-m", "venv"]).arg(&self.folder);
        child::run(venv, "making a Python environment", &log)?;
        if self.pip_version().is_none_or(|version| version < OLDEST_PIP) {
            let mut pip = self.pip();
            pip.args(["install", "--upgrade", PIP]);
            child::run(pip, "installing a newer pip", &log)?;
        }
        let mut pip = self.pip();
        pip.args(["install", "--requirement"]).arg(self.project.requirements_file());
        child::run(pip, "installing JupyterLab", &log)?;
        if !self.works() {
            return Err(EnvironmentError::Broken { folder: self.folder.clone(), log });
        }
        let path = self.installed();
        write_atomically(&path, self.project.requirements().as_bytes())
            .map_err(|source| EnvironmentError::Unwritable { path, source })
    }

    /// Removes what is there, first of all the mark that it is whole.
    fn remove(&self) -> Result<(), EnvironmentError> {
        let removed = match fs::symlink_metadata(&self.folder) {
            Ok(found) if found.is_dir() => {
                let _ = fs::remove_file(self.installed());
                fs::remove_dir_all(&self.folder)
            }
            Ok(_) => fs::remove_file(&self.folder),
            Err(_) => Ok(()),
        };
        removed.map_err(|source| EnvironmentError::Stuck { path: self.folder.clone(), source })
    }

    fn pip(&self) -> Command {
        let mut pip = Command::new(self.python());
        pip.args(["-m", "pip", "--disable-pip-version-check", "--no-input"]);
        // Both would install elsewhere.
        pip.env("PIP_USER", "0").env_remove("PIP_TARGET");
        pip
    }

    fn pip_version(&self) -> Option<u32> {
        let mut pip = self.pip();
        pip.arg("--version");
        let answer = child::answer(pip)?;
        answer.strip_prefix("pip ")?.split('.').next()?.parse().ok()
    }
}
