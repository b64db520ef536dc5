//! What a stranger's bytes may come to: an error, or an answer that is one.
//!
//! Each function reads bytes as one kind of file, goes on with what was read as the command would, panics
//! where that went wrong, and tells whether there was an answer. `strangers.rs` gives them damaged files in seconds; the fuzzers, in
//! `fuzz/`, for as long as one likes.

use chainrule::checkpoint::Checkpoint;
use chainrule::cnn::{Cnn, Flagship};
use chainrule::command::picture::{DIGIT, PHOTOGRAPH, reader};
use chainrule::command::predict::Classifier;
use chainrule::command::settings::Settings;
use chainrule::data::augment::Augmentation;
use chainrule::data::inventory::{Status, inventory};
use chainrule::data::{Dataset, cifar, digits, ellipse, split};
use chainrule::model::Model;
use chainrule::optim::{Averaging, Rule, Schedule};
use chainrule::train::stopping::Stopping;
use chainrule::train::{Ending, Plan, TrainError, Training};
use chainrule::views::Views;
use chainrule::{Mlp, Real};
use flate2::Compression;
use flate2::write::GzEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::{GrayImage, ImageFormat, Luma, RgbImage};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::LazyLock;
use tempfile::TempDir;

/// More bytes than a plan here may ask for: that what is too large for a machine is refused, other tests
/// show.
const TOO_MUCH: f64 = 1e8;

/// Calls `read` with the path of a file of this name with these bytes.
fn with_file<R>(name: &str, bytes: &[u8], read: impl FnOnce(&Path) -> R) -> R {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("a file");
    read(&path)
}

/// A file that `predict` is given as a picture.
pub fn picture(bytes: &[u8]) -> bool {
    let answers = |path: &Path, features| {
        let read = reader(features).expect("pictures of that size are read");
        let Ok(picture) = read(path) else { return false };
        assert_eq!(picture.input.len(), features);
        assert!(picture.input.iter().all(|level| (0.0..=1.0).contains(level)));
        true
    };
    // Both: a blank one is no digit.
    with_file("picture", bytes, |path| {
        [DIGIT, PHOTOGRAPH].map(|size| answers(path, size)) == [true; 2]
    })
}

/// A gray picture as PNG and as JPEG, and a colored one.
pub fn pictures() -> Vec<Vec<u8>> {
    let hook = GrayImage::from_fn(40, 32, |x, y| {
        Luma([if (10..14).contains(&x) || (4..8).contains(&y) { 240 } else { 10 }])
    });
    let colors = RgbImage::from_fn(33, 20, |x, y| image::Rgb([7 * x as u8, 12 * y as u8, 128]));
    let mut files = vec![Vec::new(); 4];
    hook.write_to(&mut Cursor::new(&mut files[0]), ImageFormat::Png).expect("a PNG");
    colors.write_to(&mut Cursor::new(&mut files[1]), ImageFormat::Png).expect("a PNG");
    hook.write_with_encoder(JpegEncoder::new(&mut files[2])).expect("a JPEG");
    colors.write_with_encoder(JpegEncoder::new(&mut files[3])).expect("a JPEG");
    files
}

/// A file that `predict` is given as a model, or that Chainrule reads tensors from.
pub fn model(bytes: &[u8]) -> bool {
    static HOOK: LazyLock<Vec<u8>> = LazyLock::new(|| pictures().swap_remove(0));
    with_file("model.safetensors", bytes, |path| {
        if let Ok(read) = Checkpoint::<f64>::read(path) {
            rewrite(&read);
        }
        if let Ok(read) = Checkpoint::<f32>::read(path) {
            rewrite(&read);
        }
        let Ok(mut classifier) = Classifier::open(path) else { return false };
        let picture = path.with_file_name("hook.png");
        fs::write(&picture, &*HOOK).expect("a file");
        let Ok(prediction) = classifier.classify(&picture) else { return false };
        let sum = prediction.probabilities.iter().sum::<f32>();
        assert!((sum - 1.0).abs() < 1e-3, "{sum}");
        assert!(prediction.class < prediction.probabilities.len());
        true
    })
}

/// What was read is written, and read again, the same. Not all of it is equal to itself: NaN.
fn rewrite<T: Real>(read: &Checkpoint<T>) {
    with_file("again.safetensors", &[], |path| {
        read.write(path).expect("it is written");
        let again = Checkpoint::<T>::read(path).expect("what was written is read");
        assert_eq!(format!("{again:?}"), format!("{read:?}"));
    });
}

