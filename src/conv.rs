//! Convolution. Chapter 13.
//!
//! A linear layer on an image gives every pixel weights of its own, and learns an edge anew at
//! every place. A convolution has one small kernel of weights, moves it over the image, and takes
//! the same weighted sum at every place.
//!
//! # Shapes
//!
//! The kernel is square, with side k; it moves by s pixels (the stride), over an image with p
//! pixels of zeros around it (the padding).
//!
//! ```text
//! x, dx   [batch, height, width, c_in]                 images; b, r, q, c
//! w, dw   [k, k, c_in, c_out]                          the kernel; u, v, c, o
//! bias    [c_out]
//! y, dy   [batch, out_height, out_width, c_out]        places; b, i, j, o
//! P, dP   [batch·out_height·out_width, k·k·c_in]       patches; (b, i, j), (u, v, c)
//! ```
//!
//! Along an axis of n pixels the kernel at place i covers the pixels i·s to i·s + k − 1 of n + 2p
//! padded ones. It fits as long as i·s + k ≤ n + 2p, that is i ≤ (n + 2p − k)/s. With place 0,
//!
//! ```text
//! places = ⌊(n + 2p − k)/s⌋ + 1
//! ```
//!
//! Pixels that are left over at the end, (n + 2p − k) mod s of them, the kernel never covers.
//!
//! # Forward
//!
//! Entry u of the kernel at place i lies on padded pixel i·s + u, which is pixel i·s + u − p of the
//! image. Outside of the image x is 0.
//!
//! ```text
//! y[b,i,j,o] = bias[o] + Σ_uvc x[b, i·s + u − p, j·s + v − p, c] · w[u,v,c,o]
//! ```
//!
//! (Mathematics turns the kernel by 180° first and calls this sum a cross-correlation. The weights
//! are learned, so nothing but their order depends on it.) Each output costs k·k·c_in
//! multiplications.
//!
//! # The three gradients
//!
//! **The kernel.** The weight `w[u,v,c,o]` stands in every output of channel o, once at each place
//! of each image, with the pixel under it as factor:
//!
//! ```text
//! ∂L/∂w[u,v,c,o] = Σ_bij ∂L/∂y[b,i,j,o] · x[b, i·s + u − p, j·s + v − p, c]
//! ```
//!
//! **The image.** The pixel `x[b,r,q,c]` stands in `y[b,i,j,o]` where an entry (u, v) of the kernel
//! at (i, j) lies on it: i·s + u − p = r and j·s + v − p = q. For each u there is at most one such
//! i, namely (r + p − u)/s, if that is an integer from 0 to out_height − 1; likewise for each v one
//! j. The factor is `w[u,v,c,o]`, for every o:
//!
//! ```text
//! ∂L/∂x[b,r,q,c] = Σ_uvo ∂L/∂y[b,i,j,o] · w[u,v,c,o]    with i = (r + p − u)/s, j = (q + p − v)/s
//!                                                       where these are places
//! ```
//!
//! **The bias.** `bias[o]` is added to channel o at every place of every image:
//!
//! ```text
//! ∂L/∂bias[o] = Σ_bij ∂L/∂y[b,i,j,o]
//! ```
//!
//! As channels are the last axis, that is the bias of chapter 4, [`Tape::add_bias`].
//!
//! # The same as products
//!
//! Copy what the kernel sees at each place into one row, its patch (this copy is known as im2col):
//!
//! ```text
//! P[(b,i,j), (u,v,c)] = x[b, i·s + u − p, j·s + v − p, c]
//! ```
//!
//! With W as the kernel seen as a matrix `[k·k·c_in, c_out]`, and Y as
//! `[batch·out_height·out_width, c_out]`, the sum over u, v, c is a row of P times a column of W.
//! Chapter 5 has the gradients:
//!
//! ```text
//! Y = P·W        dW = Pᵀ·dY        dP = dY·Wᵀ
//! ```
//!
//! The pixel `x[b,r,q,c]` was copied to all (i,j,u,v) with i·s + u − p = r and j·s + v − p = q. So
//! its gradient is the sum over the copies (known as col2im):
//!
//! ```text
//! dx[b,r,q,c] = Σ_uv dP[(b,i,j), (u,v,c)]               with i = (r + p − u)/s, j = (q + p − v)/s
//!                                                       where these are places
//! ```
//!
//! Put dP = dY·Wᵀ in and the sum over o appears: it is the gradient of the image from above.
//!
//! # At stride 1 the gradient of the image is a convolution
//!
//! With s = 1, i = r + p − u is an integer always. Count the kernel from its other end: let
//! u′ = k − 1 − u and v′ = k − 1 − v. Then i = r + u′ − (k − 1 − p), likewise j, and
//!
//! ```text
//! dx[b,r,q,c] = Σ_u′v′o dy[b, r + u′ − p′, q + v′ − p′, o] · w′[u′,v′,o,c]
//! w′[u′,v′,o,c] = w[k − 1 − u′, k − 1 − v′, c, o]        p′ = k − 1 − p
//! ```
//!
//! That is the forward formula: dY, padded with p′ pixels of zeros, under the kernel turned by
//! 180°, with c_in and c_out exchanged. (It needs p ≤ k − 1. A wider padding would make p′
//! negative.)
//!
//! # Why channels last
//!
//! The axes of images could also be `[batch, channels, height, width]` (NCHW). Here channels are
//! last (NHWC), since then
//!
//! - a kernel row at a place is one contiguous run of k·c_in numbers of the image, to be copied or
//!   multiplied as it lies;
//! - the entries of a vector register are output channels of one place, contiguous in w and in y;
//! - pooling compares and adds contiguous channels, whatever the width of the image;
//! - bias and batch norm work over the last axis, as after a linear layer, and Y = P·W lies as the
//!   next layer reads it.
//!
//! # The implementations
//!
//! [`definition`] is the formulas, [`patches`] the products, and [`direct`] the products without
//! the copy. [`Algorithm`] chooses. [`pool`] shrinks images by the maximum or the mean of their
//! pixels, and [`flatten`] leads from images to linear layers.

