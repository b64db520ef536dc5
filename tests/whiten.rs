//! Chapter 14: Jacobi's rotations, and filters that whiten patches.

use approx::{assert_abs_diff_eq, assert_relative_eq};
use chainrule::data::Dataset;
use chainrule::data::channels::ChannelMoments;
use chainrule::gradcheck::Draw;
use chainrule::named::Learned;
use chainrule::network::Recorder;
use chainrule::softmax::Loss;
use chainrule::tensor::matrix;
use chainrule::whiten::eigen::{Eigen, symmetric_eigen};
use chainrule::whiten::{WhitenError, Whitening, second_moments};
use chainrule::{Network, Tensor};
use ndarray::{Array1, Array2, arr1, arr2, s};

/// A symmetric matrix with entries of both signs.
fn symmetric(n: usize, seed: u64) -> Array2<f64> {
    let a: Tensor<f64> = Draw::new(seed).away_from_zero(&[n, n]);
    let a = matrix(&a).to_owned();
    &a + &a.t()
}

/// V·diag(λ)·Vᵀ.
fn put_together(Eigen { values, vectors }: &Eigen) -> Array2<f64> {
    (vectors * values).dot(&vectors.t())
}

#[test]
fn eq_eigen() {
    for n in [1, 2, 3, 12, 75] {
        let a = symmetric(n, n as u64);
        let eigen = symmetric_eigen(&a).unwrap();
        assert_abs_diff_eq!(put_together(&eigen), a, epsilon = 1e-13 * n as f64);
        let product = eigen.vectors.t().dot(&eigen.vectors);
        assert_abs_diff_eq!(product, Array2::eye(n), epsilon = 1e-14 * n as f64);
        assert!(eigen.values.iter().is_sorted_by(|a, b| a >= b), "{}", eigen.values);
        assert_relative_eq!(eigen.values.sum(), a.diag().sum(), epsilon = 1e-11);
    }
}

