//! The multi-layer perceptron: linear layers with an activation between them. Chapter 12.
//!
//! With H₀ = X, layer l of L computes
//!
//! ```text
//! H_l = f(H_{l−1}·W_l + b_l)        l < L        [batch, width_{l−1}]·[width_{l−1}, width_l]
//! logits = H_{L−1}·W_L + b_L
//! ```
//!
//! so it has Σ_l (width_{l−1} + 1)·width_l parameters. Where batch normalization is on, it stands
//! between the product and f, and the layer has no bias: the mean takes it away again.

use crate::activation::Activation;
use crate::fraction::Fraction;
use crate::init::Init;
use crate::memory::Entries;
use crate::network::{Network, Recorder};
use crate::random::{Purpose, Seeds, stream};
use crate::real::Real;
use crate::softmax::Loss;
use crate::tape::Var;
use crate::tensor::{ShapeError, saturating_product};
use rand::rngs::ChaCha8Rng;
use thiserror::Error;

/// The plan of a multi-layer perceptron.
///
/// ```
/// use chainrule::Mlp;
///
/// let plan = Mlp::new(&[784, 128, 64, 10])?;
/// assert_eq!(plan.parameter_count(), 109_386);
/// let network = plan.network::<f32>(24, 29)?;
/// assert_eq!(network.parameter_count(), 109_386);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "train", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "train", serde(remote = "Self"))]
pub struct Mlp {
    widths: Vec<usize>,
    activations: Vec<Activation>,
    init: Init,
    bias: f64,
    batch_norm: bool,
    dropout: Fraction,
    #[cfg_attr(feature = "train", serde(flatten))]
    loss: Loss,
}

/// A plan that is no network.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum MlpError {
    /// Input and output are missing.
    #[error("an MLP needs at least an input and an output width, was given {0:?}")]
    TooFewWidths(Vec<usize>),
    /// A layer without units.
    #[error("layer {layer} has width 0 in {widths:?}: nothing passes through it")]
    ZeroWidth {
        /// Its position among the widths.
        layer: usize,
        /// All widths.
        widths: Vec<usize>,
    },
    /// Neither one activation nor one for each hidden layer.
    #[error("{given} activations for {hidden} hidden layers: give one for all, or one for each")]
    Activations {
        /// Number given.
        given: usize,
        /// Number of hidden layers.
        hidden: usize,
    },
}

impl Mlp {
    /// Layers of these widths, from the input to the logits: ReLU, He's initialization, biases
    /// of zero, mean cross-entropy.
    ///
    /// # Errors
    /// [`MlpError`] where there are fewer than two widths, or one is zero.
    pub fn new(widths: &[usize]) -> Result<Self, MlpError> {
        let plan = Self {
            widths: widths.to_vec(),
            activations: vec![Activation::Relu; widths.len().saturating_sub(2)],
            init: Init::HeNormal,
            bias: 0.0,
            batch_norm: false,
            dropout: Fraction::ZERO,
            loss: Loss::default(),
        };
        plan.check()?;
        Ok(plan)
    }

    /// Refuses what is no network: the one rule for plans that are made and plans that are read.
    fn check(&self) -> Result<(), MlpError> {
        let Self { widths, activations, .. } = self;
        if widths.len() < 2 {
            return Err(MlpError::TooFewWidths(widths.clone()));
        }
        if let Some(layer) = widths.iter().position(|&width| width == 0) {
            return Err(MlpError::ZeroWidth { layer, widths: widths.clone() });
        }
        let (given, hidden) = (activations.len(), widths.len() - 2);
        if given != hidden {
            return Err(MlpError::Activations { given, hidden });
        }
        Ok(())
    }

    /// With one activation for all hidden layers, or one for each.
    ///
    /// # Errors
    /// [`MlpError::Activations`] for any other number.
    pub fn activations(mut self, activations: &[Activation]) -> Result<Self, MlpError> {
        self.activations = match activations {
            [one] => vec![*one; self.widths.len() - 2],
            each => each.to_vec(),
        };
        self.check()?;
        Ok(self)
    }

    /// With weights drawn from `init`.
    pub fn init(mut self, init: Init) -> Self {
        self.init = init;
        self
    }

    /// With biases that start at `bias`.
    pub fn bias(mut self, bias: f64) -> Self {
        self.bias = bias;
        self
    }

