//! Tensors, and the error for shapes that do not fit. Chapter 2.
//!
//! A [`Tensor`] is ndarray's array of any number of axes. On a tape it always lies in standard
//! (row-major, contiguous) order. The first axis counts the samples of a batch.

use crate::parallel::{Columns, block, block_mut, for_columns, rows_at_a_time};
use crate::real::Real;
use ndarray::{ArrayD, ArrayView2, ArrayViewMut2, IxDyn};
use std::borrow::Cow;
use std::fmt;
use std::slice::{ChunksExact, ChunksExactMut};
use thiserror::Error;

/// A value, or a gradient, with any number of axes.
pub type Tensor<T> = ArrayD<T>;

/// Shapes that an operation refuses: its name, the shapes it was given, and the rule they break.
///
/// ```
/// use chainrule::{ShapeError, Tape};
/// use ndarray::Array2;
///
/// let mut tape = Tape::<f64>::new();
/// let a = tape.parameter(Array2::zeros((3, 4)));
/// let error: ShapeError = tape.matmul(a, a).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "matmul: [3, 4] · [3, 4]: columns of the left (4) must equal rows of the right (3)"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShapeError {
    /// Name of the operation.
    pub op: &'static str,
    /// The shapes it was given, in the order of its inputs.
    pub shapes: Vec<Vec<usize>>,
    /// The rule that they break.
    pub rule: BrokenRule,
}

impl ShapeError {
    /// The error of `op` on inputs of these `shapes`.
    pub fn new(op: &'static str, shapes: &[&[usize]], rule: impl Into<BrokenRule>) -> Self {
        let shapes = shapes.iter().map(|shape| shape.to_vec()).collect();
        Self { op, shapes, rule: rule.into() }
    }
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.op)?;
        for (k, shape) in self.shapes.iter().enumerate() {
            let separator = if k == 0 { ":" } else { " ·" };
            write!(f, "{separator} {shape:?}")?;
        }
        write!(f, ": {}", self.rule)
    }
}

impl std::error::Error for ShapeError {}

/// A rule that shapes break, in words: what [`Op::shape`](crate::Op::shape) refuses them with.
///
/// ```
/// use chainrule::tensor::BrokenRule;
///
/// let (columns, rows) = (4, 3);
/// let plain = BrokenRule::from("takes a matrix");
/// let with_numbers = BrokenRule::from(format!("{columns} columns must equal {rows} rows"));
/// assert_eq!(plain.to_string(), "takes a matrix");
/// # assert_eq!(with_numbers.to_string(), "4 columns must equal 3 rows");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct BrokenRule(Cow<'static, str>);

impl From<&'static str> for BrokenRule {
    fn from(rule: &'static str) -> Self {
        Self(rule.into())
    }
}

impl From<String> for BrokenRule {
    fn from(rule: String) -> Self {
        Self(rule.into())
    }
}

/// The shapes of `N` inputs.
///
/// # Errors
/// [`BrokenRule`] for another number of inputs, which names both numbers.
pub fn expect_inputs<'a, const N: usize>(
    inputs: &[&'a [usize]],
) -> Result<[&'a [usize]; N], BrokenRule> {
    let rule = |_| format!("takes {N} inputs, was given {}", inputs.len());
    Ok(inputs.try_into().map_err(rule)?)
}

/// The shape of the one input of an op that works on rows: it has a last axis.
///
/// # Errors
/// [`BrokenRule`] for a scalar, or another number of inputs.
pub fn row_shape<'a>(inputs: &[&'a [usize]]) -> Result<&'a [usize], BrokenRule> {
    let [x] = expect_inputs(inputs)?;
    if x.is_empty() {
        return Err("takes at least one axis: the last holds a row".into());
    }
    Ok(x)
}

/// `tensor` as a matrix `[rows, columns]`: the last axis in columns, all others in rows.
/// A scalar is `[1, 1]`.
pub fn matrix<T: Real>(tensor: &Tensor<T>) -> ArrayView2<'_, T> {
    let (rows, columns) = matrix_shape(tensor.shape());
    tensor.view().into_shape_with_order((rows, columns)).expect("a tape's tensors are contiguous")
}

