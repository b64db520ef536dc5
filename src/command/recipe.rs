//! How each kind of network is trained where the user does not choose otherwise.

use super::console::Failure;
use super::number::{at_least_one, fraction, not_negative};
use crate::data::augment::Flip;
use crate::fraction::Fraction;
use crate::optim::{Averaging, Rule, Schedule};
use crate::views::Views;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A kind of network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Linear layers
    #[default]
    Mlp,
    /// Two convolutions and three linear layers
    Lenet,
    /// Convolutions of 3 x 3 and a linear layer
    Cnn,
    /// Whitening, three blocks of two convolutions, a linear layer
    Flagship,
}

/// The settings whose default depends on the network.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(default)]
#[command(next_help_heading = "Options whose default depends on the model")]
pub struct Choices {
    /// Optimizer: sgd, momentum, nesterov, adam or adamw
    #[arg(long, value_name = "NAME")]
    optimizer: Option<Rule>,
    /// Momentum, of the optimizers that have one
    #[arg(long, value_name = "M", value_parser = fraction)]
    momentum: Option<f64>,
    /// Learning rate, the largest that the schedule reaches
    #[arg(long, value_name = "R", value_parser = not_negative)]
    rate: Option<f64>,
    /// Learning rate over time
    #[arg(long, value_enum, value_name = "NAME")]
    schedule: Option<Course>,
    /// Samples in an update
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    batch: Option<usize>,
    /// Passes over the training samples
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    epochs: Option<usize>,
    /// L2 penalty on the weights
    #[arg(long, value_name = "L", value_parser = not_negative)]
    l2: Option<f64>,
    /// Label smoothing: the share of each target that goes to all classes alike
    #[arg(long, value_name = "S")]
    smoothing: Option<Fraction>,
    /// A second set of weights that follows the trained one, and is what is kept
    #[arg(long, value_enum, value_name = "NAME")]
    averaging: Option<Following>,
    /// Mirror images: none, random (each epoch anew) or alternating (every second epoch)
    #[arg(long, value_name = "NAME")]
    flip: Option<Flip>,
    /// Move images by up to this many pixels, reflected at the edges
    #[arg(long, value_name = "P")]
    translate: Option<usize>,
    /// Test-time augmentation, the views of each test image that are averaged: one, flip or
    /// flip-and-shift
    #[arg(long, value_name = "NAME")]
    views: Option<Views>,
}

/// The settings of [`Choices`], all chosen.
#[derive(Clone, Debug)]
pub struct Recipe {
    optimizer: Rule,
    momentum: f64,
    rate: f64,
    schedule: Course,
    pub batch: usize,
    pub epochs: usize,
    pub l2: f64,
    pub smoothing: Fraction,
    pub averaging: Following,
    pub flip: Flip,
    pub translate: usize,
    pub views: Views,
}

/// The learning rate over a training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Course {
    /// The same rate always
    Constant,
    /// A tenth of the rate after each third of the updates
    Step,
    /// From the rate to zero along half a cosine
    Cosine,
    /// Up to the rate, then down to near zero
    OneCycle,
    /// Along a line up to the rate, then along one down
    Triangle,
}

/// A second set of weights.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Following {
    /// There is none
    None,
    /// Every fifth update moves it a part of the way, less and less, and the trained weights onto it
    Lookahead,
    /// Their exponential moving average over about a hundred updates
    Exponential,
    /// Their mean over the last quarter of the training
    Mean,
}

