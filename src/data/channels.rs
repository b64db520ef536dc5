//! The statistics of a data set: mean and standard deviation of each channel. Chapter 11.
//!
//! Over all n entries of a channel, in all images,
//!
//! ```text
//! m = 1/n · Σ x        s² = 1/n · Σ (x − m)²
//! ```
//!
//! The images are merged one after the other, as [`moments`](crate::normalize::moments) merges blocks of rows:
//! n_a entries so far with mean m_a and variance v_a = S_a/n_a, then n_b in the next image. With the
//! share q = n_b/(n_a + n_b) of the new ones and δ = m_b − m_a,
//!
//! ```text
//! m = m_a + q·δ
//! v = S/n = (S_a + S_b + δ²·n_a·n_b/n) / n
//!   = (1 − q)·v_a + q·v_b + q·(1 − q)·δ²        since n_a/n = 1 − q and n_b/n = q
//! ```
//!
//! All images have one size, so q = 1/k at image number k.

use crate::data::Dataset;
use crate::normalize::moments::{SCRATCH, column_moments};
use thiserror::Error;

/// Mean and standard deviation of each channel of a data set.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "train", derive(serde::Serialize, serde::Deserialize))]
pub struct ChannelMoments {
    /// The mean m of each channel.
    pub mean: Vec<f64>,
    /// The standard deviation s of each channel: the root of the mean squared deviation.
    pub std: Vec<f64>,
}

/// A data set whose channels have no statistics.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ChannelError {
    /// There is no sample.
    #[error("{name}: no samples, so no mean: take the statistics of a set that has some")]
    Empty {
        /// The data set.
        name: String,
    },
    /// The channels do not divide the entries of an input.
    #[error("{name}: inputs of shape {shape:?} do not consist of {channels} channels")]
    Channels {
        /// The data set.
        name: String,
        /// Shape of one input.
        shape: Vec<usize>,
        /// The number of channels asked for.
        channels: usize,
    },
}

impl ChannelMoments {
    /// The statistics of all of `data`, computed in `f64`.
    ///
    /// `channels` is the length of the last axis of an input: 3 for color images
    /// `[height, width, 3]`, 1 for grey ones, however they are kept. For pixels from 0 to 1, as
    /// [`Dataset::read`] gives them.
    ///
    /// # Errors
    /// [`ChannelError`] where there is no sample, or inputs do not consist of so many channels.
    pub fn of(data: &Dataset, channels: usize) -> Result<Self, ChannelError> {
        let name = || data.name().to_owned();
        if data.is_empty() {
            return Err(ChannelError::Empty { name: name() });
        }
        if channels == 0 || !data.features().is_multiple_of(channels) {
            let shape = data.shape().to_vec();
            return Err(ChannelError::Channels { name: name(), shape, channels });
        }
        let mut image = vec![0.0; data.features()];
        let (mut mean, mut variance) = (vec![0.0; channels], vec![0.0; channels]);
        let (mut image_mean, mut image_variance) = (mean.clone(), mean.clone());
        let mut scratch = vec![0.0; SCRATCH * channels];
        for sample in 0..data.len() {
            data.read(sample, &mut image);
            column_moments(&image, &mut image_mean, &mut image_variance, &mut scratch);
            let q = 1.0 / (sample + 1) as f64;
            for c in 0..channels {
                let delta: f64 = image_mean[c] - mean[c];
                mean[c] += q * delta;
                variance[c] =
                    (1.0 - q) * variance[c] + q * image_variance[c] + q * (1.0 - q) * delta * delta;
            }
        }
        let std = variance.into_iter().map(f64::sqrt).collect();
        Ok(Self { mean, std })
    }
}
