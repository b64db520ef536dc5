//! Whitening: a first layer that needs no training. Chapter 14.
//!
//! Neighboring pixels of a picture are nearly equal. Of a patch of k×k pixels the sum over all of them
//! varies much and their differences little, and a layer that begins to learn on such inputs sees the
//! sums alone: by [chapter 10](crate::optim) the direction of the largest variance limits the rate, and
//! that of the smallest sets the pace. Whitening turns the patches so that no two entries are
//! correlated, and scales each to variance 1.
//!
//! # The filters
//!
//! Let p be a patch as a vector of n = k·k·c numbers, and N the number of patches. Their second moments
//! are the entries of a symmetric n×n matrix,
//!
//! ```text
//! Σ = 1/N · Σ_p p·pᵀ = V·Λ·Vᵀ        Vᵀ·V = I
//! ```
//!
//! with the eigenvectors e_i in the columns of V and the eigenvalues λ_i on the diagonal of Λ. No mean is
//! taken off: the pixels are [standardized](crate::normalize::standardize), so the mean patch is about 0
//! and Σ about the covariance. A filter w_i responds to a patch with r_i = w_iᵀ·p. Take
//!
//! ```text
//! w_i = e_i / √(λ_i + ε)
//! ```
//!
//! As e_iᵀ·Σ·e_j = λ_i·δ_ij, the second moments of the responses are
//!
//! ```text
//! 1/N · Σ_p r_i·r_j = w_iᵀ·Σ·w_j = δ_ij · λ_i / (λ_i + ε)
//! ```
//!
//! the identity for ε → 0. ε keeps a direction that hardly varies, where noise is all there is, from being
//! scaled up without bound: where λ_i ≪ ε the response stays small.
//!
//! # Beside each its negative
//!
//! A ReLU or a GELU passes what is positive. Of a response r it would keep one half. The layer has the
//! filters w_i and then −w_i, and so 2·n outputs: as max(0, r) − max(0, −r) = r, nothing is lost.
//!
//! # Frozen
//!
//! The filters come from the pictures, not from the labels, and no gradient moves them: they are recorded
//! as [`Recorder::frozen`](crate::network::Recorder::frozen). No gradient of the images is needed either,
//! so the first layer, whose maps are the largest, has no backward pass but for its bias.
//!
//! Sources: D. Page, *How to train your ResNet*, 2018; K. Jordan, *94% on CIFAR-10 in 3.29 seconds on a
//! single GPU*, 2024 (arXiv:2404.00498), which has the negatives, k = 2, ε = 5e-4 and 5,000 images.

pub mod eigen;

use crate::data::Dataset;
use crate::data::channels::ChannelMoments;
use crate::matmul::product;
use crate::real::Real;
use crate::tensor::{ShapeError, Tensor};
use eigen::symmetric_eigen;
use ndarray::{Array2, ArrayView3, s};
use thiserror::Error;

/// How a whitening layer is made. The default: k = 2, ε = 5e-4, 5,000 images.
///
/// ```
/// use chainrule::data::channels::ChannelMoments;
/// use chainrule::data::digits;
/// use chainrule::whiten::Whitening;
///
/// let digits = digits::draw(100, 29);
/// let moments = ChannelMoments::of(&digits, 1)?;
/// let filters = Whitening::default().filters::<f32>(&digits, &moments)?;
/// assert_eq!(filters.shape(), [2, 2, 1, 8]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "train", derive(serde::Serialize, serde::Deserialize))]
pub struct Whitening {
    /// The side k of a patch, in pixels.
    pub kernel: usize,
    /// ε, added to each eigenvalue. 0 or more.
    pub epsilon: f64,
    /// How many images to take the patches from: the first of the data set, all where there are fewer.
    pub images: usize,
}

impl Default for Whitening {
    fn default() -> Self {
        Self { kernel: 2, epsilon: 5e-4, images: 5_000 }
    }
}

/// Images of which no whitening layer can be made.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum WhitenError {
    /// The inputs are no images.
    #[error(
        "{name}: inputs of shape {shape:?} have no patches: images are [height, width] or \
         [height, width, channels]"
    )]
    NoImages {
        /// The data set.
        name: String,
        /// Shape of one input.
        shape: Vec<usize>,
    },
    /// No patch fits into an image.
    #[error("{name}: no patch of {kernel} by {kernel} pixels in images of shape {shape:?}")]
    Kernel {
        /// The data set.
        name: String,
        /// Side of a patch.
        kernel: usize,
        /// Shape of one input.
        shape: Vec<usize>,
    },
    /// There are no images, or none are to be used.
    #[error("{name}: no images to take patches from")]
    Empty {
        /// The data set.
        name: String,
    },
    /// The constants that standardize the images are those of others.
    #[error(
        "{name}: images of {channels} channels are standardized by as many finite means and \
         standard deviations above 0, not by {mean:?} and {std:?}"
    )]
    Moments {
        /// The data set.
        name: String,
        /// Number of channels of its images.
        channels: usize,
        /// The means given.
        mean: Vec<f64>,
        /// The standard deviations given.
        std: Vec<f64>,
    },
    /// The patches' second moments have no eigenvalues: they are too large, or no numbers.
    #[error("the second moments of the patches: {0}")]
    Eigen(#[from] ShapeError),
    /// A direction in which no patch varies, and no ε.
    #[error(
        "the eigenvalue {value:e} of the patches and epsilon {epsilon:e} do not add up to a number \
         above 0: give a larger epsilon"
    )]
    NoVariance {
        /// The eigenvalue.
        value: f64,
        /// ε.
        epsilon: f64,
    },
}

