//! # Slopes from values
//! ●○○ about 10 minutes
//!
//! You see the value of an activation and not its input: a sigmoid is at `0.9`, a tanh at `0.6`, a SELU
//! at `−1` (write its slope with `SELU_LAMBDA` and `SELU_ALPHA`). How steep is each there? And two sigmoids,
//! one after the other with a weight and a bias between them: `y = σ(2·σ(z) − 1)`. What is `dy/dz` at `z = 0`?
//! Find the smallest weight in place of the 2 with which it can be one quarter, and the bias that goes with it.

use chainrule::activation::{SELU_ALPHA, SELU_LAMBDA};

// TODO: fill in the slopes, the weight and the bias
const SIGMOID: f64 = f64::NAN;
const TANH: f64 = f64::NAN;
const SELU: f64 = f64::NAN * SELU_LAMBDA * SELU_ALPHA;
const CHAIN: f64 = f64::NAN;
const WEIGHT: f64 = f64::NAN;
const BIAS: f64 = f64::NAN;

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use chainrule::activation::{selu, sigmoid};
    use exercises::{Answer, assert_by_hand};

    const TASK: &str = "fill in the slopes, the weight and the bias";

    #[test]
    fn four_slopes() {
        // Where a SELU is −1.
        let z = (1.0 - 1.0 / (SELU_LAMBDA * SELU_ALPHA)).ln();
        let answers = [
            Answer::new("SIGMOID", SIGMOID, 9_f64.ln(), sigmoid),
            Answer::new("TANH", TANH, 0.6_f64.atanh(), f64::tanh),
            Answer::new("SELU", SELU, z, selu),
            Answer::new("CHAIN", CHAIN, 0.0, |z| sigmoid(2.0 * sigmoid(z) - 1.0)),
        ];
        assert_by_hand(TASK, &answers);
    }

    #[test]
    fn a_weight_that_makes_up_for_a_slope() {
        let chain = |z: f64| sigmoid(WEIGHT * sigmoid(z) + BIAS);
        let slope = (chain(1e-5) - chain(-1e-5)) / 2e-5;
        assert!((slope - 0.25).abs() < 1e-6, "{TASK}\n    with this weight and bias: {slope}\n");
    }
}