/// [`matrix`], to be written to.
pub fn matrix_mut<T: Real>(tensor: &mut Tensor<T>) -> ArrayViewMut2<'_, T> {
    let (rows, columns) = matrix_shape(tensor.shape());
    tensor
        .view_mut()
        .into_shape_with_order((rows, columns))
        .expect("a tape's tensors are contiguous")
}

/// Rows and columns of a tensor of this `shape` seen as a [`matrix`].
pub fn matrix_shape(shape: &[usize]) -> (usize, usize) {
    match shape.split_last() {
        None => (1, 1),
        Some((&columns, leading)) => (leading.iter().product(), columns),
    }
}

/// The product of the sides: entries of a tensor of this shape. [`usize::MAX`] where they are more.
pub(crate) fn saturating_product(shape: &[usize]) -> usize {
    // No side after a 0 makes more of it.
    if shape.contains(&0) { 0 } else { shape.iter().fold(1, |n, &side| n.saturating_mul(side)) }
}

/// Gives `tensor` another `shape` within the memory that it has, where that suffices. Its entries
/// are then zero. Where it has that shape already, it stays as it is.
pub fn reshape<T: Real>(tensor: &mut Tensor<T>, shape: &[usize]) {
    if tensor.shape() != shape {
        let empty = Tensor::zeros(IxDyn(&[0]));
        let (mut entries, _) = std::mem::replace(tensor, empty).into_raw_vec_and_offset();
        entries.clear();
        entries.resize(shape.iter().product(), T::zero());
        *tensor = Tensor::from_shape_vec(shape, entries).expect("as many entries as the shape has");
    }
}

/// The rows of the [`matrix`] that `tensor` is, one slice each.
///
/// # Panics
/// If there are no columns. On a tape no axis is empty.
pub fn rows<T: Real>(tensor: &Tensor<T>) -> ChunksExact<'_, T> {
    entries(tensor).chunks_exact(matrix_shape(tensor.shape()).1)
}

/// [`rows`], to be written to.
///
/// # Panics
/// As [`rows`] does.
pub fn rows_mut<T: Real>(tensor: &mut Tensor<T>) -> ChunksExactMut<'_, T> {
    let (_, columns) = matrix_shape(tensor.shape());
    entries_mut(tensor).chunks_exact_mut(columns)
}

/// The entries of `tensor` in row-major order.
pub fn entries<T: Real>(tensor: &Tensor<T>) -> &[T] {
    tensor.as_slice().expect("a tape's tensors are contiguous")
}

/// [`entries`], to be written to.
pub fn entries_mut<T: Real>(tensor: &mut Tensor<T>) -> &mut [T] {
    tensor.as_slice_mut().expect("a tape's tensors are contiguous")
}

/// Adds every row of `tensor` to `sum`: the gradient of what is added to all rows.
///
/// Shapes: `tensor` `[…, n]`, `sum` `[n]`.
pub fn add_rows<T: Real>(sum: &mut Tensor<T>, tensor: &Tensor<T>) {
    let (sum, entries) = (entries_mut(sum), entries(tensor));
    for rows in entries.chunks(rows_at_a_time(sum.len()) * sum.len()) {
        for_columns(sum.len(), AddRows { sum, rows });
    }
}

struct AddRows<'a, T> {
    sum: &'a mut [T],
    rows: &'a [T],
}

impl<T: Real> Columns for AddRows<'_, T> {
    #[inline(always)]
    fn run<const N: usize>(&mut self, first: usize) {
        let columns = self.sum.len();
        let mut sum: [T; N] = *block(self.sum, first);
        for row in self.rows.chunks_exact(columns) {
            for (sum, &entry) in sum.iter_mut().zip(block::<T, N>(row, first)) {
                *sum += entry;
            }
        }
        *block_mut(self.sum, first) = sum;
    }
}
