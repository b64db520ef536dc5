//! The command, as a user runs it: a process with arguments, streams, files and an exit code.

#![cfg(feature = "cli")]

use crate::process::{assert_failure, assert_success, chainrule, run, stderr, stdout, text};
use chainrule::Tensor;
use chainrule::checkpoint::Checkpoint;
use chainrule::random::Seeds;
use chainrule::record::Record;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A small training: seconds, not minutes.
const SMALL: &[&str] = &[
    "train",
    "--data",
    "digits",
    "--samples",
    "1200",
    "--validation",
    "200",
    "--layers",
    "24,16",
    "--batch",
    "32",
    "--epochs",
    "3",
];

/// Arguments of the small training into `folder`, with `more`.
fn small<'a>(folder: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    [SMALL, &["--out", text(folder)], more].concat()
}

fn model(folder: &Path) -> BTreeMap<String, Tensor<f32>> {
    Checkpoint::read(&folder.join("model.safetensors")).expect("the training wrote a model").tensors
}

#[test]
fn a_training_prints_one_json_object_and_writes_a_folder() {
    let temporary = TempDir::new().expect("a temporary folder");
    let folder = temporary.path().join("run");
    let output = run(&small(&folder, &["--json"]));
    assert_success(&output);
    let summary: Value = serde_json::from_str(&stdout(&output)).expect("one JSON object");
    let number = |key: &str| summary[key].as_f64().unwrap_or_else(|| panic!("{key} in {summary}"));
    assert_eq!(summary["data"], "drawn digits");
    assert_eq!(number("seed"), 29.0);
    assert_eq!(number("epochs"), 3.0);
    assert!(number("threads") >= 1.0);
    assert_eq!(number("parameters"), (785 * 24 + 25 * 16 + 17 * 10) as f64);
    assert!(number("train_loss") > 0.0);
    assert!((0.2..=1.0).contains(&number("validation_accuracy")), "{summary}");
    assert!((0.2..=1.0).contains(&number("test_accuracy")), "{summary}");
    assert!(number("seconds") > 0.0);
    assert!(number("samples_per_second") > 0.0);
    assert_eq!(summary["out"].as_str(), folder.to_str());
    for file in [
        "model.safetensors",
        "metrics.json",
        "loss.svg",
        "accuracy.svg",
        "confusion.svg",
        "predictions.svg",
        "weights.svg",
        "loss.png",
        "accuracy.png",
        "confusion.png",
        "predictions.png",
        "weights.png",
    ] {
        let size = folder.join(file).metadata().unwrap_or_else(|e| panic!("{file}: {e}")).len();
        assert!(size > 500, "{file}: {size} bytes");
    }
    let record = std::fs::read_to_string(folder.join("metrics.json")).expect("a record");
    let record: Record = serde_json::from_str(&record).expect("what was written is read");
    assert_eq!(record.test.accuracy, number("test_accuracy"));
    assert_eq!(record.test.confusion.samples(), 1200);
    assert_eq!((record.epochs.len(), record.data.train, record.data.validation), (3, 1000, 200));
    // Human words went to standard error, plain: it is no terminal.
    let words = stderr(&output);
    assert!(words.contains("drawn digits") && !words.contains('\u{1b}'), "{words}");
}

#[test]
fn quiet_prints_nothing() {
    let folder = TempDir::new().expect("a temporary folder");
    let output = run(&small(folder.path(), &["--quiet", "--epochs", "1"]));
    assert_success(&output);
    assert_eq!((stdout(&output), stderr(&output)), (String::new(), String::new()));
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let models: Vec<_> = ["1", "2", "4"]
        .iter()
        .map(|threads| {
            let folder = TempDir::new().expect("a temporary folder");
            // Wide enough that products, activations and updates are split between threads.
            let more = [
                "--layers",
                "800,400",
                "--batch",
                "256",
                "--optimizer",
                "adam",
                "--rate",
                "0.001",
                "--dropout",
                "0.1",
                "--batch-norm",
                "--threads",
                threads,
            ];
            assert_success(&run(&small(folder.path(), &more)));
            model(folder.path())
        })
        .collect();
    assert_eq!(models[0], models[1]);
    assert_eq!(models[0], models[2]);
}

