//! A panel of the right factor: as many of its columns as two registers hold, over a block of the terms.

use super::{Buffer, Lanes, TERMS};
use ndarray::ArrayView2;
use pulp::Simd;
use std::ops::Range;

/// Fewest rows of A for which a copy pays where none is needed.
pub const COPY: usize = 49;
/// Most columns: two registers of 16.
const COLUMNS: usize = 32;
/// Side of the squares in which a panel is transposed.
pub const SQUARE: usize = 4;

/// Columns of B over a block of its rows, `down` from one row to the next and `across` from one column
/// to the next.
pub struct Panel<T> {
    corner: *const T,
    down: isize,
    across: isize,
    terms: usize,
    width: usize,
}

impl<T: Lanes> Panel<T> {
    #[inline(always)]
    pub fn new(b: ArrayView2<'_, T>, terms: Range<usize>, columns: Range<usize>) -> Self {
        let [down, across] = [b.strides()[0], b.strides()[1]];
        let offset = terms.start as isize * down + columns.start as isize * across;
        let corner = b.as_ptr().wrapping_offset(offset);
        Self { corner, down, across, terms: terms.len(), width: columns.len() }
    }

    /// Whether full registers can be read where the panel stands.
    #[inline(always)]
    pub fn is_whole<S: Simd>(&self) -> bool {
        self.across == 1 && self.width.is_multiple_of(T::lanes::<S>())
    }

    /// Where the panel starts, and how far apart its rows stand.
    #[inline(always)]
    pub fn in_place(&self) -> (*const T, isize) {
        (self.corner, self.down)
    }

    /// Where a copy of the panel starts, whose rows are filled up to full registers, and how far apart
    /// its rows stand.
    #[inline(always)]
    pub fn copied<S: Simd>(
        &self,
        simd: S,
        copy: &mut Buffer<T, { TERMS * COLUMNS }>,
    ) -> (*const T, isize) {
        let to = copy.start();
        let padded = self.width.next_multiple_of(T::lanes::<S>());
        // SAFETY: B has these terms and columns, and the copy has room for two registers a term.
        unsafe {
            if self.across == 1 {
                self.copy_rows(simd, to, padded);
            } else {
                self.transpose(to, padded);
            }
        }
        (to, padded as isize)
    }

    /// Copies rows register by register.
    ///
    /// # Safety
    /// The panel can be read, and `padded` numbers for each term can be written at `to`.
    #[inline(always)]
    unsafe fn copy_rows<S: Simd>(&self, simd: S, to: *mut T, padded: usize) {
        let lanes = T::lanes::<S>();
        for t in 0..self.terms {
            for first in (0..self.width).step_by(lanes) {
                // SAFETY: the caller's promise.
                unsafe {
                    let from = self.corner.offset(t as isize * self.down).add(first);
                    let register = if self.width - first < lanes {
                        T::load_first(simd, self.width - first, from)
                    } else {
                        T::load::<S>(from)
                    };
                    T::store::<S>(to.add(t * padded + first), register);
                }
            }
        }
    }

    /// Copies columns, in squares where their numbers follow each other.
    ///
    /// # Safety
    /// As [`Panel::copy_rows`].
    #[inline(always)]
    unsafe fn transpose(&self, to: *mut T, padded: usize) {
        let &Self { corner, down, across, terms, width } = self;
        let whole = |n: usize| if down == 1 { n / SQUARE * SQUARE } else { 0 };
        // SAFETY: the caller's promise; the squares lie within the panel.
        unsafe {
            for column in (0..whole(width)).step_by(SQUARE) {
                for t in (0..whole(terms)).step_by(SQUARE) {
                    let from = corner.offset(t as isize + column as isize * across);
                    T::transpose_square(from, across, to.add(t * padded + column), padded);
                }
            }
            for t in 0..terms {
                for column in if t < whole(terms) { whole(width) } else { 0 }..padded {
                    *to.add(t * padded + column) = if column < width {
                        *corner.offset(t as isize * down + column as isize * across)
                    } else {
                        T::zero()
                    };
                }
            }
        }
    }
}
