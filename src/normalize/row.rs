//! A row divided by its sum. Chapter 8.
//!
//! ```text
//! y_i = x_i / s        s = Σ_l x_l
//! ```
//!
//! The entry x_j stands in the numerator of y_j and in s, where ∂s/∂x_j = 1:
//!
//! ```text
//! ∂y_i/∂x_j = δ_ij / s − x_i / s²  =  (δ_ij − y_i) / s
//! dx_j = Σ_i dy_i · ∂y_i/∂x_j  =  (dy_j − Σ_i dy_i · y_i) / s
//! ```
//!
//! A scale c of the whole row cancels, y(c · x) = y(x), so moving x along itself changes nothing:
//! Σ_j dx_j · x_j = 0. Softmax is this op behind exp, and inherits the sum Σ_i dy_i · y_i from it.

use crate::gradcheck::Case;
use crate::real::Real;
use crate::tape::{Gradients, Inputs, Op, Tape, Var};
use crate::tensor::{BrokenRule, ShapeError, Tensor, row_shape, rows, rows_mut};

/// y = x / Σx over the last axis. x and y have one shape.
#[derive(Clone, Copy, Debug)]
struct RowNormalize;

impl<T: Real> Op<T> for RowNormalize {
    fn name(&self) -> &'static str {
        "row_normalize"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        row_shape(inputs).map(<[usize]>::to_vec)
    }

    fn forward(&mut self, x: Inputs<'_, T>, y: &mut Tensor<T>) {
        for (x, y) in rows(&x[0]).zip(rows_mut(y)) {
            let sum: T = x.iter().copied().sum();
            for (y, &x) in y.iter_mut().zip(x) {
                *y = x / sum;
            }
        }
    }

    fn backward(
        &mut self,
        x: Inputs<'_, T>,
        y: &Tensor<T>,
        dy: &Tensor<T>,
        mut dx: Gradients<'_, T>,
    ) {
        let Some(dx) = dx.wanted(0) else { return };
        for (dx, ((x, y), dy)) in rows_mut(dx).zip(rows(&x[0]).zip(rows(y)).zip(rows(dy))) {
            let sum: T = x.iter().copied().sum();
            let mean: T = dy.iter().zip(y).map(|(&dy, &y)| dy * y).sum();
            for (dx, &dy) in dx.iter_mut().zip(dy) {
                *dx += (dy - mean) / sum;
            }
        }
    }
}

/// Rows divided by their sums. Chapter 8.
impl<T: Real> Tape<T> {
    /// Each row divided by its sum: x_i / Σ_l x_l over the last axis. The shape stays. A row whose
    /// sum is 0 becomes infinite or not a number, as division makes it. Chapter 8.
    ///
    /// # Errors
    /// [`ShapeError`] where `x` has no axis.
    pub fn row_normalize(&mut self, x: Var) -> Result<Var, ShapeError> {
        self.push(RowNormalize, &[x])
    }
}

/// The gradient check of this module.
pub const CASES: &[Case] = &[Case::smooth("row_normalize", |tape, draw| {
    let x = tape.parameter(draw.positive(&[3, 4]));
    tape.row_normalize(x)
})];