#[test]
fn eigenvalues_by_hand() {
    let eigen = symmetric_eigen(&arr2(&[[2.0, -3.0], [-3.0, 10.0]])).unwrap();
    assert_abs_diff_eq!(eigen.values, arr1(&[11.0, 1.0]), epsilon = 1e-14);
    let along = eigen.vectors.column(0).to_owned() * 10.0_f64.sqrt();
    assert_abs_diff_eq!(along.mapv(f64::abs), arr1(&[1.0, 3.0]), epsilon = 1e-14);
    assert!(along[0] * along[1] < 0.0);
    // A diagonal matrix is only sorted.
    let eigen = symmetric_eigen(&Array2::from_diag(&arr1(&[1.0, 5.0, -2.0]))).unwrap();
    assert_eq!(eigen.values, arr1(&[5.0, 1.0, -2.0]));
    let sorted = arr2(&[[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]);
    assert_eq!(eigen.vectors, sorted);
}

#[test]
fn numbers_of_every_size() {
    // Equal eigenvalues, none at all, and off-diagonal entries that hardly count.
    let ones = symmetric_eigen(&Array2::ones((5, 5))).unwrap();
    assert_abs_diff_eq!(ones.values, arr1(&[5.0, 0.0, 0.0, 0.0, 0.0]), epsilon = 1e-14);
    let zeros = symmetric_eigen(&Array2::zeros((3, 3))).unwrap();
    assert_eq!((zeros.values, zeros.vectors), (Array1::zeros(3), Array2::eye(3)));
    let tiny = arr2(&[[1.0, 1e-300], [1e-300, 2.0]]);
    assert_eq!(symmetric_eigen(&tiny).unwrap().values, arr1(&[2.0, 1.0]));
    let large = symmetric(6, 3) * 1e100;
    let eigen = symmetric_eigen(&large).unwrap();
    assert_relative_eq!(put_together(&eigen), large, epsilon = 1e88);
}

#[test]
fn squares_that_overflow_or_vanish_do_not_end_the_search() {
    for scale in [1e300, 1e-300, 5e307, 1e-307] {
        let eigen = symmetric_eigen(&(arr2(&[[2.0, 1.0], [1.0, 2.0]]) * scale)).unwrap();
        assert_relative_eq!(eigen.values, arr1(&[3.0, 1.0]) * scale, max_relative = 1e-14);
        assert_relative_eq!(eigen.vectors[[0, 0]].abs(), 0.5_f64.sqrt(), max_relative = 1e-14);
    }
    // Of both sizes at once.
    let apart = symmetric_eigen(&arr2(&[[1e-300, 0.0], [0.0, 1e300]])).unwrap();
    assert_eq!(apart.values, arr1(&[1e300, 1e-300]));
    let between = symmetric_eigen(&arr2(&[[1e300, 1e300], [1e300, 1e-300]])).unwrap();
    let golden = (1.0 + 5.0_f64.sqrt()) / 2.0;
    let expected = arr1(&[golden, 1.0 - golden]) * 1e300;
    assert_relative_eq!(between.values, expected, max_relative = 1e-14);
    // Of opposite signs, at the end of the numbers: their difference overflows.
    let wide = arr2(&[[1.0, 0.5], [0.5, -1.0]]) * 1.2e308;
    let expected = arr1(&[1.0, -1.0]) * (1.2e308 * 1.25_f64.sqrt());
    assert_relative_eq!(symmetric_eigen(&wide).unwrap().values, expected, max_relative = 1e-14);
    let message = |a: f64| symmetric_eigen(&Array2::from_elem((2, 2), a)).unwrap_err().to_string();
    assert!(message(f64::MAX).contains("an eigenvalue is too large"));
    for lost in [f64::NAN, f64::INFINITY] {
        assert!(message(lost).contains("its entries must be finite"));
    }
}

#[test]
fn only_the_upper_half_is_read() {
    let a = symmetric(4, 9);
    let mut upper = a.clone();
    for i in 0..4 {
        upper.slice_mut(s![i, ..i]).fill(7.0);
    }
    assert_eq!(symmetric_eigen(&upper).unwrap(), symmetric_eigen(&a).unwrap());
    assert_eq!(
        symmetric_eigen(&Array2::zeros((2, 3))).unwrap_err().to_string(),
        "symmetric_eigen: [2, 3]: eigenvalues belong to a matrix of as many rows as columns"
    );
}

const SHAPE: [usize; 3] = [6, 5, 2];

/// Images whose neighboring pixels resemble each other.
fn pictures() -> Dataset {
    let noise: Tensor<f32> = Draw::new(41).uniform(&[40, 60], 0.0, 1.0);
    let mut inputs = Vec::new();
    for image in noise.rows() {
        let mut last = [0.5, 0.2];
        inputs.extend(image.iter().enumerate().map(|(i, &x)| {
            last[i % 2] =
                0.7 * last[i % 2] + 0.3 * x + if i % 2 == 0 { 0.0 } else { 0.1 * last[0] };
            last[i % 2]
        }));
    }
    Dataset::from_reals("pictures", &SHAPE, 1, inputs, vec![0; 40]).unwrap()
}

/// All patches of the first `images`, standardized, as rows in the order [ky, kx, c].
fn patches(data: &Dataset, moments: &ChannelMoments, kernel: usize, images: usize) -> Array2<f64> {
    let [height, width, channels] = SHAPE;
    let mut rows = Vec::new();
    let mut image = [0.0_f64; 60];
    for sample in 0..images {
        data.read(sample, &mut image);
        for y in 0..=height - kernel {
            for x in 0..=width - kernel {
                for ky in 0..kernel {
                    for kx in 0..kernel {
                        for c in 0..channels {
                            let pixel = image[((y + ky) * width + x + kx) * channels + c];
                            rows.push((pixel - moments.mean[c]) / moments.std[c]);
                        }
                    }
                }
            }
        }
    }
    let n = kernel * kernel * channels;
    Array2::from_shape_vec((rows.len() / n, n), rows).unwrap()
}

#[test]
fn eq_second_moments() {
    let data = pictures();
    let moments = ChannelMoments::of(&data, 2).unwrap();
    for (kernel, images) in [(1, 40), (2, 40), (2, 11), (3, 40), (5, 7)] {
        let patches = patches(&data, &moments, kernel, images);
        let sigma = patches.t().dot(&patches) / patches.nrows() as f64;
        let found = second_moments(&data, &moments, kernel, images).unwrap();
        assert_abs_diff_eq!(found, sigma, epsilon = 1e-12);
    }
    // More images than there are: all.
    assert_eq!(
        second_moments(&data, &moments, 2, 1_000).unwrap(),
        second_moments(&data, &moments, 2, 40).unwrap()
    );
    // A single pixel's second moments are 1 but for the mean that was taken off.
    let sigma = second_moments(&data, &moments, 1, 40).unwrap();
    assert_abs_diff_eq!(sigma.diag(), arr1(&[1.0, 1.0]).view(), epsilon = 1e-12);
}

#[test]
fn eq_whitened_responses() {
    // The second moments of the responses are δ_ij · λ_i / (λ_i + ε).
    let data = pictures();
    let moments = ChannelMoments::of(&data, 2).unwrap();
    for (kernel, epsilon) in [(2, 0.0), (2, 0.3), (3, 0.01)] {
        let whitening = Whitening { kernel, epsilon, images: 40 };
        let filters = whitening.filters::<f64>(&data, &moments).unwrap();
        let n = kernel * kernel * 2;
        assert_eq!(filters.shape(), [kernel, kernel, 2, 2 * n]);
        let filters = filters.into_shape_with_order((n, 2 * n)).unwrap();
        let patches = patches(&data, &moments, kernel, 40);
        let responses = patches.dot(&filters.slice(s![.., ..n]));
        let found = responses.t().dot(&responses) / patches.nrows() as f64;
        let sigma = second_moments(&data, &moments, kernel, 40).unwrap();
        let values = symmetric_eigen(&sigma).unwrap().values;
        assert!(values[0] > 10.0 * values[n - 1], "the patches are far from white: {values}");
        let expected = Array2::from_diag(&values.mapv(|value| value / (value + epsilon)));
        assert_abs_diff_eq!(found, expected, epsilon = 1e-9);
        // Beside each its negative.
        assert_eq!(filters.slice(s![.., n..]), -&filters.slice(s![.., ..n]));
    }
}

#[test]
fn the_default_is_airbenchs() {
    assert_eq!(Whitening::default(), Whitening { kernel: 2, epsilon: 5e-4, images: 5_000 });
    let data = pictures();
    let moments = ChannelMoments::of(&data, 2).unwrap();
    let double = Whitening::default().filters::<f64>(&data, &moments).unwrap();
    let single = Whitening::default().filters::<f32>(&data, &moments).unwrap();
    assert_eq!(single, double.mapv(|w| w as f32));
    assert_eq!(double, Whitening::default().filters::<f64>(&data, &moments).unwrap());
}

#[test]
fn grey_images_have_one_channel() {
    let data = pictures();
    let mut inputs = Vec::new();
    let mut image = [0.0_f32; 60];
    for sample in 0..40 {
        data.read(sample, &mut image);
        inputs.extend_from_slice(&image);
    }
    let flat = |shape: &[usize]| {
        Dataset::from_reals("grey", shape, 1, inputs.clone(), vec![0; 40]).unwrap()
    };
    let moments = ChannelMoments::of(&flat(&[6, 10]), 1).unwrap();
    assert_eq!(
        second_moments(&flat(&[6, 10]), &moments, 3, 9).unwrap(),
        second_moments(&flat(&[6, 10, 1]), &moments, 3, 9).unwrap()
    );
}

#[test]
fn what_cannot_be_whitened_is_named() {
    let data = pictures();
    let moments = ChannelMoments::of(&data, 2).unwrap();
    let message = |data: &Dataset, moments: &ChannelMoments, whitening: Whitening| {
        whitening.filters::<f64>(data, moments).unwrap_err().to_string()
    };
    let whitening = Whitening::default();
    let points = Dataset::from_reals("points", &[2], 1, vec![0.1, 0.2], vec![0]).unwrap();
    assert_eq!(
        message(&points, &moments, whitening),
        "points: inputs of shape [2] have no patches: images are [height, width] or [height, \
         width, channels]"
    );
    for kernel in [0, 6] {
        assert_eq!(
            message(&data, &moments, Whitening { kernel, ..whitening }),
            format!(
                "pictures: no patch of {kernel} by {kernel} pixels in images of shape [6, 5, 2]"
            )
        );
    }
    assert!(Whitening { kernel: 5, ..whitening }.filters::<f64>(&data, &moments).is_ok());
    for (data, images) in [(data.select(&[]), 5), (data.clone(), 0)] {
        let none = message(&data, &moments, Whitening { images, ..whitening });
        assert_eq!(none, "pictures: no images to take patches from");
    }
    for (mean, std) in [
        (vec![0.0], vec![1.0]),
        (vec![0.0; 2], vec![1.0]),
        (vec![0.0; 2], vec![1.0, 0.0]),
        (vec![f64::NAN, 0.0], vec![1.0; 2]),
    ] {
        let moments = ChannelMoments { mean, std };
        assert!(
            message(&data, &moments, whitening).contains("images of 2 channels are standardized")
        );
    }
    let tiny = ChannelMoments { mean: vec![0.0; 2], std: vec![1e-300; 2] };
    assert!(message(&data, &tiny, whitening).contains("entries must be finite"));
    let black = Dataset::from_bytes("black", &[3, 3], 1, vec![0; 18], vec![0, 0]).unwrap();
    let plain = ChannelMoments { mean: vec![0.0], std: vec![1.0] };
    assert_eq!(
        Whitening { epsilon: 0.0, ..whitening }.filters::<f64>(&black, &plain),
        Err(WhitenError::NoVariance { value: 0.0, epsilon: 0.0 })
    );
    assert!(Whitening { epsilon: f64::NAN, ..whitening }.filters::<f64>(&data, &moments).is_err());
    let scaled = whitening.filters::<f64>(&black, &plain).unwrap();
    assert_abs_diff_eq!(scaled.mapv(|w| w.powi(2)).sum(), 8.0 / 5e-4, epsilon = 1e-9);
}

/// A linear network behind a frozen matrix.
fn network(frozen: &Array2<f64>) -> Network<f64> {
    let mut recorder = Recorder::new(1, &[2]);
    let input = recorder.input();
    recorder.tape.set(input, &arr2(&[[1.0, -2.0]])).unwrap();
    let frozen = recorder.frozen("whiten.weight".to_owned(), frozen.clone().into_dyn());
    let weight = recorder.parameter("weight".to_owned(), Tensor::ones(vec![3, 2]), true);
    let x = recorder.tape.matmul(input, frozen).unwrap();
    let logits = recorder.tape.matmul(x, weight).unwrap();
    recorder.finish(logits, Loss::default()).unwrap()
}

#[test]
fn frozen_tensors_are_saved_and_not_trained() {
    let filters = arr2(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    let mut whitened = network(&filters);
    assert_eq!(whitened.parameter_count(), 6);
    assert_eq!(whitened.parameters().len(), 1);
    whitened.learn(0);
    let var = whitened.frozen()[0].var;
    assert_eq!(whitened.frozen()[0].name, "whiten.weight");
    assert!(!whitened.tape.is_parameter(var) && whitened.tape.gradient(var).is_empty());
    let saved = whitened.tensors();
    let names: Vec<_> = saved.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["weight", "whiten.weight"]);
    assert_eq!(whitened.learned(), saved[..1]);
    let mut other = network(&Array2::zeros((2, 3)));
    let find = |name: &str| saved.iter().find(|(saved, _)| saved == name).map(|(_, t)| t.clone());
    other.restore(find).unwrap();
    assert_eq!(other.tensors(), saved);
    let error = other.restore(|name| find(name).filter(|_| name != "whiten.weight")).unwrap_err();
    assert!(error.to_string().starts_with("no tensor whiten.weight"), "{error}");
}
