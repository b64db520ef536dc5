//! Chapter 8: the row divided by its sum, batch norm and layer norm.

use approx::assert_abs_diff_eq;
use chainrule::conv::pool::Window;
use chainrule::gradcheck::{Draw, Gradcheck};
use chainrule::normalize::moments::{SCRATCH, column_moments};
use chainrule::normalize::{BatchNorm, definition};
use chainrule::tape::{Gradients, Inputs};
use chainrule::tensor::{entries, entries_mut};
use chainrule::{BrokenRule, Mode, Op, Real, ShapeError, Tape, Tensor, Var};
use ndarray::{Array2, Axis, Ix2, arr0, arr1, arr2};
use proptest::prelude::*;

const TRAINING: Mode = Mode::Training { step: 3 };

type Recorded = Result<Var, ShapeError>;

/// ∂f/∂x for each entry of x, by central differences that know nothing of a backward pass.
fn differences(x: &Tensor<f64>, mut f: impl FnMut(&Tensor<f64>) -> f64) -> Tensor<f64> {
    let step = 1e-5;
    Tensor::from_shape_fn(x.raw_dim(), |index| {
        let mut moved = x.clone();
        moved[&index] = x[&index] + step;
        let above = f(&moved);
        moved[&index] = x[&index] - step;
        (above - f(&moved)) / (2.0 * step)
    })
}

fn delta(i: usize, j: usize) -> f64 {
    if i == j { 1.0 } else { 0.0 }
}

fn ones<T: Real>(features: usize) -> Tensor<T> {
    Tensor::ones(vec![features])
}

fn zeros<T: Real>(features: usize) -> Tensor<T> {
    Tensor::zeros(vec![features])
}

/// The value of an op with x, a scale and a shift.
fn value<T: Real>(
    mode: Mode,
    [x, gamma, beta]: [&Tensor<T>; 3],
    record: impl Fn(&mut Tape<T>, Var, Var, Var) -> Recorded,
) -> Tensor<T> {
    let mut tape = Tape::new();
    tape.set_mode(mode);
    let (x, gamma) = (tape.input(x.clone()), tape.input(gamma.clone()));
    let beta = tape.input(beta.clone());
    let y = record(&mut tape, x, gamma, beta).unwrap();
    tape.value(y).clone()
}

/// The gradients of Σ dy ⊙ y in x, scale and shift.
fn gradients(
    mode: Mode,
    inputs: [&Tensor<f64>; 3],
    dy: &Tensor<f64>,
    record: impl Fn(&mut Tape<f64>, Var, Var, Var) -> Recorded,
) -> [Tensor<f64>; 3] {
    let mut tape = Tape::new();
    tape.set_mode(mode);
    let [x, gamma, beta] = inputs.map(|input| tape.parameter(input.clone()));
    let y = record(&mut tape, x, gamma, beta).unwrap();
    tape.backward_from(y, dy).unwrap();
    [x, gamma, beta].map(|var| tape.gradient(var).clone())
}

fn normalized_rows(x: &Tensor<f64>) -> Tensor<f64> {
    let mut tape = Tape::new();
    let x = tape.input(x.clone());
    let y = tape.row_normalize(x).unwrap();
    tape.value(y).clone()
}

#[test]
fn a_row_is_divided_by_its_sum() {
    let x = arr2(&[[1.0, 3.0, 4.0], [5.0, -1.0, 1.0]]).into_dyn();
    let y = arr2(&[[0.125, 0.375, 0.5], [1.0, -0.2, 0.2]]).into_dyn();
    assert_eq!(normalized_rows(&x), y);
    let flat = arr1(&[1.0, 3.0]).into_dyn();
    assert_eq!(normalized_rows(&flat), arr1(&[0.25, 0.75]).into_dyn());
    let zero = normalized_rows(&arr1(&[1.0, -1.0]).into_dyn());
    assert_eq!(zero, arr1(&[f64::INFINITY, f64::NEG_INFINITY]).into_dyn());
}

#[test]
fn eq_row_normalize_jacobian() {
    // ∂y_i/∂x_j = (δ_ij − y_i) / s
    let x = arr1(&[0.7, 1.9, 0.4]).into_dyn();
    let y = normalized_rows(&x);
    for i in 0..3 {
        let numeric = differences(&x, |x| normalized_rows(x)[i]);
        for j in 0..3 {
            assert_abs_diff_eq!(numeric[j], (delta(i, j) - y[i]) / x.sum(), epsilon = 1e-10);
        }
    }
}

#[test]
fn eq_row_normalize_backward() {
    // dx_j = (dy_j − Σ_i dy_i · y_i) / s, and Σ_j dx_j · x_j = 0
    let mut draw = Draw::new(11);
    let (x, dy): (Tensor<f64>, Tensor<f64>) =
        (draw.positive(&[2, 4]), draw.away_from_zero(&[2, 4]));
    let mut tape = Tape::new();
    let var = tape.parameter(x.clone());
    let y = tape.row_normalize(var).unwrap();
    tape.backward_from(y, &dy).unwrap();
    let dx = tape.gradient(var);
    let numeric = differences(&x, |x| (normalized_rows(x) * &dy).sum());
    assert_abs_diff_eq!(dx, &numeric, epsilon = 1e-9);
    for i in 0..2 {
        let row = |tensor: &Tensor<f64>| tensor.index_axis(Axis(0), i).to_owned();
        let mean = (row(&dy) * row(tape.value(y))).sum();
        let claimed = (row(&dy) - mean) / row(&x).sum();
        assert_abs_diff_eq!(row(dx), claimed, epsilon = 1e-14);
        assert_abs_diff_eq!((row(dx) * row(&x)).sum(), 0.0, epsilon = 1e-14);
    }
}

#[test]
fn a_row_is_normalized_by_three_ops_as_by_one() {
    let mut draw = Draw::new(35);
    let (x, dy): (Tensor<f64>, Tensor<f64>) =
        (draw.positive(&[3, 4]), draw.away_from_zero(&[3, 4]));
    let mut tape = Tape::new();
    let [a, b] = [(); 2].map(|()| tape.parameter(x.clone()));
    let sum = tape.sum_axis(a, Axis(1)).unwrap();
    let repeated = tape.expand(sum, Axis(1), a).unwrap();
    let composed = tape.divide(a, repeated).unwrap();
    let implemented = tape.row_normalize(b).unwrap();
    assert_abs_diff_eq!(tape.value(composed), tape.value(implemented), epsilon = 1e-15);
    tape.backward_from(composed, &dy).unwrap();
    let by_three_ops = tape.gradient(a).clone();
    tape.backward_from(implemented, &dy).unwrap();
    assert_abs_diff_eq!(tape.gradient(b), &by_three_ops, epsilon = 1e-14);
    // And as derived, with the Jacobian as a matrix: dx_j = Σ_i dy_i · (δ_ij − y_i) / s.
    let y = tape.value(implemented);
    let derived = Tensor::from_shape_fn(vec![3, 4], |at| {
        let s = x.index_axis(Axis(0), at[0]).sum();
        let term = |i| dy[[at[0], i]] * (delta(i, at[1]) - y[[at[0], i]]) / s;
        (0..4).map(term).sum::<f64>()
    });
    assert_abs_diff_eq!(tape.gradient(b), &derived, epsilon = 1e-14);
}

#[test]
fn softmax_is_the_row_normalized_exponential() {
    let z: Tensor<f64> = Draw::new(12).away_from_zero(&[3, 4]);
    let mut tape = Tape::new();
    let var = tape.input(z.clone());
    let p = tape.softmax(var).unwrap();
    assert_abs_diff_eq!(tape.value(p), &normalized_rows(&z.exp()), epsilon = 1e-15);
}

const EPSILON: f64 = 1e-5;

