//! The command on pictures in color: trainings with augmentation, predictions, CIFAR-10's files.

#![cfg(feature = "cli")]

use crate::process::{assert_failure, assert_success, run, stderr, stdout, text};
use chainrule::checkpoint::Checkpoint;
use chainrule::data::augment::{Augmentation, Flip};
use chainrule::data::{cifar, folder, pictures};
use chainrule::record::Record;
use image::{GrayImage, ImageBuffer, Luma, Rgb, RgbImage};
use serde_json::Value;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A small training: seconds, not minutes.
const SMALL: &[&str] = &[
    "train",
    "--data",
    "pictures",
    "--samples",
    "600",
    "--validation",
    "100",
    "--layers",
    "16",
    "--batch",
    "32",
    "--epochs",
    "2",
];

/// Arguments of the small training into `folder`, with `more`.
fn small<'a>(folder: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    [SMALL, &["--out", text(folder)], more].concat()
}

#[test]
fn a_training_on_pictures_is_augmented_and_drawn_in_color() {
    let folder = TempDir::new().expect("a temporary folder");
    let more = ["--flip", "alternating", "--translate", "2", "--cutout", "8"];
    let output = run(&small(folder.path(), &more));
    assert_success(&output);
    let words = stdout(&output);
    assert!(words.contains("drawn pictures"), "{words}");
    assert!(words.contains("Images:   flip alternating, translate 2, cutout 8"), "{words}");
    let record = std::fs::read_to_string(folder.path().join("metrics.json")).expect("a record");
    let record: Record = serde_json::from_str(&record).expect("what was written is read");
    let expected =
        Augmentation { flip: Flip::Alternating, translate: 2, cutout: 8, ..Augmentation::NONE };
    assert_eq!(record.plan.augmentation, expected);
    assert_eq!((record.data.train, record.data.test), (500, 600));
    let svg = std::fs::read_to_string(folder.path().join("predictions.svg")).expect("a figure");
    assert_eq!(svg.matches("<image").count(), 40);
    assert!(svg.contains("crescent"), "classes have names");
    let svg = std::fs::read_to_string(folder.path().join("confusion.svg")).expect("a figure");
    assert!(svg.contains("triangle"), "classes have names");
    let model = Checkpoint::<f32>::read(&folder.path().join("model.safetensors")).expect("a model");
    let names: Vec<String> = serde_json::from_str(&model.metadata["classes"]).expect("a list");
    assert_eq!(names, pictures::NAMES);
}

#[test]
fn the_number_of_threads_changes_no_bit_of_an_augmented_training() {
    let models = ["1", "2", "3"].map(|threads| {
        let folder = TempDir::new().expect("a temporary folder");
        // Large enough that the loading of a batch is split between threads.
        let more = ["--batch", "200", "--flip", "random", "--translate", "4", "--threads", threads];
        assert_success(&run(&small(folder.path(), &more)));
        Checkpoint::<f32>::read(&folder.path().join("model.safetensors")).expect("a model").tensors
    });
    assert_eq!(models[0], models[1]);
    assert_eq!(models[0], models[2]);
}

#[test]
fn settings_that_fit_no_picture_are_named() {
    let folder = TempDir::new().expect("a temporary folder");
    let cases: &[(&[&str], &[&str])] = &[
        (&["--translate", "32"], &["translation", "32 x 32", "at most 31"]),
        (&["--cutout", "33"], &["cutout", "32 x 32", "at most 32"]),
        (&["--data", "ellipse", "--flip", "random"], &["shape [2]", "no image"]),
        (&["--test-data", "digits"], &["[32, 32, 3]", "[28, 28]", "--test-data"]),
    ];
    for (k, (arguments, words)) in cases.iter().enumerate() {
        let folder = folder.path().join(k.to_string());
        assert_failure(&run(&small(&folder, arguments)), words);
        assert!(!folder.exists(), "nothing is made for a training that cannot begin");
    }
    let output = run(&["train", "--flip", "upside-down"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("none, random, alternating"), "{}", stderr(&output));
}

#[test]
fn missing_photographs_are_named_with_the_ways_out() {
    let empty = TempDir::new().expect("a temporary folder");
    let folder = empty.path().join("run");
    let more = ["--data", "cifar10", "--data-dir", text(empty.path())];
    let output = run(&small(&folder, &more));
    let ways = ["cifar-10-binary.tar.gz", "data fetch cifar10", "--data pictures"];
    assert_failure(&output, &ways);
    assert!(!folder.exists(), "nothing is made for a training that cannot begin");
    let broken = empty.path().join("cifar-10-binary.tar.gz");
    std::fs::write(&broken, "no gzip").expect("a file");
    let output = run(&small(&folder, &more));
    assert_failure(&output, &["cifar-10-binary.tar.gz", "download it again"]);
}

#[test]
fn data_verify_names_a_damaged_archive() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = text(folder.path());
    std::fs::write(folder.path().join("cifar-10-binary.tar.gz"), "no gzip").expect("a file");
    let output = run(&["data", "--data-dir", path]);
    assert_success(&output);
    let words = stdout(&output);
    assert!(words.contains("cifar-10-binary.tar.gz\n    SHA-256 "), "{words}");
    assert!(words.contains("data verify` looks into it"), "{words}");
    let output = run(&["data", "verify", "--data-dir", path]);
    assert_failure(&output, &["cifar-10-binary.tar.gz", "DAMAGED", "download the set again"]);
}

