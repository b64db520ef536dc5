//! Chapter 7: softmax, log-sum-exp, cross-entropy and the Kullback–Leibler divergence.

use approx::{assert_abs_diff_eq, assert_relative_eq};
use chainrule::fraction::Fraction;
use chainrule::gradcheck::Draw;
use chainrule::softmax::{Loss, Reduction, argmax, log_sum_exp, softmax_row};
use chainrule::{Real, ShapeError, Tape, Tensor, Var};
use ndarray::{Array2, Axis, arr0, arr1, arr2, array};
use proptest::prelude::*;

const SUM: Loss = Loss { divergence: false, reduction: Reduction::Sum, smoothing: Fraction::ZERO };

type Recorded = Result<Var, ShapeError>;
type Record = fn(&mut Tape<f64>, Var, Var, Loss) -> Recorded;

fn smoothed(reduction: Reduction, smoothing: f64) -> Loss {
    Loss { divergence: false, reduction, smoothing: Fraction::new(smoothing).unwrap() }
}

/// The divergence with the reduction and the smoothing of `loss`.
fn kl(loss: Loss) -> Loss {
    Loss { divergence: true, ..loss }
}

fn softmax_kl<T: Real>(tape: &mut Tape<T>, z: Var, t: Var, loss: Loss) -> Recorded {
    tape.softmax_loss(z, t, kl(loss))
}

/// The value of an op of one input.
fn value<T: Real>(x: &Tensor<T>, record: impl Fn(&mut Tape<T>, Var) -> Recorded) -> Tensor<T> {
    let mut tape = Tape::new();
    let x = tape.input(x.clone());
    let y = record(&mut tape, x).unwrap();
    tape.value(y).clone()
}

/// Value, and gradients of Σ dy ⊙ y, of an op of two parameters.
fn run<T: Real>(
    x: &Tensor<T>,
    t: &Tensor<T>,
    dy: f64,
    record: impl Fn(&mut Tape<T>, Var, Var) -> Recorded,
) -> (T, Tensor<T>, Tensor<T>) {
    let mut tape = Tape::new();
    let (x, t) = (tape.parameter(x.clone()), tape.parameter(t.clone()));
    let y = record(&mut tape, x, t).unwrap();
    tape.backward_from(y, &arr0(T::of(dy)).into_dyn()).unwrap();
    assert_eq!(tape.value(y).shape(), [0; 0]);
    (tape.value(y)[[]], tape.gradient(x).clone(), tape.gradient(t).clone())
}

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

fn logits() -> Tensor<f64> {
    arr2(&[[0.5, -1.25, 2.0], [1.5, 0.25, -0.75]]).into_dyn()
}

fn labels() -> Tensor<f64> {
    arr1(&[2.0, 1.0]).into_dyn()
}

fn distributions() -> Tensor<f64> {
    arr2(&[[0.2, 0.5, 0.3], [0.6, 0.1, 0.3]]).into_dyn()
}

/// softmax(logits()), from the definition with 40 decimal digits.
fn probabilities() -> Tensor<f64> {
    arr2(&[
        [0.17682018210744427, 0.030726740326436432, 0.7924530775661193],
        [0.7184403411510649, 0.20583660399765152, 0.07572305485128351],
    ])
    .into_dyn()
}

const LOG_SUM_EXP: [f64; 2] = [2.2326219831020326, 1.830672609407224];

/// The target distribution that a class index stands for.
fn one_hot(labels: &Tensor<f64>, classes: usize) -> Tensor<f64> {
    Array2::from_shape_fn(
        (labels.len(), classes),
        |(i, k)| {
            if labels[i] == k as f64 { 1.0 } else { 0.0 }
        },
    )
    .into_dyn()
}

fn delta(i: usize, j: usize) -> f64 {
    if i == j { 1.0 } else { 0.0 }
}

#[test]
fn the_forward_pass_matches_the_definition() {
    let log_p = logits() - arr2(&[[LOG_SUM_EXP[0]], [LOG_SUM_EXP[1]]]);
    assert_abs_diff_eq!(value(&logits(), Tape::softmax), probabilities(), epsilon = 1e-15);
    assert_abs_diff_eq!(value(&logits(), Tape::log_softmax), log_p, epsilon = 1e-14);
    let log_s = value(&logits(), Tape::log_sum_exp);
    assert_abs_diff_eq!(log_s, arr1(&LOG_SUM_EXP).into_dyn(), epsilon = 1e-14);
}

#[test]
fn a_tensor_of_three_axes_is_taken_row_by_row() {
    let z: Tensor<f64> = Draw::new(1).away_from_zero(&[2, 3, 4]);
    let (p, log_s) = (value(&z, Tape::softmax), value(&z, Tape::log_sum_exp));
    assert_eq!(p.shape(), [2, 3, 4]);
    assert_eq!(log_s.shape(), [2, 3]);
    for ((z, p), &log_s) in z.rows().into_iter().zip(p.rows()).zip(&log_s) {
        let s: f64 = z.iter().map(|z| z.exp()).sum();
        assert_abs_diff_eq!(log_s, s.ln(), epsilon = 1e-14);
        for (z, &p) in z.iter().zip(p) {
            assert_abs_diff_eq!(p, z.exp() / s, epsilon = 1e-15);
        }
    }
    let row = arr1(&[1.0, 3.0]).into_dyn();
    assert_eq!(value(&row, Tape::log_sum_exp).shape(), [0; 0]);
}

#[test]
fn the_kernels_return_both_parts_of_log_sum_exp() {
    let z = [0.5, -1.25, 2.0];
    let mut p = [0.0; 3];
    let parts = softmax_row(&z, &mut p);
    assert_eq!(parts, log_sum_exp(&z));
    assert_eq!(parts.0, 2.0);
    assert_abs_diff_eq!(parts.1, LOG_SUM_EXP[0] - 2.0, epsilon = 1e-15);
    assert_abs_diff_eq!(arr1(&p), arr1(&probabilities().as_slice().unwrap()[..3]), epsilon = 1e-15);
}

