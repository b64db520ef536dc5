//! Batch norm, max pooling and ReLU in one op: what a convolution with batch norm is followed by.
//! Chapter 14.
//!
//! ```text
//! z = γ ⊙ x̂ + β          of the size of the images
//! y = max(0, max_uv z)    a quarter of it, with windows of 2 × 2
//! ```
//!
//! The three ops one after the other write z, and read it again to pool it; back they write its gradient,
//! which is 0 but for one entry of each window, and read that twice. Here neither z nor its gradient is
//! ever in memory: both are computed where they are used, from x, and nothing of the size of the images
//! is read or written but x and dx.
//!
//! **Forward.** Of each window the x is kept whose z is the first maximum: x*. Then y = max(0, γ·x̂* + β).
//!
//! **Backward.** Let d be dy where y > 0, and 0 elsewhere. The gradient of z is d at the first maximum of a
//! window and 0 at its other entries. So the sums of [batch norm](crate::normalize::batch_norm) have a
//! term for each window alone,
//!
//! ```text
//! dγ_j = Σ d · x̂*        dβ_j = Σ d
//! ```
//!
//! and dx is as derived there, with z computed again to find the maximum: the first entry of the window
//! that is not less than y. (Where ReLU has made y of a smaller maximum, d is 0.)
//!
//! Each number is rounded as the three ops round it, so y is the same to the last bit. The two sums have
//! their terms in another order, window by window, and so the gradients may end in other digits.

use super::blocks::{Block, Blocks, Image, pass, slice, slice_mut};
use super::{Window, as_images, as_images_mut};
use crate::activation::relu;
use crate::conv::images::for_each_image;
use crate::gradcheck::Case;
use crate::normalize::BatchNorm;
use crate::normalize::batch_norm::{BatchNormOp, Features, affine};
use crate::parallel::{block, block_mut, for_each};
use crate::real::Real;
use crate::tape::{Gradients, Inputs, Op, Tape, Var};
use crate::tensor::{BrokenRule, ShapeError, Tensor, entries, entries_mut, matrix_shape, reshape};
use ndarray::IxDyn;
use pulp::Arch;

/// y = max(0, max_uv (γ ⊙ x̂ + β)), with x̂ standardized over all axes but the last.
///
/// Shapes: x `[batch, height, width, channels]`, γ and β `[channels]`, y `[batch, out_height, out_width,
/// channels]`.
#[derive(Debug)]
struct NormalizedPool<T> {
    norm: BatchNormOp<T>,
    window: Window,
    /// x*: of each window the x whose z is the first maximum. The shape of y.
    chosen: Tensor<T>,
    /// dy where y > 0, and 0 elsewhere. The shape of y.
    d: Tensor<T>,
}

impl<T: Real> Op<T> for NormalizedPool<T> {
    fn name(&self) -> &'static str {
        "batch_norm_max_pool_relu"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        let &[batch, height, width, channels] = self.norm.shape(inputs)?.as_slice() else {
            return Err("images have four axes: [batch, height, width, channels]".into());
        };
        let [out_height, out_width] = self.window.places([height, width])?;
        if !self.window.tiles([height, width]) {
            return Err("each pixel must lie in one window".into());
        }
        Ok(vec![batch, out_height, out_width, channels])
    }

    fn forward(&mut self, x: Inputs<'_, T>, y: &mut Tensor<T>) {
        reshape(&mut self.chosen, y.shape());
        reshape(&mut self.d, y.shape());
        self.norm.take_statistics(&x);
        let of = self.norm.features(entries(&x[1]), entries(&x[2]));
        let (images, chosen) = (as_images(&x[0]), as_images_mut(&mut self.chosen));
        let image = Image::new(images.dim(), self.window, chosen.dim());
        for_each_image(image.batch, slice_mut(chosen), [slice(images)], &|chosen, [x]| {
            Arch::new().dispatch(Blocks { image, block: Choose { image, x, of, chosen } });
        });
        affine(entries(&self.chosen), of, entries_mut(y), relu);
    }

    fn backward(
        &mut self,
        x: Inputs<'_, T>,
        y: &Tensor<T>,
        dy: &Tensor<T>,
        mut dx: Gradients<'_, T>,
    ) {
        for_each(&mut self.d, [y, dy], |d, [y, dy]| {
            *d = if y > T::zero() { dy } else { T::zero() };
        });
        let (rows, _) = matrix_shape(x[0].shape());
        self.norm.sum_gradients(entries(&self.chosen), entries(&self.d), rows, &mut dx);
        let Some((dx, accumulate)) = dx.target(0) else { return };
        let of = self.norm.features(entries(&x[1]), entries(&x[2]));
        let image = Image::new(as_images(&x[0]).dim(), self.window, as_images(y).dim());
        let others = [entries(&x[0]), entries(y), entries(&self.d)];
        for_each_image(image.batch, entries_mut(dx), others, &|dx, [x, y, d]| {
            if accumulate {
                let block = InputGradient::<T, true> { image, x, y, d, of, dx };
                Arch::new().dispatch(Blocks { image, block });
            } else {
                let block = InputGradient::<T, false> { image, x, y, d, of, dx };
                Arch::new().dispatch(Blocks { image, block });
            }
        });
    }

    fn buffers(&self) -> &[Tensor<T>] {
        self.norm.buffers()
    }

    fn buffers_mut(&mut self) -> &mut [Tensor<T>] {
        self.norm.buffers_mut()
    }
}