/// Saves a picture and returns the class, the probabilities and the notice that it gets.
fn predict<P>(
    model: &Path,
    name: &str,
    picture: &ImageBuffer<P, Vec<u8>>,
) -> (Value, Vec<f64>, String)
where
    P: image::Pixel<Subpixel = u8> + image::PixelWithColorType,
{
    let file = model.join(name);
    picture.save(&file).expect("a PNG");
    let output = run(&["predict", text(model), text(&file), "--json"]);
    assert_success(&output);
    let answer: Value = serde_json::from_str(&stdout(&output)).expect("one JSON object");
    let prediction = answer["predictions"][0].clone();
    let probabilities = prediction["probabilities"].as_array().expect("a list");
    let numbers = probabilities.iter().map(|p| p.as_f64().expect("a number")).collect();
    (prediction, numbers, stderr(&output))
}

#[test]
fn a_prediction_takes_pictures_of_any_size_in_color_or_gray() {
    let folder = TempDir::new().expect("a temporary folder");
    assert_success(&run(&small(folder.path(), &["--quiet"])));
    let drawn = pictures::draw(8, 4);
    let mut input = [0.0_f32; 3_072];
    for sample in 0..8 {
        drawn.read(sample, &mut input);
        let small = RgbImage::from_fn(32, 32, |x, y| {
            let pixel = 3 * (y * 32 + x) as usize;
            Rgb([0, 1, 2].map(|channel| (255.0 * input[pixel + channel]).round() as u8))
        });
        let (answer, probabilities, notice) = predict(folder.path(), "small.png", &small);
        assert_eq!(notice, "");
        let class = answer["class"].as_u64().expect("a number") as usize;
        assert_eq!(answer["name"], pictures::NAMES[class]);
        // Three times as large, with bars at its sides that are cut off: the same picture.
        let large = RgbImage::from_fn(196, 96, |x, y| match x.checked_sub(50) {
            Some(x) if x < 96 => *small.get_pixel(x / 3, y / 3),
            _ => Rgb([255, 0, 0]),
        });
        let (_, same, _) = predict(folder.path(), "large.png", &large);
        for (p, q) in probabilities.iter().zip(same) {
            assert!((p - q).abs() < 0.02, "{p} {q}");
        }
    }
    let gray = GrayImage::from_fn(40, 40, |x, y| Luma([(3 * x + 2 * y) as u8]));
    let (_, probabilities, notice) = predict(folder.path(), "gray.png", &gray);
    assert!(notice.contains("gray.png: gray: the model sees it with equal colors"), "{notice}");
    let alike = RgbImage::from_fn(40, 40, |x, y| Rgb([(3 * x + 2 * y) as u8; 3]));
    assert_eq!(predict(folder.path(), "alike.png", &alike).1, probabilities);
    // In words, the classes have names; a model that was saved without has numbers.
    let picture = folder.path().join("gray.png");
    let words = stdout(&run(&["predict", text(folder.path()), text(&picture)]));
    assert!(words.contains("\n  crescent  ") && words.contains("\n  disk      "), "{words}");
    let path = folder.path().join("model.safetensors");
    let mut model = Checkpoint::<f32>::read(&path).expect("a model");
    model.metadata.remove("classes");
    model.write(&path).expect("it is written");
    let words = stdout(&run(&["predict", text(folder.path()), text(&picture)]));
    assert!(words.contains("\n  2  ") && !words.contains("crescent"), "{words}");
}

#[test]
fn a_model_of_digits_says_that_it_sees_no_color() {
    let folder = TempDir::new().expect("a temporary folder");
    assert_success(&run(&small(folder.path(), &["--data", "digits", "--quiet"])));
    let bar = |ink| RgbImage::from_fn(28, 28, |x, _| Rgb(if x == 14 { ink } else { [0; 3] }));
    let (answer, red, notice) = predict(folder.path(), "red.png", &bar([255, 40, 60]));
    assert!(notice.contains("red.png: in color: the model sees its brightness alone"), "{notice}");
    assert_eq!(answer["name"], answer["class"].to_string());
    let (_, white, notice) = predict(folder.path(), "white.png", &bar([255; 3]));
    assert_eq!((white, notice), (red, String::new()));
}

#[test]
fn the_real_photographs_are_known_and_trained_on() {
    let data = std::env::var_os(folder::VARIABLE).map(PathBuf::from);
    let Some(data) = data.filter(|data| cifar::locate(data).is_ok()) else {
        println!("data: no CIFAR-10 in {}; not tested", folder::VARIABLE);
        return;
    };
    let output = run(&["data", "verify", "--data-dir", text(&data)]);
    assert_success(&output);
    assert!(stdout(&output).contains("CIFAR-10: whole"), "{}", stdout(&output));
    let folder = TempDir::new().expect("a temporary folder");
    let more = ["--data", "cifar10", "--data-dir", text(&data), "--flip", "alternating"];
    let output = run(&small(folder.path(), &more));
    assert_success(&output);
    let words = stdout(&output);
    assert!(words.contains("Data:     CIFAR-10, 500 samples"), "{words}");
    let svg = std::fs::read_to_string(folder.path().join("predictions.svg")).expect("a figure");
    assert!(svg.contains("airplane"), "classes have names");
}
