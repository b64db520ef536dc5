//! The product C = A·B as fast as the machine multiplies: GEMM, the *general matrix multiplication* of
//! the BLAS. Chapter 15.
//!
//! The three loops of c_ij = Σ_t a_it·b_tj read two numbers from memory for each multiplication,
//! and a core can multiply some thirty times as fast as that. Three reuses close the gap:
//!
//! - **A tile of C in registers**, which the literature calls the micro-kernel. A step over t reads 8 numbers of a column of A and two
//!   registers (32 numbers of [`f32`] with AVX-512) of a row of B, and multiplies each of one with
//!   each of the other: 256 multiplications for 40 numbers. Machines with 16 registers in place of
//!   32 take 6 rows. (`tile`)
//! - **A panel of B in the first cache.** All tiles under each other use the same columns of B, so
//!   the panel of these columns is copied into one piece and read from the cache.
//! - **A block of terms.** The sum is cut into blocks of 256 terms, so that the panel fits there.
//!
//! The left factor is read where it stands ([`Rows`]), so that the windows of a convolution need
//! no copy; where neighbors along a row stand far apart in memory, a block of it is copied as
//! well. All copies are on the stack: a product takes no memory.
//!
//! Sources: K. Goto and R. van de Geijn, "Anatomy of high-performance matrix multiplication", 2008, for
//! blocks and copied panels; F. Van Zee and R. van de Geijn, "BLIS: a framework for rapidly
//! instantiating BLAS functionality", 2015, for all loops around one micro-kernel.
//!
//! Each c_ij sums its terms in the same order on every machine and in every tile, 256 at a time.
//! So the bits of a product depend on neither, but for machines that round a product before it is
//! added. See [`random`](crate::random#same-seed-same-bits) for the bits of a training.

mod lanes;
mod rows;
mod tile;

pub use rows::Rows;

pub(crate) use lanes::Lanes;

use ndarray::{ArrayView2, ArrayViewMut2};
use pulp::{Simd, WithSimd};
use std::mem::MaybeUninit;
use tile::{Factors, Target, tile};

/// Terms of a block: a panel of B takes 32 KiB in `f32` with AVX-512, and half of it with AVX2.
const TERMS: usize = 256;
/// Rows of A that are copied at a time, a multiple of 6 and of 8: 96 KiB in `f32`.
const BLOCK: usize = 96;
/// Most columns of a panel: two registers of 16.
const COLUMNS: usize = 32;
/// Most segments of a block of terms.
const SEGMENTS: usize = 64;
/// Fewest columns of B for which a copy of A pays: it is read again for every panel.
const COPY_LEFT: usize = 65;
/// Fewest rows of A for which a copy of B pays.
const COPY_RIGHT: usize = 49;

/// C ← A·B, or C ← C + A·B where `accumulate`, on the calling thread.
///
/// Shapes: `a` m rows of k terms, `b` `[k, n]` with any strides, `c` `[m, n]` with adjacent
/// columns.
///
/// # Panics
/// If the shapes do not fit, or the columns of `c` are not adjacent. Operations check theirs while
/// a tape records.
pub fn gemm<T: Lanes>(
    a: &Rows<'_, T>,
    b: ArrayView2<'_, T>,
    c: ArrayViewMut2<'_, T>,
    accumulate: bool,
) {
    let (m, k, n) = (a.count(), a.terms(), b.ncols());
    assert_eq!(k, b.nrows(), "terms of a row of a must equal rows of b");
    assert_eq!((m, n), c.dim(), "c must have the rows of a and the columns of b");
    assert!(n == 1 || c.strides()[1] == 1, "the columns of c must be adjacent");
    T::gemm(a, b, c, accumulate);
}

struct Product<'a, T> {
    a: &'a Rows<'a, T>,
    b: ArrayView2<'a, T>,
    c: ArrayViewMut2<'a, T>,
    accumulate: bool,
}

impl<T: Lanes> WithSimd for Product<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if S::REGISTER_COUNT < 32 { self.blocks::<S, 6>(simd) } else { self.blocks::<S, 8>(simd) }
    }
}

/// A block of the terms: which they are, and where the left factor has them.
struct Block<'a> {
    /// The first.
    first: usize,
    segments: &'a [isize],
    run: usize,
    step: isize,
    accumulate: bool,
}

