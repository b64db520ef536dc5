//! Learning: the loop that turns gradients into a trained network. Chapter 11.
//!
//! An epoch visits every training sample once, in an order that the seed and the epoch's number
//! fix, each changed as the plan's augmentation changes it. After each mini-batch the optimizer takes
//! one step. After the epoch the network is tried on the validation samples, and all of the training's
//! state is written to a checkpoint.
//!
//! Nothing that is drawn depends on what was drawn before: the order of epoch e is a function of
//! (seed, e), the masks of update s a function of (seed, s), and how sample i looks in epoch e a
//! function of (seed, e, i). So a checkpoint holds two numbers in
//! place of a generator, and a training that was killed and resumed ends with the same bits as
//! one that was not. Each of these has a seed of its own where the plan wants it: see [`Seeds`].
//!
//! A checkpoint is whole, and goes on as it began: it has a checksum, and knows its plan and the samples of
//! its data, each by its content. No number in it is infinite or none: a training ends with an error when
//! it comes to one, and its last checkpoint stands.
//! All that the promise covers is told in [`random`](crate::random#same-seed-same-bits).

use crate::checkpoint::{Checkpoint, CheckpointError, text};
use crate::cnn::PrepareError;
use crate::data::Dataset;
use crate::data::augment::{Augmentation, AugmentationError, Augmenter};
use crate::data::fingerprint::Fingerprint;
use crate::memory::{self, MemoryError};
use crate::model::Model;
use crate::named::RestoreError;
use crate::network::{Evaluation, Network};
use crate::optim::{Average, Averaging, Optimizer, OptimizerError, Rule, Schedule};
use crate::parallel::awake;
use crate::random::{Purpose, Seeds, stream};
use crate::real::Real;
use crate::tensor::{ShapeError, Tensor};
use crate::views::Views;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;
use stopping::{Interval, Measure, Reading, Stop, Stopping, StoppingError};
use thiserror::Error;

pub mod stopping;

/// Samples in one pass of an evaluation: enough to keep the products fast.
const EVALUATION_BATCH: usize = 500;

/// The least loss that there is: of a divergence that is 0, but for rounding.
const LEAST_LOSS: f64 = -1e-3;

/// Stands before the names of the best epoch's tensors in a checkpoint.
const BEST: &str = "best.";

/// Stands before the names of the averaged tensors in a checkpoint.
const AVERAGE: &str = "average.";

/// The name in a checkpoint of what the optimizer keeps for a parameter.
fn state_name(state: &str, parameter: &str) -> String {
    format!("optimizer.{state}.{parameter}")
}

/// What is trained, and how: with a data set, all that fixes the result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The network.
    pub model: Model,
    /// Passes over the training samples.
    pub epochs: usize,
    /// Samples in an update. The last update of an epoch takes what is left.
    pub batch: usize,
    /// The optimizer.
    pub rule: Rule,
    /// The learning rate from update to update.
    pub schedule: Schedule,
    /// The penalty l2/2·‖w‖² on weights adds l2·w to their gradients. Not in reported losses.
    pub l2: f64,
    /// What is done to the training samples. Nothing, where a plan was saved without it.
    #[serde(default)]
    pub augmentation: Augmentation,
    /// The second set of weights that follows the trained one. Where there is one, it is what is
    /// validated, and what the training ends with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub averaging: Option<Averaging>,
    /// The views of each test image whose logits are averaged.
    #[serde(default)]
    pub views: Views,
    /// Fix the weights' start, the order and the looks of the samples, and the dropout masks. Called
    /// `seed` in files, and one number where all are equal.
    #[serde(rename = "seed")]
    pub seeds: Seeds,
    /// When it stops before its last epoch. Called `patience` in files, and one number where it is a
    /// patience of epochs.
    #[serde(rename = "patience")]
    pub stopping: Option<Stopping>,
    /// Ends with the weights that did best on the validation samples, not the last: by what early
    /// stopping reads and where it reads it, else by the loss after each epoch.
    pub keep_best: bool,
}

impl Plan {
    /// Refuses a number that makes no training.
    fn check(&self) -> Result<(), TrainError> {
        if self.epochs == 0 {
            return Err(TrainError::Plan("a training takes at least one epoch"));
        }
        if self.batch == 0 {
            return Err(TrainError::Plan("a batch holds at least one sample"));
        }
        Ok(self.stopping.iter().try_for_each(Stopping::check)?)
    }

    /// What tells which weights were the best.
    fn measure(&self) -> Measure {
        self.stopping.map_or(Measure::Loss, |stopping| stopping.measure)
    }

    /// How often that is read.
    fn interval(&self) -> Interval {
        self.stopping.map_or(Interval::Epoch, |stopping| stopping.interval)
    }
}

