//! # Another loss
//! ●●● about 30 minutes
//!
//! Use `L = ½·Σ_l (p_l − t_l)²` in place of the cross-entropy, after the same softmax. Derive
//! `do_l`, and write it.
//!
//! Then let the network be sure of the wrong class: the outputs are `(10, −10)`, and the second
//! class is right. Cross-entropy pulls at the first output with `p_0 − t_0`, nearly 1. How
//! hard does the squared error pull? Predict the power of ten before you run it.

/// The softmax of any number of outputs.
fn softmax(o: &[f64]) -> Vec<f64> {
    let largest = o.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = o.iter().map(|o| (o - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

/// The gradient of the squared error with respect to each of the outputs.
fn output_gradient(o: &[f64], t: &[f64]) -> Vec<f64> {
    // TODO: write do_l of the squared error
    let _ = (softmax(o), t);
    vec![0.0; o.len()]
}

// TODO: predict the power of ten of the pull at (10, −10)
/// n, where the pull is between 10ⁿ and 10ⁿ⁺¹.
const POWER: Option<i32> = None;

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use exercises::assert_gradient;

    #[test]
    fn the_gradient() {
        let cases: [(&[f64], &[f64]); 2] =
            [(&[1.5, -0.5], &[0.0, 1.0]), (&[0.2, 1.4, -0.7], &[0.0, 1.0, 0.0])];
        for (o, t) in cases {
            assert_gradient(
                "write do_l of the squared error",
                move |o| softmax(o).iter().zip(t).map(|(p, t)| 0.5 * (p - t) * (p - t)).sum(),
                move |o| output_gradient(o, t),
                &[o],
            );
        }
    }

    #[test]
    fn sure_and_wrong() {
        let task = "predict the power of ten of the pull at (10, −10)";
        let pull = output_gradient(&[10.0, -10.0], &[0.0, 1.0])[0];
        let Some(power) = POWER else { panic!("{task}\n    POWER: still empty\n") };
        assert!(pull > 0.0, "{task}\n    output_gradient: do_0 must be above zero there\n");
        let found = pull.log10().floor() as i32;
        assert!(power == found, "{task}\n    POWER: the pull is {pull:.1e}\n");
    }
}