/// Untrained models, as files.
pub fn models() -> Vec<Vec<u8>> {
    let mlp = Mlp::new(&[DIGIT, 3, 10]).expect("a plan").batch_norm(true);
    let models = [
        Model::Mlp(mlp),
        Model::Cnn(Cnn::new([28, 28, 1], 2).filters(&[2])),
        Model::Flagship(Flagship::new([32, 32, 3], 2).filters([1, 2, 1])),
    ];
    let file = |model: &Model| {
        let plan = serde_json::to_string(model).expect("a plan is plain data");
        let network = model.network::<f32>(1, 29).expect("a network");
        let checkpoint = Checkpoint {
            tensors: network.tensors().into_iter().collect(),
            metadata: BTreeMap::from([
                ("model".to_owned(), plan),
                ("classes".to_owned(), r#"["one","two"]"#.to_owned()),
            ]),
        };
        bytes_of(&checkpoint)
    };
    models.iter().map(file).collect()
}

fn bytes_of(checkpoint: &Checkpoint<f32>) -> Vec<u8> {
    with_file("checkpoint.safetensors", &[], |path| {
        checkpoint.write(path).expect("it is written");
        fs::read(path).expect("it was written")
    })
}

fn checkpoint_of(bytes: &[u8]) -> Checkpoint<f32> {
    with_file("checkpoint.safetensors", bytes, |path| Checkpoint::read(path).expect("a sound file"))
}

/// The plan of a model file, the tensors being sound.
pub fn model_plan(plan: &str) -> bool {
    static MODELS: LazyLock<Vec<Checkpoint<f32>>> =
        LazyLock::new(|| models().iter().map(|model| checkpoint_of(model)).collect());
    let answers = |sound: &Checkpoint<f32>| {
        let mut file = sound.clone();
        file.metadata.insert("model".to_owned(), plan.to_owned());
        model(&bytes_of(&file))
    };
    MODELS.iter().filter(|sound| answers(sound)).count() > 0
}

/// The plans of [`models`].
pub fn plans() -> Vec<String> {
    models().iter().map(|model| checkpoint_of(model).metadata["model"].clone()).collect()
}

/// 24 points to train on, and 6 to validate on.
static POINTS: LazyLock<[Dataset; 2]> = LazyLock::new(|| {
    let points = ellipse::draw(30, ellipse::ELLIPSE, 5);
    split::by_counts(&points, [24, 6], 1).expect("24 and 6 are 30")
});

/// What a training leaves that was broken off in its second epoch.
static CHECKPOINT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut training = Training::<f32>::new(plan()).expect("a training");
    with_file("checkpoint.safetensors", &[], |path| {
        let watch = |training: &mut Training<f32>, stop: u64| {
            let mut updates = 0;
            let [train, validation] = &*POINTS;
            training.run(train, Some(validation), Some(path), |_| {
                updates += 1;
                if updates < stop { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })
        };
        // Three updates, the epoch, and one update more.
        assert_eq!(watch(&mut training, 5).expect("it trains"), Ending::Interrupted);
        fs::read(path).expect("it was saved")
    })
});

fn plan() -> Plan {
    Plan {
        model: Model::Mlp(Mlp::new(&[2, 3, 2]).expect("a plan")),
        epochs: 4,
        batch: 10,
        rule: Rule::Momentum { momentum: 0.9 },
        schedule: Schedule::WarmUp {
            steps: 2,
            then: Box::new(Schedule::Cosine { rate: 0.1, last: 0.0, steps: 9 }),
        },
        l2: 1e-4,
        augmentation: Augmentation::NONE,
        averaging: Some(Averaging::Lookahead { every: 2, weight: 0.5 }),
        views: Views::One,
        seeds: 3.into(),
        stopping: Some(Stopping::patience(2)),
        keep_best: true,
    }
}

/// A sound checkpoint's bytes.
pub fn checkpoint() -> &'static [u8] {
    &CHECKPOINT
}

/// What a sound checkpoint says of its training.
pub fn account() -> String {
    checkpoint_of(&CHECKPOINT).metadata["training"].clone()
}

/// A file that `train --resume` goes on with; as it is, and with a checksum that fits.
pub fn training(bytes: &[u8]) -> bool {
    with_file("checkpoint.safetensors", bytes, |path| {
        let _ = resume(path);
        let Ok(mut checkpoint) = Checkpoint::<f32>::read(path) else { return false };
        checkpoint.seal();
        checkpoint.write(path).expect("it is written");
        resume(path).is_ok()
    })
}

/// What a checkpoint says of its training, the tensors being sound and the checksum fitting.
pub fn training_account(account: &str) -> bool {
    let mut checkpoint = checkpoint_of(&CHECKPOINT);
    checkpoint.metadata.insert("training".to_owned(), account.to_owned());
    training(&bytes_of(&checkpoint))
}

