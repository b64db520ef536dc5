//! The records of a configuration together: what a number came to over its seeds.

use super::record::{self, Columns, RecordError, RunRecord};
use super::{Configuration, Study};
use crate::metrics::Spread;
use std::path::Path;

/// A number of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Metric {
    /// Fraction of test samples classified right, at the end.
    TestAccuracy,
    /// Mean loss of a test sample, at the end.
    TestLoss,
    /// A column's last number.
    Last(Series),
    /// A column's number after so many epochs.
    After(usize, Series),
    /// The largest number of a column: biased upwards, where it chooses.
    Most(Series),
    /// The smallest number of a column.
    Least(Series),
    /// Epochs until a column is at or below this number.
    EpochsTo(f64, Series),
    /// The share of the runs whose last validation accuracy is below this: 1 or 0 of one run.
    Below(f64),
    /// Validation loss less the training loss that is averaged over the last epoch, while the weights
    /// improve.
    GapBefore,
    /// Validation loss less training loss, each with the weights of the last epoch's end.
    Gap,
    /// Samples a second.
    Speed,
    /// Minutes of updates alone.
    Minutes,
    /// A number that a study computes of a record.
    Custom(Custom),
}

/// A number that a study computes of a record.
#[derive(Clone, Copy, Debug)]
pub struct Custom {
    /// What it is called over a column.
    pub name: &'static str,
    /// The number, where the record has what it takes.
    pub of: fn(&RunRecord) -> Option<f64>,
    /// Whether it is a fraction, which is shown in percent.
    pub is_fraction: bool,
}

impl PartialEq for Custom {
    fn eq(&self, other: &Self) -> bool {
        (self.name, self.is_fraction) == (other.name, other.is_fraction)
    }
}

/// A column of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Series {
    /// Mean loss of a training sample, just before its update.
    TrainLoss,
    /// Fraction of training samples classified right, just before their update.
    TrainAccuracy,
    /// Mean loss of a training sample with the weights of the epoch's end.
    TrainLossAfter,
    /// Mean loss of a validation sample.
    ValidationLoss,
    /// Fraction of validation samples classified right.
    ValidationAccuracy,
}

impl Series {
    /// Its numbers, one an epoch.
    pub fn of(self, columns: &Columns) -> &[f64] {
        match self {
            Self::TrainLoss => &columns.train_loss,
            Self::TrainAccuracy => &columns.train_accuracy,
            Self::TrainLossAfter => &columns.train_loss_after,
            Self::ValidationLoss => &columns.validation_loss,
            Self::ValidationAccuracy => &columns.validation_accuracy,
        }
    }

    /// Whether it is a fraction, which is shown in percent.
    pub fn is_fraction(self) -> bool {
        matches!(self, Self::TrainAccuracy | Self::ValidationAccuracy)
    }

    /// What it is called on an axis and over a column.
    pub fn name(self) -> &'static str {
        match self {
            Self::TrainLoss => "training loss",
            Self::TrainAccuracy => "training accuracy",
            Self::TrainLossAfter => "training loss after the epoch",
            Self::ValidationLoss => "validation loss",
            Self::ValidationAccuracy => "validation accuracy",
        }
    }
}

impl Metric {
    /// The number of a run. None of one that diverged, or that did not look at it.
    pub fn of(self, record: &RunRecord) -> Option<f64> {
        let findings = &record.findings;
        let columns = &findings.epochs;
        let diverged = matches!(findings.ending, record::Ending::Diverged { .. });
        match self {
            Self::TestAccuracy => findings.test.as_ref().map(|test| test.accuracy),
            Self::TestLoss => findings.test.as_ref().map(|test| test.loss),
            Self::Last(series) if !diverged => series.of(columns).last().copied(),
            Self::After(epochs, series) => {
                epochs.checked_sub(1).and_then(|k| series.of(columns).get(k).copied())
            }
            Self::Most(series) => series.of(columns).iter().copied().reduce(f64::max),
            Self::Least(series) => series.of(columns).iter().copied().reduce(f64::min),
            Self::EpochsTo(bound, series) => {
                let epoch = series.of(columns).iter().position(|&value| value <= bound)?;
                Some((epoch + 1) as f64)
            }
            Self::Below(bound) => {
                let last = columns.validation_accuracy.last().filter(|_| !diverged);
                last.map(|&accuracy| f64::from(u8::from(accuracy < bound)))
            }
            Self::Gap if !diverged => {
                Some(columns.validation_loss.last()? - columns.train_loss_after.last()?)
            }
            Self::GapBefore if !diverged => {
                Some(columns.validation_loss.last()? - columns.train_loss.last()?)
            }
            Self::Last(_) | Self::Gap | Self::GapBefore => None,
            Self::Speed => Some(record.made.samples_per_second),
            Self::Minutes => Some(record.made.seconds / 60.0),
            Self::Custom(custom) => (custom.of)(record),
        }
    }

