//! Pooling: the maximum or the mean of each channel in a window that moves over the image.
//! Chapter 13.
//!
//! # Shapes
//!
//! A window of h × w pixels moves by s pixels, without padding.
//!
//! ```text
//! x, dx   [batch, height, width, channels]              b, r, q, c
//! y, dy   [batch, out_height, out_width, channels]      b, i, j, c
//! out_height = ⌊(height − h)/s⌋ + 1                     out_width = ⌊(width − w)/s⌋ + 1
//! ```
//!
//! The window at place (i, j) covers the pixels (i·s + u, j·s + v) with u < h and v < w. Pixels at
//! the end that no whole window covers are dropped: 2 × 2 windows in steps of 2 leave out the last
//! row and the last column of an image of odd size. Their gradient is 0.
//!
//! # The mean
//!
//! ```text
//! y[b,i,j,c] = 1/(h·w) · Σ_uv x[b, i·s + u, j·s + v, c]
//! ```
//!
//! The pixel `x[b,r,q,c]` stands in `y[b,i,j,c]` for each window that covers it, with the factor
//! 1/(h·w):
//!
//! ```text
//! ∂L/∂x[b,r,q,c] = 1/(h·w) · Σ ∂L/∂y[b,i,j,c]      over the windows (i, j) that cover (r, q)
//! ```
//!
//! # The maximum
//!
//! ```text
//! y[b,i,j,c] = max_uv x[b, i·s + u, j·s + v, c]
//! ```
//!
//! Where one entry of the window is larger than all others, it stays so while it moves a little:
//! y moves with it, and with no other. So ∂y/∂x is 1 for the largest and 0 for the others:
//!
//! ```text
//! ∂L/∂x[b,r,q,c] = Σ ∂L/∂y[b,i,j,c]      over the windows (i, j) whose maximum in c is (r, q)
//! ```
//!
//! Between entries that tie there is a kink and no derivative. The code takes the first of them,
//! row by row, and passes dy to it alone. Each channel has its own maximum.
//!
//! **Nothing is kept for the backward pass.** x and y tell which entry was the largest: the first
//! that is not less than y. To keep its index instead would spare the second reading of x, and cost
//! a number of another width, which a vector register must spread out before it can be compared.
//! Neither pass branches on a number: at each entry of the window the code selects what is passed
//! and what is left of dy. It takes the channels in blocks of 16, the rest in blocks of 4, and what is
//! then left one by one. A block has a length that the compiler knows, so its maxima and what is left
//! of dy stay in registers from the first pixel of the window to the last.
//!
//! # The whole image
//!
//! Global pooling has one window, as large as the image: y is `[batch, channels]`, whatever the
//! size of the image.

use crate::conv::Geometry;
use crate::conv::images::for_each_image;
use crate::gradcheck::Case;
use crate::real::Real;
use crate::tape::{Gradients, Inputs, Op, Tape, Var};
use crate::tensor::{BrokenRule, ShapeError, Tensor, expect_inputs};
use ndarray::{ArrayView4, ArrayViewMut4};
use pulp::{Arch, Simd, WithSimd};

/// A window and how it moves over images. Lengths are in pixels. Chapter 13.
///
/// ```
/// use chainrule::conv::pool::Window;
///
/// let overlapping = Window { stride: 2, ..Window::square(3) };
/// assert_eq!(overlapping, Window { height: 3, width: 3, stride: 2 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// Rows of pixels.
    pub height: usize,
    /// Columns of pixels.
    pub width: usize,
    /// From one place to the next, downwards and to the right.
    pub stride: usize,
}

impl Window {
    /// Square windows side by side: the stride is their `side`.
    pub const fn square(side: usize) -> Self {
        Self { height: side, width: side, stride: side }
    }

