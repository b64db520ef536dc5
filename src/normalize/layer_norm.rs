//! Layer norm: each sample standardized over its features. Chapter 8.
//!
//! With the standardized x̂ of the [chapter's derivation](super), where n counts the features of
//! one row, and with a scale γ and a shift β for each feature:
//!
//! ```text
//! y_ij = γ_j · x̂_ij + β_j
//! ```
//!
//! The rows have no statistic in common, so that a sample is treated alike in a batch of any size,
//! and in training and evaluation. What a row's x̂ receives is d_ij = dy_ij · γ_j, and
//!
//! ```text
//! dx_ij = r_i · (d_ij − 1/n · Σ_l d_il − x̂_ij · 1/n · Σ_l d_il · x̂_il)
//! ```
//!
//! Unlike in batch norm, γ stays inside the sums: they run over the features, and γ changes with
//! the feature. The entries γ_j and β_j are used once in each row:
//!
//! ```text
//! dγ_j = Σ_i dy_ij · x̂_ij        dβ_j = Σ_i dy_ij
//! ```
//!
//! Source: Ba, Kiros and Hinton 2016.

use crate::gradcheck::Case;
use crate::real::Real;
use crate::tape::{Gradients, Inputs, Op, Tape, Var};
use crate::tensor::{
    BrokenRule, ShapeError, Tensor, add_rows, entries, entries_mut, expect_inputs, matrix_shape,
    rows, rows_mut,
};
use ndarray::aview1;

/// ε: keeps a row of equal numbers finite.
const EPSILON: f64 = 1e-5;

/// y = γ ⊙ x̂ + β, with x̂ standardized over the last axis.
///
/// Shapes: x `[…, features]`, γ and β `[features]`, y that of x.
#[derive(Debug)]
struct LayerNorm<T> {
    /// μ and r of each row in the last forward pass.
    statistics: Vec<(T, T)>,
}

impl<T: Real> Op<T> for LayerNorm<T> {
    fn name(&self) -> &'static str {
        "layer_norm"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        affine_shape(inputs)
    }

    fn forward(&mut self, x: Inputs<'_, T>, y: &mut Tensor<T>) {
        let (samples, features) = matrix_shape(x[0].shape());
        let n = T::of(features as f64);
        self.statistics.resize(samples, (T::zero(), T::zero()));
        let (gamma, beta) = (entries(&x[1]), entries(&x[2]));
        for ((x, y), statistics) in rows(&x[0]).zip(rows_mut(y)).zip(&mut self.statistics) {
            let mean = aview1(x).sum() / n;
            for (y, &x) in y.iter_mut().zip(x) {
                *y = x - mean;
            }
            let variance = aview1(y).dot(&aview1(y)) / n;
            let r = (variance + T::of(EPSILON)).sqrt().recip();
            for ((y, &gamma), &beta) in y.iter_mut().zip(gamma).zip(beta) {
                *y = gamma * (*y * r) + beta;
            }
            *statistics = (mean, r);
        }
    }

    fn backward(
        &mut self,
        x: Inputs<'_, T>,
        _: &Tensor<T>,
        dy: &Tensor<T>,
        mut dx: Gradients<'_, T>,
    ) {
        let (_, features) = matrix_shape(x[0].shape());
        let n = T::of(features as f64);
        let gamma = entries(&x[1]);
        let samples = rows(&x[0]).zip(rows(dy)).zip(&self.statistics);
        if let Some(dx) = dx.wanted(0) {
            for (dx, ((x, dy), &(mean, r))) in rows_mut(dx).zip(samples.clone()) {
                let (mut d_sum, mut d_x_hat_sum) = (T::zero(), T::zero());
                for ((&x, &dy), &gamma) in x.iter().zip(dy).zip(gamma) {
                    let d = dy * gamma;
                    d_sum += d;
                    d_x_hat_sum += d * ((x - mean) * r);
                }
                let (d_mean, d_x_hat_mean) = (d_sum / n, d_x_hat_sum / n);
                for (((dx, &x), &dy), &gamma) in dx.iter_mut().zip(x).zip(dy).zip(gamma) {
                    *dx += r * (dy * gamma - d_mean - (x - mean) * r * d_x_hat_mean);
                }
            }
        }
        if let Some(d_gamma) = dx.wanted(1) {
            let d_gamma = entries_mut(d_gamma);
            for ((x, dy), &(mean, r)) in samples {
                for ((d_gamma, &x), &dy) in d_gamma.iter_mut().zip(x).zip(dy) {
                    *d_gamma += dy * ((x - mean) * r);
                }
            }
        }
        if let Some(d_beta) = dx.wanted(2) {
            add_rows(d_beta, dy);
        }
    }
}

/// The shape of γ ⊙ x̂ + β, which is that of x.
pub(super) fn affine_shape(inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
    let [x, gamma, beta] = expect_inputs(inputs)?;
    let Some(&features) = x.last() else {
        return Err("takes at least one axis: the last holds features".into());
    };
    if gamma != [features] || beta != [features] {
        let rule = format!("scale and shift must have one entry a feature ({features})");
        return Err(rule.into());
    }
    Ok(x.to_vec())
}

/// Layer norm. Chapter 8.
impl<T: Real> Tape<T> {
    /// Layer norm over the last axis: γ · (x − μ) / √(v + ε) + β, with the mean μ and the variance
    /// v of each row, and ε = 1e-5. Chapter 8.
    ///
    /// Shapes: `x` `[…, features]`, `gamma` and `beta` `[features]`, the value that of `x`. A row of
    /// equal numbers becomes β.
    ///
    /// # Errors
    /// [`ShapeError`] where the shapes do not fit.
    pub fn layer_norm(&mut self, x: Var, gamma: Var, beta: Var) -> Result<Var, ShapeError> {
        self.push(LayerNorm { statistics: Vec::new() }, &[x, gamma, beta])
    }
}

/// The gradient check of this module.
pub const CASES: &[Case] = &[Case::smooth("layer_norm", |tape, draw| {
    let x = tape.parameter(draw.away_from_zero(&[3, 5]));
    let gamma = tape.parameter(draw.away_from_zero(&[5]));
    let beta = tape.parameter(draw.away_from_zero(&[5]));
    tape.layer_norm(x, gamma, beta)
})];
