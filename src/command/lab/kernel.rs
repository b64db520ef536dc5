//! The program that runs Rust cells: evcxr_jupyter, compiled by cargo.

use super::child::{self, ChildError};
use super::project::Project;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use thiserror::Error;

/// The kernel's version. The notebooks' outputs are this one's.
pub const VERSION: &str = "0.22.0";

/// Why there is no kernel.
#[derive(Debug, Error)]
pub enum KernelError {
    #[error(
        "no cargo found on PATH. The kernel compiles every cell with it: install Rust from \
         https://rustup.rs, open a new terminal, and run this again"
    )]
    NoCargo,
    #[error(transparent)]
    Child(#[from] ChildError),
    #[error(
        "cargo has installed the kernel, and {} does not run. What cargo said is in {}",
        program.display(),
        log.display()
    )]
    Broken { program: PathBuf, log: PathBuf },
}

/// Checks that there is a cargo. The kernel needs one whenever it runs.
pub fn find_cargo() -> Result<(), KernelError> {
    let mut cargo = Command::new("cargo");
    cargo.arg("--version");
    child::answer(cargo).map(drop).ok_or(KernelError::NoCargo)
}

/// A kernel of this version that runs: the lab's, or one that the user has installed.
pub fn find(project: &Project) -> Option<PathBuf> {
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = variable("CARGO_HOME").or_else(|| Some(env::home_dir()?.join(".cargo")));
    [Some(root(project)), variable("CARGO_INSTALL_ROOT"), home]
        .into_iter()
        .flatten()
        .filter(|root| is_recorded(root))
        .map(|root| program(&root))
        // Jupyter's files hold UTF-8.
        .find(|program| program.to_str().is_some() && runs(program))
}

/// The folder that cargo installs the lab's own kernel into.
fn root(project: &Project) -> PathBuf {
    project.folder().join("kernel")
}

/// The kernel under a folder that cargo installs into.
fn program(root: &Path) -> PathBuf {
    root.join("bin").join(format!("evcxr_jupyter{}", env::consts::EXE_SUFFIX))
}

/// Whether cargo's record of this folder holds this version of the kernel.
fn is_recorded(root: &Path) -> bool {
    let record = fs::read_to_string(root.join(".crates.toml")).unwrap_or_default();
    let entry = format!("\"evcxr_jupyter {VERSION} ");
    record.lines().any(|line| line.trim_start().starts_with(&entry))
}

fn runs(program: &Path) -> bool {
    let mut kernel = Command::new(program);
    kernel.arg("--help");
    child::answer(kernel).is_some()
}

/// Compiles the kernel into the lab's folder, so that nothing of the user's is replaced.
pub fn install(project: &Project) -> Result<PathBuf, KernelError> {
    let (root, log) = (root(project), project.log("kernel"));
    // Kept until it is done: a compilation that is broken off goes on from here.
    let builds = root.join("target");
    let mut cargo = Command::new("cargo");
    // Without `--locked` it does not compile: a newer version of a dependency is in the way.
    cargo.args(["install", "--locked", "--force", "--version", VERSION, "--root"]).arg(&root);
    cargo.arg("--target-dir").arg(&builds).arg("evcxr_jupyter");
    child::run(cargo, "compiling the kernel", &log)?;
    let program = program(&root);
    if !(is_recorded(&root) && runs(&program)) {
        return Err(KernelError::Broken { program, log });
    }
    // Half a gigabyte that nobody needs any more. Where it stays, nothing else fails.
    let _ = fs::remove_dir_all(builds);
    Ok(program)
}
