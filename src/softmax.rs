//! Softmax, its logarithm, and log-sum-exp. Chapter 7.
//!
//! A row of numbers z₁ … z_K, the *logits*, becomes a row of probabilities:
//!
//! ```text
//! p_k = exp(z_k) / s        s = Σ_l exp(z_l)
//! ```
//!
//! # The maximum taken off
//!
//! exp(z) overflows for z above 88 in `f32`. Let m be the largest logit. Numerator and denominator
//! may both be divided by exp(m):
//!
//! ```text
//! p_k = exp(z_k − m) / Σ_l exp(z_l − m)
//! ```
//!
//! Every exponent is now 0 or less, and one of them is 0. So every term lies in [0, 1] and the sum
//! in [1, K]: nothing overflows, and the sum is no zero. The logarithm of s follows from
//! s = exp(m) · Σ_l exp(z_l − m):
//!
//! ```text
//! ln s    = m + ln Σ_l exp(z_l − m)
//! ln p_k  = z_k − ln s  =  (z_k − m) − ln Σ_l exp(z_l − m)
//! ```
//!
//! The second form of ln p_k is the one to compute. It is finite where p_k itself has become 0, and
//! it subtracts m before anything is rounded at the size of m.
//!
//! # The Jacobian of softmax
//!
//! Only one term of s holds z_j, so ∂s/∂z_j = exp(z_j). For k ≠ j the numerator does not hold z_j:
//!
//! ```text
//! ∂p_k/∂z_j = −exp(z_k) · exp(z_j) / s²  =  −p_k · p_j
//! ```
//!
//! For k = j the quotient rule has two terms:
//!
//! ```text
//! ∂p_j/∂z_j = exp(z_j) / s − exp(z_j)² / s²  =  p_j − p_j²
//! ```
//!
//! With δ_kj = 1 where k = j and 0 elsewhere, both are
//!
//! ```text
//! ∂p_k/∂z_j = p_k · (δ_kj − p_j)                                     [K, K], a matrix a row
//! ```
//!
//! The backward pass needs the product of dp with this matrix, and never the matrix:
//!
//! ```text
//! dz_j = Σ_k dp_k · p_k · (δ_kj − p_j)  =  p_j · (dp_j − Σ_k dp_k · p_k)
//! ```
//!
//! # The logarithms
//!
//! ```text
//! ∂(ln s)/∂z_j   = exp(z_j) / s = p_j
//! ∂(ln p_k)/∂z_j = δ_kj − p_j                  since ln p_k = z_k − ln s
//! ```
//!
//! So the backward pass of log-softmax is dz_j = d_j − p_j · Σ_k d_k, with d_k the upstream
//! gradient of ln p_k.
//!
//! # Log-sum-exp is convex
//!
//! The second derivatives of ln s are the first ones of p, which the Jacobian has:
//!
//! ```text
//! ∂²(ln s)/∂z_k∂z_j = ∂p_k/∂z_j = p_k · (δ_kj − p_j)                 diag(p) − p·pᵀ
//! ```
//!
//! Along any direction v the curvature is
//!
//! ```text
//! vᵀ·(diag(p) − p·pᵀ)·v = Σ_k p_k · v_k² − (Σ_k p_k · v_k)²
//! ```
//!
//! the variance of a number that is v_k with probability p_k. No variance is negative, so ln s is
//! convex. It is 0 where all v_k are equal: a shift of all logits moves ln s along a line.
//!
//! A cross-entropy −Σ_k t_k · ln p_k = Σ_k t_k · ln s − Σ_k t_k · z_k differs from ln s, for targets
//! that sum to 1, by a linear function of z. So it is convex in the logits too.

pub mod cross_entropy;
pub mod likelihood;
pub mod target;

pub use target::{Loss, Reduction};

use crate::gradcheck::Case;
use crate::real::Real;
use crate::tape::{Gradients, Inputs, Op, Tape, Var};
use crate::tensor::{
    BrokenRule, ShapeError, Tensor, entries, entries_mut, row_shape, rows, rows_mut,
};

/// Writes the softmax of `z` into `p`, and returns m and ln Σ exp(z − m), where m is the largest
/// of `z`: the two parts of log-sum-exp.
///
/// Both slices have one length. A logit that is not a number makes all of `p` not a number.
pub fn softmax_row<T: Real>(z: &[T], p: &mut [T]) -> (T, T) {
    let max = largest(z);
    let mut sum = T::zero();
    for (p, &z) in p.iter_mut().zip(z) {
        *p = (z - max).exp();
        sum += *p;
    }
    let scale = sum.recip();
    for p in p {
        *p *= scale;
    }
    (max, sum.ln())
}

/// The two parts of log-sum-exp: m, the largest of `z`, and ln Σ exp(z − m).
///
/// Their sum rounds at the size of m, so a difference to a logit subtracts m first.
pub fn log_sum_exp<T: Real>(z: &[T]) -> (T, T) {
    let max = largest(z);
    let sum: T = z.iter().map(|&z| (z - max).exp()).sum();
    (max, sum.ln())
}

/// The position of the largest of `z`, the first of several: the class that these logits, or their
/// probabilities, predict.
pub fn argmax<T: Real>(z: &[T]) -> usize {
    (1..z.len()).fold(0, |best, k| if z[k] > z[best] { k } else { best })
}

fn largest<T: Real>(z: &[T]) -> T {
    z.iter().copied().fold(T::neg_infinity(), T::max)
}

/// p = exp(z) / Σ exp(z) over the last axis. z and p have one shape.
#[derive(Clone, Copy, Debug)]
struct Softmax;

