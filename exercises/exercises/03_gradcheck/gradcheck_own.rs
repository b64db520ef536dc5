//! # Your tape, checked
//! ●●○ about 25 minutes
//!
//! Give the tape that you wrote in `tape_own.rs` a check of its own. `differences` finds the
//! derivatives of a computation by central differences, and `check` compares them with those of
//! `gradients`: the largest of `|a − D| / max(|a|, |D|, 1e-3)`.
//!
//! Two things are easy to get wrong. A leaf may hold a number as large as `1e12`, around which a step
//! of `1e-5` is lost in rounding. And what is not a number compares with nothing: your check should
//! call it infinitely wrong.

// Your own tape, from chapter 2. Its tests run here as well.
#[path = "../02_tape/tape_own.rs"]
mod tape_own;

use tape_own::OwnTape;

/// Records a computation on these leaves, and returns its result.
type Record = fn(&mut OwnTape, &[usize]) -> usize;

/// The value of the computation at the leaves `x`, and the derivatives that the tape finds there.
fn run(record: Record, x: &[f64]) -> (f64, Vec<f64>) {
    let mut tape = OwnTape::default();
    let leaves: Vec<usize> = x.iter().map(|&x| tape.leaf(x)).collect();
    let y = record(&mut tape, &leaves);
    let gradients = tape.gradients(y);
    (tape.values[y], leaves.iter().map(|&leaf| gradients[leaf]).collect())
}

/// The derivatives of the result with respect to the leaves, by central differences.
fn differences(record: Record, x: &[f64]) -> Vec<f64> {
    // TODO: write differences and check
    let _ = record;
    vec![f64::NAN; x.len()]
}

/// The largest relative error of the tape's derivatives.
fn check(record: Record, x: &[f64]) -> f64 {
    // TODO: compare with differences, entry by entry
    let _ = (run(record, x), differences(record, x));
    0.0
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use chainrule::scalar::sigmoid;
    use exercises::assert_gradient;

    const TASK: &str = "write differences and check";

    #[track_caller]
    fn assert_tape_is_written() {
        let mut tape = OwnTape::default();
        let (a, b) = (tape.leaf(2.0), tape.leaf(3.0));
        let product = tape.multiply(a, b);
        let is_written = tape.values[product] == 6.0 && tape.gradients(product)[a] == 3.0;
        assert!(is_written, "{TASK}\n    first write your tape, in tape_own.rs\n");
    }

    /// a·b + a, on your tape.
    fn right(tape: &mut OwnTape, x: &[usize]) -> usize {
        let product = tape.multiply(x[0], x[1]);
        tape.add(product, x[0])
    }

    /// a·b + a, where b enters through a sigmoid with this slope.
    fn with_slope(tape: &mut OwnTape, x: &[usize], slope: fn(f64) -> f64) -> usize {
        let h = sigmoid(tape.values[x[1]]);
        let unit = tape.push(h, &[(x[1], slope(h))]);
        let product = tape.multiply(x[0], unit);
        tape.add(product, x[0])
    }

    /// a·(1/a), whose derivative is zero.
    fn one(tape: &mut OwnTape, x: &[usize]) -> usize {
        let a = tape.values[x[0]];
        let reciprocal = tape.push(1.0 / a, &[(x[0], -1.0 / (a * a))]);
        tape.multiply(x[0], reciprocal)
    }

    #[test]
    fn differences_are_derivatives() {
        assert_tape_is_written();
        let places: &[&[f64]] = &[&[1.5, -0.7], &[-0.4, 2.0], &[1e12, 0.3]];
        let f = |x: &[f64]| x[0] * x[1] + x[0];
        assert_gradient(&format!("{TASK}\n    differences:"), f, |x| differences(right, x), places);
    }

    #[test]
    fn the_check_passes_what_is_right() {
        assert_tape_is_written();
        let cases: [(&str, Record, &[f64]); 4] = [
            ("a·b + a", right, &[1.5, -0.7]),
            ("a·b + a at 1e12", right, &[1e12, 0.3]),
            ("a·σ(b) + a", |t, x| with_slope(t, x, |h| h * (1.0 - h)), &[1.5, -0.7]),
            ("a·(1/a), whose derivative is zero", one, &[0.7]),
        ];
        for (name, record, x) in cases {
            let error = check(record, x);
            assert!(error < 1e-7, "{TASK}\n    check: {name} is right, and it says {error:.1e}\n");
        }
    }

    #[test]
    fn the_check_finds_what_is_wrong() {
        assert_tape_is_written();
        let cases: [(&str, Record, f64); 5] = [
            ("a wrong sign", |t, x| with_slope(t, x, |h| -h * (1.0 - h)), 2.0),
            ("a slope that is missing", |t, x| with_slope(t, x, |_| 0.0), 1.0),
            ("half of a slope", |t, x| with_slope(t, x, |h| 0.5 * h * (1.0 - h)), 0.5),
            ("a slope that is not a number", |t, x| with_slope(t, x, |_| f64::NAN), f64::INFINITY),
            ("an infinite slope", |t, x| with_slope(t, x, |_| f64::INFINITY), f64::INFINITY),
        ];
        for (name, record, expected) in cases {
            let error = check(record, &[1.5, -0.7]);
            let near = error == expected || (error - expected).abs() < 1e-6;
            let words = format!("the error is {expected}, and it says {error:.1e}");
            assert!(near, "{TASK}\n    check: {name}: {words}\n");
        }
    }
}
