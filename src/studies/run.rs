//! A run from its data to its findings, and on from where it was broken off.

use super::library::{Library, LibraryError, Parts};
use super::probe;
use super::record::{Ending, Findings, Test, round_accuracy, round_closely, round_loss};
use super::setting::Setting;
use super::{Build, Task};
use crate::model::Model;
use crate::network::Network;
use crate::record;
use crate::tensor::{ShapeError, entries};
use crate::train::{self, Event, Plan, Position, TrainError, Training};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;
use thiserror::Error;

/// Samples in a pass that looks at the training data.
const BATCH: usize = 500;

/// The note of a checkpoint that holds what was looked at so far.
const NOTE: &str = "looks";

/// A run that cannot be made.
#[derive(Debug, Error)]
pub enum RunError {
    /// Its data.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// Its training.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// What was left of it is of another setting.
    #[error(
        "{checkpoint}: the run was begun with another setting than it has now: begin it again with \
         --fresh"
    )]
    OtherSetting {
        /// What was left.
        checkpoint: String,
    },
    /// What is looked at does not fit the network.
    #[error(transparent)]
    Shape(#[from] ShapeError),
}

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Epochs that are done.
    pub epoch: usize,
    /// Epochs in all.
    pub epochs: usize,
    /// The share of it that is done, 0 to 1.
    pub share: f64,
    /// Mean loss of a sample of the running epoch.
    pub loss: f64,
}

/// What came of a run, and how long it took.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The same bits, whoever makes the run.
    pub findings: Findings,
    /// What it was made of.
    pub data: Option<record::Data>,
    /// Seconds of updates alone, in all sessions together.
    pub seconds: f64,
    /// Seconds of all, in all sessions together.
    pub wall_seconds: f64,
    /// Training samples a second, of updates alone.
    pub samples_per_second: f64,
}

/// What was looked at so far: kept in the checkpoints, so that a run that goes on has it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Seen {
    /// Epochs after which was looked. None, before the look at the start.
    epochs: Option<usize>,
    findings: Findings,
    window: Window,
    wall_seconds: f64,
}

/// The training loss of the updates since the last look.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Window {
    updates: u64,
    /// What the running epoch had come to at the last look.
    loss: f64,
    samples: usize,
}

impl Window {
    /// The mean loss of a window that ends with this update.
    fn end(&mut self, position: &Position, every: u64, last: bool) -> Option<f64> {
        self.updates += 1;
        if self.updates < every && !last {
            return None;
        }
        let loss = position.mean_loss() * position.samples as f64;
        let mean = (loss - self.loss) / (position.samples - self.samples) as f64;
        *self = match last {
            true => Self::default(),
            false => Self { updates: 0, loss, samples: position.samples },
        };
        Some(mean)
    }
}

