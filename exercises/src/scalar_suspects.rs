//! Backward passes of the network of chapter 1, one of which is right.

use chainrule::scalar::{Sample, Weights};

/// A backward pass: the gradient of the loss with respect to each weight.
pub type Backward = fn(&Weights, &Sample) -> Weights;

/// What can be wrong with a backward pass.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    SigmoidForgotten,
    InputsExchanged,
    SignLost,
    PathForgotten,
    TargetForgotten,
    BiasForgotten,
}

/// The right backward pass.
pub const RIGHT: Backward = |weights, sample| backward(weights, sample, Fault::None);

/// The wrong ones, each with its fault.
pub const FAULTS: [(&str, Backward); 6] = [
    ("dz_j = dh_j, without h_j·(1 − h_j)", |w, s| backward(w, s, Fault::SigmoidForgotten)),
    ("the inputs exchanged: dw_0j gets x_1, and dw_1j gets x_0", |w, s| {
        backward(w, s, Fault::InputsExchanged)
    }),
    ("a lost sign: dh_j = do_0·v_j0 − do_1·v_j1", |w, s| backward(w, s, Fault::SignLost)),
    ("a forgotten path: dh_j = do_0·v_j0", |w, s| backward(w, s, Fault::PathForgotten)),
    ("do_k = p_k, without the target", |w, s| backward(w, s, Fault::TargetForgotten)),
    ("db_j = 0: nothing for the hidden biases", |w, s| backward(w, s, Fault::BiasForgotten)),
];

/// The backward pass of chapter 1, with or without a fault.
fn backward(weights: &Weights, sample: &Sample, fault: Fault) -> Weights {
    let is = |planted: Fault| fault == planted;
    let forward = weights.forward(sample);
    let mut d = Weights { w: [[0.0; 3]; 2], b: [0.0; 3], v: [[0.0; 2]; 3], c: [0.0; 2] };
    for k in 0..2 {
        d.c[k] = forward.p[k] - if is(Fault::TargetForgotten) { 0.0 } else { sample.t[k] };
    }
    for (j, h) in forward.h.into_iter().enumerate() {
        d.v[j] = d.c.map(|d| d * h);
        let second = d.c[1] * weights.v[j][1];
        let dh = d.c[0] * weights.v[j][0]
            + match fault {
                Fault::SignLost => -second,
                Fault::PathForgotten => 0.0,
                _ => second,
            };
        let dz = if is(Fault::SigmoidForgotten) { dh } else { dh * h * (1.0 - h) };
        d.b[j] = if is(Fault::BiasForgotten) { 0.0 } else { dz };
        for i in 0..2 {
            d.w[i][j] = dz * sample.x[if is(Fault::InputsExchanged) { 1 - i } else { i }];
        }
    }
    d
}

#[cfg(test)]
mod tests {
    use super::*;
    use chainrule::scalar::ASYMMETRIC;

    fn distance(a: &Weights, b: &Weights) -> f64 {
        a.to_array().iter().zip(b.to_array()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn the_right_one_is_right_and_the_others_are_not() {
        let (weights, sample) = ASYMMETRIC;
        let expected = weights.backward(&sample, &weights.forward(&sample)).weights;
        assert!(distance(&RIGHT(&weights, &sample), &expected) < 1e-14);
        for (fault, suspect) in FAULTS {
            assert!(distance(&suspect(&weights, &sample), &expected) > 1e-3, "{fault}");
        }
    }
}
