//! The best network that this book has for pictures: K. Jordan's airbench94. Chapter 14.
//!
//! ```text
//! standardize each channel
//! 2 x 2 convolution, whitening, frozen; bias; GELU                 31 x 31 x 24
//! three blocks, each
//!     3 x 3 convolution; 2 x 2 max pooling; batch norm; GELU       15 x 15 x 64, 7 x 7 x 256, 3 x 3 x 256
//!     3 x 3 convolution; batch norm; GELU
//! 3 x 3 max pooling; linear; a ninth                               10 logits
//! ```
//!
//! **The start is the identity.** The first filters of a convolution pass one channel each: 1 in the
//! middle of the kernel at that channel, 0 elsewhere. So at the start every block hands on what it was
//! given beside what its random filters make of it. The others are uniform with the variance
//! 1/(3·fan_in). Where a convolution has as many filters as channels, as each block's second has, there
//! are no others: it starts as the identity.
//!
//! **Scales of 1.** Batch norm keeps γ = 1, as airbench fixes it; it learns β alone, at a rate 64 times as
//! high. Before a ReLU a positive γ adds nothing, since relu(γ·x) = γ·relu(x), and the weights after it
//! can be γ times as large. Before a GELU it does add something: gelu(γ·x) is not γ·gelu(x).
//!
//! **Smooth targets.** A fifth of each target goes to all classes alike: see
//! [`Loss::smoothing`](crate::softmax::Loss). The ninth keeps the first logits small beside them.
//!
//! Source: K. Jordan's airbench94 (arXiv:2404.00498), whose widths, constants and order these are. The
//! training here differs from it in these points:
//!
//! - the bias of the whitening layer learns in all epochs; there, in the first three;
//! - weight decay leaves all biases alone; there it acts on the β and on the whitening layer's bias too;
//! - the last batch of an epoch may be smaller than the others; there it is dropped;
//! - all numbers are `f32`; there, all but those of batch norm have 16 bits.
//!
//! Its Lookahead is [`Averaging::airbench`](crate::optim::Averaging::airbench).

use crate::conv::Conv;
use crate::conv::pool::Window;
use crate::data::Dataset;
use crate::data::channels::{ChannelError, ChannelMoments};
use crate::fraction::Fraction;
use crate::init::Init;
use crate::memory::Entries;
use crate::network::{Network, Recorder};
use crate::normalize::BatchNorm;
use crate::normalize::standardize::constants;
use crate::random::{Purpose, Seeds, stream};
use crate::real::Real;
use crate::softmax::Loss;
use crate::tape::Var;
use crate::tensor::{ShapeError, Tensor};
use crate::whiten::{WhitenError, Whitening};
use ndarray::IxDyn;
use rand::rngs::ChaCha8Rng;
use thiserror::Error;

/// What the learning rate of batch norm's shifts is multiplied by.
const SHIFT_RATE: f64 = 64.0;
/// What the logits are multiplied by.
const LOGIT_SCALE: f64 = 1.0 / 9.0;
/// Names of what [`Flagship::prepare`] fills in.
const STANDARDIZE: &str = "standardize";
const WHITEN: &str = "whiten";

/// The plan of the flagship, airbench94.
///
/// ```
/// use chainrule::cnn::Flagship;
/// use chainrule::data::pictures;
///
/// let plan = Flagship::new([32, 32, 3], 10).filters([8, 16, 16]);
/// let mut network = plan.network::<f32>(4, 29)?;
/// plan.prepare(&mut network, &pictures::draw(100, 29))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "train", derive(serde::Serialize, serde::Deserialize))]
pub struct Flagship {
    image: [usize; 3],
    classes: usize,
    filters: [usize; 3],
    whitening: Whitening,
    #[cfg_attr(feature = "train", serde(flatten))]
    loss: Loss,
}

