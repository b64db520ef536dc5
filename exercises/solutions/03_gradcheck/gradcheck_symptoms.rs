//! The error is `|c − 1| / max(1, |c|)`. For −2 that is 3/2, a sign together with a 2, and for 4 it is 3/4.
//!
//! With `c > 1` it is `1 − 1/c`, so `0.875 = 1 − 1/8` is the factor 8, perhaps a mean over eight entries that
//! was not divided. An error above 1 means that the signs differ. With `−1 < c < 0` it is `1 − c`, so
//! `1.25` is the factor `−1/4`. The reciprocal of a factor leaves the same error, with the roles of `a` and
//! `D` exchanged: that is why the report prints both derivatives.

const ERROR_OF_MINUS_TWO: f64 = 1.5;
const ERROR_OF_FOUR: f64 = 0.75;
const FACTOR_TOO_LARGE: f64 = 8.0;
const FACTOR_NEGATIVE: f64 = -0.25;

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use chainrule::Tape;
    use chainrule::gradcheck::Gradcheck;
    use ndarray::arr1;

    const TASK: &str = "read the reports";

    /// The largest relative error that the check reports of a derivative with this factor too many.
    fn reported(factor: f64) -> f64 {
        let mut tape = Tape::<f64>::new();
        let x = tape.parameter(arr1(&[0.4, -1.2]));
        let y = tape.map(x, "sine", f64::sin, move |x| factor * x.cos()).expect("two numbers");
        let dy = arr1(&[0.7, -1.3]).into_dyn();
        let report = Gradcheck::default().run(&mut tape, y, &dy).expect("dy has the shape of y");
        report.max_relative_error()
    }

    #[track_caller]
    fn assert_reported(name: &str, answer: f64, factor: f64, error: f64) {
        assert!(!answer.is_nan(), "{TASK}\n    {name}: still empty\n");
        let is_right = (reported(factor) - error).abs() < 1e-6;
        assert!(is_right, "{TASK}\n    {name}: a factor of {factor} does not leave {error:.3}\n");
    }

    #[test]
    fn errors_of_two_factors() {
        assert_reported("ERROR_OF_MINUS_TWO", ERROR_OF_MINUS_TWO, -2.0, ERROR_OF_MINUS_TWO);
        assert_reported("ERROR_OF_FOUR", ERROR_OF_FOUR, 4.0, ERROR_OF_FOUR);
    }

    #[track_caller]
    fn assert_size(name: &str, is_right: bool, which: &str) {
        assert!(is_right, "{TASK}\n    {name}: |a| is the {which} one\n");
    }

    #[test]
    fn factors_of_two_reports() {
        assert_reported("FACTOR_TOO_LARGE", FACTOR_TOO_LARGE, FACTOR_TOO_LARGE, 0.875);
        assert_size("FACTOR_TOO_LARGE", FACTOR_TOO_LARGE.abs() > 1.0, "larger");
        assert_reported("FACTOR_NEGATIVE", FACTOR_NEGATIVE, FACTOR_NEGATIVE, 1.25);
        assert_size("FACTOR_NEGATIVE", FACTOR_NEGATIVE.abs() < 1.0, "smaller");
    }
}
