//! The pools and their gradients in blocks of channels: what trains. Chapter 13.
//!
//! They equal [`definition`](super::definition) in every number: no sum is taken in another order.
//!
//! **Nothing is kept for the backward pass.** x and y tell which entry was the largest: the first
//! that is not less than y. To keep its index instead would spare the second reading of x, and cost
//! a number of another width, which a vector register must spread out before it can be compared.
//!
//! **No branch on a number.** At each entry of the window the maximum and its gradient select what is
//! passed and what is left of dy. They take the channels in blocks of 16, the rest in blocks of 4, and
//! what is then left one by one. A block has a length that the compiler knows, so its maxima and what is
//! left of dy stay in registers from the first pixel of the window to the last.

use super::Window;
use super::definition::larger;
use crate::conv::images::for_each_image;
use crate::real::Real;
use ndarray::{ArrayView4, ArrayViewMut4};
use pulp::{Arch, Simd, WithSimd};

/// y ← the maximum of each window and channel.
///
/// Shapes: `x` `[batch, height, width, channels]`, `y` `[batch, out_height, out_width, channels]`,
/// both in standard order. Not a number where an entry of the window is not.
///
/// # Panics
/// If the shapes do not fit or an array is not in standard order.
pub fn max<T: Real>(x: ArrayView4<'_, T>, window: Window, y: ArrayViewMut4<'_, T>) {
    let image = Image::new(x.dim(), window, y.dim());
    let (x, y) = (slice(x), slice_mut(y));
    for_each_image(image.batch, y, [x], &|y, [x]| {
        Arch::new().dispatch(Blocks { image, block: Max { image, x, y } });
    });
}

/// dx ← dx + dy where an entry is the first maximum of a window.
///
/// Shapes: as in [`max`], `y` as that computed it, `dy` that of `y` and `dx` that of `x`. Where the
/// maximum is not a number, the first entry counts as it.
///
/// # Panics
/// As [`max`] does.
pub fn max_gradient<T: Real>(
    x: ArrayView4<'_, T>,
    y: ArrayView4<'_, T>,
    dy: ArrayView4<'_, T>,
    window: Window,
    dx: ArrayViewMut4<'_, T>,
) {
    assert_eq!((x.dim(), y.dim()), (dx.dim(), dy.dim()), "a gradient has the shape of its value");
    let image = Image::new(x.dim(), window, y.dim());
    let (x, y, dy, dx) = (slice(x), slice(y), slice(dy), slice_mut(dx));
    for_each_image(image.batch, dx, [x, y, dy], &|dx, [x, y, dy]| {
        Arch::new().dispatch(Blocks { image, block: MaxGradient { image, x, y, dy, dx } });
    });
}

/// y ← the mean of each window and channel. Shapes as in [`max`].
///
/// # Panics
/// As [`max`] does.
pub fn average<T: Real>(x: ArrayView4<'_, T>, window: Window, y: ArrayViewMut4<'_, T>) {
    let image = Image::new(x.dim(), window, y.dim());
    let (x, y, share) = (slice(x), slice_mut(y), window.share::<T>());
    for_each_image(image.batch, y, [x], &|y, [x]| {
        for (corner, y) in image.corners().zip(y.chunks_exact_mut(image.channels)) {
            y.fill(T::zero());
            for u in 0..image.window.height {
                for v in 0..image.window.width {
                    let pixel = image.pixel(corner, [u, v]);
                    for (y, &x) in y.iter_mut().zip(&x[pixel..]) {
                        *y += x;
                    }
                }
            }
            for y in y {
                *y *= share;
            }
        }
    });
}

/// dx ← dx + dy/(h·w) for each window that covers an entry. Shapes: `dy` and `dx` as `y` and `x` in
/// [`max`].
///
/// # Panics
/// As [`max`] does.
pub fn average_gradient<T: Real>(dy: ArrayView4<'_, T>, window: Window, dx: ArrayViewMut4<'_, T>) {
    let image = Image::new(dx.dim(), window, dy.dim());
    let (dy, dx, share) = (slice(dy), slice_mut(dx), window.share::<T>());
    for_each_image(image.batch, dx, [dy], &|dx, [dy]| {
        for (corner, dy) in image.corners().zip(dy.chunks_exact(image.channels)) {
            for u in 0..image.window.height {
                for v in 0..image.window.width {
                    let pixel = image.pixel(corner, [u, v]);
                    for (dx, &dy) in dx[pixel..].iter_mut().zip(dy) {
                        *dx += dy * share;
                    }
                }
            }
        }
    });
}

