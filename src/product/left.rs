//! A block of the left factor, read where it stands or copied.

use super::{BLOCK, Buffer, Lanes, Rows, TERMS};
use std::ops::Range;
use std::slice;

/// Rows of a block that is copied, a multiple of 6 and of 8: 192 KiB in `f32`.
pub const COPIED: usize = 192;
/// Fewest columns of B for which a copy of A pays: it is read again for every panel.
const COLUMNS: usize = 65;
/// Bytes of a page of memory.
const PAGE: usize = 4096;

/// A block of the terms: which they are, and where the left factor has them. Term t of segment s stands
/// `segments[s] + t·step` behind its row's start.
pub struct Terms<'a> {
    /// The first.
    pub first: usize,
    pub segments: &'a [isize],
    pub run: usize,
    pub step: isize,
}

impl Terms<'_> {
    #[inline(always)]
    pub fn rows_of_b(&self) -> Range<usize> {
        self.first..self.first + self.segments.len() * self.run
    }

    /// How far behind its row's start each term stands.
    #[inline(always)]
    fn offsets(&self) -> impl Iterator<Item = isize> + '_ {
        let &Self { segments, run, step, .. } = self;
        let offsets = move |&segment| (0..run as isize).map(move |t| segment + t * step);
        segments.iter().flat_map(offsets)
    }
}

/// Whether a block of A pays for a copy: where each of its terms stands on a page of its own, whose
/// address must be looked up, and where B has columns enough.
#[inline(always)]
pub fn copies<T>(terms: &Terms<'_>, columns: usize) -> bool {
    columns >= COLUMNS && terms.step.unsigned_abs() * size_of::<T>() > PAGE
}

/// A block of A: where its rows start, and where their terms stand behind the start.
pub struct Left<'a, T> {
    pub rows: &'a mut [*const T],
    pub segments: &'a [isize],
    pub run: usize,
    pub step: isize,
}

impl<'a, T: Lanes> Left<'a, T> {
    /// Rows where they stand, listed in `starts`.
    #[inline(always)]
    pub fn in_place(
        a: &Rows<'_, T>,
        terms: &Terms<'a>,
        rows: Range<usize>,
        starts: &'a mut Buffer<*const T, BLOCK>,
    ) -> Self {
        assert!(rows.len() <= BLOCK, "more rows than a block has");
        let (starts, mut count) = (starts.start(), 0);
        a.for_starts(rows, |start| {
            // SAFETY: the list has room for a block of rows.
            unsafe { starts.add(count).write(start) };
            count += 1;
        });
        // SAFETY: as many were written.
        let rows = unsafe { slice::from_raw_parts_mut(starts, count) };
        let &Terms { segments, run, step, .. } = terms;
        Self { rows, segments, run, step }
    }

    /// The rows of each tile of `ROWS`, copied so that what is multiplied together stands together:
    /// term by term.
    #[inline(always)]
    pub fn copied<const ROWS: usize>(
        self,
        terms: &Terms<'_>,
        copy: &'a mut Buffer<T, { COPIED * TERMS }>,
    ) -> Self {
        let run = terms.rows_of_b().len();
        for (tile, rows) in self.rows.chunks_mut(ROWS).enumerate() {
            let to = copy.start().wrapping_add(tile * ROWS * run);
            // SAFETY: the rows can be read at each term of the block, and the copy has room for
            // COPIED rows of TERMS, which ROWS divides.
            unsafe { copy_tile::<T, ROWS>(rows, terms, to) };
            for (r, row) in rows.iter_mut().enumerate() {
                *row = to.wrapping_add(r);
            }
        }
        Left { rows: self.rows, segments: &[0], run, step: ROWS as isize }
    }
}

/// Copies the rows of a tile, term by term.
///
/// # Safety
/// The rows can be read at each term, and ROWS numbers for each can be written at `to`.
#[inline(always)]
unsafe fn copy_tile<T: Lanes, const ROWS: usize>(rows: &[*const T], terms: &Terms<'_>, to: *mut T) {
    // SAFETY: the caller's promise.
    unsafe {
        if rows.len() == ROWS && rows[ROWS - 1] == rows[0].wrapping_add(ROWS - 1) {
            for (t, offset) in terms.offsets().enumerate() {
                let column = rows[0].offset(offset).cast::<[T; ROWS]>().read();
                to.cast::<[T; ROWS]>().add(t).write(column);
            }
        } else {
            for (r, row) in rows.iter().enumerate() {
                for (t, offset) in terms.offsets().enumerate() {
                    *to.add(t * ROWS + r) = *row.offset(offset);
                }
            }
        }
    }
}