impl<T: Real> Op<T> for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        row_shape(inputs).map(<[usize]>::to_vec)
    }

    fn forward(&mut self, x: Inputs<'_, T>, y: &mut Tensor<T>) {
        for (z, p) in rows(&x[0]).zip(rows_mut(y)) {
            softmax_row(z, p);
        }
    }

    fn backward(
        &mut self,
        _: Inputs<'_, T>,
        y: &Tensor<T>,
        dy: &Tensor<T>,
        mut dx: Gradients<'_, T>,
    ) {
        let Some(dx) = dx.wanted(0) else { return };
        for (dz, (p, dp)) in rows_mut(dx).zip(rows(y).zip(rows(dy))) {
            let mean: T = p.iter().zip(dp).map(|(&p, &dp)| p * dp).sum();
            for ((dz, &p), &dp) in dz.iter_mut().zip(p).zip(dp) {
                *dz += p * (dp - mean);
            }
        }
    }
}

/// ln p = z − ln Σ exp(z) over the last axis. z and ln p have one shape.
#[derive(Clone, Copy, Debug)]
struct LogSoftmax;

impl<T: Real> Op<T> for LogSoftmax {
    fn name(&self) -> &'static str {
        "log_softmax"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        row_shape(inputs).map(<[usize]>::to_vec)
    }

    fn forward(&mut self, x: Inputs<'_, T>, y: &mut Tensor<T>) {
        for (z, log_p) in rows(&x[0]).zip(rows_mut(y)) {
            let (max, log_sum) = log_sum_exp(z);
            for (log_p, &z) in log_p.iter_mut().zip(z) {
                *log_p = (z - max) - log_sum;
            }
        }
    }

    fn backward(
        &mut self,
        _: Inputs<'_, T>,
        y: &Tensor<T>,
        dy: &Tensor<T>,
        mut dx: Gradients<'_, T>,
    ) {
        let Some(dx) = dx.wanted(0) else { return };
        for (dz, (log_p, d)) in rows_mut(dx).zip(rows(y).zip(rows(dy))) {
            let sum: T = d.iter().copied().sum();
            for ((dz, &log_p), &d) in dz.iter_mut().zip(log_p).zip(d) {
                *dz += d - log_p.exp() * sum;
            }
        }
    }
}

/// ln s = ln Σ exp(z) over the last axis, which the output lacks.
#[derive(Clone, Copy, Debug)]
struct LogSumExp;

impl<T: Real> Op<T> for LogSumExp {
    fn name(&self) -> &'static str {
        "log_sum_exp"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        let shape = row_shape(inputs)?;
        Ok(shape[..shape.len() - 1].to_vec())
    }

    fn forward(&mut self, x: Inputs<'_, T>, y: &mut Tensor<T>) {
        for (z, log_s) in rows(&x[0]).zip(entries_mut(y)) {
            let (max, log_sum) = log_sum_exp(z);
            *log_s = max + log_sum;
        }
    }

    fn backward(
        &mut self,
        x: Inputs<'_, T>,
        _: &Tensor<T>,
        dy: &Tensor<T>,
        mut dx: Gradients<'_, T>,
    ) {
        let Some(dx) = dx.wanted(0) else { return };
        for (dz, (z, &d)) in rows_mut(dx).zip(rows(&x[0]).zip(entries(dy))) {
            // Not exp(z − ln s): at large z that would carry the rounding of ln s into p.
            let (max, log_sum) = log_sum_exp(z);
            for (dz, &z) in dz.iter_mut().zip(z) {
                *dz += d * ((z - max) - log_sum).exp();
            }
        }
    }
}

/// Softmax, its logarithm, and log-sum-exp. Chapter 7.
impl<T: Real> Tape<T> {
    /// Softmax over the last axis: p_k = exp(x_k) / Σ_l exp(x_l). The shape stays. Finite for all
    /// finite `x`. Chapter 7.
    ///
    /// # Errors
    /// [`ShapeError`] where `x` has no axis.
    pub fn softmax(&mut self, x: Var) -> Result<Var, ShapeError> {
        self.push(Softmax, &[x])
    }

    /// The logarithm of softmax over the last axis: x_k − ln Σ_l exp(x_l). The shape stays. Finite
    /// where softmax itself has become 0. Chapter 7.
    ///
    /// # Errors
    /// [`ShapeError`] where `x` has no axis.
    pub fn log_softmax(&mut self, x: Var) -> Result<Var, ShapeError> {
        self.push(LogSoftmax, &[x])
    }

    /// ln Σ_l exp(x_l) over the last axis. Shapes: `[…, n]` becomes `[…]`. Chapter 7.
    ///
    /// # Errors
    /// [`ShapeError`] where `x` has no axis.
    pub fn log_sum_exp(&mut self, x: Var) -> Result<Var, ShapeError> {
        self.push(LogSumExp, &[x])
    }
}

/// The gradient checks of this module.
pub const CASES: &[Case] = &[
    Case::smooth("softmax", |tape, draw| {
        let x = tape.parameter(draw.away_from_zero(&[3, 4]));
        tape.softmax(x)
    }),
    Case::smooth("log_softmax", |tape, draw| {
        let x = tape.parameter(draw.away_from_zero(&[3, 4]));
        tape.log_softmax(x)
    }),
    Case::smooth("log_sum_exp", |tape, draw| {
        let x = tape.parameter(draw.away_from_zero(&[2, 3, 4]));
        tape.log_sum_exp(x)
    }),
];