#[test]
fn a_shift_of_all_logits_changes_nothing() {
    // A constant added to a row cancels: p(z + c) = p(z).
    for c in [-700.0, -3.5, 700.0] {
        assert_abs_diff_eq!(
            value(&(logits() + c), Tape::softmax),
            probabilities(),
            epsilon = 1e-13
        );
        let log_p = value(&(logits() + c), Tape::log_softmax);
        assert_abs_diff_eq!(log_p, value(&logits(), Tape::log_softmax), epsilon = 1e-12);
    }
}

#[test]
fn eq_log_sum_exp() {
    // m + ln Σ exp(z − m) is ln Σ exp(z), and lies between m and m + ln K.
    let log_s = value(&logits(), Tape::log_sum_exp);
    for (z, &log_s) in logits().rows().into_iter().zip(&log_s) {
        let direct = z.iter().map(|z| z.exp()).sum::<f64>().ln();
        assert_abs_diff_eq!(log_s, direct, epsilon = 1e-14);
        let max = z.iter().copied().fold(f64::MIN, f64::max);
        assert!(max <= log_s && log_s <= max + 3f64.ln());
    }
    // K equal logits reach the upper bound.
    let equal = Tensor::from_elem(vec![5], 7.0);
    assert_abs_diff_eq!(value(&equal, Tape::log_sum_exp)[[]], 7.0 + 5f64.ln(), epsilon = 1e-14);
}

#[test]
fn eq_softmax_jacobian() {
    // ∂p_k/∂z_j = p_k · (δ_kj − p_j), [K, K], and 0 between two rows.
    let p = probabilities();
    for (i, k) in ndarray::indices((2, 3)) {
        let numeric = differences(&logits(), |z| value(z, Tape::softmax)[[i, k]]);
        assert_eq!(numeric.shape(), [2, 3]);
        for (row, j) in ndarray::indices((2, 3)) {
            let claimed = delta(row, i) * p[[i, k]] * (delta(k, j) - p[[i, j]]);
            assert_abs_diff_eq!(numeric[[row, j]], claimed, epsilon = 1e-10);
        }
    }
}

#[test]
fn eq_softmax_backward() {
    // dz_j = p_j · (dp_j − Σ_k dp_k · p_k)
    let dp: Tensor<f64> = Draw::new(3).away_from_zero(&[2, 3]);
    let p = probabilities();
    let numeric = differences(&logits(), |z| (value(z, Tape::softmax) * &dp).sum());
    let mut tape = Tape::new();
    let z = tape.parameter(logits());
    let y = tape.softmax(z).unwrap();
    tape.backward_from(y, &dp).unwrap();
    for (i, j) in ndarray::indices((2, 3)) {
        let mean: f64 = (0..3).map(|k| dp[[i, k]] * p[[i, k]]).sum();
        let claimed = p[[i, j]] * (dp[[i, j]] - mean);
        assert_abs_diff_eq!(numeric[[i, j]], claimed, epsilon = 1e-10);
        assert_abs_diff_eq!(tape.gradient(z)[[i, j]], claimed, epsilon = 1e-14);
    }
    // A constant added to a row changes nothing, so each row of the gradient sums to 0.
    for row in tape.gradient(z).rows() {
        assert_abs_diff_eq!(row.sum(), 0.0, epsilon = 1e-15);
    }
}

#[test]
fn the_jacobian_of_log_softmax() {
    // ∂(ln p_k)/∂z_j = δ_kj − p_j
    let p = probabilities();
    for (i, k) in ndarray::indices((2, 3)) {
        let numeric = differences(&logits(), |z| value(z, Tape::log_softmax)[[i, k]]);
        for (row, j) in ndarray::indices((2, 3)) {
            let claimed = delta(row, i) * (delta(k, j) - p[[i, j]]);
            assert_abs_diff_eq!(numeric[[row, j]], claimed, epsilon = 1e-10);
        }
    }
}

#[test]
fn eq_log_sum_exp_gradient() {
    // ∂(ln s)/∂z_j = p_j
    for i in 0..2 {
        let numeric = differences(&logits(), |z| value(z, Tape::log_sum_exp)[i]);
        for (row, j) in ndarray::indices((2, 3)) {
            let claimed = delta(row, i) * probabilities()[[i, j]];
            assert_abs_diff_eq!(numeric[[row, j]], claimed, epsilon = 1e-10);
        }
    }
}

#[test]
fn log_sum_exp_is_convex() {
    let mut draw = Draw::new(72);
    let z = logits().index_axis(Axis(0), 0).to_owned();
    let p = value(&z, Tape::softmax);
    let log_s = |z: &Tensor<f64>| value(z, Tape::log_sum_exp)[[]];
    for _ in 0..20 {
        // vᵀ·(diag(p) − p·pᵀ)·v is the variance of v, and the curvature along v.
        let v: Tensor<f64> = draw.away_from_zero(&[3]);
        let mean = (&p * &v).sum();
        let curvature = (&p * &v * &v).sum() - mean * mean;
        let variance = (&p * &v.mapv(|v| (v - mean).powi(2))).sum();
        assert_abs_diff_eq!(curvature, variance, epsilon = 1e-14);
        assert!(curvature > 0.0);
        let step = 1e-4;
        let numeric = (log_s(&(&z + &(&v * step))) - 2.0 * log_s(&z) + log_s(&(&z - &(&v * step))))
            / (step * step);
        assert_abs_diff_eq!(curvature, numeric, epsilon = 1e-6);
        // So the value between two places is no larger than the mean of theirs.
        let other: Tensor<f64> = draw.uniform(&[3], -5.0, 5.0);
        let between = log_s(&(&z * 0.75 + &other * 0.25));
        assert!(between < 0.75 * log_s(&z) + 0.25 * log_s(&other));
    }
    // Along a shift of all logits it is a line.
    let shifted = log_s(&(&z + 3.0));
    assert_abs_diff_eq!(shifted, log_s(&z) + 3.0, epsilon = 1e-14);
}

