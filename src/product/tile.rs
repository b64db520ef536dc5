//! The innermost loop of a product: a small tile of C that stays in registers while the sum over
//! the terms runs.

use super::lanes::Lanes;
use pulp::{Simd, WithSimd};

/// Where the factors of one tile stand.
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

/// Where the tile goes: `width` columns of rows that are `step` apart.
#[derive(Clone, Copy)]
pub struct Target<T> {
    pub corner: *mut T,
    pub step: isize,
    pub width: usize,
    pub accumulate: bool,
}

/// Computes the first `height` rows of a tile, at most `ROWS`, in one register a row or in two.
///
/// # Safety
/// The left factor can be read in the first `height` rows, at every segment and term; the right
/// factor in full registers at every term; the target in `height` rows of `width` columns.
#[inline(always)]
pub unsafe fn tile<S: Simd, T: Lanes, const ROWS: usize>(
    simd: S,
    rows: &[*const T; ROWS],
    height: usize,
    factors: Factors<'_, T>,
    target: Target<T>,
) {
    // Each height is a function of its own, so that its tile has registers of its own. Each goes
    // through `vectorize`, which keeps the compiler from inlining all of them into one.
    macro_rules! heights {
        ($($height:literal)*) => {
            match (height, target.width > T::lanes::<S>()) {
                $(($height, false) => simd.vectorize(Tile::<T, $height, 1>::new(rows, factors, target)),
                ($height, true) => simd.vectorize(Tile::<T, $height, 2>::new(rows, factors, target)),)*
                _ => unreachable!("a tile has from 1 to {ROWS} rows"),
            }
        };
    }
    if ROWS == 6 { heights!(1 2 3 4 5 6) } else { heights!(1 2 3 4 5 6 7 8) }
}

struct Tile<'a, T, const HEIGHT: usize, const REGISTERS: usize> {
    rows: [*const T; HEIGHT],
    factors: Factors<'a, T>,
    target: Target<T>,
}

impl<'a, T: Lanes, const HEIGHT: usize, const REGISTERS: usize> Tile<'a, T, HEIGHT, REGISTERS> {
    #[inline(always)]
    fn new(rows: &[*const T], factors: Factors<'a, T>, target: Target<T>) -> Self {
        Self { rows: std::array::from_fn(|r| rows[r]), factors, target }
    }

    /// # Safety
    /// See [`tile`].
    #[inline(always)]
    unsafe fn sum<S: Simd>(&self, simd: S) -> [[T::Vector<S>; REGISTERS]; HEIGHT] {
        let Factors { segments, run, step, mut right, right_step } = self.factors;
        let zero = T::splat(simd, T::zero());
        let mut sum = [[zero; REGISTERS]; HEIGHT];
        for &segment in segments {
            let mut offset = segment;
            for _ in 0..run {
                // SAFETY: the caller's promise, here and below.
                let b: [_; REGISTERS] = std::array::from_fn(|v| unsafe {
                    T::load::<S>(right.add(v * T::lanes::<S>()))
                });
                for (sum, row) in sum.iter_mut().zip(self.rows) {
                    let a = T::splat(simd, unsafe { *row.offset(offset) });
                    for (sum, b) in sum.iter_mut().zip(b) {
                        *sum = T::multiply_add(simd, a, b, *sum);
                    }
                }
                offset += step;
                right = right.wrapping_offset(right_step);
            }
        }
        sum
    }
}

impl<T: Lanes, const HEIGHT: usize, const REGISTERS: usize> WithSimd
    for Tile<'_, T, HEIGHT, REGISTERS>
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Target { corner, step, width, accumulate } = self.target;
        // SAFETY: the promise of whoever called `tile`.
        let sum = unsafe { self.sum(simd) };
        for (r, sum) in sum.into_iter().enumerate() {
            for (v, mut sum) in sum.into_iter().enumerate() {
                let first = v * T::lanes::<S>();
                let lanes = (width - first).min(T::lanes::<S>());
                // SAFETY: as above; the lanes end where the target's row ends.
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
