//! What a training of a study is: its data, its plan, and what is looked at on the way.

use crate::data::augment::Augmentation;
use crate::model::Model;
use crate::optim::{Rule, Schedule};
use crate::random::Seeds;
use crate::softmax::{Loss, Reduction};
use crate::train::Plan;
use crate::views::Views;
use serde::{Deserialize, Serialize};

/// All that fixes the result of a run, but for its seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// What it is trained, validated and tested on.
    pub samples: Samples,
    /// What is trained, and how. A run puts its own seed here.
    pub plan: Plan,
    /// What is other in the network than the plan's model says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// What is looked at on the way. It changes nothing.
    #[serde(default, skip_serializing_if = "Looks::is_none")]
    pub looks: Looks,
}

/// Where samples come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// MNIST: 60,000 images to train on, 10,000 to test on.
    Mnist,
    /// All 70,000 images of MNIST in one pool.
    AllMnist,
    /// CIFAR-10: 50,000 images to train on, 10,000 to test on.
    Cifar10,
    /// Points inside and outside an ellipse, drawn by the crate.
    Ellipse,
    /// Points on both sides of a hyperbola, drawn by the crate.
    Hyperbola,
}

/// The samples of a run. The seed of the run says which are in which part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Samples {
    /// Where they come from.
    pub source: Source,
    /// Number to train on.
    pub train: usize,
    /// Number to validate on, none of which is trained on.
    pub validation: usize,
    /// Number to test on, taken from the same samples; where there is none, the source's own test data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<usize>,
}

/// What is looked at during a training, beside its epochs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Looks {
    /// The mean training loss of every so many updates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub training: Option<u64>,
    /// Loss and accuracy on the validation data after every so many updates, counted anew in each epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation: Option<u64>,
    /// Loss and accuracy on the training data after each epoch, with the weights of its end.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub after: bool,
    /// All weights after each epoch, of a network that has few.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub weights: bool,
    /// After these epochs, what passes through each layer: see [`Layer`](super::record::Layer).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<usize>,
}

impl Looks {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl Samples {
    /// So many to train and to validate on, tested on the source's own test data.
    pub fn new(source: Source, train: usize, validation: usize) -> Self {
        Self { source, train, validation, test: None }
    }

    /// Of all images of MNIST, so many to train, to validate and to test on.
    pub fn pooled(train: usize, validation: usize, test: usize) -> Self {
        Self { source: Source::AllMnist, train, validation, test: Some(test) }
    }
}

impl Setting {
    /// Plain stochastic gradient descent at a constant rate.
    pub fn sgd(samples: Samples, model: Model, epochs: usize, batch: usize, rate: f64) -> Self {
        let plan = Plan {
            model,
            epochs,
            batch,
            rule: Rule::Sgd,
            schedule: Schedule::Constant { rate },
            l2: 0.0,
            augmentation: Augmentation::NONE,
            averaging: None,
            views: Views::One,
            seeds: Seeds::from(0),
            stopping: None,
            keep_best: false,
        };
        Self { samples, plan, variant: None, looks: Looks::default() }
    }

    /// With the penalty l2/2·‖w‖² on weights.
    pub fn l2(mut self, l2: f64) -> Self {
        self.plan.l2 = l2;
        self
    }

    /// With another rule.
    pub fn rule(mut self, rule: Rule) -> Self {
        self.plan.rule = rule;
        self
    }

    /// With these looks.
    pub fn looks(mut self, looks: Looks) -> Self {
        self.looks = looks;
        self
    }

    /// With this seed for all that is drawn.
    pub fn seed(mut self, seed: u64) -> Self {
        self.plan.seeds = Seeds::from(seed);
        self
    }

    /// The rate of its first update.
    pub fn rate(&self) -> f64 {
        self.plan.schedule.rate(0)
    }

    /// Updates of the whole training, where nothing stops it early.
    pub fn updates(&self) -> u64 {
        let Plan { epochs, batch, .. } = self.plan;
        (epochs * self.samples.train.div_ceil(batch.max(1))) as u64
    }

    /// Seconds that it is expected to take on one thread of a machine of today: products at 50 GFLOP/s, and
    /// what each sample and each update costs beside them.
    pub fn estimate(&self) -> f64 {
        let Samples { train, validation, .. } = self.samples;
        let features = self.plan.model.features() as f64;
        let (weights, operations) = match &self.plan.model {
            // Two operations a weight, in one pass forward and two back.
            Model::Mlp(plan) => (plan.weights() as f64, 6.0 * plan.weights() as f64),
            // One that cannot be recorded is refused when it is run.
            model => match model.network::<f32>(1, 0) {
                Ok(network) => {
                    let operations = network.tape.operations().step() as f64;
                    (network.parameter_count() as f64, operations)
                }
                Err(_) => (0.0, 0.0),
            },
        };
        let passes = self.plan.epochs as f64 * (train as f64 + validation as f64 / 3.0);
        let sample = operations / 50e9 + features * 0.7e-9 + 0.3e-6;
        passes * sample + self.updates() as f64 * (3e-6 + weights * 0.25e-9)
    }
}

/// The loss of a batch as the sum of those of its samples.
pub fn summed() -> Loss {
    Loss { reduction: Reduction::Sum, ..Loss::default() }
}
