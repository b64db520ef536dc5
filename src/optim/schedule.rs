//! The rate as a function of the step. Steps are counted from 0.
//!
//! A rate that is high at first covers ground, and a low one at the end settles: where gradients
//! come from batches, the weights keep moving about their place at a distance that shrinks with
//! the rate.
//!
//! Half a cosine leads from a to b without a corner at either end. With q from 0 to 1:
//!
//! ```text
//! arc(a, b, q) = b + (a − b)·(1 + cos πq)/2        arc(a, b, 0) = a        arc(a, b, 1) = b
//! ```
//!
//! Its slope −(a − b)·(π/2)·sin πq is zero at q = 0 and at q = 1. A line has corners and is as good in
//! practice:
//!
//! ```text
//! line(a, b, q) = a + (b − a)·q
//! ```

use crate::hyperparameter::{
    HyperparameterError, check_fraction, check_not_negative, check_positive,
};
use std::f64::consts::PI;

/// The rate of each step.
///
/// ```
/// use chainrule::optim::Schedule;
///
/// let schedule = Schedule::WarmUp {
///     steps: 99,
///     then: Box::new(Schedule::Cosine { rate: 0.1, last: 0.0, steps: 1000 }),
/// };
/// schedule.check()?;
/// assert_eq!(schedule.rate(0), 0.1 / 100.0);
/// assert_eq!(schedule.rate(99), 0.1);
/// # Ok::<(), chainrule::optim::HyperparameterError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "train", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "train", serde(tag = "schedule", rename_all = "kebab-case"))]
pub enum Schedule {
    /// `rate`, always.
    Constant {
        /// The rate.
        rate: f64,
    },
    /// `rate` · `factor`^⌊step / every⌋.
    StepDecay {
        /// The rate at the start.
        rate: f64,
        /// Steps from one change to the next.
        every: u64,
        /// What each change multiplies the rate by.
        factor: f64,
    },
    /// arc(`rate`, `last`, step / steps), and `last` from there on.
    Cosine {
        /// The rate at the start.
        rate: f64,
        /// The rate at the end.
        last: f64,
        /// Steps from one to the other.
        steps: u64,
    },
    /// Up along a half cosine and down along another: the rate of PyTorch's `OneCycleLR`, which has
    /// the last three names and their defaults. Step `pct_start`·`steps` − 1 has the rate `peak`, step
    /// `steps` − 1 the last one. By default PyTorch also leads the momentum from 0.95 down to 0.85 and
    /// back; here it stays. L. Smith and N. Topin, "Super-convergence", 2019.
    OneCycle {
        /// The highest rate.
        peak: f64,
        /// Steps of the whole cycle.
        steps: u64,
        /// Fraction of the steps that lead up, in [0, 1).
        pct_start: f64,
        /// The rate starts at `peak` / `div_factor`.
        div_factor: f64,
        /// It ends at `peak` / (`div_factor` · `final_div_factor`).
        final_div_factor: f64,
    },
    /// Along a line up and along another down: line(`first`, `peak`, step / rise), then
    /// line(`peak`, `last`, (step − rise) / (steps − rise)), and `last` from step `steps` on.
    Triangle {
        /// The rate at the start.
        first: f64,
        /// The highest rate, that of step `rise`.
        peak: f64,
        /// The rate behind the last step.
        last: f64,
        /// Steps that lead up, no more than `steps`.
        rise: u64,
        /// Steps of both lines.
        steps: u64,
    },
    /// Along a line from near 0 to another schedule's first rate; then that schedule, from its
    /// own step 0 on.
    WarmUp {
        /// Steps on the line. The line is 0 one step before the first.
        steps: u64,
        /// What follows.
        then: Box<Schedule>,
    },
}

impl Schedule {
    /// [`Schedule::OneCycle`] with PyTorch's `pct_start` of 0.3, `div_factor` of 25 and
    /// `final_div_factor` of 10,000.
    pub fn one_cycle(peak: f64, steps: u64) -> Self {
        Self::OneCycle { peak, steps, pct_start: 0.3, div_factor: 25.0, final_div_factor: 1e4 }
    }