    /// With batch normalization before each activation, or without.
    pub fn batch_norm(mut self, batch_norm: bool) -> Self {
        self.batch_norm = batch_norm;
        self
    }

    /// With dropout of this rate behind each activation.
    pub fn dropout(mut self, rate: Fraction) -> Self {
        self.dropout = rate;
        self
    }

    /// With this loss in place of the mean cross-entropy.
    pub fn loss(mut self, loss: Loss) -> Self {
        self.loss = loss;
        self
    }

    /// The widths, from the input to the logits.
    pub fn widths(&self) -> &[usize] {
        &self.widths
    }

    /// How the weights start.
    pub fn start(&self) -> Init {
        self.init
    }

    /// The activation behind the hidden layer number `layer`, from 0. None behind the last layer.
    pub fn activation(&self, layer: usize) -> Option<Activation> {
        self.activations.get(layer).copied()
    }

    /// Σ_l width_{l−1}·width_l; [`usize::MAX`] where that is more.
    pub(crate) fn weights(&self) -> usize {
        let pairs = self.widths.windows(2).map(saturating_product);
        pairs.fold(0, usize::saturating_add)
    }

    /// Σ_l (width_{l−1} + 1)·width_l, and one more for each normalized unit; [`usize::MAX`] where
    /// that is more.
    pub fn parameter_count(&self) -> usize {
        let [_, after_input @ ..] = &self.widths[..] else { return 0 };
        let [hidden @ .., _] = after_input else { return 0 };
        // γ and β in place of the bias.
        let scales = if self.batch_norm { hidden } else { &[] };
        let others = after_input.iter().chain(scales);
        others.fold(self.weights(), |sum, &width| sum.saturating_add(width))
    }

    /// Its memory, layer by layer.
    pub fn entries(&self) -> Entries {
        let input = Entries::of_input([1, 1, self.widths[0]]);
        self.widths[1..].iter().fold(input, |entries, &width| entries.linear(width))
    }

    /// Records the network for passes of `batch` samples, its weights and masks drawn from `seeds`.
    ///
    /// # Errors
    /// [`ShapeError`] for a batch of none.
    pub fn network<T: Real>(
        &self,
        batch: usize,
        seeds: impl Into<Seeds>,
    ) -> Result<Network<T>, ShapeError> {
        let Seeds { init, masks, .. } = seeds.into();
        let mut rng = stream(init, Purpose::Init);
        let mut recorder = Recorder::new(batch, &self.widths[..1]);
        let mut x = recorder.input();
        for layer in 0..self.widths.len() - 1 {
            x = self.record_layer(&mut recorder, layer, x, masks, &mut rng)?;
        }
        recorder.finish(x, self.loss)
    }

    fn record_layer<T: Real>(
        &self,
        recorder: &mut Recorder<T>,
        layer: usize,
        x: Var,
        masks: u64,
        rng: &mut ChaCha8Rng,
    ) -> Result<Var, ShapeError> {
        let (fan_in, fan_out) = (self.widths[layer], self.widths[layer + 1]);
        let name = format!("layers.{layer}");
        let weight = recorder.linear_weight(&name, [fan_in, fan_out], self.init, rng);
        let Some(&activation) = self.activations.get(layer) else {
            let bias = recorder.bias(&name, fan_out, self.bias);
            return recorder.tape.linear(x, weight, bias);
        };
        let y = if self.batch_norm {
            let product = recorder.tape.matmul(x, weight)?;
            let normal = recorder.batch_norm(&format!("norms.{layer}"), product)?;
            recorder.tape.activate(normal, activation)?
        } else {
            let bias = recorder.bias(&name, fan_out, self.bias);
            match activation {
                Activation::Relu => recorder.tape.linear_relu(x, weight, bias)?,
                _ => {
                    let sum = recorder.tape.linear(x, weight, bias)?;
                    recorder.tape.activate(sum, activation)?
                }
            }
        };
        recorder.dropout(y, self.dropout, masks, layer as u64)
    }
}

#[cfg(feature = "train")]
impl serde::Serialize for Mlp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

/// A plan of a file: one that is no network is refused.
#[cfg(feature = "train")]
impl<'de> serde::Deserialize<'de> for Mlp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let plan = Self::deserialize(deserializer)?;
        plan.check().map_err(serde::de::Error::custom)?;
        Ok(plan)
    }
}
