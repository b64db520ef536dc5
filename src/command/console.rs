//! Where the command's words go, and what its exit codes mean.

use anstream::AutoStream;
use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
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
                to_stderr(&format!("{advice}\n"));
                ExitCode::from(130)
            }
            Self::Error(error) if is_closed_pipe(error.as_ref()) => ExitCode::SUCCESS,
            Self::Error(error) => {
                let red = anstyle::AnsiColor::Red.on_default().bold();
                to_stderr(&format!("{red}error:{red:#} {error}\n"));
                ExitCode::FAILURE
            }
        }
    }
}

/// The reader of a pipe (`| head`) has read enough: no failure.
fn is_closed_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Writes `text` to standard output; colors only on a terminal, and not against `NO_COLOR`.
pub fn stdout(text: &str) -> io::Result<()> {
    let mut stdout = AutoStream::auto(io::stdout().lock());
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
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
                to_stderr(&line);
                Ok(())
            }
        }
    }
}

/// Tells a human, on standard error, what is no part of the answer.
pub fn notice(line: &str) {
    to_stderr(&format!("{line}\n"));
}

/// Writes to standard error. Where even that fails there is nobody left to tell.
fn to_stderr(text: &str) {
    let _ = AutoStream::auto(io::stderr().lock()).write_all(text.as_bytes());
}

/// How the user called this command, for advice that can be pasted.
pub fn program() -> &'static str {
    // Cargo sets this for what it runs.
    if std::env::var_os("CARGO").is_some() { "cargo run --release --" } else { "chainrule" }
}

/// A path as a word of the user's shell, for advice that can be pasted.
pub fn word(path: &Path) -> String {
    // Behind `./` no name is an option.
    let here = path.as_os_str().as_encoded_bytes().starts_with(b"-");
    let path = if here { Path::new(".").join(path) } else { path.to_owned() };
    match path.to_str() {
        Some(text) if !text.is_empty() && text.chars().all(is_plain) => text.to_owned(),
        _ if cfg!(windows) => format!("\"{}\"", path.display()),
        Some(text) if !text.chars().any(char::is_control) => {
            format!("'{}'", text.replace('\'', r"'\''"))
        }
        // What no text shows: bytes that are no UTF-8, and control characters.
        _ => {
            let bytes = path.as_os_str().as_encoded_bytes();
            format!("$'{}'", bytes.iter().map(|&byte| escaped(byte)).collect::<String>())
        }
    }
}

/// Whether no shell sees more in it than a letter.
fn is_plain(character: char) -> bool {
    character.is_alphanumeric()
        || "/._-+:,@%".contains(character)
        || cfg!(windows) && character == '\\'
}

/// A byte between `$'` and `'`, in octal where it is no plain letter: it ends after three digits.
fn escaped(byte: u8) -> String {
    match char::from(byte) {
        letter if byte.is_ascii() && is_plain(letter) => letter.to_string(),
        _ => format!("\\{byte:03o}"),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::process::Command;

    #[test]
    fn a_word_is_one_word_for_a_shell() {
        assert_eq!(word(Path::new("runs/digits-1")), "runs/digits-1");
        assert_eq!(word(Path::new("my run")), "'my run'");
        assert_eq!(word(Path::new("-x")), "./-x");
        assert_eq!(word(Path::new("")), "''");
        for path in ["", "~/a", "it's", "$HOME `id` \"*\" !1 ; # & \\", "größe", "a\\", "=x"] {
            let script = format!("printf %s {}", word(Path::new(path)));
            let output = Command::new("sh").args(["-c", &script]).output();
            assert_eq!(output.unwrap().stdout, path.as_bytes(), "{path}");
        }
        let strange = OsStr::from_bytes(b"\xff1\n'\\a");
        assert_eq!(word(Path::new(strange)), r"$'\3771\012\047\134a'");
    }
}