#[test]
fn the_losses_match_the_definition() {
    // −ln p_c, −Σ t ln p and Σ t (ln t − ln p), with 40 decimal digits.
    let mean = |smoothing| smoothed(Reduction::Mean, smoothing);
    let sum = |smoothing| smoothed(Reduction::Sum, smoothing);
    let cases = [
        (labels(), mean(0.0), 0.9066472962546284, 0.9066472962546284),
        (labels(), sum(0.0), 1.8132945925092567, 1.8132945925092567),
        (labels(), mean(0.2), 1.0566472962546285, 0.5715532049524168),
        (labels(), sum(0.2), 2.113294592509257, 1.1431064099048336),
        (distributions(), mean(0.0), 1.6441472962546284, 0.6803479267939517),
        (distributions(), sum(0.0), 3.288294592509257, 1.3606958535879035),
        (distributions(), mean(0.2), 1.6466472962546284, 0.6322781538482162),
        (distributions(), sum(0.2), 3.2932945925092567, 1.2645563076964323),
    ];
    for (targets, loss, cross_entropy, divergence) in cases {
        let of =
            |record: Record| run(&logits(), &targets, 1.0, |tape, z, t| record(tape, z, t, loss)).0;
        let recorded = [
            (of(Tape::softmax_loss), cross_entropy),
            (
                of(|tape, z, t, loss| {
                    let p = tape.softmax(z)?;
                    tape.loss_of_probabilities(p, t, loss)
                }),
                cross_entropy,
            ),
            (
                of(|tape, z, t, loss| {
                    let q = tape.log_softmax(z)?;
                    tape.loss_of_log_probabilities(q, t, loss)
                }),
                cross_entropy,
            ),
            (of(softmax_kl), divergence),
            (
                of(|tape, z, t, loss| {
                    let p = tape.softmax(z)?;
                    tape.loss_of_probabilities(p, t, kl(loss))
                }),
                divergence,
            ),
            (
                of(|tape, z, t, loss| {
                    let q = tape.log_softmax(z)?;
                    tape.loss_of_log_probabilities(q, t, kl(loss))
                }),
                divergence,
            ),
        ];
        for (found, expected) in recorded {
            assert_abs_diff_eq!(found, expected, epsilon = 1e-14);
        }
    }
    let (loss, ..) = run(&logits(), &labels(), 1.0, Tape::softmax_cross_entropy);
    assert_abs_diff_eq!(loss, 0.9066472962546284, epsilon = 1e-15);
}

#[test]
fn eq_cross_entropy_gradient() {
    // ∂H/∂z_j = p_j − t_j, [batch, classes]; the mean over two samples halves it, dy multiplies it.
    for t in [labels(), distributions()] {
        let record = Tape::softmax_cross_entropy;
        let (_, dz, _) = run(&logits(), &t, 1.75, record);
        let numeric = differences(&logits(), |z| 1.75 * run(z, &t, 1.0, record).0);
        let t = if t.ndim() == 1 { one_hot(&t, 3) } else { t };
        let claimed = (probabilities() - t) * (1.75 / 2.0);
        assert_eq!(dz.shape(), [2, 3]);
        assert_abs_diff_eq!(numeric, claimed, epsilon = 1e-10);
        assert_abs_diff_eq!(dz, claimed, epsilon = 1e-15);
    }
}

#[test]
fn a_target_that_does_not_sum_to_one() {
    // ∂H/∂z_j = p_j · Σ_k t_k − t_j, where the targets need not sum to 1.
    let t = arr2(&[[0.4, 1.3, 0.9], [0.2, 0.1, 0.3]]).into_dyn();
    let record = |tape: &mut Tape<f64>, z, t| tape.softmax_loss(z, t, SUM);
    let (_, dz, _) = run(&logits(), &t, 1.75, record);
    let numeric = differences(&logits(), |z| 1.75 * run(z, &t, 1.0, record).0);
    let claimed = (probabilities() * arr2(&[[2.6], [0.6]]) - t) * 1.75;
    assert_abs_diff_eq!(numeric, claimed, epsilon = 1e-9);
    assert_abs_diff_eq!(dz, claimed, epsilon = 1e-14);
}

#[test]
fn the_division_cancels_on_the_way_through_softmax() {
    // −t_k / p_k, multiplied by the Jacobian of softmax, is p − t: fused is unfused.
    let (p, t) = (probabilities(), distributions());
    for (i, j) in ndarray::indices((2, 3)) {
        let product: f64 =
            (0..3).map(|k| -t[[i, k]] / p[[i, k]] * p[[i, k]] * (delta(k, j) - p[[i, j]])).sum();
        assert_abs_diff_eq!(product, p[[i, j]] - t[[i, j]], epsilon = 1e-15);
    }
}

#[test]
fn fused_and_unfused_are_equal() {
    let mut draw = Draw::new(5);
    let z: Tensor<f64> = draw.uniform(&[7, 5], -4.0, 4.0);
    for t in [draw.labels(7, 5).into_dyn(), draw.positive(&[7, 5])] {
        for loss in [Loss::default(), smoothed(Reduction::Sum, 0.3)] {
            let fused = run(&z, &t, -0.6, |tape, z, t| tape.softmax_loss(z, t, loss));
            let from_p = run(&z, &t, -0.6, |tape, z, t| {
                let p = tape.softmax(z)?;
                tape.loss_of_probabilities(p, t, loss)
            });
            let from_log_p = run(&z, &t, -0.6, |tape, z, t| {
                let q = tape.log_softmax(z)?;
                tape.loss_of_log_probabilities(q, t, loss)
            });
            let fused_kl = run(&z, &t, -0.6, |tape, z, t| softmax_kl(tape, z, t, loss));
            let kl_from_p = run(&z, &t, -0.6, |tape, z, t| {
                let p = tape.softmax(z)?;
                tape.loss_of_probabilities(p, t, kl(loss))
            });
            let kl_from_log_p = run(&z, &t, -0.6, |tape, z, t| {
                let q = tape.log_softmax(z)?;
                tape.loss_of_log_probabilities(q, t, kl(loss))
            });
            for (a, b) in [
                (&fused, &from_p),
                (&fused, &from_log_p),
                (&fused_kl, &kl_from_p),
                (&fused_kl, &kl_from_log_p),
            ] {
                assert_relative_eq!(a.0, b.0, epsilon = 1e-13);
                assert_abs_diff_eq!(a.1, b.1, epsilon = 1e-13);
                assert_abs_diff_eq!(a.2, b.2, epsilon = 1e-13);
            }
        }
    }
}

