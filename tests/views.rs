//! Chapter 14: several views of an image, and the mean of their logits.

use approx::assert_relative_eq;
use chainrule::data::Dataset;
use chainrule::gradcheck::Draw;
use chainrule::softmax::{Loss, Reduction};
use chainrule::views::{View, Views};
use chainrule::{Mlp, Network};
use ndarray::{Array2, arr1};

/// Each pixel of an image [3, 4, 2] is its place: 10·y + x, and 100 more in the second channel.
fn numbered() -> Vec<f64> {
    (0..24).map(|i| f64::from(10 * (i / 8) + i / 2 % 4 + 100 * (i % 2))).collect()
}

/// The first channel of a view of the numbered image, after a look at the second.
fn view(shift: isize, mirrored: bool) -> Vec<f64> {
    let mut image = vec![f64::NAN; 24];
    View { weight: 1.0, mirrored, shift }.write(&numbered(), [3, 4, 2], &mut image);
    image
        .chunks_exact(2)
        .map(|pixel| {
            assert_eq!(pixel[1], pixel[0] + 100.0, "channels stay together");
            pixel[0]
        })
        .collect()
}

#[test]
fn an_image_is_shifted_and_mirrored() {
    let rows = |rows: [[f64; 4]; 3]| rows.concat();
    let [one, two, three] =
        [[0.0, 1.0, 2.0, 3.0], [10.0, 11.0, 12.0, 13.0], [20.0, 21.0, 22.0, 23.0]];
    assert_eq!(view(0, false), rows([one, two, three]));
    // Down and to the right: beyond the edge is what lies as far within.
    let shifted = [[11.0, 10.0, 11.0, 12.0], [1.0, 0.0, 1.0, 2.0], [11.0, 10.0, 11.0, 12.0]];
    assert_eq!(view(-1, false), rows(shifted));
    let up = [[11.0, 12.0, 13.0, 12.0], [21.0, 22.0, 23.0, 22.0], [11.0, 12.0, 13.0, 12.0]];
    assert_eq!(view(1, false), rows(up));
    let reversed = |mut row: [f64; 4]| {
        row.reverse();
        row
    };
    assert_eq!(view(0, true), rows([one, two, three].map(reversed)));
    assert_eq!(view(1, true), rows(up.map(reversed)));
    // A single pixel has no other.
    let mut pixel = [0.0];
    View { weight: 1.0, mirrored: true, shift: -1 }.write(&[5.0], [1, 1, 1], &mut pixel);
    assert_eq!(pixel, [5.0]);
}

#[test]
fn weights_add_up_to_one() {
    let list = |views: Views| -> Vec<(f64, bool, isize)> {
        views.list().iter().map(|view| (view.weight, view.mirrored, view.shift)).collect()
    };
    assert_eq!(list(Views::default()), [(1.0, false, 0)]);
    assert_eq!(list(Views::Flip), [(0.5, false, 0), (0.5, true, 0)]);
    let six = list(Views::FlipAndShift);
    for mirrored in [false, true] {
        for (shift, weight) in [(0, 0.25), (1, 0.125), (-1, 0.125)] {
            assert!(six.contains(&(weight, mirrored, shift)), "{six:?}");
        }
    }
    assert_eq!(six.len(), 6);
    assert_eq!(six.iter().map(|view| view.0).sum::<f64>(), 1.0);
}

/// Eleven grey images of 4 by 3 pixels in three classes.
fn images() -> Dataset {
    let inputs = Draw::new(51).uniform::<f32>(&[11 * 12], 0.0, 1.0).iter().copied().collect();
    let labels = (0..11).map(|i| i % 3).collect();
    Dataset::from_reals("images", &[4, 3], 3, inputs, labels).unwrap()
}

fn network(reduction: Reduction) -> Network<f64> {
    let loss = Loss { reduction, smoothing: "0.1".parse().unwrap(), ..Loss::default() };
    Mlp::new(&[12, 5, 3]).unwrap().loss(loss).network(4, 17).unwrap()
}

