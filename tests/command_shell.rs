//! The command between other programs: in a pipe, with odd names, and its advice in a shell.

#![cfg(all(feature = "cli", unix))]

use crate::process::{assert_failure, assert_success, chainrule, stderr, stdout, text};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A training of a second.
const QUICK: &[&str] = &[
    "train",
    "--data",
    "digits",
    "--samples",
    "200",
    "--validation",
    "40",
    "--epochs",
    "1",
    "--layers",
    "8",
];

/// Trains into `folder`, whatever its name is.
fn train(folder: &Path, more: &[&str]) -> Output {
    chainrule(QUICK).args(more).arg("--out").arg(folder).output().expect("the command starts")
}

/// A training is for its folder, and gradients are checked for the exit code: neither depends on who
/// reads the words.
#[test]
fn a_closed_pipe_ends_no_command_early() {
    let folder = TempDir::new().expect("a temporary folder");
    let [json, words] = ["json", "words"].map(|name| folder.path().join(name));
    for (out, more) in [(&json, &["--json"][..]), (&words, &["--epochs", "3"])] {
        let mut child = chainrule(QUICK)
            .args(more)
            .args(["--out", text(out)])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("the child ends");
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(!stderr(&output).contains("panicked"), "{}", stderr(&output));
        assert!(out.join("metrics.json").exists(), "the training went on to its end");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn standard_output_without_space_is_named() {
    let full = std::fs::File::create("/dev/full").expect("Linux has it");
    let output = chainrule(&["gradcheck", "divide"]).stdout(full).output().expect("it starts");
    assert_failure(&output, &["standard output cannot be written to", "space"]);
}

#[test]
fn a_folder_whose_name_is_no_text_is_trained_into() {
    let temporary = TempDir::new().expect("a temporary folder");
    let folder = temporary.path().join(OsStr::from_bytes(b"\xff"));
    let output = train(&folder, &["--json"]);
    assert_failure(&output, &["--json", "not UTF-8", r"\xff"]);
    assert!(!folder.exists(), "nothing is made for a training that cannot begin");
    let output = train(&folder, &[]);
    assert_success(&output);
    assert!(folder.join("metrics.json").exists() && folder.join("loss.png").exists());
    assert!(stdout(&output).contains(r"\xff' PICTURE.png"), "{}", stdout(&output));
}

/// Breaks a training off, pastes what it advises into a shell, and finds it finished.
#[test]
fn the_advice_after_ctrl_c_can_be_pasted() {
    let temporary = TempDir::new().expect("a temporary folder");
    let bin = temporary.path().join("bin");
    std::fs::create_dir(&bin).expect("a folder");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_chainrule"), bin.join("chainrule"))
        .expect("a link");
    let name = Path::new(OsStr::from_bytes(b"-it's my \xff $HOME"));
    let folder = temporary.path().join(name);
    let child = chainrule(QUICK)
        .args(["--samples", "1000", "--epochs", "100", "--threads", "1"])
        .args(["--data-dir", "the `data`"])
        .arg(OsStr::from_bytes(&[b"--out=", name.as_os_str().as_bytes()].concat()))
        .current_dir(temporary.path())
        .env_remove("CARGO")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    while !folder.join("checkpoint.safetensors").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(killed.expect("kill starts").success());
    let output = child.wait_with_output().expect("the child ends");
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    let words = stderr(&output);
    let advice = words.lines().find(|line| line.contains("--resume")).expect("advice").trim();
    assert!(advice.starts_with("chainrule train --resume $'./-it"), "{advice}");
    assert!(advice.ends_with(" --data-dir 'the `data`' --threads 1"), "{advice}");
    let output = Command::new("bash")
        .args(["-c", advice])
        .current_dir(temporary.path())
        .env("PATH", format!("{}:/usr/bin:/bin", text(&bin)))
        .output()
        .expect("bash starts");
    assert_success(&output);
    assert!(folder.join("metrics.json").exists(), "{advice}");
}
