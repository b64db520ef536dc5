//! Some columns of a matrix, row by row. Chapter 8.

use crate::parallel::ENTRIES;
use std::ops::Range;

/// Entries of a cache line, in `f32`.
const LINE: usize = 16;

/// Adjacent columns of a matrix `[rows, stride]` that lies in row-major order.
///
/// Sums over the rows are split between threads by columns: each column is summed by one thread,
/// in the order of its rows.
#[derive(Debug)]
pub struct Columns<'a, T> {
    entries: &'a [T],
    stride: usize,
    range: Range<usize>,
}

impl<'a, T> Columns<'a, T> {
    /// All columns of a matrix of this many.
    pub fn all(entries: &'a [T], columns: usize) -> Self {
        Self { entries, stride: columns, range: 0..columns }
    }

    /// Where to cut these columns for two threads, or nothing where that is not worth it: where
    /// there is little to sum, or a part would read less than a cache line of each row.
    pub fn halved(&self) -> Option<usize> {
        let columns = self.range.len();
        (columns >= 2 * LINE && columns * self.count() >= ENTRIES).then_some(columns / 2)
    }

    /// The columns before `at`, and the others.
    pub fn split_at(&self, at: usize) -> (Self, Self) {
        let middle = self.range.start + at;
        let part = |range| Self { range, ..*self };
        (part(self.range.start..middle), part(middle..self.range.end))
    }

    /// Number of rows.
    pub fn count(&self) -> usize {
        self.entries.len() / self.stride
    }

    /// These columns of each row.
    pub fn rows(&self) -> impl Iterator<Item = &'a [T]> {
        let range = self.range.clone();
        self.entries.chunks_exact(self.stride).map(move |row| &row[range.clone()])
    }

    /// The same columns of `rows` rows at a time; the last may have fewer.
    pub fn blocks(&self, rows: usize) -> impl Iterator<Item = Self> {
        self.entries.chunks(rows * self.stride).map(|entries| Self {
            entries,
            range: self.range.clone(),
            ..*self
        })
    }
}
