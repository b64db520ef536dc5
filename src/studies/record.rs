//! What came of a run, as a small JSON file: columns of rounded numbers, and who made them, when and how.
//!
//! # The schema, version 1
//!
//! | key | what it is |
//! |---|---|
//! | `schema` | 1 |
//! | `study`, `configuration`, `seed` | the run; the path of the file says the same |
//! | `setting` | its data, its plan and what was looked at; null of a computation |
//! | `data` | what the data are called, how many are in each part, and the SHA-256 of each file |
//! | `parameters` | how many numbers the training changed |
//! | `epochs` | columns: loss and accuracy of each epoch, on training and on validation data |
//! | `updates` | columns: what was looked at between the epochs |
//! | `weights`, `layers` | all weights after each epoch; what passed through each layer |
//! | `numbers` | what a computation found, by name |
//! | `ending` | `finished`, `stopped-early`, or `diverged` with the place |
//! | `test` | loss, accuracy and confusion matrix on the test data; null of a training that diverged |
//! | `command`, `version`, `commit`, `clean` | what made it: the command line, the version of the crate, the commit, and whether its files were as committed |
//! | `made` | seconds, samples a second, machine, threads and date |
//!
//! Two records of a run are equal in all but `made`, whatever the machine (see
//! [`random`](crate::random#same-seed-same-bits)), if the same code made them. A number that was not looked
//! at has no key. Losses have five significant digits (seven between two epochs), accuracies six decimals.

use super::setting::Setting;
use super::{Configuration, Task};
use crate::file::write_atomically;
use crate::metrics::Confusion;
use crate::record::{Data, Machine};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The version of the schema that this program reads and writes.
pub const SCHEMA: u32 = 1;

/// A run and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The study.
    pub study: String,
    /// The configuration.
    pub configuration: String,
    /// The seed.
    pub seed: u64,
    /// What was trained, and how. None of a computation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setting: Option<Setting>,
    /// What it was trained and tested on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Data>,
    /// What came of it.
    #[serde(flatten)]
    pub findings: Findings,
    /// The command line that makes it.
    pub command: String,
    /// Version of this crate.
    pub version: String,
    /// The commit of the repository where the command ran. None outside of one.
    pub commit: Option<String>,
    /// Whether the files of the repository were those of the commit.
    pub clean: Option<bool>,
    /// When, where and how fast.
    pub made: Made,
}

/// What came of a run: the same bits, whoever makes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Findings {
    /// How many numbers the training changed.
    #[serde(default)]
    pub parameters: usize,
    /// What each epoch came to.
    #[serde(default, skip_serializing_if = "Columns::is_empty")]
    pub epochs: Columns,
    /// What was looked at between the epochs.
    #[serde(default, skip_serializing_if = "Updates::is_empty")]
    pub updates: Updates,
    /// All weights at the start and after each epoch, in the order of the layers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<Vec<f64>>,
    /// What passes through the layers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<Layer>,
    /// What a computation found.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub numbers: BTreeMap<String, Vec<f64>>,
    /// How it ended.
    #[serde(default)]
    pub ending: Ending,
    /// The look at the test data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Test>,
}

/// One number an epoch in each column. A column that was not looked at is empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Columns {
    /// Mean loss of a training sample just before its update.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub train_loss: Vec<f64>,
    /// Fraction of training samples classified right just before their update.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub train_accuracy: Vec<f64>,
    /// Mean loss of a training sample after the epoch.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub train_loss_after: Vec<f64>,
    /// Fraction of training samples classified right after the epoch.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub train_accuracy_after: Vec<f64>,
    /// Mean loss of a validation sample after the epoch.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub validation_loss: Vec<f64>,
    /// Fraction of validation samples classified right after the epoch.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub validation_accuracy: Vec<f64>,
}

impl Columns {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What was looked at after every so many updates.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Updates {
    /// Mean training loss of each window of updates. An epoch's last window takes what is left of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub train_loss: Vec<f64>,
    /// Mean loss of a validation sample.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub validation_loss: Vec<f64>,
    /// Fraction of validation samples classified right.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub validation_accuracy: Vec<f64>,
}

impl Updates {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What passes through a layer of an MLP on 1,000 training samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// Epochs before the look.
    pub epoch: usize,
    /// The layer, from 0.
    pub layer: usize,
    /// Root mean square of its weights.
    pub weight: f64,
    /// Root mean square of the gradient of its weights.
    pub gradient: f64,
    /// Of its sums before the activation, the 5th, 25th, 50th, 75th and 95th percentile.
    pub sums: [f64; 5],
}

/// How a run ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// All of it was done.
    #[default]
    Finished,
    /// The plan's patience was over.
    StoppedEarly,
    /// A number became infinite or none: the rate was too high.
    Diverged {
        /// The update, from 0.
        update: u64,
    },
}

