//! Chapter 11: mean and standard deviation of each channel of a data set.

use approx::assert_relative_eq;
use chainrule::Tensor;
use chainrule::data::Dataset;
use chainrule::data::channels::{ChannelError, ChannelMoments};
use chainrule::gradcheck::Draw;

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
