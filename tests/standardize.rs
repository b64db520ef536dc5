//! Chapter 8: inputs standardized with constants.

use crate::numeric::gradient;
use approx::assert_relative_eq;
use chainrule::gradcheck::Draw;
use chainrule::network::Recorder;
use chainrule::softmax::Loss;
use chainrule::{Network, Tape, Tensor};
use ndarray::{arr1, arr2, arr3};

const MEAN: [f64; 3] = [0.5, -1.0, 2.0];
const STD: [f64; 3] = [0.25, 2.0, 0.5];

#[test]
fn a_channel_loses_its_mean_and_is_divided_by_its_deviation() {
    let mut tape = Tape::<f32>::new();
    let x = tape.input(arr3(&[[[0.5, 3.0, 2.0]], [[1.0, -1.0, 0.0]]]));
    let y = tape.standardize(x, &MEAN, &STD).unwrap();
    assert_eq!(tape.value(y), &arr3(&[[[0.0, 2.0, 0.0]], [[2.0, 0.0, -4.0]]]).into_dyn());
    // One axis is enough.
    let x = tape.input(arr1(&[0.75, 1.0, 2.5]));
    let y = tape.standardize(x, &MEAN, &STD).unwrap();
    assert_eq!(tape.value(y), &arr1(&[1.0, 1.0, 1.0]).into_dyn());
}

#[test]
fn eq_standardize_backward() {
    let mut draw = Draw::new(31);
    let x: Tensor<f64> = draw.away_from_zero(&[2, 4, 3]);
    let dy: Tensor<f64> = draw.away_from_zero(&[2, 4, 3]);
    let mut tape = Tape::new();
    let var = tape.parameter(x.clone());
    let y = tape.standardize(var, &MEAN, &STD).unwrap();
    tape.backward_from(y, &dy).unwrap();
    let std = arr1(&STD).into_dyn();
    assert_eq!(tape.gradient(var), &(&dy / &std));
    let numeric = gradient(&x, &dy, |x| (x - &arr1(&MEAN)) / &std);
    assert_relative_eq!(*tape.gradient(var), numeric, max_relative = 1e-8);
}

#[test]
fn two_uses_add_up() {
    let mut tape = Tape::<f64>::new();
    let x = tape.parameter(arr1(&[1.0, 2.0, 3.0]));
    let y = tape.standardize(x, &MEAN, &STD).unwrap();
    let y = tape.add(y, x).unwrap();
    tape.backward(y);
    assert_eq!(tape.gradient(x), &arr1(&[5.0, 1.5, 3.0]).into_dyn());
}

#[test]
fn another_batch_keeps_the_constants() {
    let mut tape = Tape::<f64>::new();
    let x = tape.input(arr2(&[[1.0, 1.0, 1.0]]));
    let y = tape.standardize(x, &MEAN, &STD).unwrap();
    tape.resize(&[(x, &[2, 3])]).unwrap();
    tape.forward();
    assert_eq!(tape.value(y), &arr2(&[[-2.0, 0.5, -4.0], [-2.0, 0.5, -4.0]]).into_dyn());
}

#[test]
fn constants_that_do_not_fit_are_refused() {
    let mut tape = Tape::<f64>::new();
    let x = tape.input(arr2(&[[1.0, 1.0, 1.0]]));
    let mut message =
        |mean: &[f64], std: &[f64]| tape.standardize(x, mean, std).unwrap_err().to_string();
    assert_eq!(
        message(&[0.0], &[1.0]),
        "standardize: [1, 3]: the last axis must hold the 1 channels of the constants"
    );
    assert_eq!(
        message(&MEAN, &[1.0, 1.0]),
        "standardize: [1, 3]: 3 means, but 2 standard deviations"
    );
    for std in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(
            message(&MEAN, &[1.0, std, 1.0]),
            format!(
                "standardize: [3] · [3]: the standard deviation of channel 1 is {std}: it must be \
                 a finite number above 0, and as f64 at least 2.2250738585072014e-308"
            )
        );
    }
    let scalar = tape.input(ndarray::arr0(1.0));
    assert!(tape.standardize(scalar, &[0.0], &[1.0]).is_err());
}

/// What is above 0 in `f64` may be 0 in `f32`, or so small that it divides to infinity.
#[test]
fn constants_are_those_of_the_tapes_precision() {
    let mut tape = Tape::<f32>::new();
    let x = tape.input(arr1(&[1.0]));
    for std in [1e-60, 1e-40, 1e60] {
        let message = tape.standardize(x, &[0.0], &[std]).unwrap_err().to_string();
        assert!(message.contains(&format!("channel 0 is {std}")), "{message}");
        assert!(message.contains("as f32 at least 1.1754944e-38"), "{message}");
    }
    for mean in [1e60, f64::NAN] {
        let message = tape.standardize(x, &[mean], &[1.0]).unwrap_err().to_string();
        assert!(message.contains("must be finite as f32"), "{message}");
    }
    let y = tape.standardize(x, &[0.0], &[1e-30]).unwrap();
    assert!(tape.value(y)[0].is_finite());
    let mut tape = Tape::<f64>::new();
    let x = tape.input(arr1(&[1.0]));
    assert!(tape.standardize(x, &[0.0], &[1e-60]).is_ok());
}

/// A network that begins with the op.
fn network(mean: &[f64], std: &[f64]) -> Network<f64> {
    let mut recorder = Recorder::new(1, &[3]);
    let input = recorder.input();
    recorder.tape.set(input, &arr2(&[[1.0, 2.0, 3.0]])).unwrap();
    let x = recorder.tape.standardize(input, mean, std).unwrap();
    recorder.name_buffers(x, "standardize", &["mean", "std"]);
    recorder.finish(x, Loss::default()).unwrap()
}

#[test]
fn model_files_hold_the_constants() {
    let saved = network(&MEAN, &STD).tensors();
    let names: Vec<_> = saved.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["standardize.mean", "standardize.std"]);
    assert_eq!(saved[0].1, arr1(&MEAN).into_dyn());
    assert_eq!(saved[1].1, arr1(&STD).into_dyn());
    let mut other = network(&[0.0; 3], &[1.0; 3]);
    let find = |name: &str| saved.iter().find(|(saved, _)| saved == name).map(|(_, t)| t.clone());
    other.restore(find).unwrap();
    other.tape.forward();
    let expected = network(&MEAN, &STD);
    assert_eq!(other.tape.value(other.logits()), expected.tape.value(expected.logits()));
}
