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

/// Terms that are added between two looks at how many are left.
const UNROLLED: usize = 4;

/// Computes as many rows as `rows` has, at most `ROWS` at a time, in one register a row or in two.
///
/// # Safety
/// The left factor can be read in all `rows`, at every segment and term; the right factor in full
/// registers at every term; the target in as many rows of `width` columns.
#[inline(always)]
pub unsafe fn tiles<S: Simd, T: Lanes, const ROWS: usize>(
    simd: S,
    mut rows: &[*const T],
    factors: Factors<'_, T>,
    mut target: Target<T>,
) {
    if ROWS == 6 {
        strip::<S, T, 6>(simd, &mut rows, factors, &mut target);
    } else {
        strip::<S, T, 8>(simd, &mut rows, factors, &mut target);
    }
    strip::<S, T, 4>(simd, &mut rows, factors, &mut target);
    strip::<S, T, 2>(simd, &mut rows, factors, &mut target);
    strip::<S, T, 1>(simd, &mut rows, factors, &mut target);
}

/// Takes as many tiles of this height from `rows` as there are.
///
/// Each height is a function of its own, so that its tile has registers of its own. Each goes through
/// `vectorize`, which keeps the compiler from inlining all of them into one.
#[inline(always)]
fn strip<S: Simd, T: Lanes, const HEIGHT: usize>(
    simd: S,
    rows: &mut &[*const T],
    factors: Factors<'_, T>,
    target: &mut Target<T>,
) {
    let (here, rest) = rows.split_at(rows.len() / HEIGHT * HEIGHT);
    if here.is_empty() {
        return;
    }
    match (target.width > T::lanes::<S>(), factors.step == 1) {
        (false, false) => {
            simd.vectorize(Tiles::<T, HEIGHT, 1, false> { rows: here, factors, target: *target })
        }
        (false, true) => {
            simd.vectorize(Tiles::<T, HEIGHT, 1, true> { rows: here, factors, target: *target })
        }
        (true, false) => {
            simd.vectorize(Tiles::<T, HEIGHT, 2, false> { rows: here, factors, target: *target })
        }
        (true, true) => {
            simd.vectorize(Tiles::<T, HEIGHT, 2, true> { rows: here, factors, target: *target })
        }
    }
    target.corner = target.corner.wrapping_offset(here.len() as isize * target.step);
    *rows = rest;
}

struct Tiles<'a, T, const HEIGHT: usize, const REGISTERS: usize, const ADJACENT: bool> {
    rows: &'a [*const T],
    factors: Factors<'a, T>,
    target: Target<T>,
}

impl<T: Lanes, const HEIGHT: usize, const REGISTERS: usize, const ADJACENT: bool>
    Tiles<'_, T, HEIGHT, REGISTERS, ADJACENT>
{
    /// The sum over all terms of `rows`, whose entries at an offset `left` reads.
    ///
    /// # Safety
    /// See [`tiles`].
    #[inline(always)]
    unsafe fn sum<S: Simd>(
        &self,
        simd: S,
        step: isize,
        left: impl Fn(usize, isize) -> T,
    ) -> [[T::Vector<S>; REGISTERS]; HEIGHT] {
        let Factors { segments, run, mut right, right_step, .. } = self.factors;
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
            for _ in 0..run / UNROLLED {
                for t in 0..UNROLLED as isize {
                    add(offset + t * step, right.wrapping_offset(t * right_step));
                }
                offset += UNROLLED as isize * step;
                right = right.wrapping_offset(UNROLLED as isize * right_step);
            }
            for _ in 0..run % UNROLLED {
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

impl<T: Lanes, const HEIGHT: usize, const REGISTERS: usize, const ADJACENT: bool> WithSimd
    for Tiles<'_, T, HEIGHT, REGISTERS, ADJACENT>
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let mut corner = self.target.corner;
        for rows in self.rows.chunks_exact(HEIGHT) {
            // SAFETY: the promise of whoever called `tiles`.
            unsafe {
                let first = rows[0];
                let sum = if ADJACENT {
                    let rows: [_; HEIGHT] = std::array::from_fn(|r| rows[r]);
                    self.sum(simd, 1, |r, offset| *rows[r].offset(offset))
                } else if rows[HEIGHT - 1] == first.wrapping_add(HEIGHT - 1) {
                    self.sum(simd, self.factors.step, |r, offset| {
                        *first.offset(offset + r as isize)
                    })
                } else {
                    let rows: [_; HEIGHT] = std::array::from_fn(|r| rows[r]);
                    self.sum(simd, self.factors.step, |r, offset| *rows[r].offset(offset))
                };
                self.write(simd, sum, corner);
            }
            corner = corner.wrapping_offset(HEIGHT as isize * self.target.step);
        }
    }
}
