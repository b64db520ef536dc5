//! Tensors of different shapes: the sum along an axis, the mean, the expansion that repeats a
//! tensor along an axis, and the bias. Chapter 4.
//!
//! # One axis among others
//!
//! Let one axis of a tensor have length n. Write l for the index along it, o for all indices
//! before it and i for all indices after it: the entry is x_oli. Of a matrix, axis 0 has no o and
//! axis 1 has no i. If all entries are summed, there is neither.
//!
//! # The sum and the mean
//!
//! ```text
//! s_oi = Σ_l x_oli        x `[o, n, i]`, s `[o, i]`
//! ```
//!
//! The entry x_oli stands in s_oi alone, with the factor 1. The mean m_oi = s_oi / n has the
//! factor 1/n:
//!
//! ```text
//! ∂L/∂x_oli = ∂L/∂s_oi            the gradient of a sum repeats dy along the axis
//! ∂L/∂x_oli = ∂L/∂m_oi / n        the gradient of a mean repeats dy/n
//! ```
//!
//! # The expansion
//!
//! ```text
//! y_oli = x_oi for all l          x `[o, i]`, y `[o, n, i]`
//! ```
//!
//! The entry x_oi stands in n entries of y, each time with the factor 1. The chain rule sums over
//! all of them:
//!
//! ```text
//! ∂L/∂x_oi = Σ_l ∂L/∂y_oli        the gradient of an expansion sums dy along the axis
//! ```
//!
//! Sum and expansion are each the gradient of the other. The reason is one identity, which holds
//! for every x `[o, i]` and every z `[o, n, i]`, since both sides sum the same products:
//!
//! ```text
//! Σ_oli expand(x)_oli · z_oli = Σ_oi x_oi · sum(z)_oi
//! ```
//!
//! # The bias
//!
//! A bias b `[n]` is added to every row of X `[m, n]`: y_ij = x_ij + b_j. That is an expansion
//! along the rows and an addition of tensors of one shape. The gradients are those of both in
//! turn, dy through the addition and its sum through the expansion:
//!
//! ```text
//! ∂L/∂x_ij = ∂L/∂y_ij        ∂L/∂b_j = Σ_i ∂L/∂y_ij
//! ```

use crate::gradcheck::Case;
use crate::parallel::for_rows;
use crate::real::Real;
use crate::tape::{Gradients, Inputs, Op, Tape, Var};
use crate::tensor::{
    BrokenRule, ShapeError, Tensor, add_rows, entries, entries_mut, expect_inputs,
};
use ndarray::{ArrayView3, ArrayViewMut3, Axis, Zip};

/// `tensor` with all axes before `axis` in the first axis, `axis` in the second, and all axes after
/// it in the third. Without an `axis` all entries lie along the second.
///
/// `shape` is that of the longer of the two tensors that an op links. Of the shorter one the second
/// axis has length 1.
fn along<'a, T: Real>(
    tensor: &'a Tensor<T>,
    shape: &[usize],
    axis: Option<Axis>,
) -> ArrayView3<'a, T> {
    tensor
        .view()
        .into_shape_with_order(shape_along(tensor.len(), shape, axis))
        .expect("a tape's tensors are contiguous")
}

/// [`along`], to be written to.
fn along_mut<'a, T: Real>(
    tensor: &'a mut Tensor<T>,
    shape: &[usize],
    axis: Option<Axis>,
) -> ArrayViewMut3<'a, T> {
    let shape = shape_along(tensor.len(), shape, axis);
    tensor.view_mut().into_shape_with_order(shape).expect("a tape's tensors are contiguous")
}

/// The three lengths of [`along`], for a tensor with this many `entries`.
fn shape_along(entries: usize, shape: &[usize], axis: Option<Axis>) -> [usize; 3] {
    let (before, after) = axis.map_or((1, 1), |Axis(axis)| {
        (shape[..axis].iter().product(), shape[axis + 1..].iter().product())
    });
    [before, entries / (before * after), after]
}

/// `shape` without `axis`.
fn without(shape: &[usize], Axis(axis): Axis) -> Vec<usize> {
    [&shape[..axis], &shape[axis + 1..]].concat()
}

/// Refuses an `axis` that a tensor of this `shape` does not have.
fn expect_axis(shape: &[usize], Axis(axis): Axis) -> Result<(), BrokenRule> {
    if axis < shape.len() {
        return Ok(());
    }
    Err(format!("there is no axis {axis}: {shape:?} has {} axes", shape.len()).into())
}

/// The sum or the mean along one axis, or over all entries.
///
/// Shapes: x `[.., n, ..]`, y the same without `axis`. Without an `axis`, y is `[]`, a scalar.
#[derive(Clone, Copy, Debug)]
struct Reduce {
    axis: Option<Axis>,
    mean: bool,
}