#[test]
fn a_killed_training_resumes_to_the_same_bits() {
    let temporary = TempDir::new().expect("a temporary folder");
    let whole = temporary.path().join("whole");
    let more = [
        "--epochs",
        "12",
        "--optimizer",
        "adam",
        "--rate",
        "0.001",
        "--dropout",
        "0.2",
        "--batch-norm",
        "--threads",
        "1",
    ];
    assert_success(&run(&small(&whole, &more)));
    let killed = temporary.path().join("killed");
    let start = |arguments: &[&str]| {
        chainrule(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts")
    };
    let mut child = start(&small(&killed, &more));
    let resume = ["train", "--resume", text(&killed), "--threads", "1"];
    // Kills at moments that fall into setting up, updating, validating and saving.
    let mut kills = 0;
    for delay in [5, 150, 40, 70, 100, 130, 160, 190, 220] {
        std::thread::sleep(Duration::from_millis(delay));
        child.kill().expect("the child is ours");
        kills += usize::from(!child.wait().expect("the child ends").success());
        // Without settings it had not begun: there is nothing to resume.
        let begun = killed.join("settings.json").exists();
        child = if begun { start(&resume) } else { start(&small(&killed, &more)) };
    }
    assert!(child.wait().expect("the child ends").success());
    assert!(kills > 0, "every training had ended before its kill");
    assert_eq!(model(&whole), model(&killed));
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_and_says_how_to_resume() {
    let temporary = TempDir::new().expect("a temporary folder");
    let (whole, broken) = (temporary.path().join("whole"), temporary.path().join("broken"));
    // Long enough that it is not over before the signal comes.
    let more = ["--samples", "4000", "--epochs", "60"];
    assert_success(&run(&small(&whole, &more)));
    let child = chainrule(&small(&broken, &more))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    while !broken.join("checkpoint.safetensors").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(killed.expect("kill starts").success());
    let output = child.wait_with_output().expect("the child ends");
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    let advice = format!("train --resume {}", broken.display());
    assert!(stderr(&output).contains(&advice), "{}", stderr(&output));
    assert!(!broken.join("model.safetensors").exists());
    assert_success(&run(&["train", "--resume", text(&broken)]));
    assert_eq!(model(&whole), model(&broken));
}

#[test]
fn bad_settings_are_named() {
    let folder = TempDir::new().expect("a temporary folder");
    let cases: &[(&[&str], &[&str])] = &[
        (&["--threads", "0"], &["--threads"]),
        (&["--activation", "relu,tanh,relu"], &["3 activations", "2 hidden layers"]),
        (&["--validation", "1200"], &["1200"]),
        (&["--rate", "1e30"], &["diverged", "update", "1.000e30", "rate"]),
    ];
    for (k, (arguments, words)) in cases.iter().enumerate() {
        let folder = folder.path().join(k.to_string());
        let more = [&["--schedule", "constant", "--optimizer", "sgd"], *arguments].concat();
        let output = run(&small(&folder, &more));
        assert_failure(&output, words);
        assert!(!folder.join("model.safetensors").exists());
    }
}

/// Numbers outside their ranges, each with what is said of the option that it was given to.
const NUMBERS: &[(&[&str], &str)] = &[
    (&["--rate", "nan"], "'nan' for '--rate <R>': it must be a finite number, 0 or more"),
    (&["--rate=-1"], "'-1' for '--rate <R>'"),
    (&["--rate", "inf"], "'inf' for '--rate <R>'"),
    (&["--l2", "nan"], "'nan' for '--l2 <L>': it must be a finite number, 0 or more"),
    (&["--momentum", "1"], "'1' for '--momentum <M>': 1 is no fraction: it must be at least 0 and"),
    (&["--momentum", "nan"], "'nan' for '--momentum <M>'"),
    (&["--dropout", "1.5"], "'1.5' for '--dropout <P>'"),
    (&["--smoothing=-0.1"], "'-0.1' for '--smoothing <S>'"),
    (&["--epochs", "0"], "'0' for '--epochs <N>': it must be a whole number, 1 or more"),
    (&["--batch", "0"], "'0' for '--batch <N>': it must be a whole number, 1 or more"),
    (&["--batch", "1.5"], "'1.5' for '--batch <N>'"),
    (&["--patience", "0"], "'0' for '--patience <N>'"),
    (&["--layers", "24,0"], "'0' for '--layers <N,N,…>'"),
    (&["--filters", "8,0"], "'0' for '--filters <N,N,…>'"),
    (&["--warm-up=-1"], "'-1' for '--warm-up <N>'"),
    (
        &["--elastic", "36"],
        "'36' for '--elastic <A:S>': `36` is no strength and smoothing in pixels",
    ),
    (&["--stop-every", "0"], "'0' for '--stop-every <N>'"),
    (&["--init-seed", "x"], "'x' for '--init-seed <N>'"),
];

#[test]
fn numbers_outside_their_ranges_are_named_with_their_options() {
    for (arguments, words) in NUMBERS {
        let output = run(&[&["train"], *arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(words), "{words} is not in: {}", stderr(&output));
    }
}

/// Data that are not there are what a training is refused for last: to read or to draw them takes
/// seconds.
#[test]
fn what_can_be_refused_without_data_is() {
    let temporary = TempDir::new().expect("a temporary folder");
    let path = |name: &str| temporary.path().join(name).to_str().expect("UTF-8").to_owned();
    let (used, file, fresh) = (path("used"), path("file"), path("fresh"));
    std::fs::create_dir(&used).expect("a folder");
    std::fs::write(path("used/model.safetensors"), "an earlier model").expect("a file");
    std::fs::write(&file, "in the way").expect("a file");
    let below = path("file/run");
    let cases: &[(&[&str], &[&str])] = &[
        (&[], &["train-images-idx3-ubyte"]),
        (&["--activation", "relu,tanh,relu"], &["3 activations", "2 hidden layers"]),
        (&["--samples", "200"], &["200 samples held out", "--validation"]),
        (&["--filters", "8"], &["--filters is for"]),
        (&["--model", "flagship", "--filters", "8"], &["three blocks", "--filters"]),
        (&["--out", &used], &["an earlier training", "--out", "--resume"]),
        (&["--out", &file], &["cannot be written to", "--out"]),
        (&["--out", &below], &["cannot be written to", "--out"]),
    ];
    for (arguments, words) in cases {
        let data = ["--data", "mnist", "--data-dir", text(temporary.path())];
        let output = run(&[&small(Path::new(&fresh), &data)[..], *arguments].concat());
        assert_failure(&output, words);
    }
    let mut left: Vec<_> = std::fs::read_dir(temporary.path())
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["file", "used"], "nothing is made for a training that cannot begin");
}

#[test]
fn a_damaged_checkpoint_is_named_before_data_are_read() {
    let folder = TempDir::new().expect("a temporary folder");
    assert_success(&run(&small(folder.path(), &["--epochs", "1"])));
    let settings = folder.path().join("settings.json");
    let digits = std::fs::read_to_string(&settings).expect("settings");
    assert!(digits.contains(r#""data": "digits""#), "{digits}");
    std::fs::write(&settings, digits.replace(r#""digits""#, r#""mnist""#)).expect("settings");
    std::fs::write(folder.path().join("checkpoint.safetensors"), "no tensors").expect("a file");
    let path = text(folder.path());
    let output = run(&["train", "--resume", path, "--data-dir", path]);
    assert_failure(&output, &["checkpoint.safetensors", "not a safetensors file"]);
}

#[test]
fn each_random_choice_can_have_a_seed_of_its_own() {
    let temporary = TempDir::new().expect("a temporary folder");
    let trained = |name: &str, more: &[&str]| {
        let folder = temporary.path().join(name);
        let more = [&["--dropout", "0.2", "--epochs", "1"], more].concat();
        let output = run(&small(&folder, &more));
        assert_success(&output);
        let record = std::fs::read_to_string(folder.join("metrics.json")).expect("a record");
        let record: Record = serde_json::from_str(&record).expect("what was written is read");
        let file = std::fs::read(folder.join("model.safetensors")).expect("a model");
        (record.plan.seeds, file, stdout(&output))
    };
    let (seeds, one, words) = trained("one", &[]);
    assert_eq!(seeds, Seeds::from(29));
    assert!(words.contains("batches of 32, seed 29, "), "{words}");
    // The same file of the same training, to the byte.
    let all = ["--init-seed", "29", "--order-seed", "29", "--mask-seed", "29"];
    assert_eq!(trained("same", &all).1, one);
    // Without images, the last seed fixes nothing.
    let (seeds, same, words) = trained("augmentation", &["--augmentation-seed", "7"]);
    assert_eq!((seeds, same), (Seeds { augmentation: 7, ..Seeds::from(29) }, one.clone()));
    assert!(words.contains("seeds 29 (init), 29 (order), 29 (masks), 7 (augment"), "{words}");
    for (option, expected) in [
        ("--init-seed", Seeds { init: 7, ..seeds }),
        ("--order-seed", Seeds { order: 7, ..seeds }),
        ("--mask-seed", Seeds { masks: 7, ..seeds }),
    ] {
        let (seeds, other, _) = trained(option, &[option, "7", "--augmentation-seed", "7"]);
        assert_eq!(seeds, expected);
        assert!(other != one, "{option}");
    }
}

#[test]
fn unknown_words_are_usage_errors() {
    for arguments in [
        &["train", "--activation", "step"][..],
        &["train", "--optimizer", "newton"],
        &["train", "--init", "ones"],
        &["train", "--data", "imagenet"],
        &["train", "--schedule", "never"],
        &["train", "--dropout", "1"],
        &["tarin"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(arguments[arguments.len() - 1]), "{}", stderr(&output));
    }
}

#[test]
fn missing_data_are_named_with_the_way_out() {
    let empty = TempDir::new().expect("a temporary folder");
    let folder = empty.path().join("run");
    let more = ["--data", "mnist", "--data-dir", text(empty.path())];
    let output = run(&small(&folder, &more));
    assert_failure(&output, &["data fetch mnist", "train-images-idx3-ubyte"]);
    assert!(!folder.exists(), "nothing is made for a training that cannot begin");
}

#[test]
fn an_earlier_training_is_not_overwritten() {
    let folder = TempDir::new().expect("a temporary folder");
    assert_success(&run(&small(folder.path(), &["--epochs", "1"])));
    let before = model(folder.path());
    let output = run(&small(folder.path(), &["--epochs", "1", "--seed", "7"]));
    assert_failure(&output, &["an earlier training", "--out", "--resume"]);
    assert_eq!(before, model(folder.path()));
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let temporary = TempDir::new().expect("a temporary folder");
    let file = temporary.path().join("file");
    std::fs::write(&file, "in the way").expect("a file");
    let output = run(&small(&file.join("run"), &[]));
    assert_failure(&output, &["run", "--out"]);
}

#[test]
fn resume_names_what_is_not_there() {
    let temporary = TempDir::new().expect("a temporary folder");
    let output = run(&["train", "--resume", text(temporary.path())]);
    assert_failure(&output, &["settings.json", "broken off"]);
}

#[test]
fn a_resumed_training_takes_no_other_settings() {
    let output = run(&["train", "--resume", "runs/none", "--epochs", "3"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("--epochs"), "{}", stderr(&output));
}

/// A file may not grow past some KiB, as on a disk that is full: the message names the file, and
/// no half of it is left.
#[cfg(unix)]
#[test]
fn a_full_disk_is_named() {
    let folder = TempDir::new().expect("a temporary folder");
    let arguments = small(folder.path(), &["--layers", "64", "--quiet"]);
    // Ignored, the signal for an overlong file becomes an error of the write.
    let script = "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\"";
    let output = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_chainrule")])
        .args(&arguments)
        .env_remove("CHAINRULE_DATA")
        .output()
        .expect("sh starts");
    assert_failure(&output, &["checkpoint.safetensors", "cannot be written", "space"]);
    let mut left: Vec<_> = std::fs::read_dir(folder.path())
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    left.sort();
    assert_eq!(left, [".lock", "settings.json"]);
}

#[test]
fn a_prediction_finds_the_digit_on_either_ground_and_at_any_size() {
    let folder = TempDir::new().expect("a temporary folder");
    let more = ["--samples", "6000", "--epochs", "6", "--layers", "64"];
    assert_success(&run(&small(folder.path(), &more)));
    let digits = chainrule::data::digits::draw(40, 4);
    let mut right = 0;
    for sample in 0..digits.len() {
        let mut pixels = [0.0_f32; 784];
        digits.read(sample, &mut pixels);
        // Dark on light where the sample is odd, four times as large where it is a multiple of 3.
        let dark = sample % 2 == 1;
        let picture = image::GrayImage::from_fn(28, 28, |x, y| {
            let ink = (pixels[(y * 28 + x) as usize] * 200.0) as u8;
            image::Luma([if dark { 255 - ink } else { ink }])
        });
        let picture = match sample % 3 {
            0 => image::imageops::resize(&picture, 112, 112, image::imageops::FilterType::Triangle),
            _ => picture,
        };
        let file = folder.path().join(format!("{sample}.png"));
        picture.save(&file).expect("a PNG");
        let path = [text(folder.path()), text(&file)];
        let output = run(&["predict", path[0], path[1], "--json"]);
        assert_success(&output);
        let answer: Value = serde_json::from_str(&stdout(&output)).expect("one JSON object");
        let prediction = &answer["predictions"][0];
        let probabilities = prediction["probabilities"].as_array().expect("a list");
        let sum: f64 = probabilities.iter().map(|p| p.as_f64().expect("a number")).sum();
        assert!(probabilities.len() == 10 && (sum - 1.0).abs() < 1e-5, "{answer}");
        right += usize::from(prediction["class"] == digits.label(sample));
    }
    assert!(right >= 32, "{right} of 40");
}

#[test]
fn predict_names_files_that_are_no_pictures_and_no_models() {
    let temporary = TempDir::new().expect("a temporary folder");
    let folder = temporary.path().join("run");
    assert_success(&run(&small(&folder, &["--epochs", "1"])));
    let path = |name: &str| temporary.path().join(name).to_str().expect("UTF-8").to_owned();
    std::fs::write(path("words.png"), "no picture").expect("a file");
    image::GrayImage::new(30, 30).save(path("blank.png")).expect("a PNG");
    let model = path("run/model.safetensors");
    let bytes = std::fs::read(&model).expect("a model");
    std::fs::write(path("cut.safetensors"), &bytes[..bytes.len() / 2]).expect("a file");
    std::fs::write(path("foreign.safetensors"), safetensors_of_another()).expect("a file");
    let picture = path("digit.png");
    image::GrayImage::from_fn(28, 28, |x, _| image::Luma([if x == 14 { 255 } else { 0 }]))
        .save(&picture)
        .expect("a PNG");
    assert_failure(&run(&["predict", &model, &path("words.png")]), &["words.png", "not a PNG"]);
    assert_failure(&run(&["predict", &model, &path("none.png")]), &["none.png"]);
    assert_failure(&run(&["predict", &model, &path("blank.png")]), &["blank.png", "no digit"]);
    assert_failure(&run(&["predict", &model, &path("run")]), &["run", "PNG or JPEG"]);
    assert_failure(&run(&["predict", &path("none"), &picture]), &["none"]);
    assert_failure(&run(&["predict", &path("cut.safetensors"), &picture]), &["cut.safetensors"]);
    assert_failure(&run(&["predict", &picture, &picture]), &["digit.png", "safetensors"]);
    assert_failure(
        &run(&["predict", &path("foreign.safetensors"), &picture]),
        &["foreign.safetensors", "model"],
    );
}

/// A well-formed safetensors file that holds no model of this crate's.
fn safetensors_of_another() -> Vec<u8> {
    let header = r#"{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[0; 4]].concat()
}

#[test]
fn a_model_of_another_shape_is_named() {
    let temporary = TempDir::new().expect("a temporary folder");
    let folder = temporary.path().join("ellipse");
    let arguments = [
        "train",
        "--data",
        "ellipse",
        "--samples",
        "500",
        "--validation",
        "100",
        "--layers",
        "3",
        "--epochs",
        "1",
        "--out",
        text(&folder),
    ];
    assert_success(&run(&arguments));
    let picture = temporary.path().join("digit.png");
    image::GrayImage::from_fn(28, 28, |x, _| image::Luma([if x == 14 { 255 } else { 0 }]))
        .save(&picture)
        .expect("a PNG");
    let output = run(&["predict", text(&folder), text(&picture)]);
    assert_failure(&output, &["ellipse", "784", "inputs of 2 entries"]);
}

#[test]
fn gradcheck_prints_every_op_and_one_json_object() {
    let output = run(&["gradcheck"]);
    assert_success(&output);
    assert!(stdout(&output).contains("divide"));
    let output = run(&["gradcheck", "--json"]);
    assert_success(&output);
    let answer: Value = serde_json::from_str(&stdout(&output)).expect("one JSON object");
    let ops = answer["ops"].as_array().expect("a list");
    assert_eq!(ops.len(), chainrule::catalog::cases().count());
    for op in ops {
        assert!(op["op"].is_string() && op["step"].as_f64() > Some(0.0), "{op}");
        assert!(op["max_relative_error"].as_f64().expect("a number") <= 1e-6, "{op}");
    }
}

#[test]
fn gradcheck_checks_the_named_op_and_names_an_unknown_one() {
    let output = run(&["gradcheck", "divide"]);
    assert_success(&output);
    assert!(stdout(&output).contains("divide") && !stdout(&output).contains("matmul"));
    assert_failure(&run(&["gradcheck", "conjure"]), &["`conjure`", "divide"]);
}

#[test]
fn completions_name_the_subcommands() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = run(&["completions", shell]);
        assert_success(&output);
        assert!(stdout(&output).contains("gradcheck"), "{shell}");
    }
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let mut child = chainrule(&["gradcheck"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("the child ends");
    assert!(output.status.success() && stderr(&output).is_empty(), "{}", stderr(&output));
}

#[test]
fn data_says_what_is_there_and_verifies_it() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = text(folder.path());
    let output = run(&["data", "--data-dir", path]);
    assert_success(&output);
    let words = stdout(&output);
    assert!(words.contains(path) && words.contains("MNIST\n  not there"), "{words}");
    assert!(words.contains("data fetch cifar10"), "{words}");
    let output = run(&["data", "verify", "--data-dir", path]);
    assert_success(&output);
    assert!(stdout(&output).contains("train-images-idx3-ubyte.gz"), "{}", stdout(&output));
    for file in chainrule::data::known::MNIST {
        std::fs::write(folder.path().join(file.name), "no gzip").expect("a file");
    }
    let output = run(&["data", "verify", "--data-dir", path]);
    assert_failure(&output, &["train-images-idx3-ubyte.gz", "DAMAGED", "download the set again"]);
    let output = run(&["data", "--data-dir", path]);
    assert_success(&output);
    assert!(stdout(&output).contains("DAMAGED"), "{}", stdout(&output));
}

#[test]
fn a_mirror_that_is_not_there_is_named() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = text(folder.path());
    // A port that was free a moment ago: nobody answers there.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let mirror = format!("http://{}/", listener.local_addr().expect("an address"));
    drop(listener);
    let output = run(&["data", "fetch", "mnist", "--data-dir", path, "--mirror", &mirror]);
    assert_failure(&output, &[&mirror, "another mirror"]);
}
