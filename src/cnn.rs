//! Convolutional networks that read pictures. Chapter 14.
//!
//! Here the plain one: two or three convolutions, each with ReLU and 2 x 2 max pooling, and one linear
//! layer. [`Lenet`] is the classic, [`Flagship`] the best that this book has.
//!
//! # Bias and ReLU behind the pooling
//!
//! A bias is one number a channel, and ReLU is monotone. For both f,
//!
//! ```text
//! max(f(x₀), f(x₁), f(x₂), f(x₃)) = f(max(x₀, x₁, x₂, x₃))
//! ```
//!
//! so both may follow the pooling, where they have a quarter of the work. Batch norm may not: its mean
//! and variance are those of all pixels.

mod flagship;
mod lenet;

pub use flagship::{Flagship, PrepareError};
pub use lenet::Lenet;

use crate::conv::Conv;
use crate::conv::pool::Window;
use crate::dropout::Masks;
use crate::fraction::Fraction;
use crate::network::{Network, Recorder};
use crate::random::{Purpose, Seeds, stream};
use crate::real::Real;
use crate::softmax::{Loss, Reduction};
use crate::tape::Var;
use crate::tensor::ShapeError;
use ndarray::{Array1, Array4};

/// The plan of a plain convolutional network: 3 x 3 convolutions with padding 1, each with ReLU and
/// 2 x 2 max pooling, and a linear layer to the logits.
///
/// ```
/// use chainrule::cnn::Cnn;
///
/// let plan = Cnn::new([32, 32, 3], 10).filters(&[32, 64]);
/// let network = plan.network::<f32>(4, 29)?;
/// // 3·3·3·32 + 32, then 3·3·32·64 + 64, then 8·8·64·10 + 10
/// assert_eq!(network.parameter_count(), 896 + 18_496 + 40_970);
/// # Ok::<(), chainrule::ShapeError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "train", derive(serde::Serialize, serde::Deserialize))]
pub struct Cnn {
    image: [usize; 3],
    classes: usize,
    filters: Vec<usize>,
    batch_norm: bool,
    dropout: Fraction,
    divergence: bool,
    smoothing: Fraction,
}

impl Cnn {
    /// For images `[height, width, channels]`: convolutions of 32 and 64 filters, mean cross-entropy.
    pub fn new(image: [usize; 3], classes: usize) -> Self {
        Self {
            image,
            classes,
            filters: vec![32, 64],
            batch_norm: false,
            dropout: Fraction::ZERO,
            divergence: false,
            smoothing: Fraction::ZERO,
        }
    }

    /// With a convolution for each of these numbers of filters.
    pub fn filters(mut self, filters: &[usize]) -> Self {
        self.filters = filters.to_vec();
        self
    }

    /// The numbers of filters.
    pub fn widths(&self) -> &[usize] {
        &self.filters
    }

    /// With batch norm in place of each convolution's bias, or without.
    pub fn batch_norm(mut self, batch_norm: bool) -> Self {
        self.batch_norm = batch_norm;
        self
    }

    /// With dropout of this rate before the linear layer.
    pub fn dropout(mut self, rate: Fraction) -> Self {
        self.dropout = rate;
        self
    }

    /// With the divergence from the targets as loss, in place of the cross-entropy. Its gradient is the
    /// same.
    pub fn divergence(mut self, divergence: bool) -> Self {
        self.divergence = divergence;
        self
    }

    /// With this share of each target given to all classes alike.
    pub fn smoothing(mut self, share: Fraction) -> Self {
        self.smoothing = share;
        self
    }

    /// Records the network for passes of `batch` samples, its weights and masks drawn from
    /// `seeds`.
    ///
    /// # Errors
    /// [`ShapeError`] for a batch of none, no class, a convolution without filters, or more poolings
    /// than the image can be halved.
    pub fn network<T: Real>(
        &self,
        batch: usize,
        seeds: impl Into<Seeds>,
    ) -> Result<Network<T>, ShapeError> {
        let Seeds { init, masks, .. } = seeds.into();
        let mut rng = stream(init, Purpose::Init);
        let mut recorder = Recorder::new();
        let (input, labels) = inputs(&mut recorder, self.image, batch);
        let same = Conv { padding: 1, ..Conv::default() };
        let mut x = input;
        for (layer, &filters) in (1..).zip(&self.filters) {
            let conv = format!("conv{layer}");
            x = recorder.convolution(&conv, x, [3, filters], same, &mut rng)?;
            x = if self.batch_norm {
                let normal = recorder.batch_norm(&format!("norm{layer}"), x)?;
                recorder.tape.max_pool(normal, Window::square(2))?
            } else {
                let pooled = recorder.tape.max_pool(x, Window::square(2))?;
                recorder.add_bias(&conv, pooled)?
            };
            x = recorder.tape.relu(x)?;
            recorder.maps(conv, x);
        }
        x = recorder.tape.flatten(x)?;
        if self.dropout.get() > 0.0 {
            x = recorder.tape.dropout(x, self.dropout, Masks { seed: masks, layer: 0 })?;
        }
        let logits = recorder.linear("fc", x, self.classes, false, &mut rng)?;
        let loss = Loss { reduction: Reduction::Mean, smoothing: self.smoothing };
        let loss = match self.divergence {
            true => recorder.tape.softmax_kl_divergence(logits, labels, loss)?,
            false => recorder.tape.softmax_cross_entropy_with(logits, labels, loss)?,
        };
        Ok(recorder.finish(input, labels, logits, loss, Reduction::Mean))
    }
}

/// The leaves of a network on images: the input `[batch, height, width, channels]` and the labels
/// `[batch]`.
fn inputs<T: Real>(
    recorder: &mut Recorder<T>,
    [height, width, channels]: [usize; 3],
    batch: usize,
) -> (Var, Var) {
    let input = recorder.tape.input(Array4::zeros((batch, height, width, channels)));
    (input, recorder.tape.input(Array1::zeros(batch)))
}