/// μ, v, r and x̂ of a group of numbers, from the definition.
fn standardize(x: &Tensor<f64>) -> (f64, f64, f64, Tensor<f64>) {
    let n = x.len() as f64;
    let mean = x.sum() / n;
    let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    let r = (variance + EPSILON).powf(-0.5);
    (mean, variance, r, (x - mean) * r)
}

fn group() -> Tensor<f64> {
    arr1(&[0.7, -1.9, 0.4, 2.3, 0.1]).into_dyn()
}

#[test]
fn slopes_of_the_mean() {
    // ∂μ/∂x_k = 1/n
    let numeric = differences(&group(), |x| standardize(x).0);
    assert_abs_diff_eq!(numeric, Tensor::from_elem(vec![5], 0.2), epsilon = 1e-10);
}

#[test]
fn slopes_of_the_variance() {
    // ∂v/∂x_k = 2/n · (x_k − μ)
    let (mean, ..) = standardize(&group());
    let numeric = differences(&group(), |x| standardize(x).1);
    assert_abs_diff_eq!(numeric, (group() - mean) * 0.4, epsilon = 1e-9);
}

#[test]
fn slopes_of_r() {
    // ∂r/∂x_k = −1/n · r² · x̂_k
    let (_, _, r, hat) = standardize(&group());
    let numeric = differences(&group(), |x| standardize(x).2);
    assert_abs_diff_eq!(numeric, hat * (-0.2 * r * r), epsilon = 1e-10);
}

#[test]
fn eq_standardize_jacobian() {
    // ∂x̂_i/∂x_k = r · (δ_ik − 1/n − x̂_i · x̂_k / n)
    let (_, _, r, hat) = standardize(&group());
    for i in 0..5 {
        let numeric = differences(&group(), |x| standardize(x).3[i]);
        for k in 0..5 {
            let claimed = r * (delta(i, k) - 0.2 - hat[i] * hat[k] * 0.2);
            assert_abs_diff_eq!(numeric[k], claimed, epsilon = 1e-9);
        }
    }
}

#[test]
fn eq_standardize_backward() {
    // dx_k = r · (d_k − 1/n · Σ d_i − x̂_k · 1/n · Σ d_i · x̂_i)
    let (_, _, r, hat) = standardize(&group());
    let d = arr1(&[1.3, -0.4, 0.8, 0.5, -1.6]).into_dyn();
    let numeric = differences(&group(), |x| (standardize(x).3 * &d).sum());
    let product = (&d * &hat).sum();
    let claimed = r * (&d - d.sum() / 5.0 - &hat * (product / 5.0));
    assert_abs_diff_eq!(numeric, claimed, epsilon = 1e-9);
    // Both ops take this path: batch norm down a column, layer norm along a row.
    let column = |x: &Tensor<f64>| x.clone().into_shape_with_order(vec![5, 1]).unwrap();
    let [dx, ..] = gradients(
        TRAINING,
        [&column(&group()), &ones(1), &zeros(1)],
        &column(&d),
        Tape::batch_norm,
    );
    assert_abs_diff_eq!(dx, column(&claimed), epsilon = 1e-14);
    let [dx, ..] = gradients(TRAINING, [&group(), &ones(5), &zeros(5)], &d, Tape::layer_norm);
    assert_abs_diff_eq!(dx, claimed, epsilon = 1e-14);
}

/// x minus the mean of each column, by the ops of chapter 4.
fn centered(tape: &mut Tape<f64>, x: Var) -> Recorded {
    let mean = tape.mean_axis(x, Axis(0))?;
    let repeated = tape.expand(mean, Axis(0), x)?;
    tape.subtract(x, repeated)
}

#[test]
fn eq_center_backward() {
    // dx_k = dc_k − 1/m · Σ_i dc_i
    let mut draw = Draw::new(36);
    let (x, dc): (Tensor<f64>, Tensor<f64>) =
        (draw.away_from_zero(&[5, 2]), draw.away_from_zero(&[5, 2]));
    let value = |x: &Tensor<f64>| x - &x.mean_axis(Axis(0)).unwrap();
    let mut tape = Tape::new();
    let var = tape.parameter(x.clone());
    let c = centered(&mut tape, var).unwrap();
    assert_abs_diff_eq!(tape.value(c), &value(&x), epsilon = 1e-15);
    tape.backward_from(c, &dc).unwrap();
    let claimed = &dc - &dc.mean_axis(Axis(0)).unwrap();
    assert_abs_diff_eq!(tape.gradient(var), &claimed, epsilon = 1e-15);
    let numeric = differences(&x, |x| (value(x) * &dc).sum());
    assert_abs_diff_eq!(claimed, numeric, epsilon = 1e-9);
}

#[test]
fn batch_norm_is_center_and_divide_by_spread() {
    let mut draw = Draw::new(37);
    let (x, dy): (Tensor<f64>, Tensor<f64>) =
        (draw.away_from_zero(&[6, 3]), draw.away_from_zero(&[6, 3]));
    let mut tape = Tape::new();
    let var = tape.parameter(x.clone());
    let c = centered(&mut tape, var).unwrap();
    let y = tape.divide_by_spread(c).unwrap();
    tape.backward_from(y, &dy).unwrap();
    let almost_none = BatchNorm { epsilon: 1e-13, ..BatchNorm::default() };
    let norm =
        |tape: &mut Tape<f64>, x, gamma, beta| tape.batch_norm_with(x, gamma, beta, almost_none);
    let inputs = [&x, &ones(3), &zeros(3)];
    assert_abs_diff_eq!(tape.value(y), &value(TRAINING, inputs, norm), epsilon = 1e-12);
    let [dx, ..] = gradients(TRAINING, inputs, &dy, norm);
    assert_abs_diff_eq!(tape.gradient(var), &dx, epsilon = 1e-11);
}

#[test]
fn the_jacobian_as_a_matrix() {
    // dx = r · (I − 1/m · 1·1ᵀ − 1/m · x̂·x̂ᵀ) · d
    let (_, _, r, hat) = standardize(&group());
    let d = arr1(&[1.3, -0.4, 0.8, 0.5, -1.6]);
    let matrix =
        Array2::from_shape_fn((5, 5), |(i, k)| delta(i, k) - 1.0 / 5.0 - hat[i] * hat[k] / 5.0);
    let numeric = differences(&group(), |x| (standardize(x).3 * &d).sum());
    assert_abs_diff_eq!((r * matrix.dot(&d)).into_dyn(), numeric, epsilon = 1e-9);
}

#[test]
fn eq_standardize_keeps() {
    // Σ_i dx_i = 0 and Σ_i dx_i · x̂_i = ε · r³ · Σ_i d_i · x̂_i
    let (_, _, r, hat) = standardize(&group());
    let d = arr1(&[1.3, -0.4, 0.8, 0.5, -1.6]).into_dyn();
    let [dx, ..] = gradients(
        TRAINING,
        [&group().insert_axis(Axis(1)), &ones(1), &zeros(1)],
        &d.clone().insert_axis(Axis(1)),
        Tape::batch_norm,
    );
    let dx = dx.remove_axis(Axis(1));
    let numeric = differences(&group(), |x| (standardize(x).3 * &d).sum());
    for dx in [dx, numeric] {
        assert_abs_diff_eq!(dx.sum(), 0.0, epsilon = 1e-9);
        let claimed = EPSILON * r.powi(3) * (&d * &hat).sum();
        assert_abs_diff_eq!((&dx * &hat).sum(), claimed, epsilon = 1e-9);
        assert!(claimed > 1e-6);
    }
}

