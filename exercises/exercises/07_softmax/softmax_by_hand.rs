//! # Three classes by hand
//! ●○○ about 10 minutes
//!
//! The logits are `(0, ln 2, ln 5)`. What are the probabilities? With these: how fast does `p₀` change with
//! `z₂`, and `p₁` with its own logit `z₁`? Class 0 is right. What does the cross-entropy send back to `z₀`,
//! and what to `z₂`? And what does the squared error `½·Σ(p − t)²` send back to `z₀`? Write fractions.

// TODO: fill in the five derivatives
const P0_WITH_Z2: f64 = f64::NAN;
const P1_WITH_Z1: f64 = f64::NAN;
const CROSS_ENTROPY_Z0: f64 = f64::NAN;
const CROSS_ENTROPY_Z2: f64 = f64::NAN;
const SQUARED_ERROR_Z0: f64 = f64::NAN;

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use chainrule::softmax::softmax_row;
    use exercises::{Answer, assert_by_hand};

    fn p(z: [f64; 3]) -> [f64; 3] {
        let mut p = [0.0; 3];
        softmax_row(&z, &mut p);
        p
    }

    fn squared_error([p0, p1, p2]: [f64; 3]) -> f64 {
        0.5 * ((p0 - 1.0).powi(2) + p1 * p1 + p2 * p2)
    }

    #[test]
    fn five_derivatives() {
        let (two, five) = (2_f64.ln(), 5_f64.ln());
        let answers = [
            Answer::new("P0_WITH_Z2", P0_WITH_Z2, five, |z| p([0.0, 2_f64.ln(), z])[0]),
            Answer::new("P1_WITH_Z1", P1_WITH_Z1, two, |z| p([0.0, z, 5_f64.ln()])[1]),
            Answer::new("CROSS_ENTROPY_Z0", CROSS_ENTROPY_Z0, 0.0, |z| {
                -p([z, 2_f64.ln(), 5_f64.ln()])[0].ln()
            }),
            Answer::new("CROSS_ENTROPY_Z2", CROSS_ENTROPY_Z2, five, |z| {
                -p([0.0, 2_f64.ln(), z])[0].ln()
            }),
            Answer::new("SQUARED_ERROR_Z0", SQUARED_ERROR_Z0, 0.0, |z| {
                squared_error(p([z, 2_f64.ln(), 5_f64.ln()]))
            }),
        ];
        assert_by_hand("fill in the five derivatives", &answers);
    }
}
