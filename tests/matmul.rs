//! The equations of chapter 5, evaluated on both sides.

use crate::numeric::gradient;
use approx::assert_relative_eq;
use chainrule::gradcheck::Draw;
use chainrule::matmul::product;
use chainrule::parallel::MIN_MULTIPLICATIONS;
use chainrule::product::gemm;
use chainrule::{Real, ShapeError, Tape, Tensor, Var};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, Axis, Ix2, IxDyn, arr1, arr2, s};
use proptest::prelude::*;

/// A·B as three loops, in f64.
fn three_loops<T: Real>(a: ArrayView2<'_, T>, b: ArrayView2<'_, T>) -> Array2<f64> {
    Array2::from_shape_fn((a.nrows(), b.ncols()), |(i, j)| {
        (0..a.ncols()).map(|l| a[[i, l]].as_f64() * b[[l, j]].as_f64()).sum()
    })
}

fn matrix<T: Real>(draw: &mut Draw, rows: usize, columns: usize) -> Array2<T> {
    draw.away_from_zero(&[rows, columns]).into_dimensionality::<Ix2>().unwrap()
}

fn multiplied(x: &Tensor<f64>, w: &Tensor<f64>) -> Tensor<f64> {
    let [x, w] = [x, w].map(|a| a.view().into_dimensionality::<Ix2>().unwrap());
    three_loops(x, w).into_dyn()
}

/// Value and gradients of `record` on `N` parameters.
fn run<const N: usize>(
    record: impl Fn(&mut Tape<f64>, [Var; N]) -> Result<Var, ShapeError>,
    inputs: [&Tensor<f64>; N],
    dy: &Tensor<f64>,
) -> (Tensor<f64>, [Tensor<f64>; N]) {
    let mut tape = Tape::new();
    let inputs = inputs.map(|input| tape.parameter(input.clone()));
    let y = record(&mut tape, inputs).unwrap();
    tape.backward_from(y, dy).unwrap();
    (tape.value(y).clone(), inputs.map(|input| tape.gradient(input).clone()))
}

#[test]
fn eq_matmul() {
    let mut draw = Draw::new(1);
    let (x, w) = (draw.away_from_zero(&[3, 4]), draw.away_from_zero(&[4, 2]));
    let (y, _) = run(|tape, [x, w]| tape.matmul(x, w), [&x, &w], &draw.positive(&[3, 2]));
    assert_relative_eq!(y, multiplied(&x, &w), max_relative = 1e-14, epsilon = 1e-14);
}

#[test]
fn eq_matmul_dx() {
    let (m, k, n) = (3, 4, 2);
    let mut draw = Draw::new(2);
    let (x, w) = (draw.away_from_zero(&[m, k]), draw.away_from_zero(&[k, n]));
    let dy = draw.away_from_zero::<f64>(&[m, n]);
    let (_, [dx, _]) = run(|tape, [x, w]| tape.matmul(x, w), [&x, &w], &dy);
    assert_eq!(dx.shape(), [m, k]);
    assert_relative_eq!(
        dx,
        gradient(&x, &dy, |x| multiplied(x, &w)),
        max_relative = 1e-7,
        epsilon = 1e-9
    );
    for i in 0..m {
        for l in 0..k {
            let by_index: f64 = (0..n).map(|j| dy[[i, j]] * w[[l, j]]).sum();
            assert_relative_eq!(dx[[i, l]], by_index, max_relative = 1e-13);
        }
    }
}

#[test]
fn eq_matmul_dw() {
    let (m, k, n) = (3, 4, 2);
    let mut draw = Draw::new(3);
    let (x, w) = (draw.away_from_zero(&[m, k]), draw.away_from_zero(&[k, n]));
    let dy = draw.away_from_zero::<f64>(&[m, n]);
    let (_, [_, dw]) = run(|tape, [x, w]| tape.matmul(x, w), [&x, &w], &dy);
    assert_eq!(dw.shape(), [k, n]);
    assert_relative_eq!(
        dw,
        gradient(&w, &dy, |w| multiplied(&x, w)),
        max_relative = 1e-7,
        epsilon = 1e-9
    );
    for l in 0..k {
        for j in 0..n {
            let by_index: f64 = (0..m).map(|i| x[[i, l]] * dy[[i, j]]).sum();
            assert_relative_eq!(dw[[l, j]], by_index, max_relative = 1e-13);
        }
    }
}