#[test]
fn eq_kl_cross_entropy() {
    // KL(t ‖ p) = H(t, p) − H(t)
    let t = distributions();
    let entropy: f64 = -t.iter().map(|t| t * t.ln()).sum::<f64>();
    let (divergence, ..) = run(&logits(), &t, 1.0, |tape, z, t| softmax_kl(tape, z, t, SUM));
    let (cross, ..) = run(&logits(), &t, 1.0, |tape, z, t| tape.softmax_loss(z, t, SUM));
    assert_abs_diff_eq!(divergence, cross - entropy, epsilon = 1e-14);
    // It is 0 where the prediction is the target, and positive elsewhere.
    let record = |tape: &mut Tape<f64>, z, t| softmax_kl(tape, z, t, SUM);
    assert_abs_diff_eq!(run(&logits(), &probabilities(), 1.0, record).0, 0.0, epsilon = 1e-15);
    assert!(divergence > 0.5);
}

#[test]
fn smoothing_gives_a_class_an_entropy() {
    // The logits do not matter: cross-entropy and divergence differ by the entropy of the target.
    let z: Tensor<f64> = Draw::new(71).away_from_zero(&[3, 10]);
    let t = arr1(&[4.0, 0.0, 9.0]).into_dyn();
    let difference = |smoothing: f64| {
        let loss = smoothed(Reduction::Mean, smoothing);
        let cross = run(&z, &t, 1.0, |tape, z, t| tape.softmax_loss(z, t, loss));
        let divergence = run(&z, &t, 1.0, |tape, z, t| softmax_kl(tape, z, t, loss));
        assert_eq!(cross.1, divergence.1);
        cross.0 - divergence.0
    };
    assert_abs_diff_eq!(difference(0.0), 0.0, epsilon = 1e-14);
    let entropy = -0.82 * 0.82_f64.ln() - 9.0 * 0.02 * 0.02_f64.ln();
    assert_abs_diff_eq!(difference(0.2), entropy, epsilon = 1e-14);
    assert_abs_diff_eq!(entropy, 0.867, epsilon = 5e-4);
}

#[test]
fn the_divergence_has_the_gradient_of_cross_entropy() {
    // Both losses have the same gradient in the logits.
    for t in [labels(), distributions()] {
        let divergence = |tape: &mut Tape<f64>, z, t| softmax_kl(tape, z, t, Loss::default());
        let (_, of_divergence, _) = run(&logits(), &t, 1.75, divergence);
        let (_, of_cross, _) = run(&logits(), &t, 1.75, Tape::softmax_cross_entropy);
        let numeric = differences(&logits(), |z| 1.75 * run(z, &t, 1.0, divergence).0);
        assert_eq!(of_divergence, of_cross);
        assert_abs_diff_eq!(numeric, of_cross, epsilon = 1e-10);
    }
}

#[test]
fn the_gradients_of_a_target() {
    // ∂H/∂t_k = −ln p_k and ∂KL/∂t_k = ln t_k + 1 − ln p_k, each times 1 − ε, with t smoothed.
    let t = distributions();
    let loss = smoothed(Reduction::Sum, 0.2);
    let log_p = probabilities().mapv(f64::ln);
    let smooth = t.mapv(|t| 0.8 * t + 0.2 / 3.0);
    let cross = |tape: &mut Tape<f64>, z, t| tape.softmax_loss(z, t, loss);
    let divergence = |tape: &mut Tape<f64>, z, t| softmax_kl(tape, z, t, loss);
    let claimed = -&log_p * (0.8 * 1.75);
    let numeric = differences(&t, |t| 1.75 * run(&logits(), t, 1.0, cross).0);
    assert_abs_diff_eq!(numeric, claimed, epsilon = 1e-9);
    assert_abs_diff_eq!(run(&logits(), &t, 1.75, cross).2, claimed, epsilon = 1e-14);
    let claimed = (smooth.mapv(f64::ln) + 1.0 - log_p) * (0.8 * 1.75);
    let numeric = differences(&t, |t| 1.75 * run(&logits(), t, 1.0, divergence).0);
    assert_abs_diff_eq!(numeric, claimed, epsilon = 1e-9);
    assert_abs_diff_eq!(run(&logits(), &t, 1.75, divergence).2, claimed, epsilon = 1e-14);
}

