//! The product C = A·B as fast as the machine multiplies: GEMM, the *general matrix multiplication* of
//! the BLAS. Chapter 15.
//!
//! The three loops of c_ij = Σ_t a_it·b_tj ([`three_loops`]) read two numbers from memory for each
//! multiplication, and a core can multiply some thirty times as fast as that. Four reuses close the gap:
//!
//! - **A tile of C in registers**, which the literature calls the micro-kernel. A step over t reads 8
//!   numbers of a column of A and two registers (32 numbers of [`f32`] with AVX-512) of a row of B, and
//!   multiplies each of one with each of the other: 256 multiplications for 40 numbers. Machines with 16
//!   registers in place of 32 take 6 rows. (`tile`)
//! - **A panel of B in the first cache.** All tiles under each other use the same columns of B, so the
//!   panel of these columns is copied into one piece and read from the cache. (`panel`)
//! - **A block of the terms.** The sum is cut into blocks of 256 terms, so that the panel fits there.
//! - **A block of A in the second cache.** All panels use the same rows of A. So the rows are cut into
//!   blocks that fit there, and each block meets all panels before the next one comes. (`left`)
//!
//! A transposed factor costs nothing of note: where B's columns stand in memory as its rows would, the
//! panel is transposed while it is copied, in small squares. The left factor is read where it stands
//! ([`Rows`]), so that the windows of a convolution need no copy. Where each of its terms stands on a page
//! of memory of its own, a block is copied as well. All copies are on the stack: a product takes no
//! memory.
//!
//! Sources: K. Goto and R. van de Geijn, "Anatomy of high-performance matrix multiplication", 2008, for
//! blocks and copied panels; F. Van Zee and R. van de Geijn, "BLIS: a framework for rapidly
//! instantiating BLAS functionality", 2015, for all loops around one micro-kernel.
//!
//! Each c_ij sums its terms in the same order on every machine and in every tile, 256 at a time.
//! So the bits of a product depend on neither, but for machines that round a product before it is
//! added. See [`random`](crate::random#same-seed-same-bits) for the bits of a training.

mod lanes;
mod left;
mod panel;
mod rows;
mod tile;

pub use rows::Rows;

pub(crate) use lanes::Lanes;

use crate::real::Real;
use left::{Left, Terms};
use ndarray::{ArrayView2, ArrayViewMut2};
use panel::Panel;
use pulp::{Simd, WithSimd};
use std::mem::MaybeUninit;
use std::ops::Range;
use tile::{ALONE, Factors, REGISTERS, Target, tiles};

/// Terms of a block: a panel of B takes 32 KiB in `f32` with AVX-512, and half of it with AVX2.
const TERMS: usize = 256;
/// Rows of a block, of 384 KiB in `f32`.
const BLOCK: usize = 384;
/// Most segments of a block of terms.
const SEGMENTS: usize = 64;

/// C ← A·B, or C ← C + A·B where `accumulate`, by its definition: what [`gemm`] must equal, but for the
/// order of the sum. Shapes as there.
///
/// # Panics
/// As [`gemm`] does, but for the columns of `c`.
pub fn three_loops<T: Real>(
    a: ArrayView2<'_, T>,
    b: ArrayView2<'_, T>,
    mut c: ArrayViewMut2<'_, T>,
    accumulate: bool,
) {
    assert_eq!(a.ncols(), b.nrows(), "terms of a row of a must equal rows of b");
    for i in 0..a.nrows() {
        for j in 0..b.ncols() {
            let mut sum = if accumulate { c[[i, j]] } else { T::zero() };
            for t in 0..a.ncols() {
                sum += a[[i, t]] * b[[t, j]];
            }
            c[[i, j]] = sum;
        }
    }
}

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

/// Numbers on the stack.
#[repr(align(64))]
struct Buffer<T, const N: usize>(MaybeUninit<[T; N]>);

impl<T, const N: usize> Buffer<T, N> {
    #[inline(always)]
    fn new() -> Self {
        Self(MaybeUninit::uninit())
    }

    #[inline(always)]
    fn start(&mut self) -> *mut T {
        self.0.as_mut_ptr().cast()
    }
}

