//! The project that the notebooks belong to, and where in it the lab keeps its things.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// What the notebooks need of Python, as pip reads it.
const REQUIREMENTS: &str = "notebooks/requirements.txt";

/// Where the lab stands.
#[derive(Debug)]
pub struct Project {
    root: PathBuf,
    requirements: String,
}

/// Why there is no place for a lab.
#[derive(Debug, Error)]
pub enum ProjectError {
    #[error(
        "no {REQUIREMENTS} in {} or in a folder above it. The notebooks are in Chainrule's \
         repository: run this inside a clone of it",
        .0.display()
    )]
    Missing(PathBuf),
    #[error("{} cannot be read ({source})", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{} cannot be made ({source}). The lab needs a project that it may write to", path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error(
        "the path {} is not UTF-8, and Jupyter's files cannot hold it. Move the project to a \
         folder with another name",
        .0.display()
    )]
    NotUtf8(PathBuf),
}

impl Project {
    /// The project around `folder`: the nearest one upwards with notebooks.
    pub fn find(folder: &Path) -> Result<Self, ProjectError> {
        let root = folder
            .ancestors()
            .find(|folder| folder.join(REQUIREMENTS).is_file())
            .ok_or_else(|| ProjectError::Missing(folder.to_owned()))?;
        if root.to_str().is_none() {
            return Err(ProjectError::NotUtf8(root.to_owned()));
        }
        let path = root.join(REQUIREMENTS);
        let requirements = fs::read_to_string(&path)
            .map_err(|source| ProjectError::Unreadable { path, source })?;
        Ok(Self { root: root.to_owned(), requirements })
    }

    /// The notebooks' folder.
    pub fn notebooks(&self) -> PathBuf {
        self.root.join("notebooks")
    }

    /// The file of what is installed into the environment.
    pub fn requirements_file(&self) -> PathBuf {
        self.root.join(REQUIREMENTS)
    }

    /// Its content.
    pub fn requirements(&self) -> &str {
        &self.requirements
    }

    /// The lab's folder: no part of the repository, and not `cargo clean`'s, as the kernel in it
    /// took ten minutes.
    pub fn folder(&self) -> PathBuf {
        self.root.join(".lab")
    }

    /// Makes the lab's folder where it is missing.
    pub fn make_folder(&self) -> Result<(), ProjectError> {
        let path = self.folder();
        fs::create_dir_all(&path).map_err(|source| ProjectError::Folder { path, source })
    }

    /// The file that keeps what `step` says.
    pub fn log(&self, step: &str) -> PathBuf {
        self.folder().join(format!("{step}.log"))
    }

    /// Where kernels compile, in a folder each: `cargo clean`'s, as it is soon made anew.
    pub fn builds(&self) -> PathBuf {
        self.root.join("target").join("notebooks")
    }
}