    /// [`Schedule::Triangle`] with the proportions of K. Jordan's airbench (arXiv:2404.00498): from a
    /// fifth of `peak` up in the first 23 % of the `steps`, down to 7 % of it.
    pub fn triangle(peak: f64, steps: u64) -> Self {
        let rise = (0.23 * steps as f64) as u64;
        Self::Triangle { first: 0.2 * peak, peak, last: 0.07 * peak, rise, steps }
    }

    /// The rate η of `step`. It means something where [`Schedule::check`] finds no fault.
    pub fn rate(&self, step: u64) -> f64 {
        match *self {
            Self::Constant { rate } => rate,
            Self::StepDecay { rate, every, factor } => {
                rate * factor.powf((step / every.max(1)) as f64)
            }
            Self::Cosine { last, steps, .. } if step >= steps => last,
            Self::Cosine { rate, last, steps } => arc(rate, last, step as f64 / steps as f64),
            Self::OneCycle { peak, steps, pct_start, div_factor, final_div_factor } => {
                let first = peak / div_factor;
                let (top, end) = (pct_start * steps as f64 - 1.0, steps as f64 - 1.0);
                let step = (step as f64).min(end);
                if step < top {
                    arc(first, peak, step / top)
                } else {
                    arc(peak, first / final_div_factor, (step - top) / (end - top))
                }
            }
            Self::Triangle { last, steps, .. } if step >= steps => last,
            Self::Triangle { first, peak, rise, .. } if step < rise => {
                line(first, peak, step as f64 / rise as f64)
            }
            Self::Triangle { peak, last, rise, steps, .. } => {
                line(peak, last, (step - rise) as f64 / (steps - rise) as f64)
            }
            Self::WarmUp { steps, ref then } => match step.checked_sub(steps) {
                Some(step) => then.rate(step),
                None => then.rate(0) * (step as f64 + 1.0) / (steps as f64 + 1.0),
            },
        }
    }

    /// Refuses hyperparameters outside their ranges.
    ///
    /// # Errors
    /// [`HyperparameterError`] of the first.
    pub fn check(&self) -> Result<(), HyperparameterError> {
        match *self {
            Self::Constant { rate } => check_not_negative("rate", rate),
            Self::StepDecay { rate, every, factor } => {
                check_not_negative("rate", rate)?;
                check_positive("every", every as f64)?;
                check_not_negative("factor", factor)
            }
            Self::Cosine { rate, last, steps } => {
                check_not_negative("rate", rate)?;
                check_not_negative("last", last)?;
                check_positive("steps", steps as f64)
            }
            Self::OneCycle { peak, steps, pct_start, div_factor, final_div_factor } => {
                check_not_negative("peak", peak)?;
                check_positive("steps", steps as f64)?;
                check_fraction("pct_start", pct_start)?;
                check_positive("div_factor", div_factor)?;
                check_positive("final_div_factor", final_div_factor)
            }
            Self::Triangle { first, peak, last, rise, steps } => {
                check_not_negative("first", first)?;
                check_not_negative("peak", peak)?;
                check_not_negative("last", last)?;
                check_positive("steps", steps as f64)?;
                let (name, value, range) = ("rise", rise as f64, "no more than `steps`");
                if rise > steps { Err(HyperparameterError { name, value, range }) } else { Ok(()) }
            }
            Self::WarmUp { ref then, .. } => then.check(),
        }
    }
}

/// Half a cosine from `a`, at `q` = 0, to `b`, at `q` = 1.
fn arc(a: f64, b: f64, q: f64) -> f64 {
    b + (a - b) * (1.0 + (PI * q).cos()) / 2.0
}

/// The line from `a`, at `q` = 0, to `b`, at `q` = 1.
fn line(a: f64, b: f64, q: f64) -> f64 {
    a + (b - a) * q
}
