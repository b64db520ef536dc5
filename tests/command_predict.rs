//! `predict` among strangers: pictures as phones write them, damaged and hostile ones, and model
//! files that are not what they say.

#![cfg(feature = "cli")]

use crate::process::{assert_failure, assert_success, chainrule, run, stderr, stdout, text};
use chainrule::checkpoint::Checkpoint;
use chainrule::cnn::{Cnn, Flagship, Lenet};
use chainrule::model::Model;
use chainrule::{Mlp, Tensor};
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, GrayImage, Luma, Rgba, RgbaImage};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What a training leaves: the tensors of `model`, untrained, with its plan.
fn checkpoint(model: &Model) -> Checkpoint<f32> {
    let network = model.network::<f32>(1, 29).expect("a network");
    let plan = serde_json::to_string(model).expect("a plan is plain data");
    Checkpoint {
        tensors: network.tensors().into_iter().collect(),
        metadata: BTreeMap::from([("model".to_owned(), plan)]),
    }
}

fn mlp() -> Model {
    Model::Mlp(Mlp::new(&[784, 16, 12, 10]).expect("a plan"))
}

/// A folder with a model, and its path in there.
fn folder_with(checkpoint: &Checkpoint<f32>) -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a temporary folder");
    let model = folder.path().join("model.safetensors");
    checkpoint.write(&model).expect("it is written");
    (folder, model)
}

/// A hook, light on dark: turned or mirrored it is another one.
fn hook() -> GrayImage {
    GrayImage::from_fn(64, 64, |x, y| {
        let ink = (16..24).contains(&x) && (8..56).contains(&y)
            || (24..48).contains(&x) && (8..16).contains(&y);
        Luma([if ink { 240 } else { 10 }])
    })
}

fn jpeg(picture: &GrayImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, 95);
    picture.write_with_encoder(encoder).expect("a JPEG");
    bytes
}

/// The JPEG with an EXIF segment that holds the orientation, and `more` behind that.
fn with_orientation(jpeg: &[u8], orientation: u8, more: &[u8]) -> Vec<u8> {
    // A TIFF, lowest bytes first, with one entry: tag 0x112 of type 3, a 16-bit number.
    let tiff = [0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0];
    let exif = [b"Exif\0\0II*\0\x08\0\0\0\x01\0", &tiff[..], more].concat();
    let length = (exif.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..]].concat()
}

/// The probabilities of each picture, by the answer's JSON.
fn probabilities(model: &Path, pictures: &[PathBuf]) -> Vec<Vec<f64>> {
    let mut arguments = vec!["predict", "--json", text(model)];
    arguments.extend(pictures.iter().map(|path| text(path)));
    let output = run(&arguments);
    assert_success(&output);
    let answer: Value = serde_json::from_str(&stdout(&output)).expect("one JSON object");
    let predictions = answer["predictions"].as_array().expect("a list");
    let of = |prediction: &Value| {
        let list = prediction["probabilities"].as_array().expect("a list");
        list.iter().map(|p| p.as_f64().expect("a number")).collect()
    };
    predictions.iter().map(of).collect()
}

#[test]
fn a_photograph_is_turned_as_its_camera_was_held() {
    let (folder, model) = folder_with(&checkpoint(&mlp()));
    // How the sensor saw the hook: the inverse of what each orientation undoes.
    let upright = || DynamicImage::ImageLuma8(hook());
    let seen = [
        upright(),
        upright().fliph(),
        upright().rotate180(),
        upright().flipv(),
        upright().rotate90().fliph(),
        upright().rotate270(),
        upright().rotate270().fliph(),
        upright().rotate90(),
    ];
    let mut files = Vec::new();
    for (orientation, picture) in (1..).zip(seen) {
        let file = folder.path().join(format!("{orientation}.jpg"));
        let bytes = with_orientation(&jpeg(&picture.into_luma8()), orientation, &[]);
        fs::write(&file, bytes).expect("a file");
        files.push(file);
    }
    let answers = probabilities(&model, &files);
    for (k, answer) in answers.iter().enumerate() {
        for (p, q) in answer.iter().zip(&answers[0]) {
            assert!((p - q).abs() < 0.01, "orientation {}: {answer:?} {:?}", k + 1, answers[0]);
        }
    }
}