/// Goes on with a training for one update.
fn resume(path: &Path) -> Result<(), TrainError> {
    if is_too_much(path) {
        return Ok(());
    }
    let mut training = Training::<f32>::resume(path)?;
    let step = training.position().step;
    let [train, validation] = &*POINTS;
    let ending = training.run(train, Some(validation), None, |_| ControlFlow::Break(()))?;
    let done = training.position().step - step;
    assert!(done <= 1 && (ending == Ending::Interrupted || done == 0), "{ending:?} after {done}");
    Ok(())
}

fn is_too_much(path: &Path) -> bool {
    let Ok(checkpoint) = Checkpoint::<f32>::read(path) else { return false };
    let account = checkpoint.metadata.get("training").map(String::as_str).unwrap_or_default();
    let account = serde_json::from_str::<serde_json::Value>(account).unwrap_or_default();
    let plan = serde_json::from_value::<Plan>(account["plan"].clone());
    plan.is_ok_and(|plan| plan.model.entries().bytes::<f32>(plan.batch) > TOO_MUCH)
}

/// The settings of a training.
pub fn settings(text: &[u8]) -> bool {
    static DIGITS: LazyLock<Dataset> = LazyLock::new(|| digits::draw(20, 1));
    let Ok(settings) = serde_json::from_slice::<Settings>(text) else { return false };
    let plan = settings.check().and_then(|()| settings.plan(&DIGITS));
    let small = |plan: &Plan| plan.model.entries().bytes::<f32>(plan.batch) < TOO_MUCH;
    let Some(plan) = plan.ok().filter(small) else { return false };
    let Ok(mut training) = Training::<f32>::new(plan) else { return false };
    training.run(&DIGITS, Some(&DIGITS), None, |_| ControlFlow::Break(())).is_ok()
}

/// Settings as trainings write them.
pub fn all_settings() -> Vec<String> {
    let mlp = r#"{"data":"digits","samples":20,"validation":5,"model":"mlp","layers":[4,3],
        "activation":["relu","gelu"],"init":"he-normal","batch_norm":true,"dropout":0.1,
        "optimizer":{"rule":"nesterov","momentum":0.9},"rate":0.01,"schedule":"cosine","batch":10,"epochs":2,"l2":0.001,
        "smoothing":0.1,"averaging":"exponential","warm_up":2,"patience":1,"seed":29,"init_seed":3}"#;
    let cnn = r#"{"data":"auto","test_data":"mnist","validation":0,"model":"cnn","filters":[2],
        "batch_norm":false,"dropout":0,"momentum":0.5,"flip":"random","translate":1,"cutout":4,
        "views":"flip-and-shift","warm_up":0,"seed":1,"order_seed":2,"batch":5,"epochs":1}"#;
    [mlp, cnn].map(str::to_owned).into()
}

/// Labels in the IDX format, as they are and as gzip.
pub fn idx(bytes: &[u8]) -> bool {
    let is_sound = |name: &str| {
        with_file(name, bytes, |path| {
            let folder = path.parent().expect("it is in a folder");
            let found = inventory(&[folder]);
            assert_eq!(found.len(), 1);
            !matches!(found[0].status, Status::Damaged(_))
        })
    };
    ["t10k-labels-idx1-ubyte", "t10k-labels-idx1-ubyte.gz"].map(is_sound).contains(&true)
}

/// Labels for 10,000 images, as they are and as gzip.
pub fn labels() -> Vec<Vec<u8>> {
    let header = [0x801_u32, 10_000].map(u32::to_be_bytes).concat();
    let labels = [header, (0..10_000).map(|i| (i % 10) as u8).collect()].concat();
    vec![gzip(&labels), labels]
}

/// An archive that is not CIFAR-10's, as it is and in a gzip file.
pub fn archive(bytes: &[u8]) {
    for bytes in [bytes, &gzip(bytes)] {
        with_file("cifar-10-binary.tar.gz", bytes, |path| {
            let folder = path.parent().expect("it is in a folder");
            assert!(cifar::load(folder).is_err(), "fewer bytes than CIFAR-10 has");
        });
    }
}

/// An archive with batches that are too short, as it is and as gzip.
pub fn archives() -> Vec<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for name in ["data_batch_1.bin", "test_batch.bin"] {
        let mut header = tar::Header::new_gnu();
        header.set_size(700);
        header.set_mode(0o644);
        let path = format!("cifar-10-batches-bin/{name}");
        archive.append_data(&mut header, path, &[7; 700][..]).expect("a file");
    }
    let tar = archive.into_inner().expect("an archive");
    vec![gzip(&tar), tar]
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}