/// The gradients of Σ dy ⊙ y with respect to W and b, where y is X·W + b, normalized almost without ε.
fn gradients_before_a_norm(x: &Tensor<f64>, w: &Tensor<f64>, dy: &Tensor<f64>) -> [Tensor<f64>; 2] {
    let mut tape = Tape::new();
    tape.set_mode(TRAINING);
    let (x, w) = (tape.input(x.clone()), tape.parameter(w.clone()));
    let columns = dy.shape()[1];
    let b = tape.parameter(zeros(columns));
    let z = tape.linear(x, w, b).unwrap();
    let (gamma, beta) = (tape.input(ones(columns)), tape.input(zeros(columns)));
    let settings = BatchNorm { epsilon: 1e-13, ..BatchNorm::default() };
    let y = tape.batch_norm_with(z, gamma, beta, settings).unwrap();
    tape.forward();
    tape.backward_from(y, dy).unwrap();
    [w, b].map(|var| tape.gradient(var).clone())
}

/// x `[8, 4]`, W `[4, 3]` and dy `[8, 3]`.
fn before_a_norm(seed: u64) -> [Tensor<f64>; 3] {
    let mut draw = Draw::new(seed);
    [[8, 4], [4, 3], [8, 3]].map(|shape| draw.away_from_zero(&shape))
}

#[test]
fn eq_weight_scale() {
    // dw(s · w) = dw(w) / s and Σ_l w_l · dw_l = 0, for each column w
    let [x, w, dy] = before_a_norm(38);
    let [dw, _] = gradients_before_a_norm(&x, &w, &dy);
    let loss = |w: &Tensor<f64>| {
        let z = x.clone().into_dimensionality::<Ix2>().unwrap();
        let z = z.dot(&w.clone().into_dimensionality::<Ix2>().unwrap());
        let columns = z.columns().into_iter().zip(dy.axis_iter(Axis(1)));
        columns.map(|(z, dy)| (standardize(&z.to_owned().into_dyn()).3 * dy).sum()).sum::<f64>()
    };
    assert_abs_diff_eq!(dw, differences(&w, loss), epsilon = 1e-4);
    assert!(dw.iter().all(|dw| dw.abs() > 1e-3));
    for s in [0.1, 3.0, 100.0] {
        let [scaled, _] = gradients_before_a_norm(&x, &(&w * s), &dy);
        assert_abs_diff_eq!(scaled, &dw / s, epsilon = 1e-9);
        assert_abs_diff_eq!((&w * &scaled).sum_axis(Axis(0)), zeros(3), epsilon = 1e-9);
    }
}

#[test]
fn eq_effective_rate() {
    // w − η · dw(w) = |w| · (u − η/|w|² · dw(u)) with u = w/|w|, for each column w
    let [x, w, dy] = before_a_norm(39);
    let rate = 0.7;
    let length = w.mapv(|w| w * w).sum_axis(Axis(0)).mapv(f64::sqrt);
    let u = &w / &length;
    let [[of_w, _], [of_u, _]] = [&w, &u].map(|w| gradients_before_a_norm(&x, w, &dy));
    let claimed = &length * &(&u - &(rate / length.mapv(|length| length * length) * &of_u));
    assert_abs_diff_eq!(&w - &(rate * &of_w), claimed, epsilon = 1e-9);
    // At a right angle, a step makes w longer: |w − η · dw|² = |w|² + η² · |dw|².
    let squares = |w: &Tensor<f64>| w.mapv(|w| w * w).sum_axis(Axis(0));
    let after = squares(&(&w - &(rate * &of_w)));
    assert_abs_diff_eq!(after, squares(&w) + rate * rate * squares(&of_w), epsilon = 1e-9);
}

#[test]
fn eq_redundant_bias() {
    // db_j = Σ_i dz_ij = 0
    let [x, w, dy] = before_a_norm(40);
    let [dw, db] = gradients_before_a_norm(&x, &w, &dy);
    assert_abs_diff_eq!(db, zeros(3), epsilon = 1e-12);
    assert!(dw.iter().all(|dw| dw.abs() > 1e-3));
}

#[test]
fn batch_norm_matches_the_definition() {
    let mut draw = Draw::new(13);
    let x: Tensor<f64> = draw.away_from_zero(&[6, 3]);
    let (gamma, beta): (Tensor<f64>, Tensor<f64>) =
        (draw.away_from_zero(&[3]), draw.away_from_zero(&[3]));
    let y = value(TRAINING, [&x, &gamma, &beta], Tape::batch_norm);
    for j in 0..3 {
        let column = x.index_axis(Axis(1), j).to_owned();
        let (.., hat) = standardize(&column);
        let claimed = hat * gamma[j] + beta[j];
        assert_abs_diff_eq!(y.index_axis(Axis(1), j).to_owned(), claimed, epsilon = 1e-14);
    }
    // By hand: the column 1, 3, 8 has mean 4 and variance 26/3. With ε = 1/3 r is 1/3.
    let x = arr2(&[[1.0], [3.0], [8.0]]).into_dyn();
    let [gamma, beta] = [arr1(&[6.0]).into_dyn(), arr1(&[0.5]).into_dyn()];
    let settings = BatchNorm { epsilon: 1.0 / 3.0, ..BatchNorm::default() };
    let y = value(TRAINING, [&x, &gamma, &beta], |tape, x, gamma, beta| {
        tape.batch_norm_with(x, gamma, beta, settings)
    });
    assert_abs_diff_eq!(y, arr2(&[[-5.5], [-1.5], [8.5]]).into_dyn(), epsilon = 1e-14);
}

#[test]
fn settings_of_batch_norm_outside_their_ranges_are_named() {
    let record = |momentum, epsilon| {
        let mut tape = Tape::<f64>::new();
        let x = tape.input(Tensor::ones(vec![6, 3]));
        let [gamma, beta] = [ones(3), zeros(3)].map(|tensor| tape.parameter(tensor));
        tape.batch_norm_with(x, gamma, beta, BatchNorm { momentum, epsilon })
    };
    // From the statistics that stay to those of the last batch, and from the smallest ε on.
    for (momentum, epsilon) in [(0.0, f64::MIN_POSITIVE), (1.0, f64::MAX)] {
        assert!(record(momentum, epsilon).is_ok());
    }
    let message = |momentum, epsilon| record(momentum, epsilon).unwrap_err().to_string();
    assert_eq!(
        message(1.5, 1e-5),
        "batch_norm: [6, 3] · [3] · [3]: momentum is 1.5: it must be at least 0 and at most 1"
    );
    assert_eq!(
        message(0.1, 0.0),
        "batch_norm: [6, 3] · [3] · [3]: epsilon is 0: it must be a finite number above 0"
    );
    for value in [-0.1, f64::INFINITY, f64::NAN] {
        assert!(message(value, 1e-5).contains(&format!("momentum is {value}: ")));
        assert!(message(0.1, value).contains(&format!("epsilon is {value}: ")));
    }
}

#[test]
fn batch_norm_gives_mean_zero_and_variance_one() {
    let x: Tensor<f64> = Draw::new(14).uniform(&[40, 3], 5.0, 9.0);
    let y = value(TRAINING, [&x, &ones(3), &zeros(3)], Tape::batch_norm);
    for column in y.columns() {
        let mean = column.sum() / 40.0;
        let variance = column.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / 40.0;
        assert_abs_diff_eq!(mean, 0.0, epsilon = 1e-14);
        // Not 1 but v / (v + ε).
        assert!((1.0 - 2e-5..1.0).contains(&variance), "{variance}");
    }
    // A scale and a shift of a feature cancel, but for ε.
    let moved = value(TRAINING, [&(&x * 1e3 + 7.0), &ones(3), &zeros(3)], Tape::batch_norm);
    assert_abs_diff_eq!(moved, y, epsilon = 2e-5);
}

