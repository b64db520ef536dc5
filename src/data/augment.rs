//! Augmentation: other pictures of the same things. Chapter 14.
//!
//! A picture of a cat shows a cat when it is seen in a mirror, moved by two pixels, or with a
//! corner hidden; a digit is the same digit when it is turned a little, or bent. A training that sees one of these in each epoch does not meet the same picture
//! twice, and cannot learn it by heart. Let x be an image `[h, w, c]`, with rows i, columns j and
//! channels k.
//!
//! # Deformation
//!
//! The image is turned, scaled, sheared and bent, each by chance and up to a limit: [`deform`] says how.
//!
//! # Flip
//!
//! The mirror image runs along a row backwards:
//!
//! ```text
//! y_ijk = x_i(w−1−j)k
//! ```
//!
//! A *random* flip takes it with probability 1/2 in each epoch. Of two epochs in a row, one in two
//! then shows an image as the last one did. An *alternating* flip draws a bit b once, for epoch 0,
//! and takes the mirror image in epoch e where b + e is odd: any two epochs in a row show both.
//! Source: Jordan 2024.
//!
//! # Translation
//!
//! The image is padded by p pixels on each side and cut out again at a random place. The padding
//! reflects the image in its edge pixels, which are not repeated:
//!
//! ```text
//! r_n(u) = −u            u < 0
//!          2(n−1) − u    u > n − 1            for −n < u < 2n − 1
//!          u             otherwise
//!
//! y_ijk = x_r_h(i+a)r_w(j+b)k                 a, b uniform on −p … p
//! ```
//!
//! # Cutout
//!
//! A square of s x s pixels is replaced with 0, which is black, in all channels. Its center (a, b)
//! is uniform on the pixels of the image, so part of the square may lie outside of it:
//!
//! ```text
//! y_ijk = 0        a − ⌊s/2⌋ ≤ i < a − ⌊s/2⌋ + s    and    b − ⌊s/2⌋ ≤ j < b − ⌊s/2⌋ + s
//! ```
//!
//! Source: DeVries and Taylor 2017.
//!
//! # What is drawn
//!
//! All draws are a pure function of the seed, the epoch and the number of the sample, so a resumed
//! training sees the images that an uninterrupted one would have seen, and no number of threads
//! changes them. Each sample draws from a stream of its own in each epoch: see [`crate::random`].

pub mod deform;

pub use deform::{Deformation, Elastic};

use crate::data::image_shape;
use crate::hyperparameter::HyperparameterError;
use crate::random::{Purpose, stream};
use crate::real::Real;
use deform::Deformer;
use rand::Rng;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// What is done to an image in each epoch: deformation, flip, translation, cutout, in this order. The
/// default does nothing.
///
/// ```
/// use chainrule::data::augment::{Augmentation, Flip};
///
/// let augmentation =
///     Augmentation { flip: Flip::Alternating, translate: 2, ..Augmentation::NONE };
/// let mut image = [0.5_f32; 32 * 32 * 3];
/// augmentation.on(&[32, 32, 3])?.apply(&mut image, 29, 0, 7); // sample 7 in epoch 0
/// # Ok::<(), chainrule::data::augment::AugmentationError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "train", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "train", serde(default))]
pub struct Augmentation {
    /// How it is turned, scaled, sheared and bent.
    #[cfg_attr(feature = "train", serde(skip_serializing_if = "Deformation::is_none"))]
    pub deformation: Deformation,
    /// Whether the image is mirrored.
    pub flip: Flip,
    /// Most pixels that it is moved by, down or up and to the right or left.
    pub translate: usize,
    /// Side of the square that is cut out of it, in pixels.
    pub cutout: usize,
}

/// When an image is mirrored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "train", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "train", serde(rename_all = "kebab-case"))]
pub enum Flip {
    /// Never.
    #[default]
    None,
    /// In each epoch with probability 1/2.
    Random,
    /// In every second epoch: from the first on with probability 1/2, else from the second.
    Alternating,
}

/// An augmentation that makes no sense for an image.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum AugmentationError {
    /// A number of the deformation is outside its range.
    #[error("a deformation of images of {height} x {width}: {source}")]
    Deformation {
        /// The number.
        source: HyperparameterError,
        /// The image's rows.
        height: usize,
        /// The image's columns.
        width: usize,
    },
    /// The input is no image.
    #[error(
        "an input of shape {shape:?} is no image: it needs a height, a width and at most one \
         more axis of channels to be deformed, flipped, translated or cut out of"
    )]
    Shape {
        /// The input's shape.
        shape: Vec<usize>,
    },
    /// A reflection needs more pixels than there are.
    #[error(
        "a translation by up to {translate} pixels does not fit an image of {height} x {width}: \
         its reflection has at most {}", height.min(width).saturating_sub(1)
    )]
    Translate {
        /// Pixels that the image is to be moved by.
        translate: usize,
        /// The image's rows.
        height: usize,
        /// The image's columns.
        width: usize,
    },
    /// The square is larger than the image.
    #[error(
        "a cutout of {cutout} x {cutout} pixels does not fit an image of {height} x {width}: \
         take at most {}", height.min(width)
    )]
    Cutout {
        /// Side of the square.
        cutout: usize,
        /// The image's rows.
        height: usize,
        /// The image's columns.
        width: usize,
    },
}

