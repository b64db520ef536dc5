//! The score so far: what the book's own network reads right, chapter after chapter.
//!
//! One network goes through the book and learns more with each chapter. Its scores can be compared
//! because they share what they are made of: the samples that it learns from, the samples that it
//! is asked about afterwards, five seeds, and the measure, which is the fraction that is right.
//! Chapters 1 to 4 use points of the plane, chapters 5 to 11 drawn digits.

use crate::data::ellipse::{self, ELLIPSE};
use crate::data::{Dataset, digits};
use crate::metrics::{MetricsError, Spread};
use crate::scalar::Sample;
use std::fmt;

/// The seeds of a score: each is another start, and another order where there is one.
pub const SEEDS: [u64; 5] = [0, 1, 2, 3, 4];

/// What is learned from, and what is asked afterwards. They share no sample.
#[derive(Clone, Debug)]
pub struct Lesson {
    /// To learn from.
    pub training: Dataset,
    /// To be asked about, once, at the end.
    pub test: Dataset,
}

/// The lesson of chapters 1 to 4: points inside (class 0) and outside (class 1) an ellipse, 500 to
/// learn from and 1,000 to be asked about.
pub fn points() -> Lesson {
    Lesson { training: ellipse::draw(500, ELLIPSE, 0), test: ellipse::draw(1_000, ELLIPSE, 1) }
}

/// The lesson of chapters 5 to 11: digits that the crate draws, 4,000 to learn from and 1,000 to be
/// asked about.
pub fn drawn_digits() -> Lesson {
    Lesson { training: digits::draw(4_000, 0), test: digits::draw(1_000, 1) }
}

/// Points of the plane as chapter 1 holds them.
///
/// # Panics
/// Where a sample of `points` has not two inputs, or its class is neither 0 nor 1.
pub fn samples(points: &Dataset) -> Vec<Sample> {
    let sample = |i: usize| {
        let (mut x, mut t) = ([0.0; 2], [0.0; 2]);
        points.read(i, &mut x);
        t[points.label(i)] = 1.0;
        Sample { x, t }
    };
    (0..points.len()).map(sample).collect()
}

/// What a chapter's network reaches. Its `Display` is the line that the book quotes.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// The network, in a few words.
    pub network: String,
    /// The percentage that is right, over the seeds.
    pub right: Spread,
}

impl Score {
    /// The score of a network that got these fractions right, one a seed.
    ///
    /// # Errors
    /// [`MetricsError::Empty`] where there is none.
    pub fn of(network: impl Into<String>, fractions: &[f64]) -> Result<Self, MetricsError> {
        let percent: Vec<f64> = fractions.iter().map(|fraction| 100.0 * fraction).collect();
        Ok(Self { network: network.into(), right: Spread::of(&percent)? })
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Spread { mean, deviation, count } = self.right;
        let deviation = deviation.unwrap_or(0.0);
        let seeds = match count {
            1 => "one seed".to_owned(),
            5 => "five seeds".to_owned(),
            n => format!("{n} seeds"),
        };
        write!(f, "The score: {}: {mean:.1} % right, ± {deviation:.1} over {seeds}", self.network)
    }
}
