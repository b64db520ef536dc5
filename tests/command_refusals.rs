//! What the command refuses of a training, and when: what cannot be trained, what would be ignored, and
//! what no longer is a number.

#![cfg(feature = "cli")]

use crate::process::{assert_failure, assert_success, run, text};
use chainrule::record::Record;
use chainrule::train::Ending;
use std::path::Path;
use tempfile::TempDir;

/// A training of one second into `folder`, with `more`.
fn tiny<'a>(folder: &'a Path, more: &'a str) -> Vec<&'a str> {
    let tiny = "train --data digits --samples 200 --validation 40 --epochs 1 --layers 8 --out";
    tiny.split(' ').chain([text(folder)]).chain(more.split(' ')).collect()
}

fn record(folder: &Path) -> Record {
    let text = std::fs::read_to_string(folder.join("metrics.json")).expect("a record");
    serde_json::from_str(&text).expect("what was written is read")
}

/// Nothing is made, and nothing is trained before the refusal: all of it is wrong from the start.
#[test]
fn settings_that_cannot_be_or_would_be_ignored_are_refused_at_once() {
    let temporary = TempDir::new().expect("a temporary folder");
    let folder = temporary.path().join("run");
    for (more, words) in [
        ("--data ellipse --views flip", ["views", "images"]),
        ("--data ellipse --views flip-and-shift", ["views", "images"]),
        ("--stop-by accuracy", ["--stop-by", "give --patience too"]),
        ("--stop-every 2", ["--stop-every", "give --patience too"]),
        ("--stop-threshold 0.1", ["--stop-threshold", "give --patience too"]),
        ("--data ellipse --rotation 5", ["is no image", "to be deformed"]),
        ("--rotation 200", ["rotation is 200", "0 to 180 degrees"]),
        ("--elastic 36:0", ["sigma is 0", "more than 0 pixels"]),
        ("--patience 1 --stop-every 4", ["every 4 updates: the training has 3", "Read more often"]),
        ("--patience 1 --validation 0", ["--patience", "--validation 0"]),
        ("--optimizer sgd --momentum 0.7", ["--momentum is for", "momentum or nesterov"]),
        ("--optimizer adam --momentum 0.7", ["--momentum is for", "momentum or nesterov"]),
        ("--model lenet", ["--layers is for --model mlp or cnn", "lenet takes none"]),
    ] {
        assert_failure(&run(&tiny(&folder, more)), &words);
        assert!(!folder.exists(), "{more}");
    }
    for (option, value, kinds, models) in [
        ("--layers", "5", "mlp or cnn", &["lenet", "flagship"][..]),
        ("--activation", "tanh", "mlp", &["lenet", "cnn", "flagship"]),
        ("--init", "zeros", "mlp", &["lenet", "cnn", "flagship"]),
    ] {
        for &model in models {
            let arguments =
                ["train", "--data", "pictures", "--samples", "80", "--validation", "40", "--model"];
            let more = [model, option, value, "--out", text(&folder)];
            let words = format!("{option} is for --model {kinds}: {model} takes none");
            assert_failure(&run(&[&arguments[..], &more].concat()), &[&words]);
            assert!(!folder.exists(), "{option} {model}");
        }
    }
    assert_success(&run(&tiny(&folder, "--optimizer momentum --momentum 0.7")));
}

#[test]
fn a_training_that_diverges_leaves_no_model() {
    let temporary = TempDir::new().expect("a temporary folder");
    for (k, (more, words)) in [
        // The only update: no loss is taken after it.
        (
            "--samples 60 --validation 0 --schedule constant --rate 1e20 --layers 8,8",
            ["after update 1 (epoch 1)", "at rate 1.000e20: the training diverged"],
        ),
        (
            "--samples 100 --epochs 2 --schedule constant --rate 1e38",
            ["update 1 (epoch 1)", "at rate 1.000e38: the training diverged"],
        ),
        (
            "--samples 60 --validation 0 --schedule constant --rate 1e38",
            ["update 1 (epoch 1)", "at rate 1.000e38: the training diverged"],
        ),
    ]
    .iter()
    .enumerate()
    {
        let folder = temporary.path().join(k.to_string());
        assert_failure(&run(&tiny(&folder, more)), words);
        for file in ["model.safetensors", "metrics.json"] {
            assert!(!folder.join(file).exists(), "{more}");
        }
        // What is left there can be read.
        assert_failure(&run(&["train", "--resume", text(&folder)]), words);
    }
}

/// Three updates an epoch, none of which moves a weight.
#[test]
fn a_training_stops_between_updates_and_its_record_says_why() {
    let temporary = TempDir::new().expect("a temporary folder");
    for (more, updates) in
        [("", 2), (" --epochs 5 --stop-every 2", 4), (" --patience 2 --epochs 2", 3)]
    {
        let folder = temporary.path().join(updates.to_string());
        let stop =
            "--rate 1e-30 --patience 1 --stop-every 1 --stop-by accuracy --stop-threshold 0.5";
        let output = run(&tiny(&folder, &format!("{stop}{more} --json")));
        assert_success(&output);
        let record = record(&folder);
        let Some(stop) = &record.stop else { panic!("{record:?}") };
        assert_eq!((stop.update, record.ending), (updates, Ending::StoppedEarly));
        assert_eq!(stop.epoch as u64, updates.div_ceil(3));
        assert!(stop.reason.starts_with("no higher validation accuracy by 0.5 or more"));
        let last = record.readings.last().map(|reading| reading.update);
        assert_eq!(last, Some(updates));
        let words = String::from_utf8_lossy(&output.stdout);
        assert!(words.contains(r#""validation_accuracy":0."#), "{words}");
        for figure in ["loss.svg", "accuracy.svg"] {
            assert!(folder.join(figure).is_file(), "{figure}");
        }
    }
}

#[test]
fn no_count_is_too_large() {
    let temporary = TempDir::new().expect("a temporary folder");
    let trained = |name: &str, more: &str| {
        let folder = temporary.path().join(name);
        assert_success(&run(&tiny(&folder, more)));
        record(&folder)
    };
    for count in ["18446744073709551615", "9223372036854775808", "9223372036854775807"] {
        let patient = trained(&format!("p{count}"), &format!("--epochs 3 --patience {count}"));
        assert_eq!(patient.epochs.len(), 3);
        let warm = trained(&format!("w{count}"), &format!("--schedule constant --warm-up {count}"));
        // The last of three updates.
        let rate = 0.1 * 3.0 / count.parse::<f64>().expect("a number");
        assert!((warm.epochs[0].rate / rate - 1.0).abs() < 1e-9, "{}", warm.epochs[0].rate);
        // Two updates an epoch, none of which moves a weight: it stops early.
        let more = format!("--epochs {count} --patience 1 --batch 80 --rate 1e-30");
        for (k, more) in [more.clone(), more + " --averaging mean"].iter().enumerate() {
            let long = trained(&format!("e{count}{k}"), more);
            assert_eq!(long.epochs.len(), 2);
            let [start, rate] = [1e-30 / 25.0, long.epochs[1].rate];
            assert!((rate / start - 1.0).abs() < 1e-9, "{rate}");
        }
    }
}
