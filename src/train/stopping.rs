//! Early stopping: when a training ends before its last epoch. Chapter 11.
//!
//! The network is tried on the validation samples again and again, and each try gives a reading
//! v₁, v₂, … of a measure: the loss, which is to fall, or the accuracy, which is to rise. What reading t
//! gained over an earlier one, s, is
//!
//! ```text
//! g(s, t) = v_s − v_t    of a loss
//!           v_t − v_s    of an accuracy
//! ```
//!
//! and it is an improvement where g > 0 and g ≥ δ, with a threshold δ. Three criteria are in use, and
//! texts that speak of "no improvement by δ" may mean any of them:
//!
//! ```text
//! patience n    the last n readings, none of which improved on the best before them
//! progress      reading t, which did not improve on reading t − 1
//! change        reading t with |v_t − v_(t−1)| < δ
//! ```
//!
//! The best is the first reading, and then each that improves on it: a slow fall, in steps below δ, is no
//! improvement until its steps add up to δ. A loss that rises ends a training by *progress* and not by
//! *change*. One rise is enough for *progress*, and the readings of a small interval rise and fall by
//! chance: a patience of many readings is the criterion that looks past that.
//! Source: Prechelt 1998, "Early stopping – but when?".
//!
//! A verdict is a function of all readings, and of nothing else. A training that is resumed has its
//! readings in its checkpoint, and so stops where an uninterrupted one does.

use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;

/// When a training stops early: which measure is read, how often, and what ends the training.
///
/// ```
/// use chainrule::train::stopping::{Criterion, Interval, Measure, Stopping};
///
/// // Twenty epochs without a higher validation accuracy.
/// let stopping = Stopping { measure: Measure::Accuracy, ..Stopping::patience(20) };
/// assert!(!stopping.ends(&[0.91; 20]));
/// assert!(stopping.ends(&[0.91; 21]));
///
/// // Every 100 updates: the loss is not lower by 1e-5 than 100 updates ago.
/// let stopping = Stopping {
///     interval: Interval::Updates { every: 100 },
///     criterion: Criterion::Progress,
///     threshold: 1e-5,
///     ..Stopping::patience(1)
/// };
/// assert!(stopping.ends(&[0.5, 0.4, 0.399_999]));
/// ```
///
/// In files a patience of epochs without a lower loss is one number, and all else an object.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Saved", into = "Saved")]
pub struct Stopping {
    /// What is read.
    pub measure: Measure,
    /// How often.
    pub interval: Interval,
    /// What ends the training.
    pub criterion: Criterion,
    /// δ: the least gain that is an improvement, or the least change.
    pub threshold: f64,
}

/// What is read of the validation samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// The mean loss of a sample
    #[default]
    Loss,
    /// The fraction of samples classified right
    Accuracy,
}

/// How often a measure is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interval {
    /// After each epoch.
    #[default]
    Epoch,
    /// After every so many updates, counted from the start of the training.
    Updates {
        /// The updates between two readings.
        every: u64,
    },
    /// After every so many updates, counted anew in each epoch.
    UpdatesOfEpoch {
        /// The updates between two readings.
        every: u64,
    },
}

/// What ends a training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Criterion {
    /// So many readings without an improvement on the best before them.
    Patience {
        /// The readings.
        readings: usize,
    },
    /// A reading that does not improve on the one before it.
    Progress,
    /// A reading that differs by less than the threshold from the one before it.
    Change,
}

/// What the validation samples said between two updates.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The updates before it.
    pub update: u64,
    /// Mean loss of a sample.
    pub loss: f64,
    /// Fraction of samples classified right.
    pub accuracy: f64,
}

/// Where and why a training stopped early.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// The updates before it.
    pub update: u64,
    /// The epoch that ran, or had just ended, from 1.
    pub epoch: usize,
    /// What ended it, in words.
    pub reason: String,
}

/// Numbers that make no rule.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
pub enum StoppingError {
    /// A patience of no reading would end every training before it begins.
    #[error("the patience must be at least one {0}")]
    Patience(&'static str),
    /// Readings after every 0 updates.
    #[error("early stopping every 0 updates: it takes at least 1 update between two readings")]
    Every,
    /// The threshold is negative, infinite or no number, or nothing changes by less than it.
    #[error("early stopping by a threshold of {threshold}: it must be finite, and {least}")]
    Threshold {
        /// The threshold.
        threshold: f64,
        /// What it must be.
        least: &'static str,
    },
    /// No update comes at which the measure would be read.
    #[error(
        "early stopping every {every} updates: {whole} has {updates}, so nothing would be read. \
         Read more often"
    )]
    Never {
        /// The updates between two readings.
        every: u64,
        /// What the updates are counted in.
        whole: &'static str,
        /// How many there are.
        updates: u64,
    },
}

impl Stopping {
    /// So many `epochs` without a lower validation loss.
    pub fn patience(epochs: usize) -> Self {
        Self {
            measure: Measure::Loss,
            interval: Interval::Epoch,
            criterion: Criterion::Patience { readings: epochs },
            threshold: 0.0,
        }
    }

    /// Whether the last of these `readings` of the measure, in their order, ends the training.
    pub fn ends(&self, readings: &[f64]) -> bool {
        let improves = |now: f64, before: f64| {
            let gain = self.measure.gain(now, before);
            gain > 0.0 && gain >= self.threshold
        };
        match (self.criterion, readings) {
            (_, []) => false,
            (Criterion::Patience { readings: patience }, &[first, ref rest @ ..]) => {
                let (mut best, mut without) = (first, 0);
                for &reading in rest {
                    without += 1;
                    if improves(reading, best) {
                        (best, without) = (reading, 0);
                    }
                }
                without >= patience
            }
            (Criterion::Progress, &[.., before, now]) => !improves(now, before),
            (Criterion::Change, &[.., before, now]) => (now - before).abs() < self.threshold,
            (Criterion::Progress | Criterion::Change, [_]) => false,
        }
    }

