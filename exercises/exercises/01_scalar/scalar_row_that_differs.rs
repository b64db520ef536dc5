//! # One row that differs
//! ●●○ about 15 minutes
//!
//! In the symmetric numbers both entries of each row of `v` are equal, and so every `dh_l` is zero.
//! Change the first row to `(2, −1)`, and leave all else. Which of the three `dh_l` are zero now?
//! And what is `dh_0`, as a formula in `σ(2)`, the value that all three hidden units have?

use chainrule::scalar::sigmoid;

// TODO: say of each dh_l whether it is zero, and write the formula of dh_0
/// Whether dh_0, dh_1 and dh_2 are zero.
const ZERO: [Option<bool>; 3] = [None, None, None];

/// dh_0, from the value of the hidden units.
fn dh_0(h: f64) -> f64 {
    let _ = (h, sigmoid);
    f64::NAN
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use chainrule::scalar::{SYMMETRIC, Weights};
    use exercises::{Answer, assert_by_hand};

    const TASK: &str = "say of each dh_l whether it is zero, and write the formula of dh_0";

    /// The changed network's loss, as a function of the value `h` of hidden unit `j`.
    fn loss(j: usize, h: f64) -> f64 {
        let (symmetric, sample) = SYMMETRIC;
        let v = [[2.0, -1.0], symmetric.v[1], symmetric.v[2]];
        // Without weights a unit is σ of its bias, and h = σ(b) gives b = ln(h/(1 − h)).
        let mut b = [2.0; 3];
        b[j] = (h / (1.0 - h)).ln();
        Weights { w: [[0.0; 3]; 2], b, v, c: [0.0; 2] }.forward(&sample).loss
    }

    #[test]
    fn which_are_zero() {
        let h = sigmoid(2.0);
        let slopes = [0, 1, 2].map(|j| (loss(j, h + 1e-5) - loss(j, h - 1e-5)) / 2e-5);
        for (j, (zero, slope)) in ZERO.into_iter().zip(slopes).enumerate() {
            let Some(zero) = zero else { panic!("{TASK}\n    ZERO[{j}]: still empty\n") };
            assert!(zero == (slope.abs() < 1e-8), "{TASK}\n    ZERO[{j}]: no, look again\n");
        }
    }

    #[test]
    fn the_first_one() {
        let h = sigmoid(2.0);
        assert_by_hand(TASK, &[Answer::new("dh_0(σ(2))", dh_0(h), h, |h| loss(0, h))]);
    }
}