#[test]
fn eq_matmul_dw_samples() {
    let (m, k, n) = (5, 3, 2);
    let mut draw = Draw::new(13);
    let (x, w) = (draw.away_from_zero(&[m, k]), draw.away_from_zero(&[k, n]));
    let dy = draw.away_from_zero::<f64>(&[m, n]);
    let mut sum = Tensor::<f64>::zeros(IxDyn(&[k, n]));
    for i in 0..m {
        let [x, dy] = [&x, &dy].map(|a| a.slice_axis(Axis(0), (i..i + 1).into()).to_owned());
        assert_eq!((x.shape(), dy.shape()), ([1, k].as_slice(), [1, n].as_slice()));
        sum += &multiplied(&x.t().to_owned(), &dy);
        // Each sample's part is what the tape says of this sample alone.
        let (_, [_, dw]) = run(|tape, [x, w]| tape.matmul(x, w), [&x, &w], &dy);
        assert_relative_eq!(dw, multiplied(&x.t().to_owned(), &dy), max_relative = 1e-14);
    }
    let (_, [_, dw]) = run(|tape, [x, w]| tape.matmul(x, w), [&x, &w], &dy);
    assert_relative_eq!(sum, dw, max_relative = 1e-13, epsilon = 1e-13);
    assert_relative_eq!(
        sum,
        gradient(&w, &dy, |w| multiplied(&x, w)),
        max_relative = 1e-7,
        epsilon = 1e-9
    );
}

#[test]
fn the_example_of_the_chapter() {
    let x = arr2(&[[2.0, 1.0], [0.0, 3.0], [1.0, -1.0], [-2.0, 2.0]]).into_dyn();
    let w = arr2(&[[1.0, 4.0, -1.0], [2.0, 0.0, 5.0]]).into_dyn();
    let dy = [[1.0, -2.0, 4.0], [2.0, 1.0, -2.0], [0.0, 1.0, 1.0], [-1.0, 1.0, 2.0]];
    let (b, dy) = (Tensor::zeros(IxDyn(&[3])), arr2(&dy).into_dyn());
    let (y, [dx, dw, db]) = run(|tape, [x, w, b]| tape.linear(x, w, b), [&x, &w, &b], &dy);
    assert_eq!(y, multiplied(&x, &w));
    assert_eq!(dx, arr2(&[[-11.0, 22.0], [8.0, -6.0], [3.0, 5.0], [1.0, 8.0]]).into_dyn());
    assert_eq!(dw, arr2(&[[4.0, -5.0, 5.0], [5.0, 2.0, 1.0]]).into_dyn());
    assert_eq!(db, arr1(&[2.0, 1.0, 5.0]).into_dyn());
}

#[test]
fn eq_product_of_products() {
    let (m, k, n, r) = (3, 4, 2, 5);
    let mut draw = Draw::new(15);
    let shapes = [[m, k], [k, n], [n, r], [m, r]];
    let [x, w, v, dy] = shapes.map(|shape| draw.away_from_zero::<f64>(&shape));
    let left = |tape: &mut Tape<f64>, [x, w, v]: [Var; 3]| {
        let product = tape.matmul(x, w)?;
        tape.matmul(product, v)
    };
    let right = |tape: &mut Tape<f64>, [x, w, v]: [Var; 3]| {
        let product = tape.matmul(w, v)?;
        tape.matmul(x, product)
    };
    let (y, gradients) = run(left, [&x, &w, &v], &dy);
    let (other, others) = run(right, [&x, &w, &v], &dy);
    assert_eq!(y.shape(), [m, r]);
    assert_relative_eq!(y, multiplied(&multiplied(&x, &w), &v), max_relative = 1e-13);
    assert_relative_eq!(y, other, max_relative = 1e-12, epsilon = 1e-13);
    for (gradient, other) in gradients.iter().zip(&others) {
        assert_relative_eq!(gradient, other, max_relative = 1e-12, epsilon = 1e-12);
    }
}

