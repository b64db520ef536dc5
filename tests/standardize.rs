//! Chapter 8: inputs standardized with constants, and the statistics of a data set.

mod numeric;

use approx::assert_relative_eq;
use chainrule::data::Dataset;
use chainrule::gradcheck::Draw;
use chainrule::network::Recorder;
use chainrule::normalize::ChannelMoments;
use chainrule::normalize::standardize::ChannelError;
use chainrule::softmax::Loss;
use chainrule::{Network, Tape, Tensor};
use ndarray::{arr1, arr2, arr3};
use numeric::gradient;

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
                 a finite number above 0"
            )
        );
    }
    let scalar = tape.input(ndarray::arr0(1.0));
    assert!(tape.standardize(scalar, &[0.0], &[1.0]).is_err());
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

/// Images of which every channel has another level and another spread.
fn images(count: usize) -> Dataset {
    let draw: Tensor<f32> = Draw::new(32).uniform(&[count * 20], -1.0, 1.0);
    let inputs = draw.iter().enumerate().map(|(i, &x)| match i % 2 {
        0 => 1000.0 + x,
        _ => 0.01 * x + (i / 20) as f32,
    });
    let inputs = inputs.collect();
    Dataset::from_reals("levels", &[2, 5, 2], 1, inputs, vec![0; count]).unwrap()
}

#[test]
fn eq_channel_moments() {
    let data = images(7);
    let moments = ChannelMoments::of(&data, 2).unwrap();
    let mut entries = [Vec::new(), Vec::new()];
    let mut image = [0.0_f64; 20];
    for sample in 0..7 {
        data.read(sample, &mut image);
        image.iter().enumerate().for_each(|(i, &x)| entries[i % 2].push(x));
    }
    for (c, entries) in entries.iter().enumerate() {
        let mean = entries.iter().sum::<f64>() / 70.0;
        let variance = entries.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 70.0;
        assert_relative_eq!(moments.mean[c], mean, max_relative = 1e-13);
        assert_relative_eq!(moments.std[c], variance.sqrt(), max_relative = 1e-11);
    }
    // With them the channels have mean 0 and variance 1.
    assert!(moments.std[0] > 0.5 && moments.std[1] > 1.9, "{moments:?}");
}

#[test]
fn pixels_count_from_zero_to_one() {
    let data = Dataset::from_bytes("grey", &[1, 2], 1, vec![0, 255, 0, 255], vec![0, 0]).unwrap();
    let moments = ChannelMoments::of(&data, 1).unwrap();
    assert_relative_eq!(moments.mean[0], 0.5, max_relative = 1e-15);
    assert_relative_eq!(moments.std[0], 0.5, max_relative = 1e-15);
    // As two channels each is a constant.
    let moments = ChannelMoments::of(&data, 2).unwrap();
    assert_eq!((moments.mean[0], moments.std), (0.0, vec![0.0, 0.0]));
    // A part of the data has statistics of its own.
    let one = ChannelMoments::of(&images(7).select(&[3]), 2).unwrap();
    assert!(one.std[1] < 0.01 && (one.mean[1] - 3.0).abs() < 0.01, "{one:?}");
}

#[test]
fn data_without_such_channels_are_refused() {
    let data = images(2);
    for channels in [0, 3] {
        assert_eq!(
            ChannelMoments::of(&data, channels).unwrap_err().to_string(),
            format!("levels: inputs of shape [2, 5, 2] do not consist of {channels} channels")
        );
    }
    let none = ChannelMoments::of(&data.select(&[]), 2).unwrap_err();
    assert_eq!(none, ChannelError::Empty { name: "levels".to_owned() });
}
