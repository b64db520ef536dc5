//! Chapter 14: deformations against their formulas, and what fixes them.

use approx::{assert_abs_diff_eq, assert_relative_eq};
use chainrule::data::augment::deform::{matrix, ring, warp};
use chainrule::data::augment::{Augmentation, Deformation, Elastic, Flip};
use chainrule::data::digits;
use std::f64::consts::PI;

const IDENTITY: [[f64; 2]; 2] = [[1.0, 0.0], [0.0, 1.0]];
const ELASTIC: Elastic = Elastic { alpha: 36.0, sigma: 5.0 };
/// What Ciresan et al. did to digits.
const ALL: Deformation =
    Deformation { rotation: 15.0, scaling: 0.15, shear: 15.0, elastic: Some(ELASTIC) };

/// An image whose entries are all different and not 0.
fn numbered(shape: [usize; 3]) -> Vec<f32> {
    (1..=shape.iter().product()).map(|entry: usize| entry as f32).collect()
}

/// The `source` seen through a matrix and the same displacement everywhere.
fn warped(source: &[f32], shape: [usize; 3], matrix: [[f64; 2]; 2], by: [f32; 2]) -> Vec<f32> {
    let mut image = vec![0.0; source.len()];
    let [rows, columns] = by.map(|by| vec![by; shape[0] * shape[1]]);
    warp(&mut image, source, shape, matrix, [&rows, &columns]);
    image
}

fn deformed(deformation: Deformation, image: &[f32], seed: [u64; 3]) -> Vec<f32> {
    let augmentation = Augmentation { deformation, ..Augmentation::NONE };
    let mut image = image.to_vec();
    augmentation.on(&[28, 28]).unwrap().apply(&mut image, seed[0], seed[1], seed[2]);
    image
}

/// The row and the column of each pixel, as two images: what a deformation makes of them is where it
/// looked, as long as that was in the image.
fn places([height, width]: [usize; 2]) -> [Vec<f32>; 2] {
    let pixels = || (0..height).flat_map(|i| (0..width).map(move |j| [i, j]));
    [0, 1].map(|axis| pixels().map(|pixel| pixel[axis] as f32).collect())
}

/// q of each pixel of a deformed image of 28 x 28.
fn looked(deformation: Deformation, seed: [u64; 3]) -> Vec<[f64; 2]> {
    let [rows, columns] = places([28, 28]).map(|image| deformed(deformation, &image, seed));
    rows.iter().zip(columns).map(|(&row, column)| [row, column].map(f64::from)).collect()
}

#[test]
fn nothing_is_changed_at_zero_strength() {
    for shape in [[4, 5, 3], [1, 1, 1], [1, 6, 2], [7, 1, 1], [28, 28, 1]] {
        let x = numbered(shape);
        assert_eq!(warped(&x, shape, IDENTITY, [0.0, 0.0]), x);
    }
    let x = numbered([28, 28, 1]);
    let weak = Elastic { alpha: 0.0, ..ELASTIC };
    for deformation in [Deformation::NONE, Deformation { elastic: Some(weak), ..Deformation::NONE }]
    {
        assert_eq!(deformed(deformation, &x, [29, 1, 2]), x);
    }
    assert!(Deformation::default().is_none() && !ALL.is_none());
    assert_eq!(matrix(0.0, 0.0, [1.0, 1.0]), IDENTITY);
}

#[test]
fn a_quarter_turn_goes_to_the_left() {
    for side in [4, 5, 28] {
        let shape = [side, side, 2];
        let x = numbered(shape);
        let y = warped(&x, shape, matrix(PI / 2.0, 0.0, [1.0, 1.0]), [0.0, 0.0]);
        for i in 0..side {
            for j in 0..side {
                for k in 0..2 {
                    let expected = x[(j * side + side - 1 - i) * 2 + k];
                    assert_relative_eq!(y[(i * side + j) * 2 + k], expected, max_relative = 1e-4);
                }
            }
        }
    }
}