/// Black ink, fainter above, on nothing: on paper it is black and gray.
#[test]
fn what_is_transparent_shows_white_paper() {
    let (folder, model) = folder_with(&checkpoint(&mlp()));
    let is_ink = |x, y| hook().get_pixel(x, y).0[0] > 100;
    let seen = DynamicImage::ImageRgba8(RgbaImage::from_fn(64, 64, |x, y| {
        let alpha = if !is_ink(x, y) { 0 } else { [128, 255][usize::from(y > 20)] };
        Rgba([0, 0, 0, alpha])
    }));
    let paper = DynamicImage::ImageLuma8(GrayImage::from_fn(64, 64, |x, y| {
        // 255·(255 − 128)/255 of the paper is seen through half of the ink.
        Luma([if !is_ink(x, y) { 255 } else { [127, 0][usize::from(y > 20)] }])
    }));
    let files = ["transparent.png", "paper.png"].map(|name| folder.path().join(name));
    for (file, picture) in files.iter().zip([seen, paper]) {
        picture.save(file).expect("a PNG");
    }
    let answers = probabilities(&model, &files);
    assert_eq!(answers[0], answers[1]);
}

#[test]
fn pictures_that_are_cut_short_are_refused() {
    let (folder, model) = folder_with(&checkpoint(&mlp()));
    let save = |name: &str, bytes: &[u8]| {
        let file = folder.path().join(name);
        fs::write(&file, bytes).expect("a file");
        file
    };
    // With a small picture of its own in front, as phones write: its end is not the end.
    let whole = with_orientation(&jpeg(&hook()), 1, &jpeg(&GrayImage::new(8, 8)));
    for cut in [whole.len() - 1, whole.len() - 2, whole.len() - 3, whole.len() - 100, 700] {
        let file = save("cut.jpg", &whole[..cut]);
        let output = run(&["predict", text(&model), text(&file)]);
        assert_failure(&output, &["cut.jpg", "cut short"]);
        assert_eq!(stdout(&output), "");
    }
    // Bytes behind the end are no harm: phones put films there.
    let followed = [&whole, &b"and more \xff\xd8\xff"[..]].concat();
    let files = [save("whole.jpg", &whole), save("followed.jpg", &followed)];
    let answers = probabilities(&model, &files);
    assert_eq!(answers[0], answers[1]);
    let png = folder.path().join("whole.png");
    hook().save(&png).expect("a PNG");
    let png = fs::read(&png).expect("a PNG");
    let file = save("cut.png", &png[..png.len() / 2]);
    let output = run(&["predict", text(&model), text(&file)]);
    assert_failure(&output, &["cut.png", "damaged"]);
}

#[test]
fn what_is_too_large_is_refused_before_it_takes_memory() {
    let (folder, model) = folder_with(&checkpoint(&mlp()));
    let help = stdout(&run(&["predict", "--help"]));
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("50 million pixels and 100 MB, which take less than 1 GB"), "{help}");
    let refused = |name: &str, words: &[&str]| {
        let file = folder.path().join(name);
        let output = run(&["predict", text(&model), text(&file)]);
        assert_failure(&output, &[&[name], words].concat());
    };
    // The frame header of a JPEG: 0xFFC0, a length, a depth, and then height and width.
    let mut bytes = jpeg(&hook());
    let frame = bytes.windows(2).position(|pair| pair == [0xff, 0xc0]).expect("a frame");
    bytes[frame + 5..frame + 9].copy_from_slice(&[0x32, 0xc8, 0x32, 0xc8]);
    fs::write(folder.path().join("large.jpg"), bytes).expect("a file");
    refused("large.jpg", &["13000 x 13000 pixels", "50 million", "1 GB"]);
    // The first chunk of a PNG: width and height, and a checksum at its end.
    let file = folder.path().join("large.png");
    hook().save(&file).expect("a PNG");
    let mut bytes = fs::read(&file).expect("a PNG");
    for (size, words) in [([20_000_u32; 2], "20000 x 20000"), ([1, 65_536], "1 x 65536")] {
        bytes[16..24].copy_from_slice(&size.map(u32::to_be_bytes).concat());
        let mut checksum = flate2::Crc::new();
        checksum.update(&bytes[12..29]);
        bytes[29..33].copy_from_slice(&checksum.sum().to_be_bytes());
        fs::write(&file, &bytes).expect("a file");
        refused("large.png", &[&format!("{words} pixels"), "50 million", "65535 a side"]);
    }
    let file = fs::File::create(folder.path().join("long.png")).expect("a file");
    file.set_len(100_000_001).expect("a long file");
    refused("long.png", &["100 MB"]);
}

