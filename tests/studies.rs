//! The studies: runs that go on where they were killed, records that are refused, and what the committed
//! ones must be.

#![cfg(feature = "cli")]

use crate::process::{assert_failure, assert_success, chainrule, run, stderr, stdout, text};
use chainrule::studies::record::{self, RunRecord};
use chainrule::studies::summary::{Metric, Series, Summary};
use chainrule::studies::{STUDIES, Study};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A training of a second, on points that the crate draws.
const TRAINING: [&str; 4] = ["run", "synthetic", "--only", "sum-0.01"];

fn folder() -> TempDir {
    TempDir::new().expect("a temporary folder")
}

/// The training with the seed 0, whose records are in `folder`.
fn training<'a>(folder: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    [&TRAINING[..], &["--seed", "0", "--records", text(folder)], more].concat()
}

fn record_of_training(folder: &Path) -> PathBuf {
    record::path(folder, "synthetic", "sum-0.01", 0)
}

/// What of a record is the same, whoever makes it.
fn same_for_all(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a record");
    let (made, others): (Vec<_>, Vec<_>) =
        text.lines().partition(|line| line.starts_with("  \"made\": "));
    assert_eq!(made.len(), 1, "{text}");
    others.join("\n")
}

#[test]
fn a_killed_run_goes_on_and_ends_with_the_same_bits() {
    let [whole, killed] = [folder(), folder()];
    assert_success(&run(&training(whole.path(), &[])));
    let mut child = chainrule(&training(killed.path(), &[])).spawn().expect("the command starts");
    let checkpoint = killed.path().join(".running/synthetic/sum-0.01/0/checkpoint.safetensors");
    let start = Instant::now();
    while !checkpoint.exists() && start.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().expect("it runs");
    child.wait().expect("it was killed");
    let record = record_of_training(killed.path());
    assert!(checkpoint.exists() && !record.exists(), "it was killed too late to prove anything");
    assert_success(&run(&training(killed.path(), &[])));
    assert_eq!(same_for_all(&record_of_training(whole.path())), same_for_all(&record));
    assert!(!killed.path().join(".running").exists(), "something is left behind");
    // A whole one is not made again, and `--fresh` makes it.
    let made = fs::read_to_string(&record).expect("a record");
    let again = run(&training(killed.path(), &[]));
    assert!(stdout(&again).contains("all 1 runs have their records"), "{}", stdout(&again));
    assert_eq!(made, fs::read_to_string(&record).expect("a record"));
    assert_success(&run(&training(killed.path(), &["--fresh", "--threads", "2"])));
    assert_ne!(made, fs::read_to_string(&record).expect("a record"));
    assert_eq!(same_for_all(&record_of_training(whole.path())), same_for_all(&record));
}

#[test]
fn each_line_of_the_list_makes_one_run() {
    let records = folder();
    let place = records.path().join("with a space");
    fs::create_dir(&place).expect("a folder");
    let listed = run(&["run", "by-hand", "--list", "--records", text(&place)]);
    assert_success(&listed);
    let lines: Vec<_> = stdout(&listed).lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 4);
    for (count, line) in (1..).zip(&lines) {
        let output = Command::new("sh").args(["-c", line]).output().expect("a shell");
        assert_success(&output);
        assert_eq!(stdout(&output), "");
        let folders = fs::read_dir(place.join("by-hand")).expect("a study").count();
        assert_eq!(folders, count, "{line}");
    }
    let record = record::path(&place, "by-hand", "symmetric", 0);
    let command = RunRecord::read(&record).expect("a record").command;
    assert_eq!(command, "chainrule run by-hand --only symmetric --seed 0");
    // What is recorded can be shown and compared.
    for (arguments, word) in [
        (&["studies"][..], "by-hand"),
        (&["claims"], "by-hand"),
        (&["show", "by-hand"], "largest error"),
    ] {
        let output = run(&[arguments, &["--records", text(&place)]].concat());
        assert_success(&output);
        assert!(stdout(&output).contains(word), "{}", stdout(&output));
    }
    let compared = run(&["compare", text(&place), text(&place)]);
    assert!(stdout(&compared).contains("4 configurations are equal in every number"));
}

#[test]
fn a_record_that_is_not_what_it_should_be_is_refused_and_stays() {
    let records = folder();
    assert_success(&run(&training(records.path(), &[])));
    let path = record_of_training(records.path());
    let good = fs::read_to_string(&path).expect("a record");
    let changed = |from: &str, to: &str| {
        assert!(good.contains(from), "{good}");
        good.replacen(from, to, 1)
    };
    for (bad, words) in [
        (good[..good.len() / 2].to_owned(), ["0.json: no record of a run", "run it again"]),
        (changed("\"schema\": 1", "\"schema\": 2"), ["a record of schema 2", "reads 1"]),
        (
            changed("\"seed\": 0,", "\"seed\": 7,"),
            ["the record of synthetic/sum-0.01/7", "its path says synthetic/sum-0.01/0"],
        ),
        (
            changed("\"batch\":128", "\"batch\":64"),
            ["another setting than synthetic/sum-0.01/0", "plan.batch (was 64, is 128)"],
        ),
        (changed("\"ending\": \"finished\"", "\"ending\": \"bored\""), ["0.json", "bored"]),
    ] {
        fs::write(&path, &bad).expect("a record");
        assert_failure(&run(&training(records.path(), &[])), &words);
        let show = ["show", "synthetic", "--records", text(records.path())];
        assert_failure(&run(&show), &words);
        assert_eq!(bad, fs::read_to_string(&path).expect("a record"));
    }
    fs::write(&path, &good).expect("a record");
    fs::write(path.with_file_name("first.json"), &good).expect("a file");
    let words = ["first.json: no record has this name", "0.json"];
    assert_failure(&run(&training(records.path(), &[])), &words);
}