/// M undoes scaling, shear and turn, one after the other.
#[test]
fn eq_deformation_matrix() {
    for (turn, lean, [down, across]) in
        [(0.3, 0.2, [1.1, 0.8]), (-1.2, 0.0, [1.0, 1.0]), (0.0, -0.7, [0.5, 2.0])]
    {
        let scaled = |[r, c]: [f64; 2]| [down * r, across * c];
        let sheared = |[r, c]: [f64; 2]| [r, c + f64::tan(lean) * r];
        let turned = |[r, c]: [f64; 2]| {
            let (sin, cos) = f64::sin_cos(turn);
            [cos * r - sin * c, sin * r + cos * c]
        };
        let back = matrix(turn, lean, [down, across]);
        for place in [[1.0, 0.0], [0.0, 1.0], [3.0, -2.0]] {
            let [r, c] = turned(sheared(scaled(place)));
            let found = back.map(|[a, b]| a * r + b * c);
            assert_abs_diff_eq!(found[..], place[..], epsilon = 1e-14);
        }
    }
}

/// Of images that say where each pixel is, and of a place between four pixels.
#[test]
fn eq_deformation() {
    let shape = [9, 12, 1];
    let back = matrix(0.2, 0.1, [1.4, 1.3]);
    let [rows, columns] = places([9, 12]).map(|image| warped(&image, shape, back, [0.25, -0.5]));
    for i in 0..9 {
        for j in 0..12 {
            let p = [i as f64 - 4.0, j as f64 - 5.5];
            let q = [0, 1].map(|axis| {
                let turned = back[axis][0] * p[0] + back[axis][1] * p[1];
                [4.0, 5.5][axis] + turned + [0.25, -0.5][axis]
            });
            if (0.0..=8.0).contains(&q[0]) && (0.0..=11.0).contains(&q[1]) {
                assert_abs_diff_eq!(f64::from(rows[i * 12 + j]), q[0], epsilon = 1e-5);
                assert_abs_diff_eq!(f64::from(columns[i * 12 + j]), q[1], epsilon = 1e-5);
            }
        }
    }
    let y = warped(&[10.0, 20.0, 30.0, 50.0], [2, 2, 1], IDENTITY, [0.25, 0.5]);
    // ¾ of a row and ¼ of the next, half of a column and half of the next, as far as there is one.
    let expected = [0.75 * 15.0 + 0.25 * 40.0, 0.75 * 10.0 + 0.25 * 25.0, 0.75 * 40.0, 0.75 * 25.0];
    assert_eq!(y, expected);
}

#[test]
fn outside_of_the_image_is_black() {
    let shape = [3, 4, 1];
    let white = [1.0; 12];
    for by in [[-3.5, 0.0], [3.0, 0.0], [0.0, -4.0], [0.0, 4.5], [1e9, -1e9], [-1e9, 1e9]] {
        assert_eq!(warped(&white, shape, IDENTITY, by), [0.0; 12], "{by:?}");
    }
    let y = warped(&white, shape, IDENTITY, [0.0, -1.5]);
    assert_eq!(y, [[0.0, 0.5, 1.0, 1.0]; 3].concat());
    let y = warped(&white, shape, IDENTITY, [0.5, 0.0]);
    assert_eq!(y, [[1.0; 4], [1.0; 4], [0.5; 4]].concat());
}

#[test]
fn the_kernel_of_the_smoothing_sums_to_one() {
    for (sigma, side) in [(0.1, 28), (1.0, 28), (5.0, 28), (28.0, 28), (1.0, 1), (2.0, 7)] {
        let kernel = ring(sigma, side);
        assert_eq!(kernel.len(), side);
        let sum: f64 = kernel.iter().map(|&k| f64::from(k)).sum();
        assert_abs_diff_eq!(sum, 1.0, epsilon = 1e-6);
        for place in 1..side {
            assert_abs_diff_eq!(kernel[place], kernel[side - place], epsilon = 1e-8);
        }
    }
    // Its variance is σ² where it does not reach around the ring.
    let kernel = ring(2.5, 41);
    let variance = (0..41).map(|place: i32| {
        let distance = place.min(41 - place);
        f64::from(kernel[place as usize]) * f64::from(distance * distance)
    });
    assert_relative_eq!(variance.sum::<f64>(), 2.5 * 2.5, max_relative = 1e-5);
    assert_abs_diff_eq!(ring(28.0, 28)[0], 1.0 / 28.0, epsilon = 1e-6);
}

