//! The convolution and its gradients as products that read the image where it stands. Chapter 13.
//!
//! In an image with a border of zeros, of height′ × width′ pixels, the pixel under entry (u, v) of
//! the kernel at place (i, j) lies at
//!
//! ```text
//! ((b·height′ + i·s + u)·width′ + j·s + v)·c_in + c
//! ```
//!
//! That is a sum of one part for each of b, i, j (where the patch starts) and one for each of
//! u, v, c (what follows in it). So the patches are a matrix already: its rows overlap in memory.
//! [`Rows`] describes it, and [`gemm`] reads it without a copy, for any stride:
//!
//! ```text
//! Y  = P·W        rows of P: (b, i, j), terms: (u, v, c)
//! dW = Pᵀ·dY      rows of Pᵀ: (u, v, c), terms: (b, i, j)
//! ```
//!
//! What is copied is each image once, into its border, instead of each pixel k·k times.
//!
//! # The gradient of the image
//!
//! [`crate::conv`] derives it as a convolution for stride 1. Any stride and padding follow, if dY is
//! spread out: with u′ = k − 1 − u the place i = (r + p − u)/s is one where
//!
//! ```text
//! r + u′ = i·s + (k − 1 − p)
//! ```
//!
//! So let E hold `dy[b,i,j,o]` at pixel (i·s + k − 1 − p, j·s + k − 1 − p), and zeros elsewhere. Then
//! at stride 1, over E of height + k − 1 rows and width + k − 1 columns,
//!
//! ```text
//! dx[b,r,q,c] = Σ_u′v′o E[b, r + u′, q + v′, o] · w[k − 1 − u′, k − 1 − v′, c, o]
//! ```
//!
//! What of dY falls outside of E no pixel has seen but those of the padding.
//!
//! # Few channels
//!
//! A product multiplies whole registers, of 16 numbers each. A place of 6 channels leaves 10 of them
//! idle. But the channels of g neighboring places in a row of y follow each other in memory, so these
//! can be seen as one wide place of g·c_out channels. The wide places of a row are g·s pixels apart, and
//! their windows are k + (g − 1)·s pixels wide. With j = g·n + a,
//!
//! ```text
//! y[b, i, g·n + a, o] = Σ_uzc x[b, i·s + u − p, g·n·s + z − p, c] · wide[u,z,c,a,o]
//! wide[u,z,c,a,o] = w[u, z − a·s, c, o]                 0 where z − a·s is no column of w
//! ```
//!
//! The terms with z = v + a·s are those of the definition, and the others are 0. Each weight
//! `w[u,v,c,o]` stands in wide for every a, so its gradient is a sum:
//!
//! ```text
//! dw[u,v,c,o] = Σ_a d_wide[u, v + a·s, c, a, o]
//! ```
//!
//! For a wide place k·(k + (g − 1)·s)·c_in terms are multiplied in ⌈g·c_out/16⌉ registers. Of the g that
//! divide a row, the one is taken for which that is the least a place. With 16 channels it is 1. With 6
//! channels and k = 5 it is 2: a pair costs 6/5 of what one place did.
//!
//! An added 0 changes no finite sum. But 0·∞ is not a number, so that an infinite pixel spoils the whole
//! of each wide place that sees it.

use crate::conv::Geometry;
use crate::conv::images::{matrix, matrix_mut};
use crate::parallel::{MIN_MULTIPLICATIONS, join};
use crate::product::{Rows, gemm};
use crate::real::Real;
use ndarray::{
    ArrayBase, ArrayView2, ArrayView4, ArrayViewMut2, ArrayViewMut4, ArrayViewMut5, Axis, Ix4,
    RawData, s,
};
use std::ops::Range;

/// Entries of the images that are laid out at a time: 256 KiB of `f32`, for the second cache.
const LAID_OUT_ENTRIES: usize = 1 << 16;
/// Fewest places of the images that are laid out at a time, so that a product's copy of the
/// weights pays.
const LAID_OUT_PLACES: usize = 512;
/// Numbers of a register, in `f32` with AVX-512.
const REGISTER: usize = 16;
/// How often a large convolution is halved.
const HALVINGS: u32 = 2;
/// Parts of a large convolution.
const PARTS: usize = 1 << HALVINGS;

