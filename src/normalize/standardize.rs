//! Inputs standardized with constants, channel by channel. Chapter 8.
//!
//! With a mean m_c and a standard deviation s_c of each channel c, fixed before training:
//!
//! ```text
//! y[…, c] = (x[…, c] − m_c) / s_c
//! ```
//!
//! An entry of x reaches one entry of y, and m and s do not depend on x:
//!
//! ```text
//! ∂y[…, c]/∂x[…, c] = 1/s_c        dx[…, c] = dy[…, c] / s_c
//! ```
//!
//! Batch norm takes μ and r from the batch, and pays for that with two more terms. Here the statistics
//! belong to the [data set](crate::data::channels): they are taken once and saved with the network,
//! which then accepts raw pixels wherever it goes.

use crate::gradcheck::Case;
use crate::real::Real;
use crate::tape::{Gradients, Inputs, Op, Tape, Var};
use crate::tensor::{BrokenRule, ShapeError, Tensor, entries, expect_inputs, rows, rows_mut};
use ndarray::Array1;

/// y = (x − m) / s. Shapes: x and y `[…, channels]`, m and s `[channels]`.
#[derive(Debug)]
struct Standardize<T> {
    /// m and s.
    constants: [Tensor<T>; 2],
}

impl<T: Real> Op<T> for Standardize<T> {
    fn name(&self) -> &'static str {
        "standardize"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        let [x] = expect_inputs(inputs)?;
        let [mean, std] = self.constants.each_ref().map(Tensor::len);
        if mean != std {
            return Err(format!("{mean} means, but {std} standard deviations").into());
        }
        if x.last() != Some(&mean) {
            let rule = format!("the last axis must hold the {mean} channels of the constants");
            return Err(rule.into());
        }
        Ok(x.to_vec())
    }

    fn forward(&mut self, x: Inputs<'_, T>, y: &mut Tensor<T>) {
        let [mean, std] = self.constants.each_ref().map(entries);
        for (y, x) in rows_mut(y).zip(rows(&x[0])) {
            for ((y, &x), (&mean, &std)) in y.iter_mut().zip(x).zip(mean.iter().zip(std)) {
                *y = (x - mean) / std;
            }
        }
    }

    fn backward(
        &mut self,
        _: Inputs<'_, T>,
        _: &Tensor<T>,
        dy: &Tensor<T>,
        mut dx: Gradients<'_, T>,
    ) {
        let Some(dx) = dx.wanted(0) else { return };
        let std = entries(&self.constants[1]);
        for (dx, dy) in rows_mut(dx).zip(rows(dy)) {
            for ((dx, &dy), &std) in dx.iter_mut().zip(dy).zip(std) {
                *dx += dy / std;
            }
        }
    }

    fn buffers(&self) -> &[Tensor<T>] {
        &self.constants
    }

    fn buffers_mut(&mut self) -> &mut [Tensor<T>] {
        &mut self.constants
    }
}

/// m and s as a tape of this precision has them.
///
/// # Errors
/// [`ShapeError`] where one of them is no number that may stand there.
pub(crate) fn constants<T: Real>(mean: &[f64], std: &[f64]) -> Result<[Tensor<T>; 2], ShapeError> {
    let refusal =
        |rule: String| Err(ShapeError::new("standardize", &[&[mean.len()], &[std.len()]], rule));
    if let Some(c) = mean.iter().position(|&m| !T::of(m).is_finite()) {
        let (mean, name) = (mean[c], T::NAME);
        return refusal(format!("the mean of channel {c} is {mean}: it must be finite as {name}"));
    }
    // A subnormal number divides others to infinity.
    if let Some(c) = std.iter().position(|&s| !(s > 0.0 && T::of(s).is_normal())) {
        let (std, least, name) = (std[c], T::min_positive_value(), T::NAME);
        return refusal(format!(
            "the standard deviation of channel {c} is {std}: it must be a finite number above 0, \
             and as {name} at least {least:e}"
        ));
    }
    Ok([mean, std].map(|constants| {
        constants.iter().map(|&constant| T::of(constant)).collect::<Array1<T>>().into_dyn()
    }))
}

/// Channels standardized by constants. Chapter 8.
impl<T: Real> Tape<T> {
    /// Standardizes each channel with constants: (x − `mean`) / `std`. dx = dy / `std`. Chapter 8.
    ///
    /// Shapes: `x` `[…, channels]`, `mean` and `std` `[channels]`, the value that of `x`.
    /// [`Tape::buffers`] holds `mean` and `std`, in this order, so that
    /// [`Recorder::name_buffers`](crate::network::Recorder::name_buffers) puts them into model files.
    ///
    /// # Errors
    /// [`ShapeError`] where the shapes do not fit, a mean is not finite, or a standard deviation is
    /// not a finite number above 0, in the precision of the tape: a deviation below 1.2e-38 is 0 or
    /// nearly so in `f32`, and what it divides is infinite.
    pub fn standardize(&mut self, x: Var, mean: &[f64], std: &[f64]) -> Result<Var, ShapeError> {
        let constants = constants(mean, std)?;
        self.push(Standardize { constants }, &[x])
    }
}

/// The gradient check of this module.
pub const CASES: &[Case] = &[Case::smooth("standardize", |tape, draw| {
    let x = tape.parameter(draw.away_from_zero(&[2, 2, 3]));
    tape.standardize(x, &[0.5, -0.3, 0.1], &[0.2, 1.7, 0.6])
})];
