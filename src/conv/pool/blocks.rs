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
use crate::parallel::{block, block_mut};
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

/// dx ← dx + dy where an entry is the first maximum of a window. Where not `accumulate`, what stood in dx
/// counts as 0.
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
    accumulate: bool,
) {
    assert_eq!((x.dim(), y.dim()), (dx.dim(), dy.dim()), "a gradient has the shape of its value");
    let (_, height, width, _) = x.dim();
    // Windows that tile the image write each entry once.
    let overwrite = !accumulate && window.tiles([height, width]);
    let image = Image::new(x.dim(), window, y.dim());
    let (x, y, dy, dx) = (slice(x), slice(y), slice(dy), slice_mut(dx));
    for_each_image(image.batch, dx, [x, y, dy], &|dx, [x, y, dy]| {
        if overwrite {
            let block = MaxGradient::<T, false> { image, x, y, dy, dx };
            return Arch::new().dispatch(Blocks { image, block });
        }
        if !accumulate {
            dx.fill(T::zero());
        }
        let block = MaxGradient::<T, true> { image, x, y, dy, dx };
        Arch::new().dispatch(Blocks { image, block });
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

/// What the entry `x` takes of what is `left` of dy, all of it if it is the maximum `y`, and what is then
/// left.
#[inline(always)]
pub(super) fn pass<T: Real>(left: T, x: T, y: T) -> [T; 2] {
    // Compared this way round, NaN stops the search.
    if x < y { [T::zero(), left] } else { [left, T::zero()] }
}

/// What is done with `N` neighboring channels of one window.
pub(super) trait Block {
    /// The first of the channels is `channel`. They begin at entry `y` of the output, and at entry
    /// `corner` of the image in the first pixel of the window.
    fn run<const N: usize>(&mut self, channel: usize, y: usize, corner: usize);
}

/// The maximum, on one image.
struct Max<'a, T> {
    image: Image,
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Real> Block for Max<'_, T> {
    #[inline(always)]
    fn run<const N: usize>(&mut self, _: usize, y: usize, corner: usize) {
        let mut largest = [T::neg_infinity(); N];
        for u in 0..self.image.window.height {
            for v in 0..self.image.window.width {
                let pixel = self.image.pixel(corner, [u, v]);
                for (largest, &x) in largest.iter_mut().zip(block::<T, N>(self.x, pixel)) {
                    *largest = larger(*largest, x);
                }
            }
        }
        *block_mut(self.y, y) = largest;
    }
}

/// The gradient of [`Max`]: added to `dx`, or written over what stood there.
struct MaxGradient<'a, T, const ACCUMULATE: bool> {
    image: Image,
    x: &'a [T],
    y: &'a [T],
    dy: &'a [T],
    dx: &'a mut [T],
}

impl<T: Real, const ACCUMULATE: bool> Block for MaxGradient<'_, T, ACCUMULATE> {
    #[inline(always)]
    fn run<const N: usize>(&mut self, _: usize, y: usize, corner: usize) {
        let (largest, mut left) = (block::<T, N>(self.y, y), *block::<T, N>(self.dy, y));
        for u in 0..self.image.window.height {
            for v in 0..self.image.window.width {
                let pixel = self.image.pixel(corner, [u, v]);
                let (x, dx) = (block::<T, N>(self.x, pixel), block_mut::<T, N>(self.dx, pixel));
                for (((left, &x), &y), dx) in left.iter_mut().zip(x).zip(largest).zip(dx) {
                    let [taken, rest] = pass(*left, x, y);
                    *dx = if ACCUMULATE { *dx + taken } else { taken };
                    *left = rest;
                }
            }
        }
    }
}

/// Runs a block on all channels of all windows of an image.
pub(super) struct Blocks<B> {
    pub image: Image,
    pub block: B,
}

impl<B: Block> WithSimd for Blocks<B> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _: S) {
        let channels = self.image.channels;
        for (place, corner) in self.image.corners().enumerate() {
            let (y, mut channel) = (place * channels, 0);
            while channel + 16 <= channels {
                self.block.run::<16>(channel, y + channel, corner + channel);
                channel += 16;
            }
            while channel + 4 <= channels {
                self.block.run::<4>(channel, y + channel, corner + channel);
                channel += 4;
            }
            while channel < channels {
                self.block.run::<1>(channel, y + channel, corner + channel);
                channel += 1;
            }
        }
    }
}

/// One image of `batch` and the window's places on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Image {
    pub batch: usize,
    /// Pixels of a row.
    width: usize,
    channels: usize,
    pub window: Window,
    /// `[out_height, out_width]`.
    places: [usize; 2],
}

impl Image {
    /// Panics where `y`, the shape of the output, does not fit.
    pub fn new(
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
    pub fn pixel(&self, corner: usize, [u, v]: [usize; 2]) -> usize {
        corner + (u * self.width + v) * self.channels
    }
}

pub(super) fn slice<T: Real>(array: ArrayView4<'_, T>) -> &[T] {
    array.to_slice().expect("images lie in standard order")
}

pub(super) fn slice_mut<T: Real>(array: ArrayViewMut4<'_, T>) -> &mut [T] {
    array.into_slice().expect("images lie in standard order")
}