#[test]
fn every_axis_but_the_last_is_the_batch() {
    let mut draw = Draw::new(15);
    let x: Tensor<f64> = draw.away_from_zero(&[2, 3, 4, 3]);
    let rows = x.clone().into_shape_with_order(vec![24, 3]).unwrap();
    let (gamma, beta): (Tensor<f64>, Tensor<f64>) =
        (draw.away_from_zero(&[3]), draw.away_from_zero(&[3]));
    let y = value(TRAINING, [&x, &gamma, &beta], Tape::batch_norm);
    assert_eq!(y.shape(), [2, 3, 4, 3]);
    let y_rows = value(TRAINING, [&rows, &gamma, &beta], Tape::batch_norm);
    assert_eq!(y.into_shape_with_order(vec![24, 3]).unwrap(), y_rows);
    // One axis is one row, of which only the shift is left.
    let y = value(TRAINING, [&beta, &gamma, &gamma], Tape::batch_norm);
    assert_eq!(y, gamma);
}

#[test]
fn eq_batch_norm_backward() {
    // dβ_j = Σ_i dy_ij, dγ_j = Σ_i dy_ij · x̂_ij,
    // dx_ij = γ_j · r_j · (dy_ij − 1/n · dβ_j − x̂_ij · 1/n · dγ_j)
    let mut draw = Draw::new(16);
    let (x, dy): (Tensor<f64>, Tensor<f64>) =
        (draw.away_from_zero(&[6, 3]), draw.away_from_zero(&[6, 3]));
    let (gamma, beta): (Tensor<f64>, Tensor<f64>) =
        (draw.away_from_zero(&[3]), draw.away_from_zero(&[3]));
    let loss = |inputs: [&Tensor<f64>; 3]| (value(TRAINING, inputs, Tape::batch_norm) * &dy).sum();
    let found = gradients(TRAINING, [&x, &gamma, &beta], &dy, Tape::batch_norm);
    let numeric = [
        differences(&x, |x| loss([x, &gamma, &beta])),
        differences(&gamma, |gamma| loss([&x, gamma, &beta])),
        differences(&beta, |beta| loss([&x, &gamma, beta])),
    ];
    for (found, numeric) in found.iter().zip(&numeric) {
        assert_eq!(found.shape(), numeric.shape());
        assert_abs_diff_eq!(found, numeric, epsilon = 1e-8);
    }
    let [dx, d_gamma, d_beta] = found;
    for j in 0..3 {
        let column = |tensor: &Tensor<f64>| tensor.index_axis(Axis(1), j).to_owned();
        let (.., r, hat) = standardize(&column(&x));
        let (sum, product) = (column(&dy).sum(), (column(&dy) * &hat).sum());
        assert_abs_diff_eq!(d_beta[j], sum, epsilon = 1e-13);
        assert_abs_diff_eq!(d_gamma[j], product, epsilon = 1e-13);
        let claimed = gamma[j] * r * (column(&dy) - sum / 6.0 - hat * (product / 6.0));
        assert_abs_diff_eq!(column(&dx), claimed, epsilon = 1e-13);
    }
}

/// A batch that could be halved four times over has room for two halvings. Its sums are those of the
/// whole.
#[test]
fn gradients_of_a_large_batch_are_those_of_its_parts() {
    const ROWS: usize = 100_003;
    let mut draw = Draw::new(34);
    let (x, dy): (Tensor<f64>, Tensor<f64>) =
        (draw.away_from_zero(&[ROWS, 3]), draw.away_from_zero(&[ROWS, 3]));
    let gamma: Tensor<f64> = draw.away_from_zero(&[3]);
    let [dx, d_gamma, d_beta] = gradients(TRAINING, [&x, &gamma, &zeros(3)], &dy, Tape::batch_norm);
    for j in 0..3 {
        let column = |tensor: &Tensor<f64>| tensor.index_axis(Axis(1), j).to_owned();
        let (.., r, hat) = standardize(&column(&x));
        let (sum, product) = (column(&dy).sum(), (column(&dy) * &hat).sum());
        assert_abs_diff_eq!(d_beta[j], sum, epsilon = 1e-9);
        assert_abs_diff_eq!(d_gamma[j], product, epsilon = 1e-9);
        let n = ROWS as f64;
        let claimed = gamma[j] * r * (column(&dy) - sum / n - hat * (product / n));
        assert_abs_diff_eq!(column(&dx), claimed, epsilon = 1e-11);
    }
}

/// A tape with batch norm of x and its four nodes: x, scale, shift, value.
fn recorded(
    x: &Tensor<f64>,
    gamma: &Tensor<f64>,
    beta: &Tensor<f64>,
    settings: BatchNorm,
) -> (Tape<f64>, [Var; 4]) {
    let mut tape = Tape::new();
    let [x, gamma, beta] = [x, gamma, beta].map(|input| tape.parameter(input.clone()));
    let y = tape.batch_norm_with(x, gamma, beta, settings).unwrap();
    (tape, [x, gamma, beta, y])
}

#[test]
fn eq_batch_norm_running() {
    // Two batches of three, by hand. Means 4, 3 and 4, 1; unbiased variances 26/2 = 13, 6/2 = 3
    // and 24/2 = 12, 8/2 = 4.
    let first = arr2(&[[1.0, 2.0], [3.0, 2.0], [8.0, 5.0]]).into_dyn();
    let second = arr2(&[[0.0, 1.0], [6.0, -1.0], [6.0, 3.0]]).into_dyn();
    let (mut tape, [x, .., y]) = recorded(&first, &ones(2), &zeros(2), BatchNorm::default());
    assert_eq!(tape.buffers(y), [zeros::<f64>(2), ones(2)]);
    tape.set_mode(TRAINING);
    tape.forward();
    // 0.9 · 0 + 0.1 · 4 and 0.9 · 1 + 0.1 · 13
    assert_abs_diff_eq!(tape.buffers(y)[0], arr1(&[0.4, 0.3]).into_dyn(), epsilon = 1e-15);
    assert_abs_diff_eq!(tape.buffers(y)[1], arr1(&[2.2, 1.2]).into_dyn(), epsilon = 1e-15);
    tape.set(x, &second).unwrap();
    tape.forward();
    // 0.9 · 0.4 + 0.1 · 4 and 0.9 · 2.2 + 0.1 · 12
    let (mean, variance) = (arr1(&[0.76, 0.37]).into_dyn(), arr1(&[3.18, 1.48]).into_dyn());
    assert_abs_diff_eq!(tape.buffers(y)[0], mean, epsilon = 1e-15);
    assert_abs_diff_eq!(tape.buffers(y)[1], variance, epsilon = 1e-15);
    // Evaluation uses them and leaves them.
    tape.set_mode(Mode::Evaluation);
    tape.forward();
    let claimed = (&second - &mean) / (&variance + 1e-5).mapv(f64::sqrt);
    assert_abs_diff_eq!(tape.value(y), &claimed, epsilon = 1e-14);
    assert_abs_diff_eq!(tape.buffers(y)[0], mean, epsilon = 1e-15);
    assert_abs_diff_eq!(tape.buffers(y)[1], variance, epsilon = 1e-15);
}