impl Whitening {
    /// The weights of the layer: w₁ … w_n and then −w₁ … −w_n, the direction of the largest variance
    /// first. Computed in `f64`; the same data give the same numbers.
    ///
    /// Shapes: `data` of images `[height, width, channels]`, or `[height, width]` with one channel; the
    /// weights `[kernel, kernel, channels, 2·kernel·kernel·channels]`, those of a convolution.
    /// `moments` standardize the images, as [`Tape::standardize`](crate::Tape::standardize) will.
    ///
    /// # Errors
    /// [`WhitenError`] where the data are no images, a patch does not fit, there are none, the moments
    /// are not theirs or too small, or ε is too small.
    pub fn filters<T: Real>(
        &self,
        data: &Dataset,
        moments: &ChannelMoments,
    ) -> Result<Tensor<T>, WhitenError> {
        let sigma = second_moments(data, moments, self.kernel, self.images)?;
        let n = sigma.nrows();
        let eigen = symmetric_eigen(&sigma)?;
        let mut filters = Array2::zeros((n, 2 * n));
        for (i, (&value, vector)) in eigen.values.iter().zip(eigen.vectors.columns()).enumerate() {
            // Where the patches do not vary, rounding may have left a number below 0.
            let variance = value.max(0.0) + self.epsilon;
            if variance.is_nan() || variance <= 0.0 {
                return Err(WhitenError::NoVariance { value, epsilon: self.epsilon });
            }
            for (k, &entry) in vector.iter().enumerate() {
                let weight = T::of(entry / variance.sqrt());
                (filters[[k, i]], filters[[k, n + i]]) = (weight, -weight);
            }
        }
        let channels = n / (self.kernel * self.kernel);
        let shape = vec![self.kernel, self.kernel, channels, 2 * n];
        Ok(filters.into_shape_with_order(shape).expect("n is kernel·kernel·channels"))
    }
}

/// Σ = 1/N · Σ_p p·pᵀ over all patches of the first `images` of `data`, standardized by `moments`.
///
/// The entries of a patch are in the order of `[kernel, kernel, channels]`, so Σ is `[n, n]` with
/// n = kernel·kernel·channels.
///
/// # Errors
/// Those of [`Whitening::filters`], but for the last.
pub fn second_moments(
    data: &Dataset,
    moments: &ChannelMoments,
    kernel: usize,
    images: usize,
) -> Result<Array2<f64>, WhitenError> {
    let name = || data.name().to_owned();
    let shape = || data.shape().to_vec();
    let [height, width, channels] =
        data.image_shape().ok_or_else(|| WhitenError::NoImages { name: name(), shape: shape() })?;
    if kernel == 0 || kernel > height.min(width) {
        return Err(WhitenError::Kernel { name: name(), kernel, shape: shape() });
    }
    let images = images.min(data.len());
    if images == 0 {
        return Err(WhitenError::Empty { name: name() });
    }
    let ChannelMoments { mean, std } = moments.clone();
    let fit = mean.iter().all(|m| m.is_finite()) && std.iter().all(|&s| s > 0.0 && s.is_finite());
    if [mean.len(), std.len()] != [channels; 2] || !fit {
        return Err(WhitenError::Moments { name: name(), channels, mean, std });
    }
    let n = kernel * kernel * channels;
    let (rows, columns) = (height - kernel + 1, width - kernel + 1);
    let mut image = vec![0.0; data.features()];
    let mut patches = Array2::zeros((rows * columns, n));
    let mut sigma = Array2::zeros((n, n));
    for sample in 0..images {
        data.read(sample, &mut image);
        for (i, x) in image.iter_mut().enumerate() {
            *x = (*x - mean[i % channels]) / std[i % channels];
        }
        let image = ArrayView3::from_shape((height, width, channels), &image)
            .expect("an input has the entries of its shape");
        for (place, mut patch) in patches.rows_mut().into_iter().enumerate() {
            let (y, x) = (place / columns, place % columns);
            let window = image.slice(s![y..y + kernel, x..x + kernel, ..]);
            patch.iter_mut().zip(window).for_each(|(entry, &pixel)| *entry = pixel);
        }
        product(patches.t(), patches.view(), sigma.view_mut(), true);
    }
    Ok(sigma / (images * rows * columns) as f64)
}
