//! Chapter 14: dropout.

use approx::assert_abs_diff_eq;
use chainrule::dropout::{Masks, draw_mask};
use chainrule::fraction::Fraction;
use chainrule::gradcheck::Draw;
use chainrule::{Mode, Real, Tape, Tensor, Var};
use ndarray::Array1;
use proptest::prelude::*;

fn rate(value: f64) -> Fraction {
    Fraction::new(value).unwrap()
}

/// The masks of a seed in a layer that is not the first.
fn masks(seed: u64) -> Masks {
    Masks { seed, layer: 1 }
}

fn mask<T: Real>(entries: usize, value: f64, seed: u64, step: u64) -> Vec<T> {
    let mut mask = vec![T::nan(); entries];
    draw_mask(&mut mask, rate(value), masks(seed), step);
    mask
}

/// A tape with dropout of x.
fn recorded(x: &Tensor<f64>, value: f64, seed: u64) -> (Tape<f64>, Var, Var) {
    let mut tape = Tape::new();
    let x = tape.parameter(x.clone());
    let y = tape.dropout(x, rate(value), masks(seed)).unwrap();
    (tape, x, y)
}

#[test]
fn evaluation_is_the_identity() {
    let mut draw = Draw::new(1);
    let (x, dy): (Tensor<f64>, Tensor<f64>) =
        (draw.away_from_zero(&[7, 3]), draw.away_from_zero(&[7, 3]));
    let (mut tape, var, y) = recorded(&x, 0.5, 29);
    for step in 0..2 {
        assert_eq!(tape.value(y), &x);
        tape.backward_from(y, &dy).unwrap();
        assert_eq!(tape.gradient(var), &dy);
        // And again after a training pass, which was not.
        tape.set_mode(Mode::Training { step });
        tape.forward();
        assert_ne!(tape.value(y), &x);
        tape.set_mode(Mode::Evaluation);
        tape.forward();
    }
}

#[test]
fn eq_dropout() {
    // y_i = x_i · m_i and dx_i = dy_i · m_i, with m_i = 0 or 1 / (1 − rate)
    let mut draw = Draw::new(2);
    let (x, dy): (Tensor<f64>, Tensor<f64>) =
        (draw.away_from_zero(&[9, 5]), draw.away_from_zero(&[9, 5]));
    let (mut tape, var, y) = recorded(&x, 0.2, 29);
    tape.set_mode(Mode::Training { step: 4 });
    tape.forward();
    tape.backward_from(y, &dy).unwrap();
    let mask = Array1::from(mask::<f64>(45, 0.2, 29, 4)).into_shape_with_order((9, 5)).unwrap();
    assert!(mask.iter().all(|&m| m == 0.0 || m == 1.25));
    assert!(mask.iter().any(|&m| m == 0.0) && mask.iter().any(|&m| m == 1.25));
    assert_eq!(tape.value(y), &(&x * &mask));
    assert_eq!(tape.gradient(var), &(&dy * &mask));
    // The backward pass is that of the last forward pass, whatever the mode is by then.
    tape.set_mode(Mode::Evaluation);
    tape.backward_from(y, &dy).unwrap();
    assert_eq!(tape.gradient(var), &(&dy * &mask));
}

#[test]
fn gradients_are_added_to_those_of_other_consumers() {
    let mut tape = Tape::<f64>::new();
    tape.set_mode(Mode::Training { step: 0 });
    let x = tape.parameter(Tensor::ones(vec![50]));
    let [a, b] = [(); 2].map(|()| tape.dropout(x, rate(0.5), masks(1)).unwrap());
    let y = tape.add(a, b).unwrap();
    tape.backward(y);
    assert_eq!(tape.gradient(x), tape.value(y));
    assert!(tape.gradient(x).iter().any(|&dx| dx == 4.0));
}

#[test]
fn eq_dropout_mean() {
    // E(m_i) = 1, and m_i is 0 with probability `rate`: over 2,000 steps of 500 entries each mean is
    // within five standard deviations, √(rate · (1 − rate) / 1e6).
    for value in [0.1, 0.5, 0.8] {
        let (mut sum, mut dropped) = (0.0, 0);
        for step in 0..2_000 {
            let mask = mask::<f64>(500, value, 7, step);
            sum += mask.iter().sum::<f64>();
            dropped += mask.iter().filter(|&&m| m == 0.0).count();
        }
        let deviation = (value * (1.0 - value) / 1e6).sqrt();
        assert_abs_diff_eq!(sum / 1e6, 1.0, epsilon = 5.0 * deviation / (1.0 - value));
        assert_abs_diff_eq!(dropped as f64 / 1e6, value, epsilon = 5.0 * deviation);
    }
}

#[test]
fn every_place_is_dropped_as_often() {
    // 4,000 steps: the share of each entry is within five standard deviations of the rate.
    let mut dropped = vec![0; 300];
    for step in 0..4_000 {
        for (count, m) in dropped.iter_mut().zip(mask::<f32>(300, 0.3, 3, step)) {
            *count += u32::from(m == 0.0);
        }
    }
    let bound = 5.0 * (0.3f64 * 0.7 / 4_000.0).sqrt();
    for count in dropped {
        assert_abs_diff_eq!(f64::from(count) / 4_000.0, 0.3, epsilon = bound);
    }
}

