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
//!
//! The same merging joins the parts of the rows that threads take.

use crate::parallel::{Columns, MIN_ENTRIES, block, block_mut, for_columns, join};
use crate::real::Real;

/// Entries of a block: 32 KiB of `f32`.
const BLOCK_ENTRIES: usize = 1 << 13;
/// How often many rows are halved.
pub const HALVINGS: usize = 2;
/// Scratch of [`column_moments`], in rows: two for each block at work, and two for each half merged.
pub const SCRATCH: usize = 2 * (2 * (1 << HALVINGS) - 1);

/// Writes the mean of each column of `x` into `mean`, and 1/n · Σ (x − mean)² into `variance`.
///
/// Shapes: `x` `[rows, columns]` in row-major order, at least one row; `mean` and `variance`
/// `[columns]`; `scratch` `[SCRATCH, columns]`, whose contents are lost.
pub fn column_moments<T: Real>(x: &[T], mean: &mut [T], variance: &mut [T], scratch: &mut [T]) {
    moments(x, mean, variance, scratch, HALVINGS);
    let share = T::of(mean.len() as f64 / x.len() as f64);
    for variance in variance {
        *variance *= share;
    }
}

/// Mean and Σ (x − mean)² of each column.
fn moments<T: Real>(
    x: &[T],
    mean: &mut [T],
    squares: &mut [T],
    scratch: &mut [T],
    halvings: usize,
) {
    let columns = mean.len();
    let (first, scratch) = scratch.split_at_mut(columns);
    let (second, scratch) = scratch.split_at_mut(columns);
    let middle = x.len() / columns / 2 * columns;
    if halvings > 0 && middle > 0 && x.len() >= MIN_ENTRIES {
        let (upper, lower) = x.split_at(middle);
        let (left, right) = scratch.split_at_mut(scratch.len() / 2);
        join(
            || moments(upper, mean, squares, left, halvings - 1),
            || moments(lower, first, second, right, halvings - 1),
        );
        merge(mean, squares, upper.len() / columns, first, second, lower.len() / columns);
        return;
    }
    mean.fill(T::zero());
    squares.fill(T::zero());
    let mut rows = 0;
    for block in x.chunks((BLOCK_ENTRIES / columns).max(1) * columns) {
        let block_rows = block.len() / columns;
        for_columns(
            columns,
            BlockMoments { rows: block, mean: &mut *first, squares: &mut *second },
        );
        merge(mean, squares, rows, first, second, block_rows);
        rows += block_rows;
    }
}

/// Merges the moments of `n_b` rows into those of `n_a` others.
fn merge<T: Real>(
    mean: &mut [T],
    squares: &mut [T],
    n_a: usize,
    b_mean: &[T],
    b_squares: &[T],
    n_b: usize,
) {
    let (n_a, n_b) = (n_a as f64, n_b as f64);
    let share = T::of(n_b / (n_a + n_b));
    let weight = T::of(n_a * n_b / (n_a + n_b));
    let merged = mean.iter_mut().zip(squares);
    for ((mean, squares), (&b_mean, &b_squares)) in merged.zip(b_mean.iter().zip(b_squares)) {
        let delta = b_mean - *mean;
        *mean += delta * share;
        *squares += b_squares + delta * delta * weight;
    }
}

/// Mean and Σ (x − mean)² of each column of one block of `rows`.
struct BlockMoments<'a, T> {
    rows: &'a [T],
    mean: &'a mut [T],
    squares: &'a mut [T],
}

impl<T: Real> Columns for BlockMoments<'_, T> {
    #[inline(always)]
    fn run<const N: usize>(&mut self, first: usize) {
        let columns = self.mean.len();
        let rows = || self.rows.chunks_exact(columns).map(|row| block::<T, N>(row, first));
        // The first row taken off keeps the sums small, and with them their rounding.
        let first_row = block::<T, N>(self.rows, first);
        let mut mean = [T::zero(); N];
        for row in rows() {
            for ((mean, &x), &first) in mean.iter_mut().zip(row).zip(first_row) {
                *mean += x - first;
            }
        }
        let share = T::of(columns as f64 / self.rows.len() as f64);
        for (mean, &first) in mean.iter_mut().zip(first_row) {
            *mean = first + *mean * share;
        }
        let mut squares = [T::zero(); N];
        for row in rows() {
            for ((squares, &mean), &x) in squares.iter_mut().zip(&mean).zip(row) {
                *squares += (x - mean) * (x - mean);
            }
        }
        *block_mut(self.mean, first) = mean;
        *block_mut(self.squares, first) = squares;
    }
}