/// Makes a run with this `seed`, or goes on with it where `checkpoint` has what is left of one. `watch` is
/// told of its progress and breaks it off; then there is no outcome yet.
///
/// # Errors
/// [`RunError`]. A training that diverges is no error: it is what the run found.
pub fn make(
    task: &Task,
    seed: u64,
    library: &Library,
    checkpoint: &Path,
    watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Option<Outcome>, RunError> {
    let start = Instant::now();
    match task {
        Task::Training(setting, build) => {
            let setting = (**setting).clone().seed(seed);
            let parts = library.parts(&setting.samples, seed)?;
            let session = Session::open(setting, *build, parts, checkpoint, start)?;
            session.train(checkpoint, watch)
        }
        Task::Computation(compute) => {
            let findings = Findings { numbers: compute(seed), ..Findings::default() };
            let wall_seconds = start.elapsed().as_secs_f64();
            let (seconds, samples_per_second) = (wall_seconds, 0.0);
            let data = None;
            Ok(Some(Outcome { findings, data, seconds, wall_seconds, samples_per_second }))
        }
    }
}

/// A training under way.
struct Session {
    setting: Setting,
    parts: Parts,
    training: Training<f32>,
    seen: Seen,
    start: Instant,
}

impl Session {
    fn open(
        setting: Setting,
        build: Option<Build>,
        parts: Parts,
        checkpoint: &Path,
        start: Instant,
    ) -> Result<Self, RunError> {
        let network = |plan: &Plan| match build {
            Some(build) => build(plan),
            None => plan.model.network(plan.batch, plan.seeds),
        };
        if !checkpoint.exists() {
            let training = Training::new_with(setting.plan.clone(), network)?;
            training.network().expect(&parts.test)?;
            return Ok(Self { setting, parts, training, seen: Seen::default(), start });
        }
        let training = Training::resume_with(checkpoint, network)?;
        let seen = training.notes().get(NOTE).and_then(|note| serde_json::from_str(note).ok());
        match seen {
            Some(seen) if *training.plan() == setting.plan => {
                Ok(Self { setting, parts, training, seen, start })
            }
            _ => Err(RunError::OtherSetting { checkpoint: checkpoint.display().to_string() }),
        }
    }

    /// Trains to the end, and saves after each epoch.
    fn train(
        mut self,
        checkpoint: &Path,
        watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Option<Outcome>, RunError> {
        loop {
            let piece = match self.look_after_epoch() {
                Ok(()) => self.train_piece(watch),
                Err(error) => Err(error),
            };
            match piece {
                Ok(Piece::Epoch) => {
                    // What is looked at after an epoch is looked at again where a run goes on.
                    self.save(checkpoint)?;
                }
                Ok(Piece::Look) => {}
                Ok(Piece::BrokenOff) => {
                    self.save(checkpoint)?;
                    return Ok(None);
                }
                Ok(Piece::Ended(ending)) => return self.finish(ending).map(Some),
                Err(RunError::Train(
                    TrainError::Diverged { step, .. } | TrainError::NotFinite { step, .. },
                )) => return Ok(Some(self.outcome(Ending::Diverged { update: step }, None))),
                Err(error) => return Err(error),
            }
        }
    }

    /// Trains to the end of the epoch, or to the next look.
    fn train_piece(
        &mut self,
        watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Piece, RunError> {
        let Self { setting, parts, training, seen, .. } = self;
        let (epochs, samples) = (setting.plan.epochs, parts.train.len());
        let done = training.position().epoch;
        let mut broken_off = false;
        let mut is_epoch = false;
        let mut is_look = false;
        let ending = training.run(&parts.train, parts.validation.as_ref(), None, |event| {
            let position = match event {
                Event::Epoch(_) => {
                    is_epoch = true;
                    return ControlFlow::Break(());
                }
                Event::Batch(position) => position,
            };
            if let Some(every) = setting.looks.training {
                let mean = seen.window.end(position, every, position.samples == samples);
                seen.findings.updates.train_loss.extend(mean.map(round_loss));
            }
            let within = position.samples as f64 / samples as f64;
            let share = (done as f64 + within) / epochs as f64;
            let progress = Progress { epoch: done, epochs, share, loss: position.mean_loss() };
            broken_off = watch(progress).is_break();
            let update = position.samples.div_ceil(setting.plan.batch) as u64;
            is_look = setting.looks.validation.is_some_and(|every| update.is_multiple_of(every));
            if broken_off || is_look { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if is_look {
            self.look_between()?;
        }
        Ok(match ending {
            _ if broken_off => Piece::BrokenOff,
            train::Ending::Interrupted if is_epoch => Piece::Epoch,
            train::Ending::Interrupted => Piece::Look,
            train::Ending::StoppedEarly => Piece::Ended(Ending::StoppedEarly),
            train::Ending::Finished => Piece::Ended(Ending::Finished),
        })
    }

    /// Looks at the validation data, between two updates.
    fn look_between(&mut self) -> Result<(), RunError> {
        if let Some(validation) = &self.parts.validation {
            let evaluation = self.training.network_mut().evaluate(validation, BATCH)?;
            let updates = &mut self.seen.findings.updates;
            updates.validation_loss.push(round_closely(evaluation.loss));
            updates.validation_accuracy.push(round_accuracy(evaluation.accuracy));
        }
        Ok(())
    }

    /// Looks at what is to be looked at after an epoch and at the start, once each.
    fn look_after_epoch(&mut self) -> Result<(), RunError> {
        let epoch = self.training.position().epoch;
        let is_between = self.training.position().samples > 0;
        if is_between || self.seen.epochs == Some(epoch) {
            return Ok(());
        }
        self.seen.epochs = Some(epoch);
        let looks = &self.setting.looks;
        let (network, findings) = (self.training.network_mut(), &mut self.seen.findings);
        if looks.after && epoch > 0 {
            let evaluation = network.evaluate(&self.parts.train, BATCH)?;
            findings.epochs.train_loss_after.push(round_loss(evaluation.loss));
            findings.epochs.train_accuracy_after.push(round_accuracy(evaluation.accuracy));
        }
        if looks.weights {
            findings.weights.push(weights(network));
        }
        if looks.layers.contains(&epoch)
            && let Model::Mlp(plan) = &self.setting.plan.model
        {
            findings.layers.extend(probe::layers(network, plan, &self.parts.train, epoch)?);
        }
        Ok(())
    }

    fn save(&mut self, checkpoint: &Path) -> Result<(), RunError> {
        let mut seen = self.seen.clone();
        seen.wall_seconds += self.start.elapsed().as_secs_f64();
        let note = serde_json::to_string(&seen).expect("looks are plain data");
        self.training.notes_mut().insert(NOTE.to_owned(), note);
        Ok(self.training.save(checkpoint)?)
    }

    /// The one look at the test data.
    fn finish(mut self, ending: Ending) -> Result<Outcome, RunError> {
        let test = &self.parts.test;
        let evaluation = match self.training.test(test) {
            Err(TrainError::NotFinite { step, .. }) => {
                return Ok(self.outcome(Ending::Diverged { update: step }, None));
            }
            evaluation => evaluation?,
        };
        let tested = record::Test::new(&evaluation, test);
        let test = Test {
            loss: round_loss(tested.loss),
            accuracy: round_accuracy(tested.accuracy),
            confusion: tested.confusion,
        };
        Ok(self.outcome(ending, Some(test)))
    }

    fn outcome(self, ending: Ending, test: Option<Test>) -> Outcome {
        let Self { training, parts, seen, start, .. } = self;
        let mut findings = seen.findings;
        for epoch in training.epochs() {
            let columns = &mut findings.epochs;
            columns.train_loss.push(round_loss(epoch.train_loss));
            columns.train_accuracy.push(round_accuracy(epoch.train_accuracy));
            columns.validation_loss.extend(epoch.validation_loss.map(round_loss));
            columns.validation_accuracy.extend(epoch.validation_accuracy.map(round_accuracy));
        }
        findings.parameters = training.network().parameter_count();
        (findings.ending, findings.test) = (ending, test);
        let seconds = training.seconds();
        let position = training.position();
        let samples = training.epochs().len() * parts.train.len() + position.samples;
        Outcome {
            findings,
            data: Some(parts.described),
            seconds,
            wall_seconds: seen.wall_seconds + start.elapsed().as_secs_f64(),
            samples_per_second: if seconds > 0.0 { samples as f64 / seconds } else { 0.0 },
        }
    }
}

/// How a piece of a training ended.
enum Piece {
    /// At the end of an epoch.
    Epoch,
    /// Where something is to be looked at.
    Look,
    /// Whoever watches broke it off.
    BrokenOff,
    /// All is done.
    Ended(Ending),
}

/// All parameters, in the order of the layers.
fn weights(network: &Network<f32>) -> Vec<f64> {
    let parameters = network.parameters().iter();
    let values = parameters.flat_map(|it| entries(network.tape.value(it.var)));
    values.map(|&weight| round_loss(f64::from(weight))).collect()
}
