//! The equations of chapter 13, evaluated on both sides.

use crate::numeric::gradient;
use approx::assert_relative_eq;
use chainrule::conv::pool::{self, Window, blocks};
use chainrule::conv::{Algorithm, Conv, Geometry, definition, patches};
use chainrule::gradcheck::{Draw, Gradcheck, Report};
use chainrule::tape::{Gradients, Inputs};
use chainrule::{BrokenRule, Mode, Op, Real, ShapeError, Tape, Tensor, Var};
use ndarray::{
    Array1, Array2, Array3, Array4, ArrayView4, ArrayViewMut4, Axis, IxDyn, arr1, arr2,
    concatenate, s,
};
use proptest::prelude::*;
use std::iter::zip;

/// Kernels × strides × paddings.
fn geometries() -> impl Iterator<Item = Geometry> {
    [1, 3, 5].into_iter().flat_map(|kernel| {
        [1, 2]
            .into_iter()
            .flat_map(move |stride| (0..3).map(move |padding| Geometry { kernel, stride, padding }))
    })
}

/// Heights and widths, odd and even.
const SIZES: [[usize; 2]; 2] = [[5, 6], [8, 7]];

const GEOMETRY: Geometry = Geometry { kernel: 3, stride: 2, padding: 1 };

fn four(tensor: &Tensor<f64>) -> Array4<f64> {
    tensor.clone().into_dimensionality().unwrap()
}

fn drawn(draw: &mut Draw, shape: [usize; 4]) -> Array4<f64> {
    four(&draw.away_from_zero(&shape))
}

/// x, w and dy of a convolution of two images from two channels to three.
fn inputs(seed: u64, geometry: Geometry, [height, width]: [usize; 2]) -> [Array4<f64>; 3] {
    let mut draw = Draw::new(seed);
    let [out_height, out_width] = [height, width].map(|n| geometry.places(n).unwrap());
    [
        drawn(&mut draw, [2, height, width, 2]),
        drawn(&mut draw, [geometry.kernel, geometry.kernel, 2, 3]),
        drawn(&mut draw, [2, out_height, out_width, 3]),
    ]
}

/// The images with `padding` pixels of zeros around them.
fn padded(x: &Array4<f64>, padding: usize) -> Array4<f64> {
    let (batch, height, width, channels) = x.dim();
    let mut z = Array4::zeros((batch, height + 2 * padding, width + 2 * padding, channels));
    z.slice_mut(s![.., padding..padding + height, padding..padding + width, ..]).assign(x);
    z
}

/// The convolution as sums over windows of padded images: it shares no line with the library.
fn convolved(x: &Array4<f64>, w: &Array4<f64>, geometry: Geometry) -> Array4<f64> {
    let Geometry { kernel, stride, padding } = geometry;
    let z = padded(x, padding);
    let places = |n: usize| (0..n).step_by(stride).filter(|start| start + kernel <= n).count();
    let (batch, height, width, _) = z.dim();
    Array4::from_shape_fn((batch, places(height), places(width), w.dim().3), |(b, i, j, o)| {
        let (r, q) = (i * stride, j * stride);
        let window = z.slice(s![b, r..r + kernel, q..q + kernel, ..]);
        (&window * &w.slice(s![.., .., .., o])).sum()
    })
}

fn forward(
    algorithm: Algorithm,
    x: &Array4<f64>,
    w: &Array4<f64>,
    geometry: Geometry,
) -> Array4<f64> {
    let [out_height, out_width] = [x.dim().1, x.dim().2].map(|n| geometry.places(n).unwrap());
    // What stood in y and in the scratch must not matter, not even NaN.
    let mut y = Array4::from_elem((x.dim().0, out_height, out_width, w.dim().3), f64::NAN);
    algorithm.forward(x.view(), w.view(), geometry, &mut vec![f64::NAN; 7], y.view_mut());
    y
}

/// dx and dw, each added to an array of 0.5.
fn backward(
    algorithm: Algorithm,
    x: &Array4<f64>,
    w: &Array4<f64>,
    dy: &Array4<f64>,
    geometry: Geometry,
) -> [Array4<f64>; 2] {
    let [mut dx, mut dw] = [x, w].map(|a| Array4::from_elem(a.raw_dim(), 0.5));
    let mut scratch = vec![f64::NAN; 7];
    algorithm.input_gradient(dy.view(), w.view(), geometry, &mut scratch, dx.view_mut());
    algorithm.weight_gradient(x.view(), dy.view(), geometry, &mut scratch, dw.view_mut());
    [dx, dw]
}

/// An entry of the images, 0 outside of them.
fn at(x: &Array4<f64>, b: usize, [r, q]: [isize; 2], c: usize) -> f64 {
    // A negative index becomes one that is far too large.
    x.get([b, r as usize, q as usize, c]).copied().unwrap_or(0.0)
}

fn close(a: &Array4<f64>, b: &Array4<f64>) {
    assert_relative_eq!(a, b, max_relative = 1e-12, epsilon = 1e-12);
}

#[test]
fn eq_conv_places() {
    for kernel in 1..7 {
        for stride in 1..5 {
            for padding in 0..4 {
                for n in 1..12 {
                    let geometry = Geometry { kernel, stride, padding };
                    // Place i fits where i·s + k ≤ n + 2p.
                    let fits = |i: &usize| i * stride + kernel <= n + 2 * padding;
                    match (0..20).take_while(fits).count() {
                        0 => assert!(geometry.places(n).is_err()),
                        places => assert_eq!(geometry.places(n), Ok(places)),
                    }
                }
            }
        }
    }
}

#[test]
fn eq_conv_pixel() {
    // Entry u at place i lies on pixel r = i·s + u − p, and (r + p − u)/s leads back.
    for geometry in geometries() {
        let Geometry { kernel, stride, padding } = geometry;
        let (n, places) = (6, geometry.places(6).unwrap());
        for u in 0..kernel {
            for i in 0..places {
                let r = (i * stride + u) as isize - padding as isize;
                let inside = (0..n as isize).contains(&r);
                assert_eq!(geometry.pixel(i, u, n), inside.then_some(r as usize));
                if inside {
                    assert_eq!(geometry.place(r as usize, u, places), Some(i));
                }
            }
            for r in 0..n {
                let place = (0..places).find(|i| i * stride + u == r + padding);
                assert_eq!(geometry.place(r, u, places), place);
            }
        }
    }
}

#[test]
fn a_convolution_by_hand() {
    // One image of 3 × 3 pixels, one channel; each digit of y is one entry of the kernel at work.
    let image = |rows: &[f64], side| Array4::from_shape_vec((1, side, side, 1), rows.to_vec());
    let x = image(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0], 3).unwrap();
    let w = Array4::from_shape_vec((2, 2, 1, 1), vec![1.0, 10.0, 100.0, 1000.0]).unwrap();
    let y = image(&[5421.0, 6532.0, 8754.0, 9865.0], 2).unwrap();
    let dy = image(&[1.0, 0.0, 0.0, 2.0], 2).unwrap();
    let dx = image(&[1.0, 10.0, 0.0, 100.0, 1002.0, 20.0, 0.0, 200.0, 2000.0], 3).unwrap();
    let dw =
        Array4::from_shape_vec((2, 2, 1, 1), vec![1.0 + 10.0, 2.0 + 12.0, 4.0 + 16.0, 5.0 + 18.0]);
    let geometry = Geometry { kernel: 2, stride: 1, padding: 0 };
    for algorithm in Algorithm::ALL {
        assert_eq!(forward(algorithm, &x, &w, geometry), y);
        let found = backward(algorithm, &x, &w, &dy, geometry);
        assert_eq!(found, [&dx + 0.5, dw.as_ref().unwrap() + 0.5]);
        // Padded by 1 and in steps of 2, a corner of the kernel lies on a corner of the image.
        let wide = Geometry { stride: 2, padding: 1, ..geometry };
        let y = image(&[1000.0, 100.0 * 2.0 + 1000.0 * 3.0, 4010.0 + 3030.0, 9865.0], 2).unwrap();
        assert_eq!(forward(algorithm, &x, &w, wide), y);
    }
}

