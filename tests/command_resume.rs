//! A training that goes on, in a process of its own: with what it began with, alone in its folder.

#![cfg(feature = "cli")]

use crate::process::{assert_failure, assert_success, chainrule, run, stderr, text};
use chainrule::checkpoint::Checkpoint;
use chainrule::data::known;
use serde_json::Value;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use tempfile::TempDir;

/// A training of one second.
const TINY: &str = "train --data digits --samples 200 --validation 40 --epochs 1 --layers 8";

/// Arguments of the tiny training, with `more`.
fn tiny<'a>(more: &[&'a str]) -> Vec<&'a str> {
    TINY.split(' ').chain(more.iter().copied()).collect()
}

fn trained(folder: &Path, more: &[&str]) {
    assert_success(&run(&[tiny(&["--out", text(folder)]), more.to_vec()].concat()));
}

#[test]
fn a_training_goes_on_with_the_settings_that_it_began_with() {
    let temporary = TempDir::new().expect("a temporary folder");
    let [folder, other] = ["one", "other"].map(|name| temporary.path().join(name));
    trained(&folder, &[]);
    trained(&other, &["--seed", "7", "--batch", "16"]);
    let settings = folder.join("settings.json");
    let began = fs::read_to_string(&settings).expect("settings");
    let model = fs::read(folder.join("model.safetensors")).expect("a model");
    let resume = ["train", "--resume", text(&folder)];
    let refused = |settings_now: &str, words: &[&str]| {
        assert_ne!(settings_now, began);
        fs::write(&settings, settings_now).expect("settings");
        assert_failure(&run(&resume), words);
    };
    let theirs = fs::read_to_string(other.join("settings.json")).expect("settings");
    let words =
        ["one: settings.json", "seed is 7, and was 29", "batch is 16, and was null", "--out"];
    refused(&theirs, &words);
    let edited = |from: &str, to: &str| began.replace(from, to);
    let validation = edited(r#""validation": 40"#, r#""validation": 10"#);
    refused(&validation, &["validation is 10, and was 40"]);
    refused(&edited(r#""epochs": 1"#, r#""epochs": 2"#), &["epochs is 2, and was 1"]);
    refused(
        &edited(r#""model": "mlp""#, r#""model": "cnn""#),
        &["model is \"cnn\", and was \"mlp\""],
    );
    refused(&edited("{", r#"{"epoch": 3,"#), &["epoch is 3, and was null"]);
    fs::write(&settings, began).expect("settings");
    assert_success(&run(&resume));
    assert_eq!(model, fs::read(folder.join("model.safetensors")).expect("a model"));
}

/// Files in the form of MNIST, black and of class 0.
fn write_black_digits(folder: &Path) {
    for (file, [magic, count]) in known::MNIST.iter().zip([
        [0x803, 60_000_u32],
        [0x801, 60_000],
        [0x803, 10_000],
        [0x801, 10_000],
    ]) {
        let mut out = File::create(folder.join(file.unpacked_name())).expect("a file");
        let sides: &[u32] = if magic == 0x803 { &[28, 28] } else { &[] };
        for number in [&[magic, count], sides].concat() {
            out.write_all(&number.to_be_bytes()).expect("a header");
        }
        let header = 8 + 4 * sides.len() as u64;
        let size = u64::from(count) * sides.iter().map(|&side| u64::from(side)).product::<u64>();
        out.set_len(header + size).expect("zeros");
    }
}

#[test]
fn a_training_goes_on_with_the_files_that_it_began_with() {
    let temporary = TempDir::new().expect("a temporary folder");
    let folder = temporary.path().join("run");
    write_black_digits(temporary.path());
    let data = ["--data-dir", text(temporary.path())];
    trained(&folder, &["--data", "mnist", data[0], data[1]]);
    // One label of the test data: nothing is trained on it, and the record would credit other files.
    let labels = temporary.path().join("t10k-labels-idx1-ubyte");
    let mut bytes = fs::read(&labels).expect("labels");
    bytes[8] = 1;
    fs::write(&labels, bytes).expect("labels");
    let output = run(&["train", "--resume", text(&folder), data[0], data[1]]);
    let words = ["the data are not those", "sha256.t10k-labels-idx1-ubyte is \"", "--data-dir"];
    assert_failure(&output, &words);
    assert!(!stderr(&output).contains("train-"), "{}", stderr(&output));
}

/// Of black images no channel has a deviation to be divided by.
#[test]
fn data_that_cannot_prepare_a_network_are_refused_before_its_folder_is_made() {
    let temporary = TempDir::new().expect("a temporary folder");
    let folder = temporary.path().join("run");
    write_black_digits(temporary.path());
    let arguments =
        "train --model flagship --filters 1,1,1 --data mnist --samples 200 --validation 40";
    let arguments = arguments.split(' ').chain(["--data-dir", text(temporary.path())]);
    let arguments: Vec<_> = arguments.chain(["--out", text(&folder)]).collect();
    assert_failure(&run(&arguments), &["standard deviations above 0"]);
    assert!(!folder.exists());
}

/// A folder that a stranger packed may have any kind of file in it.
#[cfg(unix)]
#[test]
fn a_folder_with_pipes_and_links_keeps_no_training_waiting() {
    let temporary = TempDir::new().expect("a temporary folder");
    let folder = temporary.path().join("run");
    fs::create_dir(&folder).expect("a folder");
    let path = |name: &str| folder.join(name);
    let pipe = |name: &str| {
        let made = std::process::Command::new("mkfifo").arg(path(name)).status();
        assert!(made.expect("mkfifo starts").success());
    };
    let resume = ["train", "--resume", text(&folder)];
    let refused = |name: &str, words: &str| {
        assert_failure(&run(&resume), &[&format!("{name}: "), words]);
        fs::remove_file(path(name)).expect("it was there");
    };
    pipe("settings.json");
    refused("settings.json", "a pipe or a device is there, no regular file");
    let long = File::create(path("settings.json")).expect("a file");
    long.set_len(1_000_001).expect("a long file");
    refused("settings.json", "more than 1000000 bytes");
    fs::write(path("settings.json"), "{}").expect("a file");
    fs::remove_file(path(".lock")).expect("the folder was locked");
    pipe(".lock");
    refused(".lock", "a pipe or a device is there, no regular file");
    let elsewhere = temporary.path().join("elsewhere");
    std::os::unix::fs::symlink(&elsewhere, path(".lock")).expect("a link");
    refused(".lock", "a link is there, no regular file");
    assert!(!elsewhere.exists(), "nothing is written out of the folder");
    pipe("checkpoint.safetensors");
    refused("checkpoint.safetensors", "a pipe or a device is there, no regular file");
}

#[test]
fn one_process_at_a_time_trains_in_a_folder() {
    let temporary = TempDir::new().expect("a temporary folder");
    let [folder, fresh] = ["run", "fresh"].map(|name| temporary.path().join(name));
    trained(&folder, &[]);
    fs::create_dir(&fresh).expect("a folder");
    let lock = |folder: &Path| {
        let path = folder.join(".lock");
        let file = File::options().write(true).create(true).truncate(false).open(path);
        let file = file.expect("a lock file");
        file.try_lock().expect("nobody holds it");
        file
    };
    let held = [lock(&folder), lock(&fresh)];
    let resume = ["train", "--resume", text(&folder)];
    let begin = tiny(&["--out", text(&fresh)]);
    assert_failure(&run(&resume), &["run: another process trains there", "--out"]);
    assert_failure(&run(&begin), &["fresh: another process trains there", "--out"]);
    assert!(!fresh.join("settings.json").exists());
    // What a killed process leaves: the files, and no lock.
    drop(held);
    fs::write(folder.join(".unfinished-Ab3"), "half a checkpoint").expect("a file");
    assert_success(&run(&resume));
    assert_success(&run(&begin));
    assert!(!folder.join(".unfinished-Ab3").exists());
}

#[test]
fn trainings_that_begin_at_once_have_folders_of_their_own() {
    let temporary = TempDir::new().expect("a temporary folder");
    let runs = temporary.path().join("runs");
    // As where another process took the first name a moment ago: it is not seen until it is in the way.
    fs::create_dir(&runs).expect("a folder");
    #[cfg(unix)]
    std::os::unix::fs::symlink("nowhere", runs.join("digits-1")).expect("a link");
    #[cfg(not(unix))]
    fs::create_dir(runs.join("digits-1")).expect("a folder");
    let children: Vec<_> = (0..4)
        .map(|seed: u32| {
            let seed = seed.to_string();
            let mut command = chainrule(&tiny(&["--quiet", "--seed", &seed]));
            command.current_dir(temporary.path()).stdout(Stdio::null()).stderr(Stdio::piped());
            command.spawn().expect("the command starts")
        })
        .collect();
    for child in children {
        assert_success(&child.wait_with_output().expect("the child ends"));
    }
    let mut seeds: Vec<_> = (2..=5)
        .map(|number| {
            let settings = runs.join(format!("digits-{number}/settings.json"));
            let settings = fs::read_to_string(settings).expect("settings");
            let settings: serde_json::Value = serde_json::from_str(&settings).expect("JSON");
            settings["seed"].as_u64().expect("a number")
        })
        .collect();
    seeds.sort();
    assert_eq!(seeds, [0, 1, 2, 3]);
}

#[test]
fn a_training_that_has_ended_does_not_begin_again() {
    let temporary = TempDir::new().expect("a temporary folder");
    let folder = temporary.path().join("run");
    trained(&folder, &[]);
    fs::remove_file(folder.join("checkpoint.safetensors")).expect("it was there");
    let resume = ["train", "--resume", text(&folder)];
    let before = fs::read(folder.join("metrics.json")).expect("a record");
    let words = ["model.safetensors", "checkpoint.safetensors is gone", "--out"];
    assert_failure(&run(&resume), &words);
    fs::remove_file(folder.join("model.safetensors")).expect("it was there");
    assert_failure(&run(&resume), &["metrics.json", "checkpoint.safetensors is gone"]);
    assert_eq!(before, fs::read(folder.join("metrics.json")).expect("a record"));
    // One that was killed before its first checkpoint does.
    fs::remove_file(folder.join("metrics.json")).expect("it was there");
    assert_success(&run(&resume));
}

#[test]
fn a_flipped_bit_of_a_checkpoint_ends_no_training_in_a_panic() {
    let temporary = TempDir::new().expect("a temporary folder");
    let folder = temporary.path().join("run");
    trained(&folder, &["--patience", "1"]);
    let checkpoint = folder.join("checkpoint.safetensors");
    let mut bytes = fs::read(&checkpoint).expect("a checkpoint");
    let name = b"best.layers.0.bias";
    let place = bytes.windows(name.len()).position(|window| window == name).expect("a best epoch");
    // best.layers.0.cias
    bytes[place + 14] ^= 1;
    fs::write(&checkpoint, bytes).expect("it is written");
    let output = run(&["train", "--resume", text(&folder)]);
    assert_failure(&output, &["checkpoint.safetensors", "its checksum does not fit"]);
}

/// A loss may be rounded to 0 in every epoch: no logarithmic axis has a place for it.
#[test]
fn a_loss_of_zeros_is_drawn() {
    let temporary = TempDir::new().expect("a temporary folder");
    let folder = temporary.path().join("run");
    trained(&folder, &[]);
    let is_logarithmic = || {
        let figure = fs::read_to_string(folder.join("loss.svg")).expect("a figure");
        figure.contains("(logarithmic)")
    };
    assert!(is_logarithmic());
    let path = folder.join("checkpoint.safetensors");
    let began = Checkpoint::<f32>::read(&path).expect("a checkpoint");
    for line in ["train_loss", "validation_loss"] {
        let mut checkpoint = began.clone();
        let account = checkpoint.metadata.get_mut("training").expect("an account");
        let mut changed: Value = serde_json::from_str(account).expect("JSON");
        changed["epochs"][0][line] = 0.0.into();
        *account = changed.to_string();
        checkpoint.seal();
        checkpoint.write(&path).expect("it is written");
        assert_success(&run(&["train", "--resume", text(&folder)]));
        assert!(!is_logarithmic(), "{line}");
    }
}
