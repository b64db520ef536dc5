//! Convolutional networks that read pictures. Chapter 14.
//!
//! Here the plain one: two or three convolutions, each with ReLU and 2 x 2 max pooling, and one linear
//! layer or several. [`Lenet`] is the classic, [`Flagship`] the best that this book has.
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
//!
//! # Where the parameters are
//!
//! A convolution of k x k from c to d channels has k²·c·d weights, whatever the image's size. The first
//! linear layer has one for each entry that the last pooling leaves, times its width. Of 32 x 32 pixels two
//! poolings leave 8 x 8, of d channels: with 64 channels and a hidden layer of 120 units
//!
//! ```text
//! convolutions    (3·3·3·32 + 32) + (3·3·32·64 + 64)                    =  19,392
//! linear layers   (8·8·64·120 + 120) + (120·84 + 84) + (84·10 + 10)     = 502,654
//! ```
//!
//! A third convolution has a third pooling behind it, which divides the first linear layer's weights by
//! four at as many channels: such a network is deeper, and smaller too. Whoever compares the two has to
//! match one of parameters and operations.

mod flagship;
mod lenet;

pub use flagship::{Flagship, PrepareError};
pub use lenet::Lenet;

use crate::conv::Conv;
use crate::conv::pool::Window;
use crate::fraction::Fraction;
use crate::init::Init;
use crate::layers::RUNNING;
use crate::memory::Entries;
use crate::network::{Network, Recorder};
use crate::normalize::BatchNorm;
use crate::random::{Purpose, Seeds, stream};
use crate::real::Real;
use crate::softmax::Loss;
use crate::tape::Var;
use crate::tensor::ShapeError;
use rand::Rng;

/// The plan of a plain convolutional network: 3 x 3 convolutions with padding 1, each with ReLU and
/// 2 x 2 max pooling, hidden linear layers with ReLU, if any, and a linear layer to the logits.
///
/// ```
/// use chainrule::cnn::Cnn;
///
/// let plan = Cnn::new([32, 32, 3], 10).filters(&[32, 64]);
/// let network = plan.network::<f32>(4, 29)?;
/// // 3·3·3·32 + 32, then 3·3·32·64 + 64, then 8·8·64·10 + 10
/// assert_eq!(network.parameter_count(), 896 + 18_496 + 40_970);
///
/// let network = plan.hidden(&[120, 84]).network::<f32>(4, 29)?;
/// // 8·8·64·120 + 120, then 120·84 + 84, then 84·10 + 10
/// assert_eq!(network.parameter_count(), 896 + 18_496 + 491_640 + 10_164 + 850);
/// # Ok::<(), chainrule::ShapeError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "train", derive(serde::Serialize, serde::Deserialize))]
pub struct Cnn {
    image: [usize; 3],
    classes: usize,
    filters: Vec<usize>,
    #[cfg_attr(feature = "train", serde(default, skip_serializing_if = "Vec::is_empty"))]
    hidden: Vec<usize>,
    batch_norm: bool,
    dropout: Fraction,
    #[cfg_attr(feature = "train", serde(flatten))]
    loss: Loss,
}