#[test]
fn eq_conv() {
    for geometry in geometries() {
        for size in SIZES {
            let [x, w, _] = inputs(1, geometry, size);
            let bias = arr1(&[0.7, -1.3, 2.1]);
            let mut tape = Tape::new();
            let vars = [tape.input(x.clone()), tape.parameter(w.clone())];
            let bias_var = tape.parameter(bias.clone());
            let Geometry { stride, padding, .. } = geometry;
            let settings = Conv { stride, padding, ..Conv::default() };
            let y = tape.conv2d(vars[0], vars[1], settings).unwrap();
            let y = tape.add_bias(y, bias_var).unwrap();
            let y = four(tape.value(y));
            close(&y, &(convolved(&x, &w, geometry) + &bias));
            for ((b, i, j, o), &y) in y.indexed_iter() {
                let mut sum = bias[o];
                for ((u, v, c, _), &w) in
                    w.indexed_iter().filter(|((_, _, _, channel), _)| *channel == o)
                {
                    let pixel =
                        [(i, u), (j, v)].map(|(i, u)| (i * stride + u) as isize - padding as isize);
                    sum += at(&x, b, pixel, c) * w;
                }
                assert_relative_eq!(y, sum, max_relative = 1e-12, epsilon = 1e-12);
            }
        }
    }
}

#[test]
fn eq_conv_dw() {
    let [x, w, dy] = inputs(2, GEOMETRY, [5, 6]);
    let numeric = gradient(&w.clone().into_dyn(), &dy.clone().into_dyn(), |w| {
        convolved(&x, &four(w), GEOMETRY).into_dyn()
    });
    for algorithm in Algorithm::ALL {
        let [_, dw] = backward(algorithm, &x, &w, &dy, GEOMETRY);
        assert_eq!(dw.shape(), [3, 3, 2, 3]);
        let dw = dw - 0.5;
        assert_relative_eq!(dw.view().into_dyn(), numeric, max_relative = 1e-7, epsilon = 1e-8);
        for ((u, v, c, o), &dw) in dw.indexed_iter() {
            let mut sum = 0.0;
            for ((b, i, j, _), &dy) in
                dy.indexed_iter().filter(|((_, _, _, channel), _)| *channel == o)
            {
                let pixel = [(i, u), (j, v)].map(|(i, u)| (i * 2 + u) as isize - 1);
                sum += dy * at(&x, b, pixel, c);
            }
            assert_relative_eq!(dw, sum, max_relative = 1e-12, epsilon = 1e-12);
        }
    }
}

#[test]
fn eq_conv_dx() {
    let [x, w, dy] = inputs(3, GEOMETRY, [5, 6]);
    let numeric = gradient(&x.clone().into_dyn(), &dy.clone().into_dyn(), |x| {
        convolved(&four(x), &w, GEOMETRY).into_dyn()
    });
    for algorithm in Algorithm::ALL {
        let [dx, _] = backward(algorithm, &x, &w, &dy, GEOMETRY);
        assert_eq!(dx.shape(), [2, 5, 6, 2]);
        let dx = dx - 0.5;
        assert_relative_eq!(dx.view().into_dyn(), numeric, max_relative = 1e-7, epsilon = 1e-8);
        for ((b, r, q, c), &dx) in dx.indexed_iter() {
            let mut sum = 0.0;
            for ((u, v, channel, o), &w) in w.indexed_iter() {
                let start = [(r, u), (q, v)].map(|(r, u)| (r + 1) as isize - u as isize);
                if channel == c && start.iter().all(|start| start % 2 == 0) {
                    sum += at(&dy, b, start.map(|start| start / 2), o) * w;
                }
            }
            assert_relative_eq!(dx, sum, max_relative = 1e-12, epsilon = 1e-12);
        }
    }
}

#[test]
fn eq_conv_bias() {
    let [x, w, dy] = inputs(4, GEOMETRY, [5, 6]);
    let mut tape = Tape::new();
    let [x, w] = [x, w].map(|a| tape.parameter(a));
    let bias = tape.parameter(arr1(&[0.7, -1.3, 2.1]));
    let y = tape.conv2d(x, w, Conv { stride: 2, padding: 1, ..Conv::default() }).unwrap();
    let y = tape.add_bias(y, bias).unwrap();
    tape.backward_from(y, &dy.clone().into_dyn()).unwrap();
    for o in 0..3 {
        let sum = dy.index_axis(Axis(3), o).sum();
        assert_relative_eq!(tape.gradient(bias)[o], sum, max_relative = 1e-13);
    }
}

/// The patches, and the kernel and `y` as matrices.
fn as_products(
    x: &Array4<f64>,
    w: &Array4<f64>,
    y: &Array4<f64>,
    geometry: Geometry,
) -> [Array2<f64>; 3] {
    let [w, y] = [w, y].map(|a| {
        let columns = a.dim().3;
        a.clone().into_shape_with_order((a.len() / columns, columns)).unwrap()
    });
    // What stood in the patches must not matter.
    let mut p = Array2::from_elem((y.nrows(), w.nrows()), f64::NAN);
    patches::im2col(x.view(), geometry, p.view_mut());
    [p, w, y]
}

#[test]
fn eq_conv_patches() {
    for geometry in geometries() {
        let [x, w, dy] = inputs(5, geometry, [5, 6]);
        let [p, ..] = as_products(&x, &w, &dy, geometry);
        let Geometry { kernel, stride, padding } = geometry;
        let (_, out_height, out_width, _) = dy.dim();
        assert_eq!(p.dim(), (2 * out_height * out_width, kernel * kernel * 2));
        let p = p.into_shape_with_order((2, out_height, out_width, kernel, kernel, 2)).unwrap();
        for (index, &p) in p.into_dyn().indexed_iter() {
            let [b, i, j, u, v, c] = [0, 1, 2, 3, 4, 5].map(|axis| index[axis]);
            let pixel = [(i, u), (j, v)].map(|(i, u)| (i * stride + u) as isize - padding as isize);
            assert_eq!(p, at(&x, b, pixel, c));
        }
    }
}

#[test]
fn eq_conv_product() {
    for geometry in geometries() {
        let [x, w, _] = inputs(6, geometry, [5, 6]);
        let y = convolved(&x, &w, geometry);
        let [p, w, y] = as_products(&x, &w, &y, geometry);
        assert_relative_eq!(y, p.dot(&w), max_relative = 1e-12, epsilon = 1e-12);
    }
}

#[test]
fn eq_conv_product_dw() {
    for geometry in geometries() {
        let [x, w, dy] = inputs(7, geometry, [5, 6]);
        let [_, dw] = backward(Algorithm::Definition, &x, &w, &dy, geometry);
        let [p, dw, dy] = as_products(&x, &dw, &dy, geometry);
        assert_relative_eq!(dw - 0.5, p.t().dot(&dy), max_relative = 1e-12, epsilon = 1e-12);
    }
}

#[test]
fn eq_conv_product_dx() {
    for geometry in geometries() {
        let [x, w, dy] = inputs(8, geometry, [5, 6]);
        let [dx, _] = backward(Algorithm::Definition, &x, &w, &dy, geometry);
        let [_, w, dy] = as_products(&x, &w, &dy, geometry);
        let mut summed = Array4::from_elem(x.raw_dim(), 0.5);
        patches::col2im(dy.dot(&w.t()).view(), geometry, summed.view_mut());
        close(&summed, &dx);
    }
}

