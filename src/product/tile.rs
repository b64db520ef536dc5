//! The innermost loops of a product: a small tile of C that stays in registers while the sum over
//! the terms runs, and the tiles under each other.

use super::lanes::Lanes;
use pulp::{Simd, WithSimd};

/// Where the factors of a tile stand.
///
/// The sum over the terms runs through `segments`, and in each through `run` terms: term t of
/// segment s of row r is `rows[r][s + t·step]`. The right factor's rows follow each other in the
/// same order, `right_step` apart.
#[derive(Clone, Copy)]
pub struct Factors<'a, T> {
    pub segments: &'a [isize],
    pub run: usize,
    pub step: isize,
    pub right: *const T,
    pub right_step: isize,
}

/// Where a tile goes: `width` columns of rows that are `step` apart.
#[derive(Clone, Copy)]
pub struct Target<T> {
    pub corner: *mut T,
    pub step: isize,
    pub width: usize,
    pub accumulate: bool,
}

/// Registers of a row in a tile, where there are several rows.
pub const REGISTERS: usize = 2;
/// Registers of a row that is alone: with two, each addition would wait for the one before it.
pub const ALONE: usize = 8;

/// Computes as many rows as `rows` has, at most `ROWS` at a time, in one register a row, in
/// [`REGISTERS`], or in [`ALONE`].
///
/// # Safety
/// The left factor can be read in all `rows`, at every segment and term; the right factor in full
/// registers at every term; the target in as many rows of `width` columns. `width` has no more than
/// these registers, and those of a row alone are all full.
#[inline(always)]
pub unsafe fn tiles<S: Simd, T: Lanes, const ROWS: usize>(
    simd: S,
    rows: &[*const T],
    factors: Factors<'_, T>,
    mut target: Target<T>,
) {
    if target.width > REGISTERS * T::lanes::<S>() {
        return simd.vectorize(Tiles::<T, 1, ALONE> { rows, factors, target });
    }
    // Each height is a function of its own, so that its tile has registers of its own. Each goes
    // through `vectorize`, which keeps the compiler from inlining all of them into one.
    macro_rules! strip {
        ($rows:expr, $height:literal) => {
            if target.width > T::lanes::<S>() {
                simd.vectorize(Tiles::<T, $height, REGISTERS> { rows: $rows, factors, target });
            } else {
                simd.vectorize(Tiles::<T, $height, 1> { rows: $rows, factors, target });
            }
        };
    }
    let (full, rest) = rows.split_at(rows.len() / ROWS * ROWS);
    if !full.is_empty() {
        if ROWS == 6 {
            strip!(full, 6)
        } else {
            strip!(full, 8)
        }
        target.corner = target.corner.wrapping_offset(full.len() as isize * target.step);
    }
    match rest.len() {
        1 => strip!(rest, 1),
        2 => strip!(rest, 2),
        3 => strip!(rest, 3),
        4 => strip!(rest, 4),
        5 => strip!(rest, 5),
        6 => strip!(rest, 6),
        7 => strip!(rest, 7),
        _ => {}
    }
}

/// Tiles of the same height, under each other.
struct Tiles<'a, T, const HEIGHT: usize, const REGISTERS: usize> {
    rows: &'a [*const T],
    factors: Factors<'a, T>,
    target: Target<T>,
}

impl<T: Lanes, const HEIGHT: usize, const REGISTERS: usize> WithSimd
    for Tiles<'_, T, HEIGHT, REGISTERS>
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let mut corner = self.target.corner;
        for rows in self.rows.chunks_exact(HEIGHT) {
            let rows: [*const T; HEIGHT] = std::array::from_fn(|r| rows[r]);
            let (first, step) = (rows[0], self.factors.step);
            // SAFETY: the promise of whoever called `tiles`.
            unsafe {
                let sum = if step == 1 {
                    self.sum::<S, 4>(simd, 1, |r, offset| *rows[r].offset(offset))
                } else if rows[HEIGHT - 1] == first.wrapping_add(HEIGHT - 1) {
                    self.sum::<S, 4>(simd, step, |r, offset| *first.offset(offset + r as isize))
                } else {
                    // Each row takes a register for its address: there is none left to unroll with.
                    self.sum::<S, 1>(simd, step, |r, offset| *rows[r].offset(offset))
                };
                self.write(simd, sum, corner);
            }
            corner = corner.wrapping_offset(HEIGHT as isize * self.target.step);
        }
    }
}

impl<T: Lanes, const HEIGHT: usize, const REGISTERS: usize> Tiles<'_, T, HEIGHT, REGISTERS> {
    /// The sum over all terms, whose factors at an offset `left` reads, row by row. `UNROLLED` terms are
    /// added between two looks at how many are left.
    ///
    /// # Safety
    /// See [`tiles`].
    #[inline(always)]
    unsafe fn sum<S: Simd, const UNROLLED: usize>(
        &self,
        simd: S,
        step: isize,
        left: impl Fn(usize, isize) -> T,
    ) -> [[T::Vector<S>; REGISTERS]; HEIGHT] {
        let Factors { segments, run, mut right, right_step, .. } = self.factors;
        // Where few terms follow each other, more loops cost more than they gain.
        let unrolled = if run < 4 * UNROLLED { 0 } else { run / UNROLLED * UNROLLED };
        let mut sum = [[T::splat(simd, T::zero()); REGISTERS]; HEIGHT];
        let mut add = |offset: isize, right: *const T| {
            // SAFETY: the caller's promise, here and below.
            let b: [_; REGISTERS] =
                std::array::from_fn(|v| unsafe { T::load::<S>(right.add(v * T::lanes::<S>())) });
            for (r, sum) in sum.iter_mut().enumerate() {
                let a = T::splat(simd, left(r, offset));
                for (sum, b) in sum.iter_mut().zip(b) {
                    *sum = T::multiply_add(simd, a, b, *sum);
                }
            }
        };
        for &segment in segments {
            let mut offset = segment;
            for _ in 0..unrolled / UNROLLED {
                for t in 0..UNROLLED as isize {
                    add(offset + t * step, right.wrapping_offset(t * right_step));
                }
                offset += UNROLLED as isize * step;
                right = right.wrapping_offset(UNROLLED as isize * right_step);
            }
            for _ in unrolled..run {
                add(offset, right);
                offset += step;
                right = right.wrapping_offset(right_step);
            }
        }
        sum
    }

    /// Writes the sum, or adds it to what stands there.
    ///
    /// # Safety
    /// See [`tiles`].
    #[inline(always)]
    unsafe fn write<S: Simd>(
        &self,
        simd: S,
        sum: [[T::Vector<S>; REGISTERS]; HEIGHT],
        corner: *mut T,
    ) {
        let Target { step, width, accumulate, .. } = self.target;
        for (r, sum) in sum.into_iter().enumerate() {
            for (v, mut sum) in sum.into_iter().enumerate() {
                let first = v * T::lanes::<S>();
                let lanes = (width - first).min(T::lanes::<S>());
                // SAFETY: the caller's promise; the lanes end where the target's row ends.
                unsafe {
                    let to = corner.offset(r as isize * step).add(first);
                    if lanes == T::lanes::<S>() {
                        if accumulate {
                            sum = T::plus(simd, sum, T::load::<S>(to));
                        }
                        T::store::<S>(to, sum);
                    } else {
                        if accumulate {
                            sum = T::plus(simd, sum, T::load_first(simd, lanes, to));
                        }
                        T::store_first(simd, lanes, to, sum);
                    }
                }
            }
        }
    }
}
