//! Where the command's words go, and what its exit codes mean.

use anstream::AutoStream;
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

/// What a subcommand comes to.
pub type Outcome = Result<(), Failure>;

/// Why a subcommand ends without success.
#[derive(Debug)]
pub enum Failure {
    /// Something went wrong. Exit code 1.
    Error(Box<dyn Error + Send + Sync>),
    /// Ctrl-C, with what to do next. Exit code 130, as shells have it.
    Interrupted(String),
}

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Error(Box::new(error))
    }
}

impl Failure {
    /// A failure in the command's own words.
    pub fn new(message: impl Into<String>) -> Self {
        Self::Error(message.into().into())
    }

    /// Prints the failure and returns its exit code.
    pub fn report(self) -> ExitCode {
        match self {
            Self::Interrupted(advice) => {
                to_stderr(&format!("{}\n", inert(&advice)));
                ExitCode::from(130)
            }
            Self::Error(error) => {
                let red = anstyle::AnsiColor::Red.on_default().bold();
                to_stderr(&format!("{red}error:{red:#} {}\n", inert(&error.to_string())));
                ExitCode::FAILURE
            }
        }
    }
}

/// `text` without power over a terminal: a stranger's file may have put escape codes into it.
fn inert(text: &str) -> String {
    escaped(text, |c| c.is_control() && !matches!(c, '\n' | '\t'))
}

/// [`inert`] text of one line: a name.
pub fn one_line(name: &str) -> String {
    escaped(name, char::is_control)
}

/// Each character that `acts` as JSON writes it: what is JSON then stays the same JSON.
fn escaped(text: &str, acts: fn(char) -> bool) -> String {
    let mut inert = String::with_capacity(text.len());
    for c in text.chars() {
        match acts(c) {
            true => inert += &format!("\\u{:04x}", u32::from(c)),
            false => inert.push(c),
        }
    }
    inert
}

/// Writes `text` to standard output, where it has no power over a terminal.
///
/// Where the reader of a pipe (`| head`) has read enough, the text is dropped, and the command goes on:
/// its files and its exit code are worth more than its words, and must not depend on who listens.
pub fn stdout(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(inert(text).as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => {
            let message = format!("standard output cannot be written to: {error}");
            Err(io::Error::new(error.kind(), message))
        }
        Ok(()) => Ok(()),
    }
}

/// Where a subcommand tells a human what it does: standard output, or standard error where
/// standard output is for JSON. Nothing where it is to be quiet.
#[derive(Clone, Copy, Debug)]
pub struct Console {
    pub quiet: bool,
    pub json: bool,
}

impl Console {
    /// Prints a line.
    pub fn line(&self, line: impl AsRef<str>) -> io::Result<()> {
        let line = format!("{}\n", line.as_ref());
        match (self.quiet, self.json) {
            (true, _) => Ok(()),
            (false, false) => stdout(&line),
            (false, true) => {
                to_stderr(&inert(&line));
                Ok(())
            }
        }
    }
}

/// Tells a human, on standard error, what is no part of the answer.
pub fn notice(line: &str) {
    to_stderr(&format!("{}\n", inert(line)));
}

/// Writes to standard error; colors only on a terminal, and not against `NO_COLOR`. Where even that
/// fails there is nobody left to tell.
fn to_stderr(text: &str) {
    let _ = AutoStream::auto(io::stderr().lock()).write_all(text.as_bytes());
}

/// How the user called this command, for advice that can be pasted.
pub fn program() -> &'static str {
    // Cargo sets this for what it runs.
    if std::env::var_os("CARGO").is_some() { "cargo run --release --" } else { "chainrule" }
}
