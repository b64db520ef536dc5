//! Numbers of at least 0 and below 1, such as a dropout rate or a label smoothing.
//! Chapters 7 and 14.

use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// A number of at least 0 and below 1. The default is 0.
///
/// ```
/// use chainrule::fraction::Fraction;
///
/// let rate = Fraction::new(0.5)?;
/// assert_eq!(rate.get(), 0.5);
/// assert_eq!(
///     Fraction::new(1.0).unwrap_err().to_string(),
///     "1 is no fraction: it must be at least 0 and below 1"
/// );
/// # Ok::<(), chainrule::fraction::FractionError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
#[cfg_attr(feature = "train", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "train", serde(try_from = "f64", into = "f64"))]
pub struct Fraction(f64);

/// A number that is no [`Fraction`].
#[derive(Clone, Copy, Debug, Error, PartialEq)]
#[error("{value} is no fraction: it must be at least 0 and below 1")]
pub struct FractionError {
    /// The number.
    pub value: f64,
}

impl Fraction {
    /// 0: nothing is dropped, nothing is smoothed.
    pub const ZERO: Self = Self(0.0);

    /// `value` as a fraction.
    ///
    /// # Errors
    /// [`FractionError`] where `value` is below 0, 1 or above, or not a number.
    pub fn new(value: f64) -> Result<Self, FractionError> {
        if (0.0..1.0).contains(&value) { Ok(Self(value)) } else { Err(FractionError { value }) }
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Fraction {
    type Error = FractionError;

    fn try_from(value: f64) -> Result<Self, FractionError> {
        Self::new(value)
    }
}

impl From<Fraction> for f64 {
    fn from(fraction: Fraction) -> Self {
        fraction.0
    }
}

impl FromStr for Fraction {
    type Err = FractionError;

    /// The fraction that `text` writes, such as `0.5`. What writes no number is none either.
    fn from_str(text: &str) -> Result<Self, FractionError> {
        Self::new(text.parse().unwrap_or(f64::NAN))
    }
}

impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_is_at_least_zero_and_below_one() {
        for value in [0.0, 0.1, 0.999] {
            let fraction = Fraction::try_from(value).unwrap();
            assert_eq!(fraction.get(), value);
            assert_eq!(fraction.to_string(), value.to_string());
        }
        for value in [-0.1, 1.0, 7.0, f64::INFINITY, f64::NAN] {
            assert!(Fraction::new(value).is_err(), "{value}");
        }
    }
}