    /// Number of samples whose share it is, where it is one: its own error is √(p(1 − p)/n).
    pub fn samples(self, record: &RunRecord) -> Option<usize> {
        let data = record.data.as_ref()?;
        match self {
            Self::TestAccuracy => Some(data.test),
            Self::Last(Series::ValidationAccuracy)
            | Self::After(_, Series::ValidationAccuracy)
            | Self::Most(Series::ValidationAccuracy) => Some(data.validation),
            _ => None,
        }
    }

    /// Whether it is a fraction, which is shown in percent.
    pub fn is_fraction(self) -> bool {
        match self {
            Self::TestAccuracy | Self::Below(_) => true,
            Self::Last(series) | Self::After(_, series) => series.is_fraction(),
            Self::Most(series) | Self::Least(series) => series.is_fraction(),
            Self::Custom(custom) => custom.is_fraction,
            _ => false,
        }
    }

    /// What it is called over a column.
    pub fn name(self) -> String {
        match self {
            Self::TestAccuracy => "test accuracy".to_owned(),
            Self::TestLoss => "test loss".to_owned(),
            Self::Last(series) => series.name().to_owned(),
            Self::After(epochs, series) => format!("{} after {epochs} epochs", series.name()),
            Self::Most(series) => format!("highest {}", series.name()),
            Self::Least(series) => format!("lowest {}", series.name()),
            Self::EpochsTo(bound, series) => format!("epochs to a {} of {bound}", series.name()),
            Self::Below(bound) => format!("runs below {} %", 100.0 * bound),
            Self::GapBefore => "validation loss less training loss during the epoch".to_owned(),
            Self::Gap => "validation loss less training loss".to_owned(),
            Self::Speed => "samples a second".to_owned(),
            Self::Minutes => "minutes".to_owned(),
            Self::Custom(custom) => custom.name.to_owned(),
        }
    }

    /// A spread of it in words: in percent where it is a fraction.
    pub fn show(self, spread: Spread) -> String {
        if let Self::Below(_) = self {
            let count = spread.mean * spread.count as f64;
            return format!("{count:.0} of {}", spread.count);
        }
        let (factor, unit, digits) = match self {
            _ if self.is_fraction() => (100.0, " %", 2),
            Self::Speed => (1.0, "", 0),
            Self::EpochsTo(..) | Self::Minutes | Self::Custom(_) => (1.0, "", 1),
            _ => (1.0, "", 4),
        };
        let mean = factor * spread.mean;
        match spread.deviation {
            Some(deviation) => format!("{mean:.digits$} ± {:.digits$}{unit}", factor * deviation),
            None => format!("{mean:.digits$}{unit}"),
        }
    }
}

/// A configuration with its records.
#[derive(Debug)]
pub struct Summary {
    /// The configuration.
    pub configuration: Configuration,
    /// Its records that are there, by their seeds.
    pub records: Vec<RunRecord>,
}

impl Summary {
    /// The records of a configuration of `study` in the folder `records`.
    ///
    /// # Errors
    /// [`RecordError`] of the first that cannot be used.
    pub fn read(
        records: &Path,
        study: &Study,
        configuration: Configuration,
    ) -> Result<Self, RecordError> {
        let folder = records.join(study.name).join(&configuration.name);
        let mut read = Vec::new();
        for seed in record::seeds(&folder)? {
            let path = record::path(records, study.name, &configuration.name, seed);
            let record = RunRecord::read(&path)?;
            record.expect(&configuration, &path)?;
            read.push(record);
        }
        Ok(Self { configuration, records: read })
    }

    /// Of each run that has it, the seed and the number.
    pub fn values(&self, metric: Metric) -> Vec<(u64, f64)> {
        let value = |record: &RunRecord| Some((record.seed, metric.of(record)?));
        self.records.iter().filter_map(value).collect()
    }

    /// The spread of a number over the runs that have it.
    pub fn spread(&self, metric: Metric) -> Option<Spread> {
        let values: Vec<f64> = self.values(metric).into_iter().map(|(_, value)| value).collect();
        Spread::of(&values).ok()
    }

    /// How many runs diverged.
    pub fn diverged(&self) -> usize {
        let diverged =
            |record: &&RunRecord| matches!(record.findings.ending, record::Ending::Diverged { .. });
        self.records.iter().filter(diverged).count()
    }
}

/// All configurations of a study with their records.
///
/// # Errors
/// [`RecordError`] of the first record that cannot be used.
pub fn all(records: &Path, study: &Study) -> Result<Vec<Summary>, RecordError> {
    let configurations = (study.configurations)().into_iter();
    configurations.map(|configuration| Summary::read(records, study, configuration)).collect()
}
