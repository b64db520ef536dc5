//! Activations: sigmoid, tanh, ReLU and SELU, and [`mod@gelu`]. Chapter 6.
//!
//! An activation is a function of one number, applied entry by entry, so chapter 4 has its
//! gradient: dx = dy ⊙ f′(x). What is left is f′. Where f′ can be had from y = f(x), which the
//! forward pass has computed, the backward pass needs no second exponential function.
//!
//! # Sigmoid
//!
//! ```text
//! σ(x) = 1 / (1 + e^−x)
//! ```
//!
//! The quotient rule, and then 1 − y = e^−x / (1 + e^−x), give
//!
//! ```text
//! σ′(x) = e^−x / (1 + e^−x)² = 1/(1 + e^−x) · e^−x/(1 + e^−x) = y·(1 − y)
//! ```
//!
//! Far to the left e^−x overflows. Multiplying numerator and denominator by eˣ gives a form in
//! which nothing overflows there. Both forms hold everywhere, so each is used on its side:
//!
//! ```text
//! σ(x) = 1 / (1 + e^−|x|)           for x ≥ 0
//! σ(x) = e^−|x| / (1 + e^−|x|)      for x < 0
//! ```
//!
//! The two numerators add up to the denominator, so σ(−x) = 1 − σ(x).
//!
//! **Saturation.** y·(1 − y) = 1/4 − (y − 1/2)², so the slope is at most 1/4, at x = 0. It falls
//! as e^−|x|. A gradient that passes k sigmoid layers is multiplied k times by a slope of at most
//! 1/4, besides the weights.
//!
//! In a machine the two sides differ. Next to 1 the numbers of `f32` are 6e-8 apart, so from x = 16.64 on
//! y is 1 and y·(1 − y) is 0. Next to 0 they are as dense as one could wish: at −16.64 the slope is
//! 5.9e-8, as it should be. A unit stuck at 1 gets no gradient at all, one stuck at 0 a small one.
//!
//! # Tanh
//!
//! ```text
//! tanh(x) = (eˣ − e^−x) / (eˣ + e^−x)
//! ```
//!
//! The derivative of the numerator is the denominator and the other way round. The quotient rule
//! gives
//!
//! ```text
//! tanh′(x) = [(eˣ + e^−x)² − (eˣ − e^−x)²] / (eˣ + e^−x)² = 1 − y²
//! ```
//!
//! Multiplying numerator and denominator of the definition by e^−x shows tanh to be a sigmoid,
//! scaled and shifted: tanh(x) = (1 − e^−2x) / (1 + e^−2x) = 2/(1 + e^−2x) − 1 = 2·σ(2x) − 1. Its
//! slope at zero is 1, four times that of the sigmoid.
//!
//! # ReLU
//!
//! ```text
//! relu(x) = max(0, x)        relu′(x) = 1 for x > 0, 0 for x < 0
//! ```
//!
//! At zero there is a kink and no derivative. The code takes 0 there. As y > 0 exactly where
//! x > 0, the derivative can be read off y.
//!
//! # SELU
//!
//! ```text
//! selu(x) = λ·x               for x > 0
//! selu(x) = λ·α·(eˣ − 1)      for x ≤ 0
//! ```
//!
//! On the right the slope is λ. On the left it is λ·α·eˣ = λ·α·(eˣ − 1) + λ·α = y + λ·α. As
//! λ·α ≠ λ there is a kink at zero; the code takes the slope of the left there.
//!
//! **The constants.** α and λ are such that an input x ~ N(0, 1) yields an output of mean 0 and
//! variance 1. Let φ be the density of N(0, 1) and Φ its distribution function. Since
//! φ′(x) = −x·φ(x), and since x·c − x²/2 = c²/2 − (x − c)²/2,
//!
//! ```text
//! ∫₀^∞ x·φ(x) dx = φ(0) = 1/√(2π)        ∫₀^∞ x²·φ(x) dx = 1/2
//! ∫_−∞^0 e^(cx)·φ(x) dx = e^(c²/2)·Φ(−c)
//! ```
//!
//! With these three integrals the mean and the mean square of the output are
//!
//! ```text
//! E[y]  = λ·[1/√(2π) + α·(e^½·Φ(−1) − 1/2)]                   = 0
//! E[y²] = λ²·[1/2 + α²·(e²·Φ(−2) − 2·e^½·Φ(−1) + 1/2)]        = 1
//! ```
//!
//! The first line gives α = 1.6733 and the second, with it, λ = 1.0507. Source: G. Klambauer,
//! T. Unterthiner, A. Mayr, S. Hochreiter, *Self-Normalizing Neural Networks*, 2017
//! (arXiv:1706.02515).

