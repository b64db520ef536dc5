//! # What one number does to the others
//! ●○○ about 15 minutes
//!
//! A row `1, 3, 4` is divided by its sum. By how much does `y_0` change with `x_0`, and with `x_1`?
//!
//! A column `1, 3, 8` is normalized, with an `ε` of 1/3, which makes the root a whole number. By how much does
//! `x̂_0` change with each of the three numbers? With all three, if each moves by the same amount? And with `s`, at
//! `s = 1`, if each is multiplied by `s`?

// TODO: fill in the seven derivatives
const ROW_OWN: f64 = f64::NAN;
const ROW_OTHER: f64 = f64::NAN;
const WITH_0: f64 = f64::NAN;
const WITH_1: f64 = f64::NAN;
const WITH_2: f64 = f64::NAN;
const SHIFTED: f64 = f64::NAN;
const STRETCHED: f64 = f64::NAN;

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use chainrule::normalize::definition::standardize;
    use exercises::{Answer, assert_by_hand};

    /// x̂_0 of three numbers, with an ε of 1/3.
    fn first(x: [f64; 3]) -> f64 {
        let mut x_hat = [0.0; 3];
        standardize(&x, 1.0 / 3.0, &mut x_hat);
        x_hat[0]
    }

    #[test]
    fn seven_derivatives() {
        let answers = [
            Answer::new("ROW_OWN", ROW_OWN, 1.0, |x| x / (x + 3.0 + 4.0)),
            Answer::new("ROW_OTHER", ROW_OTHER, 3.0, |x| 1.0 / (1.0 + x + 4.0)),
            Answer::new("WITH_0", WITH_0, 1.0, |x| first([x, 3.0, 8.0])),
            Answer::new("WITH_1", WITH_1, 3.0, |x| first([1.0, x, 8.0])),
            Answer::new("WITH_2", WITH_2, 8.0, |x| first([1.0, 3.0, x])),
            Answer::new("SHIFTED", SHIFTED, 0.0, |x| first([1.0, 3.0, 8.0].map(|own| own + x))),
            Answer::new("STRETCHED", STRETCHED, 1.0, |s| first([1.0, 3.0, 8.0].map(|x| s * x))),
        ];
        assert_by_hand("fill in the seven derivatives", &answers);
    }
}
