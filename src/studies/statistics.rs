//! Intervals: how far apart two settings are, given that seeds differ.
//!
//! Of n numbers with the mean m and the sample standard deviation s, all drawn alike and nearly normal, the
//! true mean lies with 95 % certainty in
//!
//! ```text
//! m ± t · s/√n
//! ```
//!
//! where |T| ≤ t has the probability 0.95 for T of Student's distribution with n − 1 degrees of freedom: 12.7
//! of 2 numbers, 4.30 of 3, 2.78 of 5, 2.09 of 20. Two settings with the same seeds are compared by their
//! differences, seed by seed: what a seed does to both drops out.
//!
//! With the angle θ = arctan(t/√ν), P(|T| ≤ t) is a finite sum (Abramowitz and Stegun 1964, 26.7.3 and
//! 26.7.4):
//!
//! ```text
//! ν odd     2/π · (θ + sin θ · (cos θ + 2/3 · cos³ θ + … + (2·4⋯(ν−3))/(3·5⋯(ν−2)) · cos^(ν−2) θ))
//! ν even    sin θ · (1 + 1/2 · cos² θ + 1·3/(2·4) · cos⁴ θ + … + (1·3⋯(ν−3))/(2·4⋯(ν−2)) · cos^(ν−2) θ)
//! ```
//!
//! and 2θ/π for ν = 1.
//!
//! The accuracy on n test samples has an error of its own, whatever the seeds: n draws that are right with
//! probability p give a share with the variance p(1 − p)/n.

use crate::metrics::Spread;
use std::f64::consts::PI;

/// The certainty of all intervals.
const CERTAINTY: f64 = 0.95;

/// Where the mean of a number lies, with a certainty of 95 %.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The mean that was found.
    pub mean: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// Of the mean of `values`. None of fewer than two, which have no spread.
    pub fn of_mean(values: &[f64]) -> Option<Self> {
        let Spread { mean, deviation, count } = Spread::of(values).ok()?;
        let half = student(count - 1)? * deviation? / (count as f64).sqrt();
        Some(Self { mean, low: mean - half, high: mean + half })
    }

    /// Of the mean of a − b, over the seeds that both have.
    pub fn of_difference(a: &[(u64, f64)], b: &[(u64, f64)]) -> Option<Self> {
        Self::of_mean(&differences(a, b))
    }
}

/// a − b of each seed that both have.
pub fn differences(a: &[(u64, f64)], b: &[(u64, f64)]) -> Vec<f64> {
    let of = |seed: u64| b.iter().find(|&&(other, _)| other == seed).map(|&(_, value)| value);
    a.iter().filter_map(|&(seed, value)| Some(value - of(seed)?)).collect()
}

/// √(s² + p(1 − p)/n): the deviation of an accuracy p over seeds with the deviation s, on `samples` drawn
/// anew. Without samples it is s.
pub fn deviation_of_share(spread: Spread, samples: Option<usize>) -> f64 {
    let Spread { mean: p, deviation, .. } = spread;
    let own = samples.filter(|&n| n > 0).map_or(0.0, |n| p * (1.0 - p) / n as f64);
    (deviation.unwrap_or(0.0).powi(2) + own).sqrt()
}

/// t for which |T| ≤ t has the probability 0.95, with this many degrees of freedom. None for none.
pub fn student(degrees: usize) -> Option<f64> {
    if degrees == 0 {
        return None;
    }
    // P rises with t. The largest t is that of one degree of freedom, 12.7.
    let (mut low, mut high) = (0.0, 16.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        match within(middle, degrees) < CERTAINTY {
            true => low = middle,
            false => high = middle,
        }
    }
    Some(low)
}

/// P(|T| ≤ t) for T of Student's distribution with this many degrees of freedom.
fn within(t: f64, degrees: usize) -> f64 {
    let angle = (t / (degrees as f64).sqrt()).atan();
    let (sine, cosine) = angle.sin_cos();
    let is_odd = degrees % 2 == 1;
    // Each power of the cosine has the coefficient of the last one, times (k − 1)/k.
    let (mut term, mut sum) = if is_odd { (cosine, cosine) } else { (1.0, 1.0) };
    let first = if is_odd { 3 } else { 2 };
    for k in (first..degrees.saturating_sub(1)).step_by(2) {
        term *= cosine * cosine * (k - 1) as f64 / k as f64;
        sum += term;
    }
    match (is_odd, degrees) {
        (true, 1) => 2.0 / PI * angle,
        (true, _) => 2.0 / PI * (angle + sine * sum),
        (false, _) => sine * sum,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of Fisher and Yates.
    #[test]
    fn students_numbers_are_those_of_the_table() {
        for (degrees, expected) in [
            (1, 12.706),
            (2, 4.303),
            (3, 3.182),
            (4, 2.776),
            (5, 2.571),
            (9, 2.262),
            (10, 2.228),
            (19, 2.093),
            (49, 2.010),
            (120, 1.980),
        ] {
            let t = student(degrees).expect("a degree of freedom or more");
            assert!((t - expected).abs() < 6e-4, "{degrees}: {t}, expected {expected}");
        }
        assert_eq!(student(0), None);
    }

    /// By hand: the differences 1, 2, 3 have the mean 2 and the deviation 1, so 2 ± 4.303/√3.
    #[test]
    fn pairs_are_those_of_the_same_seed() {
        let a = [(0, 5.0), (1, 7.0), (2, 9.0), (7, 100.0)];
        let b = [(2, 6.0), (1, 5.0), (0, 4.0), (8, -100.0)];
        assert_eq!(differences(&a, &b), [1.0, 2.0, 3.0]);
        let interval = Interval::of_difference(&a, &b).expect("three pairs");
        assert!((interval.low - (2.0 - 2.484)).abs() < 1e-3, "{interval:?}");
        assert!((interval.high - (2.0 + 2.484)).abs() < 1e-3, "{interval:?}");
        assert_eq!(Interval::of_difference(&a[..1], &b), None);
    }

    /// By hand: p = 0.94 of 7,000 has the deviation 0.002838; with 0.002 over the seeds, 0.003472.
    #[test]
    fn an_accuracy_has_an_error_of_its_own() {
        let spread = Spread { mean: 0.94, deviation: Some(0.002), count: 5 };
        assert!((deviation_of_share(spread, Some(7_000)) - 0.003_472).abs() < 1e-6);
        assert_eq!(deviation_of_share(spread, None), 0.002);
    }
}