/// Adds to `dx` what is `left` of dy, if `x` is the maximum `y`. Returns what is then left.
#[inline(always)]
fn pass<T: Real>(left: T, x: T, y: T, dx: &mut T) -> T {
    // Compared this way round, NaN stops the search.
    let (taken, left) = if x < y { (T::zero(), left) } else { (left, T::zero()) };
    *dx += taken;
    left
}

/// What is done with `N` neighboring channels of one window.
trait Block {
    /// The channels begin at entry `y` of the output, and at entry `corner` of the image in the first
    /// pixel of the window.
    fn run<const N: usize>(&mut self, y: usize, corner: usize);
}

/// `N` entries from `first` on.
#[inline(always)]
fn block<T: Real, const N: usize>(entries: &[T], first: usize) -> [T; N] {
    entries[first..][..N].try_into().expect("as many entries as the array has")
}

/// The maximum, on one image.
struct Max<'a, T> {
    image: Image,
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Real> Block for Max<'_, T> {
    #[inline(always)]
    fn run<const N: usize>(&mut self, y: usize, corner: usize) {
        let mut largest = [T::neg_infinity(); N];
        for u in 0..self.image.window.height {
            for v in 0..self.image.window.width {
                let pixel = self.image.pixel(corner, [u, v]);
                for (largest, x) in largest.iter_mut().zip(block::<T, N>(self.x, pixel)) {
                    *largest = larger(*largest, x);
                }
            }
        }
        self.y[y..][..N].copy_from_slice(&largest);
    }
}

/// The gradient of [`Max`].
struct MaxGradient<'a, T> {
    image: Image,
    x: &'a [T],
    y: &'a [T],
    dy: &'a [T],
    dx: &'a mut [T],
}

impl<T: Real> Block for MaxGradient<'_, T> {
    #[inline(always)]
    fn run<const N: usize>(&mut self, y: usize, corner: usize) {
        let (largest, mut left) = (block::<T, N>(self.y, y), block::<T, N>(self.dy, y));
        for u in 0..self.image.window.height {
            for v in 0..self.image.window.width {
                let pixel = self.image.pixel(corner, [u, v]);
                let (x, mut dx) = (block::<T, N>(self.x, pixel), block::<T, N>(self.dx, pixel));
                for (((left, x), y), dx) in left.iter_mut().zip(x).zip(largest).zip(&mut dx) {
                    *left = pass(*left, x, y, dx);
                }
                self.dx[pixel..][..N].copy_from_slice(&dx);
            }
        }
    }
}

/// Runs a block on all channels of all windows of an image.
struct Blocks<B> {
    image: Image,
    block: B,
}

impl<B: Block> WithSimd for Blocks<B> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _: S) {
        let channels = self.image.channels;
        for (place, corner) in self.image.corners().enumerate() {
            let (y, mut channel) = (place * channels, 0);
            while channel + 16 <= channels {
                self.block.run::<16>(y + channel, corner + channel);
                channel += 16;
            }
            while channel + 4 <= channels {
                self.block.run::<4>(y + channel, corner + channel);
                channel += 4;
            }
            while channel < channels {
                self.block.run::<1>(y + channel, corner + channel);
                channel += 1;
            }
        }
    }
}

/// One image of `batch` and the window's places on it.
#[derive(Clone, Copy, Debug)]
struct Image {
    batch: usize,
    /// Pixels of a row.
    width: usize,
    channels: usize,
    window: Window,
    /// `[out_height, out_width]`.
    places: [usize; 2],
}

impl Image {
    /// Panics where `y`, the shape of the output, does not fit.
    fn new(
        (batch, height, width, channels): (usize, usize, usize, usize),
        window: Window,
        y: (usize, usize, usize, usize),
    ) -> Self {
        let places = window.places([height, width]).expect("the window fits");
        assert_eq!(y, (batch, places[0], places[1], channels), "the output has a pixel a place");
        Self { batch, width, channels, window, places }
    }

    /// Where the window at each place begins in the image.
    #[inline(always)]
    fn corners(&self) -> impl Iterator<Item = usize> + use<> {
        let ([rows, columns], right) = (self.places, self.window.stride * self.channels);
        let down = right * self.width;
        (0..rows).flat_map(move |i| (0..columns).map(move |j| i * down + j * right))
    }

    /// Where pixel (u, v) of the window at `corner` begins.
    #[inline(always)]
    fn pixel(&self, corner: usize, [u, v]: [usize; 2]) -> usize {
        corner + (u * self.width + v) * self.channels
    }
}

fn slice<T: Real>(array: ArrayView4<'_, T>) -> &[T] {
    array.to_slice().expect("images lie in standard order")
}

fn slice_mut<T: Real>(array: ArrayViewMut4<'_, T>) -> &mut [T] {
    array.into_slice().expect("images lie in standard order")
}
