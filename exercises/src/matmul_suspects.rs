//! Backward passes of Y = X·W, one of which is right.

use ndarray::{Array2, Axis};

type Matrix = Array2<f64>;

/// A backward pass: dX and dW, from X, W and dY, which are square and of one size for all of them to
/// have the right shapes. Where a fault makes a product impossible, its gradient is zero.
pub type Backward = fn(&Matrix, &Matrix, &Matrix) -> (Matrix, Matrix);

/// The right backward pass.
pub const RIGHT: Backward = |x, w, dy| (left(x, w, dy), right(x, w, dy));

/// The wrong ones, each with its fault.
pub const FAULTS: [(&str, Backward); 8] = [
    ("dX = dY·W, without the transpose", |x, w, dy| (times(dy, w, x), right(x, w, dy))),
    ("dW = X·dY, without the transpose", |x, w, dy| (left(x, w, dy), times(x, dy, w))),
    ("dX = Wᵀ·dY, the factors exchanged", |x, w, dy| {
        (times(&w.t().to_owned(), dy, x), right(x, w, dy))
    }),
    ("dW = dY·Xᵀ, the factors exchanged", |x, w, dy| {
        (left(x, w, dy), times(dy, &x.t().to_owned(), w))
    }),
    ("dW = dYᵀ·X, the transpose of what it should be", |x, w, dy| {
        (left(x, w, dy), times(&dy.t().to_owned(), x, w))
    }),
    ("dW is the mean over the samples", |x, w, dy| {
        (left(x, w, dy), right(x, w, dy) / x.nrows() as f64)
    }),
    ("dW of the first sample alone", |x, w, dy| {
        let first = |a: &Matrix| a.select(Axis(0), &[0]);
        (left(x, w, dy), right(&first(x), w, &first(dy)))
    }),
    ("dX = dY, as if W were the unit matrix", |x, w, dy| (shaped(dy.clone(), x), right(x, w, dy))),
];

/// dY·Wᵀ.
fn left(x: &Matrix, w: &Matrix, dy: &Matrix) -> Matrix {
    times(dy, &w.t().to_owned(), x)
}

/// Xᵀ·dY.
fn right(x: &Matrix, w: &Matrix, dy: &Matrix) -> Matrix {
    times(&x.t().to_owned(), dy, w)
}

/// The product of `a` and `b`, in the shape of `like`.
fn times(a: &Matrix, b: &Matrix, like: &Matrix) -> Matrix {
    if a.ncols() == b.nrows() { shaped(a.dot(b), like) } else { Matrix::zeros(like.dim()) }
}

/// `a`, or zeros where it has not the shape of `like`: a suspect is wrong, and does not panic.
fn shaped(a: Matrix, like: &Matrix) -> Matrix {
    if a.dim() == like.dim() { a } else { Matrix::zeros(like.dim()) }
}