/// n/(n − 1) frees the variance of its bias where the n rows are independent. Of two images, each with a
/// level of its own, the levels count as two.
#[test]
fn the_places_of_an_image_are_no_independent_rows() {
    const BATCHES: usize = 3_000;
    // Levels and pixels of variance 1.
    let spread = 3.0_f64.sqrt();
    let mean_variance = |levels_of: usize| {
        let mut draw = Draw::new(81);
        let mut tape = Tape::<f64>::new();
        tape.set_mode(TRAINING);
        let x = tape.input(Tensor::<f64>::zeros(vec![2, 2, 4, 1]));
        let (gamma, beta) = (tape.input(ones::<f64>(1)), tape.input(zeros::<f64>(1)));
        let settings = BatchNorm { momentum: 1.0, ..BatchNorm::default() };
        let y = tape.batch_norm_with(x, gamma, beta, settings).unwrap();
        let variances = (0..BATCHES).map(|_| {
            let level: Tensor<f64> = draw.uniform(&[16 / levels_of], -spread, spread);
            let mut pixels: Tensor<f64> = draw.uniform(&[2, 2, 4, 1], -spread, spread);
            for (i, pixel) in pixels.iter_mut().enumerate() {
                *pixel += level[[i / levels_of]];
            }
            tape.set(x, &pixels).unwrap();
            tape.forward();
            tape.buffers(y)[1][[0]]
        });
        variances.sum::<f64>() / BATCHES as f64
    };
    // Every row a level of its own: 1 + 1.
    assert_abs_diff_eq!(mean_variance(1), 2.0, epsilon = 0.05);
    // Eight rows a level. Their sum of squares has the mean 8·(2 − 1), and is divided by 15.
    assert_abs_diff_eq!(mean_variance(8), 1.0 + 8.0 / 15.0, epsilon = 0.05);
}

#[test]
fn evaluation_with_the_statistics_of_the_batch_is_training_but_for_the_unbiased_variance() {
    let mut draw = Draw::new(17);
    let x: Tensor<f64> = draw.away_from_zero(&[5, 2]);
    let settings = BatchNorm { momentum: 1.0, epsilon: 0.25 };
    let (gamma, beta) = (draw.away_from_zero(&[2]), draw.away_from_zero(&[2]));
    let (mut tape, [.., y]) = recorded(&x, &gamma, &beta, settings);
    tape.set_mode(TRAINING);
    tape.forward();
    let trained = tape.value(y).clone();
    tape.set_mode(Mode::Evaluation);
    tape.forward();
    for j in 0..2 {
        let column = |tensor: &Tensor<f64>| tensor.index_axis(Axis(1), j).to_owned();
        let (_, variance, ..) = standardize(&column(&x));
        let ratio = ((variance + 0.25) / (variance * 5.0 / 4.0 + 0.25)).sqrt();
        let claimed = (column(&trained) - beta[j]) * ratio + beta[j];
        assert_abs_diff_eq!(column(tape.value(y)), claimed, epsilon = 1e-14);
    }
}

#[test]
fn eq_batch_norm_evaluation_backward() {
    // dx_ij = γ_j · r_j · dy_ij, with r from the running variance
    let mut draw = Draw::new(18);
    let (x, dy): (Tensor<f64>, Tensor<f64>) =
        (draw.away_from_zero(&[4, 3]), draw.away_from_zero(&[4, 3]));
    let (gamma, beta) = (draw.away_from_zero(&[3]), draw.away_from_zero(&[3]));
    let (mut tape, [var, gamma_var, beta_var, y]) =
        recorded(&x, &gamma, &beta, BatchNorm::default());
    let (mean, variance): (Tensor<f64>, Tensor<f64>) =
        (draw.away_from_zero(&[3]), draw.positive(&[3]));
    tape.buffers_mut(y)[0].assign(&mean);
    tape.buffers_mut(y)[1].assign(&variance);
    let report = Gradcheck::default().run(&mut tape, y, &dy).unwrap();
    assert!(report.max_relative_error() < 1e-7, "{report}");
    assert_eq!(report.entries, 4 * 3 + 3 + 3);
    tape.backward_from(y, &dy).unwrap();
    let r = (&variance + 1e-5).mapv(|v| v.powf(-0.5));
    let hat = (&x - &mean) * &r;
    assert_abs_diff_eq!(tape.gradient(var), &(&dy * &gamma * &r), epsilon = 1e-14);
    assert_abs_diff_eq!(tape.gradient(gamma_var), &(&dy * &hat).sum_axis(Axis(0)), epsilon = 1e-14);
    assert_abs_diff_eq!(tape.gradient(beta_var), &dy.sum_axis(Axis(0)), epsilon = 1e-14);
}

#[test]
fn a_backward_pass_is_that_of_the_last_forward_pass() {
    let mut draw = Draw::new(19);
    let (x, dy): (Tensor<f64>, Tensor<f64>) =
        (draw.away_from_zero(&[4, 3]), draw.away_from_zero(&[4, 3]));
    let (mut tape, [var, .., y]) = recorded(&x, &ones(3), &zeros(3), BatchNorm::default());
    let [trained, ..] = gradients(TRAINING, [&x, &ones(3), &zeros(3)], &dy, Tape::batch_norm);
    tape.set_mode(TRAINING);
    tape.forward();
    tape.set_mode(Mode::Evaluation);
    tape.backward_from(y, &dy).unwrap();
    assert_eq!(tape.gradient(var), &trained);
}

#[test]
fn running_statistics_disturb_no_gradient() {
    let mut draw = Draw::new(20);
    let x: Tensor<f64> = draw.away_from_zero(&[4, 3]);
    let (mut tape, [var, .., y]) = recorded(&x, &ones(3), &zeros(3), BatchNorm::default());
    let dy = draw.away_from_zero(&[4, 3]);
    tape.set_mode(TRAINING);
    tape.forward();
    tape.backward_from(y, &dy).unwrap();
    let (value, gradient) = (tape.value(y).clone(), tape.gradient(var).clone());
    let statistics = tape.buffers(y).to_vec();
    for _ in 0..10 {
        tape.forward();
    }
    tape.backward_from(y, &dy).unwrap();
    assert_ne!(tape.buffers(y), statistics);
    assert_eq!((tape.value(y), tape.gradient(var)), (&value, &gradient));
}

#[test]
fn a_batch_of_one_row_learns_the_shift_alone() {
    let x = arr2(&[[3.0, -7.0]]).into_dyn();
    let (gamma, beta) = (arr1(&[2.0, 0.5]).into_dyn(), arr1(&[0.25, -1.5]).into_dyn());
    let (mut tape, [var, gamma_var, beta_var, y]) =
        recorded(&x, &gamma, &beta, BatchNorm::default());
    tape.set_mode(TRAINING);
    tape.forward();
    assert_eq!(tape.value(y), &arr2(&[[0.25, -1.5]]).into_dyn());
    tape.backward_from(y, &arr2(&[[1.5, -0.5]]).into_dyn()).unwrap();
    assert_eq!(tape.gradient(var), &Tensor::<f64>::zeros(vec![1, 2]));
    assert_eq!(tape.gradient(gamma_var), &zeros::<f64>(2));
    assert_eq!(tape.gradient(beta_var), &arr1(&[1.5, -0.5]).into_dyn());
    // The running mean moves; one row says nothing about the variance.
    assert_abs_diff_eq!(tape.buffers(y)[0], arr1(&[0.3, -0.7]).into_dyn(), epsilon = 1e-15);
    assert_eq!(tape.buffers(y)[1], ones::<f64>(2));
    // Two rows do: 3 and 5 have the unbiased variance 2, −7 and −7 have 0.
    tape.resize(&[(var, &[2, 2])]).unwrap();
    tape.set(var, &arr2(&[[3.0, -7.0], [5.0, -7.0]])).unwrap();
    tape.forward();
    assert_abs_diff_eq!(tape.buffers(y)[1], arr1(&[1.1, 0.9]).into_dyn(), epsilon = 1e-15);
}