    /// The number of places of the window on an image, down and to the right.
    ///
    /// # Errors
    /// [`BrokenRule`] where a side or the stride is 0, or the window is larger than the image.
    pub fn places(self, [height, width]: [usize; 2]) -> Result<[usize; 2], BrokenRule> {
        let along = |kernel, n| Geometry { kernel, stride: self.stride, padding: 0 }.places(n);
        Ok([along(self.height, height)?, along(self.width, width)?])
    }
}

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
    let (x, y, share) = (slice(x), slice_mut(y), image.share::<T>());
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
    let (dy, dx, share) = (slice(dy), slice_mut(dx), image.share::<T>());
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

/// The larger of two numbers: the first of equal ones, and NaN where either is.
#[inline(always)]
fn larger<T: Real>(first: T, second: T) -> T {
    if (second > first) | second.is_nan() { second } else { first }
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

    /// 1/(h·w).
    fn share<T: Real>(&self) -> T {
        T::of(1.0 / (self.window.height * self.window.width) as f64)
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

#[derive(Clone, Copy, Debug)]
enum Kind {
    Max,
    Average,
}

/// The maximum or the mean of each channel in a window.
///
/// Shapes: x `[batch, height, width, channels]`, y `[batch, out_height, out_width, channels]`, or
/// `[batch, channels]` without a `window`.
#[derive(Clone, Copy, Debug)]
struct Pool {
    kind: Kind,
    /// The whole image where there is none.
    window: Option<Window>,
}

impl Pool {
    /// The window on images of shape `x`.
    fn window(&self, x: &[usize]) -> Window {
        self.window.unwrap_or(Window { height: x[1], width: x[2], stride: 1 })
    }

    /// Shape of the output, with the axes that a global pool leaves out.
    fn places(&self, x: &[usize]) -> Result<[usize; 4], BrokenRule> {
        let &[batch, height, width, channels] = x else {
            return Err("images have four axes: [batch, height, width, channels]".into());
        };
        let [out_height, out_width] = self.window(x).places([height, width])?;
        Ok([batch, out_height, out_width, channels])
    }
}

/// A tensor in the shape `[batch, out_height, out_width, channels]`.
fn as_images<T: Real>(tensor: &Tensor<T>) -> ArrayView4<'_, T> {
    tensor.view().into_shape_with_order(four_axes(tensor.shape())).expect("contiguous")
}

/// [`as_images`], to be written to.
fn as_images_mut<T: Real>(tensor: &mut Tensor<T>) -> ArrayViewMut4<'_, T> {
    let shape = four_axes(tensor.shape());
    tensor.view_mut().into_shape_with_order(shape).expect("contiguous")
}

/// `shape` with the two axes that a global pool leaves out.
fn four_axes(shape: &[usize]) -> [usize; 4] {
    match *shape {
        [batch, channels] => [batch, 1, 1, channels],
        _ => [shape[0], shape[1], shape[2], shape[3]],
    }
}

impl<T: Real> Op<T> for Pool {
    fn name(&self) -> &'static str {
        match (self.kind, self.window) {
            (Kind::Max, Some(_)) => "max_pool",
            (Kind::Max, None) => "global_max_pool",
            (Kind::Average, Some(_)) => "average_pool",
            (Kind::Average, None) => "global_average_pool",
        }
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        let [x] = expect_inputs(inputs)?;
        let y = self.places(x)?;
        Ok(if self.window.is_some() { y.to_vec() } else { vec![y[0], y[3]] })
    }

    fn forward(&mut self, x: Inputs<'_, T>, y: &mut Tensor<T>) {
        let window = self.window(x[0].shape());
        let (x, y) = (as_images(&x[0]), as_images_mut(y));
        match self.kind {
            Kind::Max => max(x, window, y),
            Kind::Average => average(x, window, y),
        }
    }

    fn backward(
        &mut self,
        x: Inputs<'_, T>,
        y: &Tensor<T>,
        dy: &Tensor<T>,
        mut dx: Gradients<'_, T>,
    ) {
        let Some(dx) = dx.wanted(0) else { return };
        let window = self.window(x[0].shape());
        let (x, y, dy, dx) = (as_images(&x[0]), as_images(y), as_images(dy), as_images_mut(dx));
        match self.kind {
            Kind::Max => max_gradient(x, y, dy, window, dx),
            Kind::Average => average_gradient(dy, window, dx),
        }
    }
}

