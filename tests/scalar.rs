//! Chapter 1: the numbers of both fixtures, the chain rule step by step, a training, and planted bugs.

use chainrule::scalar::{
    ASYMMETRIC, Forward, Gradient, RATE, STEPS, SYMMETRIC, Sample, Weights, sigmoid,
};
use chainrule::score::{self, SEEDS};
use chainrule::tape::{Gradients, Inputs, Op};
use chainrule::{BrokenRule, ShapeError, Tape, Tensor, Var};
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
    (weights, Sample { x: [0.8, 1.7], t: [0.3, 0.7] })
}

/// df/dx by a central difference, which knows of no chain rule.
fn slope(f: impl Fn(f64) -> f64, x: f64) -> f64 {
    let step = f64::EPSILON.cbrt();
    (f(x + step) - f(x - step)) / (2.0 * step)
}

/// The inputs of the hidden units, as loops.
fn hidden_inputs(weights: &Weights, x: [f64; 2]) -> [f64; 3] {
    let Weights { w, b, .. } = weights;
    std::array::from_fn(|j| (0..2).map(|i| x[i] * w[i][j]).sum::<f64>() + b[j])
}

/// The outputs that follow from the hidden units, as loops.
fn outputs(weights: &Weights, h: [f64; 3]) -> [f64; 2] {
    let Weights { v, c, .. } = weights;
    std::array::from_fn(|k| (0..3).map(|j| h[j] * v[j][k]).sum::<f64>() + c[k])
}

/// The softmax as it is defined, without a thought for large powers.
fn softmax(o: [f64; 2]) -> [f64; 2] {
    o.map(|o_k| o_k.exp() / (o[0].exp() + o[1].exp()))
}

fn cross_entropy(o: [f64; 2], t: [f64; 2]) -> f64 {
    let p = softmax(o);
    -t[0] * p[0].ln() - t[1] * p[1].ln()
}

/// The slope of `loss` in the number of the network that is at `place`.
fn slope_at(
    weights: &Weights,
    place: impl Fn(&mut Weights) -> &mut f64,
    loss: impl Fn(&Weights) -> f64,
) -> f64 {
    let mut moved = *weights;
    let at = *place(&mut moved);
    slope(
        |value| {
            let mut moved = *weights;
            *place(&mut moved) = value;
            loss(&moved)
        },
        at,
    )
}

/// `numbers` with `value` in place `k`.
fn with<const N: usize>(mut numbers: [f64; N], k: usize, value: f64) -> [f64; N] {
    numbers[k] = value;
    numbers
}

#[test]
fn slope_of_a_square() {
    let x = 3.0;
    for h in [0.1, 0.01, 0.001] {
        let quotient = ((x + h) * (x + h) - x * x) / h;
        assert_close(&[quotient], &[2.0 * x + h], 1e-11);
    }
    assert_close(&[slope(|x| x * x, x)], &[6.0], 1e-9);
}

#[test]
fn eq_one_path() {
    let u = |x: f64| 3.0 * x;
    let loss = |u: f64| u * u;
    let x = 2.0;
    // ∂L/∂u = 2u = 12 and ∂u/∂x = 3.
    assert_close(&[slope(|x| loss(u(x)), x)], &[12.0 * 3.0], 1e-8);
    // Any other pair of functions.
    let u = |x: f64| x.sin() + 2.0 * x;
    let loss = |u: f64| u.exp() / u;
    for x in [-1.3, 0.7, 1.9] {
        let product = slope(loss, u(x)) * slope(u, x);
        assert_close(&[slope(|x| loss(u(x)), x)], &[product], 1e-7 * product.abs());
    }
}

#[test]
fn eq_sigmoid_path() {
    for z in [-3.0, -0.4, 0.0, 1.3, 2.5] {
        let h = sigmoid(z);
        assert_close(&[slope(sigmoid, z)], &[h * (1.0 - h)], 1e-10);
        // The path z → s → h, one factor at a time.
        let s = |z: f64| 1.0 + (-z).exp();
        assert_close(&[slope(s, z)], &[1.0 - s(z)], 1e-8);
        assert_close(&[slope(|s| 1.0 / s, s(z))], &[-1.0 / (s(z) * s(z))], 1e-8);
        assert_close(&[sigmoid(-z)], &[1.0 - h], 1e-15);
    }
    assert_eq!([sigmoid(-1e4), sigmoid(0.0), sigmoid(1e4)], [0.0, 0.5, 1.0]);
}

