//! Parts of a data set that share no sample. Chapter 11.
//!
//! A seeded shuffle puts the samples into an order, and the parts take their samples from it one
//! after the other. No sample is in two parts, so what a network is judged on it has not seen.
//!
//! ```
//! use chainrule::data::{digits, split};
//!
//! let digits = digits::draw(1_000, 29);
//! let [train, validation, test] = split::by_counts(&digits, [700, 100, 200], 29)?;
//! assert_eq!([train.len(), validation.len(), test.len()], [700, 100, 200]);
//!
//! let [train, test] = split::by_ratio(&digits, 0.9, 29)?;
//! assert_eq!([train.len(), test.len()], [900, 100]);
//!
//! // 70:30, and a tenth of the first part held out for validation.
//! let [train, validation, test] = split::by_shares(&digits, [63, 7, 30], 29)?;
//! assert_eq!([train.len(), validation.len(), test.len()], [630, 70, 300]);
//! # Ok::<(), chainrule::data::split::SplitError>(())
//! ```

//! # Splits of one seed are nested
//!
//! The order depends on the number of samples and the seed alone, so parts of two splits may be
//! compared. Of the splits 70:30 and 90:10, the second's test part lies in the first's, and the first's
//! training part in the second's. And 63:7:30 has the test part of 70:30, with a training part that lies
//! in that of 70:30: what is held out for validation changes no test.

use crate::data::Dataset;
use crate::random::{Purpose, stream};
use rand::seq::SliceRandom;
use thiserror::Error;

/// A split that cannot be made.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum SplitError {
    /// The parts need more samples than there are.
    #[error("{name}: parts of {counts:?} need more than its {samples} samples: ask for fewer")]
    TooMany {
        /// The data set.
        name: String,
        /// The sizes asked for.
        counts: Vec<usize>,
        /// The samples that there are.
        samples: usize,
    },
    /// A part has no sample.
    #[error("{name}: part {part} of a split into {counts:?} is empty: each needs a sample or more")]
    Empty {
        /// The data set.
        name: String,
        /// The first part without a sample.
        part: usize,
        /// The sizes of the parts.
        counts: Vec<usize>,
    },
    /// The ratio leaves nothing for one of the parts, or is no number.
    #[error("a split needs a ratio between 0 and 1, as 0.7 for 70:30, not {ratio}")]
    Ratio {
        /// The ratio asked for.
        ratio: f64,
    },
    /// The shares say nothing of the parts.
    #[error("a split needs shares as 63, 7 and 30, of which each is 1 or more, not {shares:?}")]
    Shares {
        /// The shares asked for.
        shares: Vec<u32>,
    },
}

/// Disjoint parts with these numbers of samples, shuffled by `seed`. Samples that are left over
/// are in no part.
///
/// # Errors
/// [`SplitError::TooMany`] and [`SplitError::Empty`].
pub fn by_counts<const PARTS: usize>(
    data: &Dataset,
    counts: [usize; PARTS],
    seed: u64,
) -> Result<[Dataset; PARTS], SplitError> {
    let name = || data.name().to_owned();
    if let Some(part) = counts.iter().position(|&count| count == 0) {
        return Err(SplitError::Empty { name: name(), part, counts: counts.to_vec() });
    }
    let samples = data.len();
    if counts.iter().try_fold(samples, |left, &count| left.checked_sub(count)).is_none() {
        return Err(SplitError::TooMany { name: name(), counts: counts.to_vec(), samples });
    }
    let mut order: Vec<usize> = (0..samples).collect();
    order.shuffle(&mut stream(seed, Purpose::Split));
    let mut taken = 0;
    Ok(counts.map(|count| {
        let part = data.select(&order[taken..taken + count]);
        taken += count;
        part
    }))
}

/// All samples in two disjoint parts, shuffled by `seed`: the first takes `ratio` of them,
/// rounded, and the second the rest.
///
/// # Errors
/// [`SplitError::Ratio`] where `ratio` is not between 0 and 1, and [`SplitError::Empty`] where a
/// part would have no sample.
pub fn by_ratio(data: &Dataset, ratio: f64, seed: u64) -> Result<[Dataset; 2], SplitError> {
    if !(ratio > 0.0 && ratio < 1.0) {
        return Err(SplitError::Ratio { ratio });
    }
    let first = (ratio * data.len() as f64).round() as usize;
    by_counts(data, [first, data.len() - first], seed)
}

/// All samples in disjoint parts, shuffled by `seed`, whose sizes are as the `shares`: of n samples and
/// shares that sum to S, the first i parts have n · (s₁ + … + sᵢ) / S samples together, rounded.
///
/// # Errors
/// [`SplitError::Shares`] where a share is 0, and [`SplitError::Empty`] where a part would have no sample.
pub fn by_shares<const PARTS: usize>(
    data: &Dataset,
    shares: [u32; PARTS],
    seed: u64,
) -> Result<[Dataset; PARTS], SplitError> {
    if shares.contains(&0) {
        return Err(SplitError::Shares { shares: shares.to_vec() });
    }
    let sum = |shares: &[u32]| shares.iter().map(|&share| u128::from(share)).sum::<u128>();
    let all = sum(&shares);
    let end = |parts: usize| (data.len() as u128 * sum(&shares[..parts]) + all / 2) / all;
    let count = |part| (end(part + 1) - end(part)) as usize;
    by_counts(data, std::array::from_fn(count), seed)
}