#[cfg(unix)]
#[test]
fn pipes_and_devices_are_no_files() {
    let (folder, model) = folder_with(&checkpoint(&mlp()));
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo starts").success());
    for endless in [&pipe, Path::new("/dev/zero")] {
        let words = [text(endless), "a pipe or a device is there, no regular file"];
        assert_failure(&run(&["predict", text(&model), text(endless)]), &words);
        assert_failure(&run(&["predict", text(endless), "picture.png"]), &words);
    }
    let output = run(&["predict", text(&model), text(folder.path())]);
    assert_failure(&output, &["a folder is there, no regular file"]);
}

/// A process with 400 MB of address space, and a network whose answers take more.
#[cfg(unix)]
#[test]
fn a_network_that_takes_too_much_memory_is_refused_before_it_is_made() {
    let cnn = Model::Cnn(Cnn::new([28, 28, 1], 1).filters(&[40_000]));
    let file = Checkpoint::<f32> {
        // As many numbers as its weights, so that the plan is believed.
        tensors: BTreeMap::from([("many".to_owned(), Tensor::zeros(vec![8_200_000]))]),
        metadata: BTreeMap::from([("model".to_owned(), json!(&cnn).to_string())]),
    };
    let (_folder, model) = folder_with(&file);
    let script = "ulimit -v 400000; exec \"$0\" \"$@\"";
    let mut command = std::process::Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_chainrule"), "predict", text(&model), "x.png"]);
    let output = command.output().expect("sh starts");
    let words = ["model.safetensors: its network, CNN of 40000 filters", "at least", "of memory"];
    assert_failure(&output, &words);
}

#[test]
fn a_bad_picture_keeps_no_good_one_from_its_answer() {
    let (folder, model) = folder_with(&checkpoint(&mlp()));
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    for name in ["first.png", "last.png"] {
        hook().save(path(name)).expect("a PNG");
    }
    fs::write(path("bad.png"), "no picture").expect("a file");
    let pictures = [path("first.png"), path("bad.png"), path("none.png"), path("last.png")];
    let mut arguments = vec!["predict", text(&model)];
    arguments.extend(pictures.iter().map(String::as_str));
    let output = run(&arguments);
    assert_failure(&output, &["bad.png: not a PNG", "none.png: cannot be read"]);
    let words = stdout(&output);
    assert!(words.contains("first.png: ") && words.contains("last.png: "), "{words}");
    let output = run(&[&arguments[..], &["--json"]].concat());
    assert_failure(&output, &["bad.png", "none.png"]);
    let answer: Value = serde_json::from_str(&stdout(&output)).expect("one JSON object");
    let images = |list: &Value| -> Vec<String> {
        let list = list.as_array().expect("a list");
        list.iter().map(|entry| entry["image"].as_str().expect("a path").to_owned()).collect()
    };
    assert_eq!(images(&answer["predictions"]), [path("first.png"), path("last.png")]);
    assert_eq!(images(&answer["failures"]), [path("bad.png"), path("none.png")]);
    let reason = answer["failures"][0]["error"].as_str().expect("a reason");
    assert!(reason.contains("not a PNG"), "{reason}");
}

