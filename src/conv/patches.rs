//! The convolution and its gradients as products with patches. Chapter 13.
//!
//! ```text
//! Y = P·W        dW = Pᵀ·dY        dP = dY·Wᵀ
//! ```
//!
//! with the patches P of [`im2col`] and the sum over copies of [`col2im`], as [`crate::conv`]
//! derives them.
//!
//! A pixel is copied up to k·k times, so the patches of a batch can be larger than all else in a
//! training. They are laid out for a few images at a time, in at most [`PATCHES`] numbers. The
//! backward pass lays them out again instead of keeping them: the copy is cheaper than its product,
//! and one buffer serves both passes.

use crate::conv::Geometry;
use crate::conv::images::{for_each_image, matrix, matrix_mut};
use crate::matmul::product;
use crate::real::Real;
use ndarray::{ArrayView2, ArrayView4, ArrayViewMut2, ArrayViewMut4, Axis};
use std::ops::Range;

/// Most entries of the patches that are laid out at a time, 4 MiB of `f32`; unless a single image
/// has more.
pub const PATCHES: usize = 1 << 20;

/// y ← x convolved with w.
///
/// Shapes: `x` `[batch, height, width, c_in]`, `w` `[kernel, kernel, c_in, c_out]`, `y` `[batch,
/// out_height, out_width, c_out]`, all in standard order. `scratch` is given the length that the
/// patches need.
///
/// # Panics
/// If the shapes do not fit or an array is not in standard order.
pub fn forward<T: Real>(
    x: ArrayView4<'_, T>,
    w: ArrayView4<'_, T>,
    geometry: Geometry,
    scratch: &mut Vec<T>,
    mut y: ArrayViewMut4<'_, T>,
) {
    let chunks = Chunks::new(x.dim(), geometry, scratch);
    let x = x.axis_chunks_iter(Axis(0), chunks.images);
    let y = y.axis_chunks_iter_mut(Axis(0), chunks.images);
    for (x, y) in x.zip(y) {
        let mut patches = chunks.patches(x.len_of(Axis(0)), scratch);
        im2col(x, geometry, patches.view_mut());
        product(patches.view(), matrix(w), matrix_mut(y), false);
    }
}

/// dw ← dw + Pᵀ·dy.
///
/// Shapes and `scratch` as in [`forward`], `dy` that of `y` and `dw` that of `w`.
///
/// # Panics
/// As [`forward`] does.
pub fn weight_gradient<T: Real>(
    x: ArrayView4<'_, T>,
    dy: ArrayView4<'_, T>,
    geometry: Geometry,
    scratch: &mut Vec<T>,
    dw: ArrayViewMut4<'_, T>,
) {
    let mut dw = matrix_mut(dw);
    let chunks = Chunks::new(x.dim(), geometry, scratch);
    let x = x.axis_chunks_iter(Axis(0), chunks.images);
    let dy = dy.axis_chunks_iter(Axis(0), chunks.images);
    for (x, dy) in x.zip(dy) {
        let mut patches = chunks.patches(x.len_of(Axis(0)), scratch);
        im2col(x, geometry, patches.view_mut());
        product(patches.t(), matrix(dy), dw.view_mut(), true);
    }
}

/// dx ← dx + the sum over the copies of each pixel in dP = dy·Wᵀ.
///
/// Shapes and `scratch` as in [`forward`], `dy` that of `y` and `dx` that of `x`.
///
/// # Panics
/// As [`forward`] does.
pub fn input_gradient<T: Real>(
    dy: ArrayView4<'_, T>,
    w: ArrayView4<'_, T>,
    geometry: Geometry,
    scratch: &mut Vec<T>,
    mut dx: ArrayViewMut4<'_, T>,
) {
    let chunks = Chunks::new(dx.dim(), geometry, scratch);
    let dy = dy.axis_chunks_iter(Axis(0), chunks.images);
    let dx = dx.axis_chunks_iter_mut(Axis(0), chunks.images);
    for (dy, dx) in dy.zip(dx) {
        let mut d_patches = chunks.patches(dy.len_of(Axis(0)), scratch);
        product(matrix(dy), matrix(w).t(), d_patches.view_mut(), false);
        col2im(d_patches.view(), geometry, dx);
    }
}

/// `P[(b,i,j), (u,v,c)] = x[b, i·s + u − p, j·s + v − p, c]`, and 0 in the padding.
///
/// Shapes: `x` `[batch, height, width, c_in]`, `patches` `[batch·out_height·out_width,
/// kernel·kernel·c_in]`, both in standard order.
///
/// # Panics
/// If the shapes do not fit or an array is not in standard order.
pub fn im2col<T: Real>(x: ArrayView4<'_, T>, geometry: Geometry, patches: ArrayViewMut2<'_, T>) {
    let image = Image::new(x.dim(), geometry, patches.dim());
    let patches = patches.into_slice().expect("patches lie in standard order");
    let x = x.to_slice().expect("images lie in standard order");
    for_each_image(image.batch, patches, [x], &|patches, [x]| {
        for (row, (copy, pixels)) in patches.chunks_exact_mut(image.run()).zip(image.kernel_rows())
        {
            row[..copy.start].fill(T::zero());
            row[copy.end..].fill(T::zero());
            row[copy].copy_from_slice(&x[pixels]);
        }
    });
}

