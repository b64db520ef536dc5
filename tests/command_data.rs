//! The command and the data that it is given, or is not: folders, homes, signals.

#![cfg(all(feature = "cli", unix))]

use crate::data::SET;
use crate::process::{assert_failure, assert_success, chainrule, stderr, stdout, text};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A training of a second.
const TINY: &[&str] =
    &["train", "--samples", "200", "--validation", "40", "--epochs", "1", "--layers", "8"];

fn tiny<'a>(folder: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    [TINY, &["--out", text(folder)], more].concat()
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status();
    assert!(sent.expect("kill starts").success());
}

/// A `HOME` that is no absolute path counts for none.
#[test]
fn who_has_no_home_trains_on_what_is_drawn() {
    let folder = TempDir::new().unwrap();
    let homeless = |arguments: &[&str]| {
        let mut command = chainrule(arguments);
        command.env("HOME", "nowhere").env_remove("XDG_DATA_HOME").current_dir(folder.path());
        command.output().unwrap()
    };
    assert_success(&homeless(&tiny(Path::new("digits"), &["--data", "digits"])));
    let output = homeless(&tiny(Path::new("auto"), &[]));
    assert_success(&output);
    let words = stdout(&output);
    assert!(words.contains("No MNIST at hand (no home folder found"), "{words}");
    assert!(words.contains("training on digits"), "{words}");
    let output = homeless(&tiny(Path::new("mnist"), &["--data", "mnist"]));
    assert_failure(&output, &["no home folder", "--data-dir", "CHAINRULE_DATA"]);
    assert_failure(&homeless(&["data"]), &["no home folder"]);
    assert!(!folder.path().join("nowhere").exists());
}

#[test]
fn a_folder_that_cannot_be_looked_into_is_not_replaced_by_drawn_digits() {
    let folder = TempDir::new().unwrap();
    std::os::unix::fs::symlink("mnist", folder.path().join("mnist")).unwrap();
    let out = folder.path().join("out");
    let output = chainrule(&tiny(&out, &["--data-dir", text(folder.path())])).output().unwrap();
    assert_failure(&output, &["mnist: cannot be looked into", "name another one"]);
    assert!(!out.exists());
    let data = ["data", "fetch", "mnist", "--mirror", "http://[::1]:9", "--data-dir"];
    let output = chainrule(&[&data[..], &[text(folder.path())]].concat()).output().unwrap();
    assert_failure(&output, &["mnist: cannot be written", "name a folder"]);
}

#[test]
fn a_signal_while_mnist_loads_leaves_nothing_behind() {
    for name in ["-INT", "-TERM", "-KILL"] {
        let (temporary, out) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let left = || fs::read_dir(temporary.path()).unwrap().count();
        let arguments = tiny(out.path(), &["--data", "mnist", "--data-dir", text(SET.path())]);
        let mut child = chainrule(&arguments)
            .env("TMPDIR", temporary.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // The settings are written once the data are read.
        let read = out.path().join("settings.json");
        while left() == 0 && !read.exists() {
            assert!(child.try_wait().unwrap().is_none(), "the training ended early");
            std::thread::sleep(Duration::from_millis(2));
        }
        signal(&child, name);
        child.wait().unwrap();
        assert_eq!(left(), 0, "{name} leaves files");
    }
}

#[test]
fn what_ctrl_c_advises_can_be_pasted() {
    let temporary = TempDir::new().unwrap();
    let (out, data) = (temporary.path().join("it's my run"), temporary.path().join("$my data"));
    let more = ["--data", "digits", "--samples", "4000", "--epochs", "60"];
    let folders = ["--data-dir", text(&data), "--layers", "24,16"];
    // Without Cargo's variable the advice is that of the installed command.
    let child = chainrule(&[&tiny(&out, &more)[..], &folders].concat())
        .env_remove("CARGO")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while !out.join("checkpoint.safetensors").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    signal(&child, "-INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    let words = stderr(&output);
    let advice = words.lines().last().unwrap().trim();
    assert!(advice.contains("--data-dir"), "{advice}");
    let program = Path::new(env!("CARGO_BIN_EXE_chainrule")).parent().unwrap();
    let path = format!("{}:/usr/bin:/bin", program.display());
    let output = Command::new("sh").args(["-c", advice]).env("PATH", path).output().unwrap();
    assert_success(&output);
    assert!(out.join("model.safetensors").exists());
}