/// Displacements in the middle of many images of 28 x 28: [pixel][axis].
fn displacements(elastic: Elastic) -> Vec<Vec<[f64; 2]>> {
    let deformation = Deformation { elastic: Some(elastic), ..Deformation::NONE };
    let of = |sample| {
        let looked = looked(deformation, [29, 0, sample]);
        let middle = (8..20).flat_map(|i| (8..20).map(move |j| [i, j]));
        let by = |[i, j]: [usize; 2]| {
            [looked[i * 28 + j][0] - i as f64, looked[i * 28 + j][1] - j as f64]
        };
        middle.map(by).collect()
    };
    (0..800).map(of).collect()
}

#[test]
fn eq_displacements_have_the_deviation_that_is_derived() {
    for elastic in [Elastic { alpha: 8.0, sigma: 2.0 }, Elastic { alpha: 20.0, sigma: 4.0 }] {
        let all = displacements(elastic);
        let deviation = elastic.alpha / (2.0 * elastic.sigma * (3.0 * PI).sqrt());
        for axis in 0..2 {
            let entries = || all.iter().flatten().map(|by| by[axis]);
            let count = entries().count() as f64;
            let mean = entries().sum::<f64>() / count;
            let variance = entries().map(|by| by * by).sum::<f64>() / count;
            assert_abs_diff_eq!(mean, 0.0, epsilon = 0.05 * deviation);
            assert_relative_eq!(variance.sqrt(), deviation, max_relative = 0.05);
        }
        // G * G is a Gaussian with twice the variance: neighbors d apart correlate by exp(−d²/4σ²).
        for (step, distance) in [(3, 3.0), (12 * 3, 3.0), (5, 5.0), (12 * 5, 5.0)] {
            let pixels = || (6..12).flat_map(|i| (6..12).map(move |j| 12 * i + j));
            let products = |by: &Vec<[f64; 2]>| {
                pixels().map(|pixel| by[pixel][0] * by[pixel - step][0]).sum::<f64>() / 36.0
            };
            let mean = all.iter().map(products).sum::<f64>() / all.len() as f64;
            let correlation = mean / deviation.powi(2);
            let expected = (-distance * distance / (4.0 * elastic.sigma.powi(2))).exp();
            assert_abs_diff_eq!(correlation, expected, epsilon = 0.1);
        }
        // Rows and columns move apart.
        let products = || all.iter().map(|by| by[78][0] * by[78][1]);
        let together = products().sum::<f64>() / products().count() as f64 / deviation.powi(2);
        assert_abs_diff_eq!(together, 0.0, epsilon = 0.1);
    }
}

/// The change of q from a pixel to the next, down and across, in the middle of an image: M.
fn found_matrix(deformation: Deformation, sample: u64) -> [[f64; 2]; 2] {
    let looked = looked(deformation, [29, 3, sample]);
    let at = |i: usize, j: usize| looked[i * 28 + j];
    let [origin, down, across] = [at(12, 12), at(16, 12), at(12, 16)];
    [0, 1].map(|axis| [down, across].map(|to| (to[axis] - origin[axis]) / 4.0))
}

