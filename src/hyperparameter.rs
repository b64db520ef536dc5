//! Hyperparameters and their ranges.

use thiserror::Error;

/// A hyperparameter outside its range.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("{name} is {value}: it must be {range}")]
pub struct HyperparameterError {
    /// Its name.
    pub name: &'static str,
    /// The value that it was given.
    pub value: f64,
    /// The values that it may have.
    pub range: &'static str,
}

pub(crate) fn check_fraction(name: &'static str, value: f64) -> Result<(), HyperparameterError> {
    let range = "at least 0 and below 1";
    if (0.0..1.0).contains(&value) {
        Ok(())
    } else {
        Err(HyperparameterError { name, value, range })
    }
}

pub(crate) fn check_not_negative(
    name: &'static str,
    value: f64,
) -> Result<(), HyperparameterError> {
    let range = "a finite number, 0 or more";
    if value >= 0.0 && value.is_finite() {
        Ok(())
    } else {
        Err(HyperparameterError { name, value, range })
    }
}

pub(crate) fn check_positive(name: &'static str, value: f64) -> Result<(), HyperparameterError> {
    let range = "a finite number above 0";
    if value > 0.0 && value.is_finite() {
        Ok(())
    } else {
        Err(HyperparameterError { name, value, range })
    }
}
