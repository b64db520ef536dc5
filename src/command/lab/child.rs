//! Programs that the lab runs: what they say is shown and kept, and why they fail is told.

use crate::command::console;
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use thiserror::Error;

/// Whether there was a Ctrl-C. The terminal sends it to the running program too.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Lines from the end of what a program says, in which its reason is looked for.
const TAIL: usize = 80;

/// Why a program did not do its work.
#[derive(Debug, Error)]
pub enum ChildError {
    #[error("{program} cannot be started ({source})")]
    NotStarted { program: String, source: io::Error },
    #[error("{what} failed ({status}). {advice}. All that it said is in {}", log.display())]
    Failed { what: &'static str, status: ExitStatus, advice: &'static str, log: PathBuf },
    #[error("{} cannot be written ({source}): is the disk full?", path.display())]
    Log { path: PathBuf, source: io::Error },
    #[error("broken off by Ctrl-C")]
    Interrupted,
}

/// From now on Ctrl-C ends the running program, and this command says what to do next.
pub fn survive_interrupts() -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed))
}

/// Whether there was a Ctrl-C.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// Whether a program that has failed was broken off. It may have ended before this process, which
/// got the same signal, has taken notice of it.
fn interrupted_by_now() -> bool {
    (0..20).any(|_| {
        let yes = interrupted();
        if !yes {
            thread::sleep(Duration::from_millis(10));
        }
        yes
    })
}

/// Runs `command`, which is `what` for the reader, to its end. What it says is shown, and added
/// to `log`.
pub fn run(mut command: Command, what: &'static str, log: &Path) -> Result<(), ChildError> {
    if interrupted() {
        return Err(ChildError::Interrupted);
    }
    let program = command.get_program().to_string_lossy().into_owned();
    let not_started = |source| ChildError::NotStarted { program, source };
    let log_error = |source| ChildError::Log { path: log.to_owned(), source };
    let mut file = OpenOptions::new().create(true).append(true).open(log).map_err(log_error)?;
    writeln!(file, "$ {command:?}").map_err(log_error)?;
    let (reader, writer) = io::pipe().map_err(log_error)?;
    command.stdin(Stdio::null()).stdout(writer.try_clone().map_err(log_error)?).stderr(writer);
    let mut child = command.spawn().map_err(not_started)?;
    // It holds the writing ends, and the reading one ends with the last of them.
    drop(command);
    let said = follow(reader, &mut file);
    let status = child.wait().map_err(log_error)?;
    if !status.success() && interrupted_by_now() {
        return Err(ChildError::Interrupted);
    }
    let tail = said.map_err(log_error)?;
    match status.success() {
        true => Ok(()),
        false => {
            let advice = advice(&tail);
            Err(ChildError::Failed { what, status, advice, log: log.to_owned() })
        }
    }
}

/// Shows and keeps each line; returns the last ones.
fn follow(reader: io::PipeReader, file: &mut File) -> io::Result<String> {
    let mut tail = VecDeque::new();
    let mut kept = Ok(());
    for line in BufReader::new(reader).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        console::notice(line.trim_end());
        // The program is read to its end all the same: it would hang on a full pipe.
        kept = kept.and_then(|()| writeln!(file, "{}", line.trim_end()));
        tail.push_back(line.into_owned());
        if tail.len() > TAIL {
            tail.pop_front();
        }
    }
    kept.map(|()| tail.into_iter().collect::<Vec<_>>().join("\n"))
}

/// The way out, by what a failing program said last.
fn advice(said: &str) -> &'static str {
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if says(&["No space left on device", "os error 28", "not enough space on the disk"]) {
        "The disk is full: free some space and run this again"
    } else if says(&[
        "requires rustc",
        "is not supported by the following packages",
        "rustup default",
    ]) {
        "The Rust here is too old for it, or none is chosen: run `rustup update stable` and `rustup \
         default stable`, and then this again"
    } else if says(&["linker `", "error: linking with"]) {
        "No linker for Rust works here: install a C compiler (`sudo apt install build-essential`, \
         `xcode-select --install`, or Visual Studio's build tools) and run this again"
    } else if says(&[
        "Failed to establish a new connection",
        "Temporary failure in name resolution",
        "Name or service not known",
        "Could not connect",
        "Couldn't connect",
        "could not resolve host",
        "Could not resolve host",
        "Connection refused",
        "Connection reset",
        "Network is unreachable",
        "ConnectionError",
        "ProxyError",
        "SSLError",
        "ReadTimeoutError",
        // Pip's word for an index that does not answer, as every pin has a version there.
        "(from versions: none)",
        "spurious network error",
        "network failure",
    ]) {
        "It could not reach the network: look at the connection and the proxy, and run this again"
    } else {
        "Look at its last words above, mend what they name, and run this again"
    }
}

/// Runs `command` on this terminal, to its end.
pub fn attended(mut command: Command) -> Result<ExitStatus, ChildError> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.status().map_err(|source| ChildError::NotStarted { program, source })
}

/// What `command` prints where it succeeds; nothing is shown.
pub fn answer(mut command: Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