/// y ← x convolved with w.
///
/// Shapes: `x` `[batch, height, width, c_in]`, `w` `[kernel, kernel, c_in, c_out]`, `y` `[batch,
/// out_height, out_width, c_out]`, all in standard order. `scratch` is given the length that the
/// convolution and its gradients need.
///
/// # Panics
/// If the shapes do not fit or an array is not in standard order.
pub fn forward<T: Real>(
    x: ArrayView4<'_, T>,
    w: ArrayView4<'_, T>,
    geometry: Geometry,
    scratch: &mut Vec<T>,
    y: ArrayViewMut4<'_, T>,
) {
    let (wide, frames) = reserve(x.dim(), w.dim(), geometry, scratch);
    let windows = Windows::on_images(x.dim(), w.dim().3, geometry);
    let y = joined(y, windows.neighbors);
    if windows.neighbors == 1 {
        windows.multiply(x, matrix(w), frames, y, false, HALVINGS);
    } else {
        let wide = windows.widen(w, wide);
        windows.multiply(x, wide.view(), frames, y, false, HALVINGS);
    }
}

/// dw ← dw + Pᵀ·dy.
///
/// Shapes and `scratch` as in [`forward`], `dy` that of `y` and `dw` that of `w`. A large one is
/// cut into parts of dw, each with all of the sum.
///
/// # Panics
/// As [`forward`] does.
pub fn weight_gradient<T: Real>(
    x: ArrayView4<'_, T>,
    dy: ArrayView4<'_, T>,
    geometry: Geometry,
    scratch: &mut Vec<T>,
    mut dw: ArrayViewMut4<'_, T>,
) {
    let (wide, frames) = reserve(x.dim(), dw.dim(), geometry, scratch);
    let windows = Windows::on_images(x.dim(), dw.dim().3, geometry);
    let dy = joined(dy, windows.neighbors);
    if windows.neighbors == 1 {
        let dw = matrix_mut(dw);
        return windows.multiply_transposed(x, dy, frames, 0..dw.nrows(), dw, HALVINGS);
    }
    let mut d_wide = windows.wide_matrix(wide);
    d_wide.fill(T::zero());
    windows.multiply_transposed(x, dy, frames, 0..d_wide.nrows(), d_wide, HALVINGS);
    for neighbor in 0..windows.neighbors {
        dw += &windows.narrow(wide, neighbor);
    }
}

/// dx ← dx + E convolved with the kernel turned by 180°.
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
    dx: ArrayViewMut4<'_, T>,
) {
    let (wide, frames) = reserve(dx.dim(), w.dim(), geometry, scratch);
    let windows = Windows::on_gradient(dx.dim(), w.dim().3, geometry);
    let turned = w.slice_move(s![..;-1, ..;-1, .., ..]).permuted_axes([0, 1, 3, 2]);
    let wide = windows.widen(turned, wide);
    windows.multiply(dy, wide.view(), frames, joined(dx, windows.neighbors), true, HALVINGS);
}

/// Gives `scratch` the length that a convolution and its gradients need, and cuts it: room for the
/// kernel of wide places, and for the frames of all parts.
fn reserve<T: Real>(
    x: (usize, usize, usize, usize),
    (_, _, _, c_out): (usize, usize, usize, usize),
    geometry: Geometry,
    scratch: &mut Vec<T>,
) -> (&mut [T], &mut [T]) {
    let both = [Windows::on_images(x, c_out, geometry), Windows::on_gradient(x, c_out, geometry)];
    let wide = both.map(|windows| windows.wide_shape().iter().product::<usize>());
    let frames = both.map(|windows| windows.images.min(x.0) * windows.frame_entries());
    let wide = wide[0].max(wide[1]);
    scratch.resize(wide + PARTS * frames[0].max(frames[1]), T::zero());
    scratch.split_at_mut(wide)
}

