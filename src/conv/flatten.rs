//! Another shape for each sample of a batch: the step from images to linear layers, and back.
//! Chapter 13.
//!
//! The entries stay in their order, so y_i = x_i for the i-th entry of each, and
//!
//! ```text
//! ∂L/∂x_i = ∂L/∂y_i
//! ```
//!
//! The batch stays the first axis. A pixel (r, q, c) of an image `[height, width, channels]`
//! becomes entry (r·width + q)·channels + c of its row.

use crate::gradcheck::Case;
use crate::parallel::for_each;
use crate::real::Real;
use crate::tape::{Gradients, Inputs, Op, Tape, Var};
use crate::tensor::{BrokenRule, ShapeError, Tensor, expect_inputs};

/// Each sample in another shape.
///
/// Shapes: x `[batch, …]`, y `[batch]` followed by `sample`. Without a `sample`, y has two axes.
#[derive(Clone, Debug)]
struct Reshape {
    sample: Option<Vec<usize>>,
}

impl<T: Real> Op<T> for Reshape {
    fn name(&self) -> &'static str {
        if self.sample.is_some() { "reshape_samples" } else { "flatten" }
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        let [x] = expect_inputs(inputs)?;
        let Some((&batch, of_x)) = x.split_first() else {
            return Err("a scalar has no axis that counts samples".into());
        };
        let entries: usize = of_x.iter().product();
        let sample = self.sample.clone().unwrap_or_else(|| vec![entries]);
        if sample.iter().try_fold(1, |product: usize, &n| product.checked_mul(n)) != Some(entries) {
            let rule = format!("a sample of {entries} entries does not fill the shape {sample:?}");
            return Err(rule.into());
        }
        Ok([&[batch], sample.as_slice()].concat())
    }

    fn forward(&mut self, x: Inputs<'_, T>, y: &mut Tensor<T>) {
        for_each(y, [&x[0]], |y, [x]| *y = x);
    }

    fn backward(
        &mut self,
        _: Inputs<'_, T>,
        _: &Tensor<T>,
        dy: &Tensor<T>,
        mut dx: Gradients<'_, T>,
    ) {
        dx.add(0, [dy], |[dy]| dy);
    }
}

/// Samples in another shape. Chapter 13.
impl<T: Real> Tape<T> {
    /// Each sample in one row: `[batch, height, width, channels]` becomes `[batch,
    /// height·width·channels]`, and any other number of axes likewise. Chapter 13.
    ///
    /// # Errors
    /// [`ShapeError`] where `x` is a scalar.
    pub fn flatten(&mut self, x: Var) -> Result<Var, ShapeError> {
        self.push(Reshape { sample: None }, &[x])
    }

    /// Each sample in the shape `sample`, its entries in their order: `[batch, …]` becomes
    /// `[batch]` followed by `sample`. Chapter 13.
    ///
    /// ```
    /// use chainrule::Tape;
    /// use ndarray::Array2;
    ///
    /// let mut tape = Tape::<f32>::new();
    /// let digits = tape.input(Array2::zeros((16, 784)));
    /// let images = tape.reshape_samples(digits, &[28, 28, 1])?;
    /// assert_eq!(tape.value(images).shape(), [16, 28, 28, 1]);
    /// # Ok::<(), chainrule::ShapeError>(())
    /// ```
    ///
    /// # Errors
    /// [`ShapeError`] where `x` is a scalar, or a sample of `x` has another number of entries.
    pub fn reshape_samples(&mut self, x: Var, sample: &[usize]) -> Result<Var, ShapeError> {
        self.push(Reshape { sample: Some(sample.to_vec()) }, &[x])
    }
}

/// The gradient checks of this module.
pub const CASES: &[Case] = &[
    Case::smooth("flatten", |tape, draw| {
        let x = tape.parameter(draw.away_from_zero(&[2, 3, 2, 2]));
        tape.flatten(x)
    }),
    Case::smooth("reshape_samples", |tape, draw| {
        let x = tape.parameter(draw.away_from_zero(&[2, 6]));
        tape.reshape_samples(x, &[3, 1, 2])
    }),
];