#[cfg(unix)]
#[test]
fn paths_need_not_be_text() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let (folder, model) = folder_with(&checkpoint(&mlp()));
    let picture = folder.path().join(OsStr::from_bytes(b"\xff.png"));
    hook().save_with_format(&picture, image::ImageFormat::Png).expect("a PNG");
    let output = chainrule(&["predict", "--json"]).arg(&model).arg(&picture).output();
    let output = output.expect("the command starts");
    assert_success(&output);
    let answer: Value = serde_json::from_str(&stdout(&output)).expect("one JSON object");
    assert!(answer["predictions"][0]["image"].as_str().expect("text").ends_with("\u{fffd}.png"));
}

#[test]
fn class_names_have_no_power_over_a_terminal() {
    let names = ["\u{1b}[31mred\u{1b}[0m", "two\nlines", "\u{9b}2J", "four"];
    let mut checkpoint = checkpoint(&mlp());
    checkpoint.metadata.insert("classes".to_owned(), json!(names).to_string());
    let (folder, model) = folder_with(&checkpoint);
    let picture = folder.path().join("hook.png");
    hook().save(&picture).expect("a PNG");
    // As on a terminal: where colors are wanted, none is taken out on the way.
    let run = |more: &[&str]| {
        let mut command = chainrule(&[&["predict", text(&model), text(&picture)], more].concat());
        command.env_remove("NO_COLOR").env("CLICOLOR_FORCE", "1").output().expect("it starts")
    };
    let output = run(&[]);
    assert_success(&output);
    let words = stdout(&output);
    assert!(!words.contains(|c: char| c.is_control() && c != '\n'), "{words:?}");
    for name in [r"\u001b[31mred\u001b[0m", r"two\u000alines", r"\u009b2J", "four"] {
        assert!(words.contains(name), "{name} is not in {words}");
    }
    // A line of the picture, and one of each class.
    assert_eq!(words.lines().count(), 1 + 10, "{words}");
    let output = run(&["--json"]);
    let words = stdout(&output);
    assert!(!words.contains(|c: char| c.is_control() && c != '\n'), "{words:?}");
    let answer: Value = serde_json::from_str(&words).expect("one JSON object");
    let class = answer["predictions"][0]["class"].as_u64().expect("a number") as usize;
    let name = names.get(class).map_or_else(|| class.to_string(), ToString::to_string);
    assert_eq!(answer["predictions"][0]["name"], name);
    // Nor is it filled with one: a line is as wide as the longest name.
    let long = json!(["short", "long ".repeat(20_000)]).to_string();
    checkpoint.metadata.insert("classes".to_owned(), long);
    checkpoint.write(&model).expect("it is written");
    assert_failure(&run(&[]), &["model.safetensors: the name of its class long", "100 characters"]);
    // Nor has what else a file says of itself.
    let mut foreign = checkpoint;
    foreign.metadata.insert("model".to_owned(), json!({ "\u{1b}[31m": {} }).to_string());
    foreign.write(&model).expect("it is written");
    let output = run(&[]);
    assert!(stderr(&output).contains(r"\u001b[31m"), "{}", stderr(&output));
    assert!(!stderr(&output).contains("\u{1b}[31m\u{1b}"), "{}", stderr(&output));
    assert_eq!(stderr(&output).matches("\u{1b}[31m").count(), 1, "the word `error:` alone is red");
}

#[test]
fn weights_that_are_no_numbers_give_an_error() {
    let fill = |value: f32| {
        let mut checkpoint = checkpoint(&mlp());
        let weight = checkpoint.tensors.get_mut("layers.0.weight").expect("a tensor");
        weight.fill(value);
        checkpoint
    };
    for (value, words) in [
        (f32::NAN, ["tensor layers.0.weight holds NaN at entry 0", "diverged"]),
        (f32::INFINITY, ["tensor layers.0.weight holds inf at entry 0", "diverged"]),
        (f32::MAX, ["hook.png", "no numbers"]),
    ] {
        let (folder, model) = folder_with(&fill(value));
        let picture = folder.path().join("hook.png");
        hook().save(&picture).expect("a PNG");
        let output = run(&["predict", text(&model), text(&picture)]);
        assert_failure(&output, &words);
        assert_eq!(stdout(&output), "");
    }
}