#[test]
fn a_constant_feature_becomes_the_shift() {
    let x = Tensor::from_elem(vec![4, 1], 1e4f32);
    let (gamma, beta) = (Tensor::from_elem(vec![1], 2f32), Tensor::from_elem(vec![1], 0.5f32));
    let y = value(TRAINING, [&x, &gamma, &beta], Tape::batch_norm);
    assert_eq!(y, Tensor::from_elem(vec![4, 1], 0.5));
    let row = Tensor::from_elem(vec![2, 4], 1e4f32);
    let (gamma, beta) = (Tensor::from_elem(vec![4], 2f32), Tensor::from_elem(vec![4], 0.5f32));
    let y = value(TRAINING, [&row, &gamma, &beta], Tape::layer_norm);
    assert_eq!(y, Tensor::from_elem(vec![2, 4], 0.5));
}

#[test]
fn another_number_of_features_starts_anew() {
    let (mut tape, [x, gamma, beta, y]) =
        recorded(&Tensor::ones(vec![4, 2]), &ones(2), &zeros(2), BatchNorm::default());
    tape.set_mode(TRAINING);
    tape.forward();
    assert_ne!(tape.buffers(y)[0], zeros::<f64>(2));
    tape.set_mode(Mode::Evaluation);
    tape.resize(&[(x, &[5, 3]), (gamma, &[3]), (beta, &[3])]).unwrap();
    tape.forward();
    assert_eq!(tape.buffers(y), [zeros::<f64>(3), ones(3)]);
    // Another batch size does not.
    tape.buffers_mut(y)[0].fill(0.5);
    tape.resize(&[(x, &[2, 3])]).unwrap();
    tape.forward();
    assert_eq!(tape.buffers(y)[0], Tensor::from_elem(vec![3], 0.5));
}

#[test]
fn images_need_no_gradient_for_scale_and_shift_to_have_one() {
    let mut draw = Draw::new(21);
    let (x, dy): (Tensor<f64>, Tensor<f64>) =
        (draw.away_from_zero(&[4, 3]), draw.away_from_zero(&[4, 3]));
    for record in [Tape::batch_norm, Tape::layer_norm] {
        let [_, d_gamma, d_beta] = gradients(TRAINING, [&x, &ones(3), &zeros(3)], &dy, record);
        let mut tape = Tape::new();
        tape.set_mode(TRAINING);
        let images = tape.input(x.clone());
        let (gamma, beta) = (tape.parameter(ones(3)), tape.parameter(zeros(3)));
        let y = record(&mut tape, images, gamma, beta).unwrap();
        tape.backward_from(y, &dy).unwrap();
        assert_eq!((tape.gradient(gamma), tape.gradient(beta)), (&d_gamma, &d_beta));
        assert!(tape.gradient(images).is_empty());
    }
}

#[test]
fn gradients_are_added_to_those_of_other_consumers() {
    let mut draw = Draw::new(22);
    let x: Tensor<f64> = draw.positive(&[4, 3]);
    let (gamma, beta) = (draw.away_from_zero(&[3]), draw.away_from_zero(&[3]));
    let dy = draw.away_from_zero(&[4, 3]);
    for record in
        [Tape::batch_norm, Tape::layer_norm, |tape: &mut Tape<f64>, x, _, _| tape.row_normalize(x)]
    {
        let once = gradients(TRAINING, [&x, &gamma, &beta], &dy, record);
        let twice = gradients(TRAINING, [&x, &gamma, &beta], &dy, |tape, x, gamma, beta| {
            let (a, b) = (record(tape, x, gamma, beta)?, record(tape, x, gamma, beta)?);
            tape.add(a, b)
        });
        for (once, twice) in once.iter().zip(&twice) {
            assert_abs_diff_eq!(twice, &(2.0 * once), epsilon = 1e-13);
        }
    }
}

/// Of batch norm each column is a group, of layer norm each row: the definition has x̂ and dx of it.
#[test]
fn both_norms_are_the_definition_group_by_group() {
    let mut draw = Draw::new(31);
    let (x, dy): (Tensor<f64>, Tensor<f64>) =
        (draw.away_from_zero(&[6, 3]), draw.away_from_zero(&[6, 3]));
    let (gamma, beta): (Tensor<f64>, Tensor<f64>) =
        (draw.away_from_zero(&[3]), draw.away_from_zero(&[3]));
    type Record = fn(&mut Tape<f64>, Var, Var, Var) -> Recorded;
    for (record, axis) in [(Tape::batch_norm as Record, Axis(1)), (Tape::layer_norm, Axis(0))] {
        let d = &dy * &gamma;
        // The gradient is added to what is there.
        let (mut hat, mut claimed_dx) = (x.clone(), Tensor::ones(x.raw_dim()));
        for k in 0..x.len_of(axis) {
            let group = |tensor: &Tensor<f64>| -> Vec<f64> {
                tensor.index_axis(axis, k).iter().copied().collect()
            };
            let (mut x_hat, mut dx) = (group(&hat), group(&claimed_dx));
            let r = definition::standardize(&group(&x), EPSILON, &mut x_hat);
            definition::standardize_gradient(&x_hat, r, &group(&d), &mut dx);
            hat.index_axis_mut(axis, k).assign(&arr1(&x_hat));
            claimed_dx.index_axis_mut(axis, k).assign(&arr1(&dx));
        }
        let y = value(TRAINING, [&x, &gamma, &beta], record);
        assert_abs_diff_eq!(y, hat * &gamma + &beta, epsilon = 1e-14);
        let [dx, ..] = gradients(TRAINING, [&x, &gamma, &beta], &dy, record);
        assert_abs_diff_eq!(dx, claimed_dx - 1.0, epsilon = 1e-13);
    }
}

/// Value, gradients and running statistics of batch norm, 2 × 2 max pooling and ReLU, in one op or in
/// three, after a pass in each mode.
fn normalized_and_pooled<T: Real>(in_one: bool, channels: usize) -> Vec<Tensor<T>> {
    let (settings, window) = (BatchNorm { momentum: 0.3, epsilon: 1e-3 }, Window::square(2));
    let mut draw = Draw::new(channels as u64);
    let mut tape = Tape::<T>::new();
    // Some maxima tie, and some scales are negative: these windows pass their smallest x.
    let x = draw.uniform(&[3, 4, 6, channels], -2.0, 2.0).mapv(|x| (T::of(8.0) * x).round());
    let x = tape.parameter(x);
    let affine = [(); 2].map(|()| tape.parameter(draw.uniform(&[channels], -1.0, 1.0)));
    let (norm, y) = if in_one {
        let y = tape.batch_norm_max_pool_relu(x, affine, settings, window).unwrap();
        (y, y)
    } else {
        let norm = tape.batch_norm_with(x, affine[0], affine[1], settings).unwrap();
        let pooled = tape.max_pool(norm, window).unwrap();
        (norm, tape.relu(pooled).unwrap())
    };
    let dy = draw.uniform(&[3, 2, 3, channels], -1.0, 1.0);
    let mut found = Vec::new();
    for mode in [TRAINING, Mode::Evaluation] {
        tape.set_mode(mode);
        tape.forward();
        tape.backward_from(y, &dy).unwrap();
        found.push(tape.value(y).clone());
        found.extend(tape.buffers(norm).iter().cloned());
        found.extend([x, affine[0], affine[1]].map(|var| tape.gradient(var).clone()));
    }
    found
}

#[test]
fn batch_norm_max_pool_and_relu_in_one_op_are_the_three() {
    for channels in [1, 3, 21, 64] {
        let [one, three] = [true, false].map(|one| normalized_and_pooled::<f64>(one, channels));
        for (k, (one, three)) in one.iter().zip(&three).enumerate() {
            if k % 6 < 3 {
                assert_eq!(one, three, "the value and the statistics have the same bits");
            }
            assert_abs_diff_eq!(one, three, epsilon = 1e-12);
        }
        let [one, three] = [true, false].map(|one| normalized_and_pooled::<f32>(one, channels));
        for (one, three) in one.iter().zip(&three) {
            assert_abs_diff_eq!(one, three, epsilon = 1e-4);
        }
        // One channel alone may have no maximum above 0, or none below.
        let both = one[0].iter().any(|&y| y == 0.0) && one[0].iter().any(|&y| y > 0.0);
        assert!(both || channels < 21, "{channels} channels");
    }
}

