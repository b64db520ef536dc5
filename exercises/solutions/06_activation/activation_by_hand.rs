//! `0.9·0.1 = 0.09`, `1 − 0.36 = 0.64` and `λ·α − 1`, which is about `0.758`. In the chain both sigmoids are in
//! their middle, where the slope is one quarter, and the weight stands between them: `¼ · 2 · ¼ = ⅛`. A weight
//! of 4 cancels one of the quarters, if the bias of −2 keeps the second sigmoid in its middle. Off its middle it
//! is less steep, and the weight would have to be larger.

use chainrule::activation::{SELU_ALPHA, SELU_LAMBDA};

const SIGMOID: f64 = 0.09;
const TANH: f64 = 0.64;
const SELU: f64 = SELU_LAMBDA * SELU_ALPHA - 1.0;
const CHAIN: f64 = 0.125;
const WEIGHT: f64 = 4.0;
const BIAS: f64 = -2.0;

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