pub mod definition;
pub mod direct;
pub mod flatten;
mod images;
pub mod patches;
pub mod pool;

use crate::gradcheck::Case;
use crate::real::Real;
use crate::tape::{Gradients, Inputs, Op, Tape, Var, product_multiplications};
use crate::tensor::{BrokenRule, ShapeError, Tensor, expect_inputs};
use ndarray::{ArrayView4, ArrayViewMut4};

/// How a square kernel moves over images. Lengths are in pixels. Chapter 13.
///
/// ```
/// use chainrule::conv::Geometry;
///
/// let geometry = Geometry { kernel: 5, stride: 2, padding: 1 };
/// assert_eq!(geometry.places(28)?, 13); // ⌊(28 + 2 − 5)/2⌋ + 1
/// # Ok::<(), chainrule::tensor::BrokenRule>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Geometry {
    /// k, the side of the kernel.
    pub kernel: usize,
    /// s, from one place to the next.
    pub stride: usize,
    /// p, the zeros around the image, on every side.
    pub padding: usize,
}

impl Geometry {
    /// ⌊(n + 2p − k)/s⌋ + 1: the number of places of the kernel along an axis of `n` pixels.
    ///
    /// # Errors
    /// [`BrokenRule`] where kernel or stride is 0, the kernel is larger than the padded image, or that
    /// has more pixels than can be counted.
    pub fn places(self, n: usize) -> Result<usize, BrokenRule> {
        let Self { kernel, stride, padding } = self;
        if kernel == 0 {
            return Err("the kernel must be 1 or more pixels wide".into());
        }
        if stride == 0 {
            return Err("the stride must be 1 or more pixels".into());
        }
        let Some(padded) = padding.checked_mul(2).and_then(|zeros| n.checked_add(zeros)) else {
            return Err(format!("no image can have a padding of {padding} pixels").into());
        };
        let Some(room) = padded.checked_sub(kernel) else {
            let rule = format!(
                "the kernel ({kernel}) must not be larger than the padded image ({n} + 2·{padding})"
            );
            return Err(rule.into());
        };
        Ok(room / stride + 1)
    }

    /// i·s + u − p: the pixel, of `n`, under entry `u` of the kernel at place `i`. `None` in the
    /// padding.
    pub fn pixel(self, i: usize, u: usize, n: usize) -> Option<usize> {
        (i * self.stride + u).checked_sub(self.padding).filter(|&r| r < n)
    }

    /// (r + p − u)/s: the place, of as many as there are `places`, whose entry `u` of the kernel
    /// lies on pixel `r`. `None` where there is none.
    pub fn place(self, r: usize, u: usize, places: usize) -> Option<usize> {
        let start = (r + self.padding).checked_sub(u)?;
        (start % self.stride == 0).then_some(start / self.stride).filter(|&i| i < places)
    }
}

/// Settings of a convolution. The default: stride 1, padding 0, [`Algorithm::Direct`]. The kernel's
/// side is that of the weights. Chapter 13.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conv {
    /// Pixels from one place of the kernel to the next.
    pub stride: usize,
    /// Pixels of zeros around the image, on every side.
    pub padding: usize,
    /// How the sums are computed: it changes their rounding and nothing else.
    pub algorithm: Algorithm,
}

impl Default for Conv {
    fn default() -> Self {
        Self { stride: 1, padding: 0, algorithm: Algorithm::default() }
    }
}