/// Frames of zeros in which images are laid out, and the windows of a kernel on them.
#[derive(Clone, Copy, Debug)]
struct Windows {
    /// Pixels of a frame: `[height, width]`.
    frame: [usize; 2],
    /// Of a pixel.
    channels: usize,
    /// Channels of a place.
    filters: usize,
    /// Where the image's pixel 0 comes to lie, down and to the right. Pixels that come to lie
    /// outside are left out.
    first: isize,
    /// From one pixel of the image to the next.
    spacing: usize,
    kernel: usize,
    stride: usize,
    /// `[out_height, out_width]`.
    places: [usize; 2],
    /// g, the places that make a wide one.
    neighbors: usize,
    /// Images that are laid out at a time.
    images: usize,
}

impl Windows {
    /// On x, with its padding.
    fn on_images(
        (_, height, width, channels): (usize, usize, usize, usize),
        filters: usize,
        geometry: Geometry,
    ) -> Self {
        let Geometry { kernel, stride, padding } = geometry;
        Self {
            frame: [height, width].map(|n| n + 2 * padding),
            channels,
            filters,
            first: padding as isize,
            spacing: 1,
            kernel,
            stride,
            places: [height, width].map(|n| geometry.places(n).expect("the kernel fits")),
            neighbors: 1,
            images: 1,
        }
        .completed()
    }

    /// On dy, spread out in E.
    fn on_gradient(
        (_, height, width, filters): (usize, usize, usize, usize),
        channels: usize,
        Geometry { kernel, stride, padding }: Geometry,
    ) -> Self {
        Self {
            frame: [height, width].map(|n| n + kernel - 1),
            channels,
            filters,
            first: kernel as isize - 1 - padding as isize,
            spacing: stride,
            kernel,
            stride: 1,
            places: [height, width],
            neighbors: 1,
            images: 1,
        }
        .completed()
    }

    /// With as many neighbors and images as are best.
    fn completed(self) -> Self {
        let [rows, columns] = self.places;
        let images =
            (LAID_OUT_ENTRIES / self.frame_entries()).max(LAID_OUT_PLACES.div_ceil(rows * columns));
        // Registers times terms, but for factors that all have in common.
        let work = |g: usize| self.window(g) * (g * self.filters).div_ceil(REGISTER);
        let divisors = (1..=columns).filter(|&g| columns.is_multiple_of(g));
        let neighbors = divisors.min_by_key(|&g| work(g) * (columns / g)).unwrap_or(1);
        Self { images, neighbors, ..self }
    }

    /// k + (g − 1)·s: how wide the window of so many neighbors is, in pixels.
    fn window(&self, neighbors: usize) -> usize {
        self.kernel + (neighbors - 1) * self.stride
    }

    /// Shape of the kernel of wide places: `[k, k + (g − 1)·s, channels, g, filters]`.
    fn wide_shape(&self) -> [usize; 5] {
        let window = self.window(self.neighbors);
        [self.kernel, window, self.channels, self.neighbors, self.filters]
    }

