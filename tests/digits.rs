//! The drawn digits: seeded, balanced, framed like MNIST, each class with a shape of its own.

use chainrule::data::Dataset;
use chainrule::data::digits::{self, CLASSES, SIDE};

const PIXELS: usize = SIDE * SIDE;

fn image(digits: &Dataset, i: usize) -> [f64; PIXELS] {
    let mut image = [0.0; PIXELS];
    digits.read(i, &mut image);
    image
}

#[test]
fn a_seed_fixes_the_images_and_a_count_only_ends_them() {
    let (few, many, other) = (digits::draw(50, 29), digits::draw(200, 29), digits::draw(50, 30));
    assert_eq!((few.len(), many.len()), (50, 200));
    assert_eq!((few.shape(), few.classes(), few.name()), (&[28, 28][..], 10, "drawn digits"));
    for i in 0..50 {
        assert_eq!(image(&few, i), image(&many, i));
        assert_eq!(few.label(i), many.label(i));
        assert_ne!(image(&few, i), image(&other, i));
    }
    for i in 1..200 {
        assert_ne!(image(&many, i), image(&many, i - 1));
    }
    assert!(digits::draw(0, 29).is_empty());
    assert_eq!(digits::draw(1, 29).len(), 1);
}

#[test]
fn every_class_is_drawn_equally_often() {
    let digits = digits::draw(10_000, 29);
    let mut counts = [0_i32; CLASSES];
    (0..digits.len()).for_each(|i| counts[digits.label(i)] += 1);
    // The standard deviation of a count is √(10,000 · 0.1 · 0.9) = 30.
    assert!(counts.iter().all(|count| (count - 1_000).abs() < 120), "{counts:?}");
}

/// Height and width of the smallest rectangle around the ink.
fn extent(image: &[f64; PIXELS]) -> [usize; 2] {
    [(SIDE, 1), (1, SIDE)].map(|(along, across)| {
        let inked = |&a: &usize| (0..SIDE).any(|b| image[a * along + b * across] > 0.0);
        let (first, last) = ((0..SIDE).find(inked), (0..SIDE).rfind(inked));
        last.zip(first).map_or(0, |(last, first)| last - first + 1)
    })
}

#[test]
fn images_are_framed_like_those_of_mnist() {
    let digits = digits::draw(2_000, 29);
    for i in 0..digits.len() {
        let image = image(&digits, i);
        let [height, width] = extent(&image);
        assert!((18..=20).contains(&height.max(width)), "image {i} is {height} x {width}");
        let mass: f64 = image.iter().sum();
        for stride in [1, SIDE] {
            let at = |pixel: usize| (pixel / stride % SIDE) as f64 + 0.5;
            let moment: f64 = image.iter().enumerate().map(|(k, ink)| ink * at(k)).sum();
            // It is moved by whole pixels: half a pixel may be left.
            let off = moment / mass - SIDE as f64 / 2.0;
            assert!(off.abs() < 0.51, "image {i} is off its center by {off}");
        }
    }
}

#[test]
fn ink_is_like_that_of_mnist() {
    let digits = digits::draw(5_000, 29);
    let mut by_class = [(0.0, 0.0); CLASSES];
    let (mut ink, mut full) = (Vec::new(), 0);
    for i in 0..digits.len() {
        let image = image(&digits, i);
        let mean = image.iter().sum::<f64>() / PIXELS as f64;
        let class = &mut by_class[digits.label(i)];
        *class = (class.0 + mean, class.1 + 1.0);
        ink.push(mean);
        full += usize::from(image.iter().any(|&ink| ink > 0.95));
    }
    // Of MNIST's images the mean is 0.131, and of their means the 5th and the 95th percentile
    // are 0.068 and 0.211.
    let mean = ink.iter().sum::<f64>() / ink.len() as f64;
    assert!((0.115..0.145).contains(&mean), "{mean}");
    ink.sort_by(f64::total_cmp);
    let (thin, thick) = (ink[ink.len() / 20], ink[ink.len() * 19 / 20]);
    assert!((0.055..0.08).contains(&thin), "{thin}");
    assert!((0.18..0.23).contains(&thick), "{thick}");
    assert!(full > 4_900, "{full} of 5,000 reach full ink");
    // A one has the least ink, as in MNIST.
    let means = by_class.map(|(sum, count)| sum / count);
    assert!((0..CLASSES).all(|class| class == 1 || means[class] > 1.2 * means[1]), "{means:?}");
}

/// The nearest class mean names most of the digits: a class has a shape.
#[test]
fn a_class_has_a_shape_of_its_own() {
    let (train, test) = (digits::draw(3_000, 29), digits::draw(1_000, 30));
    let mut means = vec![[0.0; PIXELS]; CLASSES];
    let mut counts = [0.0; CLASSES];
    for i in 0..train.len() {
        let label = train.label(i);
        counts[label] += 1.0;
        means[label].iter_mut().zip(image(&train, i)).for_each(|(mean, ink)| *mean += ink);
    }
    for (mean, count) in means.iter_mut().zip(counts) {
        mean.iter_mut().for_each(|mean| *mean /= count);
    }
    let mut right = 0;
    for i in 0..test.len() {
        let image = image(&test, i);
        let distance = |class: usize| -> f64 {
            means[class].iter().zip(&image).map(|(mean, ink)| (mean - ink).powi(2)).sum()
        };
        let nearest = (0..CLASSES).min_by(|&a, &b| distance(a).total_cmp(&distance(b)));
        right += usize::from(nearest == Some(test.label(i)));
    }
    assert!(right > 700, "{right} of 1,000");
}
