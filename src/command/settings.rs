//! The settings of a training: what the user chooses, and the plan that follows.

use super::console::Failure;
use super::number::{at_least_one, not_negative};
use super::recipe::{Choices, Kind, Recipe};
use crate::Mlp;
use crate::activation::Activation;
use crate::cnn::{Cnn, Flagship, Lenet};
use crate::data::Dataset;
use crate::data::augment::{Augmentation, Deformation, Elastic};
use crate::fraction::Fraction;
use crate::init::Init;
use crate::model::Model;
use crate::random::Seeds;
use crate::softmax::Loss;
use crate::train::Plan;
use crate::train::stopping::{Interval, Measure, Stopping};
use clap::ArgAction::Set;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// All that fixes the result of a training, given the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, clap::Args)]
pub struct Settings {
    /// Training data; `auto` is MNIST for an MLP and CIFAR-10 for the others if it is there, else
    /// digits or pictures that this program draws
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
    /// Network: an MLP, LeNet, a plain CNN, or the best that this program has for pictures
    #[arg(long, value_enum, default_value_t = Kind::Mlp, value_name = "NAME")]
    #[serde(default)]
    pub model: Kind,
    /// Widths of the hidden layers of an MLP (256,128 where not given), or of those behind a CNN's
    /// convolutions (none)
    #[arg(long, action = Set, value_delimiter = ',', value_name = "N,N,…")]
    #[arg(value_parser = at_least_one)]
    #[serde(default)]
    pub layers: Option<Vec<usize>>,
    /// Activation of an MLP's hidden layers, one for all or one for each: relu (where not given),
    /// selu, gelu, tanh, sigmoid or identity
    #[arg(long, action = Set, value_delimiter = ',', value_name = "NAME,…")]
    #[serde(default)]
    pub activation: Option<Vec<Activation>>,
    /// Start of an MLP's weights: he-normal (where not given), he-uniform, xavier-normal,
    /// xavier-uniform, lecun-normal, lecun-uniform, normal:<deviation>, constant:<value> or zeros
    #[arg(long, value_name = "NAME")]
    #[serde(default)]
    pub init: Option<Init>,
    /// Filters of a CNN's convolutions (32,64 where not given), or of the flagship's three blocks
    /// (64,256,256)
    #[arg(long, action = Set, value_delimiter = ',', value_name = "N,N,…")]
    #[arg(value_parser = at_least_one)]
    #[serde(default)]
    pub filters: Option<Vec<usize>>,
    /// Batch normalization in an MLP or a CNN
    #[arg(long)]
    pub batch_norm: bool,
    /// Dropout rate behind an MLP's activations, or before a CNN's linear layers
    #[arg(long, default_value = "0", value_name = "P")]
    pub dropout: Fraction,
    #[command(flatten)]
    #[serde(flatten)]
    pub choices: Choices,
    /// Updates in which the rate rises from near zero before the schedule begins
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub warm_up: u64,
    /// Stop after this many epochs without a lower validation loss, and keep the best weights
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub patience: Option<usize>,
    /// What --patience waits for: a lower validation loss (where not given) or a higher accuracy
    #[arg(long, value_enum, value_name = "NAME")]
    #[serde(default)]
    pub stop_by: Option<Measure>,
    /// Validate for --patience after every so many updates, in place of each epoch
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    #[serde(default)]
    pub stop_every: Option<u64>,
    /// The least improvement that --patience counts as one (any, where not given)
    #[arg(long, value_name = "D", value_parser = not_negative)]
    #[serde(default)]
    pub stop_threshold: Option<f64>,
    /// Turn each image by up to this many degrees, either way
    #[arg(long, default_value_t = 0.0, value_name = "DEGREES", value_parser = not_negative)]
    #[serde(default)]
    pub rotation: f64,
    /// Make each image larger or smaller by up to this share, its height and its width apart
    #[arg(long, default_value_t = 0.0, value_name = "S", value_parser = not_negative)]
    #[serde(default)]
    pub scaling: f64,
    /// Make each image lean by up to this many degrees, either way
    #[arg(long, default_value_t = 0.0, value_name = "DEGREES", value_parser = not_negative)]
    #[serde(default)]
    pub shear: f64,
    /// Bend each image by random displacements of strength A, smoothed over S pixels, as 36:5
    #[arg(long, value_name = "A:S")]
    #[serde(default)]
    pub elastic: Option<Elastic>,
    /// Black out a square of this side in each image
    #[arg(long, default_value_t = 0, value_name = "S")]
    #[serde(default)]
    pub cutout: usize,
    /// Fixes every random choice: which samples are held out, and all of the following
    #[arg(long, default_value_t = 29, value_name = "N")]
    pub seed: u64,
    /// Fixes the start of the weights, in place of --seed
    #[arg(long, value_name = "N")]
    #[serde(default)]
    pub init_seed: Option<u64>,
    /// Fixes the order of the samples in each epoch, in place of --seed
    #[arg(long, value_name = "N")]
    #[serde(default)]
    pub order_seed: Option<u64>,
    /// Fixes what dropout drops, in place of --seed
    #[arg(long, value_name = "N")]
    #[serde(default)]
    pub mask_seed: Option<u64>,
    /// Fixes how images are deformed, mirrored, moved and cut out of, in place of --seed
    #[arg(long, value_name = "N")]
    #[serde(default)]
    pub augmentation_seed: Option<u64>,
}