/// Changes a plan, and expects the command to refuse it.
#[track_caller]
fn refused(model: &Model, change: impl Fn(&mut Value), words: &[&str]) {
    let mut checkpoint = checkpoint(model);
    let mut plan: Value = serde_json::from_str(&checkpoint.metadata["model"]).expect("a plan");
    change(&mut plan);
    checkpoint.metadata.insert("model".to_owned(), plan.to_string());
    let (folder, model) = folder_with(&checkpoint);
    let picture = folder.path().join("hook.png");
    hook().save(&picture).expect("a PNG");
    let output = run(&["predict", text(&model), text(&picture)]);
    assert_failure(&output, &[&["model.safetensors"], words].concat());
}

#[test]
fn plans_are_checked_when_they_are_read() {
    for (key, value, words) in [
        ("widths", json!([784]), "at least an input and an output width"),
        ("widths", json!([]), "at least an input and an output width"),
        ("widths", json!([784, 0, 12, 10]), "layer 1 has width 0"),
        ("activations", json!([]), "0 activations for 2 hidden layers"),
        ("activations", json!(["relu", "relu", "relu"]), "3 activations for 2 hidden layers"),
        ("widths", json!([784, 600_000, 12, 10]), "784-600000-12-10, has more than"),
        ("widths", json!([784, usize::MAX, usize::MAX, 10]), "has more than"),
    ] {
        refused(&mlp(), |plan| plan["mlp"][key] = value.clone(), &[words]);
    }
    let image = [28, 28, 1];
    let huge = json!([usize::MAX, 2, usize::MAX]);
    let cnn = Model::Cnn(Cnn::new(image, 10).filters(&[2, 3]));
    let lenet = Model::Lenet(Lenet::new(image, 10));
    let flagship = Model::Flagship(Flagship::new([32, 32, 3], 10).filters([2, 2, 2]));
    for (key, model) in [("cnn", &cnn), ("lenet", &lenet), ("flagship", &flagship)] {
        refused(model, |plan| plan[key]["image"] = huge.clone(), &["takes inputs of"]);
        refused(model, |plan| plan[key]["classes"] = json!(usize::MAX), &["has more than"]);
        refused(model, |plan| plan[key]["classes"] = json!(0), &["empty"]);
    }
    refused(&cnn, |plan| plan["cnn"]["filters"] = json!([2, 1_000_000_000]), &["has more than"]);
    refused(&cnn, |plan| plan["cnn"]["filters"] = json!(vec![1; 9]), &["max_pool", "larger than"]);
    let blocks = json!([2, 2, 1_000_000_000]);
    refused(&flagship, |plan| plan["flagship"]["filters"] = blocks.clone(), &["has more than"]);
    let kernel = json!(1_000_000_000_u64);
    let whiten = |plan: &mut Value| plan["flagship"]["whitening"]["kernel"] = kernel.clone();
    refused(&flagship, whiten, &["has more than"]);
}

/// The counts that a plan is refused by are those of the networks.
#[test]
fn no_plan_counts_more_weights_than_its_network_has() {
    let models = [
        mlp(),
        Model::Cnn(Cnn::new([28, 28, 1], 10).filters(&[2, 3])),
        Model::Cnn(Cnn::new([9, 11, 2], 3).filters(&[])),
        Model::Lenet(Lenet::new([28, 28, 1], 10)),
        Model::Flagship(Flagship::new([32, 32, 3], 10).filters([2, 3, 4])),
    ];
    for model in models {
        let network = model.network::<f32>(1, 29).expect("a network");
        let weights = network.tensors().into_iter().filter(|(_, tensor)| tensor.ndim() > 1);
        let weights: usize = weights.map(|(_, tensor): (_, Tensor<f32>)| tensor.len()).sum();
        assert_eq!(model.entries().weights(), weights as f64, "{model}");
        assert_eq!(model.features(), network.features(), "{model}");
    }
}