impl<T: Real> Tape<T> {
    /// The maximum of each channel in each window. dx = dy where an entry is the first maximum of a
    /// window, and 0 elsewhere. Chapter 13.
    ///
    /// Shapes: `x` `[batch, height, width, channels]`, the value `[batch, out_height, out_width,
    /// channels]` with [`Window::places`] for the middle two.
    ///
    /// ```
    /// use chainrule::{Tape, conv::pool::Window};
    /// use ndarray::Array4;
    ///
    /// let mut tape = Tape::<f32>::new();
    /// let images = tape.input(Array4::zeros((16, 24, 25, 8)));
    /// let y = tape.max_pool(images, Window::square(2))?;
    /// assert_eq!(tape.value(y).shape(), [16, 12, 12, 8]); // the last column is dropped
    /// # Ok::<(), chainrule::ShapeError>(())
    /// ```
    ///
    /// # Errors
    /// [`ShapeError`] where `x` has not four axes, a side of the window or the stride is 0, or the
    /// window is larger than the image.
    pub fn max_pool(&mut self, x: Var, window: Window) -> Result<Var, ShapeError> {
        self.push(Pool { kind: Kind::Max, window: Some(window) }, &[x])
    }

    /// The mean of each channel in each window, with the shapes of [`Tape::max_pool`]. dx sums
    /// dy/(h·w) over the windows that cover an entry. Chapter 13.
    ///
    /// # Errors
    /// As [`Tape::max_pool`].
    pub fn average_pool(&mut self, x: Var, window: Window) -> Result<Var, ShapeError> {
        self.push(Pool { kind: Kind::Average, window: Some(window) }, &[x])
    }

    /// The maximum of each channel over the whole image: `[batch, height, width, channels]` becomes
    /// `[batch, channels]`. Chapter 13.
    ///
    /// # Errors
    /// [`ShapeError`] where `x` has not four axes.
    pub fn global_max_pool(&mut self, x: Var) -> Result<Var, ShapeError> {
        self.push(Pool { kind: Kind::Max, window: None }, &[x])
    }

    /// The mean of each channel over the whole image: `[batch, height, width, channels]` becomes
    /// `[batch, channels]`. Chapter 13. Source: Lin, Chen and Yan, *Network in Network*, 2013
    /// (arXiv:1312.4400).
    ///
    /// # Errors
    /// [`ShapeError`] where `x` has not four axes.
    pub fn global_average_pool(&mut self, x: Var) -> Result<Var, ShapeError> {
        self.push(Pool { kind: Kind::Average, window: None }, &[x])
    }
}

/// The gradient checks of this module.
pub const CASES: &[Case] = &[
    Case::kinked("max_pool", |tape, draw| {
        let x = tape.parameter(draw.away_from_zero(&[2, 4, 5, 3]));
        tape.max_pool(x, Window::square(2))
    }),
    Case::kinked("max_pool, overlapping", |tape, draw| {
        let x = tape.parameter(draw.away_from_zero(&[2, 5, 6, 3]));
        tape.max_pool(x, Window { height: 3, width: 2, stride: 1 })
    }),
    Case::smooth("average_pool", |tape, draw| {
        let x = tape.parameter(draw.away_from_zero(&[2, 5, 6, 3]));
        tape.average_pool(x, Window { height: 3, width: 2, stride: 2 })
    }),
    Case::kinked("global_max_pool", |tape, draw| {
        let x = tape.parameter(draw.away_from_zero(&[2, 3, 4, 3]));
        tape.global_max_pool(x)
    }),
    Case::smooth("global_average_pool", |tape, draw| {
        let x = tape.parameter(draw.away_from_zero(&[2, 3, 4, 3]));
        tape.global_average_pool(x)
    }),
];
