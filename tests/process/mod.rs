//! The command as a process: how a test starts it, and what it may expect of it.

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The command with these arguments, to be started.
pub fn chainrule(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chainrule"));
    // Data and colors are the test's choice, not the machine's.
    command.args(arguments).env_remove("CHAINRULE_DATA").env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// Runs the command to its end.
pub fn run(arguments: &[&str]) -> Output {
    chainrule(arguments).output().expect("the command starts")
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

#[track_caller]
pub fn assert_success(output: &Output) {
    assert!(output.status.success(), "{}{}", stdout(output), stderr(output));
}

/// The command fails with exit code 1, says all of `words` and does not panic.
#[track_caller]
pub fn assert_failure(output: &Output, words: &[&str]) {
    let message = stderr(output);
    assert_eq!(output.status.code(), Some(1), "{}{message}", stdout(output));
    assert!(!message.contains("panicked"), "{message}");
    for word in words {
        assert!(message.contains(word), "`{word}` is not in: {message}");
    }
}
