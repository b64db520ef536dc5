//! Where to start: random weights whose size keeps a signal's size. Chapter 9.
//!
//! # Forward
//!
//! One output of a linear layer without bias is y = Σᵢ wᵢ·xᵢ, a sum of `fan_in` terms. Let the
//! weights be independent of each other and of x, with mean 0 and variance v. Then y has the mean
//! 0. In its second moment every product of two different terms drops out, since
//! `E[wᵢ·wⱼ] = E[wᵢ]·E[wⱼ] = 0`:
//!
//! ```text
//! E[y²] = Σᵢ E[wᵢ²]·E[xᵢ²] = fan_in · v · E[x²]
//! ```
//!
//! The second moment keeps its size if v = 1/fan_in. After n layers it has been multiplied by
//! (fan_in · v)ⁿ: a factor of 1/2 a layer leaves less than a thousandth after ten.
//!
//! # Backward
//!
//! One input of the layer acts through `fan_out` outputs: dxᵢ = Σⱼ wᵢⱼ·dyⱼ. If the weights are
//! independent of dy, which holds nearly in a wide network at its start, the same argument gives
//!
//! ```text
//! E[dx²] = fan_out · v · E[dy²]
//! ```
//!
//! The gradient keeps its size if v = 1/fan_out.
//!
//! # Xavier
//!
//! Both can be had at once only where fan_in = fan_out. Glorot and Bengio (2010) compromise: the
//! mean of the conditions v·fan_in = 1 and v·fan_out = 1 is v·(fan_in + fan_out)/2 = 1, so
//!
//! ```text
//! v = 2 / (fan_in + fan_out)
//! ```
//!
//! The argument holds for activations that are near the identity around 0, as tanh is.
//!
//! # He
//!
//! Between the layers now stands ReLU, x = max(0, y). Since w and −w are equally likely, so are y
//! and −y. Of each such pair ReLU keeps one and sets the other to 0, so
//!
//! ```text
//! E[x²] = E[max(0, y)²] = ½·E[y²]
//! ```
//!
//! Half of the second moment is lost a layer, and twice the variance replaces it: v = 2/fan_in.
//! Backward, ReLU lets half of the dy through, and v = 2/fan_out replaces that. He et al. (2015) derive
//! both and call either sufficient. With the first, which is taken here,
//!
//! ```text
//! v = 2 / fan_in
//! ```
//!
//! a layer multiplies the gradient's second moment by fan_out/fan_in. In a stack each fan_out is the
//! fan_in of the next layer, so that of the product of all only the last width over the first is left.
//!
//! ReLU's output has a mean above 0: what is kept is its second moment, not its variance. Dropout keeps
//! neither: at the rate p its mask has `E[m²]` = (1 − p)·1/(1 − p)² = 1/(1 − p), a factor of the second
//! moment that these variances do not allow for.
//!
//! # LeCun
//!
//! SELU turns x ~ N(0, 1) into an output of mean 0 and variance 1 (chapter 6): it keeps `E[x²] = 1`
//! where the numbers y before it have variance 1. They are sums of many terms, so they are nearly
//! normal, and the formula of the forward pass asks for fan_in·v·1 = 1:
//!
//! ```text
//! v = 1 / fan_in
//! ```
//!
//! Nothing is lost between the layers, so no factor 2 makes up for it. LeCun et al. (1998) chose this
//! variance for a scaled tanh, made to the same end.
//!
//! # Normal or uniform
//!
//! Only the variance entered. A uniform draw from [−a, a) has the mean 0 and the variance
//!
//! ```text
//! ∫ u²/(2a) du from −a to a = a²/3        so a = √(3v)
//! ```
//!
//! # Symmetry
//!
//! Let two hidden units have equal weights from the inputs, equal biases and equal weights to the
//! outputs. Then their values are equal, and so are dv = do·h, dh = do·v and dw = dh·f′·x. Equal
//! weights with equal gradients stay equal after any update that treats all entries alike: two
//! such units are one unit, for ever. A layer that starts at a constant consists of such units.
//! Where it starts at zero it is worse. The weights to the outputs are zero, so dh is zero and
//! the first layer gets no gradient in the first step. If its biases are zero too and f(0) = 0, as with
//! ReLU and tanh, h is zero as well, and nothing but the last bias ever moves. Random weights break the
//! symmetry.
//!
//! # Sources
//!
//! Y. LeCun, L. Bottou, G. Orr and K.-R. Müller, "Efficient backprop", 1998; for SELU, G. Klambauer
//! et al., "Self-normalizing neural networks", 2017. X. Glorot and Y. Bengio, "Understanding the
//! difficulty of training deep feedforward neural networks", AISTATS 2010. K. He, X. Zhang, S. Ren and
//! J. Sun, "Delving deep into rectifiers: surpassing human-level performance on ImageNet
//! classification", ICCV 2015.

use crate::real::Real;
use crate::tensor::Tensor;
use ndarray::ArrayD;
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// How a parameter's entries are drawn before the first step.
///
/// Written as text, in commands and records, by the names given here.
///
/// ```
/// use chainrule::init::Init;
/// use chainrule::random::{Purpose, stream};
///
/// let init: Init = "he-normal".parse()?;
/// let mut rng = stream(29, Purpose::Init);
/// let w = init.sample::<f32>(784, 128, &[784, 128], &mut rng);
/// assert_eq!(w.shape(), [784, 128]);
/// # Ok::<(), chainrule::init::InitError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "train", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "train", serde(into = "String", try_from = "String"))]
pub enum Init {
    /// `xavier-normal`: N(0, v) with the variance v = 2/(fan_in + fan_out).
    XavierNormal,
    /// `xavier-uniform`: uniform in [−a, a) with a = √(6/(fan_in + fan_out)).
    XavierUniform,
    /// `he-normal`: N(0, v) with the variance v = 2/fan_in.
    HeNormal,
    /// `he-uniform`: uniform in [−a, a) with a = √(6/fan_in).
    HeUniform,
    /// `lecun-normal`: N(0, v) with the variance v = 1/fan_in.
    LecunNormal,
    /// `lecun-uniform`: uniform in [−a, a) with a = √(3/fan_in).
    LecunUniform,
    /// `normal:s`: N(0, s²), whatever the fans.
    Normal {
        /// The standard deviation s.
        deviation: f64,
    },
    /// `constant:c`: c in every entry.
    Constant {
        /// The number c.
        value: f64,
    },
    /// `zeros`: 0 in every entry.
    Zeros,
}