/// Multiplications of a product of these shapes, counted one by one.
fn multiplications([m, k]: [usize; 2], [rows, n]: [usize; 2]) -> u64 {
    assert_eq!(k, rows);
    let mut count = 0;
    for _entry in 0..m * n {
        for _term in 0..k {
            count += 1;
        }
    }
    count
}

#[test]
fn the_three_products_cost_the_same() {
    let (m, k, n) = (5, 3, 4);
    let product = multiplications([m, k], [k, n]);
    assert_eq!(product, (m * k * n) as u64);
    let (dx, dw) = (multiplications([m, n], [n, k]), multiplications([k, m], [m, n]));
    assert_eq!((dx, dw), (product, product));

    let mut tape = Tape::<f64>::new();
    let (x, w) = (tape.parameter(Array2::ones((m, k))), tape.parameter(Array2::ones((k, n))));
    tape.matmul(x, w).unwrap();
    // Each multiplication has its addition.
    assert_eq!(tape.operations().forward, 2 * product);
    assert_eq!(tape.operations().backward, 2 * (dx + dw));
}

#[test]
fn eq_step_cost() {
    let (m, sizes) = (3, [7, 5, 4, 2]);
    let mut tape = Tape::<f64>::new();
    let mut y = tape.input(Array2::ones((m, sizes[0])));
    let (mut prediction, mut step) = (0, 0);
    for layer in sizes.windows(2) {
        let w = tape.parameter(Array2::ones((layer[0], layer[1])));
        y = tape.matmul(y, w).unwrap();
        prediction += multiplications([m, layer[0]], [layer[0], layer[1]]);
        step += multiplications([m, layer[0]], [layer[0], layer[1]]);
        step += multiplications([layer[0], m], [m, layer[1]]);
        if layer[0] != sizes[0] {
            step += multiplications([m, layer[1]], [layer[1], layer[0]]);
        }
    }
    let first = multiplications([m, sizes[0]], [sizes[0], sizes[1]]);
    let ratio = step as f64 / prediction as f64;
    assert_relative_eq!(ratio, 3.0 - first as f64 / prediction as f64, max_relative = 1e-14);
    assert_eq!((tape.operations().forward, tape.operations().step()), (2 * prediction, 2 * step));
}

#[test]
fn the_backward_pass_is_the_adjoint() {
    let (m, k, n) = (3, 4, 2);
    let mut draw = Draw::new(14);
    let (x, w) = (draw.away_from_zero(&[m, k]), draw.away_from_zero(&[k, n]));
    let dy = draw.away_from_zero::<f64>(&[m, n]);
    let (_, [_, dw]) = run(|tape, [x, w]| tape.matmul(x, w), [&x, &w], &dy);
    for _ in 0..4 {
        let v = draw.away_from_zero::<f64>(&[k, n]);
        let along = multiplied(&x, &v);
        assert_eq!(along.shape(), [m, n]);
        let left = (&dy * &along).sum();
        let right = (multiplied(&x.t().to_owned(), &dy) * &v).sum();
        assert_relative_eq!(left, right, max_relative = 1e-12, epsilon = 1e-12);
        assert_relative_eq!(left, (&dw * &v).sum(), max_relative = 1e-12, epsilon = 1e-12);
        // The change of Σ dY ⊙ Y along V, by a central difference.
        let moved = |by: f64| (&dy * &multiplied(&x, &(&w + &(&v * by)))).sum();
        let step = f64::EPSILON.cbrt();
        let change = (moved(step) - moved(-step)) / (2.0 * step);
        assert_relative_eq!(left, change, max_relative = 1e-6, epsilon = 1e-8);
    }
}