impl<T: Lanes> Product<'_, T> {
    #[inline(always)]
    fn blocks<S: Simd, const ROWS: usize>(mut self, simd: S) {
        let (segments, length, step) = self.a.segments();
        let mut starts = [0; SEGMENTS];
        let mut segment = 0;
        while segment < segments {
            // As many whole segments as a block takes, or parts of one.
            let count = (TERMS / length).clamp(1, SEGMENTS).min(segments - segment);
            for part in (0..length).step_by(TERMS) {
                let run = (length - part).min(TERMS);
                for (start, s) in starts.iter_mut().zip(segment..segment + count) {
                    *start = self.a.segment(s) + part as isize * step;
                }
                let first = segment * length + part;
                let terms = Terms { first, segments: &starts[..count], run, step };
                self.all_rows::<S, ROWS>(simd, &terms);
                self.accumulate = true;
            }
            segment += count;
        }
    }

    /// Adds a block of the terms to all of C.
    #[inline(always)]
    fn all_rows<S: Simd, const ROWS: usize>(&mut self, simd: S, terms: &Terms<'_>) {
        let copies = left::copies::<T>(terms, self.b.ncols());
        let block = if copies { left::COPIED } else { BLOCK };
        let mut starts = Buffer::new();
        for top in (0..self.c.nrows()).step_by(block) {
            let rows = top..self.c.nrows().min(top + block);
            if copies {
                copying(simd, Copying::<T, ROWS> { product: self, terms, rows });
            } else {
                let left = Left::in_place(self.a, terms, rows.clone(), &mut starts);
                self.panels::<S, ROWS>(simd, terms, rows, &left);
            }
        }
    }

    /// Adds a block of A times all panels of the terms to its rows of C.
    #[inline(always)]
    fn panels<S: Simd, const ROWS: usize>(
        &mut self,
        simd: S,
        terms: &Terms<'_>,
        rows: Range<usize>,
        left: &Left<'_, T>,
    ) {
        let mut buffer = Buffer::new();
        let (m, n, lanes) = (self.c.nrows(), self.c.ncols(), T::lanes::<S>());
        let mut column = 0;
        while column < n {
            let alone = m == 1 && self.b.strides()[1] == 1 && n - column >= ALONE * lanes;
            let registers = if alone { ALONE } else { REGISTERS };
            let columns = column..n.min(column + registers * lanes);
            column = columns.end;
            let panel = Panel::new(self.b, terms.rows_of_b(), columns.clone());
            // A few rows of A do not pay for a copy.
            let (right, right_step) = if m < panel::COPY && panel.is_whole::<S>() {
                panel.in_place()
            } else {
                panel.copied(simd, &mut buffer)
            };
            let &Left { segments, run, step, .. } = left;
            let factors = Factors { segments, run, step, right, right_step };
            let target = self.target(rows.start, columns);
            // SAFETY: `Rows` and the views are valid for their sizes, which `gemm` compared, and a
            // copy has all rows and terms of its block; the panel has all terms of the block in full
            // registers.
            unsafe { tiles::<S, T, ROWS>(simd, left.rows, factors, target) };
        }
    }

    #[inline(always)]
    fn target(&mut self, row: usize, columns: Range<usize>) -> Target<T> {
        let step = self.c.strides()[0];
        let offset = row as isize * step + columns.start as isize;
        let corner = self.c.as_mut_ptr().wrapping_offset(offset);
        Target { corner, step, width: columns.len(), accumulate: self.accumulate }
    }
}

/// A function of its own, since room for the copy on the stack takes time, and most products need none.
#[inline(never)]
fn copying<S: Simd, T: Lanes, const ROWS: usize>(simd: S, product: Copying<'_, '_, T, ROWS>) {
    simd.vectorize(product);
}

/// The product of a block of A that is copied.
struct Copying<'a, 'p, T, const ROWS: usize> {
    product: &'a mut Product<'p, T>,
    terms: &'a Terms<'a>,
    rows: Range<usize>,
}

impl<T: Lanes, const ROWS: usize> WithSimd for Copying<'_, '_, T, ROWS> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { product, terms, rows } = self;
        let (mut starts, mut copy) = (Buffer::new(), Buffer::new());
        let left = Left::in_place(product.a, terms, rows.clone(), &mut starts);
        let left = left.copied::<ROWS>(terms, &mut copy);
        product.panels::<S, ROWS>(simd, terms, rows, &left);
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
        /// Whether it fuses a multiplication with the addition that follows, as the definition does.
        fn fuses(self) -> bool {
            match self {
                #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
                Self::Itself | Self::Avx2 => pulp::x86::V3::try_new().is_some(),
                #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
                Self::Itself => true,
                Self::Scalar => false,
            }
        }

        /// How far a sum of `k` terms may be from the definition: not at all, where it fuses.
        fn tolerance<T: crate::Real>(self, k: usize) -> T {
            if self.fuses() { T::zero() } else { T::of(4.0 * k as f64) * T::epsilon() }
        }

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
            // More than a block of rows, each term of which stands on a page of its own if transposed.
            (1_030, 9, 70),
        ] {
            // Miri interprets the code and watches each access, which takes its time.
            if cfg!(miri) && m * k * n > 25_000 {
                continue;
            }
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
                        let error = (y - expected[[i, j]]).abs();
                        assert!(
                            error <= machine.tolerance(k),
                            "{machine:?} {m} {k} {n}: {error} at {i}, {j}"
                        );
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
    fn three_loops_and_blocks_agree() {
        let (m, k, n) = if cfg!(miri) { (9, 260, 20) } else { (50, 300, 70) };
        let (a, b) = (matrix::<f64>(m, k, 0.1), matrix(k, n, 0.2));
        for accumulate in [false, true] {
            let (mut plain, mut fast) = (matrix(m, n, 0.3), matrix(m, n, 0.3));
            three_loops(a.view(), b.view(), plain.view_mut(), accumulate);
            gemm(&a.view().into(), b.view(), fast.view_mut(), accumulate);
            assert!((plain - fast).iter().all(|error| error.abs() < 1e-12));
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
            let is_close = |c: &Array2<f64>, expected: &Array2<f64>| {
                let tolerance = Machine::Itself.tolerance(6);
                (c - expected).iter().all(|error: &f64| error.abs() <= tolerance)
            };
            assert!(is_close(&c, &expected));
            gemm(&windows.select(5..16), b.view(), c.slice_mut(s![5.., ..]), false);
            gemm(&windows.select(0..5), b.view(), c.slice_mut(s![..5, ..]), true);
            let mut doubled = expected;
            doubled.slice_mut(s![..5, ..]).mapv_inplace(|x| 2.0 * x);
            assert!(is_close(&c, &doubled));
        }
        let (rows, terms) = ([(1, 0), (1, 0), (3, 1)], [(1, 0), (1, 0), (3, 1)]);
        assert!(std::panic::catch_unwind(|| Rows::new(&[0.0; 4], rows, terms)).is_err());
    }
}