/// Where data come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// What suits the network, if it is there, else drawn data
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

impl Settings {
    /// Refuses what is no training on any data: to load them takes seconds.
    pub fn check(&self) -> Result<(), Failure> {
        // What is checked of a recipe is the same for images in color and for other data.
        let recipe = self.choices.complete(Recipe::of(self.model, false));
        self.blocks()?;
        self.check_kind(&recipe)?;
        self.choices.check(&recipe)?;
        if self.model == Kind::Mlp {
            self.mlp(1, 1)?;
        }
        if self.patience.is_some() && self.validation == 0 {
            return Err(Failure::new(
                "--patience is for a training with validation: with --validation 0 there is no loss \
                 to wait for",
            ));
        }
        self.check_stopping()?;
        self.samples.map_or(Ok(()), |samples| self.to_train_on(samples).map(drop))
    }

    /// Refuses what says how a patience waits, where there is none.
    fn check_stopping(&self) -> Result<(), Failure> {
        for (option, chosen) in [
            ("--stop-by", self.stop_by.is_some()),
            ("--stop-every", self.stop_every.is_some()),
            ("--stop-threshold", self.stop_threshold.is_some()),
        ] {
            if chosen && self.patience.is_none() {
                return Err(Failure::new(format!(
                    "{option} says what a patience waits for, and there is none: give --patience too"
                )));
            }
        }
        Ok(())
    }

    /// When the training stops early.
    fn stopping(&self) -> Option<Stopping> {
        let plain = Stopping::patience(self.patience?);
        Some(Stopping {
            measure: self.stop_by.unwrap_or_default(),
            interval: self.stop_every.map_or(Interval::Epoch, |every| Interval::Updates { every }),
            threshold: self.stop_threshold.unwrap_or(0.0),
            ..plain
        })
    }

    /// Of so many `samples`, the number that is not held out for validation.
    pub fn to_train_on(&self, samples: usize) -> Result<usize, Failure> {
        let Self { validation, .. } = *self;
        samples.checked_sub(validation).filter(|&rest| rest > 0).ok_or_else(|| {
            Failure::new(format!(
                "{validation} samples held out for validation leave none of {samples} to train on: \
                 hold out fewer with --validation"
            ))
        })
    }

    /// The plan for training on `data`.
    pub fn plan(&self, data: &Dataset) -> Result<Plan, Failure> {
        let recipe = self.recipe(data);
        let model = self.network(data, &recipe)?;
        let deformation = Deformation {
            rotation: self.rotation,
            scaling: self.scaling,
            shear: self.shear,
            elastic: self.elastic,
        };
        let Recipe { flip, translate, .. } = recipe;
        let augmentation = Augmentation { deformation, flip, translate, cutout: self.cutout };
        let stopping = self.stopping();
        let in_epoch = data.len().div_ceil(recipe.batch.max(1));
        // A training of more updates than can be counted ends when its user ends it.
        let updates = in_epoch.saturating_mul(recipe.epochs) as u64;
        Ok(Plan {
            model,
            epochs: recipe.epochs,
            batch: recipe.batch,
            rule: recipe.rule(),
            schedule: recipe.schedule(updates, self.warm_up),
            l2: recipe.l2,
            augmentation,
            averaging: recipe.averaging.over(updates),
            views: recipe.views,
            seeds: self.seeds(),
            stopping,
            keep_best: self.patience.is_some(),
        })
    }

