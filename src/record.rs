//! What a training was and what came of it, in full, as JSON: the only source of the book's
//! numbers. Chapter 11.

use crate::data::Dataset;
use crate::metrics::Confusion;
use crate::network::Evaluation;
use crate::real::Real;
use crate::train::stopping::{Reading, Stop};
use crate::train::{Ending, Epoch, Plan, Training};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// One training: its plan, data and machine, its epochs, and its one look at the test data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// What was trained, and how.
    pub plan: Plan,
    /// What it was trained and tested on.
    pub data: Data,
    /// Number of numbers that training changed.
    pub parameters: usize,
    /// What each epoch came to.
    pub epochs: Vec<Epoch>,
    /// What early stopping read between updates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readings: Vec<Reading>,
    /// The epoch that did best on the validation samples, from 1, where there was a validation.
    pub best_epoch: Option<usize>,
    /// How it ended.
    pub ending: Ending,
    /// Where and why it stopped early, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<Stop>,
    /// Seconds of training alone.
    pub seconds: f64,
    /// Training samples a second, over all updates.
    pub samples_per_second: f64,
    /// The look at the test data.
    pub test: Test,
    /// The commit of this repository that it came with, where later ones no longer give its numbers. No
    /// program writes it: it is added to the records that are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The command line that made it.
    #[serde(default)]
    pub command: String,
    /// Seconds from the start of that command to the end of the test: data, training, validation.
    #[serde(default)]
    pub wall_seconds: f64,
    /// Where it ran.
    pub machine: Machine,
    /// Version of this crate.
    pub version: String,
    /// When it ended, in UTC (RFC 3339).
    pub date: String,
}

/// The command that trains.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its words.
    pub command: String,
    /// When it started.
    pub start: Instant,
    /// Number of threads that it uses.
    pub threads: usize,
}

/// The data of a training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Data {
    /// Name of the training data.
    pub name: String,
    /// Name of the test data.
    pub test_name: String,
    /// Number of samples to train on.
    pub train: usize,
    /// Number of samples to validate on.
    pub validation: usize,
    /// Number of samples to test on.
    pub test: usize,
    /// SHA-256 of each file that was read, in hexadecimal. Empty for data that the crate draws.
    pub sha256: BTreeMap<String, String>,
}

/// How the trained network does on the test data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Test {
    /// Mean loss of a sample.
    pub loss: f64,
    /// Fraction of samples classified right.
    pub accuracy: f64,
    /// Samples by class and prediction.
    pub confusion: Confusion,
    /// By class: of what was predicted as the class, the fraction that was of the class.
    pub precision: Vec<Option<f64>>,
    /// By class: of what was of the class, the fraction that was predicted as the class.
    pub recall: Vec<Option<f64>>,
}

/// A machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// What the processor calls itself.
    pub cpu: String,
    /// Number of its cores that this process may use.
    pub cores: usize,
    /// Number of threads that the training used.
    pub threads: usize,
}

impl Record {
    /// The record of a training that has ended, tested with this result on data named
    /// `test_name`.
    pub fn new<T: Real>(
        training: &Training<T>,
        ending: Ending,
        data: Data,
        test: Test,
        run: Run,
    ) -> Self {
        let seconds = training.seconds();
        let samples = training.epochs().len() * data.train + training.position().samples;
        Self {
            plan: training.plan().clone(),
            parameters: training.network().parameter_count(),
            epochs: training.epochs().to_vec(),
            readings: training.readings().to_vec(),
            best_epoch: training.best_epoch(),
            ending,
            stop: training.stop().filter(|_| ending == Ending::StoppedEarly),
            seconds,
            samples_per_second: samples as f64 / seconds,
            data,
            test,
            commit: None,
            command: run.command,
            wall_seconds: run.start.elapsed().as_secs_f64(),
            machine: Machine::this(run.threads),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            date: date(),
        }
    }
}

/// The time by this machine's clock, in UTC (RFC 3339). One that says a time before 1970 is taken for the start
/// of 1970.
pub fn date() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now().max(UNIX_EPOCH)).to_string()
}

impl Test {
    /// The result of an evaluation on `data`.
    ///
    /// # Panics
    /// If the evaluation was on other data.
    pub fn new(evaluation: &Evaluation, data: &Dataset) -> Self {
        let labels: Vec<usize> = (0..data.len()).map(|sample| data.label(sample)).collect();
        let confusion = Confusion::new(&labels, &evaluation.predictions, data.classes())
            .expect("one prediction for each sample, both below the number of classes");
        let classes = 0..confusion.classes();
        Self {
            loss: evaluation.loss,
            accuracy: evaluation.accuracy,
            precision: classes.clone().map(|class| confusion.precision(class)).collect(),
            recall: classes.map(|class| confusion.recall(class)).collect(),
            confusion,
        }
    }
}

impl Machine {
    /// This machine, on which a training used this number of `threads`.
    pub fn this(threads: usize) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { cpu: cpu(), cores, threads }
    }
}

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
fn cpu() -> String {
    let brand = raw_cpuid::CpuId::new().get_processor_brand_string();
    brand
        .map_or_else(|| std::env::consts::ARCH.to_owned(), |brand| brand.as_str().trim().to_owned())
}

#[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
fn cpu() -> String {
    std::env::consts::ARCH.to_owned()
}