/// How a convolution and its gradients are computed. Chapter 13.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// The formulas as loops: [`definition`].
    Definition,
    /// One product with all patches of a few images at a time: [`patches`].
    Patches,
    /// Products that read the patches where they stand in the images: [`direct`].
    #[default]
    Direct,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Definition, Self::Patches, Self::Direct];

    /// y ← x convolved with w, without a bias.
    ///
    /// Shapes: `x` `[batch, height, width, c_in]`, `w` `[kernel, kernel, c_in, c_out]`, `y`
    /// `[batch, out_height, out_width, c_out]`, all in standard order. What an algorithm lays out
    /// it keeps in `scratch`, which grows once and is used again; its contents mean nothing
    /// afterwards.
    ///
    /// # Panics
    /// If the shapes do not fit, or an array is empty or not in standard order.
    pub fn forward<T: Real>(
        self,
        x: ArrayView4<'_, T>,
        w: ArrayView4<'_, T>,
        geometry: Geometry,
        scratch: &mut Vec<T>,
        y: ArrayViewMut4<'_, T>,
    ) {
        assert_eq!(output_shape(x.shape(), w.shape(), geometry), Ok(y.dim().into()));
        match self {
            Self::Definition => definition::forward(x, w, geometry, y),
            Self::Direct => direct::forward(x, w, geometry, scratch, y),
            Self::Patches => patches::forward(x, w, geometry, scratch, y),
        }
    }

    /// dw ← dw + ∂L/∂w, given `dy` = ∂L/∂y. Shapes and `scratch` as in [`Algorithm::forward`].
    ///
    /// # Panics
    /// As [`Algorithm::forward`] does.
    pub fn weight_gradient<T: Real>(
        self,
        x: ArrayView4<'_, T>,
        dy: ArrayView4<'_, T>,
        geometry: Geometry,
        scratch: &mut Vec<T>,
        dw: ArrayViewMut4<'_, T>,
    ) {
        assert_eq!(output_shape(x.shape(), dw.shape(), geometry), Ok(dy.dim().into()));
        match self {
            Self::Definition => definition::weight_gradient(x, dy, geometry, dw),
            Self::Direct => direct::weight_gradient(x, dy, geometry, scratch, dw),
            Self::Patches => patches::weight_gradient(x, dy, geometry, scratch, dw),
        }
    }

    /// dx ← dx + ∂L/∂x, given `dy` = ∂L/∂y. Shapes and `scratch` as in [`Algorithm::forward`].
    ///
    /// # Panics
    /// As [`Algorithm::forward`] does.
    pub fn input_gradient<T: Real>(
        self,
        dy: ArrayView4<'_, T>,
        w: ArrayView4<'_, T>,
        geometry: Geometry,
        scratch: &mut Vec<T>,
        dx: ArrayViewMut4<'_, T>,
    ) {
        assert_eq!(output_shape(dx.shape(), w.shape(), geometry), Ok(dy.dim().into()));
        match self {
            Self::Definition => definition::input_gradient(dy, w, geometry, dx),
            Self::Direct => direct::input_gradient(dy, w, geometry, scratch, dx),
            Self::Patches => patches::input_gradient(dy, w, geometry, scratch, dx),
        }
    }
}

/// The convolution without its bias.
///
/// Shapes: x `[batch, height, width, c_in]`, w `[kernel, kernel, c_in, c_out]`, y `[batch,
/// out_height, out_width, c_out]`.
#[derive(Debug)]
struct Conv2d<T> {
    settings: Conv,
    /// The algorithm's: sized by the forward pass for the backward pass too.
    scratch: Vec<T>,
}

impl<T: Real> Conv2d<T> {
    fn geometry(&self, w: &[usize]) -> Geometry {
        let Conv { stride, padding, .. } = self.settings;
        Geometry { kernel: w.first().copied().unwrap_or(0), stride, padding }
    }
}

impl<T: Real> Op<T> for Conv2d<T> {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        let [x, w] = expect_inputs(inputs)?;
        Ok(output_shape(x, w, self.geometry(w))?.to_vec())
    }

    fn forward(&mut self, x: Inputs<'_, T>, y: &mut Tensor<T>) {
        let geometry = self.geometry(x[1].shape());
        self.settings.algorithm.forward(
            images(&x[0]),
            images(&x[1]),
            geometry,
            &mut self.scratch,
            images_mut(y),
        );
    }

    fn backward(
        &mut self,
        x: Inputs<'_, T>,
        _: &Tensor<T>,
        dy: &Tensor<T>,
        mut dx: Gradients<'_, T>,
    ) {
        let (geometry, algorithm) = (self.geometry(x[1].shape()), self.settings.algorithm);
        let (dy, scratch) = (images(dy), &mut self.scratch);
        if let Some(dx) = dx.wanted(0) {
            algorithm.input_gradient(dy, images(&x[1]), geometry, scratch, images_mut(dx));
        }
        if let Some(dw) = dx.wanted(1) {
            algorithm.weight_gradient(images(&x[0]), dy, geometry, scratch, images_mut(dw));
        }
    }

    fn multiplications(&self, inputs: &[&[usize]], output: &[usize]) -> u64 {
        product_multiplications(inputs[1], output)
    }
}

