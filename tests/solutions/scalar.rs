//! Solutions of chapter 1.

use approx::assert_relative_eq;
use chainrule::scalar::{ASYMMETRIC, SYMMETRIC, Sample, Weights, sigmoid};

/// df/dx by a central difference.
fn slope(f: impl Fn(f64) -> f64, x: f64) -> f64 {
    let step = 1e-5;
    (f(x + step) - f(x - step)) / (2.0 * step)
}

#[test]
fn by_hand() {
    let (w, b, x, t) = (2.0, -1.0, 3.0, 4.0);
    let z = w * x + b;
    let e = z - t;
    assert_eq!((z, e, e * e), (5.0, 1.0, 1.0));

    let de = 2.0 * e;
    let dz = de;
    let (dw, db, dx, dt) = (dz * x, dz, dz * w, -de);
    assert_eq!((dw, db, dx, dt), (6.0, 2.0, 4.0, -2.0));
    assert_relative_eq!(slope(|w| (w * x + b - t).powi(2), w), dw, max_relative = 1e-9);
}

#[test]
fn a_row_that_differs() {
    let (mut weights, sample) = SYMMETRIC;
    weights.v[0] = [2.0, -1.0];
    let forward = weights.forward(&sample);
    let d = weights.backward(&sample, &forward);
    let h = sigmoid(2.0);
    let do0 = sigmoid(3.0 * h) - 1.0;
    assert_relative_eq!(d.weights.c[0], do0, max_relative = 1e-14);
    assert_relative_eq!(d.h[0], 3.0 * do0, max_relative = 1e-14);
    // The other two units still have equal entries in their rows. What is left is rounding.
    assert!(d.h[1].abs() < 1e-15 && d.h[2].abs() < 1e-15);
}

#[test]
fn hyperbolic_tangent() {
    for z in [-2.0, -0.3, 0.0, 1.1] {
        let t = 2.0 * sigmoid(2.0 * z) - 1.0;
        assert_relative_eq!(t, f64::tanh(z), epsilon = 1e-15);
        assert_relative_eq!(slope(f64::tanh, z), 1.0 - t * t, epsilon = 1e-9);
    }
}

/// The softmax of any number of outputs.
fn softmax(o: &[f64]) -> Vec<f64> {
    let largest = o.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = o.iter().map(|o| (o - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

/// `numbers` with `value` in place `k`.
fn with(numbers: &[f64], k: usize, value: f64) -> Vec<f64> {
    let mut numbers = numbers.to_vec();
    numbers[k] = value;
    numbers
}

#[test]
fn any_number_of_classes() {
    let o = [0.3, -1.2, 2.0, 0.9];
    let y = [0.1, 0.0, 0.2, 0.7];
    let loss = |o: &[f64]| -> f64 { softmax(o).iter().zip(&y).map(|(p, y)| -y * p.ln()).sum() };
    let p = softmax(&o);
    for k in 0..4 {
        let numeric = slope(|o_k| loss(&with(&o, k, o_k)), o[k]);
        assert_relative_eq!(p[k] - y[k], numeric, max_relative = 1e-8);
    }
}

#[test]
fn a_squared_error_goes_quiet() {
    let y = [0.0, 1.0];
    let squared = |o: &[f64]| -> f64 {
        softmax(o).iter().zip(&y).map(|(p, y)| 0.5 * (p - y) * (p - y)).sum()
    };
    let gradient = |o: &[f64]| {
        let p = softmax(o);
        let d = [p[0] - y[0], p[1] - y[1]];
        let mean = d[0] * p[0] + d[1] * p[1];
        [p[0] * (d[0] - mean), p[1] * (d[1] - mean)]
    };
    let o = [1.5, -0.5];
    for k in 0..2 {
        let numeric = slope(|o_k| squared(&with(&o, k, o_k)), o[k]);
        assert_relative_eq!(gradient(&o)[k], numeric, max_relative = 1e-8);
    }
    // Sure of the wrong class: cross-entropy pulls with all its force, the squared error hardly.
    let sure = [10.0, -10.0];
    assert!(softmax(&sure)[0] - y[0] > 0.99);
    assert!(gradient(&sure)[0] < 1e-8);
}

/// `weights` after one step of length `rate` against their gradient.
fn stepped(weights: &Weights, sample: &Sample, rate: f64) -> Weights {
    let gradient = weights.backward(sample, &weights.forward(sample)).weights.to_array();
    let mut numbers = weights.to_array();
    for (number, derivative) in numbers.iter_mut().zip(gradient) {
        *number -= rate * derivative;
    }
    Weights::from_array(numbers)
}

#[test]
fn a_hundred_steps_down() {
    for (start, sample) in [SYMMETRIC, ASYMMETRIC] {
        let mut weights = start;
        for _ in 0..100 {
            let next = stepped(&weights, &sample, 0.5);
            assert!(next.forward(&sample).loss < weights.forward(&sample).loss);
            weights = next;
        }
        assert!(weights.forward(&sample).loss < 0.02);
    }
}

#[test]
fn equal_units_stay_equal() {
    let (mut weights, sample) = SYMMETRIC;
    let first = stepped(&weights, &sample, 0.5);
    assert_eq!((first.w, first.b), (weights.w, weights.b));
    for _ in 0..100 {
        weights = stepped(&weights, &sample, 0.5);
    }
    // The first layer moves from the second step on. Its last two units move as one.
    assert_ne!(weights.w, first.w);
    let unit = |j: usize| [weights.w[0][j], weights.w[1][j], weights.b[j]];
    assert_eq!(unit(1), unit(2));
    assert_eq!(weights.v[1], weights.v[2]);
    // The first unit differs from them in v alone. What else is between them is rounding.
    for (first, second) in unit(0).into_iter().zip(unit(1)) {
        assert_relative_eq!(first, second, max_relative = 1e-13);
    }
    assert_relative_eq!(weights.v[0][0], weights.v[1][0] + 2.0, max_relative = 1e-13);
}
