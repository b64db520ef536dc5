//! # Reading a report
//! ●○○ about 5 minutes
//!
//! A report has the same relative error e in the worst entry of a parameter and in the mildest, so the
//! backward pass found `a = c·D` with one factor c. First, which error do the factors −2 and 4 leave?
//! Then the other way round. The error is `0.875`, and `a` is the larger of the two derivatives: what is c?
//! The error is `1.25`, and `a` is the smaller one, in size: what is c?

// TODO: read the reports
const ERROR_OF_MINUS_TWO: f64 = f64::NAN;
const ERROR_OF_FOUR: f64 = f64::NAN;
const FACTOR_TOO_LARGE: f64 = f64::NAN;
const FACTOR_NEGATIVE: f64 = f64::NAN;

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
