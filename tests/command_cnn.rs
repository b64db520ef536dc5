//! The command with convolutional networks: trainings, predictions, and what it refuses.

#![cfg(feature = "cli")]

use crate::process::{assert_failure, assert_success, chainrule, run, stderr, stdout, text};
use chainrule::checkpoint::Checkpoint;
use chainrule::data::pictures;
use chainrule::record::Record;
use image::{GrayImage, Luma, Rgb, RgbImage};
use serde_json::Value;
use std::path::Path;
use tempfile::TempDir;

/// A small training: seconds, not minutes.
const SMALL: &[&str] = &[
    "train",
    "--data",
    "pictures",
    "--samples",
    "140",
    "--validation",
    "40",
    "--batch",
    "32",
    "--epochs",
    "2",
    "--views",
    "flip",
];

/// Arguments of the small training into `folder`, with `more`.
fn small<'a>(folder: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    [SMALL, &["--out", text(folder)], more].concat()
}

fn model(folder: &Path) -> Checkpoint<f32> {
    Checkpoint::read(&folder.join("model.safetensors")).expect("the training wrote a model")
}

fn svg(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Trains with `arguments` and looks at what is written: how many `images` each figure of the layers
/// shows, its scale included.
fn assert_trains(arguments: &[&str], network: &str, images: &[(&str, usize)]) {
    let folder = TempDir::new().expect("a temporary folder");
    let output = run(&small(folder.path(), arguments));
    assert_success(&output);
    assert!(stdout(&output).contains(&format!("Network:  {network} (")), "{}", stdout(&output));
    let record = std::fs::read_to_string(folder.path().join("metrics.json")).expect("a record");
    let record: Record = serde_json::from_str(&record).expect("what was written is read");
    assert_eq!((record.epochs.len(), record.data.train, record.data.test), (2, 100, 140));
    for (name, images) in images {
        let figure = svg(folder.path(), &format!("{name}.svg"));
        assert_eq!(figure.matches("<image").count(), *images, "{name}");
        assert!(folder.path().join(format!("{name}.png")).exists(), "{name}");
    }
    assert!(!folder.path().join("weights.svg").exists());
    // The first test picture, of which the maps are.
    let class = pictures::NAMES[pictures::draw(1, 2).label(0)];
    let (maps, _) = images[1];
    assert!(svg(folder.path(), &format!("{maps}.svg")).contains(&format!("\n{class}\n")));
    assert_predicts(folder.path());
}

/// A picture in color is classified as the library does it, and a gray digit with a notice.
fn assert_predicts(folder: &Path) {
    let drawn = pictures::draw(1, 4);
    let mut input = [0.0_f32; 3_072];
    drawn.read(0, &mut input);
    let picture = RgbImage::from_fn(32, 32, |x, y| {
        let pixel = 3 * (y * 32 + x) as usize;
        Rgb([0, 1, 2].map(|channel| (255.0 * input[pixel + channel]).round() as u8))
    });
    let file = folder.join("picture.png");
    picture.save(&file).expect("a PNG");
    let output = run(&["predict", text(folder), text(&file), "--json"]);
    assert_success(&output);
    assert_eq!(stderr(&output), "");
    let answer: Value = serde_json::from_str(&stdout(&output)).expect("one JSON object");
    let found = answer["predictions"][0]["probabilities"].as_array().expect("a list");
    let saved = model(folder);
    let plan: chainrule::model::Model =
        serde_json::from_str(&saved.metadata["model"]).expect("a plan");
    let mut network = plan.network(1, 0).expect("a network");
    network.restore(|name| saved.tensors.get(name).cloned()).expect("its tensors");
    let expected = network.probabilities(&input).expect("of its size");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found.as_f64().expect("a number") - f64::from(expected)).abs() < 1e-4);
    }
    let digit = folder.join("digit.png");
    let bar = GrayImage::from_fn(28, 28, |x, _| Luma([if x == 14 { 255 } else { 0 }]));
    bar.save(&digit).expect("a PNG");
    let output = run(&["predict", text(folder), text(&digit)]);
    assert_success(&output);
    let notice = "digit.png: gray: the model sees it with equal colors";
    assert!(stderr(&output).contains(notice), "{}", stderr(&output));
}

