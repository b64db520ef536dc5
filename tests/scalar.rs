//! Chapter 1: the numbers of both fixtures, the chain rule step by step, and a planted bug.

use chainrule::scalar::{ASYMMETRIC, Gradient, SYMMETRIC, Sample, Weights, sigmoid};
use chainrule::tape::{Gradients, Inputs, Op};
use chainrule::{ShapeError, Tape, Tensor, Var};
use ndarray::{Array2, arr1, arr2};

/// Asserts that every entry of `found` is within `tolerance` of its place in `expected`.
#[track_caller]
fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() <= tolerance, "entry {i}: {found}, expected {expected}");
    }
}

/// The largest difference between a gradient and the one from central differences.
fn largest_error(gradient: &Weights, weights: &Weights, sample: &Sample) -> f64 {
    let numeric = weights.central_differences(sample, 1e-5).to_array();
    let errors = gradient.to_array().into_iter().zip(numeric).map(|(a, n)| (a - n).abs());
    errors.fold(0.0, f64::max)
}

fn gradient(weights: &Weights, sample: &Sample) -> Gradient {
    weights.backward(sample, &weights.forward(sample))
}

#[test]
fn symmetric_forward() {
    let (weights, sample) = SYMMETRIC;
    let forward = weights.forward(&sample);
    assert_close(&forward.h, &[0.8807970779778823; 3], 1e-15);
    assert_eq!(forward.p, [0.5, 0.5]);
    assert_close(&[forward.loss], &[std::f64::consts::LN_2], 1e-15);
}

#[test]
fn symmetric_backward() {
    let (weights, sample) = SYMMETRIC;
    let Gradient { weights: d, h } = gradient(&weights, &sample);
    let half = 0.44039853898894116;
    assert_close(d.v.as_flattened(), &[-half, half, -half, half, -half, half], 1e-15);
    assert_close(&d.c, &[-0.5, 0.5], 1e-15);
    // Exactly, not nearly.
    assert_eq!(h, [0.0; 3]);
    assert_eq!(d.w, [[0.0; 3]; 2]);
    assert_eq!(d.b, [0.0; 3]);
}

/// The expected numbers were found with 50 decimal digits, the gradients among them as central
/// differences: the chain rule had no part in them.
#[test]
fn asymmetric_forward() {
    let (weights, sample) = ASYMMETRIC;
    let forward = weights.forward(&sample);
    assert_close(&forward.h, &[0.679178699175393, 0.2689414213699951, 0.8455347349164652], 1e-15);
    assert_close(&forward.p, &[0.4802714810853716, 0.5197285189146285], 1e-15);
    assert_close(&[forward.loss], &[0.6544486827476929], 1e-15);
}

#[test]
fn asymmetric_backward() {
    let (weights, sample) = ASYMMETRIC;
    let Gradient { weights: d, h } = gradient(&weights, &sample);
    assert_close(&h, &[0.5282986291939087, -0.6243529254109831, -0.38421718486829726], 1e-15);
    let expected = Weights {
        w: [
            [0.17267043976887247, -0.18413285353504213, -0.07527145864046643],
            [-0.05755681325629082, 0.06137761784501405, 0.02509048621348881],
        ],
        b: [0.11511362651258164, -0.1227552356900281, -0.05018097242697762],
        v: [
            [0.32619015977460203, -0.32619015977460203],
            [0.12916489476657256, -0.12916489476657256],
            [0.4060862194474578, -0.4060862194474578],
        ],
        c: [0.4802714810853716, -0.4802714810853716],
    };
    assert_close(&d.to_array(), &expected.to_array(), 1e-15);
    assert!(d.to_array().iter().all(|d| d.abs() > 0.02), "no gradient is near zero");
}

/// A third fixture, with a target between the classes: there both terms of the loss count.
fn between() -> (Weights, Sample) {
    let weights = Weights {
        w: [[1.1, -0.6, 0.2], [-0.7, 0.9, 1.3]],
        b: [-0.4, 0.5, 0.25],
        v: [[-1.2, 0.8], [0.7, 0.15], [0.45, -0.35]],
        c: [0.3, -0.1],
    };
    (weights, Sample { x: [0.8, 1.7], y: [0.3, 0.7] })
}

#[test]
fn chain_rule_equals_central_differences() {
    for (weights, sample) in [SYMMETRIC, ASYMMETRIC, between()] {
        let error = largest_error(&gradient(&weights, &sample).weights, &weights, &sample);
        assert!(error < 1e-9, "{error}");
    }
}

