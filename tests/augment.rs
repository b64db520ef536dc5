//! Chapter 14: flips, translations and cutouts against their formulas, and what fixes them.

use chainrule::data::augment::{Augmentation, AugmentationError, Flip, cut_out, mirror, translate};
use proptest::prelude::*;

/// An image whose entries are all different and not 0.
fn numbered([height, width, channels]: [usize; 3]) -> Vec<f64> {
    (1..=height * width * channels).map(|entry| entry as f64).collect()
}

fn at(image: &[f64], [_, width, channels]: [usize; 3], [i, j, k]: [usize; 3]) -> f64 {
    image[(i * width + j) * channels + k]
}

/// r_n(u): the position that u is reflected to.
fn reflected(u: isize, n: usize) -> usize {
    let last = n as isize - 1;
    let position = if u < 0 {
        -u
    } else if u > last {
        2 * last - u
    } else {
        u
    };
    usize::try_from(position).unwrap()
}

/// Asserts that each entry of `y` is what `expected` says of its row, column and channel.
#[track_caller]
fn assert_entries(y: &[f64], shape: [usize; 3], expected: impl Fn([usize; 3]) -> f64) {
    for i in 0..shape[0] {
        for j in 0..shape[1] {
            for k in 0..shape[2] {
                assert_eq!(at(y, shape, [i, j, k]), expected([i, j, k]), "at {:?}", [i, j, k]);
            }
        }
    }
}

const SHAPES: [[usize; 3]; 6] =
    [[4, 5, 3], [5, 4, 1], [1, 1, 3], [1, 6, 2], [7, 1, 2], [32, 32, 3]];

#[test]
fn a_mirror_image_runs_backwards_along_its_rows() {
    for shape in SHAPES {
        let x = numbered(shape);
        let mut y = x.clone();
        mirror(&mut y, shape);
        assert_entries(&y, shape, |[i, j, k]| at(&x, shape, [i, shape[1] - 1 - j, k]));
        mirror(&mut y, shape);
        assert_eq!(y, x, "two mirrors show the image");
    }
}

/// Every shift that has a reflection, on even and odd sides.
#[test]
fn a_translation_reflects_in_the_edge_pixels() {
    for shape in [[4, 5, 3], [5, 4, 1], [1, 6, 2], [7, 1, 2], [2, 2, 1]] {
        let x = numbered(shape);
        let range = |side: usize| 1 - side as isize..side as isize;
        for a in range(shape[0]) {
            for b in range(shape[1]) {
                let mut y = x.clone();
                translate(&mut y, shape, [a, b]);
                assert_entries(&y, shape, |[i, j, k]| {
                    let row = reflected(i as isize + a, shape[0]);
                    let column = reflected(j as isize + b, shape[1]);
                    at(&x, shape, [row, column, k])
                });
            }
        }
    }
    let mut line = [1, 2, 3, 4];
    translate(&mut line, [1, 4, 1], [0, 2]);
    assert_eq!(line, [3, 4, 3, 2]);
    translate(&mut line, [1, 4, 1], [0, -1]);
    assert_eq!(line, [4, 3, 4, 3]);
}

#[test]
fn a_cutout_is_a_square_of_zeros_as_far_as_it_lies_in_the_image() {
    let shape = [5, 6, 2];
    let x = numbered(shape);
    for side in 1..=5 {
        for center in (0..5).flat_map(|a| (0..6).map(move |b| [a, b])) {
            let mut y = x.clone();
            cut_out(&mut y, shape, center, side);
            let inside = |position: usize, center: usize| {
                let first = center as isize - side as isize / 2;
                (first..first + side as isize).contains(&(position as isize))
            };
            assert_entries(&y, shape, |[i, j, k]| {
                let is_cut = inside(i, center[0]) && inside(j, center[1]);
                if is_cut { 0.0 } else { at(&x, shape, [i, j, k]) }
            });
        }
    }
}

const COLOR: [usize; 3] = [8, 9, 3];

fn augmented(augmentation: Augmentation, seed: u64, epoch: u64, sample: u64) -> Vec<f64> {
    let mut image = numbered(COLOR);
    augmentation.on(&COLOR).unwrap().apply(&mut image, seed, epoch, sample);
    image
}