    /// The kernel of wide places, which lies in `wide`.
    fn wide<'a, T>(&self, wide: &'a mut [T]) -> ArrayViewMut5<'a, T> {
        let shape = self.wide_shape();
        let wide = &mut wide[..shape.iter().product()];
        ArrayViewMut5::from_shape(shape, wide).expect("as many entries as the shape has")
    }

    /// [`Windows::wide`] as a matrix, with a row a term and a column a channel.
    fn wide_matrix<'a, T>(&self, wide: &'a mut [T]) -> ArrayViewMut2<'a, T> {
        let [k, window, channels, neighbors, filters] = self.wide_shape();
        let shape = (k * window * channels, neighbors * filters);
        self.wide(wide).into_shape_with_order(shape).expect("a kernel lies in standard order")
    }

    /// The kernel of one neighbor in [`Windows::wide`]. Shape: `[k, k, channels, filters]`.
    fn narrow<'a, T>(&self, wide: &'a mut [T], neighbor: usize) -> ArrayViewMut4<'a, T> {
        let first = neighbor * self.stride;
        self.wide(wide).slice_move(s![.., first..first + self.kernel, .., neighbor, ..])
    }

    /// Lays out the kernel of wide places. Shape of `w`: `[k, k, channels, filters]`.
    fn widen<'a, T: Real>(&self, w: ArrayView4<'_, T>, wide: &'a mut [T]) -> ArrayViewMut2<'a, T> {
        wide.fill(T::zero());
        for neighbor in 0..self.neighbors {
            self.narrow(wide, neighbor).assign(&w);
        }
        self.wide_matrix(wide)
    }

    fn frame_entries(&self) -> usize {
        self.frame[0] * self.frame[1] * self.channels
    }

    /// y ← P·w, or y ← y + P·w where `accumulate`, with wide places. Shapes: `w` as
    /// [`Windows::wide_matrix`] has it, `frames` room for as many parts as `halvings` make.
    fn multiply<T: Real>(
        &self,
        images: ArrayView4<'_, T>,
        w: ArrayView2<'_, T>,
        frames: &mut [T],
        mut y: ArrayViewMut4<'_, T>,
        accumulate: bool,
        halvings: u32,
    ) {
        let batch = images.len_of(Axis(0));
        if halvings > 0 && batch > 1 && work(y.view(), w.nrows()) >= MIN_MULTIPLICATIONS {
            let (images_left, images_right) = images.split_at(Axis(0), batch / 2);
            let (y_left, y_right) = y.split_at(Axis(0), batch / 2);
            let (frames_left, frames_right) = frames.split_at_mut(frames.len() / 2);
            join(
                || self.multiply(images_left, w, frames_left, y_left, accumulate, halvings - 1),
                || self.multiply(images_right, w, frames_right, y_right, accumulate, halvings - 1),
            );
            return;
        }
        self.for_groups(images, frames, |group, patches, _| {
            let y = y.slice_axis_mut(Axis(0), group.into());
            gemm(&patches, w, matrix_mut(y), accumulate);
        });
    }

    /// dw ← dw + Pᵀ·dy, in the `rows` of it that are here.
    fn multiply_transposed<T: Real>(
        &self,
        images: ArrayView4<'_, T>,
        dy: ArrayView4<'_, T>,
        frames: &mut [T],
        rows: Range<usize>,
        mut dw: ArrayViewMut2<'_, T>,
        halvings: u32,
    ) {
        if halvings > 0 && rows.len() > 1 && work(dy, rows.len()) >= MIN_MULTIPLICATIONS {
            let half = rows.len() / 2;
            let (upper, lower) = (rows.start..rows.start + half, rows.start + half..rows.end);
            let (dw_upper, dw_lower) = dw.split_at(Axis(0), half);
            let (frames_upper, frames_lower) = frames.split_at_mut(frames.len() / 2);
            let halvings = halvings - 1;
            join(
                || self.multiply_transposed(images, dy, frames_upper, upper, dw_upper, halvings),
                || self.multiply_transposed(images, dy, frames_lower, lower, dw_lower, halvings),
            );
            return;
        }
        self.for_groups(images, frames, |group, _, transposed| {
            let dy = dy.slice_axis(Axis(0), group.into());
            gemm(&transposed.select(rows.clone()), matrix(dy), dw.view_mut(), true);
        });
    }

    /// Lays out a group of images after the other, and calls `run` with the group, P and Pᵀ.
    fn for_groups<T: Real>(
        &self,
        images: ArrayView4<'_, T>,
        frames: &mut [T],
        mut run: impl FnMut(Range<usize>, Rows<'_, T>, Rows<'_, T>),
    ) {
        let (batch, height, width, _) = images.dim();
        if self.frame == [height, width] && self.spacing == 1 {
            let images = images.to_slice().expect("images lie in standard order");
            let (patches, transposed) = self.patches(batch, images);
            return run(0..batch, patches, transposed);
        }
        frames.fill(T::zero());
        for start in (0..batch).step_by(self.images) {
            let group = start..batch.min(start + self.images);
            // The zeros of one group are those of the next.
            self.lay_out(images.slice_axis(Axis(0), group.clone().into()), frames);
            let (patches, transposed) = self.patches(group.len(), frames);
            run(group, patches, transposed);
        }
    }

    /// P and Pᵀ of images that are laid out.
    fn patches<'a, T>(&self, batch: usize, frames: &'a [T]) -> (Rows<'a, T>, Rows<'a, T>) {
        let row = self.frame[1] * self.channels;
        let places = [
            (batch, self.frame[0] * row),
            (self.places[0], self.stride * row),
            (self.places[1] / self.neighbors, self.neighbors * self.stride * self.channels),
        ];
        // The channels of neighbors in a row follow each other.
        let window = self.window(self.neighbors);
        let weights = [(1, 0), (self.kernel, row), (window * self.channels, 1)];
        (Rows::new(frames, places, weights), Rows::new(frames, weights, places))
    }

    /// Writes images into their frames.
    fn lay_out<T: Real>(&self, images: ArrayView4<'_, T>, frames: &mut [T]) {
        let (_, height, width, channels) = images.dim();
        let images = images.to_slice().expect("images lie in standard order");
        let inside = [0, 1].map(|axis| self.inside([height, width][axis], self.frame[axis]));
        let place = |i: usize| (i * self.spacing).wrapping_add_signed(self.first);
        let images = images.chunks_exact(height * width * channels);
        for (image, frame) in images.zip(frames.chunks_exact_mut(self.frame_entries())) {
            for i in inside[0].clone() {
                let from = &image[i * width * channels..][..width * channels];
                let to = &mut frame[place(i) * self.frame[1] * channels..];
                if self.spacing == 1 {
                    let pixels = inside[1].start * channels..inside[1].end * channels;
                    let to = &mut to[place(inside[1].start) * channels..][..pixels.len()];
                    to.copy_from_slice(&from[pixels]);
                } else {
                    for j in inside[1].clone() {
                        let pixel = &from[j * channels..][..channels];
                        to[place(j) * channels..][..channels].copy_from_slice(pixel);
                    }
                }
            }
        }
    }

    /// The pixels, of `n` along an axis, that come to lie within the `frame`.
    fn inside(&self, n: usize, frame: usize) -> Range<usize> {
        let start = (-self.first).max(0).unsigned_abs().div_ceil(self.spacing);
        let end = frame.saturating_add_signed(-self.first).div_ceil(self.spacing).min(n);
        start.min(end)..end
    }
}