impl Cnn {
    /// For images `[height, width, channels]`: convolutions of 32 and 64 filters, mean cross-entropy.
    pub fn new(image: [usize; 3], classes: usize) -> Self {
        Self {
            image,
            classes,
            filters: vec![32, 64],
            hidden: Vec::new(),
            batch_norm: false,
            dropout: Fraction::ZERO,
            loss: Loss::default(),
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

    /// With hidden linear layers of these widths, each with ReLU, between the convolutions and the logits.
    pub fn hidden(mut self, widths: &[usize]) -> Self {
        self.hidden = widths.to_vec();
        self
    }

    /// The widths of the hidden linear layers.
    pub fn hidden_widths(&self) -> &[usize] {
        &self.hidden
    }

    /// With batch norm in place of each convolution's bias, or without.
    pub fn batch_norm(mut self, batch_norm: bool) -> Self {
        self.batch_norm = batch_norm;
        self
    }

    /// With dropout of this rate before each linear layer.
    pub fn dropout(mut self, rate: Fraction) -> Self {
        self.dropout = rate;
        self
    }

    /// With this loss in place of the mean cross-entropy.
    pub fn loss(mut self, loss: Loss) -> Self {
        self.loss = loss;
        self
    }

    /// Its memory, layer by layer.
    pub fn entries(&self) -> Entries {
        let layer = |entries: Entries, &filters: &usize| entries.convolution(3, filters).halve();
        let convolutions = self.filters.iter().fold(Entries::of_input(self.image), layer);
        let linear = |entries: Entries, &width: &usize| entries.linear(width);
        self.hidden.iter().fold(convolutions, linear).linear(self.classes)
    }

    /// `[height, width, channels]` of an input.
    pub(crate) fn image(&self) -> [usize; 3] {
        self.image
    }

    /// Records the network for passes of `batch` samples, its weights and masks drawn from
    /// `seeds`.
    ///
    /// # Errors
    /// [`ShapeError`] for a batch of none, no class, a convolution without filters, a layer without units,
    /// or more poolings than the image can be halved.
    pub fn network<T: Real>(
        &self,
        batch: usize,
        seeds: impl Into<Seeds>,
    ) -> Result<Network<T>, ShapeError> {
        let Seeds { init, masks, .. } = seeds.into();
        let mut rng = stream(init, Purpose::Init);
        let mut recorder = Recorder::new(batch, &self.image);
        let same = Conv { padding: 1, ..Conv::default() };
        let mut x = recorder.input();
        for (layer, &filters) in (1..).zip(&self.filters) {
            let conv = format!("conv{layer}");
            x = recorder.convolution(&conv, x, [3, filters], same, &mut rng)?;
            let norm = self.batch_norm.then(|| format!("norm{layer}"));
            x = pool(&mut recorder, &conv, norm.as_deref(), x)?;
        }
        x = recorder.tape.flatten(x)?;
        let last = self.hidden.len();
        for (layer, &width) in (0..).zip(self.hidden.iter().chain([&self.classes])) {
            x = recorder.dropout(x, self.dropout, masks, layer as u64)?;
            let name = if last == 0 { "fc".to_owned() } else { format!("fc{}", layer + 1) };
            x = recorder.linear(&name, x, width, layer < last, &mut rng)?;
        }
        recorder.finish(x, self.loss)
    }
}

impl<T: Real> Recorder<T> {
    /// A convolution without a bias, its weights drawn from He's distribution. Shapes: `x` `[batch,
    /// height, width, c_in]`, the weights `[kernel, kernel, c_in, c_out]`, the value `[batch, out_height,
    /// out_width, c_out]`.
    ///
    /// # Errors
    /// [`ShapeError`] where the kernel does not fit, or `c_out` is 0.
    pub fn convolution(
        &mut self,
        name: &str,
        x: Var,
        [kernel, c_out]: [usize; 2],
        settings: Conv,
        rng: &mut impl Rng,
    ) -> Result<Var, ShapeError> {
        let c_in = self.last_axis(x);
        let taps = kernel * kernel;
        let shape = [kernel, kernel, c_in, c_out];
        let weight = Init::HeNormal.sample((taps * c_in).max(1), taps * c_out, &shape, rng);
        let weight = self.parameter(format!("{name}.weight"), weight, true);
        self.tape.conv2d(x, weight, settings)
    }

    /// [`Recorder::batch_norm`], max pooling and ReLU. Where the windows tile the images it is one op:
    /// [`Tape::batch_norm_max_pool_relu`](crate::tape::Tape::batch_norm_max_pool_relu).
    ///
    /// # Errors
    /// [`ShapeError`] where `x` has not four axes, or the window does not fit.
    pub fn batch_norm_max_pool_relu(
        &mut self,
        name: &str,
        x: Var,
        window: Window,
    ) -> Result<Var, ShapeError> {
        let affine = self.scale_and_shift(name, x);
        let settings = BatchNorm::default();
        match *self.tape.value(x).shape() {
            [_, height, width, _] if window.tiles([height, width]) => {
                let y = self.tape.batch_norm_max_pool_relu(x, affine, settings, window)?;
                self.name_buffers(y, name, RUNNING);
                Ok(y)
            }
            _ => {
                let normal = self.normalize(name, x, affine, settings)?;
                let y = self.tape.max_pool(normal, window)?;
                self.tape.relu(y)
            }
        }
    }
}

/// What follows the convolution `name`: batch norm, where there is a `norm`; 2 x 2 max pooling; the
/// bias, where there is none; ReLU.
fn pool<T: Real>(
    recorder: &mut Recorder<T>,
    name: &str,
    norm: Option<&str>,
    mut x: Var,
) -> Result<Var, ShapeError> {
    if let Some(norm) = norm {
        x = recorder.batch_norm_max_pool_relu(norm, x, Window::square(2))?;
    } else {
        x = recorder.tape.max_pool(x, Window::square(2))?;
        x = recorder.add_bias(name, x)?;
        x = recorder.tape.relu(x)?;
    }
    recorder.maps(name, x);
    Ok(x)
}