impl Augmentation {
    /// Nothing is done.
    pub const NONE: Self =
        Self { deformation: Deformation::NONE, flip: Flip::None, translate: 0, cutout: 0 };

    /// This augmentation, of images of one `shape`: `[height, width]`, or with an axis of channels
    /// after it. Where nothing is done, the inputs may be of any shape.
    ///
    /// # Errors
    /// [`AugmentationError::Shape`], [`AugmentationError::Deformation`] where one of its numbers is
    /// outside its range, [`AugmentationError::Translate`] where the translation is no less than a side,
    /// and [`AugmentationError::Cutout`] where the square is larger than one.
    pub fn on(self, shape: &[usize]) -> Result<Augmenter, AugmentationError> {
        if self == Self::NONE {
            return Ok(Augmenter { augmentation: self, deformer: None, shape: None });
        }
        let shape @ [height, width, _] =
            image_shape(shape).ok_or_else(|| AugmentationError::Shape { shape: shape.to_vec() })?;
        let Self { deformation, translate, cutout, .. } = self;
        deformation.check([height, width]).map_err(|source| AugmentationError::Deformation {
            source,
            height,
            width,
        })?;
        if translate > 0 && translate >= height.min(width) {
            return Err(AugmentationError::Translate { translate, height, width });
        }
        if cutout > height.min(width) {
            return Err(AugmentationError::Cutout { cutout, height, width });
        }
        let is_one = !deformation.is_none() && height > 0 && width > 0;
        let deformer = is_one.then(|| Deformer::new(deformation, [height, width]));
        Ok(Augmenter { augmentation: self, deformer, shape: Some(shape) })
    }
}

/// An [`Augmentation`] at work, on images of one shape that it makes sense for.
#[derive(Clone, Debug, PartialEq)]
pub struct Augmenter {
    augmentation: Augmentation,
    /// None where nothing is deformed.
    deformer: Option<Deformer>,
    /// `[height, width, channels]`; none where nothing is done.
    shape: Option<[usize; 3]>,
}

impl Augmenter {
    /// Changes an image as sample number `sample` of a data set in `epoch`, counted from 0. Allocates
    /// nothing, but for what a thread deforms its images in, once. A deformation is computed in `f32`.
    ///
    /// # Panics
    /// If the image has another number of entries than its shape.
    pub fn apply<T: Real>(&self, image: &mut [T], seed: u64, epoch: u64, sample: u64) {
        let Some(shape @ [height, width, channels]) = self.shape else { return };
        assert_eq!(image.len(), height * width * channels, "an image of shape {shape:?}");
        if image.is_empty() {
            return;
        }
        let mut rng = stream(seed, Purpose::Augmentation { epoch, sample });
        let [coin, down, right, row, column] = draws(&mut rng);
        if let Some(deformer) = &self.deformer {
            deformer.apply(image, shape, &mut rng);
        }
        let flips = match self.augmentation.flip {
            Flip::None => false,
            Flip::Random => is_heads(coin),
            Flip::Alternating => {
                let mut first = stream(seed, Purpose::Augmentation { epoch: 0, sample });
                is_heads(first.next_u32()) ^ (epoch % 2 == 1)
            }
        };
        if flips {
            mirror(image, shape);
        }
        let Augmentation { translate: most, cutout: side, .. } = self.augmentation;
        if most > 0 {
            let by = |word| below(word, 2 * most + 1) as isize - most as isize;
            translate(image, shape, [by(down), by(right)]);
        }
        if side > 0 {
            cut_out(image, shape, [below(row, height), below(column, width)], side);
        }
    }
}

/// y_ijk = x_i(w−1−j)k: the image of `shape` `[height, width, channels]` in a mirror.
///
/// # Panics
/// If the image has fewer entries than its shape. So do [`translate`] and [`cut_out`].
pub fn mirror<T: Copy>(image: &mut [T], [height, width, channels]: [usize; 3]) {
    for i in 0..height {
        reverse(&mut image[i * width * channels..][..width * channels], channels);
    }
}