#[test]
fn the_mask_is_a_function_of_seed_layer_step_and_place() {
    let first = mask::<f64>(2_000, 0.5, 29, 11);
    assert_eq!(first, mask::<f64>(2_000, 0.5, 29, 11));
    let mut other_layer = vec![0.0; 2_000];
    draw_mask(&mut other_layer, rate(0.5), Masks { seed: 29, layer: 2 }, 11);
    // Two independent masks agree in half of their entries, give or take five deviations.
    for other in [mask::<f64>(2_000, 0.5, 29, 12), mask(2_000, 0.5, 30, 11), other_layer] {
        let equal = first.iter().zip(&other).filter(|(a, b)| a == b).count();
        assert!((888..1_112).contains(&equal), "{equal}");
    }
    // A tensor of another size, or of f32, has the same mask as far as it reaches.
    for entries in [1, 255, 256, 257, 1_000] {
        assert_eq!(mask::<f64>(entries, 0.5, 29, 11), first[..entries]);
    }
    let single: Vec<f64> = mask::<f32>(2_000, 0.5, 29, 11).into_iter().map(f64::from).collect();
    assert_eq!(single, first);
    // Nor is one block of draws the next one's copy.
    assert_ne!(first[..256], first[256..512]);
}

#[test]
fn a_resumed_training_draws_what_an_uninterrupted_one_would_have_drawn() {
    let x: Tensor<f64> = Tensor::ones(vec![64]);
    let (mut tape, _, y) = recorded(&x, 0.5, 29);
    let mut values = Vec::new();
    for step in 0..5 {
        tape.set_mode(Mode::Training { step });
        tape.forward();
        values.push(tape.value(y).clone());
    }
    let (mut resumed, _, y) = recorded(&x, 0.5, 29);
    for step in 3..5 {
        resumed.set_mode(Mode::Training { step });
        resumed.forward();
        assert_eq!(resumed.value(y), values[step as usize]);
    }
    assert_ne!(values[3], values[4]);
}

#[test]
fn the_mask_is_the_same_on_every_machine() {
    // From ChaCha with 8 rounds, written again in Python from its definition: the key is 29, 3 for a
    // mask, layer 1 and step 3, and a word below rate · 2³² drops its entry.
    let dropped = |value| -> Vec<usize> {
        let mask = mask::<f64>(32, value, 29, 3);
        (0..32).filter(|&i| mask[i] == 0.0).collect()
    };
    assert_eq!(dropped(0.5), [1, 2, 3, 7, 8, 10, 12, 14, 15, 17, 19, 20, 21, 22, 23, 24, 27, 29]);
    assert_eq!(dropped(0.2), [3, 10, 17, 19, 21, 27, 29]);
    // The first word, 2_266_187_099, is kept at the rate that equals it, and dropped above.
    assert!(!dropped(2_266_187_099.0 / 2f64.powi(32)).contains(&0));
    assert!(dropped(2_266_187_100.0 / 2f64.powi(32)).contains(&0));
}

#[test]
fn rate_zero_drops_nothing_and_a_rate_near_one_drops_almost_all() {
    assert!(mask::<f64>(5_000, 0.0, 1, 1).iter().all(|&m| m == 1.0));
    let nearly_all = mask::<f64>(5_000, 0.999, 1, 1);
    let kept = nearly_all.iter().filter(|&&m| m != 0.0).count();
    assert!((1..30).contains(&kept), "{kept}");
    assert!(nearly_all.iter().all(|&m| m == 0.0 || (m - 1_000.0).abs() < 1e-9));
}

#[test]
fn a_rate_outside_zero_to_one_is_refused() {
    for (value, message) in [
        (1.0, "1 is no fraction: it must be at least 0 and below 1"),
        (-0.1, "-0.1 is no fraction: it must be at least 0 and below 1"),
        (f64::NAN, "NaN is no fraction: it must be at least 0 and below 1"),
    ] {
        assert_eq!(Fraction::new(value).unwrap_err().to_string(), message);
    }
}

#[test]
fn a_batch_may_change_its_size() {
    let (mut tape, x, y) = recorded(&Tensor::ones(vec![2, 3]), 0.5, 29);
    tape.set_mode(Mode::Training { step: 8 });
    for batch in [40, 1, 2] {
        tape.resize(&[(x, &[batch, 3])]).unwrap();
        tape.set(x, &Tensor::ones(vec![batch, 3])).unwrap();
        tape.forward();
        tape.backward(y);
        let mask = mask::<f64>(3 * batch, 0.5, 29, 8);
        assert_eq!(tape.value(y).as_slice().unwrap(), mask);
        assert_eq!(tape.gradient(x).as_slice().unwrap(), mask);
    }
}

#[test]
fn an_empty_input_is_refused() {
    let mut tape = Tape::<f64>::new();
    let x = tape.input(Tensor::zeros(vec![0, 3]));
    assert_eq!(
        tape.dropout(x, rate(0.5), masks(1)).unwrap_err().to_string(),
        "dropout: [0, 3]: an input is empty: every axis must have a length of 1 or more"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_mask_holds_zero_and_one_scale(
        entries in 1usize..600,
        value in 0.0f64..0.99,
        seed in any::<u64>(),
        step in any::<u64>(),
    ) {
        let kept = 1.0 / (1.0 - value);
        for m in mask::<f64>(entries, value, seed, step) {
            prop_assert!(m == 0.0 || m == kept);
        }
    }
}