/// What one epoch came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Its number, from 1.
    pub epoch: usize,
    /// Mean loss of a training sample, each measured just before its update.
    pub train_loss: f64,
    /// Fraction of training samples classified right just before their update.
    pub train_accuracy: f64,
    /// Mean loss of a validation sample after the epoch.
    pub validation_loss: Option<f64>,
    /// Fraction of validation samples classified right after the epoch.
    pub validation_accuracy: Option<f64>,
    /// Learning rate of the last update.
    pub rate: f64,
    /// Seconds of training, without validation and checkpoint.
    pub seconds: f64,
    /// Training samples a second.
    pub samples_per_second: f64,
}

/// Where a training is, and what the running epoch has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Epochs finished.
    pub epoch: usize,
    /// Updates in all.
    pub step: u64,
    /// Samples of the running epoch that are done.
    pub samples: usize,
    /// Sum of their losses.
    loss: f64,
    /// How many were classified right.
    correct: usize,
    /// Seconds spent on them.
    seconds: f64,
}

impl Position {
    /// Mean loss of a sample so far in this epoch.
    pub fn mean_loss(&self) -> f64 {
        self.loss / self.samples as f64
    }

    /// Fraction of samples classified right so far in this epoch.
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.samples as f64
    }

    /// Samples a second so far in this epoch.
    pub fn samples_per_second(&self) -> f64 {
        self.samples as f64 / self.seconds
    }

    /// Whether a training on so many `samples` in batches of `batch` comes here.
    fn is_of(&self, samples: usize, batch: usize) -> bool {
        let updates = |samples: usize| samples.div_ceil(batch) as u128;
        let step = self.epoch as u128 * updates(samples) + updates(self.samples);
        let between_batches = self.samples == samples || self.samples.is_multiple_of(batch);
        let possible = self.samples <= samples && self.correct <= self.samples;
        let is_begun = self.samples > 0 || (self.loss, self.seconds) == (0.0, 0.0);
        possible && is_begun && between_batches && u128::from(self.step) == step
    }
}

/// What a training tells whoever watches it.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// An update is done.
    Batch(&'a Position),
    /// An epoch is done, validated and saved.
    Epoch(&'a Epoch),
}

/// How a training came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// All epochs are done.
    Finished,
    /// The plan's rule for early stopping ended it.
    StoppedEarly,
    /// The watcher broke it off. The checkpoint holds the position.
    Interrupted,
}