#[test]
fn eq_linear_bias() {
    let mut draw = Draw::new(4);
    let (x, w) = (draw.away_from_zero(&[3, 4]), draw.away_from_zero(&[4, 2]));
    let (b, dy) = (draw.away_from_zero::<f64>(&[2]), draw.away_from_zero::<f64>(&[3, 2]));
    let (y, [_, _, db]) = run(|tape, [x, w, b]| tape.linear(x, w, b), [&x, &w, &b], &dy);
    assert_relative_eq!(y, multiplied(&x, &w) + &b, max_relative = 1e-13);
    assert_relative_eq!(
        db,
        gradient(&b, &dy, |b| multiplied(&x, &w) + b),
        max_relative = 1e-7,
        epsilon = 1e-9
    );
    for j in 0..2 {
        let by_index: f64 = (0..3).map(|i| dy[[i, j]]).sum();
        assert_relative_eq!(db[j], by_index, max_relative = 1e-14);
    }
}

#[test]
fn a_transpose_is_transposed_back() {
    let mut draw = Draw::new(5);
    let (x, dy) = (draw.away_from_zero::<f64>(&[2, 3]), draw.away_from_zero::<f64>(&[3, 2]));
    let (y, [dx]) = run(|tape, [x]| tape.transpose(x), [&x], &dy);
    assert_eq!(y, x.t());
    assert_eq!(dx, dy.t());
}

#[test]
fn one_matrix_as_both_factors_gets_two_gradients() {
    // C·C: the two uses of C add dY·Cᵀ and Cᵀ·dY.
    let mut draw = Draw::new(6);
    let [c, dy] = [0, 1].map(|_| draw.away_from_zero::<f64>(&[3, 3]));
    let (_, [dc]) = run(|tape, [c]| tape.matmul(c, c), [&c], &dy);
    let transposed = c.t().to_owned();
    let expected = multiplied(&dy, &transposed) + multiplied(&transposed, &dy);
    assert_relative_eq!(dc, expected, max_relative = 1e-13, epsilon = 1e-13);
    assert_relative_eq!(
        dc,
        gradient(&c, &dy, |c| multiplied(c, c)),
        max_relative = 1e-7,
        epsilon = 1e-8
    );
    let (_, [dc]) = run(|tape, [c]| tape.transpose(c).and_then(|t| tape.add(c, t)), [&c], &dy);
    assert_eq!(dc, &dy + &dy.t());
}

#[test]
fn the_fused_layers_equal_their_parts() {
    let mut draw = Draw::new(7);
    let (x, w) = (draw.away_from_zero(&[7, 5]), draw.away_from_zero(&[5, 6]));
    let (b, dy) = (draw.away_from_zero(&[6]), draw.away_from_zero(&[7, 6]));
    let inputs = [&x, &w, &b];
    let parts = |tape: &mut Tape<f64>, [x, w, b]: [Var; 3]| {
        let product = tape.matmul(x, w)?;
        tape.add_bias(product, b)
    };
    let (y, gradients) = run(|tape, [x, w, b]| tape.linear(x, w, b), inputs, &dy);
    let (y_parts, gradients_parts) = run(parts, inputs, &dy);
    assert_relative_eq!(y, y_parts, max_relative = 1e-13, epsilon = 1e-13);
    for (whole, part) in gradients.iter().zip(&gradients_parts) {
        assert_relative_eq!(whole, part, max_relative = 1e-13, epsilon = 1e-13);
    }

    let (y, gradients) = run(|tape, [x, w, b]| tape.linear_relu(x, w, b), inputs, &dy);
    let (y_parts, gradients_parts) =
        run(|tape, inputs| parts(tape, inputs).and_then(|y| tape.relu(y)), inputs, &dy);
    assert!(y.iter().any(|&y| y == 0.0) && y.iter().any(|&y| y > 0.0));
    assert_relative_eq!(y, y_parts, max_relative = 1e-13, epsilon = 1e-13);
    for (whole, part) in gradients.iter().zip(&gradients_parts) {
        assert_relative_eq!(whole, part, max_relative = 1e-13, epsilon = 1e-13);
    }
}

