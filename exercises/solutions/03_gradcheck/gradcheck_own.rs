//! The step grows with the leaf, `ε^(1/3) · max(1, |x|)`, and the difference is divided by the distance
//! of the two points that were used. `f64::max` passes over what is not a number, so such an error is
//! turned into infinity before it is compared.
//!
//! The denominator is the larger of the two derivatives, and never less than the floor. Without the
//! floor, the derivative of `a·(1/a)`, which is zero, would come out of the differences as `1e-11` or
//! so, and be called wrong.

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
    let value_at = |i: usize, moved: f64| {
        let mut x = x.to_vec();
        x[i] = moved;
        run(record, &x).0
    };
    let difference = |i: usize| {
        let step = f64::EPSILON.cbrt() * x[i].abs().max(1.0);
        let (above, below) = (x[i] + step, x[i] - step);
        (value_at(i, above) - value_at(i, below)) / (above - below)
    };
    (0..x.len()).map(difference).collect()
}

/// The largest relative error of the tape's derivatives.
fn check(record: Record, x: &[f64]) -> f64 {
    let mut worst = 0.0_f64;
    for (a, d) in run(record, x).1.into_iter().zip(differences(record, x)) {
        let error = (a - d).abs() / a.abs().max(d.abs()).max(1e-3);
        worst = worst.max(if error.is_nan() { f64::INFINITY } else { error });
    }
    worst
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