#[test]
fn a_run_that_another_process_makes_is_left_to_it() {
    let records = folder();
    let state = records.path().join(".running/synthetic/sum-0.01/0");
    fs::create_dir_all(&state).expect("a folder");
    let lock = File::create(state.join(".lock")).expect("a lock");
    lock.try_lock().expect("nobody holds it");
    let output = run(&training(records.path(), &[]));
    assert_failure(&output, &["another process makes synthetic/sum-0.01/0", "wait until it ends"]);
    assert!(!record_of_training(records.path()).exists());
    // What a process that was killed leaves: its files, and no lock.
    drop(lock);
    fs::write(state.join(".unfinished-x"), "half a checkpoint").expect("a file");
    assert_success(&run(&training(records.path(), &[])));
    assert!(!state.exists());
}

#[test]
fn what_was_begun_with_other_settings_is_refused() {
    let records = folder();
    let state = records.path().join(".running/synthetic/sum-0.01/0");
    fs::create_dir_all(&state).expect("a folder");
    fs::write(state.join("checkpoint.safetensors"), "no checkpoint").expect("a file");
    let output = run(&training(records.path(), &[]));
    assert_failure(&output, &["synthetic/sum-0.01/0", "checkpoint.safetensors"]);
    assert_success(&run(&training(records.path(), &["--fresh"])));
}

#[test]
fn mistakes_are_told_with_the_way_out() {
    let records = folder();
    let place = ["--records", text(records.path())];
    let filter = run(&[&["run", "synthetic", "--only", "sum-0.02"], &place[..]].concat());
    assert_failure(
        &filter,
        &["synthetic has no configuration sum-0.02", "a similar one is sum-0.0"],
    );
    let study = run(&["run", "sinthetic"]);
    assert_eq!(study.status.code(), Some(2));
    assert!(stderr(&study).contains("'synthetic'"), "{}", stderr(&study));
    let nowhere = run(&["studies", "--records", "no/such/folder"]);
    assert_failure(&nowhere, &["no/such/folder: no such folder", "--records"]);
    let empty = records.path().join("data");
    fs::create_dir(&empty).expect("a folder");
    let data = ["--seeds", "1", "--data-dir", text(&empty)];
    let missing = [&["run", "mnist-300", "--only", "updates"], &place[..], &data].concat();
    let words = ["mnist-300/updates/0", "no MNIST", "chainrule data fetch mnist"];
    assert_failure(&run(&missing), &words);
}

/// All records that are committed.
#[test]
fn the_records_are_those_of_the_studies() {
    let records = Path::new(env!("CARGO_MANIFEST_DIR")).join("notebooks/records");
    let (mut count, mut bytes) = (0, 0);
    for Study { name, configurations, .. } in &STUDIES {
        let configurations = configurations();
        for entry in fs::read_dir(records.join(name)).into_iter().flatten() {
            let folder = entry.expect("an entry").path();
            if !folder.is_dir() {
                continue;
            }
            let called = folder.file_name().expect("a name").to_string_lossy();
            let configuration = configurations.iter().find(|it| *it.name == called);
            let configuration = configuration.unwrap_or_else(|| panic!("{name} has no {called}"));
            for seed in record::seeds(&folder).expect("seeds") {
                let path = folder.join(format!("{seed}.json"));
                let record = RunRecord::read(&path).unwrap_or_else(|error| panic!("{error}"));
                record.expect(configuration, &path).unwrap_or_else(|error| panic!("{error}"));
                let text = fs::read_to_string(&path).expect("a record");
                assert_eq!(record.to_text(), text, "{}", path.display());
                (count, bytes) = (count + 1, bytes + text.len());
            }
        }
    }
    assert!(bytes <= 12_000_000, "{count} records have {bytes} bytes");
}

/// What is said to be chosen is what the validation data choose, where those runs are recorded.
#[test]
fn the_chosen_rate_is_that_of_the_validation_data() {
    let records = Path::new(env!("CARGO_MANIFEST_DIR")).join("notebooks/records");
    let study = Study::named("mnist-300").expect("there is one");
    let candidates = ["sum-xavier-*", "mean-xavier-*"].map(str::to_owned);
    let mut means = Vec::new();
    for configuration in study.matching(&candidates).expect("there are some") {
        let (name, seeds) = (configuration.name.clone(), configuration.seeds as usize);
        let summary = Summary::read(&records, study, configuration).expect("records");
        let spread = summary.spread(Metric::Last(Series::ValidationAccuracy));
        let Some(spread) = spread.filter(|spread| spread.count == seeds) else {
            eprintln!("{name} is not recorded in full: the choice cannot be checked");
            return;
        };
        means.push((spread.mean, name));
    }
    let best = means.into_iter().max_by(|a, b| a.0.total_cmp(&b.0)).expect("there are some");
    assert_eq!(best.1, "sum-xavier-0.03");
}
