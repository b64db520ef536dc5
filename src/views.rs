//! Views: predictions from several versions of an image, known as *test-time augmentation*. Chapter 14.
//!
//! A mirrored cat is a cat, and so is one that stands a pixel further up. A trained network nearly
//! agrees, but its logits for the two differ. Let z_v be the logits for view v of an image. Each is what
//! the image calls for plus an error of the view, and in the weighted mean
//!
//! ```text
//! z = Σ_v a_v·z_v        Σ_v a_v = 1
//! ```
//!
//! the errors partly cancel. The prediction is the largest entry of z. The cross-entropy L is
//! [convex](crate::softmax) in the logits, so that of the mean is no larger than the mean of the views':
//!
//! ```text
//! L(Σ_v a_v·z_v) ≤ Σ_v a_v·L(z_v)
//! ```
//!
//! An evaluation costs as many passes as there are views. A training costs nothing more.
//!
//! A view that is shifted needs pixels from beyond the edge. They are reflected there: with n pixels,
//! number −1 is number 1 and number n is number n − 2.
//!
//! Source: K. Jordan's airbench (arXiv:2404.00498), whose weights these are.

use crate::data::Dataset;
use crate::data::augment::mirror;
use crate::network::{Evaluation, Network};
use crate::real::Real;
use crate::tensor::{ShapeError, Tensor, entries};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// Which views of an image the logits are averaged over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "train", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "train", serde(rename_all = "kebab-case"))]
pub enum Views {
    /// The image alone.
    #[default]
    One,
    /// The image and its mirror image, with equal weights.
    Flip,
    /// Those two, with half of the weight together, and both shifted by a pixel up and to the left, and
    /// down and to the right: six views.
    FlipAndShift,
}

impl Views {
    /// The views with their weights, whose sum is 1.
    pub fn list(self) -> &'static [View] {
        const fn view(weight: f64, mirrored: bool, shift: isize) -> View {
            View { weight, mirrored, shift }
        }
        match self {
            Self::One => const { &[view(1.0, false, 0)] },
            Self::Flip => const { &[view(0.5, false, 0), view(0.5, true, 0)] },
            Self::FlipAndShift => {
                const {
                    &[
                        view(0.25, false, 0),
                        view(0.25, true, 0),
                        view(0.125, false, 1),
                        view(0.125, true, 1),
                        view(0.125, false, -1),
                        view(0.125, true, -1),
                    ]
                }
            }
        }
    }
}

impl Views {
    /// Height, width and channels of the images in `data` that views are taken of; none where each input
    /// is its only view.
    ///
    /// # Errors
    /// [`ShapeError`] where the inputs are no images.
    pub fn images(self, data: &Dataset) -> Result<Option<[usize; 3]>, ShapeError> {
        if self == Self::One {
            return Ok(None);
        }
        let rule = "views are taken of images: [height, width] or [height, width, channels]";
        let error = || ShapeError::new("views", &[data.shape()], rule);
        data.image_shape().map(Some).ok_or_else(error)
    }
}

impl fmt::Display for Views {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::One => "one",
            Self::Flip => "flip",
            Self::FlipAndShift => "flip-and-shift",
        })
    }
}

/// Text that names no [`Views`].
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("unknown views `{0}`: choose one, flip or flip-and-shift")]
pub struct ViewsError(pub String);

impl FromStr for Views {
    type Err = ViewsError;

    fn from_str(name: &str) -> Result<Self, ViewsError> {
        [Self::One, Self::Flip, Self::FlipAndShift]
            .into_iter()
            .find(|views| views.to_string() == name)
            .ok_or_else(|| ViewsError(name.to_owned()))
    }
}

/// One view of an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// Its weight a_v in the mean of the logits.
    pub weight: f64,
    /// Whether left and right are exchanged, after the shift.
    pub mirrored: bool,
    /// The pixel at (y, x) shows what the image has at (y + shift, x + shift).
    pub shift: isize,
}

impl View {
    /// Writes the view of `original` into `image`, both `[height, width, channels]`.
    ///
    /// # Panics
    /// If one of them has another size than the `shape` tells.
    pub fn write<T: Real>(&self, original: &[T], shape: [usize; 3], image: &mut [T]) {
        let [height, width, channels] = shape;
        for (place, pixel) in image.chunks_exact_mut(channels).enumerate() {
            let (y, x) = (place / width, place % width);
            let from = reflected(y, self.shift, height) * width + reflected(x, self.shift, width);
            pixel.copy_from_slice(&original[from * channels..(from + 1) * channels]);
        }
        if self.mirrored {
            mirror(image, shape);
        }
    }
}

impl<T: Real> Network<T> {
    /// [`Network::evaluate`] with the mean of the logits over several `views` of each image. Chapter 14.
    ///
    /// # Errors
    /// Those of [`Network::evaluate`], and [`ShapeError`] where there is more than one view and the
    /// inputs are no images.
    pub fn evaluate_with(
        &mut self,
        data: &Dataset,
        batch: usize,
        views: Views,
    ) -> Result<Evaluation, ShapeError> {
        let Some(shape) = views.images(data)? else { return self.evaluate(data, batch) };
        self.evaluate_by(data, batch, |network| network.forward_views(views.list(), shape))
    }

    /// One pass for each view of the loaded images, of this `shape`. The logits become the views' mean,
    /// and the loss that of the mean.
    fn forward_views(&mut self, views: &[View], shape: [usize; 3]) {
        let (input, logits, features) = (self.input(), self.logits(), self.features());
        let originals = self.tape.value(input).clone();
        let mut mean = Tensor::zeros(self.tape.value(logits).raw_dim());
        for view in views {
            let mut images = self.tape.value_mut(input);
            let images = images.as_slice_mut().expect("a tape's tensors are contiguous");
            let pairs =
                images.chunks_exact_mut(features).zip(entries(&originals).chunks_exact(features));
            for (image, original) in pairs {
                view.write(original, shape, image);
            }
            self.tape.forward();
            mean.scaled_add(T::of(view.weight), self.tape.value(logits));
        }
        self.tape.value_mut(logits).assign(&mean);
        self.tape.forward_after(logits);
    }
}

/// The pixel number `i` + `shift` of `n`, reflected at the edges.
fn reflected(i: usize, shift: isize, n: usize) -> usize {
    let last = n as isize - 1;
    let place = (i as isize + shift).abs();
    // A single pixel has no other to show.
    (last - (last - place).abs()).max(0) as usize
}
