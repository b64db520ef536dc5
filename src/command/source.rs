//! Where a training's data come from: files, or the crate's own pen.

use crate::console::{Failure, program};
use crate::settings::{Settings, Source};
use chainrule::data::{Dataset, digits, ellipse, folder, mnist, split};
use chainrule::record;
use indicatif::HumanCount;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Fixes the drawn data: the same for every training, whatever its own seed.
const DRAWING: u64 = 1;
/// As many as MNIST has.
const TRAIN: usize = 60_000;
const TEST: usize = 10_000;

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
    let folder = folder::choose(data_dir, variable.as_deref(), folder::platform)?;
    let mut whole = read(settings.data, settings.samples, &folder)?;
    if let Some(test) = settings.test_data {
        let other = read(test, None, &folder)?;
        whole.test = other.test;
        whole.sha256.extend(other.sha256);
        whole.notices.extend(other.notices);
    }
    let samples = settings.samples.unwrap_or(whole.train.len());
    let rest =
        samples.checked_sub(settings.validation).filter(|&rest| rest > 0).ok_or_else(|| {
            Failure::new(format!(
                "{} samples held out for validation leave none of {samples} to train on: hold out \
             fewer with --validation",
                settings.validation
            ))
        })?;
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

fn read(source: Source, samples: Option<usize>, folder: &Path) -> Result<Whole, Failure> {
    match source {
        Source::Auto => match mnist::load(folder) {
            Ok(set) => Ok(from_files(set)),
            Err(mnist::MnistError::Missing { .. }) => {
                let mut whole = drawn_digits(samples);
                whole.notices.push(format!(
                    "No MNIST in {}: training on digits that this program draws. `{} data fetch \
                     mnist` downloads MNIST",
                    folder.display(),
                    program()
                ));
                Ok(whole)
            }
            Err(error) => Err(error.into()),
        },
        Source::Mnist => mnist::load(folder).map(from_files).map_err(|error| {
            let advice = match error {
                mnist::MnistError::Missing { .. } => {
                    format!(". `{} data fetch mnist` downloads it", program())
                }
                _ => String::new(),
            };
            Failure::new(format!("{error}{advice}"))
        }),
        Source::Digits => Ok(drawn_digits(samples)),
        Source::Ellipse => Ok(Whole {
            kind: "ellipse",
            train: ellipse::draw(samples.unwrap_or(TRAIN), ellipse::ELLIPSE, DRAWING),
            test: ellipse::draw(TEST, ellipse::ELLIPSE, DRAWING + 1),
            notices: Vec::new(),
            sha256: BTreeMap::new(),
        }),
    }
}

fn from_files(set: mnist::Mnist) -> Whole {
    let name = |path: &PathBuf| {
        path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    };
    Whole {
        kind: "mnist",
        train: set.train,
        test: set.test,
        notices: set.notice.into_iter().collect(),
        sha256: set.files.into_iter().map(|file| (name(&file.path), file.sha256)).collect(),
    }
}

fn drawn_digits(samples: Option<usize>) -> Whole {
    Whole {
        kind: "digits",
        train: digits::draw(samples.unwrap_or(TRAIN), DRAWING),
        // A part of the training's size is enough to tell how well a small one went.
        test: digits::draw(samples.unwrap_or(TEST).min(TEST), DRAWING + 1),
        notices: Vec::new(),
        sha256: BTreeMap::new(),
    }
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