/// A flagship that cannot be prepared.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum PrepareError {
    /// The data's channels have no moments.
    #[error(transparent)]
    Channels(#[from] ChannelError),
    /// The data's patches cannot be whitened.
    #[error(transparent)]
    Whiten(#[from] WhitenError),
    /// The data are not of the network's shape.
    #[error(transparent)]
    Shape(#[from] ShapeError),
}

impl Flagship {
    /// For images `[height, width, channels]`: blocks of 64, 256 and 256 filters, smoothing 0.2.
    pub fn new(image: [usize; 3], classes: usize) -> Self {
        let smoothing = Fraction::new(0.2).expect("a fifth is a fraction");
        let loss = Loss { smoothing, ..Loss::default() };
        Self { image, classes, filters: [64, 256, 256], whitening: Whitening::default(), loss }
    }

    /// With blocks of these numbers of filters.
    pub fn filters(mut self, filters: [usize; 3]) -> Self {
        self.filters = filters;
        self
    }

    /// The numbers of filters.
    pub fn widths(&self) -> &[usize] {
        &self.filters
    }

    /// With this loss in place of the mean cross-entropy with smoothing 0.2.
    pub fn loss(mut self, loss: Loss) -> Self {
        self.loss = loss;
        self
    }

    /// Its memory, layer by layer.
    pub fn entries(&self) -> Entries {
        let kernel = self.whitening.kernel;
        let patterns = kernel.saturating_mul(kernel).saturating_mul(2 * self.image[2]);
        let input = Entries::of_input(self.image).crop(kernel.saturating_sub(1));
        let block = |entries: Entries, &width: &usize| {
            entries.convolution(3, width).halve().convolution(3, width)
        };
        let blocks = self.filters.iter().fold(input.convolution(kernel, patterns), block);
        // The last pooling leaves a third: fewer than half.
        blocks.halve().linear(self.classes)
    }

    /// `[height, width, channels]` of an input.
    pub(crate) fn image(&self) -> [usize; 3] {
        self.image
    }

    /// Records the network for passes of `batch` samples, its weights drawn from `seeds`.
    ///
    /// What comes from the data is not there before [`Flagship::prepare`], or before a model file was
    /// read: until then nothing is standardized, and the whitening layer's filters are zero.
    ///
    /// # Errors
    /// [`ShapeError`] for a batch of none, no class, a block without filters, or images of fewer than
    /// 25 pixels a side.
    pub fn network<T: Real>(
        &self,
        batch: usize,
        seeds: impl Into<Seeds>,
    ) -> Result<Network<T>, ShapeError> {
        let mut rng = stream(seeds.into().init, Purpose::Init);
        let mut recorder = Recorder::new(batch, &self.image);
        let (mut x, channels) = (recorder.input(), self.image[2]);
        x = recorder.tape.standardize(x, &vec![0.0; channels], &vec![1.0; channels])?;
        recorder.name_buffers(x, STANDARDIZE, &["mean", "std"]);
        let kernel = self.whitening.kernel;
        let shape = [kernel, kernel, channels, 2 * kernel * kernel * channels];
        let filters = recorder.frozen(format!("{WHITEN}.weight"), Tensor::zeros(IxDyn(&shape)));
        x = recorder.tape.conv2d(x, filters, Conv::default())?;
        x = recorder.add_bias(WHITEN, x)?;
        x = recorder.tape.gelu(x)?;
        recorder.maps(WHITEN, x);
        for (block, &width) in (1..).zip(&self.filters) {
            let name = |layer| format!("block{block}.{layer}");
            x = convolution(&mut recorder, &name("conv1"), x, width, &mut rng)?;
            x = recorder.tape.max_pool(x, Window::square(2))?;
            x = normalize(&mut recorder, &name("norm1"), x)?;
            x = recorder.tape.gelu(x)?;
            x = convolution(&mut recorder, &name("conv2"), x, width, &mut rng)?;
            x = normalize(&mut recorder, &name("norm2"), x)?;
            x = recorder.tape.gelu(x)?;
            recorder.maps(format!("block{block}"), x);
        }
        x = recorder.tape.max_pool(x, Window::square(3))?;
        x = recorder.tape.flatten(x)?;
        let fan_in = recorder.last_axis(x);
        let weight = default_uniform([fan_in, self.classes], fan_in, &mut rng);
        let weight = recorder.parameter("head.weight".to_owned(), weight, true);
        x = recorder.tape.matmul(x, weight)?;
        let logits = recorder.tape.scale(x, T::of(LOGIT_SCALE))?;
        recorder.finish(logits, self.loss)
    }

    /// Fills in what comes from the training data: the moments of the channels, and the filters of the
    /// whitening layer.
    ///
    /// # Errors
    /// [`PrepareError`] where the data are no images of the plan's shape, or there are none.
    pub fn prepare<T: Real>(
        &self,
        network: &mut Network<T>,
        data: &Dataset,
    ) -> Result<(), PrepareError> {
        network.expect(data)?;
        let moments = ChannelMoments::of(data, self.image[2])?;
        let filters = self.whitening.filters::<T>(data, &moments)?;
        let constants = constants(&moments.mean, &moments.std)?;
        for (name, constants) in ["mean", "std"].iter().zip(&constants) {
            let buffer = network.buffer_mut(&format!("{STANDARDIZE}.{name}"));
            buffer.expect("it was recorded").assign(constants);
        }
        let name = format!("{WHITEN}.weight");
        let frozen = network.frozen().iter().find(|frozen| frozen.name == name);
        let var = frozen.expect("it was recorded").var;
        network.tape.set(var, &filters)?;
        Ok(())
    }
}

/// A 3 x 3 convolution that keeps the image's size, and at the start its channels.
fn convolution<T: Real>(
    recorder: &mut Recorder<T>,
    name: &str,
    x: Var,
    c_out: usize,
    rng: &mut ChaCha8Rng,
) -> Result<Var, ShapeError> {
    let c_in = recorder.last_axis(x);
    let mut weight = default_uniform::<T, 4>([3, 3, c_in, c_out], 9 * c_in, rng);
    for ((u, v, c, o), w) in weight
        .view_mut()
        .into_dimensionality::<ndarray::Ix4>()
        .expect("four axes")
        .indexed_iter_mut()
    {
        if o < c_in {
            *w = if (u, v, c) == (1, 1, o) { T::one() } else { T::zero() };
        }
    }
    let weight = recorder.parameter(format!("{name}.weight"), weight, true);
    recorder.tape.conv2d(x, weight, Conv { padding: 1, ..Conv::default() })
}

/// Batch norm that learns its shift alone.
fn normalize<T: Real>(recorder: &mut Recorder<T>, name: &str, x: Var) -> Result<Var, ShapeError> {
    let width = recorder.last_axis(x);
    let gamma = recorder.frozen(format!("{name}.weight"), Tensor::ones(IxDyn(&[width])));
    let beta = recorder.bias(name, width, 0.0);
    recorder.scale_rate(beta, SHIFT_RATE);
    // Few epochs: the running statistics must follow fast.
    recorder.normalize(name, x, [gamma, beta], BatchNorm { momentum: 0.4, epsilon: 1e-12 })
}

/// Uniform with the variance 1/(3·fan_in), as PyTorch starts its layers.
fn default_uniform<T: Real, const N: usize>(
    shape: [usize; N],
    fan_in: usize,
    rng: &mut ChaCha8Rng,
) -> Tensor<T> {
    let third = T::of(1.0 / 3.0_f64.sqrt());
    Init::LecunUniform.sample::<T>(fan_in, 1, &shape, rng).mapv(|w| w * third)
}
