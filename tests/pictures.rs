//! The drawn pictures: seeded, balanced, and told apart by forms and not by colors or places.

use chainrule::Mlp;
use chainrule::data::Dataset;
use chainrule::data::pictures::{self, CLASSES, NAMES, SIDE};
use chainrule::matmul::product;
use chainrule::optim::{Optimizer, Rule};
use ndarray::{Array2, ArrayViewMut1};

const BYTES: usize = 3 * SIDE * SIDE;

fn image(pictures: &Dataset, i: usize) -> [f64; BYTES] {
    let mut image = [0.0; BYTES];
    pictures.read(i, &mut image);
    image
}

#[test]
fn a_seed_fixes_the_pictures_and_a_count_only_ends_them() {
    // 300 are drawn in several parts, 50 in one.
    let (few, many) = (pictures::draw(50, 29), pictures::draw(300, 29));
    let other = pictures::draw(50, 30);
    assert_eq!((few.len(), many.len()), (50, 300));
    assert_eq!((few.shape(), few.classes(), few.name()), (&[32, 32, 3][..], 10, "drawn pictures"));
    for i in 0..50 {
        assert_eq!(image(&few, i), image(&many, i));
        assert_eq!(few.label(i), many.label(i));
        assert_ne!(image(&few, i), image(&other, i));
    }
    for i in 1..300 {
        assert_ne!(image(&many, i), image(&many, i - 1));
    }
    assert!(pictures::draw(0, 29).is_empty());
    assert_eq!(pictures::draw(1, 29).len(), 1);
    assert_eq!([few.class_name(0), few.class_name(9)], ["disk", "target"]);
    assert_eq!(NAMES.len(), CLASSES);
}

#[test]
fn every_class_is_drawn_equally_often() {
    let pictures = pictures::draw(4_000, 29);
    let mut counts = [0_i32; CLASSES];
    (0..pictures.len()).for_each(|i| counts[pictures.label(i)] += 1);
    // The standard deviation of a count is √(4,000 · 0.1 · 0.9) = 19.
    assert!(counts.iter().all(|count| (count - 400).abs() < 76), "{counts:?}");
}

#[test]
fn colors_spread_as_in_photographs() {
    let pictures = pictures::draw(1_000, 29);
    let (mut sum, mut squares) = ([0.0; 3], [0.0; 3]);
    for i in 0..pictures.len() {
        for pixel in image(&pictures, i).as_chunks::<3>().0 {
            for channel in 0..3 {
                sum[channel] += pixel[channel];
                squares[channel] += pixel[channel] * pixel[channel];
            }
        }
    }
    let count = (pictures.len() * SIDE * SIDE) as f64;
    for channel in 0..3 {
        // Of CIFAR-10 the means are near 0.47 and the deviations near 0.25.
        let mean = sum[channel] / count;
        let deviation = (squares[channel] / count - mean * mean).sqrt();
        assert!((0.4..0.55).contains(&mean), "channel {channel}: {mean}");
        assert!((0.2..0.3).contains(&deviation), "channel {channel}: {deviation}");
    }
}

/// Share of `test` that a linear classifier gets right after some passes over `train`.
fn linear(train: &Dataset, test: &Dataset, rate: f64) -> f64 {
    let plan = Mlp::new(&[train.features(), CLASSES]).unwrap();
    let mut network = plan.network::<f32>(50, 29).unwrap();
    let parameters: Vec<_> = network.parameters().iter().map(|parameter| parameter.var).collect();
    let rule: Rule = "adam".parse().unwrap();
    let mut optimizer = Optimizer::new(rule, 0.0, &network.tape, &parameters).unwrap();
    let samples: Vec<usize> = (0..train.len()).collect();
    for step in 0..30 * samples.len() / 50 {
        let start = 50 * step % samples.len();
        network.load(train, &samples[start..start + 50]);
        network.learn(step as u64);
        optimizer.step(&mut network.tape, rate);
    }
    network.evaluate(test, 500).unwrap().accuracy
}

/// How strongly each of some patches answers anywhere in a picture: what a convolutional network
/// of one layer, with pooling over the whole picture and without color, can see. The patches are
/// cut out of other pictures.
fn answers(data: &Dataset) -> Dataset {
    const PATCH: usize = 9;
    const PATCHES: usize = 160;
    let places = SIDE - PATCH + 1;
    // Brightness less its mean, over its norm: light and contrast are gone.
    let patch = |image: &[f64; BYTES], row: usize, column: usize| {
        let mut patch: [f64; PATCH * PATCH] = std::array::from_fn(|k| {
            let pixel = 3 * ((row + k / PATCH) * SIDE + column + k % PATCH);
            image[pixel..pixel + 3].iter().sum()
        });
        let mean = patch.iter().sum::<f64>() / patch.len() as f64;
        patch.iter_mut().for_each(|x| *x -= mean);
        let norm = patch.iter().map(|x| x * x).sum::<f64>().sqrt() + 0.5;
        patch.map(|x| (x / norm) as f32)
    };
    let fill = |mut view: ArrayViewMut1<'_, f32>, patch: [f32; PATCH * PATCH]| {
        view.iter_mut().zip(patch).for_each(|(to, x)| *to = x);
    };
    let source = pictures::draw(PATCHES, 31);
    let mut patches = Array2::zeros((PATCH * PATCH, PATCHES));
    for (k, column) in patches.columns_mut().into_iter().enumerate() {
        fill(column, patch(&image(&source, k), 8 + k % 8, 8 + k / 8 % 8));
    }
    let mut features = Vec::with_capacity(data.len() * 4 * PATCHES);
    let mut windows = Array2::zeros((places * places, PATCH * PATCH));
    let mut answers = Array2::<f32>::zeros((places * places, PATCHES));
    for i in 0..data.len() {
        let image = image(data, i);
        for (k, row) in windows.rows_mut().into_iter().enumerate() {
            fill(row, patch(&image, k / places, k % places));
        }
        product(windows.view(), patches.view(), answers.view_mut(), false);
        for answers in answers.columns() {
            let above = |limit: f32| {
                let excess = answers.iter().map(|answer| (answer.abs() - limit).max(0.0));
                excess.sum::<f32>() / answers.len() as f32
            };
            let strongest = answers.iter().fold(0.0_f32, |most, answer| most.max(answer.abs()));
            features.extend([
                2.0 * strongest,
                10.0 * above(0.3),
                10.0 * above(0.5),
                30.0 * above(0.7),
            ]);
        }
    }
    let labels = (0..data.len()).map(|i| data.label(i) as u8).collect();
    Dataset::from_reals("answers", &[4 * PATCHES], CLASSES, features, labels).unwrap()
}

#[test]
fn forms_tell_the_class_and_pixels_hardly_do() {
    let (train, test) = (pictures::draw(3_000, 29), pictures::draw(1_000, 30));
    let pixels = linear(&train, &test, 1e-3);
    // Of ten classes one in ten is right by chance: colors tell a little.
    assert!((0.12..0.25).contains(&pixels), "{pixels}");
    let forms = linear(&answers(&train), &answers(&test), 3e-3);
    assert!((0.36..0.8).contains(&forms), "{forms}");
}
