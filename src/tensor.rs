//! Tensors, and the error for shapes that do not fit. Chapter 2.
//!
//! A [`Tensor`] is ndarray's array of any number of axes. On a tape it always lies in standard
//! (row-major, contiguous) order. The first axis counts the samples of a batch.

use crate::real::Real;
use ndarray::{ArrayD, ArrayView2, ArrayViewMut2, IxDyn};
use std::fmt;

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
    pub rule: String,
}

impl ShapeError {
    /// The error of `op` on inputs of these `shapes`.
    pub fn new(op: &'static str, shapes: &[&[usize]], rule: impl Into<String>) -> Self {
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

/// Refuses a number of inputs other than `N`, and returns their shapes.
///
/// # Errors
/// [`ShapeError`] that names both numbers.
pub fn expect_inputs<'a, const N: usize>(
    op: &'static str,
    inputs: &[&'a [usize]],
) -> Result<[&'a [usize]; N], ShapeError> {
    inputs.try_into().map_err(|_| {
        ShapeError::new(op, inputs, format!("takes {N} inputs, was given {}", inputs.len()))
    })
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

/// The entries of `tensor` in row-major order.
pub fn entries<T: Real>(tensor: &Tensor<T>) -> &[T] {
    tensor.as_slice().expect("a tape's tensors are contiguous")
}

/// [`entries`], to be written to.
pub fn entries_mut<T: Real>(tensor: &mut Tensor<T>) -> &mut [T] {
    tensor.as_slice_mut().expect("a tape's tensors are contiguous")
}

/// Adds every row of the [`matrix`] `rows` to `sum`: the gradient of what is added to all rows.
///
/// Shapes: `rows` `[…, n]`, `sum` `[n]`.
pub fn add_rows<T: Real>(sum: &mut Tensor<T>, rows: &Tensor<T>) {
    let sum = entries_mut(sum);
    for row in entries(rows).chunks_exact(sum.len()) {
        for (sum, &entry) in sum.iter_mut().zip(row) {
            *sum += entry;
        }
    }
}