/// How the trained network does on the test data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// Mean loss of a sample.
    pub loss: f64,
    /// Fraction of samples classified right.
    pub accuracy: f64,
    /// Samples by class and prediction.
    pub confusion: Confusion,
}

/// When, where and how fast a record was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Made {
    /// Seconds of updates alone.
    pub seconds: f64,
    /// Seconds of all: data, updates, validation, looks, test.
    pub wall_seconds: f64,
    /// Training samples a second, of updates alone.
    pub samples_per_second: f64,
    /// Where.
    pub machine: Machine,
    /// When it ended, in UTC (RFC 3339).
    pub date: String,
}

/// A record that cannot be used, or not be written.
#[derive(Debug, Error)]
pub enum RecordError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is no record.
    #[error(
        "{}: no record of a run: {source}. Put it back as it was, or move it away and run it again",
        path.display()
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The record is of another version of the schema.
    #[error(
        "{}: a record of schema {found}, and this program reads {SCHEMA}: use the version of \
         chainrule that wrote it, or move it away and run it again",
        path.display()
    )]
    Schema {
        /// The file.
        path: PathBuf,
        /// What it says.
        found: String,
    },
    /// The record is of another run than its path says.
    #[error("{}: the record of {found}, and its path says {expected}: move it there", path.display())]
    Elsewhere {
        /// The file.
        path: PathBuf,
        /// The run that it is of.
        found: String,
        /// The run that its path says.
        expected: String,
    },
    /// The record was made with other settings than the study has.
    #[error(
        "{}: made with another setting than {run} has now, in {part}: run it again with --fresh, or \
         put the study's file back",
        path.display()
    )]
    Setting {
        /// The file.
        path: PathBuf,
        /// The run.
        run: String,
        /// The first thing that differs.
        part: String,
    },
    /// A folder cannot be listed.
    #[error("{}: cannot be listed: {source}", path.display())]
    List {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file among the records is none.
    #[error("{}: no record has this name: a record is called by its seed, such as 0.json", path.display())]
    Stranger {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be written.
    #[error(
        "{}: cannot be written: {source}. What stood there still does. Free some space, or name \
         another folder with --records",
        path.display()
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Where the record of a run lies in the folder `records`.
pub fn path(records: &Path, study: &str, configuration: &str, seed: u64) -> PathBuf {
    records.join(study).join(configuration).join(format!("{seed}.json"))
}

impl RunRecord {
    /// `study/configuration/seed`.
    pub fn run(&self) -> String {
        format!("{}/{}/{}", self.study, self.configuration, self.seed)
    }

    /// Reads the record at `path`, whose last three parts say which run it must be of.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn read(path: &Path) -> Result<Self, RecordError> {
        let text = fs::read_to_string(path)
            .map_err(|source| RecordError::Read { path: path.to_path_buf(), source })?;
        let format = |source| RecordError::Format { path: path.to_path_buf(), source };
        // Of another version it may lack what this one has.
        let value: Value = serde_json::from_str(&text).map_err(format)?;
        if let Some(schema) = value.get("schema").filter(|&schema| *schema != SCHEMA) {
            let found = schema.to_string();
            return Err(RecordError::Schema { path: path.to_path_buf(), found });
        }
        let record: Self = serde_json::from_str(&text).map_err(format)?;
        let (found, expected) = (record.run(), run_of(path));
        if found != expected {
            return Err(RecordError::Elsewhere { path: path.to_path_buf(), found, expected });
        }
        Ok(record)
    }

    /// Refuses a record, read from `path`, of another setting than `configuration` has.
    ///
    /// # Errors
    /// [`RecordError::Setting`].
    pub fn expect(&self, configuration: &Configuration, path: &Path) -> Result<(), RecordError> {
        let expected = match &configuration.task {
            Task::Training(setting, _) => Some((**setting).clone().seed(self.seed)),
            Task::Computation(_) => None,
        };
        if self.setting == expected {
            return Ok(());
        }
        let [was, is] = [&self.setting, &expected]
            .map(|setting| serde_json::to_value(setting).expect("a setting is plain data"));
        let part = first_difference(&was, &is).unwrap_or_else(|| "its setting".to_owned());
        Err(RecordError::Setting { path: path.to_path_buf(), run: self.run(), part })
    }

    /// Writes the record into the folder `records`: all of it, or nothing.
    ///
    /// # Errors
    /// [`RecordError::Write`].
    pub fn write(&self, records: &Path) -> Result<PathBuf, RecordError> {
        let path = path(records, &self.study, &self.configuration, self.seed);
        let folder = path.parent().expect("it lies in a folder");
        let written = fs::create_dir_all(folder)
            .and_then(|()| write_atomically(&path, self.to_text().as_bytes()));
        written.map_err(|source| RecordError::Write { path: path.clone(), source })?;
        Ok(path)
    }

    /// The text of its file: a line for each key.
    pub fn to_text(&self) -> String {
        let mut text = Vec::new();
        let mut serializer = Serializer::with_formatter(&mut text, Lines { depth: 0 });
        self.serialize(&mut serializer).expect("a record is plain data");
        text.push(b'\n');
        String::from_utf8(text).expect("JSON is UTF-8")
    }
}

/// The seeds of the records in a `folder`, which need not be there.
///
/// # Errors
/// [`RecordError::List`], and [`RecordError::Stranger`] for a file of another name.
pub fn seeds(folder: &Path) -> Result<Vec<u64>, RecordError> {
    let list = |source| RecordError::List { path: folder.to_path_buf(), source };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(list)?,
    };
    let mut seeds = Vec::new();
    for entry in entries {
        let path = entry.map_err(list)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        // What a writer that was killed has left is no record yet.
        if name.starts_with('.') {
            continue;
        }
        let seed = name.strip_suffix(".json").and_then(|seed| seed.parse::<u64>().ok());
        let seed = seed.filter(|seed| format!("{seed}.json") == name);
        seeds.push(seed.ok_or(RecordError::Stranger { path })?);
    }
    seeds.sort_unstable();
    Ok(seeds)
}