fn is_flipped(flip: Flip, seed: u64, epoch: u64, sample: u64) -> bool {
    let image = augmented(Augmentation { flip, ..Augmentation::NONE }, seed, epoch, sample);
    let (x, mut y) = (numbered(COLOR), numbered(COLOR));
    mirror(&mut y, COLOR);
    assert!(image == x || image == y);
    image == y
}

#[test]
fn a_random_flip_is_drawn_anew_in_each_epoch() {
    let flips = |epoch: u64| (0..1_000).filter(|&k| is_flipped(Flip::Random, 29, epoch, k)).count();
    // The standard deviation is √(1,000 / 4) = 16.
    assert!((0..4).all(|epoch| flips(epoch).abs_diff(500) < 64));
    let changed = (0..1_000)
        .filter(|&k| is_flipped(Flip::Random, 29, 6, k) != is_flipped(Flip::Random, 29, 7, k));
    assert!(changed.count().abs_diff(500) < 64);
    assert!(!(0..100).any(|k| is_flipped(Flip::None, 29, 1, k)));
}

#[test]
fn an_alternating_flip_shows_both_sides_in_two_epochs() {
    let first = (0..1_000).filter(|&k| is_flipped(Flip::Alternating, 29, 0, k)).count();
    assert!(first.abs_diff(500) < 64, "{first}");
    for sample in 0..50 {
        let start = is_flipped(Flip::Alternating, 29, 0, sample);
        assert_eq!(start, is_flipped(Flip::Random, 29, 0, sample), "the same coin in epoch 0");
        for epoch in 1..6 {
            let expected = start ^ (epoch % 2 == 1);
            assert_eq!(is_flipped(Flip::Alternating, 29, epoch, sample), expected);
        }
    }
}

#[test]
fn every_translation_is_equally_likely() {
    let augmentation = Augmentation { translate: 2, ..Augmentation::NONE };
    let all: Vec<Vec<f64>> = (-2..=2)
        .flat_map(|a| (-2..=2).map(move |b| [a, b]))
        .map(|by| {
            let mut image = numbered(COLOR);
            translate(&mut image, COLOR, by);
            image
        })
        .collect();
    let mut counts = [0_usize; 25];
    for sample in 0..5_000 {
        let image = augmented(augmentation, 29, 3, sample);
        counts[all.iter().position(|known| *known == image).expect("one of the 25")] += 1;
    }
    // The standard deviation is √(5,000 · 0.04 · 0.96) = 14.
    assert!(counts.iter().all(|count| count.abs_diff(200) < 60), "{counts:?}");
}

#[test]
fn the_center_of_a_cutout_is_any_pixel() {
    let augmentation = Augmentation { cutout: 1, ..Augmentation::NONE };
    let mut counts = [0_usize; 72];
    for sample in 0..7_200 {
        let image = augmented(augmentation, 29, 3, sample);
        let zeros: Vec<usize> = (0..image.len()).filter(|&k| image[k] == 0.0).collect();
        assert_eq!((zeros.len(), zeros[0] % 3, zeros[2] - zeros[0]), (3, 0, 2));
        counts[zeros[0] / 3] += 1;
    }
    // The standard deviation is 10.
    assert!(counts.iter().all(|count| count.abs_diff(100) < 45), "{counts:?}");
}

#[test]
fn flip_translation_and_cutout_come_in_this_order_and_each_keeps_its_draws() {
    let all = Augmentation { flip: Flip::Random, translate: 3, cutout: 4, ..Augmentation::NONE };
    for sample in 0..100 {
        let mut expected = numbered(COLOR);
        for part in [
            Augmentation { flip: all.flip, ..Augmentation::NONE },
            Augmentation { translate: all.translate, ..Augmentation::NONE },
            Augmentation { cutout: all.cutout, ..Augmentation::NONE },
        ] {
            part.on(&COLOR).unwrap().apply(&mut expected, 29, 5, sample);
        }
        assert_eq!(augmented(all, 29, 5, sample), expected);
    }
}