#[test]
fn the_gradients_of_probabilities() {
    // ∂H/∂p_k = ∂KL/∂p_k = −t_k / p_k and ∂H/∂q_k = ∂KL/∂q_k = −t_k.
    let t = distributions();
    let p = arr2(&[[0.3, 0.9, 0.4], [0.7, 0.2, 0.5]]).into_dyn();
    let from_p = |tape: &mut Tape<f64>, p, t| tape.loss_of_probabilities(p, t, SUM);
    let from_q = |tape: &mut Tape<f64>, q, t| tape.loss_of_log_probabilities(q, t, SUM);
    let kl_from_p = |tape: &mut Tape<f64>, p, t| tape.loss_of_probabilities(p, t, kl(SUM));
    let kl_from_q = |tape: &mut Tape<f64>, q, t| tape.loss_of_log_probabilities(q, t, kl(SUM));
    let of_p = -1.75 * &t / &p;
    let of_q = -1.75 * &t;
    for (record, claimed) in [
        (&from_p as &dyn Fn(&mut Tape<f64>, Var, Var) -> Recorded, &of_p),
        (&kl_from_p, &of_p),
        (&from_q, &of_q),
        (&kl_from_q, &of_q),
    ] {
        let numeric = differences(&p, |x| 1.75 * run(x, &t, 1.0, record).0);
        assert_abs_diff_eq!(numeric, claimed, epsilon = 1e-8);
        assert_abs_diff_eq!(run(&p, &t, 1.75, record).1, claimed, epsilon = 1e-14);
    }
    // ∂H/∂t_k = −ln p_k, −q_k, and ∂KL/∂t_k = ln t_k + 1 − ln p_k, ln t_k + 1 − q_k.
    let (log_p, log_t) = (p.mapv(f64::ln), t.mapv(f64::ln));
    assert_abs_diff_eq!(run(&p, &t, 1.75, from_p).2, -1.75 * &log_p, epsilon = 1e-14);
    assert_abs_diff_eq!(run(&p, &t, 1.75, from_q).2, -1.75 * &p, epsilon = 1e-14);
    let claimed = 1.75 * (&log_t + 1.0 - &log_p);
    assert_abs_diff_eq!(run(&p, &t, 1.75, kl_from_p).2, claimed, epsilon = 1e-14);
    let claimed = 1.75 * (&log_t + 1.0 - &p);
    assert_abs_diff_eq!(run(&p, &t, 1.75, kl_from_q).2, claimed, epsilon = 1e-14);
}

#[test]
fn smoothing_gives_every_class_a_share() {
    // t′_k = (1 − ε) · t_k + ε / K: a smoothed class is the distribution that this gives.
    let smooth = one_hot(&labels(), 3).mapv(|t| 0.7 * t + 0.3 / 3.0);
    for record in [Tape::softmax_loss, softmax_kl] {
        let loss = smoothed(Reduction::Mean, 0.3);
        let of_class = run(&logits(), &labels(), 1.75, |tape, z, t| record(tape, z, t, loss));
        let of_distribution =
            run(&logits(), &smooth, 1.75, |tape, z, t| record(tape, z, t, Loss::default()));
        assert_abs_diff_eq!(of_class.0, of_distribution.0, epsilon = 1e-14);
        assert_abs_diff_eq!(of_class.1, of_distribution.1, epsilon = 1e-14);
    }
    // The sum of a distribution stays 1, so the gradient of a row sums to 0.
    let loss = smoothed(Reduction::Sum, 0.3);
    let (_, dz, _) =
        run(&logits(), &distributions(), 1.0, |tape, z, t| tape.softmax_loss(z, t, loss));
    for row in dz.rows() {
        assert_abs_diff_eq!(row.sum(), 0.0, epsilon = 1e-15);
    }
}

#[test]
fn eq_smoothing_gap() {
    // The loss of smoothed targets is smallest where the class leads by ln(1 + n·(1 − ε)/ε).
    for (classes, smoothing) in [(3, 0.3), (10, 0.1), (10, 0.5)] {
        let loss = smoothed(Reduction::Mean, smoothing);
        let t = arr1(&[1.0]).into_dyn();
        let mut z: Tensor<f64> = Draw::new(8).away_from_zero(&[1, classes]);
        for _ in 0..20_000 {
            let (_, dz, _) = run(&z, &t, 1.0, |tape, z, t| tape.softmax_loss(z, t, loss));
            z.scaled_add(-2.0, &dz);
        }
        let claimed = (1.0 + classes as f64 * (1.0 - smoothing) / smoothing).ln();
        for j in (0..classes).filter(|&j| j != 1) {
            assert_abs_diff_eq!(z[[0, 1]] - z[[0, j]], claimed, epsilon = 1e-9);
        }
    }
}

#[test]
fn eq_second_softmax_floor() {
    // A softmax of probabilities: no logits bring the loss below ln(e + n − 1) − 1.
    let mut draw = Draw::new(9);
    let t = arr1(&[2.0]).into_dyn();
    let twice = |z: &Tensor<f64>| {
        run(z, &t, 1.0, |tape, z, t| {
            let p = tape.softmax(z)?;
            tape.softmax_cross_entropy(p, t)
        })
    };
    for classes in [3, 10] {
        let floor = (1_f64.exp() + classes as f64 - 1.0).ln() - 1.0;
        for size in [0.1, 1.0, 10.0, 100.0] {
            let z: Tensor<f64> = draw.uniform(&[1, classes], -size, size);
            assert!(twice(&z).0 > floor - 1e-12);
        }
        // It is reached by a sure answer, and there the gradient is gone.
        let sure =
            Tensor::from_shape_fn(vec![1, classes], |at| if at[1] == 2 { 40.0 } else { 0.0 });
        let (loss, dz, _) = twice(&sure);
        assert_abs_diff_eq!(loss, floor, epsilon = 1e-12);
        assert_abs_diff_eq!(dz, Tensor::zeros(vec![1, classes]), epsilon = 1e-12);
    }
}

#[test]
fn class_indices_have_no_gradient() {
    for record in [
        |tape: &mut Tape<f64>, x, t| tape.softmax_loss(x, t, SUM),
        |tape: &mut Tape<f64>, x, t| tape.loss_of_log_probabilities(x, t, SUM),
    ] {
        let (_, _, dt) = run(&logits(), &labels(), 1.0, record);
        assert_eq!(dt, Tensor::<f64>::zeros(vec![2]));
    }
}

#[test]
fn a_sum_is_the_mean_times_the_batch() {
    let sum = run(&logits(), &labels(), 1.0, |tape, z, t| tape.softmax_loss(z, t, SUM));
    let mean = run(&logits(), &labels(), 1.0, Tape::softmax_cross_entropy);
    assert_abs_diff_eq!(sum.0, 2.0 * mean.0, epsilon = 1e-15);
    assert_abs_diff_eq!(sum.1, 2.0 * mean.1, epsilon = 1e-15);
}

