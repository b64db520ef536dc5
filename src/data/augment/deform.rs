//! Deformation: an image turned, stretched, sheared, and bent as if drawn on rubber. Chapter 14.
//!
//! Each pixel p of the new image takes the color of a place q of the old one. With the center c of the
//! image, a matrix M and a displacement u of each pixel,
//!
//! ```text
//! q = c + M·(p − c) + u_p                          p, q, c, u_p: (row, column)
//! y_pk = Σ_(a, b in {0, 1})  w_a(q₀)·w_b(q₁)·x_(⌊q₀⌋+a)(⌊q₁⌋+b)k
//! w₀(t) = 1 − (t − ⌊t⌋)        w₁(t) = t − ⌊t⌋
//! ```
//!
//! which is bilinear interpolation between the four pixels around q. Outside of the image x is 0: black,
//! as paper is in MNIST.
//!
//! # The matrix
//!
//! The image is scaled by s₀ down and s₁ across, sheared along its rows by an angle φ, and turned by an
//! angle θ, counterclockwise as it is seen, where rows run down:
//!
//! ```text
//! A = (cos θ  −sin θ) · (1      0) · (s₀  0 )             from old to new places
//!     (sin θ   cos θ)   (tan φ  1)   (0   s₁)
//!
//! M = A⁻¹ = (1/s₀  0   ) · ( 1      0) · ( cos θ  sin θ)  from new to old ones
//!           (0     1/s₁)   (−tan φ  1)   (−sin θ  cos θ)
//! ```
//!
//! # Elastic displacements
//!
//! Each pixel draws a row n₀ and a column n₁, uniform on −1 … 1 and independent. Smoothed by a Gaussian and
//! multiplied by a strength α they are the displacements:
//!
//! ```text
//! u = α·(G * n)        G_d = exp(−d²/2σ²) / Σ_e exp(−e²/2σ²), along the rows and along the columns
//! ```
//!
//! The image is a ring to this smoothing: it goes on at the opposite edge. So every pixel has as many
//! neighbors, and moves as far as any other. A uniform number has variance 1/3, and G adds up n with
//! weights whose squares sum, in two dimensions, to 1/(4πσ²) where σ is neither below a pixel nor near the
//! size of the image. Then
//!
//! ```text
//! deviation of u = α / (2σ·√(3π)) = 0.163·α/σ
//! ```
//!
//! pixels: with α = 36 and σ = 5 it is 1.17. A smaller σ makes a rough field, and a larger one moves the
//! image as a whole.
//!
//! Sources: Simard, Steinkraus and Platt 2003, "Best practices for convolutional neural networks applied to
//! visual document analysis"; Ciresan, Meier, Gambardella and Schmidhuber 2010, "Deep, big, simple neural
//! nets for handwritten digit recognition", whose digits were turned or sheared by up to 15°, scaled by up
//! to 15 to 20 %, and bent with α = 36 to 38 and σ = 5 to 6.

use crate::hyperparameter::HyperparameterError;
use crate::parallel::vectorized;
use crate::real::Real;
use rand::Rng;
use std::cell::RefCell;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// How far an image is turned, scaled, sheared and bent at most. The default does nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "train", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "train", serde(default))]
pub struct Deformation {
    /// Degrees by which it is turned, to the left or the right: θ is uniform between them.
    pub rotation: f64,
    /// The share s by which it is scaled: s₀ and s₁ are uniform on 1 − s … 1 + s, and independent.
    pub scaling: f64,
    /// Degrees by which its columns lean: φ is uniform between them.
    pub shear: f64,
    /// How it is bent.
    pub elastic: Option<Elastic>,
}

/// A field of random displacements.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "train", derive(serde::Serialize, serde::Deserialize))]
pub struct Elastic {
    /// α: the strength, in pixels.
    pub alpha: f64,
    /// σ: the Gaussian's standard deviation, in pixels.
    pub sigma: f64,
}

impl Deformation {
    /// Nothing is done.
    pub const NONE: Self = Self { rotation: 0.0, scaling: 0.0, shear: 0.0, elastic: None };

    /// Whether nothing is done.
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }

    /// Refuses numbers that make no deformation of images of this size.
    pub(super) fn check(&self, [height, width]: [usize; 2]) -> Result<(), HyperparameterError> {
        let check = |name, value: f64, fits: bool, range| {
            if fits { Ok(()) } else { Err(HyperparameterError { name, value, range }) }
        };
        let Self { rotation, scaling, shear, elastic } = *self;
        check("rotation", rotation, (0.0..=180.0).contains(&rotation), "0 to 180 degrees")?;
        check("scaling", scaling, (0.0..=0.9).contains(&scaling), "a share of 0 to 0.9")?;
        check("shear", shear, (0.0..=80.0).contains(&shear), "0 to 80 degrees")?;
        let Some(Elastic { alpha, sigma }) = elastic else { return Ok(()) };
        check("alpha", alpha, (0.0..=1_000.0).contains(&alpha), "0 to 1,000 pixels")?;
        let side = height.min(width) as f64;
        let range = "more than 0 pixels, and at most the image's shorter side";
        check("sigma", sigma, sigma > 0.0 && sigma <= side, range)
    }
}