impl Reduce {
    /// What the sum is divided by: n for a mean, 1 for a sum.
    fn divisor<T: Real>(&self, x: &Tensor<T>) -> T {
        let n = self.axis.map_or(x.len(), |axis| x.len_of(axis));
        if self.mean { T::of(n as f64) } else { T::one() }
    }
}

impl<T: Real> Op<T> for Reduce {
    fn name(&self) -> &'static str {
        match (self.axis, self.mean) {
            (None, false) => "sum",
            (None, true) => "mean",
            (Some(_), false) => "sum_axis",
            (Some(_), true) => "mean_axis",
        }
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        let [x] = expect_inputs(inputs)?;
        let Some(axis) = self.axis else {
            return Ok(Vec::new());
        };
        expect_axis(x, axis)?;
        Ok(without(x, axis))
    }

    fn forward(&mut self, x: Inputs<'_, T>, y: &mut Tensor<T>) {
        let (x, divisor) = (&x[0], self.divisor(&x[0]));
        Zip::from(along_mut(y, x.shape(), self.axis).index_axis_mut(Axis(1), 0))
            .and(along(x, x.shape(), self.axis).lanes(Axis(1)))
            .for_each(|y, x| *y = x.sum() / divisor);
    }

    fn backward(
        &mut self,
        x: Inputs<'_, T>,
        _: &Tensor<T>,
        dy: &Tensor<T>,
        mut dx: Gradients<'_, T>,
    ) {
        let (shape, divisor) = (x[0].shape(), self.divisor(&x[0]));
        if let Some(dx) = dx.wanted(0) {
            along_mut(dx, shape, self.axis)
                .zip_mut_with(&along(dy, shape, self.axis), |dx, &dy| *dx += dy / divisor);
        }
    }
}

/// x repeated along one axis, as often as a second tensor has entries there.
///
/// Shapes: the second tensor `[.., n, ..]`, y the same, x the same without `axis` or with length
/// 1 there. The second tensor lends its shape alone, so its gradient is zero.
#[derive(Clone, Copy, Debug)]
struct Expand {
    axis: Axis,
}

impl<T: Real> Op<T> for Expand {
    fn name(&self) -> &'static str {
        "expand"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        let [x, like] = expect_inputs(inputs)?;
        expect_axis(like, self.axis)?;
        let missing = without(like, self.axis);
        let mut single = like.to_vec();
        single[self.axis.0] = 1;
        if x != missing && x != single {
            let rule = format!(
                "along axis {} the first must be {missing:?} or {single:?}, to be repeated {} times",
                self.axis.0, like[self.axis.0]
            );
            return Err(rule.into());
        }
        Ok(like.to_vec())
    }

    fn forward(&mut self, x: Inputs<'_, T>, y: &mut Tensor<T>) {
        let (shape, axis) = (x[1].shape(), Some(self.axis));
        along_mut(y, shape, axis).assign(&along(&x[0], shape, axis));
    }

    fn backward(
        &mut self,
        x: Inputs<'_, T>,
        _: &Tensor<T>,
        dy: &Tensor<T>,
        mut dx: Gradients<'_, T>,
    ) {
        let (shape, axis) = (x[1].shape(), Some(self.axis));
        if let Some(dx) = dx.wanted(0) {
            Zip::from(along_mut(dx, shape, axis).index_axis_mut(Axis(1), 0))
                .and(along(dy, shape, axis).lanes(Axis(1)))
                .for_each(|dx, dy| *dx += dy.sum());
        }
    }
}

/// y = x + b, with the bias b added to every row.
///
/// Shapes: x `[.., n]`, b `[n]`, y `[.., n]`.
#[derive(Clone, Copy, Debug)]
struct AddBias;

impl<T: Real> Op<T> for AddBias {
    fn name(&self) -> &'static str {
        "add_bias"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        let [x, b] = expect_inputs(inputs)?;
        if x.is_empty() || b != &x[x.len() - 1..] {
            return Err("the bias must have one axis, as long as the last axis of the first".into());
        }
        Ok(x.to_vec())
    }

    fn forward(&mut self, x: Inputs<'_, T>, y: &mut Tensor<T>) {
        let b = entries(&x[1]);
        for_rows(entries_mut(y), [entries(&x[0])], b.len(), &|y, [x]| {
            for (y, x) in y.chunks_exact_mut(b.len()).zip(x.chunks_exact(b.len())) {
                for ((y, &x), &b) in y.iter_mut().zip(x).zip(b) {
                    *y = x + b;
                }
            }
        });
    }

    fn backward(
        &mut self,
        _: Inputs<'_, T>,
        _: &Tensor<T>,
        dy: &Tensor<T>,
        mut dx: Gradients<'_, T>,
    ) {
        dx.add(0, [dy], |[dy]| dy);
        if let Some(db) = dx.wanted(1) {
            add_rows(db, dy);
        }
    }
}