#[test]
fn gradients_are_added_to_those_of_other_consumers() {
    // Two losses of the same logits and targets: twice the gradient of one.
    let (z, t) = (logits(), distributions());
    let records: [Record; 4] = [
        Tape::softmax_loss,
        softmax_kl,
        |tape, z, t, loss| {
            let p = tape.softmax(z)?;
            tape.loss_of_probabilities(p, t, loss)
        },
        |tape, z, t, loss| {
            let p = tape.log_softmax(z)?;
            tape.loss_of_log_probabilities(p, t, kl(loss))
        },
    ];
    for record in records {
        let once = run(&z, &t, 1.0, |tape, z, t| record(tape, z, t, SUM));
        let twice = run(&z, &t, 1.0, |tape, z, t| {
            let (a, b) = (record(tape, z, t, SUM)?, record(tape, z, t, SUM)?);
            tape.add(a, b)
        });
        assert_abs_diff_eq!(twice.1, 2.0 * once.1, epsilon = 1e-14);
        assert_abs_diff_eq!(twice.2, 2.0 * once.2, epsilon = 1e-14);
    }
}

#[test]
fn a_class_index_that_is_none_is_not_a_number() {
    for wrong in [3.0, -1.0, 0.5, -0.5, f64::NAN, f64::INFINITY, 1e300] {
        let labels = arr1(&[wrong, 1.0]).into_dyn();
        for smoothing in [0.0, 0.2] {
            let loss = smoothed(Reduction::Mean, smoothing);
            let (value, dz, _) =
                run(&logits(), &labels, 1.0, |tape, z, t| tape.softmax_loss(z, t, loss));
            assert!(value.is_nan(), "{wrong}");
            assert!(dz.index_axis(Axis(0), 0).iter().all(|dz| dz.is_nan()), "{wrong}");
            assert!(dz.index_axis(Axis(0), 1).iter().all(|dz| dz.is_finite()), "{wrong}");
        }
    }
}

#[test]
fn logits_of_any_size_stay_finite() {
    let z = array![[1e4f32, -1e4, 0.0], [-1e4, -1e4, -1e4], [1e4, 1e4, -1e4]].into_dyn();
    let t = array![1f32, 2.0, 0.0].into_dyn();
    let even = array![[0f32, 1.0, 0.0], [0.25, 0.25, 0.5], [0.5, 0.5, 0.0]].into_dyn();
    let finite = |tensor: &Tensor<f32>| tensor.iter().all(|x| x.is_finite());
    assert_eq!(
        value(&z, Tape::softmax),
        array![[1f32, 0.0, 0.0], [1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0], [0.5, 0.5, 0.0]].into_dyn()
    );
    let log_p = value(&z, Tape::log_softmax);
    assert_eq!(log_p.rows().into_iter().next().unwrap(), arr1(&[0.0, -2e4, -1e4]));
    let log_s = value(&z, Tape::log_sum_exp);
    assert_abs_diff_eq!(
        log_s,
        arr1(&[1e4, -1e4 + 3f32.ln(), 1e4 + 2f32.ln()]).into_dyn(),
        epsilon = 1e-3
    );
    // −ln p_c of the three samples: 20,000, ln 3 and ln 2.
    let loss = smoothed(Reduction::Sum, 0.0);
    let (value, dz, _) = run(&z, &t, 1.0, |tape, z, t| tape.softmax_loss(z, t, loss));
    assert_eq!(value, 20_000.0 + 3f32.ln() + 2f32.ln());
    assert_abs_diff_eq!(
        dz,
        array![[1f32, -1.0, 0.0], [1.0 / 3.0, 1.0 / 3.0, -2.0 / 3.0], [-0.5, 0.5, 0.0]].into_dyn(),
        epsilon = 1e-7
    );
    for targets in [&t, &even] {
        for smoothing in [0.0, 0.1] {
            let loss = smoothed(Reduction::Mean, smoothing);
            let cross = run(&z, targets, 1.0, |tape, z, t| tape.softmax_loss(z, t, loss));
            assert!(cross.0.is_finite() && finite(&cross.1) && finite(&cross.2));
            let divergence = run(&z, targets, 1.0, |tape, z, t| softmax_kl(tape, z, t, loss));
            assert!(divergence.0.is_finite() && finite(&divergence.1));
            assert_eq!(divergence.1, cross.1);
        }
    }
    // The gradients of softmax, log-softmax and log-sum-exp too.
    for record in [Tape::softmax, Tape::log_softmax, Tape::log_sum_exp] {
        let mut tape = Tape::<f32>::new();
        let x = tape.parameter(z.clone());
        let y = record(&mut tape, x).unwrap();
        tape.backward(y);
        assert!(finite(tape.gradient(x)));
    }
    // At 1e4 the probabilities of log-sum-exp's gradient still sum to 1.
    let mut tape = Tape::<f32>::new();
    let x = tape.parameter(array![1e4f32, 1e4 - 1.0, 1e4 - 2.0]);
    let y = tape.log_sum_exp(x).unwrap();
    tape.backward(y);
    assert_abs_diff_eq!(tape.gradient(x).sum(), 1.0, epsilon = 1e-6);
}

#[test]
fn what_fusing_is_for() {
    // One sample that is wrong by 200: its probability is 0 in f32, and the unfused loss is lost.
    let z = array![[200f32, 0.0]].into_dyn();
    let t = array![1f32].into_dyn();
    let (fused, dz, _) = run(&z, &t, 1.0, Tape::softmax_cross_entropy);
    assert_eq!(fused, 200.0);
    assert_eq!(dz, array![[1f32, -1.0]].into_dyn());
    let (unfused, dz, _) = run(&z, &t, 1.0, |tape, z, t| {
        let p = tape.softmax(z)?;
        tape.loss_of_probabilities(p, t, Loss::default())
    });
    assert_eq!(unfused, f32::INFINITY);
    assert!(dz.iter().all(|dz| dz.is_nan()));
}