#[test]
fn seed_epoch_and_sample_fix_the_image() {
    let all = Augmentation { flip: Flip::Random, translate: 3, cutout: 4, ..Augmentation::NONE };
    let differ = |other: [u64; 3]| {
        (0..50).filter(move |k| {
            augmented(all, 29, 5, 1_000 + k)
                != augmented(all, 29 + other[0], 5 + other[1], 1_000 + k + other[2])
        })
    };
    assert_eq!(differ([0, 0, 0]).count(), 0);
    for other in [[1, 0, 0], [0, 1, 0], [0, 0, 1]] {
        assert!(differ(other).count() > 40, "{other:?}");
    }
    assert_eq!(Augmentation::default(), Augmentation::NONE);
    assert_eq!(augmented(Augmentation::NONE, 29, 5, 7), numbered(COLOR));
    // Far numbers are as good as near ones.
    let _ = augmented(all, u64::MAX, u64::MAX, u64::MAX);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let with = |translate, cutout| Augmentation {
        flip: Flip::Random,
        translate,
        cutout,
        ..Augmentation::NONE
    };
    for (shape, translate, cutout) in
        [([32, 32, 3], 31, 32), ([28, 28, 1], 27, 28), ([4, 9, 1], 3, 4)]
    {
        let side = shape[0].min(shape[1]);
        with(translate, cutout).on(&shape).unwrap().apply(&mut numbered(shape), 1, 2, 3);
        let error = with(side, 0).on(&shape).unwrap_err();
        let [height, width, _] = shape;
        assert_eq!(error, AugmentationError::Translate { translate: side, height, width });
        assert!(error.to_string().ends_with(&format!("at most {}", side - 1)), "{error}");
        let error = with(0, side + 1).on(&shape).unwrap_err();
        assert_eq!(error, AugmentationError::Cutout { cutout: side + 1, height, width });
        assert!(error.to_string().ends_with(&format!("at most {side}")), "{error}");
    }
    for shape in [&[2][..], &[], &[1, 2, 3, 4]] {
        let error = with(0, 0).on(shape).unwrap_err();
        assert_eq!(error, AugmentationError::Shape { shape: shape.to_vec() });
        let mut inputs = [1.0, 2.0];
        Augmentation::NONE.on(shape).unwrap().apply(&mut inputs, 1, 2, 3);
        assert_eq!(inputs, [1.0, 2.0]);
    }
    // An image of nothing has nothing to change.
    for shape in [[0, 3, 3], [3, 3, 0]] {
        with(0, 0).on(&shape).unwrap().apply::<f64>(&mut [], 1, 2, 3);
    }
}

#[test]
#[should_panic = "an image of shape [8, 9, 3]"]
fn an_image_of_another_size_is_a_mistake_of_the_caller() {
    let flip = Augmentation { flip: Flip::Random, ..Augmentation::NONE };
    flip.on(&COLOR).unwrap().apply(&mut numbered(COLOR)[1..], 1, 2, 3);
}

#[test]
fn names_are_read_as_they_are_written() {
    for flip in Flip::ALL {
        assert_eq!(flip.to_string().parse(), Ok(flip));
    }
    assert_eq!(Flip::ALL.map(|flip| flip.to_string()), ["none", "random", "alternating"]);
    let error = "upside-down".parse::<Flip>().unwrap_err().to_string();
    assert_eq!(error, "there is no flip `upside-down`: choose none, random, alternating");
    assert_eq!(Augmentation::NONE.to_string(), "none");
    let all =
        Augmentation { flip: Flip::Alternating, translate: 2, cutout: 8, ..Augmentation::NONE };
    assert_eq!(all.to_string(), "flip alternating, translate 2, cutout 8");
    let one = Augmentation { translate: 2, ..Augmentation::NONE };
    assert_eq!(one.to_string(), "translate 2");
}

proptest! {
    #[test]
    fn flips_and_translations_invent_no_pixel(
        height in 1_usize..9,
        width in 1_usize..9,
        channels in 1_usize..4,
        part in 0.0_f64..1.0,
        [seed, epoch, sample]: [u64; 3],
    ) {
        let shape = [height, width, channels];
        let translate = (part * height.min(width) as f64) as usize;
        let augmentation = Augmentation { flip: Flip::Random, translate, cutout: 0, ..Augmentation::NONE };
        let x = numbered(shape);
        let mut y = x.clone();
        augmentation.on(&shape).unwrap().apply(&mut y, seed, epoch, sample);
        for (pixel, k) in y.chunks(channels).zip(0..) {
            prop_assert!(x.chunks(channels).any(|known| known == pixel), "pixel {k} of {y:?}");
        }
    }
}