/// A training that cannot go on.
#[derive(Debug, Error)]
pub enum TrainError {
    /// The loss is infinite or no number.
    #[error(
        "the loss is {loss} at update {step} (epoch {epoch}), at rate {rate:.3e}: the training \
         diverged. Try a rate a tenth as large"
    )]
    Diverged {
        /// The loss.
        loss: f64,
        /// Number of the update.
        step: u64,
        /// The epoch, from 1.
        epoch: usize,
        /// The learning rate.
        rate: f64,
    },
    /// What an update left is infinite or no number: a weight, what the optimizer keeps for it, a loss on
    /// data that were not trained on.
    #[error(
        "{name} is {value} after update {step} (epoch {epoch}), at rate {rate:.3e}: the training \
         diverged. Try a rate a tenth as large"
    )]
    NotFinite {
        /// What it is.
        name: String,
        /// The value.
        value: f64,
        /// Number of the update.
        step: u64,
        /// The epoch, from 1.
        epoch: usize,
        /// The learning rate of the update.
        rate: f64,
    },
    /// There is nothing to train on.
    #[error("{0}: no samples")]
    Empty(String),
    /// A plan that is no training.
    #[error("{0}")]
    Plan(&'static str),
    /// The rule for early stopping makes no sense, or none in this training.
    #[error(transparent)]
    Stopping(#[from] StoppingError),
    /// The network is too large for this machine.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The training data cannot prepare the network.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The data do not fit the network.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// The samples cannot be augmented as planned.
    #[error(transparent)]
    Augmentation(#[from] AugmentationError),
    /// The optimizer refuses its numbers.
    #[error(transparent)]
    Optimizer(#[from] OptimizerError),
    /// The checkpoint cannot be written or read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint is of another network.
    #[error("{}: {source}", path.display())]
    Restore {
        /// The checkpoint.
        path: PathBuf,
        /// What does not fit.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The checkpoint's account of the training cannot be read.
    #[error("{}: its account of the training cannot be read: {source}", path.display())]
    Account {
        /// The checkpoint.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The checkpoint's account of the training contradicts itself.
    #[error("{}: its account of the training contradicts itself in {part}", path.display())]
    Contradiction {
        /// The checkpoint.
        path: PathBuf,
        /// Where.
        part: &'static str,
    },
    /// The training has begun on other data.
    #[error("the training began on {trained}: it cannot go on with {given}")]
    OtherData {
        /// What it was trained and validated on.
        trained: String,
        /// What is given now.
        given: String,
    },
}

/// A network in training.
#[derive(Debug)]
pub struct Training<T: Real> {
    plan: Plan,
    network: Network<T>,
    optimizer: Optimizer<T>,
    average: Option<Average<T>>,
    position: Position,
    epochs: Vec<Epoch>,
    /// What early stopping read between updates.
    readings: Vec<Reading>,
    best: Option<Best<T>>,
    /// What it sees, once there is something.
    seen: Option<Seen>,
    /// The data that were last found to be those that it began with.
    checked: Option<(Dataset, Option<Dataset>)>,
    /// What the classes of the training data are called.
    classes: Vec<String>,
    /// Texts of the program that trains, by name.
    notes: BTreeMap<String, String>,
}

/// The samples that a training began with, and goes on with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    train: Fingerprint,
    validation: Option<Fingerprint>,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, ", self.train)?;
        match &self.validation {
            Some(validation) => write!(f, "validated on {validation}"),
            None => f.write_str("not validated"),
        }
    }
}

/// The network where it did best on the validation samples.
#[derive(Clone, Debug)]
struct Best<T> {
    /// The epoch that ran or had just ended, from 1.
    epoch: usize,
    /// The measure that the plan goes by.
    value: f64,
    tensors: BTreeMap<String, Tensor<T>>,
}

/// What a checkpoint says beside its tensors.
#[derive(Debug, Serialize, Deserialize)]
struct Account {
    seen: Seen,
    plan: Plan,
    position: Position,
    epochs: Vec<Epoch>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    readings: Vec<Reading>,
    best: Option<(usize, f64)>,
    notes: BTreeMap<String, String>,
}

impl Account {
    /// What of it cannot be, where no loss is above `greatest`.
    fn contradiction(&self, greatest: f64) -> Option<&'static str> {
        let Self { seen, plan, position, epochs, readings, best, .. } = self;
        // A plan that is none is refused as one.
        if plan.check().is_err() {
            return None;
        }
        if !position.is_of(seen.train.samples, plan.batch) {
            return Some("its position");
        }
        if seen.train.samples == 0 {
            return Some("its data");
        }
        let in_epoch = seen.train.samples.div_ceil(plan.batch) as u64;
        let is_due = |reading: &Reading| {
            reading.update > 0 && plan.interval().is_due(reading.update, in_epoch)
        };
        let last = readings.last().map_or(0, |reading| reading.update);
        if readings.len() as u64 != plan.interval().readings(position.step, in_epoch)
            || !readings.iter().all(is_due)
            || !readings.is_sorted_by(|a, b| a.update < b.update)
            || last > position.step
        {
            return Some("its readings");
        }
        if !epochs.iter().map(|epoch| epoch.epoch).eq(1..=position.epoch) {
            return Some("its epochs");
        }
        // The best between updates may be of the epoch that runs.
        let last = position.epoch + usize::from(!readings.is_empty() && position.samples > 0);
        let is_one = |epoch: usize| (1..=last).contains(&epoch);
        if best.is_some_and(|(epoch, _)| !is_one(epoch)) {
            return Some("its best epoch");
        }
        self.impossible_number(greatest)
    }

    /// Which numbers of it no training comes to, where no loss is above `greatest`.
    fn impossible_number(&self, greatest: f64) -> Option<&'static str> {
        let Self { plan, position, epochs, readings, best, .. } = self;
        let best = |measure| best.map(|(_, value)| value).filter(|_| plan.measure() == measure);
        let running = (position.samples > 0).then(|| position.mean_loss());
        let is_loss = |loss: f64| (LEAST_LOSS..=greatest).contains(&loss);
        let mut losses = epochs
            .iter()
            .flat_map(|epoch| [Some(epoch.train_loss), epoch.validation_loss])
            .chain([best(Measure::Loss), running])
            .flatten()
            .chain(readings.iter().map(|reading| reading.loss));
        if !losses.all(is_loss) {
            return Some("its losses");
        }
        let mut accuracies = epochs
            .iter()
            .flat_map(|epoch| [Some(epoch.train_accuracy), epoch.validation_accuracy])
            .chain([best(Measure::Accuracy)])
            .flatten()
            .chain(readings.iter().map(|reading| reading.accuracy));
        if !accuracies.all(|accuracy| (0.0..=1.0).contains(&accuracy)) {
            return Some("its accuracies");
        }
        let seconds = || epochs.iter().map(|epoch| epoch.seconds);
        let is_time = seconds().all(|seconds| seconds > 0.0) && position.seconds >= 0.0;
        let total = seconds().sum::<f64>() + position.seconds;
        (!is_time || !total.is_finite()).then_some("its seconds")
    }
}

impl<T: Real> Training<T> {
    /// A training that has not begun.
    ///
    /// # Errors
    /// [`TrainError`] where the plan makes no network or one too large for this machine, or a number in it makes no training.
    pub fn new(plan: Plan) -> Result<Self, TrainError> {
        Self::new_with(plan, |plan| plan.model.network(plan.batch, plan.seeds))
    }

    /// A training that has not begun, of the network that `network` makes in place of the plan's model: of
    /// another start, or with other ops. It takes the model's inputs and has no more parameters.
    ///
    /// # Errors
    /// Those of [`Training::new`].
    pub fn new_with(
        plan: Plan,
        network: impl FnOnce(&Plan) -> Result<Network<T>, ShapeError>,
    ) -> Result<Self, TrainError> {
        plan.check()?;
        memory::require(
            format!("{} in batches of {}", plan.model, plan.batch),
            plan.model.entries().bytes::<T>(plan.batch),
            "choose smaller layers or a smaller batch",
        )?;
        let network = network(&plan)?;
        let optimizer = optimizer(&plan, &network)?;
        let average = average(&plan, &network)?;
        Ok(Self {
            plan,
            network,
            optimizer,
            average,
            position: Position::default(),
            epochs: Vec::new(),
            readings: Vec::new(),
            best: None,
            seen: None,
            checked: None,
            classes: Vec::new(),
            notes: BTreeMap::new(),
        })
    }

    /// The training that [`Training::run`] saved at `path`, to be run on from there, on the same data.
    ///
    /// # Errors
    /// [`TrainError`] where the checkpoint is missing, damaged, changed or of another network.
    pub fn resume(path: &Path) -> Result<Self, TrainError> {
        Self::resume_with(path, |plan| plan.model.network(plan.batch, plan.seeds))
    }

    /// The training that began with [`Training::new_with`] and the same `network`, as [`Training::resume`]
    /// has it.
    ///
    /// # Errors
    /// Those of [`Training::resume`].
    pub fn resume_with(
        path: &Path,
        network: impl FnOnce(&Plan) -> Result<Network<T>, ShapeError>,
    ) -> Result<Self, TrainError> {
        let saved = Checkpoint::read(path)?;
        let account = text(&saved, path, "training")?;
        saved.check_seal(path)?;
        let account: Account = serde_json::from_str(account)
            .map_err(|source| TrainError::Account { path: path.to_path_buf(), source })?;
        if let Some(part) = account.contradiction(T::max_value().as_f64()) {
            return Err(TrainError::Contradiction { path: path.to_path_buf(), part });
        }
        // Before the network takes its memory.
        let numbers = saved.tensors.values().map(|tensor| tensor.len()).sum::<usize>();
        if account.plan.model.entries().weights() > numbers as f64 {
            let part = "the size of its network";
            return Err(TrainError::Contradiction { path: path.to_path_buf(), part });
        }
        let restore = |source| TrainError::Restore { path: path.to_path_buf(), source };
        let mut training = Self::new_with(account.plan, network)?;
        let tensor = |name: &str| saved.tensors.get(name).cloned();
        training.network.restore(tensor).map_err(|error| restore(error.into()))?;
        let names: BTreeMap<_, _> =
            training.network.parameters().iter().map(|it| (it.var, it.name.clone())).collect();
        training
            .optimizer
            .restore(account.position.step, |var, state| tensor(&state_name(state, &names[&var])))
            .map_err(|error| restore(error.into()))?;
        if let Some(average) = &mut training.average {
            let averaged = |name: &str| tensor(&format!("{AVERAGE}{name}"));
            average.restore(averaged).map_err(|error| restore(error.into()))?;
        }
        if let Some((epoch, value)) = account.best {
            let best = |(name, current): (String, Tensor<T>)| {
                let saved = tensor(&format!("{BEST}{name}"));
                RestoreError::check(&name, &current, saved).map(|tensor| (name, tensor))
            };
            let tensors: Result<_, RestoreError> =
                training.network.tensors().into_iter().map(best).collect();
            let tensors = tensors.map_err(|error| restore(error.into()))?;
            training.best = Some(Best { epoch, value, tensors });
        }
        training.position = account.position;
        training.epochs = account.epochs;
        training.readings = account.readings;
        training.seen = Some(account.seen);
        training.notes = account.notes;
        Ok(training)
    }

    /// All tensors that the training goes on with, each under its name in a checkpoint.
    fn tensors(&self) -> BTreeMap<String, Tensor<T>> {
        let mut tensors: BTreeMap<_, _> = self.network.tensors().into_iter().collect();
        let parameters = self.network.parameters();
        for (var, state, tensor) in self.optimizer.state() {
            let parameter = parameters.iter().find(|parameter| parameter.var == var);
            let name = &parameter.expect("the optimizer moves the network's parameters").name;
            tensors.insert(state_name(state, name), tensor.clone());
        }
        for (name, tensor) in self.average.iter().flat_map(Average::state) {
            tensors.insert(format!("{AVERAGE}{name}"), tensor.clone());
        }
        for (name, tensor) in self.best.iter().flat_map(|best| &best.tensors) {
            tensors.insert(format!("{BEST}{name}"), tensor.clone());
        }
        tensors
    }

    /// Refuses a state with a number that is not finite.
    fn check_finite(&self) -> Result<(), TrainError> {
        self.tensors().iter().try_for_each(|(name, tensor)| {
            let value = tensor.iter().find(|value| !value.is_finite());
            value.map_or(Ok(()), |value| Err(self.not_finite(name, value.as_f64())))
        })
    }

    fn not_finite(&self, name: &str, value: f64) -> TrainError {
        let Position { step, epoch, samples, .. } = self.position;
        let (name, epoch) = (name.to_owned(), epoch + usize::from(samples > 0));
        let rate = self.plan.schedule.rate(step.saturating_sub(1));
        TrainError::NotFinite { name, value, step, epoch, rate }
    }

    /// Writes all of the training's state to `path`, or nothing: what [`Training::run`] does after every
    /// epoch where it is given a path.
    ///
    /// # Errors
    /// [`CheckpointError::Write`].
    ///
    /// # Panics
    /// If the training has not begun: it knows no data yet.
    pub fn save(&self, path: &Path) -> Result<(), TrainError> {
        let account = Account {
            seen: self.seen.clone().expect("a training that runs has seen its data"),
            plan: self.plan.clone(),
            position: self.position,
            epochs: self.epochs.clone(),
            readings: self.readings.clone(),
            best: self.best.as_ref().map(|best| (best.epoch, best.value)),
            notes: self.notes.clone(),
        };
        let account = serde_json::to_string(&account).expect("an account is plain data");
        let metadata = BTreeMap::from([("training".to_owned(), account)]);
        let mut checkpoint = Checkpoint { tensors: self.tensors(), metadata };
        checkpoint.seal();
        Ok(checkpoint.write(path)?)
    }

    /// Writes the network alone, with the names of its classes, to `path`, for predictions.
    ///
    /// # Errors
    /// [`CheckpointError::Write`].
    pub fn save_model(&self, path: &Path) -> Result<(), CheckpointError> {
        let tensors = self.network.tensors().into_iter().collect();
        let model = serde_json::to_string(&self.plan.model).expect("a model is plain data");
        let classes = serde_json::to_string(&self.classes).expect("names are plain data");
        let metadata =
            BTreeMap::from([("model".to_owned(), model), ("classes".to_owned(), classes)]);
        Checkpoint { tensors, metadata }.write(path)
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The network.
    pub fn network(&self) -> &Network<T> {
        &self.network
    }

    /// The network, to be used: an evaluation writes on its tape.
    pub fn network_mut(&mut self) -> &mut Network<T> {
        &mut self.network
    }

    /// Where the training is.
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// What the finished epochs came to.
    pub fn epochs(&self) -> &[Epoch] {
        &self.epochs
    }

    /// What early stopping read between updates, where the plan has it read there.
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// Where and why it stopped early, or will when it is run on.
    pub fn stop(&self) -> Option<Stop> {
        let Position { step, epoch, samples, .. } = self.position;
        let (update, epoch) = (step, epoch + usize::from(samples > 0));
        let stopping = self.plan.stopping.filter(|_| self.is_exhausted())?;
        Some(Stop { update, epoch, reason: stopping.to_string() })
    }

    /// The epoch that did best on the validation samples, from 1: that with the lowest loss, where early
    /// stopping goes by nothing else.
    pub fn best_epoch(&self) -> Option<usize> {
        self.best.as_ref().map(|best| best.epoch)
    }

    /// Texts that a program keeps in its checkpoints, by name: no training reads them.
    pub fn notes(&self) -> &BTreeMap<String, String> {
        &self.notes
    }

    /// The texts of [`Training::notes`], to be written.
    pub fn notes_mut(&mut self) -> &mut BTreeMap<String, String> {
        &mut self.notes
    }

    /// Loss and predictions on test data, over the plan's views.
    ///
    /// # Errors
    /// [`TrainError::Shape`] where the data do not fit, as in [`Network::evaluate_with`], and
    /// [`TrainError::NotFinite`] where the loss is not finite.
    pub fn test(&mut self, data: &Dataset) -> Result<Evaluation, TrainError> {
        let evaluation = self.network.evaluate_with(data, EVALUATION_BATCH, self.plan.views)?;
        match evaluation.loss.is_finite() {
            true => Ok(evaluation),
            false => Err(self.not_finite("the loss on the test data", evaluation.loss)),
        }
    }

    /// Seconds spent on updates, in all sessions together.
    pub fn seconds(&self) -> f64 {
        self.epochs.iter().map(|epoch| epoch.seconds).sum::<f64>() + self.position.seconds
    }

    /// Refuses data that cannot be trained on, and takes from them what the network needs before its first
    /// update. [`Training::run`] begins with it; whoever makes a place for the results does it before.
    ///
    /// # Errors
    /// [`TrainError`] where the data do not fit, cannot prepare the network, or are not those that the
    /// training began with.
    pub fn prepare(
        &mut self,
        train: &Dataset,
        validation: Option<&Dataset>,
    ) -> Result<(), TrainError> {
        for data in [Some(train), validation].into_iter().flatten() {
            self.network.expect(data)?;
            if data.is_empty() {
                return Err(TrainError::Empty(data.name().to_owned()));
            }
        }
        if validation.is_none() && (self.plan.stopping.is_some() || self.plan.keep_best) {
            return Err(TrainError::Plan(
                "without validation data no epoch is the best: hold out some, or plan without a \
                 patience",
            ));
        }
        if let Some(stopping) = self.plan.stopping {
            stopping.expect_readings(self.plan.epochs, self.updates_in_epoch(train))?;
        }
        self.plan.augmentation.on(train.shape())?;
        self.plan.views.images(train)?;
        if self.knows(train, validation) {
            return Ok(());
        }
        let given =
            Seen { train: train.fingerprint(), validation: validation.map(Dataset::fingerprint) };
        match &self.seen {
            Some(seen) if *seen != given => {
                let (trained, given) = (seen.to_string(), given.to_string());
                return Err(TrainError::OtherData { trained, given });
            }
            Some(_) => {}
            None => {
                self.plan.model.prepare(&mut self.network, train)?;
                // What follows the network starts where it does.
                self.average = average(&self.plan, &self.network)?;
                self.seen = Some(given);
            }
        }
        self.checked = Some((train.clone(), validation.cloned()));
        Ok(())
    }

    /// Whether these are the data that were checked last. A fingerprint reads every sample, and a training
    /// that is looked into often runs in many pieces.
    fn knows(&self, train: &Dataset, validation: Option<&Dataset>) -> bool {
        self.checked.as_ref().is_some_and(|(before, validated)| {
            let same = match (validated, validation) {
                (Some(before), Some(now)) => before.is(now),
                (before, now) => before.is_none() && now.is_none(),
            };
            same && before.is(train)
        })
    }

    /// Trains from where it is to its end. `watch` is told of every update and every epoch, and
    /// breaks off the training by returning [`ControlFlow::Break`].
    ///
    /// With a `checkpoint`, the state is saved there after every epoch and at a break.
    ///
    /// # Errors
    /// [`TrainError`] where the data do not fit or are not those that it began with, where a loss or a
    /// weight is not finite, or where the checkpoint cannot be written. The last checkpoint then still
    /// stands.
    pub fn run(
        &mut self,
        train: &Dataset,
        validation: Option<&Dataset>,
        checkpoint: Option<&Path>,
        mut watch: impl FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> Result<Ending, TrainError> {
        self.prepare(train, validation)?;
        let augmenter = self.plan.augmentation.on(train.shape())?;
        self.classes = (0..train.classes()).map(|class| train.class_name(class)).collect();
        while self.position.epoch < self.plan.epochs {
            // An epoch whose updates are done is validated and written down first.
            if self.is_exhausted() && self.position.samples < train.len() {
                self.finish();
                return Ok(Ending::StoppedEarly);
            }
            let flow = self.train_epoch(train, validation, &augmenter, &mut watch)?;
            self.check_finite()?;
            let ended = flow.is_continue() && self.position.samples == train.len();
            if ended {
                self.finish_epoch(validation)?;
            }
            if let Some(path) = checkpoint {
                self.save(path)?;
            }
            if flow.is_break() {
                return Ok(Ending::Interrupted);
            }
            if let Some(epoch) = self.epochs.last().filter(|_| ended)
                && watch(Event::Epoch(epoch)).is_break()
            {
                return Ok(Ending::Interrupted);
            }
        }
        self.finish();
        Ok(Ending::Finished)
    }

    /// Updates for what is left of the running epoch, or until early stopping ends them.
    fn train_epoch(
        &mut self,
        train: &Dataset,
        validation: Option<&Dataset>,
        augmenter: &Augmenter,
        watch: &mut impl FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, TrainError> {
        let order = order(train.len(), self.plan.seeds.order, self.position.epoch);
        let rest = order.get(self.position.samples..).unwrap_or_default();
        for samples in rest.chunks(self.plan.batch) {
            let start = Instant::now();
            let rate = self.plan.schedule.rate(self.position.step);
            self.network.resize(samples.len())?;
            let (seed, epoch) = (self.plan.seeds.augmentation, self.position.epoch as u64);
            self.network.load_with(train, samples, |sample, image| {
                augmenter.apply(image, seed, epoch, sample as u64);
            });
            let loss = self.update(rate);
            if !loss.is_finite() {
                let (step, epoch) = (self.position.step, self.position.epoch + 1);
                return Err(TrainError::Diverged { loss, step, epoch, rate });
            }
            self.position.step += 1;
            self.position.samples += samples.len();
            self.position.loss += loss * samples.len() as f64;
            self.position.correct += self.network.correct();
            self.position.seconds += start.elapsed().as_secs_f64();
            let is_read = self.read(validation, self.updates_in_epoch(train))?;
            if watch(Event::Batch(&self.position)).is_break() {
                return Ok(ControlFlow::Break(()));
            }
            if is_read && self.is_exhausted() {
                break;
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Updates in an epoch.
    fn updates_in_epoch(&self, train: &Dataset) -> u64 {
        train.len().div_ceil(self.plan.batch) as u64
    }

    /// Reads what early stopping goes by, where it is read after this update. Returns whether it was.
    fn read(&mut self, validation: Option<&Dataset>, in_epoch: u64) -> Result<bool, TrainError> {
        let update = self.position.step;
        let Some(data) = validation.filter(|_| self.plan.interval().is_due(update, in_epoch))
        else {
            return Ok(false);
        };
        let Evaluation { loss, accuracy, .. } = self.validate(data, true)?;
        self.readings.push(Reading { update, loss, accuracy });
        Ok(true)
    }

    /// The network on the validation samples. The best so far is kept of those looks that `count`.
    fn validate(&mut self, data: &Dataset, count: bool) -> Result<Evaluation, TrainError> {
        // The average stands on the tape while it is judged, and is what the best is kept of.
        self.swap_average();
        let evaluation = self.network.evaluate(data, EVALUATION_BATCH);
        if let Ok(Evaluation { loss, accuracy, .. }) = evaluation
            && count
            && loss.is_finite()
        {
            self.keep_best(self.plan.measure().of(loss, accuracy));
        }
        self.swap_average();
        let evaluation = evaluation?;
        match evaluation.loss.is_finite() {
            true => Ok(evaluation),
            false => Err(self.not_finite("the loss on the validation data", evaluation.loss)),
        }
    }

    /// Keeps the network on the tape, where no `value` before was as good.
    fn keep_best(&mut self, value: f64) {
        let measure = self.plan.measure();
        if self.best.as_ref().is_none_or(|best| measure.gain(value, best.value) > 0.0) {
            let tensors = self.network.tensors().into_iter().collect();
            self.best = Some(Best { epoch: self.position.epoch + 1, value, tensors });
        }
    }

    /// One update on the loaded batch: forward, backward and a step of the optimizer. Returns the loss
    /// before it.
    fn update(&mut self, rate: f64) -> f64 {
        awake(|| {
            self.network.learn(self.position.step);
            self.optimizer.step(&mut self.network.tape, rate);
        });
        if let Some(average) = &mut self.average {
            average.update(&mut self.network, self.position.step + 1);
        }
        self.network.mean_loss()
    }

    /// Validates, writes the epoch down and turns to the next.
    fn finish_epoch(&mut self, validation: Option<&Dataset>) -> Result<(), TrainError> {
        let counts = self.plan.interval() == Interval::Epoch;
        let evaluation = validation.map(|data| self.validate(data, counts)).transpose()?;
        let position = &self.position;
        let step = position.step;
        self.epochs.push(Epoch {
            epoch: position.epoch + 1,
            train_loss: position.mean_loss(),
            train_accuracy: position.accuracy(),
            validation_loss: evaluation.as_ref().map(|evaluation| evaluation.loss),
            validation_accuracy: evaluation.as_ref().map(|evaluation| evaluation.accuracy),
            rate: self.plan.schedule.rate(step - 1),
            seconds: position.seconds,
            samples_per_second: position.samples_per_second(),
        });
        self.position = Position { epoch: position.epoch + 1, step, ..Position::default() };
        Ok(())
    }

    /// Exchanges the trained weights and their average, where there is one.
    fn swap_average(&mut self) {
        if let Some(average) = &mut self.average {
            average.swap(&mut self.network);
        }
    }

    /// Whether early stopping ends the training here.
    fn is_exhausted(&self) -> bool {
        let Some(stopping) = self.plan.stopping else { return false };
        let measure = stopping.measure;
        let after_epoch =
            |epoch: &Epoch| Some(measure.of(epoch.validation_loss?, epoch.validation_accuracy?));
        let readings: Vec<f64> = match stopping.interval {
            Interval::Epoch => self.epochs.iter().filter_map(after_epoch).collect(),
            _ => self.readings.iter().map(|it| measure.of(it.loss, it.accuracy)).collect(),
        };
        stopping.ends(&readings)
    }

    /// Leaves on the tape what the training ends with: the average, where there is one; the best weights,
    /// where they are wanted.
    fn finish(&mut self) {
        if let Some(average) = &mut self.average {
            average.finish(&mut self.network);
        }
        if let (Some(best), true) = (&self.best, self.plan.keep_best) {
            let restored = self.network.restore(|name| best.tensors.get(name).cloned());
            restored.expect("the tensors are the network's own");
        }
    }
}

/// The optimizer of a plan: what decays, and at which multiple of the rate, the network says.
fn optimizer<T: Real>(plan: &Plan, network: &Network<T>) -> Result<Optimizer<T>, OptimizerError> {
    plan.schedule.check()?;
    let vars: Vec<_> = network.parameters().iter().map(|parameter| parameter.var).collect();
    let mut optimizer = Optimizer::new(plan.rule, plan.l2, &network.tape, &vars)?;
    for parameter in network.parameters() {
        optimizer = optimizer.with_factor(&[parameter.var], parameter.factor)?;
        if !parameter.decays {
            optimizer = optimizer.without_decay(&[parameter.var])?;
        }
    }
    Ok(optimizer)
}

/// The second set of weights of a plan, equal to the first.
fn average<T: Real>(
    plan: &Plan,
    network: &Network<T>,
) -> Result<Option<Average<T>>, OptimizerError> {
    let average = plan.averaging.map(|averaging| Average::new(averaging, network));
    Ok(average.transpose()?)
}

/// The samples of an epoch in the order in which it visits them.
fn order(samples: usize, seed: u64, epoch: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..samples).collect();
    order.shuffle(&mut stream(seed, Purpose::Order { epoch: epoch as u64 }));
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mlp::Mlp;
    use crate::network::Recorder;
    use crate::softmax::Loss;
    use ndarray::{arr1, arr2};

    /// A bias of which the network says that it decays not and moves at 8 times the rate.
    #[test]
    fn the_network_says_what_decays_and_how_fast_it_moves() {
        let mut recorder = Recorder::<f64>::new(1, &[1]);
        let weight = recorder.parameter("weight".to_owned(), arr2(&[[0.7, -0.2]]).into_dyn(), true);
        let bias = recorder.parameter("bias".to_owned(), arr1(&[0.1, 0.4]).into_dyn(), false);
        recorder.scale_rate(bias, 8.0);
        let logits = recorder.tape.linear(recorder.input(), weight, bias).expect("the shapes fit");
        let mut network = recorder.finish(logits, Loss::default()).expect("one row of logits");
        let plan = Plan {
            model: Model::Mlp(Mlp::new(&[1, 2]).expect("two widths")),
            epochs: 1,
            batch: 1,
            rule: Rule::Sgd,
            schedule: Schedule::Constant { rate: 0.25 },
            l2: 0.5,
            augmentation: Augmentation::NONE,
            averaging: None,
            views: Views::One,
            seeds: Seeds::from(0),
            stopping: None,
            keep_best: false,
        };
        let mut optimizer = optimizer(&plan, &network).expect("the plan has no fault");
        let point = Dataset::from_reals("point", &[1], 2, vec![0.5], vec![1]).expect("a point");
        network.load(&point, &[0]);
        network.learn(0);
        let moved = [(weight, 0.25, 0.5), (bias, 2.0, 0.0)].map(|(var, rate, l2)| {
            let (w, g) = (network.tape.value(var), network.tape.gradient(var));
            (var, w - (g + w * l2) * rate)
        });
        optimizer.step(&mut network.tape, 0.25);
        for (var, expected) in moved {
            let difference = network.tape.value(var) - &expected;
            assert!(difference.iter().all(|d| d.abs() < 1e-15), "{difference}");
        }
    }
}
