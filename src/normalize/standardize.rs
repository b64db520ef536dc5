//! Inputs standardized with constants, channel by channel. Chapter 8.
//!
//! With a mean m_c and a standard deviation s_c of each channel c, fixed before training:
//!
//! ```text
//! y[…, c] = (x[…, c] − m_c) / s_c
//! ```
//!
//! An entry of x reaches one entry of y, and m and s do not depend on x:
//!
//! ```text
//! ∂y[…, c]/∂x[…, c] = 1/s_c        dx[…, c] = dy[…, c] / s_c
//! ```
//!
//! Batch norm takes μ and r from the batch, and pays for that with two more terms. Here the statistics
//! belong to the data set: they are taken once and saved with the network, which then accepts raw
//! pixels wherever it goes.
//!
//! # The statistics of a data set
//!
//! Over all n entries of a channel, in all images,
//!
//! ```text
//! m = 1/n · Σ x        s² = 1/n · Σ (x − m)²
//! ```
//!
//! The images are merged one after the other, as [`moments`](super::moments) merges blocks of rows:
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

use super::moments::{SCRATCH, column_moments};
use crate::data::Dataset;
use crate::gradcheck::Case;
use crate::real::Real;
use crate::tape::{Gradients, Inputs, Op, Tape, Var};
use crate::tensor::{BrokenRule, ShapeError, Tensor, entries, expect_inputs, rows, rows_mut};
use ndarray::Array1;
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

/// y = (x − m) / s. Shapes: x and y `[…, channels]`, m and s `[channels]`.
#[derive(Debug)]
struct Standardize<T> {
    /// m and s.
    constants: [Tensor<T>; 2],
}

impl<T: Real> Op<T> for Standardize<T> {
    fn name(&self) -> &'static str {
        "standardize"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        let [x] = expect_inputs(inputs)?;
        let [mean, std] = self.constants.each_ref().map(Tensor::len);
        if mean != std {
            return Err(format!("{mean} means, but {std} standard deviations").into());
        }
        if x.last() != Some(&mean) {
            let rule = format!("the last axis must hold the {mean} channels of the constants");
            return Err(rule.into());
        }
        Ok(x.to_vec())
    }

    fn forward(&mut self, x: Inputs<'_, T>, y: &mut Tensor<T>) {
        let [mean, std] = self.constants.each_ref().map(entries);
        for (y, x) in rows_mut(y).zip(rows(&x[0])) {
            for ((y, &x), (&mean, &std)) in y.iter_mut().zip(x).zip(mean.iter().zip(std)) {
                *y = (x - mean) / std;
            }
        }
    }

    fn backward(
        &mut self,
        _: Inputs<'_, T>,
        _: &Tensor<T>,
        dy: &Tensor<T>,
        mut dx: Gradients<'_, T>,
    ) {
        let Some(dx) = dx.wanted(0) else { return };
        let std = entries(&self.constants[1]);
        for (dx, dy) in rows_mut(dx).zip(rows(dy)) {
            for ((dx, &dy), &std) in dx.iter_mut().zip(dy).zip(std) {
                *dx += dy / std;
            }
        }
    }

    fn buffers(&self) -> &[Tensor<T>] {
        &self.constants
    }

    fn buffers_mut(&mut self) -> &mut [Tensor<T>] {
        &mut self.constants
    }
}

/// Channels standardized by constants. Chapter 8.
impl<T: Real> Tape<T> {
    /// Standardizes each channel with constants: (x − `mean`) / `std`. dx = dy / `std`. Chapter 8.
    ///
    /// Shapes: `x` `[…, channels]`, `mean` and `std` `[channels]`, the value that of `x`.
    /// [`Tape::buffers`] holds `mean` and `std`, in this order, so that
    /// [`Recorder::name_buffers`](crate::network::Recorder::name_buffers) puts them into model files.
    ///
    /// # Errors
    /// [`ShapeError`] where the shapes do not fit, or a standard deviation is not a finite number
    /// above 0.
    pub fn standardize(&mut self, x: Var, mean: &[f64], std: &[f64]) -> Result<Var, ShapeError> {
        if let Some(c) = std.iter().position(|&s| !(s > 0.0 && s.is_finite())) {
            let rule = format!(
                "the standard deviation of channel {c} is {}: it must be a finite number above 0",
                std[c]
            );
            return Err(ShapeError::new("standardize", &[&[mean.len()], &[std.len()]], rule));
        }
        let constants = [mean, std].map(|constants| {
            constants.iter().map(|&constant| T::of(constant)).collect::<Array1<T>>().into_dyn()
        });
        self.push(Standardize { constants }, &[x])
    }
}

/// The gradient check of this module.
pub const CASES: &[Case] = &[Case::smooth("standardize", |tape, draw| {
    let x = tape.parameter(draw.away_from_zero(&[2, 2, 3]));
    tape.standardize(x, &[0.5, -0.3, 0.1], &[0.2, 1.7, 0.6])
})];
