//! The settings of a training: what the user chooses, and the plan that follows.

use crate::console::Failure;
use chainrule::Mlp;
use chainrule::activation::Activation;
use chainrule::data::Dataset;
use chainrule::data::augment::{Augmentation, Flip};
use chainrule::fraction::Fraction;
use chainrule::init::Init;
use chainrule::model::Model;
use chainrule::optim::{Rule, Schedule};
use chainrule::train::Plan;
use clap::ArgAction::Set;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// All that fixes the result of a training, given the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, clap::Args)]
pub struct Settings {
    /// Training data; `auto` is MNIST if it is there, else drawn digits
    #[arg(long, value_enum, default_value_t = Source::Auto)]
    pub data: Source,
    /// Test data, where not of the same set
    #[arg(long, value_enum, value_name = "DATA")]
    pub test_data: Option<Source>,
    /// Training samples to use, validation included; all where not given
    #[arg(long, value_name = "N")]
    pub samples: Option<usize>,
    /// Training samples to hold out for validation
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    pub validation: usize,
    /// Widths of the hidden layers
    #[arg(long, action = Set, value_delimiter = ',', default_value = "256,128", value_name = "N,N,…")]
    pub layers: Vec<usize>,
    /// Activation of the hidden layers, one for all or one for each: relu, selu, gelu, tanh,
    /// sigmoid or identity
    #[arg(long, action = Set, value_delimiter = ',', default_value = "relu", value_name = "NAME,…")]
    pub activation: Vec<Activation>,
    /// Start of the weights: he-normal, he-uniform, xavier-normal, xavier-uniform, lecun-normal,
    /// lecun-uniform, normal:<deviation>, constant:<value> or zeros
    #[arg(long, default_value = "he-normal", value_name = "NAME")]
    pub init: Init,
    /// Batch normalization before each activation
    #[arg(long)]
    pub batch_norm: bool,
    /// Dropout rate behind each activation
    #[arg(long, default_value = "0", value_name = "P")]
    pub dropout: Fraction,
    /// Optimizer: sgd, momentum, nesterov, adam or adamw
    #[arg(long, default_value = "nesterov", value_name = "NAME")]
    pub optimizer: Rule,
    /// Learning rate, the largest that the schedule reaches
    #[arg(long, default_value_t = 0.1, value_name = "R")]
    pub rate: f64,
    /// Learning rate over time
    #[arg(long, value_enum, default_value_t = Course::OneCycle, value_name = "NAME")]
    pub schedule: Course,
    /// Updates in which the rate rises from near zero before the schedule begins
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub warm_up: u64,
    /// Samples in an update
    #[arg(long, default_value_t = 64, value_name = "N")]
    pub batch: usize,
    /// Passes over the training samples
    #[arg(long, default_value_t = 8, value_name = "N")]
    pub epochs: usize,
    /// Stop after this many epochs without a lower validation loss
    #[arg(long, value_name = "N")]
    pub patience: Option<usize>,
    /// L2 penalty on the weights
    #[arg(long, default_value_t = 0.0, value_name = "L")]
    pub l2: f64,
    /// Mirror images: none, random (each epoch anew) or alternating (every second epoch)
    #[arg(long, default_value = "none", value_name = "NAME")]
    #[serde(default)]
    pub flip: Flip,
    /// Move images by up to this many pixels, reflected at the edges
    #[arg(long, default_value_t = 0, value_name = "P")]
    #[serde(default)]
    pub translate: usize,
    /// Black out a square of this side in each image
    #[arg(long, default_value_t = 0, value_name = "S")]
    #[serde(default)]
    pub cutout: usize,
    /// Fixes every random choice
    #[arg(long, default_value_t = 29, value_name = "N")]
    pub seed: u64,
}

/// Where data come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// MNIST if it is there, else drawn digits
    Auto,
    /// Handwritten digits, or other files of MNIST's form
    Mnist,
    /// Digits that the crate draws
    Digits,
    /// Photographs in ten classes, or other files of CIFAR-10's form
    Cifar10,
    /// Pictures in color that the crate draws
    Pictures,
    /// Points inside and outside an ellipse
    Ellipse,
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
}

impl Settings {
    /// The plan for training on `data`.
    pub fn plan(&self, data: &Dataset) -> Result<Plan, Failure> {
        let widths: Vec<usize> = [data.features()]
            .into_iter()
            .chain(self.layers.iter().copied())
            .chain([data.classes()])
            .collect();
        let model = Mlp::new(&widths)?
            .activations(&self.activation)?
            .init(self.init)
            .batch_norm(self.batch_norm)
            .dropout(self.dropout);
        let Self { flip, translate, cutout, .. } = *self;
        let augmentation = Augmentation { flip, translate, cutout };
        augmentation.check(data.shape())?;
        Ok(Plan {
            model: Model::Mlp(model),
            epochs: self.epochs,
            batch: self.batch,
            rule: self.optimizer,
            schedule: self.schedule(data.len()),
            l2: self.l2,
            augmentation,
            averaging: None,
            seed: self.seed,
            patience: self.patience,
            keep_best: self.patience.is_some(),
        })
    }
}

impl Settings {
    /// The learning rate from update to update, where an epoch has `samples`.
    fn schedule(&self, samples: usize) -> Schedule {
        let updates = (samples.div_ceil(self.batch.max(1)) * self.epochs) as u64;
        let (rate, steps) = (self.rate, updates.saturating_sub(self.warm_up).max(1));
        let schedule = match self.schedule {
            Course::Constant => Schedule::Constant { rate },
            Course::Step => Schedule::StepDecay { rate, every: steps.div_ceil(3), factor: 0.1 },
            Course::Cosine => Schedule::Cosine { rate, last: 0.0, steps },
            Course::OneCycle => Schedule::one_cycle(rate, steps),
        };
        match self.warm_up {
            0 => schedule,
            steps => Schedule::WarmUp { steps, then: Box::new(schedule) },
        }
    }
}