#[test]
fn a_probability_of_zero_destroys_the_weights() {
    // Two samples, the second wrong by 200. Its row of dz is NaN, and so is every weight's gradient.
    let x = array![[1f32, 0.0], [0.0, 200.0]].into_dyn();
    let w = array![[0.5f32, 0.0], [1.0, 0.0]].into_dyn();
    let gradients = |record: fn(&mut Tape<f32>, Var, Var) -> Recorded| {
        let mut tape = Tape::new();
        let (x, w) = (tape.input(x.clone()), tape.parameter(w.clone()));
        let z = tape.matmul(x, w).unwrap();
        let t = tape.input(arr1(&[1f32, 1.0]));
        let loss = record(&mut tape, z, t).unwrap();
        tape.backward(loss);
        [z, w].map(|var| tape.gradient(var).clone())
    };
    let [dz, dw] = gradients(|tape, z, t| {
        let p = tape.softmax(z)?;
        tape.loss_of_probabilities(p, t, Loss::default())
    });
    assert!(dz.index_axis(Axis(0), 0).iter().all(|dz| dz.is_finite()));
    assert!(dz.index_axis(Axis(0), 1).iter().all(|dz| dz.is_nan()));
    assert!(dw.iter().all(|dw| dw.is_nan()));
    // Of the two ways out, each gives the gradient (p − t)/2 of the row.
    let fused = gradients(Tape::softmax_cross_entropy);
    let logarithms = gradients(|tape, z, t| {
        let q = tape.log_softmax(z)?;
        tape.loss_of_log_probabilities(q, t, Loss::default())
    });
    for [dz, dw] in [fused, logarithms] {
        assert_eq!(dz.index_axis(Axis(0), 1), arr1(&[0.5, -0.5]).into_dyn());
        assert!(dw.iter().all(|dw| dw.is_finite()));
    }
}

#[test]
fn a_class_that_target_and_prediction_exclude_costs_nothing() {
    // Logits of −∞ mask a class. 0 · ln 0 counts as 0.
    let z = array![[1.0, f64::NEG_INFINITY, 0.5]].into_dyn();
    let t = array![[0.25, 0.0, 0.75]].into_dyn();
    let without = array![[1.0, 0.5]].into_dyn();
    let t_without = array![[0.25, 0.75]].into_dyn();
    for record in [Tape::softmax_loss, softmax_kl] {
        let masked = run(&z, &t, 1.0, |tape, z, t| record(tape, z, t, SUM));
        let shorter = run(&without, &t_without, 1.0, |tape, z, t| record(tape, z, t, SUM));
        assert_abs_diff_eq!(masked.0, shorter.0, epsilon = 1e-15);
        assert_eq!(masked.1[[0, 1]], 0.0);
    }
    // So do probabilities of 0, in the gradient too.
    let p = array![[0.5, 0.0, 0.5]].into_dyn();
    let (value, dp, _) = run(&p, &t, 1.0, |tape, p, t| tape.loss_of_probabilities(p, t, SUM));
    assert_abs_diff_eq!(value, 2f64.ln(), epsilon = 1e-15);
    assert_eq!(dp, array![[-0.5, 0.0, -1.5]].into_dyn());
}

#[test]
fn a_batch_may_change_its_size() {
    let mut tape = Tape::<f64>::new();
    let z = tape.parameter(logits());
    let t = tape.input(labels());
    let loss = tape.softmax_cross_entropy(z, t).unwrap();
    for batch in [5, 1, 2] {
        tape.resize(&[(z, &[batch, 3]), (t, &[batch])]).unwrap();
        let mut draw = Draw::new(batch as u64);
        let logits: Tensor<f64> = draw.away_from_zero(&[batch, 3]);
        let labels = draw.labels::<f64>(batch, 3);
        tape.set(z, &logits).unwrap();
        tape.set(t, &labels).unwrap();
        tape.forward();
        tape.backward(loss);
        let fresh = run(&logits, &labels.into_dyn(), 1.0, Tape::softmax_cross_entropy);
        assert_eq!(tape.value(loss)[[]], fresh.0);
        assert_eq!(tape.gradient(z), &fresh.1);
    }
}

#[test]
fn f32_agrees_with_f64() {
    let mut draw = Draw::new(7);
    let z: Tensor<f64> = draw.uniform(&[50, 10], -8.0, 8.0);
    let t = draw.labels::<f64>(50, 10).into_dyn();
    let (z32, t32) = (z.mapv(|z| z as f32), t.mapv(|t| t as f32));
    let double = run(&z32.mapv(f64::from), &t, 1.0, Tape::softmax_cross_entropy);
    let single = run(&z32, &t32, 1.0, Tape::softmax_cross_entropy);
    assert_relative_eq!(f64::from(single.0), double.0, max_relative = 1e-6);
    assert_abs_diff_eq!(single.1.mapv(f64::from), double.1, epsilon = 1e-8);
}