#[test]
fn a_lenet_is_trained_and_used() {
    let images = [("filters", 6 + 1), ("maps-conv1", 1 + 6 + 1), ("maps-conv2", 1 + 16 + 1)];
    assert_trains(&["--model", "lenet"], "LeNet", &images);
}

#[test]
fn a_cnn_is_trained_and_used() {
    // Of 70 filters 64 are shown; of three layers' maps those of two.
    let more = ["--model", "cnn", "--filters", "4,70,3", "--batch-norm", "--dropout", "0.1"];
    let images = [("filters", 4 + 1), ("maps-conv1", 1 + 4 + 1), ("maps-conv2", 1 + 64 + 1)];
    assert_trains(&more, "CNN of 4-70-3 filters", &images);
}

#[test]
fn a_cnn_with_hidden_layers_is_trained_and_used() {
    let more = ["--model", "cnn", "--filters", "4,3", "--layers", "12,8", "--dropout", "0.1"];
    let images = [("filters", 4 + 1), ("maps-conv1", 1 + 4 + 1), ("maps-conv2", 1 + 3 + 1)];
    assert_trains(&more, "CNN of 4-3 filters and 12-8 hidden units", &images);
}

#[test]
fn a_flagship_is_trained_and_used() {
    let more = ["--model", "flagship", "--filters", "3,4,5"];
    let images = [("filters", 24 + 1), ("maps-whiten", 1 + 24 + 1), ("maps-block1", 1 + 3 + 1)];
    assert_trains(&more, "flagship of 3-4-5 filters", &images);
}

#[test]
fn digits_are_read_by_convolutions_too() {
    let folder = TempDir::new().expect("a temporary folder");
    let more = ["--model", "lenet", "--data", "digits", "--views", "one"];
    assert_success(&run(&small(folder.path(), &more)));
    // Gray filters have the signs of weights; nothing is mirrored.
    assert!(svg(folder.path(), "filters.svg").contains("(vermilion) over 0 (the page)"));
    let record = svg(folder.path(), "metrics.json");
    assert!(record.contains("\"flip\": \"none\""), "{record}");
    let file = folder.path().join("digit.png");
    let bar = GrayImage::from_fn(28, 28, |x, _| Luma([if x == 14 { 255 } else { 0 }]));
    bar.save(&file).expect("a PNG");
    assert_success(&run(&["predict", text(folder.path()), text(&file)]));
}

#[test]
fn an_mlp_shows_weights_on_colors() {
    let folder = TempDir::new().expect("a temporary folder");
    assert_success(&run(&small(folder.path(), &["--layers", "12", "--views", "one"])));
    let figure = svg(folder.path(), "weights.svg");
    assert_eq!(figure.matches("<image").count(), 12 + 1);
    assert!(figure.contains("for red, green and blue"));
    assert!(!folder.path().join("filters.svg").exists());
}

#[cfg(unix)]
#[test]
fn ctrl_c_breaks_off_a_cnn_that_resumes_to_the_same_bits() {
    use std::process::{Command, Stdio};
    let temporary = TempDir::new().expect("a temporary folder");
    let (whole, broken) = (temporary.path().join("whole"), temporary.path().join("broken"));
    // Long enough that it is not over before the signal comes.
    let more = "--model cnn --filters 4,6 --batch-norm --dropout 0.2 --averaging lookahead \
                --cutout 6 --epochs 25";
    let more: Vec<&str> = more.split_whitespace().collect();
    assert_success(&run(&small(&whole, &more)));
    let child = chainrule(&small(&broken, &more))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    while !broken.join("checkpoint.safetensors").exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(killed.expect("kill starts").success());
    let output = child.wait_with_output().expect("the child ends");
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert!(!broken.join("model.safetensors").exists());
    assert_success(&run(&["train", "--resume", text(&broken)]));
    assert_eq!(model(&whole), model(&broken));
}