/// `dx[b,r,q,c] += Σ_uv dP[(b,i,j), (u,v,c)]` with i = (r + p − u)/s and j = (q + p − v)/s, where
/// these are places: the sum over all copies of a pixel.
///
/// Shapes as in [`im2col`], `d_patches` that of `patches` and `dx` that of `x`.
///
/// # Panics
/// As [`im2col`] does.
pub fn col2im<T: Real>(d_patches: ArrayView2<'_, T>, geometry: Geometry, dx: ArrayViewMut4<'_, T>) {
    let image = Image::new(dx.dim(), geometry, d_patches.dim());
    let d_patches = d_patches.to_slice().expect("patches lie in standard order");
    let dx = dx.into_slice().expect("images lie in standard order");
    for_each_image(image.batch, dx, [d_patches], &|dx, [d_patches]| {
        for (row, (copy, pixels)) in d_patches.chunks_exact(image.run()).zip(image.kernel_rows()) {
            for (dx, &copied) in dx[pixels].iter_mut().zip(&row[copy]) {
                *dx += copied;
            }
        }
    });
}

/// One image of `batch` and the kernel's places on it.
#[derive(Clone, Copy, Debug)]
struct Image {
    batch: usize,
    height: usize,
    width: usize,
    channels: usize,
    geometry: Geometry,
    /// `[out_height, out_width]`.
    places: [usize; 2],
}

impl Image {
    /// Panics where `patches`, the shape of the patches, does not fit.
    fn new(
        (batch, height, width, channels): (usize, usize, usize, usize),
        geometry: Geometry,
        patches: (usize, usize),
    ) -> Self {
        let places = [height, width].map(|n| geometry.places(n).expect("the kernel fits"));
        let image = Self { batch, height, width, channels, geometry, places };
        let expected = (batch * places[0] * places[1], geometry.kernel * image.run());
        assert_eq!(patches, expected, "patches have a row a place and a column a weight");
        image
    }

    /// Entries of a kernel row: they are contiguous in the image and in the patch.
    fn run(&self) -> usize {
        self.geometry.kernel * self.channels
    }

    /// For each place and each row of the kernel there, in the order in which they lie in the
    /// patches: [`Image::overlap`].
    fn kernel_rows(&self) -> impl Iterator<Item = (Range<usize>, Range<usize>)> + '_ {
        let [out_height, out_width] = self.places;
        (0..out_height).flat_map(move |i| {
            (0..out_width)
                .flat_map(move |j| (0..self.geometry.kernel).map(move |u| self.overlap([i, j], u)))
        })
    }

    /// Where row `u` of the kernel at place (i, j) lies on the image: its entries there, and the
    /// image's. Both are empty where the row lies in the padding.
    fn overlap(&self, [i, j]: [usize; 2], u: usize) -> (Range<usize>, Range<usize>) {
        let Geometry { kernel, stride, padding } = self.geometry;
        // 0 ≤ start + v − padding < width for v from `first` to `end` − 1.
        let start = j * stride;
        let first = padding.saturating_sub(start);
        let end = kernel.min((self.width + padding).saturating_sub(start));
        let pixels = end.checked_sub(first).filter(|&pixels| pixels > 0);
        let (Some(r), Some(pixels)) = (self.geometry.pixel(i, u, self.height), pixels) else {
            return (0..0, 0..0);
        };
        let (copy, pixel) = (first * self.channels, r * self.width + start + first - padding);
        let (pixel, length) = (pixel * self.channels, pixels * self.channels);
        (copy..copy + length, pixel..pixel + length)
    }
}

/// The batch in chunks of images whose patches fit in [`PATCHES`] entries.
#[derive(Clone, Copy, Debug)]
struct Chunks {
    /// Images of a chunk. The last chunk may have fewer.
    images: usize,
    /// Rows of the patches of one image.
    rows: usize,
    columns: usize,
}

impl Chunks {
    /// Gives `scratch` the length that the patches of a chunk need.
    fn new<T: Real>(
        (batch, height, width, channels): (usize, usize, usize, usize),
        geometry: Geometry,
        scratch: &mut Vec<T>,
    ) -> Self {
        let [out_height, out_width] =
            [height, width].map(|n| geometry.places(n).expect("the kernel fits"));
        let rows = out_height * out_width;
        let columns = geometry.kernel * geometry.kernel * channels;
        let images = (PATCHES / (rows * columns)).clamp(1, batch);
        scratch.resize(images * rows * columns, T::zero());
        Self { images, rows, columns }
    }

    /// The patches of so many `images`, with whatever stands there.
    fn patches<'a, T: Real>(&self, images: usize, scratch: &'a mut [T]) -> ArrayViewMut2<'a, T> {
        let shape = (images * self.rows, self.columns);
        ArrayViewMut2::from_shape(shape, &mut scratch[..shape.0 * shape.1])
            .expect("as many entries as the shape has")
    }
}
