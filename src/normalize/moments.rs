//! Mean and variance of the columns of a matrix, read from memory once. Chapter 8.
//!
//! **Why not Σx² − n·μ².** Both terms grow with μ² and their difference does not: at μ = 1000 and
//! v = 1 an `f32` has no digit of v left. The sum of squared deviations S = Σ (x − μ)² has no such
//! loss, but needs μ first, and so each number twice.
//!
//! **A block at a time.** The rows are taken in blocks that the nearest cache holds, so the second
//! reading is free. Two groups of rows, of n_a and n_b rows, are then merged. Let
//! n = n_a + n_b and δ = μ_b − μ_a. The mean of all is
//!
//! ```text
//! μ = (n_a · μ_a + n_b · μ_b) / n  =  μ_a + δ · n_b / n
//! ```
//!
//! so that μ − μ_a = δ · n_b / n and μ_b − μ = δ · n_a / n. About μ instead of its own mean, group a
//! has the squared deviations
//!
//! ```text
//! Σ_a (x − μ)² = S_a + 2 · (μ_a − μ) · Σ_a (x − μ_a) + n_a · (μ_a − μ)²  =  S_a + n_a · (δ · n_b / n)²
//! ```
//!
//! since Σ_a (x − μ_a) = 0, and group b likewise. Their sum is
//!
//! ```text
//! S = S_a + S_b + δ² · (n_a · n_b² + n_b · n_a²) / n²  =  S_a + S_b + δ² · n_a · n_b / n
//! ```
//!
//! (Chan, Golub and LeVeque 1983.) Every term is positive: nothing cancels.

use super::columns::Columns;
use crate::parallel::join;
use crate::real::Real;

/// Entries of a block: 32 KiB of `f32`.
const BLOCK: usize = 1 << 13;

/// Writes the mean of each column of `x` into `mean`, and 1/n · Σ (x − mean)² into `variance`.
///
/// Shapes: `x` `[rows, columns]`, at least one row; `mean` and `variance` `[columns]`; `scratch`
/// `[2, columns]`, whose contents are lost.
pub fn column_moments<T: Real>(
    x: Columns<'_, T>,
    mean: &mut [T],
    variance: &mut [T],
    scratch: [&mut [T]; 2],
) {
    if let Some(middle) = x.halved() {
        let (left, right) = x.split_at(middle);
        let (mean, variance) = (mean.split_at_mut(middle), variance.split_at_mut(middle));
        let [first, second] = scratch.map(|scratch| scratch.split_at_mut(middle));
        join(
            || column_moments(left, mean.0, variance.0, [first.0, second.0]),
            || column_moments(right, mean.1, variance.1, [first.1, second.1]),
        );
        return;
    }
    let [block_mean, block_squares] = scratch;
    mean.fill(T::zero());
    variance.fill(T::zero());
    let mut rows = 0;
    for block in x.blocks((BLOCK / mean.len()).max(1)) {
        let block_rows = block.count();
        block_moments(block, block_mean, block_squares);
        let (n_a, n_b) = (rows as f64, block_rows as f64);
        let share = T::of(n_b / (n_a + n_b));
        let weight = T::of(n_a * n_b / (n_a + n_b));
        let merged = mean.iter_mut().zip(variance.iter_mut());
        for ((mean, squares), (&b_mean, &b_squares)) in
            merged.zip(block_mean.iter().zip(block_squares.iter()))
        {
            let delta = b_mean - *mean;
            *mean += delta * share;
            *squares += b_squares + delta * delta * weight;
        }
        rows += block_rows;
    }
    let share = T::of(1.0 / rows as f64);
    for variance in variance {
        *variance *= share;
    }
}

/// Mean and Σ (x − mean)² of each column of one block.
fn block_moments<T: Real>(block: Columns<'_, T>, mean: &mut [T], squares: &mut [T]) {
    // The first row taken off keeps the sums small, and with them their rounding.
    let first = block.rows().next().expect("a block has rows");
    mean.fill(T::zero());
    for row in block.rows() {
        for ((mean, &x), &first) in mean.iter_mut().zip(row).zip(first) {
            *mean += x - first;
        }
    }
    let share = T::of(1.0 / block.count() as f64);
    for (mean, &first) in mean.iter_mut().zip(first) {
        *mean = first + *mean * share;
    }
    squares.fill(T::zero());
    for row in block.rows() {
        for ((squares, &mean), &x) in squares.iter_mut().zip(mean.iter()).zip(row) {
            *squares += (x - mean) * (x - mean);
        }
    }
}