#[test]
fn eq_conv_copies() {
    // col2im sums over the copies that im2col makes: Σ im2col(x) ⊙ z = Σ x ⊙ col2im(z) for all z.
    for geometry in geometries() {
        let [x, w, dy] = inputs(9, geometry, [8, 7]);
        let [p, ..] = as_products(&x, &w, &dy, geometry);
        let z = Draw::new(10).away_from_zero::<f64>(p.shape());
        let z = z.into_shape_with_order(p.dim()).unwrap();
        let mut sums = Array4::zeros(x.raw_dim());
        patches::col2im(z.view(), geometry, sums.view_mut());
        assert_relative_eq!((p * z).sum(), (x * sums).sum(), max_relative = 1e-11);
    }
}

/// w turned by 180°, with its channels exchanged.
fn turned(w: &Array4<f64>) -> Array4<f64> {
    let turned = w.slice(s![..;-1, ..;-1, .., ..]).permuted_axes([0, 1, 3, 2]);
    turned.as_standard_layout().into_owned()
}

#[test]
fn eq_conv_turned() {
    let mut count = 0;
    for geometry in geometries().filter(|geometry| geometry.stride == 1) {
        let Geometry { kernel, padding, .. } = geometry;
        let Some(padding) = (kernel - 1).checked_sub(padding) else { continue };
        for size in SIZES {
            let [x, w, dy] = inputs(11, geometry, size);
            let [dx, _] = backward(Algorithm::Definition, &x, &w, &dy, geometry);
            let turned = convolved(&dy, &turned(&w), Geometry { padding, ..geometry });
            close(&(dx - 0.5), &turned);
            count += 1;
        }
    }
    assert_eq!(count, 14);
}

/// Gradients of every algorithm, for every geometry, on odd and even sizes.
#[test]
fn gradients_of_all_geometries() {
    // An output has up to 50 terms of about 1. Rounded, its differences are off by some 1e-10, which is
    // much of a gradient that is small by chance.
    let check = Gradcheck { floor: 1e-2, ..Gradcheck::default() };
    for algorithm in Algorithm::ALL {
        for geometry in geometries() {
            for size in SIZES {
                let [x, w, dy] = inputs(12, geometry, size);
                let mut tape = Tape::new();
                let (x, w) = (tape.parameter(x), tape.parameter(w));
                let Geometry { stride, padding, .. } = geometry;
                let y = tape.conv2d(x, w, Conv { stride, padding, algorithm }).unwrap();
                let report = check.run(&mut tape, y, &dy.into_dyn()).unwrap();
                assert!(
                    report.max_relative_error() <= 1e-7,
                    "{algorithm:?}, {geometry:?}: {report}"
                );
                assert!(report.vacuous.is_empty(), "{algorithm:?}, {geometry:?}: {report}");
            }
        }
    }
}

#[test]
fn all_algorithms_agree() {
    for geometry in geometries() {
        for size in SIZES {
            let [x, w, dy] = inputs(13, geometry, size);
            let y = convolved(&x, &w, geometry);
            let [dx, dw] = backward(Algorithm::Definition, &x, &w, &dy, geometry);
            for algorithm in Algorithm::ALL {
                close(&forward(algorithm, &x, &w, geometry), &y);
                let found = backward(algorithm, &x, &w, &dy, geometry);
                close(&found[0], &dx);
                close(&found[1], &dw);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..Default::default() })]

    #[test]
    fn all_algorithms_agree_on_any_sizes(
        kernel in 1..7_usize, stride in 1..5_usize, padding in 0..8_usize,
        more in [0..6_usize, 0..6_usize], channels in [1..4_usize, 1..4_usize],
        batch in 1..4_usize, seed: u64,
    ) {
        let geometry = Geometry { kernel, stride, padding };
        let [height, width] = more.map(|more| kernel.saturating_sub(2 * padding).max(1) + more);
        let mut draw = Draw::new(seed);
        let x = drawn(&mut draw, [batch, height, width, channels[0]]);
        let w = drawn(&mut draw, [kernel, kernel, channels[0], channels[1]]);
        let y = convolved(&x, &w, geometry);
        let dy = drawn(&mut draw, y.dim().into());
        let [dx, dw] = backward(Algorithm::Definition, &x, &w, &dy, geometry);
        for algorithm in Algorithm::ALL {
            close(&forward(algorithm, &x, &w, geometry), &y);
            let found = backward(algorithm, &x, &w, &dy, geometry);
            close(&found[0], &dx);
            close(&found[1], &dw);
        }
    }

    #[test]
    fn backward_is_linear_in_dy(seed: u64) {
        let [x, w, dy] = inputs(seed, GEOMETRY, [5, 6]);
        let dz = drawn(&mut Draw::new(!seed), dy.dim().into());
        for algorithm in Algorithm::ALL {
            let of = |dy: &Array4<f64>| backward(algorithm, &x, &w, dy, GEOMETRY).map(|d| d - 0.5);
            let (both, of_dy, of_dz) = (of(&(&dy * 3.0 - &dz)), of(&dy), of(&dz));
            for ((both, of_dy), of_dz) in zip(zip(&both, &of_dy), &of_dz) {
                close(both, &(of_dy * 3.0 - of_dz));
            }
        }
    }
}

/// Of 6 channels pairs of places share a register, of 16 none do. The batch is large enough to be cut.
#[test]
fn neighbors_that_share_registers_change_no_result() {
    for ([batch, side, c_in, c_out], padding) in [
        ([32, 32, 3, 6], 0),
        ([32, 14, 6, 16], 0),
        ([3, 12, 5, 1], 2),
        ([2, 9, 20, 7], 1),
        ([2, 7, 4, 3], 3),
    ] {
        let geometry = Geometry { kernel: 5, stride: 1, padding };
        let mut draw = Draw::new(18);
        let x = drawn(&mut draw, [batch, side, side, c_in]);
        let w = drawn(&mut draw, [5, 5, c_in, c_out]);
        let y = convolved(&x, &w, geometry);
        let dy = drawn(&mut draw, y.dim().into());
        close(&forward(Algorithm::Direct, &x, &w, geometry), &y);
        let expected = backward(Algorithm::Definition, &x, &w, &dy, geometry);
        let found = backward(Algorithm::Direct, &x, &w, &dy, geometry);
        for (found, expected) in zip(&found, &expected) {
            assert_relative_eq!(found, expected, max_relative = 1e-9, epsilon = 1e-10);
        }
    }
}

/// A convolution that could be halved three times over has room for two halvings.
#[test]
fn a_large_convolution_is_halved_as_often_as_it_has_room_for() {
    let geometry = Geometry { kernel: 3, stride: 1, padding: 1 };
    let mut draw = Draw::new(19);
    let x = drawn(&mut draw, [8, 64, 64, 16]);
    let w = drawn(&mut draw, [3, 3, 16, 32]);
    let dy = drawn(&mut draw, [8, 64, 64, 32]);
    let [y, expected] = [Algorithm::Direct, Algorithm::Patches]
        .map(|algorithm| forward(algorithm, &x, &w, geometry));
    assert_relative_eq!(y, expected, max_relative = 1e-9, epsilon = 1e-10);
    let [found, expected] = [Algorithm::Direct, Algorithm::Patches]
        .map(|algorithm| backward(algorithm, &x, &w, &dy, geometry));
    for (found, expected) in zip(&found, &expected) {
        assert_relative_eq!(found, expected, max_relative = 1e-9, epsilon = 1e-9);
    }
}

