//! Where a training's data come from: files, or the crate's own pen.

use super::console::{Failure, program};
use super::recipe::Kind;
use super::settings::{Settings, Source};
use crate::data::folder::{self, NoFolder};
use crate::data::{Dataset, cifar, digits, ellipse, mnist, pictures, split};
use crate::memory;
use crate::record;
use indicatif::HumanCount;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Fixes the drawn data: the same for every training, whatever its own seed.
const DRAWING: u64 = 1;
/// Points to train on and to test on.
const POINTS: [usize; 2] = [60_000, 10_000];

/// Data, of which part is for training and part for the test at the end.
pub struct Data {
    /// Their short name, for folders.
    pub kind: &'static str,
    pub train: Dataset,
    pub validation: Option<Dataset>,
    pub test: Dataset,
    /// What a human should know of them.
    pub notices: Vec<String>,
    sha256: BTreeMap<String, String>,
}

/// A set before its training samples are divided.
struct Whole {
    kind: &'static str,
    train: Dataset,
    test: Dataset,
    notices: Vec<String>,
    sha256: BTreeMap<String, String>,
}

/// The data that `settings` ask for.
pub fn open(settings: &Settings, data_dir: Option<&Path>) -> Result<Data, Failure> {
    let variable = std::env::var_os(folder::VARIABLE);
    // Drawn data need none.
    let folder = folder::choose(data_dir, variable.as_deref(), folder::platform);
    let folder = folder.as_deref().map_err(|&none| none);
    let mut whole = read(settings.data, settings.model, settings.samples, folder)?;
    if let Some(test) = settings.test_data {
        let other = read(test, settings.model, None, folder)?;
        if other.test.shape() != whole.train.shape() {
            return Err(Failure::new(format!(
                "{} has inputs of shape {:?}, {} of {:?}: a network takes one shape. Name another \
                 set with --test-data",
                whole.train.name(),
                whole.train.shape(),
                other.test.name(),
                other.test.shape()
            )));
        }
        whole.test = other.test;
        whole.sha256.extend(other.sha256);
        whole.notices.extend(other.notices);
    }
    let samples = settings.samples.unwrap_or(whole.train.len());
    let rest = settings.to_train_on(samples)?;
    let (train, validation) = match settings.validation {
        0 => {
            let [train] = split::by_counts(&whole.train, [rest], settings.seed)?;
            (train, None)
        }
        held_out => {
            let [train, held_out] =
                split::by_counts(&whole.train, [rest, held_out], settings.seed)?;
            (train, Some(held_out))
        }
    };
    whole.notices.push(format!(
        "Data:     {}, {} samples to train on, {} to validate, {} to test{}",
        train.name(),
        HumanCount(train.len() as u64),
        HumanCount(settings.validation as u64),
        HumanCount(whole.test.len() as u64),
        if whole.test.name() == train.name() {
            String::new()
        } else {
            format!(" ({})", whole.test.name())
        }
    ));
    let Whole { kind, test, notices, sha256, .. } = whole;
    Ok(Data { kind, train, validation, test, notices, sha256 })
}

fn read(
    source: Source,
    kind: Kind,
    samples: Option<usize>,
    folder: Result<&Path, NoFolder>,
) -> Result<Whole, Failure> {
    match source {
        Source::Auto => automatic(kind, samples, folder),
        Source::Mnist => mnist::load(folder?).map(from_mnist).map_err(|error| {
            let advice = match error {
                mnist::MnistError::Missing { .. } => {
                    format!(". `{} data fetch mnist` downloads it", program())
                }
                _ => String::new(),
            };
            Failure::new(format!("{error}{advice}"))
        }),
        Source::Digits => drawn("digits", digits::draw, mnist::COUNTS, samples),
        Source::Cifar10 => cifar::load(folder?).map(from_cifar).map_err(|error| {
            let advice = match error {
                cifar::CifarError::Missing { .. } => format!(
                    ". `{} data fetch cifar10` downloads it; `--data pictures` trains on pictures \
                     that this program draws",
                    program()
                ),
                _ => String::new(),
            };
            Failure::new(format!("{error}{advice}"))
        }),
        Source::Pictures => drawn("pictures", pictures::draw, cifar::COUNTS, samples),
        Source::Ellipse => {
            let samples = samples.unwrap_or(POINTS[0]);
            require_samples(samples, size_of::<[f32; 2]>())?;
            Ok(Whole {
                kind: "ellipse",
                train: ellipse::draw(samples, ellipse::ELLIPSE, DRAWING),
                test: ellipse::draw(POINTS[1], ellipse::ELLIPSE, DRAWING + 1),
                notices: Vec::new(),
                sha256: BTreeMap::new(),
            })
        }
    }
}