impl Init {
    /// A tensor of this `shape`, drawn entry by entry in row-major order.
    ///
    /// `fan_in` counts the terms of the sum that makes one output, `fan_out` the outputs in which
    /// one input stands; neither may be 0. Draws are made in `f64` and rounded, so that networks
    /// in `f32` and in `f64` start at the same numbers and leave `rng` at the same place.
    pub fn sample<T: Real>(
        &self,
        fan_in: usize,
        fan_out: usize,
        shape: &[usize],
        rng: &mut impl Rng,
    ) -> Tensor<T> {
        let deviation = self.variance(fan_in, fan_out).sqrt();
        match *self {
            Self::XavierNormal | Self::HeNormal | Self::LecunNormal | Self::Normal { .. } => {
                ArrayD::from_shape_simple_fn(shape, || {
                    T::of(deviation * rng.sample::<f64, _>(StandardNormal))
                })
            }
            Self::XavierUniform | Self::HeUniform | Self::LecunUniform => {
                let bound = 3.0_f64.sqrt() * deviation;
                ArrayD::from_shape_simple_fn(shape, || {
                    T::of(bound * (2.0 * rng.random::<f64>() - 1.0))
                })
            }
            Self::Constant { value } => ArrayD::from_elem(shape, T::of(value)),
            Self::Zeros => ArrayD::zeros(shape),
        }
    }

    /// The variance of an entry: 0 where nothing is drawn.
    pub fn variance(&self, fan_in: usize, fan_out: usize) -> f64 {
        match *self {
            Self::XavierNormal | Self::XavierUniform => 2.0 / (fan_in + fan_out) as f64,
            Self::HeNormal | Self::HeUniform => 2.0 / fan_in as f64,
            Self::LecunNormal | Self::LecunUniform => 1.0 / fan_in as f64,
            Self::Normal { deviation } => deviation * deviation,
            Self::Constant { .. } | Self::Zeros => 0.0,
        }
    }
}

/// Text that names no [`Init`].
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum InitError {
    /// No initialization has this name.
    #[error(
        "unknown initialization `{0}`: choose xavier-normal, xavier-uniform, he-normal, \
         he-uniform, lecun-normal, lecun-uniform, normal:<deviation>, constant:<value> or zeros"
    )]
    Unknown(String),
    /// What stands behind the colon cannot be used.
    #[error("initialization `{name}:{argument}`: {name} takes {expected}, such as {example}")]
    Argument {
        /// The initialization.
        name: &'static str,
        /// What it was given.
        argument: String,
        /// What it takes.
        expected: &'static str,
        /// A text that is accepted.
        example: &'static str,
    },
}

impl FromStr for Init {
    type Err = InitError;

    fn from_str(text: &str) -> Result<Self, InitError> {
        match text.split_once(':') {
            None => match text {
                "xavier-normal" => Ok(Self::XavierNormal),
                "xavier-uniform" => Ok(Self::XavierUniform),
                "he-normal" => Ok(Self::HeNormal),
                "he-uniform" => Ok(Self::HeUniform),
                "lecun-normal" => Ok(Self::LecunNormal),
                "lecun-uniform" => Ok(Self::LecunUniform),
                "zeros" => Ok(Self::Zeros),
                _ => Err(InitError::Unknown(text.to_owned())),
            },
            Some(("normal", argument)) => match argument.parse() {
                Ok(deviation) if f64::is_finite(deviation) && deviation > 0.0 => {
                    Ok(Self::Normal { deviation })
                }
                _ => Err(InitError::Argument {
                    name: "normal",
                    argument: argument.to_owned(),
                    expected: "a standard deviation above 0",
                    example: "normal:0.01",
                }),
            },
            Some(("constant", argument)) => match argument.parse() {
                Ok(value) if f64::is_finite(value) => Ok(Self::Constant { value }),
                _ => Err(InitError::Argument {
                    name: "constant",
                    argument: argument.to_owned(),
                    expected: "a number",
                    example: "constant:1",
                }),
            },
            Some(_) => Err(InitError::Unknown(text.to_owned())),
        }
    }
}

impl fmt::Display for Init {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::XavierNormal => f.write_str("xavier-normal"),
            Self::XavierUniform => f.write_str("xavier-uniform"),
            Self::HeNormal => f.write_str("he-normal"),
            Self::HeUniform => f.write_str("he-uniform"),
            Self::LecunNormal => f.write_str("lecun-normal"),
            Self::LecunUniform => f.write_str("lecun-uniform"),
            Self::Normal { deviation } => write!(f, "normal:{deviation}"),
            Self::Constant { value } => write!(f, "constant:{value}"),
            Self::Zeros => f.write_str("zeros"),
        }
    }
}

impl From<Init> for String {
    fn from(init: Init) -> Self {
        init.to_string()
    }
}

impl TryFrom<String> for Init {
    type Error = InitError;

    fn try_from(text: String) -> Result<Self, InitError> {
        text.parse()
    }
}