/// Of a loss with more curvature the error of central differences falls as step²: with a step of
/// 0.1 it is seen, and at a tenth of that step it is a hundredth.
#[test]
fn central_differences_err_as_the_square_of_the_step() {
    let (weights, sample) = ASYMMETRIC;
    let exact = gradient(&weights, &sample).weights.to_array();
    let error = |step| {
        let numeric = weights.central_differences(&sample, step).to_array();
        exact.iter().zip(numeric).map(|(e, n)| (e - n).abs()).fold(0.0, f64::max)
    };
    let ratio = error(0.1) / error(0.01);
    assert!((99.0..101.0).contains(&ratio), "{ratio}");
}

/// do_k = p_k − y_k. The bias c_k has the same gradient as o_k.
#[test]
fn output_gradient_is_p_minus_y() {
    for (weights, sample) in [SYMMETRIC, ASYMMETRIC, between()] {
        let p = weights.forward(&sample).p;
        let expected = [p[0] - sample.y[0], p[1] - sample.y[1]];
        assert_close(&gradient(&weights, &sample).weights.c, &expected, 1e-15);
    }
}

/// dh_j = do₀·v_j₀ + do₁·v_j₁. Moving h_j and moving b_j differ by the factor σ′ = h·(1 − h).
#[test]
fn hidden_gradient_sums_over_both_outputs() {
    let (weights, sample) = ASYMMETRIC;
    let h = weights.forward(&sample).h;
    let Gradient { h: dh, .. } = gradient(&weights, &sample);
    let numeric = weights.central_differences(&sample, 1e-5).b;
    for j in 0..3 {
        assert_close(&[dh[j] * h[j] * (1.0 - h[j])], &[numeric[j]], 1e-9);
    }
}

/// dh_j = do₀·(v_j₀ − v_j₁): zero wherever a row of V has two equal entries, whatever the other
/// numbers are.
#[test]
fn equal_entries_in_a_row_of_v_stop_the_gradient() {
    for (weights, sample) in [SYMMETRIC, ASYMMETRIC, between()] {
        let Gradient { weights: d, h } = gradient(&weights, &sample);
        let expected = weights.v.map(|[v0, v1]| d.c[0] * (v0 - v1));
        assert_close(&h, &expected, 1e-15);
    }
    let (mut weights, sample) = ASYMMETRIC;
    weights.v[1] = [0.4, 0.4];
    let Gradient { weights: d, h } = gradient(&weights, &sample);
    assert_close(&[h[1], d.b[1], d.w[0][1], d.w[1][1]], &[0.0; 4], 1e-16);
    assert!(h[0].abs() > 0.1 && h[2].abs() > 0.1);
}

/// The backward pass without the factor h·(1 − h) of the sigmoid.
fn without_the_sigmoid(weights: &Weights, sample: &Sample) -> Weights {
    let Gradient { weights: mut d, h: dz } = gradient(weights, sample);
    d.w = sample.x.map(|x| dz.map(|dz| dz * x));
    d.b = dz;
    d
}

#[test]
fn symmetric_fixture_hides_a_bug_that_the_asymmetric_one_shows() {
    let (weights, sample) = SYMMETRIC;
    let bug = without_the_sigmoid(&weights, &sample);
    assert_eq!(bug, gradient(&weights, &sample).weights);
    assert!(largest_error(&bug, &weights, &sample) < 1e-9);

    let (weights, sample) = ASYMMETRIC;
    let bug = without_the_sigmoid(&weights, &sample);
    assert!(largest_error(&bug, &weights, &sample) > 0.5);
}

/// dσ/dz = σ·(1 − σ), and σ(−z) = 1 − σ(z).
#[test]
fn sigmoid_derivative() {
    for z in [-3.0, -0.4, 0.0, 1.3, 2.5] {
        let numeric = (sigmoid(z + 1e-5) - sigmoid(z - 1e-5)) / 2e-5;
        assert_close(&[numeric], &[sigmoid(z) * (1.0 - sigmoid(z))], 1e-10);
        assert_close(&[sigmoid(-z)], &[1.0 - sigmoid(z)], 1e-15);
    }
    assert_eq!([sigmoid(-1e4), sigmoid(0.0), sigmoid(1e4)], [0.0, 0.5, 1.0]);
}