#[test]
fn settings_that_make_no_network_are_named() {
    let folder = TempDir::new().expect("a temporary folder");
    let cases: &[(&[&str], &[&str])] = &[
        (&["--model", "flagship", "--filters", "1,2"], &["three blocks", "--filters", "three"]),
        (&["--model", "cnn", "--filters", "2,2,2,2,2,2"], &["max_pool", "[32, 1, 1, 2]"]),
        (&["--model", "lenet", "--filters", "8"], &["--filters", "cnn", "flagship"]),
        (&["--layers", "8", "--filters", "8"], &["--filters", "cnn", "flagship"]),
        (&["--model", "lenet", "--batch-norm"], &["--batch-norm", "mlp", "cnn"]),
        (&["--model", "flagship", "--dropout", "0.1"], &["--dropout", "mlp", "cnn"]),
        (&["--model", "lenet", "--smoothing", "0.1"], &["--smoothing"]),
        (&["--model", "cnn", "--data", "ellipse"], &["points and a conic", "[2]", "--model mlp"]),
        (
            &["--model", "flagship", "--data", "ellipse"],
            &["points and a conic", "[2]", "--model mlp"],
        ),
        (&["--model", "cnn", "--translate", "32"], &["translation", "at most 31"]),
    ];
    for (k, (arguments, words)) in cases.iter().enumerate() {
        let folder = folder.path().join(k.to_string());
        assert_failure(&run(&small(&folder, arguments)), words);
        assert!(!folder.exists(), "nothing is made for a training that cannot begin");
    }
    let output = run(&["train", "--model", "transformer"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("mlp, lenet, cnn, flagship"), "{}", stderr(&output));
}

#[test]
fn a_model_file_of_another_architecture_is_named() {
    let folder = TempDir::new().expect("a temporary folder");
    let more = ["--model", "cnn", "--filters", "3", "--epochs", "1", "--views", "one"];
    assert_success(&run(&small(folder.path(), &more)));
    let picture = folder.path().join("picture.png");
    RgbImage::from_fn(32, 32, |x, y| Rgb([x as u8, y as u8, 0])).save(&picture).expect("a PNG");
    let predict = |change: &dyn Fn(&mut Checkpoint<f32>)| {
        let mut changed = model(folder.path());
        change(&mut changed);
        let file = folder.path().join("changed.safetensors");
        changed.write(&file).expect("it is written");
        run(&["predict", text(&file), text(&picture)])
    };
    assert_success(&predict(&|_| {}));
    let plan = |changed: &mut Checkpoint<f32>, from: &str, to: &str| {
        let model = changed.metadata.get_mut("model").expect("a plan");
        assert!(model.contains(from), "{model}");
        *model = model.replace(from, to);
    };
    let wider = predict(&|changed| plan(changed, "\"filters\":[3]", "\"filters\":[4]"));
    let words = ["changed.safetensors", "conv1.weight", "[3, 3, 3, 3]", "another architecture"];
    assert_failure(&wider, &words);
    let normalized =
        predict(&|changed| plan(changed, "\"batch_norm\":false", "\"batch_norm\":true"));
    assert_failure(&normalized, &["changed.safetensors", "norm1.weight", "another architecture"]);
    let missing = predict(&|changed| {
        changed.tensors.remove("fc.bias").expect("a bias");
    });
    assert_failure(&missing, &["changed.safetensors", "no tensor fc.bias"]);
    let unknown = predict(&|changed| plan(changed, "\"cnn\"", "\"transformer\""));
    assert_failure(&unknown, &["changed.safetensors", "transformer"]);
}
