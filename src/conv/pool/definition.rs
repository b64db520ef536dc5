//! The pools and their gradients: where they come from, and as loops over their formulas. Chapter 13.
//!
//! # The mean
//!
//! ```text
//! y[b,i,j,c] = 1/(h·w) · Σ_uv x[b, i·s + u, j·s + v, c]
//! ```
//!
//! The pixel `x[b,r,q,c]` stands in `y[b,i,j,c]` for each window that covers it, with the factor
//! 1/(h·w):
//!
//! ```text
//! ∂L/∂x[b,r,q,c] = 1/(h·w) · Σ ∂L/∂y[b,i,j,c]      over the windows (i, j) that cover (r, q)
//! ```
//!
//! # The maximum
//!
//! ```text
//! y[b,i,j,c] = max_uv x[b, i·s + u, j·s + v, c]
//! ```
//!
//! Where one entry of the window is larger than all others, it stays so while it moves a little:
//! y moves with it, and with no other. So ∂y/∂x is 1 for the largest and 0 for the others:
//!
//! ```text
//! ∂L/∂x[b,r,q,c] = Σ ∂L/∂y[b,i,j,c]      over the windows (i, j) whose maximum in c is (r, q)
//! ```
//!
//! Between entries that tie there is a kink and no derivative. The code takes the first of them,
//! row by row, and passes dy to it alone. Each channel has its own maximum.
//!
//! # The loops
//!
//! Nothing in them is arranged for speed: [`blocks`](super::blocks) computes the same, and is held
//! against them. Both gradients go through the windows, and add to the pixels that each covers.
//!
//! Shapes: `x` and `dx` `[batch, height, width, channels]`, `y` and `dy` `[batch, out_height, out_width,
//! channels]`.

use super::Window;
use crate::real::Real;
use ndarray::{ArrayView4, ArrayViewMut4};

/// `y[b,i,j,c] = 1/(h·w) · Σ_uv x[b, i·s + u, j·s + v, c]`.
///
/// # Panics
/// If a window reaches beyond the image.
pub fn average<T: Real>(x: ArrayView4<'_, T>, window: Window, mut y: ArrayViewMut4<'_, T>) {
    for ((b, i, j, c), y) in y.indexed_iter_mut() {
        let sum: T = window.pixels([i, j]).map(|[r, q]| x[[b, r, q, c]]).sum();
        *y = sum * window.share();
    }
}

/// `dx[b,r,q,c] += dy[b,i,j,c]/(h·w)` for each window (i, j) that covers (r, q).
///
/// # Panics
/// As [`average`].
pub fn average_gradient<T: Real>(
    dy: ArrayView4<'_, T>,
    window: Window,
    mut dx: ArrayViewMut4<'_, T>,
) {
    for ((b, i, j, c), &dy) in dy.indexed_iter() {
        for [r, q] in window.pixels([i, j]) {
            dx[[b, r, q, c]] += dy * window.share();
        }
    }
}

/// `y[b,i,j,c] = max_uv x[b, i·s + u, j·s + v, c]`: of equal entries the first, and NaN where an entry
/// is.
///
/// # Panics
/// As [`average`].
pub fn max<T: Real>(x: ArrayView4<'_, T>, window: Window, mut y: ArrayViewMut4<'_, T>) {
    for ((b, i, j, c), y) in y.indexed_iter_mut() {
        let entries = window.pixels([i, j]).map(|[r, q]| x[[b, r, q, c]]);
        *y = entries.fold(T::neg_infinity(), larger);
    }
}

/// `dx[b,r,q,c] += dy[b,i,j,c]` where (r, q) is the first maximum of the window (i, j) in channel c. Where
/// the maximum is not a number, the first entry counts as it.
///
/// # Panics
/// As [`average`], or if `y` is not what [`max`] made of `x`.
pub fn max_gradient<T: Real>(
    x: ArrayView4<'_, T>,
    y: ArrayView4<'_, T>,
    dy: ArrayView4<'_, T>,
    window: Window,
    mut dx: ArrayViewMut4<'_, T>,
) {
    for ((b, i, j, c), &y) in y.indexed_iter() {
        let is_maximum = |&[r, q]: &[usize; 2]| x[[b, r, q, c]] == y || y.is_nan();
        let first = window.pixels([i, j]).find(is_maximum);
        let [r, q] = first.expect("a maximum is an entry of its window");
        dx[[b, r, q, c]] += dy[[b, i, j, c]];
    }
}

/// The larger of two numbers: the first of equal ones, and NaN where either is.
#[inline(always)]
pub(super) fn larger<T: Real>(first: T, second: T) -> T {
    if (second > first) | second.is_nan() { second } else { first }
}