/// Shape of the convolution of images of shape `x` with a kernel of shape `w`.
fn output_shape(x: &[usize], w: &[usize], geometry: Geometry) -> Result<[usize; 4], BrokenRule> {
    let &[batch, height, width, channels] = x else {
        return Err("images have four axes: [batch, height, width, channels]".into());
    };
    let &[w_height, w_width, c_in, c_out] = w else {
        return Err("a kernel has four axes: [kernel, kernel, c_in, c_out]".into());
    };
    if [w_height, w_width] != [geometry.kernel; 2] {
        let side = geometry.kernel;
        return Err(format!("the kernel must be square, [{side}, {side}, c_in, c_out]").into());
    }
    if channels != c_in {
        let rule = format!("channels of the images ({channels}) must equal c_in ({c_in})");
        return Err(rule.into());
    }
    Ok([batch, geometry.places(height)?, geometry.places(width)?, c_out])
}

/// A tensor of four axes with its number of axes known.
fn images<T: Real>(tensor: &Tensor<T>) -> ArrayView4<'_, T> {
    tensor.view().into_dimensionality().expect("shapes were checked while recording")
}

/// [`images`], to be written to.
fn images_mut<T: Real>(tensor: &mut Tensor<T>) -> ArrayViewMut4<'_, T> {
    tensor.view_mut().into_dimensionality().expect("shapes were checked while recording")
}

/// The convolution. Chapter 13.
impl<T: Real> Tape<T> {
    /// The convolution `Σ_uvc x[b, i·s + u − p, j·s + v − p, c] · w[u,v,c,o]`, with the images 0
    /// outside of their edges. Its bias is [`Tape::add_bias`]. Chapter 13.
    ///
    /// Shapes: `x` `[batch, height, width, c_in]`, `w` `[kernel, kernel, c_in, c_out]`, the value
    /// `[batch, out_height, out_width, c_out]` with [`Geometry::places`] for the last height and
    /// width.
    ///
    /// ```
    /// use chainrule::{Tape, conv::Conv};
    /// use ndarray::Array4;
    ///
    /// let mut tape = Tape::<f32>::new();
    /// let images = tape.input(Array4::ones((2, 28, 28, 1)));
    /// let kernel = tape.parameter(Array4::ones((3, 3, 1, 8)));
    /// let y = tape.conv2d(images, kernel, Conv { padding: 1, ..Conv::default() })?;
    /// assert_eq!(tape.value(y).shape(), [2, 28, 28, 8]);
    /// assert_eq!(tape.value(y)[[0, 0, 0, 0]], 4.0); // five of nine pixels lie in the padding
    /// # Ok::<(), chainrule::ShapeError>(())
    /// ```
    ///
    /// # Errors
    /// [`ShapeError`] where `x` or `w` has not four axes, the kernel is not square, the channels
    /// differ, the stride is 0, or the kernel is larger than the padded image.
    pub fn conv2d(&mut self, x: Var, w: Var, settings: Conv) -> Result<Var, ShapeError> {
        self.push(Conv2d { settings, scratch: Vec::new() }, &[x, w])
    }
}

/// The gradient checks of the convolution.
pub const CASES: &[Case] = &[
    Case::smooth("conv2d", |tape, draw| {
        let x = tape.parameter(draw.away_from_zero(&[2, 4, 5, 2]));
        let w = tape.parameter(draw.away_from_zero(&[3, 3, 2, 3]));
        tape.conv2d(x, w, Conv { padding: 1, ..Conv::default() })
    }),
    Case::smooth("conv2d, stride 2", |tape, draw| {
        let x = tape.parameter(draw.away_from_zero(&[2, 6, 5, 2]));
        let w = tape.parameter(draw.away_from_zero(&[3, 3, 2, 3]));
        tape.conv2d(x, w, Conv { stride: 2, ..Conv::default() })
    }),
    Case::smooth("conv2d, by its definition", |tape, draw| {
        let x = tape.parameter(draw.away_from_zero(&[2, 4, 5, 2]));
        let w = tape.parameter(draw.away_from_zero(&[3, 3, 2, 3]));
        tape.conv2d(x, w, Conv { stride: 2, padding: 1, algorithm: Algorithm::Definition })
    }),
];
