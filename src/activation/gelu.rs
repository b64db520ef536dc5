//! GELU: an input times the probability that a normal number is below it. Chapter 6.
//!
//! Let φ be the density of N(0, 1) and Φ its distribution function:
//!
//! ```text
//! gelu(x) = x·Φ(x)        Φ(x) = ∫_−∞^x φ(t) dt        φ(t) = e^(−t²/2) / √(2π)
//! ```
//!
//! ReLU multiplies x by a step, 0 on the left and 1 on the right. GELU multiplies it by a step that
//! is as wide as the normal distribution. Far to the right it is x, far to the left 0, and between
//! them it has no kink.
//!
//! **By the error function.** φ is even, so half of its integral lies to the left of 0. With
//! t = √2·u, and so dt = √2 du,
//!
//! ```text
//! Φ(x) = 1/2 + ∫₀ˣ e^(−t²/2)/√(2π) dt = 1/2 + 1/√π · ∫₀^(x/√2) e^(−u²) du
//!      = (1 + erf(x/√2)) / 2
//! ```
//!
//! **The derivative.** Φ′ = φ, and the product rule gives
//!
//! ```text
//! gelu′(x) = Φ(x) + x·φ(x)
//! ```
//!
//! At zero it is 1/2. As Φ(−x) = 1 − Φ(x) and φ(−x) = φ(x), gelu′(−x) = 1 − gelu′(x), and in the
//! same way gelu(x) − gelu(−x) = x. The slope is 0 at x = −0.7518, where gelu is −0.1700: its lowest
//! value. It exceeds 1 on the right, as it falls below 0 on the left.
//!
//! Source: D. Hendrycks and K. Gimpel, *Gaussian Error Linear Units*, 2016 (arXiv:1606.08415). Their
//! formula with a tanh is an approximation, off by up to 5e-4. This one is exact, and the faster of
//! the two here: its erf takes no branch.

use crate::elementwise::unary::{Map, Unary};
use crate::gradcheck::Case;
use crate::real::Real;
use crate::tape::{Tape, Var};
use crate::tensor::ShapeError;
use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// x·Φ(x), with the distribution function Φ of N(0, 1). In `f32` the error is below 4e-7 times the
/// larger of |x| and 1. Far to the left that is much of a value near 0: 1 + erf cancels, and at x = −5
/// gelu(x) = −1.43e-6 is off by 6 % of itself.
#[inline(always)]
pub fn gelu<T: Real>(x: T) -> T {
    x.max(-far::<T>()) * normal_distribution(x)
}

/// A distance from 0 at which Φ is 0 or 1 and φ is 0 in any precision: x beyond it changes no
/// product with them, and an infinite one would make it no number.
#[inline(always)]
fn far<T: Real>() -> T {
    T::of(40.0)
}

/// Φ(x) = (1 + erf(x/√2)) / 2
#[inline(always)]
fn normal_distribution<T: Real>(x: T) -> T {
    T::of(0.5) * (T::one() + (x * T::of(FRAC_1_SQRT_2)).erf())
}

/// φ(x) = e^(−x²/2) / √(2π)
#[inline(always)]
fn normal_density<T: Real>(x: T) -> T {
    T::of(1.0 / (2.0 * PI).sqrt()) * (T::of(-0.5) * x * x).exp_vectorized()
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Gelu;

impl<T: Real> Unary<T> for Gelu {
    fn name(&self) -> &'static str {
        "gelu"
    }

    fn f(&self, x: T) -> T {
        gelu(x)
    }

    #[inline(always)]
    fn df(&self, x: T, _: T) -> T {
        normal_distribution(x) + x.max(-far::<T>()).min(far::<T>()) * normal_density(x)
    }
}

/// The activation GELU. Chapter 6.
impl<T: Real> Tape<T> {
    /// [`gelu`], entry by entry: x·Φ(x). dx = dy · (Φ(x) + x·φ(x)). Chapter 6.
    ///
    /// # Errors
    /// [`ShapeError`] where `x` is empty.
    pub fn gelu(&mut self, x: Var) -> Result<Var, ShapeError> {
        self.push(Map(Gelu), &[x])
    }
}

/// The gradient check of this module.
pub const CASES: &[Case] = &[Case::smooth("gelu", |tape, draw| {
    let x = tape.parameter(draw.away_from_zero(&[2, 3]));
    tape.gelu(x)
})];