#[test]
fn the_layer_s_relu_stops_at_zero_and_hides_no_nan() {
    let mut tape = Tape::<f32>::new();
    let x = tape.parameter(arr2(&[[1.0], [-1.0], [f32::NAN]]));
    let w = tape.parameter(arr2(&[[1.0, 2.0]]));
    let b = tape.parameter(arr1(&[-1.0, 0.5]));
    let y = tape.linear_relu(x, w, b).unwrap();
    let value = tape.value(y).clone();
    assert_eq!(value.slice(s![..2, ..]), arr2(&[[0.0, 2.5], [0.0, 0.0]]));
    assert!(value.slice(s![2, ..]).iter().all(|y| y.is_nan()));
    tape.set(x, &arr2(&[[1.0], [-1.0], [3.0]])).unwrap();
    tape.forward();
    let dy = arr2(&[[10.0, 1.0], [100.0, 1000.0], [1.0, 1.0]]).into_dyn();
    tape.backward_from(y, &dy).unwrap();
    // The first entry of the first row is exactly zero: nothing passes.
    assert_eq!(tape.gradient(b), &arr1(&[1.0, 2.0]).into_dyn());
    assert_eq!(tape.gradient(x), &arr2(&[[2.0], [0.0], [3.0]]).into_dyn());
}

#[test]
fn gradients_add_to_those_of_other_uses() {
    let mut draw = Draw::new(8);
    let (x, w) = (draw.away_from_zero::<f64>(&[3, 3]), draw.away_from_zero::<f64>(&[3, 3]));
    let (b, dy) = (draw.away_from_zero::<f64>(&[3]), draw.positive::<f64>(&[3, 3]));
    type Layer = fn(&mut Tape<f64>, Var, Var, Var) -> Result<Var, ShapeError>;
    let layers: [Layer; 3] = [Tape::linear, Tape::linear_relu, |tape, x, w, _| tape.matmul(x, w)];
    for layer in layers {
        let (_, alone) = run(|tape, [x, w, b]| layer(tape, x, w, b), [&x, &w, &b], &dy);
        let (_, twice) = run(
            |tape, [x, w, b]| {
                let (y, z) = (layer(tape, x, w, b)?, layer(tape, x, w, b)?);
                tape.add(y, z)
            },
            [&x, &w, &b],
            &dy,
        );
        for (twice, alone) in twice.iter().zip(&alone) {
            assert_relative_eq!(twice, &(alone * 2.0), max_relative = 1e-13);
        }
    }
}

#[test]
fn a_product_takes_any_strides() {
    let mut draw = Draw::new(9);
    let (big_a, big_b): (Array2<f64>, Array2<f64>) =
        (matrix(&mut draw, 12, 12), matrix(&mut draw, 12, 12));
    let row: Array1<f64> = Array1::from_iter([0.5, -2.0, 1.5]);
    let lefts: [ArrayView2<'_, f64>; 4] = [
        big_a.slice(s![..5, ..3]),
        big_a.slice(s![..3, ..5]).reversed_axes(),
        big_a.slice(s![1..11;2, 0..9;-3]),
        row.broadcast((5, 3)).unwrap(),
    ];
    let rights: [ArrayView2<'_, f64>; 3] = [
        big_b.slice(s![..3, ..4]),
        big_b.slice(s![..4, ..3]).reversed_axes(),
        big_b.slice(s![..;5, ..;3]),
    ];
    for a in &lefts {
        for b in &rights {
            let expected = three_loops(a.view(), b.view());
            // What stood in C must not matter, not even NaN.
            let mut c = Array2::from_elem((5, 4), f64::NAN);
            product(a.view(), b.view(), c.view_mut(), false);
            assert_relative_eq!(c, expected, max_relative = 1e-13, epsilon = 1e-13);
            // And into a part of a larger C, which is added to; the rest stays.
            let mut c = Array2::from_elem((7, 9), 10.0);
            product(a.view(), b.view(), c.slice_mut(s![2..7, 3..7]), true);
            let mut whole = Array2::from_elem((7, 9), 10.0);
            whole.slice_mut(s![2..7, 3..7]).scaled_add(1.0, &expected);
            assert_relative_eq!(c, whole, max_relative = 1e-13, epsilon = 1e-13);
        }
    }
}