#[test]
fn patches_of_a_large_batch_are_laid_out_in_parts() {
    let geometry = Geometry { kernel: 5, stride: 1, padding: 2 };
    // 64·64·25·4 entries an image: two images are the most that fit, and the fifth is left over.
    let mut draw = Draw::new(14);
    let x = drawn(&mut draw, [5, 64, 64, 4]);
    let w = drawn(&mut draw, [5, 5, 4, 2]);
    let dy = drawn(&mut draw, [5, 64, 64, 2]);
    let mut scratch = Vec::new();
    let mut y = Array4::zeros(dy.raw_dim());
    patches::forward(x.view(), w.view(), geometry, &mut scratch, y.view_mut());
    assert_eq!(scratch.len(), 2 * 64 * 64 * 25 * 4);
    assert!(scratch.len() <= patches::PATCHES);
    close(&y, &convolved(&x, &w, geometry));
    let [dx, dw] = backward(Algorithm::Definition, &x, &w, &dy, geometry);
    let found = backward(Algorithm::Patches, &x, &w, &dy, geometry);
    close(&found[0], &dx);
    assert_relative_eq!(found[1], dw, max_relative = 1e-10, epsilon = 1e-10);

    // Patches of one image that are too many are laid out all the same.
    let geometry = Geometry { kernel: 9, stride: 1, padding: 4 };
    let (x, w) = (drawn(&mut draw, [2, 120, 120, 1]), drawn(&mut draw, [9, 9, 1, 1]));
    let mut y = Array4::zeros((2, 120, 120, 1));
    patches::forward(x.view(), w.view(), geometry, &mut scratch, y.view_mut());
    assert_eq!(scratch.len(), 120 * 120 * 81);
    close(&y, &convolved(&x, &w, geometry));
}

#[test]
fn an_image_that_nobody_learns_gets_no_gradient() {
    let [x, w, dy] = inputs(15, GEOMETRY, [5, 6]);
    let [_, dw] = backward(Algorithm::Definition, &x, &w, &dy, GEOMETRY);
    let mut tape = Tape::new();
    let (x, w) = (tape.input(x), tape.parameter(w));
    let y = tape.conv2d(x, w, Conv { stride: 2, padding: 1, ..Conv::default() }).unwrap();
    tape.backward_from(y, &dy.into_dyn()).unwrap();
    assert!(tape.gradient(x).is_empty());
    close(&four(tape.gradient(w)), &(dw - 0.5));
}

#[test]
fn gradients_add_to_those_of_other_uses() {
    // Images and kernel have one shape, so one tensor can be both.
    let x = drawn(&mut Draw::new(16), [2, 2, 2, 2]);
    let dy = drawn(&mut Draw::new(17), [2, 3, 3, 2]);
    let of = |square: fn(&mut Tape<f64>, Var) -> Result<Var, ShapeError>| {
        let mut tape = Tape::new();
        let x = tape.parameter(x.clone());
        let y = square(&mut tape, x).unwrap();
        tape.backward_from(y, &dy.clone().into_dyn()).unwrap();
        four(tape.gradient(x))
    };
    const SETTINGS: Conv = Conv { stride: 1, padding: 1, algorithm: Algorithm::Patches };
    let once = of(|tape, x| tape.conv2d(x, x, SETTINGS));
    let twice = of(|tape, x| {
        let (y, z) = (tape.conv2d(x, x, SETTINGS)?, tape.conv2d(x, x, SETTINGS)?);
        tape.add(y, z)
    });
    close(&twice, &(&once * 2.0));
    let geometry = Geometry { kernel: 2, stride: 1, padding: 1 };
    let [dx, dw] = backward(Algorithm::Definition, &x, &x, &dy, geometry);
    close(&once, &(dx + dw - 1.0));
}

/// A gradient of a convolution, from x, w and dy.
type Backward = fn([&Array4<f64>; 3], Geometry) -> Array4<f64>;

/// A convolution with a right forward pass and a backward pass of the test's choice.
struct Planted {
    geometry: Geometry,
    dx: Backward,
    dw: Backward,
}

impl Op<f64> for Planted {
    fn name(&self) -> &'static str {
        "planted"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        let [height, width] = [inputs[0][1], inputs[0][2]];
        Ok(vec![
            inputs[0][0],
            self.geometry.places(height)?,
            self.geometry.places(width)?,
            inputs[1][3],
        ])
    }

    fn forward(&mut self, x: Inputs<'_, f64>, y: &mut Tensor<f64>) {
        y.assign(&convolved(&four(&x[0]), &four(&x[1]), self.geometry));
    }

    fn backward(
        &mut self,
        x: Inputs<'_, f64>,
        _: &Tensor<f64>,
        dy: &Tensor<f64>,
        mut dx: Gradients<'_, f64>,
    ) {
        let (x, w, dy) = (four(&x[0]), four(&x[1]), four(dy));
        *dx.wanted(0).unwrap() += &(self.dx)([&x, &w, &dy], self.geometry);
        *dx.wanted(1).unwrap() += &(self.dw)([&x, &w, &dy], self.geometry);
    }
}

fn right_dx([x, w, dy]: [&Array4<f64>; 3], geometry: Geometry) -> Array4<f64> {
    let mut dx = Array4::zeros(x.raw_dim());
    definition::input_gradient(dy.view(), w.view(), geometry, dx.view_mut());
    dx
}

fn right_dw([x, w, dy]: [&Array4<f64>; 3], geometry: Geometry) -> Array4<f64> {
    let mut dw = Array4::zeros(w.raw_dim());
    definition::weight_gradient(x.view(), dy.view(), geometry, dw.view_mut());
    dw
}

const SAME: Geometry = Geometry { kernel: 3, stride: 1, padding: 1 };

/// Checks `op` on images of shape `x`, with as many channels out as in: no shape gives a fault
/// away.
fn check(op: Planted, x: [usize; 4]) -> Report {
    let mut draw = Draw::new(31);
    let mut tape = Tape::new();
    let w = [op.geometry.kernel, op.geometry.kernel, x[3], x[3]];
    let (x, w) = (tape.parameter(drawn(&mut draw, x)), tape.parameter(drawn(&mut draw, w)));
    let y = tape.push(op, &[x, w]).unwrap();
    let dy = draw.away_from_zero(tape.value(y).shape());
    Gradcheck::default().run(&mut tape, y, &dy).unwrap()
}

/// Asserts that the check finds a fault in parameter `k`.
fn assert_caught(op: Planted, k: usize) {
    let report = check(op, [2, 5, 6, 2]);
    assert!(report.max_relative_error() > 0.1, "{report}");
    assert_eq!(report.worst.unwrap().parameter.index(), k);
}

#[test]
fn a_right_backward_pass_is_not_caught() {
    let op = Planted { geometry: SAME, dx: right_dx, dw: right_dw };
    assert!(check(op, [2, 5, 6, 2]).max_relative_error() <= 1e-7);
}

#[test]
fn an_unturned_kernel_is_caught() {
    let unturned = |[_, w, dy]: [&Array4<f64>; 3], geometry| {
        let exchanged = w.view().permuted_axes([0, 1, 3, 2]).as_standard_layout().into_owned();
        convolved(dy, &exchanged, geometry)
    };
    assert_caught(Planted { geometry: SAME, dx: unturned, dw: right_dw }, 0);
    // A kernel of one pixel is its own turn: the fault does not show.
    let single = Geometry { kernel: 1, stride: 1, padding: 0 };
    let op = Planted { geometry: single, dx: unturned, dw: right_dw };
    assert!(check(op, [2, 5, 6, 2]).max_relative_error() <= 1e-7);
}

#[test]
fn unexchanged_channels_are_caught() {
    let unexchanged = |[_, w, dy]: [&Array4<f64>; 3], geometry| {
        let turned = w.slice(s![..;-1, ..;-1, .., ..]).as_standard_layout().into_owned();
        convolved(dy, &turned, geometry)
    };
    assert_caught(Planted { geometry: SAME, dx: unexchanged, dw: right_dw }, 0);
}

#[test]
fn a_missing_sum_over_the_batch_is_caught() {
    let of_the_first = |[x, w, dy]: [&Array4<f64>; 3], geometry| {
        let [x, dy] = [x, dy].map(|a| a.slice(s![..1, .., .., ..]).to_owned());
        right_dw([&x, w, &dy], geometry)
    };
    assert_caught(Planted { geometry: SAME, dx: right_dx, dw: of_the_first }, 1);
    // With a batch of one image the fault does not show.
    let op = Planted { geometry: SAME, dx: right_dx, dw: of_the_first };
    assert!(check(op, [1, 5, 6, 2]).max_relative_error() <= 1e-7);
}