/// Writes x* of each window, on one image.
struct Choose<'a, T> {
    image: Image,
    x: &'a [T],
    of: Features<'a, T>,
    chosen: &'a mut [T],
}

impl<T: Real> Block for Choose<'_, T> {
    #[inline(always)]
    fn run<const N: usize>(&mut self, channel: usize, y: usize, corner: usize) {
        let of = self.of.block::<N>(channel);
        let mut chosen = *block::<T, N>(self.x, corner);
        let mut largest = [T::neg_infinity(); N];
        for u in 0..self.image.window.height {
            for v in 0..self.image.window.width {
                let x = block::<T, N>(self.x, self.image.pixel(corner, [u, v]));
                for c in 0..N {
                    let z = of.value(c, x[c]);
                    // NaN is larger than all others.
                    let is_larger = (z > largest[c]) | z.is_nan();
                    largest[c] = if is_larger { z } else { largest[c] };
                    chosen[c] = if is_larger { x[c] } else { chosen[c] };
                }
            }
        }
        *block_mut(self.chosen, y) = chosen;
    }
}

/// The gradient of one image: added to `dx`, or written over what stood there.
struct InputGradient<'a, T, const ACCUMULATE: bool> {
    image: Image,
    x: &'a [T],
    y: &'a [T],
    d: &'a [T],
    of: Features<'a, T>,
    dx: &'a mut [T],
}

impl<T: Real, const ACCUMULATE: bool> Block for InputGradient<'_, T, ACCUMULATE> {
    #[inline(always)]
    fn run<const N: usize>(&mut self, channel: usize, y: usize, corner: usize) {
        let of = self.of.block::<N>(channel);
        let (y, mut left) = (block::<T, N>(self.y, y), *block::<T, N>(self.d, y));
        for u in 0..self.image.window.height {
            for v in 0..self.image.window.width {
                let pixel = self.image.pixel(corner, [u, v]);
                let (x, dx) = (block::<T, N>(self.x, pixel), block_mut::<T, N>(self.dx, pixel));
                for c in 0..N {
                    let z = of.value(c, x[c]);
                    let [dz, rest] = pass(left[c], z, y[c]);
                    left[c] = rest;
                    let term = of.input_gradient(c, x[c], dz);
                    dx[c] = if ACCUMULATE { dx[c] + term } else { term };
                }
            }
        }
    }
}

/// A layer's end in one op. Chapter 14.
impl<T: Real> Tape<T> {
    /// max(0, m), with m the maximum of each channel of the batch norm of `x` in each window: what
    /// [`Tape::batch_norm_with`], [`Tape::max_pool`] and [`Tape::relu`] make of it one after the other,
    /// value and gradients, in one op that reads and writes less. Chapter 14.
    ///
    /// Shapes: `x` `[batch, height, width, channels]`, `gamma` and `beta` `[channels]`, the value
    /// `[batch, out_height, out_width, channels]`. [`Tape::buffers`] are those of batch norm.
    ///
    /// # Errors
    /// [`ShapeError`] where one of the three ops refuses, or a pixel lies in no window, or in more than
    /// one: see [`Window::tiles`].
    pub fn batch_norm_max_pool_relu(
        &mut self,
        x: Var,
        [gamma, beta]: [Var; 2],
        settings: BatchNorm,
        window: Window,
    ) -> Result<Var, ShapeError> {
        let norm = BatchNormOp::new(settings);
        let [chosen, d] = [(); 2].map(|()| Tensor::zeros(IxDyn(&[0])));
        self.push(NormalizedPool { norm, window, chosen, d }, &[x, gamma, beta])
    }
}

/// The gradient check of this module.
pub const CASES: &[Case] = &[Case::kinked("batch_norm_max_pool_relu", |tape, draw| {
    let x = tape.parameter(draw.away_from_zero(&[2, 4, 6, 3]));
    let gamma = tape.parameter(draw.away_from_zero(&[3]));
    let beta = tape.parameter(draw.away_from_zero(&[3]));
    let settings = BatchNorm::default();
    tape.batch_norm_max_pool_relu(x, [gamma, beta], settings, Window::square(2))
})];
