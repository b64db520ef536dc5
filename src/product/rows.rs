//! The left factor of a product, seen as rows of terms without a copy.

use ndarray::ArrayView2;
use std::marker::PhantomData;
use std::ops::Range;

/// A matrix whose rows are read where they stand, however they stand: they may overlap, as the
/// windows of a convolution do.
///
/// A row's number is written in three digits, each with a length and a stride of its own, and so
/// is a term's number within the row. The entry stands at the sum of all digits times strides.
#[derive(Clone, Debug)]
pub struct Rows<'a, T> {
    first: *const T,
    rows: Digits,
    terms: Digits,
    range: Range<usize>,
    lifetime: PhantomData<&'a [T]>,
}

// SAFETY: a shared view, as `&[T]` is.
unsafe impl<T: Sync> Send for Rows<'_, T> {}
// SAFETY: a shared view, as `&[T]` is.
unsafe impl<T: Sync> Sync for Rows<'_, T> {}

impl<'a, T> Rows<'a, T> {
    /// Rows that stand in `entries`. `rows` and `terms` give the (length, stride) of each digit,
    /// the slowest first.
    ///
    /// ```
    /// use chainrule::product::Rows;
    ///
    /// // The windows of three entries in a line of five: [0, 1, 2], [1, 2, 3], [2, 3, 4].
    /// let line = [0.0, 1.0, 2.0, 3.0, 4.0];
    /// let windows = Rows::new(&line, [(1, 0), (1, 0), (3, 1)], [(1, 0), (1, 0), (3, 1)]);
    /// assert_eq!((windows.count(), windows.terms()), (3, 3));
    /// ```
    ///
    /// # Panics
    /// If a digit has no values, or the last term of the last row stands behind `entries`.
    pub fn new(entries: &'a [T], rows: [(usize, usize); 3], terms: [(usize, usize); 3]) -> Self {
        let digits = || rows.iter().chain(&terms);
        assert!(
            digits().all(|&(length, _)| length > 0),
            "a digit without values: {rows:?}, {terms:?}"
        );
        let last: usize = digits().map(|&(length, stride)| (length - 1) * stride).sum();
        assert!(last < entries.len(), "entry {last} of {}: {rows:?}, {terms:?}", entries.len());
        let signed = |digits: [(usize, usize); 3]| {
            Digits::joining(digits.map(|(length, stride)| (length, stride as isize)))
        };
        let (rows, terms) = (signed(rows), signed(terms));
        Self { first: entries.as_ptr(), rows, terms, range: 0..rows.count(), lifetime: PhantomData }
    }

    /// Number of rows.
    pub fn count(&self) -> usize {
        self.range.len()
    }

    /// Number of terms in each row.
    pub fn terms(&self) -> usize {
        self.terms.count()
    }

    /// These rows alone.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn select(&self, rows: Range<usize>) -> Self {
        assert!(rows.end <= self.count(), "rows {rows:?} of {}", self.count());
        let first = self.range.start;
        Self { range: first + rows.start..first + rows.end, ..*self }
    }

    /// Where row `i` starts.
    #[inline(always)]
    pub(super) fn row(&self, i: usize) -> *const T {
        self.first.wrapping_offset(self.rows.offset(self.range.start + i))
    }

    /// Calls `take` with the start of each of these rows: a division for each would take as long as
    /// its products.
    #[inline(always)]
    pub(super) fn for_starts(&self, rows: Range<usize>, mut take: impl FnMut(*const T)) {
        let (length, stride) = self.rows.0[2];
        let mut row = rows.start;
        while row < rows.end {
            let run = (length - (self.range.start + row) % length).min(rows.end - row);
            let start = self.row(row);
            for i in 0..run as isize {
                take(start.wrapping_offset(i * stride));
            }
            row += run;
        }
    }

    /// The terms as (number of segments, terms of a segment, step from one term to the next).
    #[inline(always)]
    pub(super) fn segments(&self) -> (usize, usize, isize) {
        let [(outer, _), (middle, _), (run, step)] = self.terms.0;
        (outer * middle, run, step)
    }

    /// How far behind its row's start segment `s` of the terms starts.
    #[inline(always)]
    pub(super) fn segment(&self, s: usize) -> isize {
        let run = self.terms.0[2].0;
        self.terms.offset(s * run)
    }
}

impl<'a, T> From<ArrayView2<'a, T>> for Rows<'a, T> {
    /// The rows of a matrix of any strides.
    fn from(matrix: ArrayView2<'a, T>) -> Self {
        let digits =
            |axis| Digits([(1, 0), (1, 0), (matrix.shape()[axis], matrix.strides()[axis])]);
        Self {
            first: matrix.as_ptr(),
            rows: digits(0),
            terms: digits(1),
            range: 0..matrix.nrows(),
            lifetime: PhantomData,
        }
    }
}

/// How a number is written in three digits, the slowest first: the (length, stride) of each.
#[derive(Clone, Copy, Debug)]
struct Digits([(usize, isize); 3]);

impl Digits {
    /// Two digits that one stride steps through are joined into one.
    fn joining(digits: [(usize, isize); 3]) -> Self {
        let mut joined = [(1, 0), (1, 0), digits[2]];
        let mut at = 2;
        for (length, stride) in [digits[1], digits[0]] {
            let (faster, step) = joined[at];
            if faster == 1 {
                joined[at] = (length, stride);
            } else if stride == faster as isize * step {
                joined[at] = (faster * length, step);
            } else if length > 1 {
                at -= 1;
                joined[at] = (length, stride);
            }
        }
        Self(joined)
    }

    fn count(self) -> usize {
        self.0.iter().map(|&(length, _)| length).product()
    }

    #[inline(always)]
    fn offset(self, number: usize) -> isize {
        let [(_, slow), (length, middle), (faster, fast)] = self.0;
        let (number, units) = (number / faster, number % faster);
        (number / length) as isize * slow
            + (number % length) as isize * middle
            + units as isize * fast
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_join_where_one_stride_steps_through_them() {
        for digits in [
            [(2, 12), (3, 4), (4, 1)],
            [(2, 20), (3, 4), (4, 1)],
            [(2, 15), (3, 5), (4, 1)],
            [(2, 20), (1, 7), (4, 1)],
            [(2, 3), (3, 9), (1, 5)],
            [(1, 0), (1, 0), (1, 3)],
        ] {
            let (plain, joined) = (Digits(digits), Digits::joining(digits));
            assert_eq!(plain.count(), joined.count(), "{digits:?}");
            for number in 0..plain.count() {
                assert_eq!(plain.offset(number), joined.offset(number), "{digits:?}, {number}");
            }
        }
        assert_eq!(Digits::joining([(2, 12), (3, 4), (4, 1)]).0, [(1, 0), (1, 0), (24, 1)]);
    }
}