#[test]
fn a_padding_off_by_one_is_caught() {
    // x at i·s + u − (p + 1): one pixel above and to the left of where the kernel lies.
    let off = |[x, w, dy]: [&Array4<f64>; 3], geometry| {
        let (batch, height, width, channels) = x.dim();
        let mut shifted = Array4::zeros((batch, height, width, channels));
        shifted.slice_mut(s![.., 1.., 1.., ..]).assign(&x.slice(s![.., ..-1, ..-1, ..]));
        right_dw([&shifted, w, dy], geometry)
    };
    assert_caught(Planted { geometry: SAME, dx: right_dx, dw: off }, 1);
}

/// The entries of the window at place (i, j), row by row, of one channel.
fn window_of(x: &Array4<f64>, window: Window, [b, i, j, c]: [usize; 4]) -> Vec<f64> {
    let Window { height, width, stride } = window;
    let (r, q) = (i * stride, j * stride);
    x.slice(s![b, r..r + height, q..q + width, c]).iter().copied().collect()
}

const WINDOWS: [Window; 6] = [
    Window::square(1),
    Window::square(2),
    Window::square(3),
    Window { height: 2, width: 2, stride: 1 },
    Window { height: 3, width: 2, stride: 2 },
    Window { height: 1, width: 2, stride: 4 },
];

type Record = fn(&mut Tape<f64>, Var, Window) -> Result<Var, ShapeError>;

/// Value and gradient of a pooling.
fn run(
    record: impl Fn(&mut Tape<f64>, Var, Window) -> Result<Var, ShapeError>,
    x: &Array4<f64>,
    window: Window,
    dy: &Array4<f64>,
) -> (Array4<f64>, Array4<f64>) {
    let mut tape = Tape::new();
    let x = tape.parameter(x.clone());
    let y = record(&mut tape, x, window).unwrap();
    tape.backward_from(y, &dy.clone().into_dyn()).unwrap();
    (four(tape.value(y)), four(tape.gradient(x)))
}

/// x, and a dy for `window`.
fn pooled(seed: u64, [height, width]: [usize; 2], window: Window) -> [Array4<f64>; 2] {
    let mut draw = Draw::new(seed);
    let [out_height, out_width] = window.places([height, width]).unwrap();
    [drawn(&mut draw, [2, height, width, 3]), drawn(&mut draw, [2, out_height, out_width, 3])]
}

#[test]
fn eq_average_pool() {
    for window in WINDOWS {
        for size in SIZES {
            let [x, dy] = pooled(18, size, window);
            let (y, _) = run(Tape::average_pool, &x, window, &dy);
            for ((b, i, j, c), &y) in y.indexed_iter() {
                let entries = window_of(&x, window, [b, i, j, c]);
                let mean = entries.iter().sum::<f64>() / entries.len() as f64;
                assert_relative_eq!(y, mean, max_relative = 1e-12, epsilon = 1e-13);
            }
        }
    }
}

#[test]
fn eq_average_pool_dx() {
    for window in WINDOWS {
        for size in SIZES {
            let [x, dy] = pooled(19, size, window);
            let (_, dx) = run(Tape::average_pool, &x, window, &dy);
            let mut claimed = Array4::zeros(x.raw_dim());
            let Window { height, width, stride } = window;
            for ((b, i, j, c), &dy) in dy.indexed_iter() {
                let (r, q) = (i * stride, j * stride);
                let mut covered = claimed.slice_mut(s![b, r..r + height, q..q + width, c]);
                covered += dy / (height * width) as f64;
            }
            close(&dx, &claimed);
        }
    }
}

#[test]
fn eq_max_pool() {
    for window in WINDOWS {
        for size in SIZES {
            let [x, dy] = pooled(20, size, window);
            let (y, _) = run(Tape::max_pool, &x, window, &dy);
            for ((b, i, j, c), &y) in y.indexed_iter() {
                let entries = window_of(&x, window, [b, i, j, c]);
                assert_eq!(y, entries.into_iter().fold(f64::NEG_INFINITY, f64::max));
            }
        }
    }
}

/// dx of the maximum by its formula: dy goes to the first of the largest.
fn passed_to_the_first(x: &Array4<f64>, window: Window, dy: &Array4<f64>) -> Array4<f64> {
    let mut dx = Array4::zeros(x.raw_dim());
    for ((b, i, j, c), &dy) in dy.indexed_iter() {
        let entries = window_of(x, window, [b, i, j, c]);
        let largest = entries.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let first = entries.iter().position(|&entry| entry == largest).unwrap();
        let (u, v) = (first / window.width, first % window.width);
        dx[[b, i * window.stride + u, j * window.stride + v, c]] += dy;
    }
    dx
}

#[test]
fn eq_max_pool_dx() {
    for window in WINDOWS {
        for size in SIZES {
            let [x, dy] = pooled(21, size, window);
            let (_, dx) = run(Tape::max_pool, &x, window, &dy);
            close(&dx, &passed_to_the_first(&x, window, &dy));
            let numeric = gradient(&x.clone().into_dyn(), &dy.clone().into_dyn(), |x| {
                run(Tape::max_pool, &four(x), window, &dy).0.into_dyn()
            });
            assert_relative_eq!(dx.into_dyn(), numeric, max_relative = 1e-6, epsilon = 1e-8);
        }
    }
}

#[test]
fn of_equal_maxima_the_first_gets_the_gradient() {
    for window in WINDOWS {
        let [x, dy] = pooled(22, [8, 7], window);
        // Three values alone: most windows have several maxima.
        let x = x.mapv(f64::round);
        let (_, dx) = run(Tape::max_pool, &x, window, &dy);
        close(&dx, &passed_to_the_first(&x, window, &dy));
        let zeros = Array4::zeros(x.raw_dim());
        let (_, dx) = run(Tape::max_pool, &zeros, window, &dy);
        close(&dx, &passed_to_the_first(&zeros, window, &dy));
    }
}