#[test]
fn eq_two_paths() {
    let (u, v) = (|x: f64| 3.0 * x, |x: f64| x * x);
    let loss = |u: f64, v: f64| u * v;
    let x = 2.0;
    // Through u: v·3 = 12. Through v: u·2x = 24.
    assert_close(&[slope(|x| loss(u(x), v(x)), x)], &[12.0 + 24.0], 1e-8);
    // Any other three functions.
    let (u, v) = (|x: f64| x.cos() - x, |x: f64| (0.5 * x).exp());
    let loss = |u: f64, v: f64| u * u * v + v.sin();
    for x in [-1.3, 0.7, 1.9] {
        let through_u = slope(|u| loss(u, v(x)), u(x)) * slope(u, x);
        let through_v = slope(|v| loss(u(x), v), v(x)) * slope(v, x);
        let whole = slope(|x| loss(u(x), v(x)), x);
        assert_close(&[whole], &[through_u + through_v], 1e-7 * whole.abs());
    }
}

#[test]
fn softmax_is_shift_invariant() {
    let o = [0.7, -1.9];
    for shift in [-3.0, 0.4, 12.0] {
        assert_close(&softmax(o.map(|o| o + shift)), &softmax(o), 1e-15);
    }
    // Without the shift, a large output is no number. With it, all is well.
    assert!(softmax([1000.0, 998.0])[0].is_nan());
    assert_close(&softmax([0.0, -2.0]), &[sigmoid(2.0), sigmoid(-2.0)], 1e-15);
}

#[test]
fn the_logarithm_of_a_probability() {
    let o: [f64; 2] = [0.7, -1.9];
    for k in 0..2 {
        for m in [-3.0, 0.0, 0.7, 12.0] {
            let powers = (o[0] - m).exp() + (o[1] - m).exp();
            assert_close(&[softmax(o)[k].ln()], &[o[k] - m - powers.ln()], 1e-14);
        }
    }
    // The network's loss is computed so, and equals the definition.
    for (weights, sample) in [SYMMETRIC, ASYMMETRIC, between()] {
        let Forward { h, p, loss } = weights.forward(&sample);
        let o = outputs(&weights, h);
        assert_close(&h, &hidden_inputs(&weights, sample.x).map(sigmoid), 1e-15);
        assert_close(&p, &softmax(o), 1e-15);
        assert_close(&[loss], &[cross_entropy(o, sample.t)], 1e-14);
    }
}

#[test]
fn slope_of_a_log_probability() {
    let o = [0.7, -1.9];
    let p = softmax(o);
    for l in 0..2 {
        for k in 0..2 {
            let numeric = slope(|o_k| softmax(with(o, k, o_k))[l].ln(), o[k]);
            let same = if l == k { 1.0 } else { 0.0 };
            assert_close(&[numeric], &[same - p[k]], 1e-9);
        }
    }
}

#[test]
fn eq_output_gradient() {
    for (weights, sample) in [SYMMETRIC, ASYMMETRIC, between()] {
        let Forward { h, p, .. } = weights.forward(&sample);
        let o = outputs(&weights, h);
        // The bias c_j has the factor 1, so the gradient of o_j is its gradient too.
        let found = gradient(&weights, &sample).weights.c;
        for k in 0..2 {
            let numeric = slope(|o_k| cross_entropy(with(o, k, o_k), sample.t), o[k]);
            assert_close(&[p[k] - sample.t[k]], &[numeric], 1e-9);
            assert_close(&[found[k]], &[p[k] - sample.t[k]], 1e-15);
        }
    }
}