/// y_ijk = x_r(i+a)r(j+b)k with `[a, b]` = `by`: what was a rows below and b columns to the right
/// comes here, and what is beyond an edge is reflected in it.
///
/// # Panics
/// If the image has fewer entries than its shape, or a or b is no less than its side.
pub fn translate<T: Copy>(image: &mut [T], [height, width, channels]: [usize; 3], by: [isize; 2]) {
    shift(&mut image[..height * width * channels], width * channels, by[0]);
    for i in 0..height {
        shift(&mut image[i * width * channels..][..width * channels], channels, by[1]);
    }
}

/// Zeros in a square of `side` pixels around `center`, as far as it lies in the image.
///
/// # Panics
/// If the image has fewer entries than its shape.
pub fn cut_out<T: Real>(
    image: &mut [T],
    [height, width, channels]: [usize; 3],
    center: [usize; 2],
    side: usize,
) {
    let span = |center: usize, limit: usize| {
        let end = (center + side).saturating_sub(side / 2).min(limit);
        center.saturating_sub(side / 2)..end
    };
    let columns = span(center[1], width);
    for i in span(center[0], height) {
        image[i * width * channels..][columns.start * channels..columns.end * channels]
            .fill(T::zero());
    }
}

/// Reverses the order of the units of `unit` entries in `line`.
fn reverse<T: Copy>(line: &mut [T], unit: usize) {
    let count = line.len() / unit;
    for k in 0..count / 2 {
        let (left, right) = line.split_at_mut((count - 1 - k) * unit);
        left[k * unit..(k + 1) * unit].swap_with_slice(&mut right[..unit]);
    }
}

/// y_i = x_r(i+by) over the units of `unit` entries in `line`, in place.
fn shift<T: Copy>(line: &mut [T], unit: usize, by: isize) {
    let (count, distance) = (line.len() / unit, by.unsigned_abs());
    if by < 0 {
        // What comes from the left comes from the right in a mirror.
        reverse(line, unit);
    }
    // Behind x_s … x_(n−1) stand x_0 … x_(s−1), where x_(n−2), x_(n−3), … x_(n−1−s) belong.
    line.rotate_left(distance * unit);
    let (kept, tail) = line.split_at_mut((count - distance) * unit);
    // The first of these are among the kept ones. The others stand in the tail, in reverse.
    let reflected = distance.min(count - 1 - distance);
    reverse(&mut tail[reflected * unit..], unit);
    for (k, to) in tail.chunks_exact_mut(unit).take(reflected).enumerate() {
        let from = (count - distance - 2 - k) * unit;
        to.copy_from_slice(&kept[from..from + unit]);
    }
    if by < 0 {
        reverse(line, unit);
    }
}

/// The first five words for a sample in an epoch: the coin, the translation and the center of the cutout.
/// What a deformation draws comes after them.
fn draws(rng: &mut impl Rng) -> [u32; 5] {
    std::array::from_fn(|_| rng.next_u32())
}

fn is_heads(word: u32) -> bool {
    below(word, 2) == 1
}

/// A word as a number below `count`, each as likely as the others but for `count` in 2³².
fn below(word: u32, count: usize) -> usize {
    ((u64::from(word) * count as u64) >> 32) as usize
}

impl Flip {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::None, Self::Random, Self::Alternating];

    /// The name by which it is chosen: `"none"`, `"random"`, `"alternating"`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Random => "random",
            Self::Alternating => "alternating",
        }
    }
}

impl fmt::Display for Flip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that no [`Flip`] has.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("there is no flip `{name}`: choose {}", Flip::ALL.map(Flip::name).join(", "))]
pub struct UnknownFlip {
    /// The name.
    pub name: String,
}

impl FromStr for Flip {
    type Err = UnknownFlip;

    fn from_str(name: &str) -> Result<Self, UnknownFlip> {
        Self::ALL
            .into_iter()
            .find(|flip| flip.name() == name)
            .ok_or_else(|| UnknownFlip { name: name.to_owned() })
    }
}

impl fmt::Display for Augmentation {
    /// Such as `rotation 15°, translate 2`; `none` where nothing is done.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if !self.deformation.is_none() {
            parts.push(self.deformation.to_string());
        }
        if self.flip != Flip::None {
            parts.push(format!("flip {}", self.flip));
        }
        if self.translate > 0 {
            parts.push(format!("translate {}", self.translate));
        }
        if self.cutout > 0 {
            parts.push(format!("cutout {}", self.cutout));
        }
        f.write_str(if parts.is_empty() { "none" } else { "" })?;
        f.write_str(&parts.join(", "))
    }
}
