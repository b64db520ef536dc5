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
//! [`definition`] derives the gradients of the mean and of the maximum, and has them as loops.
//! [`blocks`] is the same for many channels at a time. [`normalized`] has batch norm before it and ReLU
//! behind it in one op.
//!
//! # The whole image
//!
//! Global pooling has one window, as large as the image: y is `[batch, channels]`, whatever the
//! size of the image.

pub mod blocks;
pub mod definition;
pub mod normalized;

use crate::conv::Geometry;
use crate::gradcheck::Case;
use crate::real::Real;
use crate::tape::{Gradients, Inputs, Op, Tape, Var};
use crate::tensor::{BrokenRule, ShapeError, Tensor, expect_inputs};
use ndarray::{ArrayView4, ArrayViewMut4};

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

    /// Whether each pixel of an image lies in one window.
    pub fn tiles(self, [height, width]: [usize; 2]) -> bool {
        let Self { height: h, width: w, stride } = self;
        [h, w] == [stride; 2] && height.is_multiple_of(h) && width.is_multiple_of(w)
    }

    /// (i·s + u, j·s + v): the pixels under the window at place (i, j), row by row.
    pub fn pixels(self, [i, j]: [usize; 2]) -> impl Iterator<Item = [usize; 2]> {
        let (top, left) = (i * self.stride, j * self.stride);
        let rows = top..top + self.height;
        rows.flat_map(move |r| (left..left + self.width).map(move |q| [r, q]))
    }

    /// 1/(h·w): what the mean takes of each pixel.
    pub fn share<T: Real>(self) -> T {
        T::of(1.0 / (self.height * self.width) as f64)
    }
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
            Kind::Max => blocks::max(x, window, y),
            Kind::Average => blocks::average(x, window, y),
        }
    }

    fn backward(
        &mut self,
        x: Inputs<'_, T>,
        y: &Tensor<T>,
        dy: &Tensor<T>,
        mut dx: Gradients<'_, T>,
    ) {
        let window = self.window(x[0].shape());
        let (x, y, dy) = (as_images(&x[0]), as_images(y), as_images(dy));
        match self.kind {
            Kind::Max => {
                if let Some((dx, accumulate)) = dx.target(0) {
                    blocks::max_gradient(x, y, dy, window, as_images_mut(dx), accumulate);
                }
            }
            Kind::Average => {
                if let Some(dx) = dx.wanted(0) {
                    blocks::average_gradient(dy, window, as_images_mut(dx));
                }
            }
        }
    }
}

/// Pooling. Chapter 13.
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