#[test]
fn eq_second_layer() {
    for (weights, sample) in [ASYMMETRIC, between()] {
        let Gradient { weights: d, .. } = gradient(&weights, &sample);
        let Forward { h, p, .. } = weights.forward(&sample);
        let loss = |weights: &Weights| cross_entropy(outputs(weights, h), sample.t);
        for (k, d_o) in [p[0] - sample.t[0], p[1] - sample.t[1]].into_iter().enumerate() {
            for (j, h_j) in h.into_iter().enumerate() {
                let numeric = slope_at(&weights, |weights| &mut weights.v[j][k], loss);
                assert_close(&[d_o * h_j], &[numeric], 1e-9);
                assert_close(&[d.v[j][k]], &[d_o * h_j], 1e-15);
            }
            let numeric = slope_at(&weights, |weights| &mut weights.c[k], loss);
            assert_close(&[d_o], &[numeric], 1e-9);
            assert_close(&[d.c[k]], &[d_o], 1e-15);
        }
    }
}

#[test]
fn eq_hidden_gradient() {
    for (weights, sample) in [SYMMETRIC, ASYMMETRIC, between()] {
        let Forward { h, p, .. } = weights.forward(&sample);
        let d_o = [p[0] - sample.t[0], p[1] - sample.t[1]];
        let found = gradient(&weights, &sample).h;
        for j in 0..3 {
            let sum = d_o[0] * weights.v[j][0] + d_o[1] * weights.v[j][1];
            let loss = |h_j| cross_entropy(outputs(&weights, with(h, j, h_j)), sample.t);
            assert_close(&[sum], &[slope(loss, h[j])], 1e-9);
            assert_close(&[found[j]], &[sum], 1e-15);
        }
    }
}

#[test]
fn eq_first_layer() {
    for (weights, sample) in [ASYMMETRIC, between()] {
        let Gradient { weights: d, h: dh } = gradient(&weights, &sample);
        let h = weights.forward(&sample).h;
        let z = hidden_inputs(&weights, sample.x);
        let loss = |h| cross_entropy(outputs(&weights, h), sample.t);
        let loss_of = |weights: &Weights| loss(hidden_inputs(weights, sample.x).map(sigmoid));
        for j in 0..3 {
            let dz = dh[j] * h[j] * (1.0 - h[j]);
            let numeric = slope(|z_j| loss(with(z, j, z_j).map(sigmoid)), z[j]);
            assert_close(&[dz], &[numeric], 1e-9);
            for (l, x_l) in sample.x.into_iter().enumerate() {
                let numeric = slope_at(&weights, |weights| &mut weights.w[l][j], loss_of);
                assert_close(&[dz * x_l], &[numeric], 1e-9);
                assert_close(&[d.w[l][j]], &[dz * x_l], 1e-15);
            }
            let numeric = slope_at(&weights, |weights| &mut weights.b[j], loss_of);
            assert_close(&[dz], &[numeric], 1e-9);
            assert_close(&[d.b[j]], &[dz], 1e-15);
        }
    }
}

#[test]
fn a_step_lowers_the_loss_by_the_squares_of_the_gradient() {
    for (weights, sample) in [SYMMETRIC, ASYMMETRIC, between()] {
        let d = gradient(&weights, &sample).weights.to_array();
        let loss = |rate: f64| {
            weights.step(&gradient(&weights, &sample).weights, rate).forward(&sample).loss
        };
        let squares: f64 = d.iter().map(|d| d * d).sum();
        assert_close(&[slope(loss, 0.0)], &[-squares], 1e-9);
    }
}

/// The mean over samples has the mean gradient, for central differences too.
#[test]
fn the_gradient_of_a_mean_is_the_mean_of_the_gradients() {
    let weights = between().0;
    let samples = [SYMMETRIC.1, ASYMMETRIC.1, between().1];
    let (loss, found) = weights.loss_and_gradient(&samples);
    let losses: f64 = samples.iter().map(|sample| weights.forward(sample).loss).sum();
    assert_close(&[loss], &[losses / 3.0], 1e-15);
    let mut numeric = [0.0; 17];
    for sample in &samples {
        for (sum, n) in numeric.iter_mut().zip(weights.central_differences(sample, 1e-5).to_array())
        {
            *sum += n / 3.0;
        }
    }
    assert_close(&found.to_array(), &numeric, 1e-9);
}