/// The run that the last three parts of a path name.
fn run_of(path: &Path) -> String {
    let stem = path.with_extension("");
    let parts: Vec<_> = stem.iter().map(|part| part.to_string_lossy()).collect();
    parts[parts.len().saturating_sub(3)..].join("/")
}

/// The place of the first difference of two values, with what was and what is there.
fn first_difference(was: &Value, is: &Value) -> Option<String> {
    let (Value::Object(old), Value::Object(new)) = (was, is) else {
        return (was != is).then(|| format!(" (was {was}, is {is})"));
    };
    let names: std::collections::BTreeSet<_> = old.keys().chain(new.keys()).collect();
    names.into_iter().find_map(|name| {
        let [was, is] = [old, new].map(|object| object.get(name).unwrap_or(&Value::Null));
        let place = first_difference(was, is)?;
        let dot = if place.starts_with(' ') { "" } else { "." };
        Some(format!("{name}{dot}{place}"))
    })
}

/// Five significant digits: more than two runs have in common.
pub fn round_loss(loss: f64) -> f64 {
    format!("{loss:.4e}").parse().expect("it was a number before")
}

/// Seven significant digits, where two neighbors are compared: a rule that stops a training asks for 1e-5.
pub fn round_closely(loss: f64) -> f64 {
    format!("{loss:.6e}").parse().expect("it was a number before")
}

/// Six decimals: more than one sample among all.
pub fn round_accuracy(accuracy: f64) -> f64 {
    format!("{accuracy:.6}").parse().expect("it was a number before")
}

/// JSON in which each key of the outermost object has a line of its own.
#[derive(Debug)]
struct Lines {
    depth: usize,
}

impl Lines {
    fn line(&self, out: &mut (impl io::Write + ?Sized), first: bool) -> io::Result<()> {
        match (self.depth, first) {
            (1, true) => out.write_all(b"\n  "),
            (1, false) => out.write_all(b",\n  "),
            (_, true) => Ok(()),
            (_, false) => out.write_all(b","),
        }
    }
}

impl Formatter for Lines {
    fn begin_object<W: io::Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth += 1;
        out.write_all(b"{")
    }

    fn end_object<W: io::Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth -= 1;
        out.write_all(if self.depth == 0 { b"\n}" } else { b"}" })
    }

    fn begin_object_key<W: io::Write + ?Sized>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.line(out, first)
    }

    fn begin_object_value<W: io::Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(if self.depth == 1 { b": " } else { b":" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_rounded_to_what_they_tell() {
        assert_eq!(round_loss(0.123_456_789), 0.123_46);
        assert_eq!(round_loss(1.234_549e-7), 1.2345e-7);
        assert_eq!(round_accuracy(14_321.0 / 21_000.0), 0.681_952);
    }

    #[test]
    fn the_first_difference_is_named() {
        let was = json!({ "plan": { "batch": 16, "epochs": 5 }, "samples": 3 });
        let is = json!({ "plan": { "batch": 24, "epochs": 5 }, "samples": 3 });
        assert_eq!(first_difference(&was, &is).as_deref(), Some("plan.batch (was 16, is 24)"));
        assert_eq!(first_difference(&was, &was), None);
    }

    #[test]
    fn each_key_has_a_line() {
        let mut text = Vec::new();
        let mut serializer = Serializer::with_formatter(&mut text, Lines { depth: 0 });
        json!({ "a": [1, 2], "b": { "c": 1, "d": {} } }).serialize(&mut serializer).expect("JSON");
        let expected = "{\n  \"a\": [1,2],\n  \"b\": {\"c\":1,\"d\":{}}\n}";
        assert_eq!(String::from_utf8(text).expect("UTF-8"), expected);
    }
}