#[test]
fn pooling_by_hand_drops_the_last_row_and_column_of_odd_images() {
    // 3 × 5 pixels, one channel.
    let rows = [[1.0, 7.0, 3.0, 3.0, 99.0], [5.0, 2.0, 3.0, 1.0, 99.0], [99.0; 5]];
    let x = Array4::from_shape_fn((1, 3, 5, 1), |(_, r, q, _)| rows[r][q]);
    let dy = Array4::from_shape_vec((1, 1, 2, 1), vec![4.0, 8.0]).unwrap();
    let (y, dx) = run(Tape::max_pool, &x, Window::square(2), &dy);
    assert_eq!(y.as_slice().unwrap(), [7.0, 3.0]);
    assert_eq!(dx.as_slice().unwrap()[..5], [0.0, 4.0, 8.0, 0.0, 0.0]);
    assert_eq!(dx.as_slice().unwrap()[5..], [0.0; 10]);
    let (y, dx) = run(Tape::average_pool, &x, Window::square(2), &dy);
    assert_eq!(y.as_slice().unwrap(), [3.75, 2.5]);
    assert_eq!(dx.as_slice().unwrap()[..5], [1.0, 1.0, 2.0, 2.0, 0.0]);
    assert_eq!(dx.as_slice().unwrap()[5..], [1.0, 1.0, 2.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn eq_global_pool() {
    let mut draw = Draw::new(23);
    let x = drawn(&mut draw, [2, 5, 4, 3]);
    let dy: Tensor<f64> = draw.away_from_zero(&[2, 3]);
    let (mut mean, mut largest) = (Tensor::zeros(vec![2, 3]), Tensor::zeros(vec![2, 3]));
    let (mut mean_dx, mut largest_dx) = (Array4::zeros(x.raw_dim()), Array4::zeros(x.raw_dim()));
    for b in 0..2 {
        for c in 0..3 {
            let channel = x.slice(s![b, .., .., c]);
            mean[[b, c]] = channel.sum() / 20.0;
            mean_dx.slice_mut(s![b, .., .., c]).fill(dy[[b, c]] / 20.0);
            let ((r, q), &entry) =
                channel.indexed_iter().max_by(|(_, a), (_, b)| a.total_cmp(b)).unwrap();
            largest[[b, c]] = entry;
            largest_dx[[b, r, q, c]] = dy[[b, c]];
        }
    }
    let mut tape = Tape::new();
    let x = tape.parameter(x);
    let y = tape.global_average_pool(x).unwrap();
    tape.backward_from(y, &dy).unwrap();
    assert_relative_eq!(tape.value(y), &mean, max_relative = 1e-13, epsilon = 1e-14);
    close(&four(tape.gradient(x)), &mean_dx);
    let y = tape.global_max_pool(x).unwrap();
    tape.backward_from(y, &dy).unwrap();
    assert_eq!(tape.value(y), &largest);
    assert_eq!(four(tape.gradient(x)), largest_dx);
}

#[test]
fn a_maximum_hides_no_nan_and_knows_no_bound() {
    for window in [Window::square(2), Window { stride: 3, ..Window::square(2) }] {
        for place in 0..4 {
            let mut x = Array4::from_elem((1, 2, 2, 1), 1.0);
            x[[0, place / 2, place % 2, 0]] = f64::NAN;
            let dy = Array4::from_elem((1, 1, 1, 1), 3.0);
            let (y, dx) = run(Tape::max_pool, &x, window, &dy);
            assert!(y[[0, 0, 0, 0]].is_nan(), "{place}");
            assert_eq!(dx.as_slice().unwrap(), [3.0, 0.0, 0.0, 0.0]);
        }
        for extreme in [f64::NEG_INFINITY, f64::INFINITY, -1e300] {
            let x = Array4::from_elem((1, 2, 2, 1), extreme);
            let dy = Array4::from_elem((1, 1, 1, 1), 3.0);
            let (y, dx) = run(Tape::max_pool, &x, window, &dy);
            assert_eq!(y[[0, 0, 0, 0]], extreme);
            assert_eq!(dx.as_slice().unwrap(), [3.0, 0.0, 0.0, 0.0]);
        }
        // The first of equal ones is the value too: of 0 and −0 it is 0.
        let x = Array4::from_shape_vec((1, 2, 2, 1), vec![0.0, -0.0, -0.0, -0.0]).unwrap();
        let (y, _) = run(Tape::max_pool, &x, window, &Array4::zeros((1, 1, 1, 1)));
        assert!(y[[0, 0, 0, 0]].is_sign_positive());
    }
}

/// Value and gradient of both pools by their loops, and then by blocks. The gradients begin at 1.
fn pooled_twice<T: Real>(x: &Array4<T>, window: Window, dy: &Array4<T>) -> [[Vec<T>; 4]; 2] {
    type Max<T> = fn(ArrayView4<'_, T>, Window, ArrayViewMut4<'_, T>);
    type MaxGradient<T> =
        fn(ArrayView4<'_, T>, ArrayView4<'_, T>, ArrayView4<'_, T>, Window, ArrayViewMut4<'_, T>);
    let run = |max: Max<T>, max_dx: MaxGradient<T>, average: Max<T>, average_dx: Max<T>| {
        let [mut largest, mut mean] = [(); 2].map(|()| Array4::zeros(dy.raw_dim()));
        let [mut largest_dx, mut mean_dx] = [(); 2].map(|()| Array4::ones(x.raw_dim()));
        max(x.view(), window, largest.view_mut());
        max_dx(x.view(), largest.view(), dy.view(), window, largest_dx.view_mut());
        average(x.view(), window, mean.view_mut());
        average_dx(dy.view(), window, mean_dx.view_mut());
        [largest, largest_dx, mean, mean_dx].map(|array| array.into_iter().collect())
    };
    use pool::definition;
    [
        run(
            definition::max,
            definition::max_gradient,
            definition::average,
            definition::average_gradient,
        ),
        run(
            blocks::max,
            |x, y, dy, window, dx| blocks::max_gradient(x, y, dy, window, dx, true),
            blocks::average,
            blocks::average_gradient,
        ),
    ]
}

fn assert_pooled_alike<T: Real>(x: &Array4<f64>, window: Window, dy: &Array4<f64>) {
    let [x, dy] = [x, dy].map(|array| array.mapv(T::of));
    let [by_loops, by_blocks] = pooled_twice(&x, window, &dy);
    for (loops, blocks) in zip(by_loops, by_blocks) {
        assert_eq!(loops.len(), blocks.len());
        for (place, (a, b)) in zip(loops, blocks).enumerate() {
            let alike = a == b || a.is_nan() && b.is_nan();
            assert!(alike, "{window:?}, channels {}, {place}: {a} and {b}", x.len_of(Axis(3)));
        }
    }
}

#[test]
fn blocks_of_channels_equal_the_definition() {
    for window in WINDOWS.into_iter().chain([Window { stride: 2, ..Window::square(3) }]) {
        // One by one, in blocks of 4 and of 16, and in all three.
        for channels in [1, 3, 4, 5, 16, 23, 39] {
            let mut draw = Draw::new(channels as u64);
            let [out_height, out_width] = window.places([7, 8]).unwrap();
            let x = drawn(&mut draw, [2, 7, 8, channels]);
            let dy = drawn(&mut draw, [2, out_height, out_width, channels]);
            // A few whole numbers tie often. Every ninth entry is replaced by one that is none.
            let ties = x.mapv(|x| (2.0 * x).round());
            let strange = |strange: f64| {
                let mut x = ties.clone();
                x.iter_mut().step_by(9).for_each(|x| *x = strange);
                x
            };
            let infinite = [f64::INFINITY, f64::NEG_INFINITY, f64::NAN].map(strange);
            for x in [&x, &ties].into_iter().chain(&infinite) {
                assert_pooled_alike::<f64>(x, window, &dy);
                assert_pooled_alike::<f32>(x, window, &dy);
            }
        }
    }
}

/// Where the gradient is not to be added to, nothing is left of what stood there: not where windows tile
/// the image, nor where they overlap or leave out a row.
#[test]
fn a_gradient_of_the_maximum_that_is_overwritten_begins_at_0() {
    for window in WINDOWS.into_iter().chain([Window::square(4)]) {
        for channels in [1, 5, 39] {
            let mut draw = Draw::new(channels as u64);
            let x = drawn(&mut draw, [2, 8, 8, channels]);
            let [out_height, out_width] = window.places([8, 8]).unwrap();
            let dy = drawn(&mut draw, [2, out_height, out_width, channels]);
            let mut y = Array4::zeros(dy.raw_dim());
            blocks::max(x.view(), window, y.view_mut());
            let [mut added, mut overwritten] = [0.0, f64::NAN].map(|stale| x.mapv(|_| stale));
            let (x, y, dy) = (x.view(), y.view(), dy.view());
            blocks::max_gradient(x, y, dy, window, added.view_mut(), true);
            blocks::max_gradient(x, y, dy, window, overwritten.view_mut(), false);
            assert_eq!(added, overwritten, "{window:?}");
        }
    }
    assert!(Window::square(2).tiles([6, 8]));
    assert!(!Window::square(2).tiles([6, 7]), "a column is left out");
    assert!(!Window { stride: 1, ..Window::square(2) }.tiles([6, 8]), "they overlap");
    assert!(!Window { width: 3, ..Window::square(2) }.tiles([6, 9]), "they overlap");
}

#[test]
fn an_infinite_gradient_goes_to_the_maximum_alone() {
    for window in [Window::square(2), Window { stride: 3, ..Window::square(2) }] {
        let x = Array4::from_shape_vec((1, 2, 2, 1), vec![1.0, 3.0, 2.0, 3.0]).unwrap();
        let dy = Array4::from_elem((1, 1, 1, 1), f64::INFINITY);
        let (_, dx) = run(Tape::max_pool, &x, window, &dy);
        assert_eq!(dx.as_slice().unwrap(), [0.0, f64::INFINITY, 0.0, 0.0]);
    }
}

#[test]
fn pooling_takes_any_number_of_channels_and_images() {
    // More channels than are searched together, and images enough for several parts.
    let mut draw = Draw::new(24);
    let x = drawn(&mut draw, [7, 9, 8, 70]);
    for window in [Window::square(2), Window { stride: 2, ..Window::square(3) }] {
        let [out_height, out_width] = window.places([9, 8]).unwrap();
        let dy = drawn(&mut draw, [7, out_height, out_width, 70]);
        let (y, dx) = run(Tape::max_pool, &x, window, &dy);
        close(&dx, &passed_to_the_first(&x, window, &dy));
        for ((b, i, j, c), &y) in y.indexed_iter() {
            let entries = window_of(&x, window, [b, i, j, c]);
            assert_eq!(y, entries.into_iter().fold(f64::NEG_INFINITY, f64::max));
        }
        let (y, dx) = run(Tape::average_pool, &x, window, &dy);
        for b in 0..7 {
            let image = |a: &Array4<f64>| a.slice(s![b..b + 1, .., .., ..]).to_owned();
            let (y_alone, dx_alone) = run(Tape::average_pool, &image(&x), window, &image(&dy));
            assert_eq!(image(&y), y_alone);
            assert_eq!(image(&dx), dx_alone);
        }
    }
}

#[test]
fn gradients_of_pools_add_to_those_of_other_uses() {
    for record in [Tape::max_pool as Record, Tape::average_pool] {
        for window in [Window::square(2), Window { stride: 1, ..Window::square(2) }] {
            let [x, dy] = pooled(25, [5, 6], window);
            let (_, once) = run(record, &x, window, &dy);
            let (_, twice) = run(
                |tape, x, window| {
                    let (y, z) = (record(tape, x, window)?, record(tape, x, window)?);
                    tape.add(y, z)
                },
                &x,
                window,
                &dy,
            );
            close(&twice, &(once * 2.0));
        }
    }
}

#[test]
fn eq_flatten() {
    let mut draw = Draw::new(26);
    let (x, dy) = (drawn(&mut draw, [2, 3, 4, 2]), draw.away_from_zero::<f64>(&[2, 24]));
    let mut tape = Tape::new();
    let x_var = tape.parameter(x.clone());
    let y = tape.flatten(x_var).unwrap();
    tape.backward_from(y, &dy).unwrap();
    assert_eq!(tape.value(y).shape(), [2, 24]);
    let dx = four(tape.gradient(x_var));
    for ((b, r, q, c), &x) in x.indexed_iter() {
        let entry = (r * 4 + q) * 2 + c;
        assert_eq!(tape.value(y)[[b, entry]], x);
        assert_eq!(dx[[b, r, q, c]], dy[[b, entry]]);
    }
    // And back, with both uses of x added up.
    let images = tape.reshape_samples(y, &[3, 4, 2]).unwrap();
    assert_eq!(four(tape.value(images)), x);
    let sum = tape.add(images, x_var).unwrap();
    let dy = drawn(&mut draw, [2, 3, 4, 2]);
    tape.backward_from(sum, &dy.clone().into_dyn()).unwrap();
    assert_eq!(four(tape.gradient(x_var)), &dy * 2.0);
    // Each sample one number.
    let row = tape.input(arr1(&[3.0, 5.0]));
    let column = tape.flatten(row).unwrap();
    assert_eq!(tape.value(column), &arr2(&[[3.0], [5.0]]).into_dyn());
    let back = tape.reshape_samples(column, &[]).unwrap();
    assert_eq!(tape.value(back), &arr1(&[3.0, 5.0]).into_dyn());
}

#[test]
fn eq_batch_norm_over_channels() {
    // On images batch norm is that of the matrix [b·h·w, c], forward and backward.
    let mut draw = Draw::new(27);
    let (x, dy) = (drawn(&mut draw, [3, 4, 5, 2]), drawn(&mut draw, [3, 4, 5, 2]));
    let (gamma, beta): (Tensor<f64>, Tensor<f64>) =
        (draw.away_from_zero(&[2]), draw.away_from_zero(&[2]));
    let of = |shape: &[usize]| {
        let mut tape = Tape::new();
        tape.set_mode(Mode::Training { step: 3 });
        let shaped = |a: &Array4<f64>| a.clone().into_shape_with_order(IxDyn(shape)).unwrap();
        let vars = [shaped(&x), gamma.clone(), beta.clone()].map(|a| tape.parameter(a));
        let y = tape.batch_norm(vars[0], vars[1], vars[2]).unwrap();
        tape.backward_from(y, &shaped(&dy)).unwrap();
        let value = tape.value(y).clone();
        let running = tape.buffers(y).to_vec();
        let gradients = vars.map(|var| tape.gradient(var).clone());
        (
            value.into_raw_vec_and_offset().0,
            running,
            gradients.map(|d| d.iter().copied().collect::<Vec<f64>>()),
        )
    };
    assert_eq!(of(&[3, 4, 5, 2]), of(&[60, 2]));
}

/// A small network for images of any size: convolution, ReLU, pooling, the mean over the image.
fn network(x: Array4<f64>, w: &Array4<f64>) -> (Tape<f64>, [Var; 4]) {
    let mut tape = Tape::new();
    let (x, w) = (tape.parameter(x), tape.parameter(w.clone()));
    let hidden = tape.conv2d(x, w, Conv { padding: 1, ..Conv::default() }).unwrap();
    let hidden = tape.relu(hidden).unwrap();
    let hidden = tape.max_pool(hidden, Window::square(2)).unwrap();
    let means = tape.global_average_pool(hidden).unwrap();
    let rows = tape.flatten(means).unwrap();
    (tape, [x, w, hidden, rows])
}

#[test]
fn another_batch_and_another_size_are_carried_through() {
    let mut draw = Draw::new(28);
    let w = drawn(&mut draw, [3, 3, 2, 4]);
    let (mut tape, [x, w_var, hidden, y]) = network(drawn(&mut draw, [2, 4, 4, 2]), &w);
    for shape in [[5, 7, 6, 2], [1, 4, 9, 2], [5, 7, 6, 2]] {
        let images = drawn(&mut draw, shape);
        tape.resize(&[(x, &shape)]).unwrap();
        tape.set(x, &images).unwrap();
        tape.forward();
        tape.backward(y);
        let (mut fresh, vars) = network(images, &w);
        fresh.backward(vars[3]);
        assert_eq!(tape.value(y), fresh.value(vars[3]));
        assert_eq!(tape.value(hidden).shape()[1..], [shape[1] / 2, shape[2] / 2, 4]);
        assert_eq!(tape.gradient(x), fresh.gradient(vars[0]));
        assert_eq!(tape.gradient(w_var), fresh.gradient(vars[1]));
    }
    let error = tape.resize(&[(x, &[1, 1, 1, 2])]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "max_pool: [1, 1, 1, 4]: the kernel (2) must not be larger than the padded image (1 + 2·0)"
    );
}

/// Any number of threads gives the same bits.
#[cfg(feature = "threads")]
#[test]
fn threads_change_no_bit() {
    let mut draw = Draw::new(29);
    let x: Tensor<f32> = draw.away_from_zero(&[9, 32, 32, 8]);
    let w: Tensor<f32> = draw.away_from_zero(&[5, 5, 8, 20]);
    let [first, second, third] = [1, 2, 3].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut tape = Tape::new();
            let (x, w) = (tape.parameter(x.clone()), tape.parameter(w.clone()));
            let y = tape.conv2d(x, w, Conv { padding: 2, ..Conv::default() }).unwrap();
            let y = tape.max_pool(y, Window::square(2)).unwrap();
            let y = tape.average_pool(y, Window { stride: 2, ..Window::square(3) }).unwrap();
            tape.backward(y);
            [tape.value(y).clone(), tape.gradient(x).clone(), tape.gradient(w).clone()]
        })
    });
    assert_eq!(first, second);
    assert_eq!(first, third);
}