    /// The seed for all, and those that were chosen apart.
    fn seeds(&self) -> Seeds {
        Seeds {
            init: self.init_seed.unwrap_or(self.seed),
            order: self.order_seed.unwrap_or(self.seed),
            masks: self.mask_seed.unwrap_or(self.seed),
            augmentation: self.augmentation_seed.unwrap_or(self.seed),
        }
    }

    /// What the user chose, and the model's recipe for the rest.
    fn recipe(&self, data: &Dataset) -> Recipe {
        let color = matches!(data.shape(), [_, _, 3]);
        self.choices.complete(Recipe::of(self.model, color))
    }

    /// Refuses what the chosen kind of network does not have.
    fn check_kind(&self, recipe: &Recipe) -> Result<(), Failure> {
        let Self { model, batch_norm, .. } = *self;
        let [dropout, smoothing] = [self.dropout, recipe.smoothing].map(|share| share.get() > 0.0);
        for (option, chosen, kinds) in [
            ("--layers", self.layers.is_some(), &[Kind::Mlp, Kind::Cnn][..]),
            ("--activation", self.activation.is_some(), &[Kind::Mlp]),
            ("--init", self.init.is_some(), &[Kind::Mlp]),
            ("--filters", self.filters.is_some(), &[Kind::Cnn, Kind::Flagship]),
            ("--batch-norm", batch_norm, &[Kind::Mlp, Kind::Cnn]),
            ("--dropout", dropout, &[Kind::Mlp, Kind::Cnn]),
            ("--smoothing", smoothing, &[Kind::Mlp, Kind::Cnn, Kind::Flagship]),
        ] {
            if chosen && !kinds.contains(&model) {
                return Err(Failure::new(format!(
                    "{option} is for --model {}: {} takes none",
                    names(kinds),
                    names(&[model])
                )));
            }
        }
        Ok(())
    }

    /// The filters of the flagship's three blocks, where they were chosen.
    fn blocks(&self) -> Result<Option<[usize; 3]>, Failure> {
        let chosen = self.filters.as_deref().filter(|_| self.model == Kind::Flagship);
        chosen.map(<[usize; 3]>::try_from).transpose().map_err(|_| {
            Failure::new("the flagship has three blocks: --filters takes three numbers")
        })
    }

    /// The layers of an MLP.
    fn mlp(&self, features: usize, classes: usize) -> Result<Mlp, Failure> {
        let hidden = self.layers.as_deref().unwrap_or(&[256, 128]);
        let plan = Mlp::new(&[&[features], hidden, &[classes]].concat())?;
        let plan = plan.activations(self.activation.as_deref().unwrap_or(&[Activation::Relu]))?;
        Ok(plan.init(self.init.unwrap_or(Init::HeNormal)))
    }

    fn network(&self, data: &Dataset, recipe: &Recipe) -> Result<Model, Failure> {
        let loss = Loss { smoothing: recipe.smoothing, ..Loss::default() };
        if self.model == Kind::Mlp {
            let plan = self.mlp(data.features(), data.classes())?;
            let plan = plan.batch_norm(self.batch_norm).dropout(self.dropout).loss(loss);
            return Ok(Model::Mlp(plan));
        }
        let image = data.image_shape().ok_or_else(|| {
            Failure::new(format!(
                "{}: inputs of shape {:?} are no images, and a convolution needs images: use \
                 --model mlp",
                data.name(),
                data.shape()
            ))
        })?;
        let filters = self.filters.as_deref();
        Ok(match self.model {
            Kind::Mlp => unreachable!("it has returned"),
            Kind::Lenet => Model::Lenet(Lenet::new(image, data.classes())),
            Kind::Cnn => Model::Cnn(
                Cnn::new(image, data.classes())
                    .filters(filters.unwrap_or(&[32, 64]))
                    .hidden(self.layers.as_deref().unwrap_or_default())
                    .batch_norm(self.batch_norm)
                    .dropout(self.dropout)
                    .loss(loss),
            ),
            Kind::Flagship => {
                let plan = Flagship::new(image, data.classes()).loss(loss);
                Model::Flagship(match self.blocks()? {
                    None => plan,
                    Some(filters) => plan.filters(filters),
                })
            }
        })
    }
}

/// The kinds as they are called on the command line.
fn names(kinds: &[Kind]) -> String {
    let names = kinds.iter().filter_map(ValueEnum::to_possible_value);
    names.map(|name| name.get_name().to_owned()).collect::<Vec<_>>().join(" or ")
}