pub mod gelu;

pub use gelu::gelu;

use crate::elementwise::unary::{Map, Unary};
use crate::gradcheck::Case;
use crate::real::Real;
use crate::tape::{Tape, Var};
use crate::tensor::ShapeError;
use gelu::Gelu;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// λ of SELU: its slope on the right.
pub const SELU_LAMBDA: f64 = 1.050_700_987_355_480_5;

/// α of SELU: −λ·α is its limit on the left.
pub const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;

/// σ(x) = 1 / (1 + e^−x), which overflows for no x.
#[inline(always)]
pub fn sigmoid<T: Real>(x: T) -> T {
    let e = (-x.abs()).exp_vectorized();
    let numerator = if x < T::zero() { e } else { T::one() };
    numerator / (T::one() + e)
}

/// tanh(x) = (1 − e^−2|x|) / (1 + e^−2|x|), with the sign of x: no exponential overflows, and next to 0,
/// where the numerator would cancel, it is −(e^−2|x| − 1).
#[inline(always)]
pub fn tanh<T: Real>(x: T) -> T {
    let two = T::one() + T::one();
    let numerator = -(-two * x.abs()).exp_m1_vectorized();
    (numerator / (two - numerator)).copysign(x)
}

/// max(0, x). Not a number where x is not.
#[inline(always)]
pub fn relu<T: Real>(x: T) -> T {
    // Compared this way round, NaN passes; `max` would hide it behind a zero.
    if x < T::zero() { T::zero() } else { x }
}

/// λ·x for x > 0 and λ·α·(eˣ − 1) elsewhere, with [`SELU_LAMBDA`] and [`SELU_ALPHA`].
#[inline(always)]
pub fn selu<T: Real>(x: T) -> T {
    if x > T::zero() {
        T::of(SELU_LAMBDA) * x
    } else {
        T::of(SELU_LAMBDA * SELU_ALPHA) * x.exp_m1_vectorized()
    }
}

#[derive(Clone, Copy, Debug)]
struct Sigmoid;

impl<T: Real> Unary<T> for Sigmoid {
    fn name(&self) -> &'static str {
        "sigmoid"
    }

    #[inline(always)]
    fn f(&self, x: T) -> T {
        sigmoid(x)
    }

    #[inline(always)]
    fn df(&self, _: T, y: T) -> T {
        y * (T::one() - y)
    }
}

#[derive(Clone, Copy, Debug)]
struct Tanh;

impl<T: Real> Unary<T> for Tanh {
    fn name(&self) -> &'static str {
        "tanh"
    }

    #[inline(always)]
    fn f(&self, x: T) -> T {
        tanh(x)
    }

    #[inline(always)]
    fn df(&self, _: T, y: T) -> T {
        T::one() - y * y
    }
}

#[derive(Clone, Copy, Debug)]
struct Relu;

impl<T: Real> Unary<T> for Relu {
    fn name(&self) -> &'static str {
        "relu"
    }

    #[inline(always)]
    fn f(&self, x: T) -> T {
        relu(x)
    }

    #[inline(always)]
    fn df(&self, _: T, y: T) -> T {
        if y > T::zero() { T::one() } else { T::zero() }
    }
}

#[derive(Clone, Copy, Debug)]
struct Selu;

impl<T: Real> Unary<T> for Selu {
    fn name(&self) -> &'static str {
        "selu"
    }

    #[inline(always)]
    fn f(&self, x: T) -> T {
        selu(x)
    }

    #[inline(always)]
    fn df(&self, _: T, y: T) -> T {
        if y > T::zero() { T::of(SELU_LAMBDA) } else { y + T::of(SELU_LAMBDA * SELU_ALPHA) }
    }
}

/// What stands between two linear layers.
///
/// ```
/// use chainrule::activation::Activation;
///
/// let activation: Activation = "tanh".parse()?;
/// assert_eq!(activation, Activation::Tanh);
/// assert_eq!(activation.to_string(), "tanh");
/// # Ok::<(), chainrule::activation::UnknownActivation>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "train", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "train", serde(rename_all = "kebab-case"))]
pub enum Activation {
    /// y = x: layers without a bend between them are one linear layer.
    Identity,
    /// y = 1 / (1 + e^−x), between 0 and 1.
    Sigmoid,
    /// y = tanh(x), between −1 and 1.
    Tanh,
    /// y = max(0, x).
    Relu,
    /// y = λ·x for x > 0 and λ·α·(eˣ − 1) elsewhere.
    Selu,
    /// y = x·Φ(x), with the distribution function Φ of N(0, 1).
    Gelu,
}