fn refused(result: Result<Var, ShapeError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let mut tape = Tape::<f64>::new();
    let x = tape.parameter(Array4::ones((2, 4, 5, 3)));
    let w = tape.parameter(Array4::ones((3, 3, 3, 8)));
    let [wide, deep] =
        [(3, 2, 3, 8), (3, 3, 4, 8)].map(|shape| tape.parameter(Array4::ones(shape)));
    let large = tape.parameter(Array4::ones((5, 5, 3, 8)));
    let [cube, row] = [
        tape.parameter(Array3::ones((4, 5, 3)).into_dyn()),
        tape.parameter(Array1::ones(3).into_dyn()),
    ];
    let scalar = tape.sum(row).unwrap();
    let plain = Conv::default();
    assert_eq!(
        refused(tape.conv2d(cube, w, plain)),
        "conv2d: [4, 5, 3] · [3, 3, 3, 8]: images have four axes: [batch, height, width, channels]"
    );
    for kernel in [cube, row, scalar] {
        let message = refused(tape.conv2d(x, kernel, plain));
        let rule = ": a kernel has four axes: [kernel, kernel, c_in, c_out]";
        assert!(message.ends_with(rule), "{message}");
    }
    assert_eq!(
        refused(tape.conv2d(x, wide, plain)),
        "conv2d: [2, 4, 5, 3] · [3, 2, 3, 8]: the kernel must be square, [3, 3, c_in, c_out]"
    );
    assert_eq!(
        refused(tape.conv2d(x, deep, plain)),
        "conv2d: [2, 4, 5, 3] · [3, 3, 4, 8]: channels of the images (3) must equal c_in (4)"
    );
    assert_eq!(
        refused(tape.conv2d(x, large, plain)),
        "conv2d: [2, 4, 5, 3] · [5, 5, 3, 8]: the kernel (5) must not be larger than the padded \
         image (4 + 2·0)"
    );
    assert!(tape.conv2d(x, large, Conv { padding: 1, ..plain }).is_ok());
    assert_eq!(
        refused(tape.conv2d(x, w, Conv { stride: 0, ..plain })),
        "conv2d: [2, 4, 5, 3] · [3, 3, 3, 8]: the stride must be 1 or more pixels"
    );
    let geometry = Geometry { kernel: 0, stride: 1, padding: 0 };
    assert_eq!(
        geometry.places(5).unwrap_err().to_string(),
        "the kernel must be 1 or more pixels wide"
    );

    type Pool = fn(&mut Tape<f64>, Var) -> Result<Var, ShapeError>;
    let pools: [(&str, Pool); 4] = [
        ("max_pool", |tape, x| tape.max_pool(x, Window::square(2))),
        ("average_pool", |tape, x| tape.average_pool(x, Window::square(2))),
        ("global_max_pool", Tape::global_max_pool),
        ("global_average_pool", Tape::global_average_pool),
    ];
    for (name, pool) in pools {
        assert_eq!(
            refused(pool(&mut tape, cube)),
            format!("{name}: [4, 5, 3]: images have four axes: [batch, height, width, channels]")
        );
    }
    assert_eq!(
        refused(tape.max_pool(x, Window { height: 1, width: 6, stride: 1 })),
        "max_pool: [2, 4, 5, 3]: the kernel (6) must not be larger than the padded image (5 + 2·0)"
    );
    assert_eq!(
        refused(tape.average_pool(x, Window { stride: 0, ..Window::square(2) })),
        "average_pool: [2, 4, 5, 3]: the stride must be 1 or more pixels"
    );
    assert_eq!(
        refused(tape.average_pool(x, Window { height: 0, ..Window::square(2) })),
        "average_pool: [2, 4, 5, 3]: the kernel must be 1 or more pixels wide"
    );
    assert_eq!(
        refused(tape.flatten(scalar)),
        "flatten: []: a scalar has no axis that counts samples"
    );
    assert_eq!(
        refused(tape.reshape_samples(x, &[4, 4, 3])),
        "reshape_samples: [2, 4, 5, 3]: a sample of 60 entries does not fill the shape [4, 4, 3]"
    );
    // 2⁶³ · 2 · 60 would be 0 without the highest digits.
    let far_too_large = [1 << (usize::BITS - 1), 2, 60];
    assert!(tape.reshape_samples(x, &far_too_large).is_err());
}

