//! Where work is split. How often it is split depends on its size alone, never on the number of
//! threads, and no two parts add into the same number: so any number of threads gives the same
//! bits. Chapter 15. What else gives the same bits, and what gives others, is told in
//! [`random`](crate::random#same-seed-same-bits).
//!
//! The halves run on the threads of the caller's rayon pool with the feature `threads`, and one
//! after the other without it.

#[cfg(feature = "threads")]
mod awake;

use crate::real::Real;
use crate::tensor::Tensor;

/// Fewest multiplications of a product worth a second thread: about 200 µs of work. A thread that
/// sleeps takes tens of microseconds to wake, and finds none of the operands in its cache.
pub const MIN_MULTIPLICATIONS: usize = 1 << 20;

/// Runs both halves of a piece of work, at the same time where there is a thread for it.
pub fn join<A: Send, B: Send>(
    left: impl FnOnce() -> A + Send,
    right: impl FnOnce() -> B + Send,
) -> (A, B) {
    #[cfg(feature = "threads")]
    {
        let (mut left, mut right) = (Some(left), Some(right));
        let (mut a, mut b) = (None, None);
        // One function for all halves: rayon's code, compiled for each pair of closures, would be a
        // tenth of this crate.
        awake::at_once(&mut || a = left.take().map(|f| f()), &mut || b = right.take().map(|f| f()));
        (a.expect("the left half ran"), b.expect("the right half ran"))
    }
    #[cfg(not(feature = "threads"))]
    (left(), right())
}

/// Runs `step`, such as an update, and keeps other threads of the pool awake meanwhile, where the last
/// step of the calling thread had work for them.
pub fn awake<R: Send>(step: impl FnOnce() -> R + Send) -> R {
    #[cfg(feature = "threads")]
    return awake::awake(step);
    #[cfg(not(feature = "threads"))]
    step()
}

/// Fewest entries of an element-wise loop worth a second thread: from 10 µs of work in an
/// addition to 100 µs in a tanh.
pub const MIN_ENTRIES: usize = 1 << 15;

/// Runs `f` on each entry of `y` with the entries of the `N` tensors `x` at the same place.
///
/// All tensors have one shape and lie in standard order. A loop over many entries is halved until
/// a part has fewer than [`MIN_ENTRIES`].
///
/// ```
/// use ndarray::arr1;
///
/// let (a, b) = (arr1(&[1.0, 2.0]).into_dyn(), arr1(&[3.0, 5.0]).into_dyn());
/// let mut y = arr1(&[10.0, 20.0]).into_dyn();
/// chainrule::parallel::for_each(&mut y, [&a, &b], |y, [a, b]| *y += a * b);
/// assert_eq!(y, arr1(&[13.0, 30.0]).into_dyn());
/// ```
///
/// # Panics
/// If a tensor is not contiguous or has fewer entries than `y`.
pub fn for_each<T: Real, const N: usize>(
    y: &mut Tensor<T>,
    x: [&Tensor<T>; N],
    f: impl Fn(&mut T, [T; N]) + Sync,
) {
    let x = x.map(|x| x.as_slice().expect("a tape's tensors are contiguous"));
    let y = y.as_slice_mut().expect("a tape's tensors are contiguous");
    for_rows(y, x, 1, &|y, x| {
        vectorized(
            #[inline(always)]
            || {
                // Cut to the length of y, so that the compiler sees all lengths to be equal.
                let x = x.map(|x| &x[..y.len()]);
                for (i, y) in y.iter_mut().enumerate() {
                    f(y, x.map(|x| x[i]));
                }
            },
        );
    });
}

/// Runs a loop compiled for the widest registers that this machine has, in place of those that every
/// machine of its kind has. Its entries are computed side by side and its sums keep their order, so no
/// bit changes. What the loop calls must be inlined into it, and so must `run`: mark both
/// `#[inline(always)]`.
pub fn vectorized(run: impl FnOnce()) {
    pulp::Arch::new().dispatch(run);
}

/// What is done with `N` neighboring columns of a matrix, over some of its rows.
pub trait Columns {
    /// The columns begin with column `first`.
    fn run<const N: usize>(&mut self, first: usize);
}

/// Runs `work` on all columns, 16 at a time, then 4 at a time, then one by one, as [`vectorized`] does.
/// So many columns are an array whose length the compiler knows: what belongs to a column stays in
/// registers from the first row to the last. The rows are to be few enough for the nearest cache, which has
/// them again for the next columns: see [`rows_at_a_time`].
pub fn for_columns(columns: usize, mut work: impl Columns) {
    vectorized(
        #[inline(always)]
        || {
            let mut first = 0;
            while first + 16 <= columns {
                work.run::<16>(first);
                first += 16;
            }
            while first + 4 <= columns {
                work.run::<4>(first);
                first += 4;
            }
            while first < columns {
                work.run::<1>(first);
                first += 1;
            }
        },
    );
}

/// As many rows of so many columns as the nearest cache holds of three matrices: 16 KiB of `f32` each.
pub fn rows_at_a_time(columns: usize) -> usize {
    ((1 << 12) / columns).max(1)
}

/// `N` entries from `first` on.
///
/// # Panics
/// If there are fewer.
#[inline(always)]
pub fn block<T, const N: usize>(entries: &[T], first: usize) -> &[T; N] {
    entries[first..].first_chunk().expect("as many entries as the array has")
}

/// [`block`], to be written to.
///
/// # Panics
/// As [`block`] does.
#[inline(always)]
pub fn block_mut<T, const N: usize>(entries: &mut [T], first: usize) -> &mut [T; N] {
    entries[first..].first_chunk_mut().expect("as many entries as the array has")
}

/// What runs on a part of some rows and on the same part of `N` others. It is called once a part: so
/// the halving is compiled once for all loops.
pub type Loop<'f, T, const N: usize> = dyn Fn(&mut [T], [&[T]; N]) + Sync + 'f;

/// Runs `f` on parts of the matrix `y`, each with the same rows of the `N` matrices `x`. All have
/// rows of `row` entries in row-major order.
///
/// A part of many entries is halved until it has fewer than [`MIN_ENTRIES`], or one row.
///
/// # Panics
/// If one of `x` has fewer entries than `y`.
pub fn for_rows<T: Real, const N: usize>(
    y: &mut [T],
    x: [&[T]; N],
    row: usize,
    f: &Loop<'_, T, N>,
) {
    let n = y.len();
    let middle = n / row / 2 * row;
    if n < MIN_ENTRIES || middle == 0 {
        return f(y, x);
    }
    let (left, right) = y.split_at_mut(middle);
    join(
        || for_rows(left, x.map(|x| &x[..middle]), row, f),
        || for_rows(right, x.map(|x| &x[middle..n]), row, f),
    );
}