/// Images with so many neighbors of a row as one pixel: `[batch, height, width/g, g·channels]`.
fn joined<S: RawData>(images: ArrayBase<S, Ix4>, neighbors: usize) -> ArrayBase<S, Ix4> {
    let (batch, height, width, channels) = images.dim();
    images
        .into_shape_with_order((batch, height, width / neighbors, neighbors * channels))
        .expect("images lie in standard order")
}

/// Multiplications of a product whose result is, or whose right factor is, as large as `images`, times
/// `terms`. A product works in whole registers, so few channels cost as much as [`REGISTER`] do.
fn work<T>(images: ArrayView4<'_, T>, terms: usize) -> usize {
    let channels = images.len_of(Axis(3));
    images.len() / channels * channels.max(REGISTER) * terms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_neighbors_as_cost_the_least() {
        let neighbors = |width, filters, kernel, stride| {
            let geometry = Geometry { kernel, stride, padding: 0 };
            Windows::on_images((1, width, width, 3), filters, geometry).neighbors
        };
        assert_eq!(neighbors(32, 6, 5, 1), 2);
        assert_eq!(neighbors(33, 6, 5, 2), 1, "15 places have no half");
        assert_eq!(neighbors(35, 6, 5, 2), 2);
        assert_eq!(neighbors(32, 16, 5, 1), 1);
        assert_eq!(neighbors(30, 1, 3, 1), 14, "28 places are two times 14");
        assert_eq!(neighbors(32, 32, 3, 1), 1);
    }
}
