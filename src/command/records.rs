//! Where the records of the studies are, and what is missing there.

use super::console::Failure;
use super::quote;
use crate::studies::record::{self, RunRecord};
use crate::studies::summary::Summary;
use crate::studies::{Configuration, STUDIES, Study};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the records are, from the top of the repository.
const RECORDS: &str = "notebooks/records";

/// The folder of the records.
#[derive(Clone, Debug, clap::Args)]
pub struct Records {
    /// Folder of the records
    #[arg(long = "records", value_name = "DIR", default_value = RECORDS)]
    folder: PathBuf,
}

/// A configuration with one seed.
#[derive(Clone, Debug)]
pub struct Run {
    pub study: &'static Study,
    pub configuration: Configuration,
    pub seed: u64,
    /// Seconds that it is expected to take on one thread.
    pub seconds: f64,
}

/// One of [`STUDIES`] by its name, for clap to suggest where it is misspelled.
pub fn study() -> impl TypedValueParser<Value = &'static Study> {
    let names = STUDIES.iter().map(|study| PossibleValue::new(study.name).help(study.title));
    PossibleValuesParser::new(names)
        .map(|name| Study::named(&name).expect("no other name is possible"))
}

impl Records {
    /// The folder, which must be there.
    pub fn folder(&self) -> Result<&Path, Failure> {
        match self.folder.is_dir() {
            true => Ok(&self.folder),
            false => Err(Failure::new(format!(
                "{}: no such folder. Start this command at the top of the project, or name the folder \
                 of the records with --records",
                self.folder.display()
            ))),
        }
    }

    /// What another command needs to find the same records, where they are not where they are by default.
    pub fn option(&self) -> String {
        match self.folder == Path::new(RECORDS) {
            true => String::new(),
            false => format!(" --records {}", quote::path(&self.folder)),
        }
    }
}

impl Run {
    /// `study/configuration/seed`.
    pub fn name(&self) -> String {
        format!("{}/{}/{}", self.study.name, self.configuration.name, self.seed)
    }

    /// What makes this run, and no other: the same words for everyone.
    pub fn command(&self) -> String {
        format!(
            "chainrule run {} --only {} --seed {}",
            self.study.name, self.configuration.name, self.seed
        )
    }

    /// Where its record is, or will be.
    pub fn path(&self, records: &Path) -> PathBuf {
        record::path(records, self.study.name, &self.configuration.name, self.seed)
    }

    /// Its record, where there is one.
    pub fn record(&self, records: &Path) -> Result<Option<RunRecord>, Failure> {
        let path = self.path(records);
        if !path.exists() {
            return Ok(None);
        }
        let record = RunRecord::read(&path)?;
        record.expect(&self.configuration, &path)?;
        Ok(Some(record))
    }
}

/// The seconds of a run of this configuration: those of the records that are there, else what is expected.
pub fn seconds(summary: &Summary) -> f64 {
    let records = &summary.records;
    match records.len() {
        0 => summary.configuration.estimate(),
        count => records.iter().map(|record| record.made.wall_seconds).sum::<f64>() / count as f64,
    }
}

/// A time in words, to the second: `2h 3m 5s`.
pub fn time(seconds: f64) -> String {
    let whole = Duration::try_from_secs_f64(seconds.max(0.0).ceil()).unwrap_or(Duration::MAX);
    humantime::format_duration(whole).to_string()
}