/// The mean logits over the views, one pass a view and an image.
fn mean_logits(network: &mut Network<f64>, data: &Dataset, views: Views) -> Array2<f64> {
    let mut logits = Array2::zeros((data.len(), 3));
    let (mut original, mut image) = ([0.0_f64; 12], [0.0; 12]);
    for sample in 0..data.len() {
        data.read(sample, &mut original);
        for view in views.list() {
            view.write(&original, [4, 3, 1], &mut image);
            // The logits but for a constant, which the softmax does not see.
            let p = network.probabilities(&image).unwrap();
            let z = arr1(&p).mapv(f64::ln);
            logits.row_mut(sample).scaled_add(view.weight, &z);
        }
    }
    logits
}

#[test]
fn eq_mean_of_the_logits() {
    let data = images();
    for reduction in [Reduction::Mean, Reduction::Sum] {
        for views in [Views::One, Views::Flip, Views::FlipAndShift] {
            let mut network = network(reduction);
            let logits = mean_logits(&mut network, &data, views);
            let losses = logits.rows().into_iter().enumerate().map(|(i, z)| {
                let log_sum = z.mapv(f64::exp).sum().ln();
                0.9 * (log_sum - z[data.label(i)]) + 0.1 * (log_sum - z.mean().unwrap())
            });
            let loss = losses.sum::<f64>() / 11.0;
            let predictions: Vec<usize> = logits
                .rows()
                .into_iter()
                .map(|z| (0..3).max_by(|&a, &b| z[a].total_cmp(&z[b])).unwrap())
                .collect();
            let right = (0..11).filter(|&i| predictions[i] == data.label(i)).count();
            // In passes of four the last one holds three.
            for batch in [4, 11, 100] {
                let evaluation = network.evaluate_with(&data, batch, views).unwrap();
                assert_relative_eq!(evaluation.loss, loss, max_relative = 1e-12);
                assert_eq!(evaluation.predictions, predictions);
                assert_eq!(evaluation.accuracy, right as f64 / 11.0);
            }
        }
    }
}

#[test]
fn eq_mean_loses_least() {
    let data = images();
    let mut network = network(Reduction::Mean);
    let of_the_mean = network.evaluate_with(&data, 11, Views::FlipAndShift).unwrap().loss;
    let of_each = Views::FlipAndShift.list().iter().map(|view| {
        let mut inputs = Vec::new();
        let (mut original, mut image) = ([0.0_f32; 12], [0.0; 12]);
        for sample in 0..11 {
            data.read(sample, &mut original);
            view.write(&original, [4, 3, 1], &mut image);
            inputs.extend_from_slice(&image);
        }
        let labels = (0..11).map(|i| i % 3).collect();
        let seen = Dataset::from_reals("seen", &[4, 3], 3, inputs, labels).unwrap();
        view.weight * network.evaluate(&seen, 11).unwrap().loss
    });
    let mean: f64 = of_each.sum();
    assert!(of_the_mean < mean, "{of_the_mean} of the mean, {mean} on average");
}

#[test]
fn one_view_is_a_plain_evaluation() {
    let data = images();
    let mut network = network(Reduction::Mean);
    let plain = network.evaluate(&data, 4).unwrap();
    assert_eq!(network.evaluate_with(&data, 4, Views::One).unwrap(), plain);
    assert_ne!(network.evaluate_with(&data, 4, Views::Flip).unwrap().loss, plain.loss);
}

#[test]
fn what_is_no_image_has_one_view() {
    let points = Dataset::from_reals("points", &[12], 3, vec![0.5; 12], vec![0]).unwrap();
    let mut network = network(Reduction::Mean);
    assert!(network.evaluate_with(&points, 4, Views::One).is_ok());
    assert_eq!(
        network.evaluate_with(&points, 4, Views::Flip).unwrap_err().to_string(),
        "views: [12]: views are taken of images: [height, width] or [height, width, channels]"
    );
    assert!(network.evaluate_with(&images(), 0, Views::Flip).is_err());
    assert!(network.evaluate_with(&images().select(&[]), 4, Views::Flip).is_err());
}

#[test]
fn image_shapes() {
    let shape = |shape: &[usize]| {
        let inputs = vec![0.5; shape.iter().product()];
        Dataset::from_reals("any", shape, 1, inputs, vec![0]).unwrap().image_shape()
    };
    assert_eq!(shape(&[4, 3]), Some([4, 3, 1]));
    assert_eq!(shape(&[4, 3, 2]), Some([4, 3, 2]));
    assert_eq!((shape(&[4]), shape(&[1, 2, 3, 4]), shape(&[])), (None, None, None));
}