#[test]
fn extreme_weights_stay_finite() {
    let (mut weights, sample) = ASYMMETRIC;
    weights.c = [1e4, -1e4];
    let forward = weights.forward(&sample);
    assert_eq!(forward.p, [1.0, 0.0]);
    // L = o₀ − o₁, to within the e^(−20000) that is lost.
    let [h0, h1, h2] = forward.h;
    assert_close(&[forward.loss], &[2e4 + 1.1 * h0 - 1.3 * h1 - 0.8 * h2], 1e-11);
    let d = weights.backward(&sample, &forward).weights;
    assert_eq!(d.c, [1.0, -1.0]);
    assert!(d.to_array().iter().all(|d| d.is_finite()));
}

#[test]
fn arrays_keep_every_weight_in_its_place() {
    let numbers: [f64; 17] = std::array::from_fn(|i| i as f64);
    let weights = Weights::from_array(numbers);
    assert_eq!(weights.w, [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]);
    assert_eq!(weights.b, [6.0, 7.0, 8.0]);
    assert_eq!(weights.v, [[9.0, 10.0], [11.0, 12.0], [13.0, 14.0]]);
    assert_eq!(weights.c, [15.0, 16.0]);
    assert_eq!(weights.to_array(), numbers);
}

/// y = f(x) with dy/dx = df(x, y), entry by entry.
struct Map {
    f: fn(f64) -> f64,
    df: fn(f64, f64) -> f64,
}

impl Op<f64> for Map {
    fn name(&self) -> &'static str {
        "map"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, ShapeError> {
        Ok(inputs[0].to_vec())
    }

    fn forward(&mut self, x: Inputs<'_, f64>, y: &mut Tensor<f64>) {
        y.assign(&x[0].mapv(self.f));
    }

    fn backward(
        &mut self,
        x: Inputs<'_, f64>,
        y: &Tensor<f64>,
        dy: &Tensor<f64>,
        mut dx: Gradients<'_, f64>,
    ) {
        if let Some(dx) = dx.wanted(0) {
            for (((dx, &x), &y), &dy) in dx.iter_mut().zip(&x[0]).zip(y).zip(dy) {
                *dx += dy * (self.df)(x, y);
            }
        }
    }
}

/// The network on a tape: W, b, V, c, the hidden units, the probabilities and the loss.
struct Recorded {
    tape: Tape<f64>,
    parameters: [Var; 4],
    h: Var,
    p: Var,
    loss: Var,
}

fn record(weights: &Weights, sample: &Sample) -> Result<Recorded, ShapeError> {
    let mut tape = Tape::new();
    let x = tape.input(arr2(&[sample.x]));
    let y = tape.input(arr2(&[sample.y]));
    let w = tape.parameter(arr2(&weights.w));
    let b = tape.parameter(arr1(&weights.b));
    let v = tape.parameter(arr2(&weights.v));
    let c = tape.parameter(arr1(&weights.c));

    let z = tape.linear(x, w, b)?;
    let h = tape.push(Map { f: sigmoid, df: |_, h| h * (1.0 - h) }, &[z])?;
    let o = tape.linear(h, v, c)?;
    let powers = tape.push(Map { f: f64::exp, df: |_, e| e }, &[o])?;
    // A product with ones puts the sum of both powers into both columns.
    let ones = tape.input(Array2::ones((2, 2)));
    let sums = tape.matmul(powers, ones)?;
    let p = tape.divide(powers, sums)?;
    let log_p = tape.push(Map { f: |p| -p.ln(), df: |p, _| -1.0 / p }, &[p])?;
    // A tape's backward pass starts from the sum of its output: here the cross-entropy.
    let loss = tape.multiply(y, log_p)?;
    Ok(Recorded { tape, parameters: [w, b, v, c], h, p, loss })
}

#[test]
fn plain_numbers_equal_the_tape() {
    for (weights, sample) in [SYMMETRIC, ASYMMETRIC, between()] {
        let Recorded { mut tape, parameters, h, p, loss } = record(&weights, &sample).unwrap();
        tape.backward(loss);
        let forward = weights.forward(&sample);
        let d = weights.backward(&sample, &forward);
        assert_close(&forward.h, tape.value(h).as_slice().unwrap(), 1e-15);
        assert_close(&forward.p, tape.value(p).as_slice().unwrap(), 1e-15);
        assert_close(&[forward.loss], &[tape.value(loss).sum()], 1e-15);
        assert_close(&d.h, tape.gradient(h).as_slice().unwrap(), 1e-15);
        let recorded: Vec<f64> =
            parameters.iter().flat_map(|&var| tape.gradient(var).iter().copied()).collect();
        assert_close(&d.weights.to_array(), &recorded, 1e-15);
    }
}
