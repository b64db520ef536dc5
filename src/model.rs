//! The networks that the command trains, as plain data: what a model file says of itself.

use crate::cnn::{Cnn, Flagship, Lenet, PrepareError};
use crate::data::Dataset;
use crate::memory::Entries;
use crate::mlp::Mlp;
use crate::network::Network;
use crate::random::Seeds;
use crate::real::Real;
use crate::tensor::{ShapeError, saturating_product};
use std::fmt;

/// A plan of a network.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "train", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "train", serde(rename_all = "kebab-case"))]
pub enum Model {
    /// A multi-layer perceptron. Chapter 12.
    Mlp(Mlp),
    /// Two convolutions and three linear layers. Chapter 14.
    Lenet(Lenet),
    /// Convolutions and a linear layer, or several. Chapter 14.
    Cnn(Cnn),
    /// The best that this book has for pictures. Chapter 14.
    Flagship(Flagship),
}

impl Model {
    /// Its memory, layer by layer.
    pub fn entries(&self) -> Entries {
        match self {
            Self::Mlp(plan) => plan.entries(),
            Self::Lenet(plan) => plan.entries(),
            Self::Cnn(plan) => plan.entries(),
            Self::Flagship(plan) => plan.entries(),
        }
    }

    /// Entries of one input; [`usize::MAX`] where they are more.
    pub fn features(&self) -> usize {
        match self {
            Self::Mlp(plan) => plan.widths()[0],
            Self::Lenet(plan) => saturating_product(&plan.image()),
            Self::Cnn(plan) => saturating_product(&plan.image()),
            Self::Flagship(plan) => saturating_product(&plan.image()),
        }
    }

    /// Records the network for passes of `batch` samples, its weights and masks drawn from
    /// `seeds`.
    ///
    /// # Errors
    /// [`ShapeError`] for a batch of none, or layers that do not fit each other.
    pub fn network<T: Real>(
        &self,
        batch: usize,
        seeds: impl Into<Seeds>,
    ) -> Result<Network<T>, ShapeError> {
        let seeds = seeds.into();
        match self {
            Self::Mlp(plan) => plan.network(batch, seeds),
            Self::Lenet(plan) => plan.network(batch, seeds),
            Self::Cnn(plan) => plan.network(batch, seeds),
            Self::Flagship(plan) => plan.network(batch, seeds),
        }
    }

    /// Fills in what comes from the training data without training.
    ///
    /// # Errors
    /// [`PrepareError`] where the data do not fit.
    pub fn prepare<T: Real>(
        &self,
        network: &mut Network<T>,
        data: &Dataset,
    ) -> Result<(), PrepareError> {
        match self {
            Self::Mlp(_) | Self::Lenet(_) | Self::Cnn(_) => Ok(()),
            Self::Flagship(plan) => plan.prepare(network, data),
        }
    }
}

impl fmt::Display for Model {
    /// Its kind and its widths, in a few words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined =
            |widths: &[usize]| widths.iter().map(usize::to_string).collect::<Vec<_>>().join("-");
        match self {
            Self::Mlp(plan) => f.write_str(&joined(plan.widths())),
            Self::Lenet(_) => f.write_str("LeNet"),
            Self::Cnn(plan) => {
                write!(f, "CNN of {} filters", joined(plan.widths()))?;
                match plan.hidden_widths() {
                    [] => Ok(()),
                    widths => write!(f, " and {} hidden units", joined(widths)),
                }
            }
            Self::Flagship(plan) => write!(f, "flagship of {} filters", joined(plan.widths())),
        }
    }
}
