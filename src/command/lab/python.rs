//! A Python that can make environments.

use super::child;
use std::path::Path;
use std::process::Command;
use thiserror::Error;

/// The oldest Python that `notebooks/requirements.txt` is for.
const OLDEST: (u32, u32) = (3, 10);

/// Looked for on PATH, in this order.
const PROGRAMS: [&str; 3] = ["python3", "python", "py"];

/// Its version, then whether it can make environments. Debian's has `venv` and no `ensurepip`.
const PROBE: &str = "
import sys
print('%d.%d' % sys.version_info[:2])
try:
    import venv, ensurepip
    print('whole')
except ImportError:
    print('bare')
";

#[cfg(target_os = "linux")]
const WAY_OUT: &str = "Install them with `sudo apt install python3-venv` (Debian, Ubuntu), `sudo dnf \
     install python3` (Fedora) or `sudo pacman -S python` (Arch)";
#[cfg(target_os = "macos")]
const WAY_OUT: &str = "Install Python with `brew install python`, or from https://python.org";
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
const WAY_OUT: &str =
    "Install Python with `winget install Python.Python.3.13`, or from https://python.org";

/// Why no environment can be made.
#[derive(Debug, Error)]
pub enum PythonError {
    #[error(
        "no Python found: {tried} cannot be run. JupyterLab needs Python 3.10 or newer, with its \
         modules venv and ensurepip. {WAY_OUT}"
    )]
    Missing { tried: String },
    #[error(
        "{program} is Python {version}, and JupyterLab needs 3.10 or newer. {WAY_OUT}, or name a \
         newer one with --python"
    )]
    Old { program: String, version: String },
    #[error(
        "{program} lacks the modules venv and ensurepip, which make environments. {WAY_OUT}, or \
         name another Python with --python"
    )]
    Bare { program: String },
}

/// A program that makes an environment: `explicit`, or the first of those on PATH that can.
pub fn find(explicit: Option<&Path>) -> Result<String, PythonError> {
    let explicit = explicit.map(|program| program.to_string_lossy().into_owned());
    let programs = explicit.map_or_else(|| PROGRAMS.map(str::to_owned).to_vec(), |one| vec![one]);
    let mut obstacle = PythonError::Missing { tried: programs.join(", ") };
    for program in programs {
        match probe(&program) {
            Ok(()) => return Ok(program),
            Err(error) if error.rank() > obstacle.rank() => obstacle = error,
            Err(_) => {}
        }
    }
    Err(obstacle)
}

impl PythonError {
    /// How near this was to a Python that will do: the nearest is told.
    fn rank(&self) -> u32 {
        match self {
            Self::Missing { .. } => 0,
            Self::Old { .. } => 1,
            Self::Bare { .. } => 2,
        }
    }
}

fn probe(program: &str) -> Result<(), PythonError> {
    let mut command = Command::new(program);
    command.args(["-c", PROBE]);
    let missing = || PythonError::Missing { tried: program.to_owned() };
    let answer = child::answer(command).ok_or_else(missing)?;
    let mut lines = answer.lines().map(str::trim);
    let version = lines.next().unwrap_or_default();
    let (major, minor) = version.split_once('.').ok_or_else(missing)?;
    let number = |digits: &str| digits.parse::<u32>().map_err(|_| missing());
    if (number(major)?, number(minor)?) < OLDEST {
        return Err(PythonError::Old { program: program.to_owned(), version: version.to_owned() });
    }
    match lines.next() {
        Some("whole") => Ok(()),
        _ => Err(PythonError::Bare { program: program.to_owned() }),
    }
}