/// What suits the network: the real set where it is there, else its drawn counterpart, said aloud.
fn automatic(
    kind: Kind,
    samples: Option<usize>,
    folder: Result<&Path, NoFolder>,
) -> Result<Whole, Failure> {
    let (missing, fetch) = match kind {
        Kind::Mlp => ("MNIST", "mnist"),
        _ => ("CIFAR-10", "cifar10"),
    };
    let real = match (folder, kind) {
        (Err(NoFolder), _) => None,
        (Ok(folder), Kind::Mlp) => match mnist::load(folder) {
            Ok(set) => Some(from_mnist(set)),
            Err(mnist::MnistError::Missing { .. }) => None,
            Err(error) => return Err(error.into()),
        },
        (Ok(folder), _) => match cifar::load(folder) {
            Ok(set) => Some(from_cifar(set)),
            Err(cifar::CifarError::Missing { .. }) => None,
            Err(error) => return Err(error.into()),
        },
    };
    if let Some(real) = real {
        return Ok(real);
    }
    let mut whole = match kind {
        Kind::Mlp => drawn("digits", digits::draw, mnist::COUNTS, samples),
        _ => drawn("pictures", pictures::draw, cifar::COUNTS, samples),
    }?;
    let place = match folder {
        Ok(folder) => format!("in {}", folder.display()),
        Err(none) => format!("at hand ({none})"),
    };
    whole.notices.push(format!(
        "No {missing} {place}: training on {} that this program draws. `{} data fetch {fetch}` \
         downloads {missing}",
        whole.kind,
        program()
    ));
    Ok(whole)
}

fn from_mnist(set: mnist::Mnist) -> Whole {
    Whole {
        kind: "mnist",
        train: set.train,
        test: set.test,
        notices: set.notice.into_iter().collect(),
        sha256: checksums(set.files),
    }
}

fn from_cifar(set: cifar::Cifar) -> Whole {
    Whole {
        kind: "cifar10",
        train: set.train,
        test: set.test,
        notices: set.notice.into_iter().collect(),
        sha256: checksums(set.files),
    }
}

/// Of each file by its name.
fn checksums(files: impl IntoIterator<Item = mnist::Source>) -> BTreeMap<String, String> {
    let name = |path: &PathBuf| {
        path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    };
    files.into_iter().map(|file| (name(&file.path), file.sha256)).collect()
}

/// Data that the crate draws: as many as `counts` to train on and to test on, unless `samples`
/// are asked for.
fn drawn(
    kind: &'static str,
    draw: fn(usize, u64) -> Dataset,
    counts: [usize; 2],
    samples: Option<usize>,
) -> Result<Whole, Failure> {
    // A part of the training's size is enough to tell how well a small one went.
    let test = draw(samples.unwrap_or(counts[1]).min(counts[1]), DRAWING + 1);
    let samples = samples.unwrap_or(counts[0]);
    require_samples(samples, test.features())?;
    let train = draw(samples, DRAWING);
    Ok(Whole { kind, train, test, notices: Vec::new(), sha256: BTreeMap::new() })
}

/// Refuses more samples, each with an input of so many bytes, than this machine can hold.
fn require_samples(samples: usize, input: usize) -> Result<(), Failure> {
    // Each has its label, and its place in a selection.
    let sample = input + size_of::<u8>() + size_of::<usize>();
    memory::require(
        format!("{samples} samples"),
        samples as f64 * sample as f64,
        "ask for fewer with --samples",
    )?;
    Ok(())
}

impl Data {
    /// What the record of a training says of its data.
    pub fn describe(&self) -> record::Data {
        record::Data {
            name: self.train.name().to_owned(),
            test_name: self.test.name().to_owned(),
            train: self.train.len(),
            validation: self.validation.as_ref().map_or(0, Dataset::len),
            test: self.test.len(),
            sha256: self.sha256.clone(),
        }
    }
}