#[test]
fn turns_scales_and_shears_are_drawn_between_their_limits() {
    let none = Deformation::NONE;
    type Measure = fn([[f64; 2]; 2]) -> f64;
    let cases: [(Deformation, f64, Measure); 4] = [
        (Deformation { rotation: 15.0, ..none }, 15.0, |m| m[0][1].atan2(m[0][0]).to_degrees()),
        (Deformation { shear: 10.0, ..none }, 10.0, |m| -m[1][0].atan().to_degrees()),
        (Deformation { scaling: 0.2, ..none }, 0.2, |m| 1.0 / m[0][0] - 1.0),
        (Deformation { scaling: 0.2, ..none }, 0.2, |m| 1.0 / m[1][1] - 1.0),
    ];
    for (deformation, limit, measure) in cases {
        let drawn: Vec<f64> =
            (0..1_000).map(|sample| measure(found_matrix(deformation, sample))).collect();
        let mean = drawn.iter().sum::<f64>() / 1_000.0;
        let variance = drawn.iter().map(|x| x * x).sum::<f64>() / 1_000.0;
        assert!(drawn.iter().all(|x| x.abs() <= limit * 1.0001), "{deformation}");
        assert!(mean.abs() < 0.05 * limit, "{deformation}: {mean}");
        // Uniform: the variance is a third of the limit's square.
        assert_relative_eq!(variance.sqrt(), limit / 3.0_f64.sqrt(), max_relative = 0.05);
    }
    // All four numbers are drawn apart.
    let m = found_matrix(Deformation { elastic: None, ..ALL }, 5);
    assert!(m[0][1].abs() > 1e-3 && (m[0][1] + m[1][0]).abs() > 1e-3, "{m:?}");
    assert!((m[0][0] - m[1][1]).abs() > 1e-3, "{m:?}");
}

#[test]
fn a_digit_keeps_its_ink() {
    let digits = digits::draw(400, 29);
    let ink = |image: &[f32]| image.iter().map(|&x| f64::from(x)).sum::<f64>();
    let bent = Deformation { rotation: 15.0, elastic: Some(ELASTIC), ..Deformation::NONE };
    let (mut before, mut after) = (0.0, 0.0);
    for sample in 0..400 {
        let mut image = vec![0.0_f32; 784];
        digits.read(sample, &mut image);
        let changed = deformed(bent, &image, [29, 0, sample as u64]);
        assert_ne!(changed, image);
        assert!(changed.iter().all(|x| (0.0..=1.0).contains(x)));
        let [one, two] = [ink(&image), ink(&changed)];
        assert!((0.6..1.7).contains(&(two / one)), "digit {sample}: {one} became {two}");
        (before, after) = (before + one, after + two);
    }
    assert!((0.97..1.03).contains(&(after / before)), "{before} became {after}");
}

#[test]
fn seed_epoch_and_sample_fix_a_deformation() {
    let x = numbered([28, 28, 1]);
    let one = deformed(ALL, &x, [29, 5, 7]);
    assert_eq!(one, deformed(ALL, &x, [29, 5, 7]));
    for other in [[30, 5, 7], [29, 6, 7], [29, 5, 8]] {
        assert_ne!(one, deformed(ALL, &x, other));
    }
    // Nor does it matter what the thread deformed before: here nothing, there a larger image.
    let plain = Deformation { elastic: None, ..ALL };
    let fresh = |deformation| {
        std::thread::scope(|scope| {
            scope.spawn(|| deformed(deformation, &numbered([28, 28, 1]), [1, 2, 3])).join().unwrap()
        })
    };
    let color = Augmentation { deformation: ALL, ..Augmentation::NONE };
    let mut large = numbered([40, 30, 3]);
    color.on(&[40, 30, 3]).unwrap().apply(&mut large, 1, 2, 3);
    assert_eq!(deformed(plain, &x, [1, 2, 3]), fresh(plain));
    assert_eq!(deformed(ALL, &x, [1, 2, 3]), fresh(ALL));
    let mut double: Vec<f64> = x.iter().map(|&x| f64::from(x)).collect();
    let augmenter = color.on(&[28, 28, 1]).unwrap();
    augmenter.apply(&mut double, 29, 5, 7);
    assert!(double.iter().zip(&one).all(|(&a, &b)| a == f64::from(b)));
}