impl Recipe {
    /// The recipe of a kind of network, for pictures in `color` or other data.
    pub fn of(kind: Kind, color: bool) -> Self {
        let momentum = 0.9;
        let mlp = Self {
            optimizer: Rule::Nesterov { momentum },
            momentum,
            rate: 0.1,
            schedule: Course::OneCycle,
            batch: 64,
            epochs: 8,
            l2: 0.0,
            smoothing: Fraction::ZERO,
            averaging: Following::None,
            flip: Flip::None,
            translate: 0,
            views: Views::One,
        };
        // A digit in a mirror is no digit.
        let (flip, views) = match color {
            true => (Flip::Alternating, Views::Flip),
            false => (Flip::None, Views::One),
        };
        match kind {
            Kind::Mlp => mlp,
            Kind::Lenet | Kind::Cnn => {
                Self { rate: 0.05, epochs: 10, l2: 5e-4, translate: 2, flip, views, ..mlp }
            }
            // Rate, decay and momentum of airbench94 (arXiv:2404.00498), for half its batch.
            Kind::Flagship => Self {
                momentum: 0.85,
                rate: 0.75,
                schedule: Course::Triangle,
                batch: 512,
                epochs: 10,
                l2: 0.00133,
                smoothing: Fraction::new(0.2).expect("a fifth is a fraction"),
                averaging: Following::Lookahead,
                translate: 2,
                flip,
                views: if color { Views::FlipAndShift } else { Views::One },
                ..mlp
            },
        }
    }

    /// The optimizer with its momentum.
    pub fn rule(&self) -> Rule {
        let momentum = self.momentum;
        match self.optimizer {
            Rule::Momentum { .. } => Rule::Momentum { momentum },
            Rule::Nesterov { .. } => Rule::Nesterov { momentum },
            rule => rule,
        }
    }

    /// The learning rate over so many `updates`, of which the first `warm_up` lead up.
    pub fn schedule(&self, updates: u64, warm_up: u64) -> Schedule {
        let (rate, steps) = (self.rate, updates.saturating_sub(warm_up).max(1));
        let schedule = match self.schedule {
            Course::Constant => Schedule::Constant { rate },
            Course::Step => Schedule::StepDecay { rate, every: steps.div_ceil(3), factor: 0.1 },
            Course::Cosine => Schedule::Cosine { rate, last: 0.0, steps },
            Course::OneCycle => Schedule::one_cycle(rate, steps),
            Course::Triangle => Schedule::triangle(rate, steps),
        };
        match warm_up {
            0 => schedule,
            steps => Schedule::WarmUp { steps, then: Box::new(schedule) },
        }
    }
}

impl Following {
    /// The average over a training of so many `updates`.
    pub fn over(self, updates: u64) -> Option<Averaging> {
        match self {
            Self::None => None,
            Self::Lookahead => Some(Averaging::airbench(updates)),
            Self::Exponential => Some(Averaging::Exponential { decay: 0.99 }),
            Self::Mean => {
                Some(Averaging::Mean { from: (updates - updates.div_ceil(4)).max(1), every: 1 })
            }
        }
    }
}

impl Choices {
    /// Refuses a momentum where the optimizer of the `recipe` that they complete to has none.
    pub fn check(&self, recipe: &Recipe) -> Result<(), Failure> {
        let has_one = matches!(recipe.optimizer, Rule::Momentum { .. } | Rule::Nesterov { .. });
        match self.momentum {
            Some(_) if !has_one => Err(Failure::new(
                "--momentum is for --optimizer momentum or nesterov: the others have none",
            )),
            _ => Ok(()),
        }
    }

    /// The recipe with what was chosen in place of its own.
    pub fn complete(&self, recipe: Recipe) -> Recipe {
        Recipe {
            optimizer: self.optimizer.unwrap_or(recipe.optimizer),
            momentum: self.momentum.unwrap_or(recipe.momentum),
            rate: self.rate.unwrap_or(recipe.rate),
            schedule: self.schedule.unwrap_or(recipe.schedule),
            batch: self.batch.unwrap_or(recipe.batch),
            epochs: self.epochs.unwrap_or(recipe.epochs),
            l2: self.l2.unwrap_or(recipe.l2),
            smoothing: self.smoothing.unwrap_or(recipe.smoothing),
            averaging: self.averaging.unwrap_or(recipe.averaging),
            flip: self.flip.unwrap_or(recipe.flip),
            translate: self.translate.unwrap_or(recipe.translate),
            views: self.views.unwrap_or(recipe.views),
        }
    }
}