/// Sums and means, repetition along an axis, and the bias. Chapter 4.
impl<T: Real> Tape<T> {
    /// The sum of all entries of x, as a scalar of shape `[]`. dx = dy in every entry. Chapter 4.
    ///
    /// # Errors
    /// [`ShapeError`] where `x` is empty.
    pub fn sum(&mut self, x: Var) -> Result<Var, ShapeError> {
        self.push(Reduce { axis: None, mean: false }, &[x])
    }

    /// The mean of all n entries of x, as a scalar of shape `[]`. dx = dy / n in every entry.
    /// Chapter 4.
    ///
    /// # Errors
    /// [`ShapeError`] where `x` is empty.
    pub fn mean(&mut self, x: Var) -> Result<Var, ShapeError> {
        self.push(Reduce { axis: None, mean: true }, &[x])
    }

    /// The sum along `axis`, which the output lacks: of a matrix `[m, n]` it is `[n]` along axis
    /// 0 and `[m]` along axis 1. dx repeats dy. Chapter 4.
    ///
    /// # Errors
    /// [`ShapeError`] where `x` has no such axis.
    pub fn sum_axis(&mut self, x: Var, axis: Axis) -> Result<Var, ShapeError> {
        self.push(Reduce { axis: Some(axis), mean: false }, &[x])
    }

    /// The mean along `axis`, with the shapes of [`Tape::sum_axis`]. dx repeats dy / n. Chapter 4.
    ///
    /// # Errors
    /// [`ShapeError`] where `x` has no such axis.
    pub fn mean_axis(&mut self, x: Var, axis: Axis) -> Result<Var, ShapeError> {
        self.push(Reduce { axis: Some(axis), mean: true }, &[x])
    }

    /// x repeated along `axis`, until it has the shape of `like`. dx sums dy along the axis.
    /// Chapter 4.
    ///
    /// Shapes: of `like` `[m, n]`, x is `[n]` or `[1, n]` along axis 0, and `[m]` or `[m, 1]`
    /// along axis 1. Only the shape of `like` matters: its gradient is zero.
    ///
    /// ```
    /// use chainrule::Tape;
    /// use ndarray::{Axis, arr2};
    ///
    /// let mut tape = Tape::<f64>::new();
    /// let x = tape.parameter(arr2(&[[1.0, 3.0], [2.0, 2.0]]));
    /// let totals = tape.sum_axis(x, Axis(1))?;
    /// let totals = tape.expand(totals, Axis(1), x)?;
    /// let shares = tape.divide(x, totals)?;
    /// assert_eq!(tape.value(shares), &arr2(&[[0.25, 0.75], [0.5, 0.5]]).into_dyn());
    /// # Ok::<(), chainrule::ShapeError>(())
    /// ```
    ///
    /// # Errors
    /// [`ShapeError`] where `like` has no such axis or x is not of its shape without it.
    pub fn expand(&mut self, x: Var, axis: Axis, like: Var) -> Result<Var, ShapeError> {
        self.push(Expand { axis }, &[x, like])
    }

    /// x + b, with the bias `b` added to every row. dx = dy, and db sums dy over the rows.
    /// Shapes: `[.., n]` + `[n]` = `[.., n]`. Chapter 4.
    ///
    /// # Errors
    /// [`ShapeError`] where `b` is not as long as the last axis of `x`.
    pub fn add_bias(&mut self, x: Var, b: Var) -> Result<Var, ShapeError> {
        self.push(AddBias, &[x, b])
    }
}

/// The gradient checks of the ops that change a shape.
pub const CASES: &[Case] = &[
    Case::smooth("sum", |tape, draw| {
        let x = tape.parameter(draw.away_from_zero(&[2, 3]));
        tape.sum(x)
    }),
    Case::smooth("mean", |tape, draw| {
        let x = tape.parameter(draw.away_from_zero(&[2, 3]));
        tape.mean(x)
    }),
    Case::smooth("sum_axis", |tape, draw| {
        let x = tape.parameter(draw.away_from_zero(&[2, 3, 4]));
        tape.sum_axis(x, Axis(1))
    }),
    Case::smooth("mean_axis", |tape, draw| {
        let x = tape.parameter(draw.away_from_zero(&[2, 3, 4]));
        tape.mean_axis(x, Axis(1))
    }),
    Case::smooth("expand, along rows", |tape, draw| {
        let x = tape.parameter(draw.away_from_zero(&[3]));
        let like = tape.input(draw.away_from_zero(&[2, 3]));
        tape.expand(x, Axis(0), like)
    }),
    Case::smooth("expand, along columns", |tape, draw| {
        let x = tape.parameter(draw.away_from_zero(&[2, 1]));
        let like = tape.input(draw.away_from_zero(&[2, 3]));
        tape.expand(x, Axis(1), like)
    }),
    Case::smooth("add_bias", |tape, draw| {
        let x = tape.parameter(draw.away_from_zero(&[2, 3]));
        let b = tape.parameter(draw.away_from_zero(&[3]));
        tape.add_bias(x, b)
    }),
];