#[test]
#[should_panic(expected = "channels of the images (2) must equal c_in (3)")]
fn a_forward_pass_off_the_tape_panics_on_shapes() {
    let (x, w) = (Array4::zeros((1, 3, 3, 2)), Array4::zeros((3, 3, 3, 1)));
    Algorithm::Patches.forward(
        x.view(),
        w.view(),
        SAME,
        &mut Vec::new(),
        Array4::<f32>::zeros((1, 3, 3, 1)).view_mut(),
    );
}

#[test]
#[should_panic(expected = "patches have a row a place and a column a weight")]
fn patches_off_the_tape_panic_on_shapes() {
    let x = Array4::<f64>::zeros((1, 3, 3, 2));
    patches::im2col(x.view(), SAME, Array2::zeros((9, 9)).view_mut());
}

#[test]
#[should_panic(expected = "the output has a pixel a place")]
fn a_pool_off_the_tape_panics_on_shapes() {
    let x: ArrayView4<'_, f64> = ArrayView4::from_shape((1, 2, 2, 1), &[0.0; 4]).unwrap();
    blocks::max(x, Window::square(2), Array4::zeros((1, 2, 2, 1)).view_mut());
}

#[test]
fn images_are_apart() {
    // Every image of a batch has the value and the gradient that it has alone; dw is their sum.
    let [x, w, dy] = inputs(30, GEOMETRY, [5, 6]);
    for algorithm in Algorithm::ALL {
        let y = forward(algorithm, &x, &w, GEOMETRY);
        let [dx, dw] = backward(algorithm, &x, &w, &dy, GEOMETRY);
        let (mut ys, mut dxs, mut sum) = (Vec::new(), Vec::new(), Array4::zeros(w.raw_dim()));
        for b in 0..2 {
            let [x, dy] = [&x, &dy].map(|a| a.slice(s![b..b + 1, .., .., ..]).to_owned());
            ys.push(forward(algorithm, &x, &w, GEOMETRY));
            let [dx, dw] = backward(algorithm, &x, &w, &dy, GEOMETRY);
            dxs.push(dx);
            sum += &(dw - 0.5);
        }
        let together = |parts: &[Array4<f64>]| {
            concatenate(Axis(0), &parts.iter().map(|part| part.view()).collect::<Vec<_>>()).unwrap()
        };
        close(&y, &together(&ys));
        close(&dx, &together(&dxs));
        close(&(dw - 0.5), &sum);
    }
}

#[test]
fn paddings_beyond_count_are_refused() {
    let mut tape = Tape::<f32>::new();
    let x = tape.input(Array4::zeros((1, 4, 4, 1)));
    let w = tape.parameter(Array4::zeros((3, 3, 1, 1)));
    let mut message = |padding| {
        let settings = Conv { padding, ..Conv::default() };
        tape.conv2d(x, w, settings).unwrap_err().to_string()
    };
    for padding in [usize::MAX / 2 + 1, usize::MAX / 2 + 3, usize::MAX / 2, usize::MAX] {
        let message = message(padding);
        assert!(message.contains(&format!("a padding of {padding} pixels")), "{message}");
    }
    // It can be counted along an axis, and not over the image.
    let message = message(1 << (usize::BITS / 2));
    assert!(message.contains("more entries than memory can hold"), "{message}");
}
