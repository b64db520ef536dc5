//! The standardized group and its gradient, as the formulas of the [chapter](super). Chapter 8.
//!
//! Batch norm takes the numbers of one feature in all rows as the group, layer norm those of one row.
//! Both are held against these two functions, with d = γ · dy.

use crate::real::Real;

/// x̂_i = (x_i − μ) · r with r = 1/√(v + ε), and returns r.
///
/// Shapes: `x` and `x_hat` `[n]`, one number or more.
pub fn standardize<T: Real>(x: &[T], epsilon: T, x_hat: &mut [T]) -> T {
    let n = T::of(x.len() as f64);
    let mean = x.iter().copied().sum::<T>() / n;
    let variance = x.iter().map(|&x| (x - mean) * (x - mean)).sum::<T>() / n;
    let r = (variance + epsilon).sqrt().recip();
    for (x_hat, &x) in x_hat.iter_mut().zip(x) {
        *x_hat = (x - mean) * r;
    }
    r
}

/// dx_k += r · (d_k − 1/n · Σ_i d_i − x̂_k · 1/n · Σ_i d_i · x̂_i), with `x_hat` and `r` from [`standardize`]
/// and the upstream gradient `d` of x̂.
///
/// Shapes: `[n]` each.
pub fn standardize_gradient<T: Real>(x_hat: &[T], r: T, d: &[T], dx: &mut [T]) {
    let n = T::of(x_hat.len() as f64);
    let d_mean = d.iter().copied().sum::<T>() / n;
    let d_x_hat_mean = d.iter().zip(x_hat).map(|(&d, &x_hat)| d * x_hat).sum::<T>() / n;
    for ((dx, &x_hat), &d) in dx.iter_mut().zip(x_hat).zip(d) {
        *dx += r * (d - d_mean - x_hat * d_x_hat_mean);
    }
}