    /// Refuses numbers that make no rule.
    ///
    /// # Errors
    /// [`StoppingError`]; [`StoppingError::Never`] is told by [`Stopping::expect_readings`].
    pub fn check(&self) -> Result<(), StoppingError> {
        if self.criterion == (Criterion::Patience { readings: 0 }) {
            let unit = if self.interval == Interval::Epoch { "epoch" } else { "reading" };
            return Err(StoppingError::Patience(unit));
        }
        if self.interval.every() == Some(0) {
            return Err(StoppingError::Every);
        }
        let threshold = self.threshold;
        let refuse = |least| Err(StoppingError::Threshold { threshold, least });
        match self.criterion {
            // Nothing changes by less than 0.
            Criterion::Change if threshold == 0.0 => refuse("more than 0"),
            _ if !(threshold.is_finite() && threshold >= 0.0) => refuse("0 or more"),
            _ => Ok(()),
        }
    }

    /// Refuses a rule that reads nothing in `epochs` of `updates` each.
    ///
    /// # Errors
    /// [`StoppingError::Never`].
    pub fn expect_readings(&self, epochs: usize, updates: u64) -> Result<(), StoppingError> {
        let Some(every) = self.interval.every() else { return Ok(()) };
        let all = updates.saturating_mul(epochs as u64);
        if self.interval.readings(all, updates) > 0 {
            return Ok(());
        }
        let (whole, updates) = match self.interval {
            Interval::UpdatesOfEpoch { .. } => ("an epoch", updates),
            _ => ("the training", all),
        };
        Err(StoppingError::Never { every, whole, updates })
    }
}

impl Measure {
    /// g: by how much the reading `now` is better than the one `before`.
    pub fn gain(self, now: f64, before: f64) -> f64 {
        match self {
            Self::Loss => before - now,
            Self::Accuracy => now - before,
        }
    }

    /// This one of a loss and an accuracy.
    pub fn of(self, loss: f64, accuracy: f64) -> f64 {
        match self {
            Self::Loss => loss,
            Self::Accuracy => accuracy,
        }
    }
}

impl Interval {
    /// The updates between two readings. None where epochs are counted.
    fn every(self) -> Option<u64> {
        match self {
            Self::Epoch => None,
            Self::Updates { every } | Self::UpdatesOfEpoch { every } => Some(every),
        }
    }

    /// The readings between updates in the first `updates` of a training with so many `in_epoch`, one or
    /// more. The interval has been checked.
    pub(super) fn readings(self, updates: u64, in_epoch: u64) -> u64 {
        match self {
            Self::Epoch => 0,
            Self::Updates { every } => updates / every,
            Self::UpdatesOfEpoch { every } => {
                updates / in_epoch * (in_epoch / every) + updates % in_epoch / every
            }
        }
    }

    /// Whether update `update`, counted from 1, is followed by a reading.
    pub(super) fn is_due(self, update: u64, in_epoch: u64) -> bool {
        self.readings(update, in_epoch) > self.readings(update - 1, in_epoch)
    }
}

impl fmt::Display for Stopping {
    /// Such as `no lower validation loss in 3 epochs`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { measure, interval, criterion, threshold } = *self;
        let (name, better) = match measure {
            Measure::Loss => ("loss", "lower"),
            Measure::Accuracy => ("accuracy", "higher"),
        };
        let (unit, span) = match interval {
            Interval::Epoch => ("epochs", "an epoch".to_owned()),
            Interval::Updates { every } => ("readings", format!("{every} updates")),
            Interval::UpdatesOfEpoch { every } => ("readings", format!("{every} updates")),
        };
        let by = if threshold > 0.0 { format!(" by {threshold} or more") } else { String::new() };
        match criterion {
            Criterion::Patience { readings: 1 } => {
                write!(f, "no {better} validation {name}{by} after {span}")
            }
            Criterion::Patience { readings } => {
                write!(f, "no {better} validation {name}{by} in {readings} {unit}")?;
                let each = format!(", one after every {span}");
                f.write_str(if interval == Interval::Epoch { "" } else { &each })
            }
            Criterion::Progress => {
                write!(f, "no {better} validation {name}{by} than {span} before")
            }
            Criterion::Change => {
                write!(f, "a validation {name} that changed by less than {threshold} in {span}")
            }
        }
    }
}

/// [`Stopping`] in a file.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Saved {
    Epochs(usize),
    Rule { measure: Measure, interval: Interval, criterion: Criterion, threshold: f64 },
}

impl From<Saved> for Stopping {
    fn from(saved: Saved) -> Self {
        match saved {
            Saved::Epochs(epochs) => Self::patience(epochs),
            Saved::Rule { measure, interval, criterion, threshold } => {
                Self { measure, interval, criterion, threshold }
            }
        }
    }
}

impl From<Stopping> for Saved {
    fn from(stopping: Stopping) -> Self {
        let Stopping { measure, interval, criterion, threshold } = stopping;
        match criterion {
            Criterion::Patience { readings } if stopping == Stopping::patience(readings) => {
                Self::Epochs(readings)
            }
            _ => Self::Rule { measure, interval, criterion, threshold },
        }
    }
}