impl fmt::Display for Deformation {
    /// Such as `rotation 15°, scaling 0.15, elastic 36:5`; `none` where nothing is done.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rotation, scaling, shear, elastic } = *self;
        let parts = [
            (rotation > 0.0).then(|| format!("rotation {rotation}°")),
            (scaling > 0.0).then(|| format!("scaling {scaling}")),
            (shear > 0.0).then(|| format!("shear {shear}°")),
            elastic.map(|elastic| format!("elastic {elastic}")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        f.write_str(if parts.is_empty() { "none" } else { "" })?;
        f.write_str(&parts.join(", "))
    }
}

/// A text that is no [`Elastic`].
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{text}` is no strength and smoothing in pixels: write them as 36:5")]
pub struct NotElastic {
    /// The text.
    pub text: String,
}

impl FromStr for Elastic {
    type Err = NotElastic;

    /// α and σ as `36:5`.
    fn from_str(text: &str) -> Result<Self, NotElastic> {
        let read = || {
            let (alpha, sigma) = text.split_once(':')?;
            Some(Self { alpha: alpha.parse().ok()?, sigma: sigma.parse().ok()? })
        };
        read().ok_or_else(|| NotElastic { text: text.to_owned() })
    }
}

impl fmt::Display for Elastic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.alpha, self.sigma)
    }
}

/// A [`Deformation`] at work, on images of one shape.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Deformer {
    deformation: Deformation,
    /// The Gaussian around a ring of as many pixels as a column has, and as a row has.
    kernels: Option<[Vec<f32>; 2]>,
}

/// What a thread deforms images in, so that no image takes memory.
#[derive(Debug, Default)]
struct Scratch {
    source: Vec<f32>,
    displacements: Vec<f32>,
    transposed: Vec<f32>,
    line: Vec<f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Deformer {
    /// Of a deformation that has been checked.
    pub(super) fn new(deformation: Deformation, [height, width]: [usize; 2]) -> Self {
        let gaussian = |elastic: Elastic| [height, width].map(|side| ring(elastic.sigma, side));
        Self { deformation, kernels: deformation.elastic.map(gaussian) }
    }

    /// Deforms an image by numbers from `rng`: four words, and then one for each pixel if it is bent.
    pub(super) fn apply<T: Real>(
        &self,
        image: &mut [T],
        shape @ [height, width, _]: [usize; 3],
        rng: &mut impl Rng,
    ) {
        let Deformation { rotation, scaling, shear, elastic } = self.deformation;
        let [turn, down, across, lean] = std::array::from_fn(|_| centered(rng.next_u32()));
        let scales = [1.0 + scaling * down, 1.0 + scaling * across];
        let matrix = matrix((rotation * turn).to_radians(), (shear * lean).to_radians(), scales);
        SCRATCH.with_borrow_mut(|scratch| {
            let Scratch { source, displacements, transposed, line } = scratch;
            displacements.clear();
            displacements.resize(2 * height * width, 0.0);
            let (rows, columns) = displacements.split_at_mut(height * width);
            if let (Some(kernels), Some(Elastic { alpha, .. })) = (&self.kernels, elastic) {
                draw(rows, columns, alpha as f32, rng);
                vectorized(
                    #[inline(always)]
                    || {
                        for field in [&mut *rows, &mut *columns] {
                            smooth(field, [height, width], kernels, transposed, line);
                        }
                    },
                );
            }
            source.clear();
            source.extend(image.iter().map(|x| x.as_f64() as f32));
            warp(image, source, shape, matrix, [rows, columns]);
        });
    }
}

/// A word as a number from −1 up to 1.
fn centered(word: u32) -> f64 {
    f64::from(word as i32) / f64::from(1_u32 << 31)
}

/// M of the angles θ and φ, in radians, and the scales s₀ and s₁.
pub fn matrix(turn: f64, lean: f64, [down, across]: [f64; 2]) -> [[f64; 2]; 2] {
    let (sin, cos) = turn.sin_cos();
    let tan = lean.tan();
    [[cos / down, sin / down], [(-tan * cos - sin) / across, (-tan * sin + cos) / across]]
}

/// G around a ring of `side` places: the weights of the places 0 … side − 1 behind one, which sum to 1.
pub fn ring(sigma: f64, side: usize) -> Vec<f32> {
    // Where σ is at most the side, what is left out is below e⁻³².
    let turns = -8..=8_i32;
    let weight = |place: usize| -> f64 {
        let around = |turn: i32| place as f64 + f64::from(turn) * side as f64;
        turns.clone().map(|turn| (-0.5 * (around(turn) / sigma).powi(2)).exp()).sum()
    };
    let weights: Vec<f64> = (0..side).map(weight).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| (weight / sum) as f32).collect()
}

/// α·n of each pixel, of its rows from the low half of a word and of its columns from the high one.
fn draw(rows: &mut [f32], columns: &mut [f32], alpha: f32, rng: &mut impl Rng) {
    let scale = alpha / f32::from(1_u16 << 15);
    for (row, column) in rows.iter_mut().zip(columns) {
        let word = rng.next_u32();
        *row = scale * f32::from(word as i16);
        *column = scale * f32::from((word >> 16) as i16);
    }
}

/// G * field, in place, by a pass along the columns and one along the rows.
#[inline(always)]
fn smooth(
    field: &mut [f32],
    [height, width]: [usize; 2],
    [down, across]: &[Vec<f32>; 2],
    transposed: &mut Vec<f32>,
    line: &mut Vec<f32>,
) {
    transposed.resize(height * width, 0.0);
    line.resize(height.max(width), 0.0);
    pass(field, transposed, [height, width], down, line);
    pass(transposed, field, [width, height], across, line);
}

/// yᵀ of y_ij = Σ_d k_d·x_((i+d) mod h)j, row by row, whose sums run side by side.
#[inline(always)]
fn pass(x: &[f32], y: &mut [f32], [height, width]: [usize; 2], kernel: &[f32], line: &mut [f32]) {
    let line = &mut line[..width];
    for i in 0..height {
        line.fill(0.0);
        for (d, &weight) in kernel.iter().enumerate() {
            let row = if i + d < height { i + d } else { i + d - height };
            for (sum, &x) in line.iter_mut().zip(&x[row * width..][..width]) {
                *sum += weight * x;
            }
        }
        for (j, &sum) in line.iter().enumerate() {
            y[j * height + i] = sum;
        }
    }
}

/// The image `[height, width, channels]` that takes its colors from the `source` at q = c + M·(p − c) + u,
/// with u in `displacements`: the rows of all pixels, and the columns.
///
/// # Panics
/// If the image, the source or the displacements have fewer entries than the shape says.
pub fn warp<T: Real>(
    image: &mut [T],
    source: &[f32],
    [height, width, channels]: [usize; 3],
    matrix: [[f64; 2]; 2],
    [rows, columns]: [&[f32]; 2],
) {
    let [[a, b], [c, d]] = matrix.map(|row| row.map(|entry| entry as f32));
    let center = [height, width].map(|side| 0.5 * (side as f32 - 1.0));
    for i in 0..height {
        for j in 0..width {
            let p = i * width + j;
            let [y, x] = [i as f32 - center[0], j as f32 - center[1]];
            let row = Place::new(center[0] + (a * y + b * x) + rows[p], height);
            let column = Place::new(center[1] + (c * y + d * x) + columns[p], width);
            let taps = row.taps().map(|(i, w)| column.taps().map(|(j, v)| (i * width + j, w * v)));
            for k in 0..channels {
                let color = |(pixel, weight): (usize, f32)| weight * source[pixel * channels + k];
                let [above, below] = taps.map(|pair| color(pair[0]) + color(pair[1]));
                image[p * channels + k] = T::of(f64::from(above + below));
            }
        }
    }
}

/// A place between two pixels of a row or a column.
struct Place {
    /// The two pixels, each in the image.
    pixels: [usize; 2],
    /// What each counts: nothing, where it is none of the image.
    weights: [f32; 2],
}

impl Place {
    /// q on a line of so many pixels.
    #[inline]
    fn new(q: f32, side: usize) -> Self {
        // Beyond these all is black, and a conversion to whole numbers is exact between them.
        let q = q.clamp(-1.0, side as f32);
        let floor = (q + 1.0) as usize; // One more than ⌊q⌋, and never below 0.
        let part = q + 1.0 - floor as f32;
        let inside = |pixel: usize, weight: f32| match pixel {
            0 => (0, 0.0),
            pixel if pixel > side => (0, 0.0),
            pixel => (pixel - 1, weight),
        };
        let [(first, w0), (second, w1)] = [inside(floor, 1.0 - part), inside(floor + 1, part)];
        Self { pixels: [first, second], weights: [w0, w1] }
    }

    fn taps(&self) -> [(usize, f32); 2] {
        [(self.pixels[0], self.weights[0]), (self.pixels[1], self.weights[1])]
    }
}