#[test]
fn a_deformation_comes_first_and_each_part_keeps_its_draws() {
    let none = Augmentation::NONE;
    let all = Augmentation { deformation: ALL, flip: Flip::Random, translate: 3, cutout: 4 };
    for sample in 0..50 {
        let shape = [12, 10, 3];
        let (mut once, mut in_turn) = (numbered(shape), numbered(shape));
        let small = Some(Elastic { alpha: 5.0, sigma: 3.0 });
        let deformation = Deformation { elastic: small, ..ALL };
        let all = Augmentation { deformation, ..all };
        all.on(&shape).unwrap().apply(&mut once, 29, 5, sample);
        for part in [
            Augmentation { deformation, ..none },
            Augmentation { flip: all.flip, ..none },
            Augmentation { translate: all.translate, ..none },
            Augmentation { cutout: all.cutout, ..none },
        ] {
            part.on(&shape).unwrap().apply(&mut in_turn, 29, 5, sample);
        }
        assert_eq!(once, in_turn);
    }
}

#[test]
fn deformations_that_make_no_sense_are_refused() {
    let none = Deformation::NONE;
    let elastic = |alpha, sigma| Deformation { elastic: Some(Elastic { alpha, sigma }), ..none };
    for (deformation, words) in [
        (Deformation { rotation: 181.0, ..none }, "rotation is 181: it must be 0 to 180 degrees"),
        (Deformation { rotation: f64::NAN, ..none }, "rotation is NaN"),
        (Deformation { scaling: 1.0, ..none }, "scaling is 1: it must be a share of 0 to 0.9"),
        (Deformation { shear: -1.0, ..none }, "shear is -1: it must be 0 to 80 degrees"),
        (elastic(f64::INFINITY, 5.0), "alpha is inf: it must be 0 to 1,000 pixels"),
        (elastic(36.0, 0.0), "sigma is 0: it must be more than 0 pixels, and at most"),
        (elastic(36.0, 21.0), "sigma is 21"),
        (elastic(36.0, f64::NAN), "sigma is NaN"),
    ] {
        let augmentation = Augmentation { deformation, ..Augmentation::NONE };
        let error = augmentation.on(&[28, 20]).unwrap_err().to_string();
        assert!(error.starts_with("a deformation of images of 28 x 20: "), "{error}");
        assert!(error.contains(words), "{error}");
    }
    let augmentation = Augmentation { deformation: ALL, ..Augmentation::NONE };
    let error = augmentation.on(&[784]).unwrap_err().to_string();
    assert!(error.contains("[784] is no image") && error.contains("to be deformed"), "{error}");
    let turned = Deformation { rotation: 5.0, ..none };
    let augmentation = Augmentation { deformation: turned, ..Augmentation::NONE };
    augmentation.on(&[0, 3, 3]).unwrap().apply::<f64>(&mut [], 1, 2, 3);
}

#[test]
fn deformations_are_written_as_they_are_read() {
    assert_eq!(ALL.to_string(), "rotation 15°, scaling 0.15, shear 15°, elastic 36:5");
    assert_eq!(Deformation::NONE.to_string(), "none");
    assert_eq!("36:5".parse(), Ok(ELASTIC));
    for text in ["36", "36:", ":5", "a:b", ""] {
        let error = text.parse::<Elastic>().unwrap_err().to_string();
        assert!(error.ends_with("write them as 36:5"), "{error}");
    }
    let augmentation = Augmentation { deformation: ALL, translate: 2, ..Augmentation::NONE };
    assert!(augmentation.to_string().ends_with("elastic 36:5, translate 2"), "{augmentation}");
}

#[cfg(feature = "train")]
#[test]
fn an_augmentation_without_one_is_written_as_it_always_was() {
    let text = serde_json::to_string(&Augmentation::NONE).unwrap();
    assert_eq!(text, r#"{"flip":"none","translate":0,"cutout":0}"#);
    let augmentation = Augmentation { deformation: ALL, ..Augmentation::NONE };
    let text = serde_json::to_string(&augmentation).unwrap();
    assert_eq!(serde_json::from_str::<Augmentation>(&text).unwrap(), augmentation, "{text}");
}
