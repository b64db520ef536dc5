//! The networks that the command trains, as plain data: what a model file says of itself.

use crate::mlp::{Mlp, MlpError};
use crate::network::Network;
use crate::real::Real;

/// A plan of a network.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "train", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "train", serde(rename_all = "kebab-case"))]
pub enum Model {
    /// A multi-layer perceptron. Chapter 12.
    Mlp(Mlp),
}

impl Model {
    /// Records the network for passes of `batch` samples, its weights drawn from `seed`.
    ///
    /// # Errors
    /// [`MlpError`] for a batch of none.
    pub fn network<T: Real>(&self, batch: usize, seed: u64) -> Result<Network<T>, MlpError> {
        match self {
            Self::Mlp(plan) => plan.network(batch, seed),
        }
    }
}