#[test]
fn a_large_product_is_cut_without_a_trace() {
    let mut draw = Draw::new(10);
    for (m, k, n) in [
        (300, 240, 250),
        (250, 240, 300),
        (2400, 2400, 3),
        (3, 2400, 2400),
        (1, MIN_MULTIPLICATIONS, 1),
    ] {
        assert!(m * k * n >= MIN_MULTIPLICATIONS);
        let (a, b): (Array2<f32>, Array2<f32>) = (matrix(&mut draw, m, k), matrix(&mut draw, k, n));
        let (mut cut, mut whole) =
            (Array2::from_elem((m, n), 0.25), Array2::from_elem((m, n), 0.25));
        product(a.view(), b.view(), cut.view_mut(), true);
        gemm(&a.view().into(), b.view(), whole.view_mut(), true);
        // The rounding errors of k products of about 1 add up as a random walk.
        let tolerance = f32::EPSILON * k as f32;
        assert_relative_eq!(cut, whole, epsilon = tolerance.max(1e-4));
    }
}

/// Any number of threads gives the same bits, of a product, of an element-wise loop and of sums
/// over the rows.
#[cfg(feature = "threads")]
#[test]
fn threads_change_no_bit() {
    let mut draw = Draw::new(11);
    let (a, b): (Array2<f32>, Array2<f32>) =
        (matrix(&mut draw, 300, 200), matrix(&mut draw, 200, 250));
    let [first, second, third] = [1, 2, 3].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut tape = Tape::new();
            let (a, b) = (tape.parameter(a.clone()), tape.parameter(b.clone()));
            let c = tape.matmul(a, b).unwrap();
            let c = tape.tanh(c).unwrap();
            let gamma = tape.parameter(Array1::ones(250));
            let beta = tape.parameter(Array1::zeros(250));
            tape.set_mode(chainrule::Mode::Training { step: 0 });
            let y = tape.batch_norm(c, gamma, beta).unwrap();
            tape.forward();
            tape.backward(y);
            [tape.value(y).clone(), tape.gradient(a).clone(), tape.gradient(b).clone()]
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
    let x = tape.parameter(Array2::ones((3, 4)));
    let w = tape.parameter(Array2::ones((4, 2)));
    let b = tape.parameter(Array1::ones(3));
    let cube = tape.parameter(Tensor::ones(IxDyn(&[2, 3, 4])));
    let empty = tape.parameter(Array2::ones((4, 0)));
    let rule = "columns of the left (4) must equal rows of the right (3)";
    assert_eq!(refused(tape.matmul(x, x)), format!("matmul: [3, 4] · [3, 4]: {rule}"));
    assert_eq!(refused(tape.linear(x, x, b)), format!("linear: [3, 4] · [3, 4] · [3]: {rule}"));
    assert_eq!(
        refused(tape.linear_relu(x, w, b)),
        "linear_relu: [3, 4] · [4, 2] · [3]: the bias must have one entry a column of the weights (2)"
    );
    assert_eq!(refused(tape.matmul(x, b)), "matmul: [3, 4] · [3]: takes matrices: two axes each");
    assert_eq!(
        refused(tape.matmul(cube, w)),
        "matmul: [2, 3, 4] · [4, 2]: takes matrices: two axes each"
    );
    assert_eq!(refused(tape.transpose(b)), "transpose: [3]: takes a matrix");
    assert_eq!(
        refused(tape.matmul(x, empty)),
        "matmul: [3, 4] · [4, 0]: an input is empty: every axis must have a length of 1 or more"
    );
    assert_eq!(
        refused(tape.push(chainrule::matmul::Matmul, &[x])),
        "matmul: [3, 4]: takes 2 inputs, was given 1"
    );
    assert_eq!(
        refused(tape.push(chainrule::matmul::Transpose, &[])),
        "transpose: takes 1 inputs, was given 0"
    );
}