#[test]
fn ops_go_by_their_names() {
    let mut tape = Tape::<f64>::new();
    let (z, t) = (tape.input(logits()), tape.input(labels()));
    tape.softmax(z).unwrap();
    tape.log_softmax(z).unwrap();
    tape.log_sum_exp(z).unwrap();
    tape.softmax_cross_entropy(z, t).unwrap();
    softmax_kl(&mut tape, z, t, SUM).unwrap();
    tape.loss_of_probabilities(z, t, SUM).unwrap();
    tape.loss_of_log_probabilities(z, t, SUM).unwrap();
    tape.loss_of_log_probabilities(z, t, kl(SUM)).unwrap();
    let ops: Vec<_> = tape.vars().skip(2).map(|var| tape.expression(var)).collect();
    assert_eq!(
        ops,
        [
            "softmax(%0)",
            "log_softmax(%0)",
            "log_sum_exp(%0)",
            "softmax_cross_entropy(%0, %1)",
            "softmax_kl_divergence(%0, %1)",
            "cross_entropy_of_probabilities(%0, %1)",
            "negative_log_likelihood(%0, %1)",
            "kl_divergence(%0, %1)",
        ]
    );
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let mut tape = Tape::<f64>::new();
    let scalar = tape.input(arr0(1.0));
    let row = tape.input(Tensor::zeros(vec![3]));
    let z = tape.input(Tensor::zeros(vec![2, 3]));
    let column = tape.input(Tensor::zeros(vec![2, 1]));
    let empty = tape.input(Tensor::zeros(vec![0, 3]));
    for (error, message) in [
        (tape.softmax(scalar), "softmax: []: takes at least one axis: the last holds a row"),
        (
            tape.log_softmax(scalar),
            "log_softmax: []: takes at least one axis: the last holds a row",
        ),
        (
            tape.log_sum_exp(scalar),
            "log_sum_exp: []: takes at least one axis: the last holds a row",
        ),
        (
            tape.softmax_cross_entropy(row, row),
            "softmax_cross_entropy: [3] · [3]: the predictions must have two axes, [batch, classes]",
        ),
        (
            tape.softmax_cross_entropy(z, row),
            "softmax_cross_entropy: [2, 3] · [3]: the targets must be class indices [2] or \
             distributions [2, 3]",
        ),
        (
            softmax_kl(&mut tape, z, column, SUM),
            "softmax_kl_divergence: [2, 3] · [2, 1]: the targets must be class indices [2] or \
             distributions [2, 3]",
        ),
        (
            tape.loss_of_probabilities(z, scalar, SUM),
            "cross_entropy_of_probabilities: [2, 3] · []: the targets must be class indices [2] or \
             distributions [2, 3]",
        ),
        (
            tape.loss_of_log_probabilities(z, row, SUM),
            "negative_log_likelihood: [2, 3] · [3]: the targets must be class indices [2] or \
             distributions [2, 3]",
        ),
        (
            tape.loss_of_log_probabilities(row, z, kl(SUM)),
            "kl_divergence: [3] · [2, 3]: the predictions must have two axes, [batch, classes]",
        ),
        (
            tape.softmax_cross_entropy(empty, z),
            "softmax_cross_entropy: [0, 3] · [2, 3]: an input is empty: every axis must have a \
             length of 1 or more",
        ),
    ] {
        assert_eq!(error.unwrap_err().to_string(), message);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn probabilities_are_a_distribution(
        rows in 1usize..5,
        classes in 1usize..12,
        scale in 0.1f64..1e4,
        seed in any::<u64>(),
    ) {
        let z: Tensor<f64> = Draw::new(seed).uniform(&[rows, classes], -scale, scale);
        let p = value(&z, Tape::softmax);
        let log_p = value(&z, Tape::log_softmax);
        for (p, log_p) in p.rows().into_iter().zip(log_p.rows()) {
            prop_assert!((p.sum() - 1.0).abs() < 1e-12);
            for (&p, &log_p) in p.iter().zip(log_p) {
                prop_assert!((0.0..=1.0).contains(&p) && log_p.is_finite());
                prop_assert!((log_p.exp() - p).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn the_loss_is_finite_and_its_gradient_bounded(
        rows in 1usize..6,
        classes in 1usize..12,
        scale in 0.1f64..1e4,
        smoothing in 0.0f64..0.9,
        seed in any::<u64>(),
    ) {
        let mut draw = Draw::new(seed);
        let z: Tensor<f32> = draw.uniform(&[rows, classes], -scale, scale);
        let t = draw.labels::<f32>(rows, classes).into_dyn();
        let loss = smoothed(Reduction::Sum, smoothing);
        let (value, dz, _) =
            run(&z, &t, 1.0, |tape, z, t| tape.softmax_loss(z, t, loss));
        prop_assert!(value.is_finite() && value >= -1e-6);
        for row in dz.rows() {
            prop_assert!(row.iter().all(|dz| dz.abs() <= 1.0 + 1e-6));
            prop_assert!(row.sum().abs() < 1e-5);
        }
    }
}

#[test]
fn the_prediction_is_the_first_of_the_largest() {
    assert_eq!(argmax(&[1.0, 3.0, -2.0, 3.0]), 1);
    assert_eq!(argmax(&[-0.5, -3.0]), 0);
    assert_eq!(argmax(&[-3.0, -1.0, -0.5]), 2);
    assert_eq!(argmax(&[2.0]), 0);
}

#[test]
fn the_mean_loss_of_a_sample_follows_from_any_reduction() {
    let mean = Loss::default();
    assert_eq!(mean.of_a_sample(6.0, [4, 10]), 6.0);
    assert_eq!(SUM.of_a_sample(6.0, [4, 10]), 1.5);
    let entries = Loss { reduction: Reduction::MeanOfEntries, ..mean };
    assert_eq!(entries.of_a_sample(6.0, [4, 10]), 60.0);
}

/// Of two samples and three classes, for both losses, by each way to them.
#[test]
fn a_mean_of_entries_is_the_mean_divided_by_the_classes() {
    let entries = |loss: Loss| Loss { reduction: Reduction::MeanOfEntries, ..loss };
    let ways: [Record; 3] = [
        Tape::softmax_loss,
        |tape, z, t, loss| {
            let p = tape.softmax(z)?;
            tape.loss_of_probabilities(p, t, loss)
        },
        |tape, z, t, loss| {
            let q = tape.log_softmax(z)?;
            tape.loss_of_log_probabilities(q, t, loss)
        },
    ];
    for t in [labels(), distributions()] {
        for loss in [Loss::default(), kl(Loss::default()), kl(smoothed(Reduction::Mean, 0.2))] {
            for way in ways {
                let mean = run(&logits(), &t, 1.75, |tape, z, t| way(tape, z, t, loss));
                let part = run(&logits(), &t, 1.75, |tape, z, t| way(tape, z, t, entries(loss)));
                assert_relative_eq!(3.0 * part.0, mean.0, max_relative = 1e-14);
                assert_abs_diff_eq!(3.0 * part.1, mean.1, epsilon = 1e-15);
                assert_abs_diff_eq!(3.0 * part.2, mean.2, epsilon = 1e-14);
            }
        }
    }
}