#[test]
fn windows_that_do_not_tile_the_images_are_refused() {
    let mut tape = Tape::<f64>::new();
    let x = tape.parameter(Tensor::zeros(vec![2, 4, 5, 3]));
    let affine = [(); 2].map(|()| tape.parameter(ones(3)));
    let settings = BatchNorm::default();
    let refused = tape.batch_norm_max_pool_relu(x, affine, settings, Window::square(2));
    assert_eq!(
        refused.unwrap_err().to_string(),
        "batch_norm_max_pool_relu: [2, 4, 5, 3] · [3] · [3]: each pixel must lie in one window"
    );
}

#[test]
fn layer_norm_matches_the_definition() {
    let mut draw = Draw::new(23);
    let x: Tensor<f64> = draw.away_from_zero(&[2, 3, 5]);
    let (gamma, beta): (Tensor<f64>, Tensor<f64>) =
        (draw.away_from_zero(&[5]), draw.away_from_zero(&[5]));
    let y = value(TRAINING, [&x, &gamma, &beta], Tape::layer_norm);
    for (x, y) in x.rows().into_iter().zip(y.rows()) {
        let (.., hat) = standardize(&x.to_owned().into_dyn());
        assert_abs_diff_eq!(y.to_owned().into_dyn(), hat * &gamma + &beta, epsilon = 1e-14);
    }
    // Evaluation is the same, and so is a sample by itself.
    assert_eq!(value(Mode::Evaluation, [&x, &gamma, &beta], Tape::layer_norm), y);
    let alone = x.index_axis(Axis(0), 1).to_owned();
    let y_alone = value(TRAINING, [&alone, &gamma, &beta], Tape::layer_norm);
    assert_eq!(y_alone, y.index_axis(Axis(0), 1));
}

#[test]
fn layer_norm_backward_is_that_of_a_row() {
    // dx_ij = r_i · (d_ij − 1/n · Σ_l d_il − x̂_ij · 1/n · Σ_l d_il · x̂_il) with d_ij = dy_ij · γ_j,
    // dγ_j = Σ_i dy_ij · x̂_ij, dβ_j = Σ_i dy_ij
    let mut draw = Draw::new(24);
    let (x, dy): (Tensor<f64>, Tensor<f64>) =
        (draw.away_from_zero(&[3, 5]), draw.away_from_zero(&[3, 5]));
    let (gamma, beta): (Tensor<f64>, Tensor<f64>) =
        (draw.away_from_zero(&[5]), draw.away_from_zero(&[5]));
    let loss = |inputs: [&Tensor<f64>; 3]| (value(TRAINING, inputs, Tape::layer_norm) * &dy).sum();
    let [dx, d_gamma, d_beta] = gradients(TRAINING, [&x, &gamma, &beta], &dy, Tape::layer_norm);
    assert_abs_diff_eq!(dx, differences(&x, |x| loss([x, &gamma, &beta])), epsilon = 1e-8);
    let numeric = differences(&gamma, |gamma| loss([&x, gamma, &beta]));
    assert_abs_diff_eq!(d_gamma, numeric, epsilon = 1e-8);
    assert_abs_diff_eq!(
        d_beta,
        differences(&beta, |beta| loss([&x, &gamma, beta])),
        epsilon = 1e-8
    );
    let (mut sums, mut products) = (zeros(5), zeros(5));
    for i in 0..3 {
        let row = |tensor: &Tensor<f64>| tensor.index_axis(Axis(0), i).to_owned();
        let (_, _, r, hat) = standardize(&row(&x));
        let d = row(&dy) * &gamma;
        let (sum, product) = (d.sum() / 5.0, (&d * &hat).sum() / 5.0);
        assert_abs_diff_eq!(row(&dx), r * (d - sum - &hat * product), epsilon = 1e-13);
        sums += &row(&dy);
        products += &(row(&dy) * hat);
    }
    assert_abs_diff_eq!(d_gamma, products, epsilon = 1e-13);
    assert_abs_diff_eq!(d_beta, sums, epsilon = 1e-13);
}

#[test]
fn moments_of_two_groups_merge() {
    // S = S_a + S_b + δ² · n_a · n_b / n and μ = μ_a + δ · n_b / n
    let moments = |x: &[f64]| {
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        (x.len() as f64, mean, x.iter().map(|x| (x - mean).powi(2)).sum::<f64>())
    };
    let all = [0.7, -1.9, 0.4, 2.3, 0.1, 5.5, -0.8];
    let ((n_a, mean_a, s_a), (n_b, mean_b, s_b)) = (moments(&all[..3]), moments(&all[3..]));
    let (n, mean, s) = moments(&all);
    let delta = mean_b - mean_a;
    assert_abs_diff_eq!(mean, mean_a + delta * n_b / n, epsilon = 1e-14);
    assert_abs_diff_eq!(s, s_a + s_b + delta * delta * n_a * n_b / n, epsilon = 1e-13);
}

#[test]
fn moments_of_many_blocks_are_those_of_the_whole() {
    // Rows that drift, so that the blocks' means differ. The last block is shorter.
    for (rows, columns) in [(9_000, 3), (3, 10_000), (700, 64), (2, 1), (1, 5)] {
        let mut draw = Draw::new(25);
        let noise: Tensor<f64> = draw.uniform(&[rows, columns], -1.0, 1.0);
        let drift = |i: usize, j: usize| (i as f64 / rows as f64 + j as f64).sin() * 3.0;
        let x = Tensor::from_shape_fn(noise.raw_dim(), |index| {
            noise[&index] + drift(index[0], index[1])
        });
        let (mut mean, mut variance) = (vec![7.0; columns], vec![7.0; columns]);
        let mut scratch = vec![7.0; SCRATCH * columns];
        column_moments(entries(&x), &mut mean, &mut variance, &mut scratch);
        for (j, column) in x.axis_iter(Axis(1)).enumerate() {
            let (expected_mean, expected, ..) = standardize(&column.to_owned());
            assert_abs_diff_eq!(mean[j], expected_mean, epsilon = 1e-12);
            assert_abs_diff_eq!(variance[j], expected, epsilon = 1e-12);
        }
    }
}

#[test]
fn f32_keeps_the_variance_of_numbers_far_from_zero() {
    // Mean 10,000 and variance near 1/3, 100,000 rows: Σx² − n·μ² would have no correct digit.
    let x: Tensor<f32> = Draw::new(26).uniform(&[100_000, 2], 9_999.0, 10_001.0);
    let y = value(TRAINING, [&x, &ones(2), &zeros(2)], Tape::batch_norm);
    for column in y.axis_iter(Axis(1)) {
        let mean = column.iter().map(|&y| f64::from(y)).sum::<f64>() / 1e5;
        let variance = column.iter().map(|&y| f64::from(y).powi(2)).sum::<f64>() / 1e5;
        assert!(mean.abs() < 2e-3, "{mean}");
        assert!((variance - 1.0).abs() < 1e-3, "{variance}");
    }
}

