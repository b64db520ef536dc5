//! Numbers on the command line. One outside its range is refused with the option that it was given to,
//! before anything is done.

use crate::fraction::{Fraction, FractionError};

/// A count of something that there must be.
pub fn at_least_one(text: &str) -> Result<usize, &'static str> {
    let count = text.parse().ok().filter(|&count| count > 0);
    count.ok_or("it must be a whole number, 1 or more")
}

/// A rate or a penalty.
pub fn not_negative(text: &str) -> Result<f64, &'static str> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
    number.ok_or("it must be a finite number, 0 or more")
}

/// A momentum.
pub fn fraction(text: &str) -> Result<f64, FractionError> {
    text.parse().map(Fraction::get)
}