/// Units with equal weights get equal gradients, in every bit. The first unit's row of V starts at
/// (1, 1) and theirs at (−1, −1), but only the difference within a row acts on what comes back: its
/// weights are theirs as well, but for rounding. Three units do the work of one.
#[test]
fn equal_units_stay_equal() {
    let training = score::samples(&score::points().training);
    let mut weights = SYMMETRIC.0;
    for _ in 0..100 {
        let (_, gradient) = weights.loss_and_gradient(&training);
        weights = weights.step(&gradient, RATE);
        let Weights { w, b, v, .. } = weights;
        assert!(w.iter().all(|row| row[1] == row[2]) && b[1] == b[2] && v[1] == v[2]);
    }
    assert_close(&weights.w.map(|row| row[0] - row[1]), &[0.0; 2], 1e-9);
    assert!(weights.accuracy(&training) < 0.8, "one unit cannot do better");
}

/// The training of the chapter, from its five starts.
#[test]
fn seventeen_numbers_learn_the_ellipse() {
    let points = score::points();
    let (training, test) = (score::samples(&points.training), score::samples(&points.test));
    for seed in SEEDS {
        let mut weights = Weights::random(seed);
        let before = weights.accuracy(&test);
        for _ in 0..STEPS {
            let (_, gradient) = weights.loss_and_gradient(&training);
            weights = weights.step(&gradient, RATE);
        }
        let after = weights.accuracy(&test);
        assert!(before < 0.6 && after > 0.94, "seed {seed}: {before} before, {after} after");
    }
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

/// Zero wherever a row of V has two equal entries, whatever the other numbers are.
#[test]
fn eq_zero_hidden() {
    for (weights, sample) in [SYMMETRIC, ASYMMETRIC, between()] {
        let Gradient { weights: d, h: dh } = gradient(&weights, &sample);
        // The two outputs pull with equal force, in opposite directions.
        assert_close(&[d.c[0] + d.c[1]], &[0.0], 1e-15);
        assert_close(&dh, &weights.v.map(|[v0, v1]| d.c[0] * (v0 - v1)), 1e-15);
        let h = weights.forward(&sample).h;
        for j in 0..3 {
            let loss = |h_j| cross_entropy(outputs(&weights, with(h, j, h_j)), sample.t);
            assert_close(&[dh[j]], &[slope(loss, h[j])], 1e-9);
        }
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

/// The backward pass that follows each hidden unit through the first output alone.
fn without_a_path(weights: &Weights, sample: &Sample) -> Weights {
    let Gradient { weights: mut d, .. } = gradient(weights, sample);
    let h = weights.forward(sample).h;
    d.b = std::array::from_fn(|j| d.c[0] * weights.v[j][0] * h[j] * (1.0 - h[j]));
    d.w = sample.x.map(|x| d.b.map(|dz| dz * x));
    d
}

/// Equal terms of opposite signs are no zeros: where one of them is missing, both fixtures see it.
#[test]
fn a_forgotten_path_is_seen_by_both_fixtures() {
    for (weights, sample) in [SYMMETRIC, ASYMMETRIC] {
        let error = largest_error(&without_a_path(&weights, &sample), &weights, &sample);
        assert!(error > 0.05, "{error}");
    }
}

#[test]
fn zeros_hide_a_forgotten_factor() {
    let (weights, sample) = SYMMETRIC;
    let bug = without_the_sigmoid(&weights, &sample);
    assert_eq!(bug, gradient(&weights, &sample).weights);
    assert!(largest_error(&bug, &weights, &sample) < 1e-9);

    let (weights, sample) = ASYMMETRIC;
    let bug = without_the_sigmoid(&weights, &sample);
    assert!(largest_error(&bug, &weights, &sample) > 0.5);
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

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
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
    let y = tape.input(arr2(&[sample.t]));
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