#[test]
fn f32_agrees_with_f64() {
    let mut draw = Draw::new(27);
    let x: Tensor<f32> = draw.away_from_zero(&[50, 8]);
    let (gamma, beta): (Tensor<f32>, Tensor<f32>) =
        (draw.away_from_zero(&[8]), draw.away_from_zero(&[8]));
    let [x64, gamma64, beta64] = [&x, &gamma, &beta].map(|tensor| tensor.mapv(f64::from));
    let batch = value(TRAINING, [&x, &gamma, &beta], Tape::batch_norm).mapv(f64::from);
    let batch64 = value(TRAINING, [&x64, &gamma64, &beta64], Tape::batch_norm);
    assert_abs_diff_eq!(batch, batch64, epsilon = 1e-5);
    let layer = value(TRAINING, [&x, &gamma, &beta], Tape::layer_norm).mapv(f64::from);
    let layer64 = value(TRAINING, [&x64, &gamma64, &beta64], Tape::layer_norm);
    assert_abs_diff_eq!(layer, layer64, epsilon = 1e-5);
}

#[test]
fn values_of_any_size_stay_finite() {
    let x = arr2(&[[1e4f32, -1e4, 1e-4], [-1e4, -1e4, 2e-4], [1e4, 1e4, 0.0]]).into_dyn();
    for record in [Tape::batch_norm, Tape::layer_norm] {
        let mut tape = Tape::<f32>::new();
        tape.set_mode(TRAINING);
        let var = tape.parameter(x.clone());
        let (gamma, beta) = (tape.parameter(ones(3)), tape.parameter(zeros(3)));
        let y = record(&mut tape, var, gamma, beta).unwrap();
        tape.backward(y);
        assert!(tape.value(y).iter().all(|y| y.is_finite() && y.abs() < 2.0));
        assert!(tape.gradient(var).iter().all(|dx| dx.is_finite()));
    }
}

/// Which terms of dx a batch norm with a planted fault leaves out.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    MeanIsConstant,
    VarianceIsConstant,
    BothAreConstant,
}

/// Batch norm without scale and shift, with a fault in its backward pass.
struct Faulty(Fault);

impl Faulty {
    fn standardized(x: &Tensor<f64>) -> (Tensor<f64>, Vec<f64>) {
        let features = x.shape()[1];
        let (mut mean, mut variance) = (vec![0.0; features], vec![0.0; features]);
        let mut scratch = vec![0.0; SCRATCH * features];
        column_moments(entries(x), &mut mean, &mut variance, &mut scratch);
        let r: Vec<f64> = variance.iter().map(|v| (v + EPSILON).powf(-0.5)).collect();
        ((x - &arr1(&mean)) * &arr1(&r), r)
    }
}

impl Op<f64> for Faulty {
    fn name(&self) -> &'static str {
        "faulty_batch_norm"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        Ok(inputs[0].to_vec())
    }

    fn forward(&mut self, x: Inputs<'_, f64>, y: &mut Tensor<f64>) {
        y.assign(&Self::standardized(&x[0]).0);
    }

    fn backward(
        &mut self,
        x: Inputs<'_, f64>,
        y: &Tensor<f64>,
        dy: &Tensor<f64>,
        mut dx: Gradients<'_, f64>,
    ) {
        let (_, r) = Self::standardized(&x[0]);
        let (n, features) = (y.shape()[0] as f64, y.shape()[1]);
        let mut sum = dy.sum_axis(Axis(0)) / n;
        let mut product = (dy * y).sum_axis(Axis(0)) / n;
        if matches!(self.0, Fault::MeanIsConstant | Fault::BothAreConstant) {
            sum.fill(0.0);
        }
        if matches!(self.0, Fault::VarianceIsConstant | Fault::BothAreConstant) {
            product.fill(0.0);
        }
        let Some(dx) = dx.wanted(0) else { return };
        for (i, dx) in entries_mut(dx).iter_mut().enumerate() {
            let (row, j) = (i / features, i % features);
            *dx += r[j] * (dy[[row, j]] - sum[j] - y[[row, j]] * product[j]);
        }
    }
}

#[test]
fn planted_faults_are_found() {
    let mut draw = Draw::new(28);
    let (x, dy): (Tensor<f64>, Tensor<f64>) =
        (draw.away_from_zero(&[6, 3]), draw.away_from_zero(&[6, 3]));
    let error = |fault| {
        let mut tape = Tape::new();
        tape.set_mode(TRAINING);
        let x = tape.parameter(x.clone());
        let y = tape.push(Faulty(fault), &[x]).unwrap();
        Gradcheck::default().run(&mut tape, y, &dy).unwrap().max_relative_error()
    };
    assert!(error(Fault::None) < 1e-7);
    for fault in [Fault::MeanIsConstant, Fault::VarianceIsConstant, Fault::BothAreConstant] {
        assert!(error(fault) > 0.1, "{fault:?}: {}", error(fault));
    }
}

#[test]
fn ops_go_by_their_names() {
    let mut tape = Tape::<f64>::new();
    let (x, features) = (tape.input(Tensor::ones(vec![4, 3])), tape.input(ones(3)));
    tape.row_normalize(x).unwrap();
    tape.batch_norm(x, features, features).unwrap();
    tape.layer_norm(x, features, features).unwrap();
    let ops: Vec<_> = tape.vars().skip(2).map(|var| tape.expression(var)).collect();
    assert_eq!(ops, ["row_normalize(%0)", "batch_norm(%0, %1, %1)", "layer_norm(%0, %1, %1)",]);
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let mut tape = Tape::<f64>::new();
    let scalar = tape.input(arr0(1.0));
    let x = tape.input(Tensor::zeros(vec![4, 3]));
    let (three, four) = (tape.input(zeros(3)), tape.input(zeros(4)));
    let empty = tape.input(Tensor::zeros(vec![0, 3]));
    for (error, message) in [
        (
            tape.row_normalize(scalar),
            "row_normalize: []: takes at least one axis: the last holds a row",
        ),
        (
            tape.batch_norm(scalar, three, three),
            "batch_norm: [] · [3] · [3]: takes at least one axis: the last holds features",
        ),
        (
            tape.batch_norm(x, four, three),
            "batch_norm: [4, 3] · [4] · [3]: scale and shift must have one entry a feature (3)",
        ),
        (
            tape.layer_norm(x, three, four),
            "layer_norm: [4, 3] · [3] · [4]: scale and shift must have one entry a feature (3)",
        ),
        (
            tape.layer_norm(x, three, x),
            "layer_norm: [4, 3] · [3] · [4, 3]: scale and shift must have one entry a feature (3)",
        ),
        (
            tape.batch_norm(empty, three, three),
            "batch_norm: [0, 3] · [3] · [3]: an input is empty: every axis must have a length of \
             1 or more",
        ),
    ] {
        assert_eq!(error.unwrap_err().to_string(), message);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn gradients_hold_for_any_shape(
        rows in 2usize..7,
        features in 2usize..6,
        seed in any::<u64>(),
    ) {
        let mut draw = Draw::new(seed);
        for record in [Tape::batch_norm, Tape::layer_norm] {
            let mut tape = Tape::new();
            tape.set_mode(TRAINING);
            let x = tape.parameter(draw.away_from_zero::<f64>(&[rows, features]));
            let gamma = tape.parameter(draw.away_from_zero::<f64>(&[features]));
            let beta = tape.parameter(draw.away_from_zero::<f64>(&[features]));
            let y = record(&mut tape, x, gamma, beta).unwrap();
            let dy = draw.away_from_zero(&[rows, features]);
            // Groups whose numbers lie close together have a large third derivative, which the
            // check's step answers with an error of its own.
            let report = Gradcheck::default().run(&mut tape, y, &dy).unwrap();
            prop_assert!(report.max_relative_error() < 1e-3, "{}", report);
        }
    }

    #[test]
    fn normalized_rows_sum_to_one(
        rows in 1usize..5,
        n in 1usize..9,
        seed in any::<u64>(),
    ) {
        let y = normalized_rows(&Draw::new(seed).positive(&[rows, n]));
        for row in y.rows() {
            prop_assert!((row.sum() - 1.0).abs() < 1e-14);
        }
    }
}