impl Block<'_> {
    fn terms(&self) -> usize {
        self.segments.len() * self.run
    }
}

#[repr(align(64))]
struct Buffer<T, const N: usize>(MaybeUninit<[T; N]>);

impl<T: Lanes> Product<'_, T> {
    #[inline(always)]
    fn blocks<S: Simd, const ROWS: usize>(mut self, simd: S) {
        let (segments, length, step) = self.a.segments();
        let mut starts = [0; SEGMENTS];
        let mut accumulate = self.accumulate;
        let mut segment = 0;
        while segment < segments {
            // As many whole segments as a block takes, or parts of one.
            let count = (TERMS / length).clamp(1, SEGMENTS).min(segments - segment);
            let mut part = 0;
            while part < length {
                let run = (length - part).min(TERMS);
                for (start, s) in starts.iter_mut().zip(segment..segment + count) {
                    *start = self.a.segment(s) + part as isize * step;
                }
                let first = segment * length + part;
                let block = Block { first, segments: &starts[..count], run, step, accumulate };
                if step != 1 && self.b.ncols() >= COPY_LEFT {
                    self.copied_rows::<S, ROWS>(simd, &block);
                } else {
                    self.rows_in_place::<S, ROWS>(simd, &block);
                }
                accumulate = true;
                part += run;
            }
            segment += count;
        }
    }

    /// Adds a block of the terms to all of C, and reads A where it stands.
    #[inline(always)]
    fn rows_in_place<S: Simd, const ROWS: usize>(&mut self, simd: S, block: &Block<'_>) {
        let (m, n) = self.c.dim();
        let mut panel = Buffer(MaybeUninit::uninit());
        for column in (0..n).step_by(2 * T::lanes::<S>()) {
            let (right, right_step) = self.panel(simd, block, column, &mut panel);
            let &Block { segments, run, step, .. } = block;
            let factors = Factors { segments, run, step, right, right_step };
            for row in (0..m).step_by(ROWS) {
                let height = ROWS.min(m - row);
                let rows = std::array::from_fn(|r| self.a.row(row + r.min(height - 1)));
                let target = self.target::<S>(row, column, block.accumulate);
                // SAFETY: `Rows` and the views are valid for their sizes, which `multiply`
                // compared; the panel has all terms of the block in full registers.
                unsafe { tile::<S, T, ROWS>(simd, &rows, height, factors, target) };
            }
        }
    }

    /// Adds a block of the terms to all of C, and copies A so that the rows of a tile stand
    /// beside each other.
    #[inline(always)]
    fn copied_rows<S: Simd, const ROWS: usize>(&mut self, simd: S, block: &Block<'_>) {
        let (m, n) = self.c.dim();
        let k = block.terms();
        let mut panel = Buffer(MaybeUninit::uninit());
        let mut copy = Buffer::<T, { TERMS * BLOCK }>(MaybeUninit::uninit());
        let copy: *mut T = copy.0.as_mut_ptr().cast();
        for top in (0..m).step_by(BLOCK) {
            let bottom = m.min(top + BLOCK);
            for row in (top..bottom).step_by(ROWS) {
                // SAFETY: ROWS divides BLOCK, so the tiles of a block fill at most the copy.
                unsafe { self.copy_rows::<ROWS>(block, row, copy.add((row - top) * k)) };
            }
            for column in (0..n).step_by(2 * T::lanes::<S>()) {
                let (right, right_step) = self.panel(simd, block, column, &mut panel);
                let factors =
                    Factors { segments: &[0], run: k, step: ROWS as isize, right, right_step };
                for row in (top..bottom).step_by(ROWS) {
                    let start = copy.wrapping_add((row - top) * k);
                    let rows = std::array::from_fn(|r| start.wrapping_add(r).cast_const());
                    let target = self.target::<S>(row, column, block.accumulate);
                    // SAFETY: as in `rows_in_place`; the copy has all terms of all rows.
                    unsafe { tile::<S, T, ROWS>(simd, &rows, ROWS.min(m - row), factors, target) };
                }
            }
        }
    }

    /// Copies the rows of one tile, term by term; the last row fills up where there are fewer.
    ///
    /// # Safety
    /// ROWS numbers for each term of the block can be written at `to`.
    #[inline(always)]
    unsafe fn copy_rows<const ROWS: usize>(&self, block: &Block<'_>, row: usize, to: *mut T) {
        let height = ROWS.min(self.c.nrows() - row);
        let offsets = block
            .segments
            .iter()
            .flat_map(|&segment| (0..block.run as isize).map(move |t| segment + t * block.step));
        // SAFETY: the rows can be read at each term of the block.
        unsafe {
            if height == ROWS && self.a.adjacent(row, ROWS) {
                let from = self.a.row(row);
                for (t, offset) in offsets.enumerate() {
                    to.cast::<[T; ROWS]>()
                        .add(t)
                        .write(from.offset(offset).cast::<[T; ROWS]>().read());
                }
            } else {
                for r in 0..ROWS {
                    let from = self.a.row(row + r.min(height - 1));
                    for (t, offset) in offsets.clone().enumerate() {
                        *to.add(t * ROWS + r) = *from.offset(offset);
                    }
                }
            }
        }
    }

    /// The columns of B from `column` on, over the terms of the block: where they start, and how
    /// far apart the rows stand. Copied into `panel` where B does not have them in full registers,
    /// or where enough rows of A use them.
    #[inline(always)]
    fn panel<S: Simd>(
        &self,
        simd: S,
        block: &Block<'_>,
        column: usize,
        panel: &mut Buffer<T, { TERMS * COLUMNS }>,
    ) -> (*const T, isize) {
        let lanes = T::lanes::<S>();
        let width = (2 * lanes).min(self.b.ncols() - column);
        let registers = width.div_ceil(lanes);
        let full = width == registers * lanes;
        let [right_step, across] = [self.b.strides()[0], self.b.strides()[1]];
        // SAFETY: the block's terms are rows of B, and `column` is one of its columns.
        let from = unsafe {
            self.b.as_ptr().offset(block.first as isize * right_step + column as isize * across)
        };
        if across == 1 && full && self.c.nrows() < COPY_RIGHT {
            return (from, right_step);
        }
        let to: *mut T = panel.0.as_mut_ptr().cast();
        let padded = registers * lanes;
        // SAFETY: the panel holds two registers for each term of a block, and B has `width`
        // columns from `column` on.
        unsafe {
            for t in 0..block.terms() {
                let (from, to) = (from.offset(t as isize * right_step), to.add(t * padded));
                if across == 1 {
                    for first in (0..width).step_by(lanes) {
                        let from = from.add(first);
                        let register = if width - first < lanes {
                            T::load_first(simd, width - first, from)
                        } else {
                            T::load::<S>(from)
                        };
                        T::store::<S>(to.add(first), register);
                    }
                } else {
                    for c in 0..width {
                        *to.add(c) = *from.offset(c as isize * across);
                    }
                    for c in width..padded {
                        *to.add(c) = T::zero();
                    }
                }
            }
        }
        (to, padded as isize)
    }

    #[inline(always)]
    fn target<S: Simd>(&mut self, row: usize, column: usize, accumulate: bool) -> Target<T> {
        let step = self.c.strides()[0];
        let width = (2 * T::lanes::<S>()).min(self.c.ncols() - column);
        let offset = row as isize * step + column as isize;
        Target { corner: self.c.as_mut_ptr().wrapping_offset(offset), step, width, accumulate }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, s};
    use pulp::Arch;

    /// Numbers that differ from each other and have all bits in use.
    fn matrix<T: crate::Real>(rows: usize, columns: usize, seed: f64) -> Array2<T> {
        Array2::from_shape_fn((rows, columns), |(i, j)| {
            T::of((seed + 7.3 * i as f64 + 1.7 * j as f64).sin())
        })
    }

    /// The sum over the terms as it is defined, blocks and all.
    fn by_definition<T: crate::Real>(a: &Array2<T>, b: &Array2<T>, c: &Array2<T>) -> Array2<T> {
        Array2::from_shape_fn(c.dim(), |(i, j)| {
            (0..a.ncols()).step_by(TERMS).fold(c[[i, j]], |sum, first| {
                let terms = first..a.ncols().min(first + TERMS);
                terms.fold(T::zero(), |sum, t| a[[i, t]].mul_add(b[[t, j]], sum)) + sum
            })
        })
    }

    /// The machines that this one can be.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Machine {
        Itself,
        /// 16 registers of 256 bits.
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        Avx2,
        /// A number a register, and no fused addition.
        Scalar,
    }

    impl Machine {
        const ALL: &[Self] = &[
            Self::Itself,
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Self::Avx2,
            Self::Scalar,
        ];

        fn run<T: Lanes>(self, product: Product<'_, T>) {
            match self {
                Self::Itself => Arch::new().dispatch(product),
                #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
                Self::Avx2 => match pulp::x86::V3::try_new() {
                    Some(simd) => Simd::vectorize(simd, product),
                    None => Arch::new().dispatch(product),
                },
                Self::Scalar => product.with_simd(pulp::Scalar),
            }
        }
    }

    fn is_the_definition<T: crate::Real>(machine: Machine) {
        for (m, k, n) in [
            (1, 1, 1),
            (1, 300, 70),
            (5, 3, 10),
            (8, 257, 32),
            (13, 40, 33),
            (50, 70, 48),
            (200, 520, 90),
        ] {
            let (a, b, c) = (matrix::<T>(m, k, 0.1), matrix(k, n, 0.2), matrix(m, n, 0.3));
            let expected = by_definition(&a, &b, &c);
            let transposed =
                |x: &Array2<T>| x.t().as_standard_layout().into_owned().reversed_axes();
            for a in [a.clone(), transposed(&a)] {
                for b in [b.clone(), transposed(&b)] {
                    let mut wide = Array2::from_elem((m + 2, n + 3), T::of(9.0));
                    let mut inner = wide.slice_mut(s![1..=m, 2..n + 2]);
                    inner.assign(&c);
                    machine.run(Product {
                        a: &a.view().into(),
                        b: b.view(),
                        c: inner,
                        accumulate: true,
                    });
                    for ((i, j), &y) in wide.slice(s![1..=m, 2..n + 2]).indexed_iter() {
                        let tolerance = if machine == Machine::Scalar {
                            T::of(4.0 * k as f64) * T::epsilon()
                        } else {
                            T::zero()
                        };
                        let error = (y - expected[[i, j]]).abs();
                        assert!(error <= tolerance, "{machine:?} {m} {k} {n}: {error} at {i}, {j}");
                    }
                    let rim = wide.iter().filter(|&&x| x == T::of(9.0)).count();
                    assert_eq!(rim, (m + 2) * (n + 3) - m * n, "{machine:?} {m} {k} {n}: beside C");
                }
            }
        }
    }

    #[test]
    fn every_machine_computes_the_same_bits() {
        for &machine in Machine::ALL {
            is_the_definition::<f32>(machine);
            is_the_definition::<f64>(machine);
        }
    }

    #[test]
    fn rows_may_overlap() {
        // The windows of 2 x 3 entries in an image of 5 x 6, each a row of a matrix.
        let image = matrix::<f64>(5, 6, 0.4);
        let windows = Rows::new(
            image.as_slice().unwrap(),
            [(1, 0), (4, 6), (4, 1)],
            [(1, 0), (2, 6), (3, 1)],
        );
        let copied =
            Array2::from_shape_fn((16, 6), |(row, t)| image[[row / 4 + t / 3, row % 4 + t % 3]]);
        for n in [5, 70] {
            let b = matrix::<f64>(6, n, 0.5);
            let mut c = Array2::zeros((16, n));
            gemm(&windows, b.view(), c.view_mut(), false);
            let expected = by_definition(&copied, &b, &Array2::zeros((16, n)));
            assert_eq!(c, expected);
            gemm(&windows.select(5..16), b.view(), c.slice_mut(s![5.., ..]), false);
            gemm(&windows.select(0..5), b.view(), c.slice_mut(s![..5, ..]), true);
            assert_eq!(c.slice(s![5.., ..]), expected.slice(s![5.., ..]));
            assert_eq!(c.slice(s![..5, ..]), expected.slice(s![..5, ..]).mapv(|x| 2.0 * x));
        }
        let (rows, terms) = ([(1, 0), (1, 0), (3, 1)], [(1, 0), (1, 0), (3, 1)]);
        assert!(std::panic::catch_unwind(|| Rows::new(&[0.0; 4], rows, terms)).is_err());
    }
}