impl Activation {
    /// All activations.
    pub const ALL: [Self; 6] =
        [Self::Identity, Self::Sigmoid, Self::Tanh, Self::Relu, Self::Selu, Self::Gelu];

    /// The name by which it is chosen: `"identity"`, `"sigmoid"`, `"tanh"`, `"relu"`, `"selu"`,
    /// `"gelu"`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
            Self::Relu => "relu",
            Self::Selu => "selu",
            Self::Gelu => "gelu",
        }
    }

    /// f(x).
    pub fn value<T: Real>(self, x: T) -> T {
        match self {
            Self::Identity => x,
            Self::Sigmoid => Sigmoid.f(x),
            Self::Tanh => Tanh.f(x),
            Self::Relu => Relu.f(x),
            Self::Selu => Selu.f(x),
            Self::Gelu => Gelu.f(x),
        }
    }

    /// f′(x). At a kink it is the derivative from the left.
    pub fn derivative<T: Real>(self, x: T) -> T {
        let y = self.value(x);
        match self {
            Self::Identity => T::one(),
            Self::Sigmoid => Sigmoid.df(x, y),
            Self::Tanh => Tanh.df(x, y),
            Self::Relu => Relu.df(x, y),
            Self::Selu => Selu.df(x, y),
            Self::Gelu => Gelu.df(x, y),
        }
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that no [`Activation`] has.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("there is no activation `{name}`: choose {}", Activation::ALL.map(Activation::name).join(", "))]
pub struct UnknownActivation {
    /// The name.
    pub name: String,
}

impl FromStr for Activation {
    type Err = UnknownActivation;

    fn from_str(name: &str) -> Result<Self, UnknownActivation> {
        Self::ALL
            .into_iter()
            .find(|activation| activation.name() == name)
            .ok_or_else(|| UnknownActivation { name: name.to_owned() })
    }
}

/// Activations. Chapter 6.
impl<T: Real> Tape<T> {
    /// 1 / (1 + e^−x), entry by entry. dx = dy · y · (1 − y). Chapter 6.
    ///
    /// # Errors
    /// [`ShapeError`] where `x` is empty.
    pub fn sigmoid(&mut self, x: Var) -> Result<Var, ShapeError> {
        self.push(Map(Sigmoid), &[x])
    }

    /// tanh(x), entry by entry. dx = dy · (1 − y²). Chapter 6.
    ///
    /// # Errors
    /// [`ShapeError`] where `x` is empty.
    pub fn tanh(&mut self, x: Var) -> Result<Var, ShapeError> {
        self.push(Map(Tanh), &[x])
    }

    /// max(0, x), entry by entry. dx = dy where y > 0, and 0 elsewhere. Chapter 6.
    ///
    /// # Errors
    /// [`ShapeError`] where `x` is empty.
    pub fn relu(&mut self, x: Var) -> Result<Var, ShapeError> {
        self.push(Map(Relu), &[x])
    }

    /// [`selu`], entry by entry. dx = dy · λ where y > 0, and dy · (y + λ·α) elsewhere. Chapter 6.
    ///
    /// # Errors
    /// [`ShapeError`] where `x` is empty.
    pub fn selu(&mut self, x: Var) -> Result<Var, ShapeError> {
        self.push(Map(Selu), &[x])
    }

    /// `activation` of x, entry by entry. [`Activation::Identity`] records nothing and returns
    /// `x`. Chapter 6.
    ///
    /// # Errors
    /// [`ShapeError`] where `x` is empty.
    pub fn activate(&mut self, x: Var, activation: Activation) -> Result<Var, ShapeError> {
        match activation {
            Activation::Identity => Ok(x),
            Activation::Sigmoid => self.sigmoid(x),
            Activation::Tanh => self.tanh(x),
            Activation::Relu => self.relu(x),
            Activation::Selu => self.selu(x),
            Activation::Gelu => self.gelu(x),
        }
    }
}

/// The gradient checks of this chapter.
pub const CASES: &[Case] = &[
    Case::smooth("sigmoid", |tape, draw| {
        let x = tape.parameter(draw.away_from_zero(&[2, 3]));
        tape.sigmoid(x)
    }),
    Case::smooth("tanh", |tape, draw| {
        let x = tape.parameter(draw.away_from_zero(&[2, 3]));
        tape.tanh(x)
    }),
    Case::kinked("relu", |tape, draw| {
        let x = tape.parameter(draw.away_from_zero(&[2, 3]));
        tape.relu(x)
    }),
    Case::kinked("selu", |tape, draw| {
        let x = tape.parameter(draw.away_from_zero(&[2, 3]));
        tape.selu(x)
    }),
];