#[test]
#[should_panic(expected = "terms of a row of a must equal rows of b")]
fn a_product_off_the_tape_panics_on_inner_shapes() {
    let a = Array2::<f32>::ones((2, 3));
    product(a.view(), a.view(), Array2::zeros((2, 3)).view_mut(), false);
}

#[test]
#[should_panic(expected = "c must have the rows of a and the columns of b")]
fn a_product_off_the_tape_panics_on_outer_shapes() {
    let a = Array2::<f64>::ones((2, 2));
    let mut c = Array2::zeros((2, 3));
    let c: ArrayViewMut2<'_, f64> = c.view_mut();
    product(a.view(), a.view(), c, false);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_transpose_of_a_product_exchanges_its_factors(m in 1..9_usize, k in 1..9_usize, n in 1..9_usize, seed: u64) {
        let mut draw = Draw::new(seed);
        let (a, b) = (draw.away_from_zero(&[m, k]), draw.away_from_zero(&[k, n]));
        let dy = draw.away_from_zero::<f64>(&[n, m]);
        let (left, gradients) = run(
            |tape, [a, b]| tape.matmul(a, b).and_then(|product| tape.transpose(product)),
            [&a, &b], &dy,
        );
        let (right, gradients_right) = run(
            |tape, [a, b]| {
                let (a, b) = (tape.transpose(a)?, tape.transpose(b)?);
                tape.matmul(b, a)
            },
            [&a, &b], &dy,
        );
        assert_relative_eq!(left, right, max_relative = 1e-12, epsilon = 1e-12);
        for (left, right) in gradients.iter().zip(&gradients_right) {
            assert_relative_eq!(left, right, max_relative = 1e-12, epsilon = 1e-12);
        }
    }

    #[test]
    fn backward_is_linear_in_dy(m in 1..9_usize, k in 1..9_usize, n in 1..9_usize, seed: u64) {
        let mut draw = Draw::new(seed);
        let (x, w) = (draw.away_from_zero(&[m, k]), draw.away_from_zero(&[k, n]));
        let b = draw.away_from_zero(&[n]);
        let [dy, dz] = [0, 1].map(|_| draw.away_from_zero::<f64>(&[m, n]));
        let of = |dy: &Tensor<f64>| {
            run(|tape, [x, w, b]| tape.linear_relu(x, w, b), [&x, &w, &b], dy).1
        };
        let (both, of_dy, of_dz) = (of(&(&dy * 3.0 - &dz)), of(&dy), of(&dz));
        for k in 0..3 {
            let expected = &of_dy[k] * 3.0 - &of_dz[k];
            assert_relative_eq!(both[k], expected, max_relative = 1e-12, epsilon = 1e-12);
        }
    }
}

/// The product over a single term has a way of its own.
#[test]
fn a_product_over_one_term_is_an_outer_product() {
    let (a, b) = (arr2(&[[2.0], [-3.0]]), arr2(&[[5.0, 7.0, -1.0]]));
    let outer = arr2(&[[10.0, 14.0, -2.0], [-15.0, -21.0, 3.0]]);
    let mut c = Array2::from_elem((2, 3), 0.5);
    product(a.view(), b.view(), c.view_mut(), true);
    assert_eq!(c, &outer + 0.5);
    product(a.view(), b.view(), c.view_mut(), false);
    assert_eq!(c, outer);
}
