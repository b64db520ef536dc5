//! The equations of chapter 4, evaluated on both sides.

use crate::numeric::gradient;
use approx::assert_relative_eq;
use chainrule::gradcheck::{Draw, Gradcheck};
use chainrule::parallel::{self, MIN_ENTRIES};
use chainrule::tensor::matrix;
use chainrule::{ShapeError, Tape, Tensor, Var};
use ndarray::{Array2, ArrayD, Axis, Ix2, IxDyn, Zip, arr0, arr1, arr2};
use proptest::prelude::*;

type Record2 = fn(&mut Tape<f64>, Var, Var) -> Result<Var, ShapeError>;
type Record1 = fn(&mut Tape<f64>, Var) -> Result<Var, ShapeError>;
type Function2 = fn(f64, f64) -> f64;
type Function1 = fn(f64) -> f64;

const BINARY: [Record2; 4] = [Tape::add, Tape::subtract, Tape::multiply, Tape::divide];

/// Value and gradients of a binary op on two parameters.
fn run2(record: Record2, a: &Tensor<f64>, b: &Tensor<f64>, dy: &Tensor<f64>) -> [Tensor<f64>; 3] {
    let mut tape = Tape::new();
    let (a, b) = (tape.parameter(a.clone()), tape.parameter(b.clone()));
    let y = record(&mut tape, a, b).unwrap();
    tape.backward_from(y, dy).unwrap();
    [y, a, b].map(|var| if var == y { tape.value(var).clone() } else { tape.gradient(var).clone() })
}

/// Value and gradient of an op on one parameter.
fn run1(
    record: impl Fn(&mut Tape<f64>, Var) -> Result<Var, ShapeError>,
    x: &Tensor<f64>,
    dy: &Tensor<f64>,
) -> [Tensor<f64>; 2] {
    let mut tape = Tape::new();
    let x = tape.parameter(x.clone());
    let y = record(&mut tape, x).unwrap();
    tape.backward_from(y, dy).unwrap();
    [tape.value(y).clone(), tape.gradient(x).clone()]
}

fn pairwise(a: &Tensor<f64>, b: &Tensor<f64>, f: Function2) -> Tensor<f64> {
    Zip::from(a).and(b).map_collect(|&a, &b| f(a, b))
}

/// Asserts, for inputs of three axes, the value of a binary op and both its gradients: against
/// the formulas `df_da` and `df_db`, and the formulas against central differences.
fn assert_binary(record: Record2, f: Function2, df_da: Function2, df_db: Function2) {
    let mut draw = Draw::new(4);
    let [a, b, dy] = [0, 1, 2].map(|_| draw.away_from_zero::<f64>(&[2, 3, 2]));
    let [y, da, db] = run2(record, &a, &b, &dy);
    assert_eq!(y, pairwise(&a, &b, f));
    assert_relative_eq!(da, &dy * &pairwise(&a, &b, df_da), max_relative = 1e-15);
    assert_relative_eq!(db, &dy * &pairwise(&a, &b, df_db), max_relative = 1e-15);
    assert_relative_eq!(da, gradient(&a, &dy, |a| pairwise(a, &b, f)), max_relative = 1e-7);
    assert_relative_eq!(db, gradient(&b, &dy, |b| pairwise(&a, b, f)), max_relative = 1e-7);
}

/// Asserts the value of an op on one tensor and its gradient, as [`assert_binary`] does.
fn assert_unary(
    record: impl Fn(&mut Tape<f64>, Var) -> Result<Var, ShapeError>,
    f: Function1,
    df: Function1,
) {
    let mut draw = Draw::new(4);
    let (x, dy) = (draw.positive(&[2, 3, 2]), draw.away_from_zero(&[2, 3, 2]));
    let [y, dx] = run1(record, &x, &dy);
    assert_eq!(y, x.mapv(f));
    assert_relative_eq!(dx, &dy * &x.mapv(df), max_relative = 1e-15);
    assert_relative_eq!(dx, gradient(&x, &dy, |x| x.mapv(f)), max_relative = 1e-7);
}

#[test]
fn eq_elementwise() {
    let mut draw = Draw::new(1);
    let [a, b, dy] = [0, 1, 2].map(|_| draw.away_from_zero::<f64>(&[4]));
    let functions: [Function2; 4] = [|a, b| a + b, |a, b| a - b, |a, b| a * b, |a, b| a / b];
    let slope = |f: &dyn Fn(f64) -> f64, x| (f(x + 1e-5) - f(x - 1e-5)) / 2e-5;
    for (record, f) in BINARY.into_iter().zip(functions) {
        let [_, da, db] = run2(record, &a, &b, &dy);
        assert_eq!((da.shape(), db.shape()), (a.shape(), b.shape()));
        for i in 0..4 {
            let (df_da, df_db) = (slope(&|a| f(a, b[i]), a[i]), slope(&|b| f(a[i], b), b[i]));
            assert_relative_eq!(da[i], dy[i] * df_da, max_relative = 1e-7);
            assert_relative_eq!(db[i], dy[i] * df_db, max_relative = 1e-7);
        }
        // The Jacobian is diagonal: what comes from one output goes to its own place alone.
        for i in 0..4 {
            let mut only = Tensor::zeros(IxDyn(&[4]));
            only[i] = 1.0;
            let [_, da, db] = run2(record, &a, &b, &only);
            for j in (0..4).filter(|&j| j != i) {
                assert_eq!((da[j], db[j]), (0.0, 0.0));
            }
            assert!(da[i] != 0.0 && db[i] != 0.0);
        }
    }
}

#[test]
fn addition_passes_its_gradient_on() {
    assert_binary(Tape::add, |a, b| a + b, |_, _| 1.0, |_, _| 1.0);
}

#[test]
fn subtraction_turns_the_sign_of_the_second() {
    assert_binary(Tape::subtract, |a, b| a - b, |_, _| 1.0, |_, _| -1.0);
}

#[test]
fn a_product_passes_the_other_input() {
    assert_binary(Tape::multiply, |a, b| a * b, |_, b| b, |a, _| a);
}

#[test]
fn eq_divide_numerator() {
    let mut draw = Draw::new(5);
    let [a, b, dy] = [0, 1, 2].map(|_| draw.away_from_zero::<f64>(&[2, 3]));
    let [y, da, _] = run2(Tape::divide, &a, &b, &dy);
    assert_eq!(y, &a / &b);
    assert_relative_eq!(da, &dy / &b, max_relative = 1e-15);
    assert_relative_eq!(da, gradient(&a, &dy, |a| a / &b), max_relative = 1e-7);
}

#[test]
fn eq_divide_denominator() {
    let mut draw = Draw::new(6);
    let [a, b, dy] = [0, 1, 2].map(|_| draw.away_from_zero::<f64>(&[2, 3]));
    let [y, _, db] = run2(Tape::divide, &a, &b, &dy);
    assert_relative_eq!(db, -&dy * &a / (&b * &b), max_relative = 1e-15);
    assert_relative_eq!(db, -&dy * &y / &b, max_relative = 1e-15);
    assert_relative_eq!(db, gradient(&b, &dy, |b| &a / b), max_relative = 1e-7);
    // The change of f, over the common denominator.
    let (a, b, h) = (1.7, -0.6, 0.01);
    assert_relative_eq!(a / (b + h) - a / b, -a * h / ((b + h) * b), max_relative = 1e-12);
}

#[test]
fn one_tensor_as_both_inputs_gets_both_terms() {
    let mut draw = Draw::new(7);
    let [c, dy] = [0, 1].map(|_| draw.away_from_zero::<f64>(&[2, 3]));
    let zero = Tensor::zeros(c.raw_dim());
    let expected = [&dy * 2.0, zero.clone(), &dy * &c * 2.0, zero];
    for (record, expected) in BINARY.into_iter().zip(expected) {
        let [_, dc] = run1(|tape, c| record(tape, c, c), &c, &dy);
        assert_relative_eq!(dc, expected, epsilon = 1e-15, max_relative = 1e-15);
        // The same terms as of two tensors with equal entries.
        let [_, da, db] = run2(record, &c, &c, &dy);
        assert_eq!(dc, da + db);
    }
}

#[test]
fn negation_scales_by_minus_one() {
    assert_unary(Tape::negate, |x| -x, |_| -1.0);
}

#[test]
fn a_constant_factor_is_the_slope() {
    assert_unary(|tape, x| tape.scale(x, -2.5), |x| -2.5 * x, |_| -2.5);
}

#[test]
fn the_exponential_is_its_own_slope() {
    assert_unary(Tape::exp, f64::exp, f64::exp);
}

#[test]
fn the_logarithm_undoes_the_exponential() {
    assert_unary(Tape::log, f64::ln, |x| 1.0 / x);
    // Logarithm and exponential undo each other, so the two slopes multiply to one.
    let x = arr1(&[0.4, 1.0, 2.3]).into_dyn();
    let [y, dx] = run1(
        |tape, x| tape.log(x).and_then(|y| tape.exp(y)),
        &x,
        &arr1(&[0.5, -1.5, 2.0]).into_dyn(),
    );
    assert_relative_eq!(y, x, max_relative = 1e-15);
    assert_relative_eq!(dx, arr1(&[0.5, -1.5, 2.0]).into_dyn(), max_relative = 1e-15);
}

#[test]
fn eq_map() {
    assert_unary(
        |tape, x| tape.map(x, "softplus", |x: f64| x.exp().ln_1p(), |x| 1.0 / (1.0 + (-x).exp())),
        |x| x.exp().ln_1p(),
        |x| 1.0 / (1.0 + (-x).exp()),
    );
}

#[test]
fn the_sigmoid_finds_its_slope_in_its_value() {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let slope = |x: f64| 1.0 / (1.0 + (-x).exp()) * (1.0 - 1.0 / (1.0 + (-x).exp()));
    assert_unary(|tape, x| tape.map(x, "sigmoid", sigmoid, slope), sigmoid, slope);
    // The same from the quotient rule, and from the value alone.
    let x: Tensor<f64> = Draw::new(16).uniform(&[20], -4.0, 4.0);
    let [f, dx] = run1(
        |tape, x| {
            let ones = tape.input(Tensor::ones(IxDyn(&[20])));
            let e = tape.negate(x).and_then(|x| tape.exp(x))?;
            let denominator = tape.add(ones, e)?;
            tape.divide(ones, denominator)
        },
        &x,
        &Tensor::ones(IxDyn(&[20])),
    );
    assert_relative_eq!(dx, &f * &(1.0 - &f), max_relative = 1e-13);
}

#[test]
fn the_table_of_derivatives() {
    let table: [(&'static str, Function1, Function1); 9] = [
        ("c·x", |x| -2.5 * x, |_| -2.5),
        ("x^n", |x| x.powi(5), |x| 5.0 * x.powi(4)),
        ("1/x", |x| 1.0 / x, |x| -1.0 / (x * x)),
        ("√x", f64::sqrt, |x| 1.0 / (2.0 * x.sqrt())),
        ("e^x", f64::exp, f64::exp),
        ("ln x", f64::ln, |x| 1.0 / x),
        ("sin x", f64::sin, f64::cos),
        ("cos x", f64::cos, |x| -x.sin()),
        ("tanh x", f64::tanh, |x| 1.0 - x.tanh().powi(2)),
    ];
    for (name, f, df) in table {
        assert_unary(move |tape, x| tape.map(x, name, f, df), f, df);
    }
}

/// x of shape `[m, n]` with each column divided by its root mean square, in plain arithmetic.
fn divided_by_spread(x: &Tensor<f64>) -> Tensor<f64> {
    x / &x.pow2().mean_axis(Axis(0)).unwrap().sqrt()
}

#[test]
fn eq_divide_by_spread() {
    let mut draw = Draw::new(18);
    let [x, dy] = [0, 1].map(|_| draw.away_from_zero::<f64>(&[5, 3]));
    let [y, dx] = run1(Tape::divide_by_spread, &x, &dy);
    assert_relative_eq!(y, divided_by_spread(&x), max_relative = 1e-14);
    let spread = x.pow2().mean_axis(Axis(0)).unwrap().sqrt();
    let formula = (&dy - &y * &(&dy * &y).mean_axis(Axis(0)).unwrap()) / &spread;
    assert_relative_eq!(dx, formula, max_relative = 1e-12);
    assert_relative_eq!(dx, gradient(&x, &dy, divided_by_spread), max_relative = 1e-6);
}

#[test]
fn eq_no_slope_along_the_column() {
    let mut draw = Draw::new(19);
    let [x, dy] = [0, 1].map(|_| draw.away_from_zero::<f64>(&[5, 3]));
    let along = |dx: &Tensor<f64>| (&x * dx).sum_axis(Axis(0));
    let [_, dx] = run1(Tape::divide_by_spread, &x, &dy);
    let differences = gradient(&x, &dy, divided_by_spread);
    for sums in [along(&dx), along(&differences)] {
        assert!(sums.iter().all(|sum| sum.abs() < 1e-8), "{sums}");
    }
    // No entry of the gradient is zero: the terms cancel.
    assert!(dx.iter().all(|dx| dx.abs() > 1e-3), "{dx}");
}

/// Each column divided by its spread, which the backward pass takes for a constant.
fn divide_by_constant(tape: &mut Tape<f64>, x: Var) -> Result<Var, ShapeError> {
    let spread = tape.spread(x)?;
    let constant = tape.map(spread, "constant", |r| r, |_| 0.0)?;
    let repeated = tape.expand(constant, Axis(0), x)?;
    tape.divide(x, repeated)
}

#[test]
fn a_spread_taken_for_a_constant_is_caught() {
    let mut draw = Draw::new(20);
    let [x, dy] = [0, 1].map(|_| draw.away_from_zero::<f64>(&[5, 3]));
    for (divide, is_right) in
        [(Tape::divide_by_spread as Record1, true), (divide_by_constant, false)]
    {
        let mut tape = Tape::new();
        let x = tape.parameter(x.clone());
        let y = divide(&mut tape, x).unwrap();
        let report = Gradcheck::default().run(&mut tape, y, &dy).unwrap();
        assert_eq!(report.max_relative_error() < 1e-6, is_right, "{report}");
        // The same without differences: a longer column makes the same y.
        let along = (tape.value(x) * tape.gradient(x)).sum_axis(Axis(0));
        assert_eq!(along.iter().all(|slope| slope.abs() < 1e-12), is_right, "{along}");
    }
}

#[test]
fn a_column_of_zeros_has_no_quotient() {
    let mut tape = Tape::<f64>::new();
    let x = tape.parameter(arr2(&[[1.0, 0.0], [-1.0, 0.0]]));
    let y = tape.divide_by_spread(x).unwrap();
    assert!(tape.value(y).iter().map(|y| y.is_nan()).eq([false, true, false, true]));
    let scalar = tape.parameter(arr0(1.0));
    assert_eq!(
        tape.divide_by_spread(scalar).unwrap_err().to_string(),
        "mean_axis: []: there is no axis 0: [] has 0 axes"
    );
}

#[test]
fn a_mapped_function_keeps_its_name() {
    let mut tape = Tape::<f64>::new();
    let x = tape.input(arr1(&[2.0]));
    let y = tape.map(x, "square", |x| x * x, |x| 2.0 * x).unwrap();
    assert_eq!(tape.expression(y), "square(%0)");
}

#[test]
fn a_sum_repeats_its_gradient() {
    let mut draw = Draw::new(8);
    let (x, dy) = (draw.away_from_zero(&[2, 3, 4]), arr0(-1.3).into_dyn());
    let [y, dx] = run1(Tape::sum, &x, &dy);
    assert_relative_eq!(y, arr0(x.iter().sum()).into_dyn(), max_relative = 1e-14);
    assert_eq!(dx, ArrayD::from_elem(vec![2, 3, 4], -1.3));
    assert_relative_eq!(dx, gradient(&x, &dy, |x| arr0(x.sum()).into_dyn()), max_relative = 1e-7);
}

#[test]
fn a_mean_repeats_an_nth() {
    let mut draw = Draw::new(9);
    let (x, dy) = (draw.away_from_zero(&[2, 3, 4]), arr0(-1.2).into_dyn());
    let [y, dx] = run1(Tape::mean, &x, &dy);
    assert_relative_eq!(y, arr0(x.iter().sum::<f64>() / 24.0).into_dyn(), max_relative = 1e-14);
    assert_relative_eq!(dx, ArrayD::from_elem(vec![2, 3, 4], -0.05), max_relative = 1e-15);
    assert_relative_eq!(
        dx,
        gradient(&x, &dy, |x| arr0(x.mean().unwrap()).into_dyn()),
        max_relative = 1e-6
    );
}

#[test]
fn a_sum_along_an_axis_repeats_along_it() {
    let mut draw = Draw::new(10);
    let x = draw.away_from_zero::<f64>(&[2, 3, 4]);
    for axis in [Axis(0), Axis(1), Axis(2)] {
        let dy = draw.away_from_zero(x.sum_axis(axis).shape());
        let [y, dx] = run1(|tape, x| tape.sum_axis(x, axis), &x, &dy);
        assert_relative_eq!(y, x.sum_axis(axis), max_relative = 1e-14);
        let repeated = dy.clone().insert_axis(axis);
        assert_eq!(dx, repeated.broadcast(x.raw_dim()).unwrap());
        assert_relative_eq!(dx, gradient(&x, &dy, |x| x.sum_axis(axis)), max_relative = 1e-7);
    }
}

#[test]
fn a_mean_along_an_axis_repeats_an_nth() {
    let mut draw = Draw::new(11);
    let x = draw.away_from_zero::<f64>(&[2, 3, 4]);
    for axis in [Axis(0), Axis(1), Axis(2)] {
        let dy = draw.away_from_zero(x.sum_axis(axis).shape());
        let [y, dx] = run1(|tape, x| tape.mean_axis(x, axis), &x, &dy);
        assert_relative_eq!(y, x.mean_axis(axis).unwrap(), max_relative = 1e-14);
        let repeated = (&dy / x.len_of(axis) as f64).insert_axis(axis);
        assert_relative_eq!(
            dx,
            repeated.broadcast(x.raw_dim()).unwrap().to_owned(),
            max_relative = 1e-15
        );
        assert_relative_eq!(
            dx,
            gradient(&x, &dy, |x| x.mean_axis(axis).unwrap()),
            max_relative = 1e-7
        );
    }
}

/// Value of the expansion of `x` to the `shape` of another tensor, and the gradients of both.
fn expand(x: &Tensor<f64>, axis: Axis, shape: &[usize], dy: &Tensor<f64>) -> [Tensor<f64>; 3] {
    let mut tape = Tape::new();
    let x = tape.parameter(x.clone());
    let like = tape.parameter(ArrayD::from_elem(shape, f64::NAN));
    let y = tape.expand(x, axis, like).unwrap();
    tape.backward_from(y, dy).unwrap();
    [tape.value(y).clone(), tape.gradient(x).clone(), tape.gradient(like).clone()]
}

#[test]
fn eq_expand() {
    let mut draw = Draw::new(12);
    let dy = draw.away_from_zero::<f64>(&[2, 3, 4]);
    for axis in [Axis(0), Axis(1), Axis(2)] {
        let x = draw.away_from_zero::<f64>(dy.sum_axis(axis).shape());
        let repeat = |x: &Tensor<f64>| {
            x.clone().insert_axis(axis).broadcast(dy.raw_dim()).unwrap().to_owned()
        };
        let [y, dx, d_like] = expand(&x, axis, dy.shape(), &dy);
        assert_eq!(y, repeat(&x));
        assert_relative_eq!(dx, dy.sum_axis(axis), max_relative = 1e-14);
        assert_relative_eq!(dx, gradient(&x, &dy, repeat), max_relative = 1e-7);
        assert_eq!(d_like, Tensor::<f64>::zeros(dy.raw_dim()));
        // With the axis kept at length 1, all else is the same.
        let [y_kept, dx_kept, _] = expand(&x.clone().insert_axis(axis), axis, dy.shape(), &dy);
        assert_eq!(y_kept, y);
        assert_eq!(dx_kept, dx.insert_axis(axis));
    }
    // In matrices: a product with a column of ones, and one with its transpose.
    let [row, dy] = [[1, 4], [3, 4]].map(|shape| draw.away_from_zero::<f64>(&shape));
    let ones = Array2::ones((3, 1));
    let [y, dr, _] = expand(&row, Axis(0), dy.shape(), &dy);
    assert_eq!(y, ones.dot(&matrix(&row)).into_dyn());
    assert_relative_eq!(dr, ones.t().dot(&matrix(&dy)).into_dyn(), max_relative = 1e-14);
}

#[test]
fn a_bias_sums_over_the_rows() {
    let mut draw = Draw::new(13);
    for shape in [vec![4], vec![5, 4], vec![2, 3, 4]] {
        let [x, dy] = [0, 1].map(|_| draw.away_from_zero::<f64>(&shape));
        let b = draw.away_from_zero::<f64>(&[4]);
        let [y, dx, db] = run2(Tape::add_bias, &x, &b, &dy);
        assert_eq!(y, &x + &b);
        assert_eq!(dx, dy);
        assert_relative_eq!(db, gradient(&b, &dy, |b| &x + b), max_relative = 1e-7);
        let mut sum = Tensor::zeros(IxDyn(&[4]));
        for row in dy.rows() {
            sum += &row;
        }
        assert_relative_eq!(db, sum, max_relative = 1e-14);
    }
}

#[test]
fn a_bias_is_a_product_with_ones() {
    let (m, n) = (5, 4);
    let mut draw = Draw::new(17);
    let [x, dy] = [0, 1].map(|_| draw.away_from_zero::<f64>(&[m, n]));
    let b = draw.away_from_zero::<f64>(&[n]);
    let [y, _, db] = run2(Tape::add_bias, &x, &b, &dy);
    let product = |a: &Tensor<f64>, b: &Tensor<f64>| {
        let [a, b] = [a, b].map(|a| a.view().into_dimensionality::<Ix2>().unwrap());
        a.dot(&b).into_dyn()
    };
    let ones = Tensor::<f64>::ones(IxDyn(&[m, 1]));
    let row = b.clone().insert_axis(Axis(0));
    assert_eq!((row.shape(), db.shape()), ([1, n].as_slice(), [n].as_slice()));
    assert_eq!(y, &x + &product(&ones, &row));
    let sum = product(&ones.t().to_owned(), &dy);
    assert_eq!(sum.shape(), [1, n]);
    assert_relative_eq!(db.insert_axis(Axis(0)), sum, max_relative = 1e-14);
    assert_relative_eq!(
        sum,
        gradient(&row, &dy, |row| &x + &product(&ones, row)),
        max_relative = 1e-7
    );
}

#[test]
fn a_bias_is_an_expansion_and_an_addition() {
    let mut draw = Draw::new(14);
    let [x, dy] = [0, 1].map(|_| draw.away_from_zero::<f64>(&[5, 4]));
    let b = draw.away_from_zero::<f64>(&[4]);
    let whole = run2(Tape::add_bias, &x, &b, &dy);
    let parts = run2(
        |tape, x, b| tape.expand(b, Axis(0), x).and_then(|rows| tape.add(x, rows)),
        &x,
        &b,
        &dy,
    );
    for (whole, part) in whole.iter().zip(&parts) {
        assert_relative_eq!(whole, part, max_relative = 1e-14);
    }
}

#[test]
fn gradients_add_to_those_of_other_uses() {
    // Each op is used on x, and then x is used again: an op that assigns loses the second use.
    let mut draw = Draw::new(15);
    let uses: [Record1; 9] = [
        |tape, x| tape.negate(x),
        |tape, x| tape.exp(x),
        |tape, x| tape.scale(x, 3.0),
        |tape, x| tape.log(x),
        |tape, x| tape.sum(x).and_then(|y| tape.sum(y)),
        |tape, x| tape.mean_axis(x, Axis(0)),
        |tape, x| tape.sum_axis(x, Axis(1)),
        |tape, x| {
            let like = tape.input(Array2::zeros((7, 3)));
            let row = tape.sum_axis(x, Axis(0))?;
            tape.expand(row, Axis(0), like)
        },
        |tape, x| {
            let b = tape.sum_axis(x, Axis(0))?;
            tape.add_bias(x, b)
        },
    ];
    let x: Tensor<f64> = draw.positive(&[2, 3]);
    for record in uses {
        let both = |tape: &mut Tape<f64>, x| {
            let y = record(tape, x)?;
            let (y, z) = (tape.sum(y)?, tape.sum(x)?);
            tape.add(y, z)
        };
        let alone = |tape: &mut Tape<f64>, x| record(tape, x).and_then(|y| tape.sum(y));
        let dy = arr0(0.7).into_dyn();
        let ([_, dx_both], [_, dx]) = (run1(both, &x, &dy), run1(alone, &x, &dy));
        assert_relative_eq!(dx_both, dx + 0.7, max_relative = 1e-14);
    }
}

#[test]
fn extreme_values_stay_numbers() {
    let run = |record: fn(&mut Tape<f32>, Var, Var) -> Result<Var, ShapeError>, a: f32, b: f32| {
        let mut tape = Tape::new();
        let (a, b) = (tape.parameter(arr1(&[a])), tape.parameter(arr1(&[b])));
        let y = record(&mut tape, a, b).unwrap();
        tape.backward(y);
        [tape.value(y)[0], tape.gradient(a)[0], tape.gradient(b)[0]]
    };
    assert_eq!(run(Tape::multiply, 1e4, -1e4), [-1e8, -1e4, 1e4]);
    let [y, da, db] = run(Tape::divide, 1e4, -1e4);
    assert_relative_eq!(y, -1.0);
    assert_relative_eq!(da, -1e-4);
    assert_relative_eq!(db, -1e-4);
    // b² = 1e-50 is zero in f32, a/b² = 1e30 is not infinite.
    let [.., db] = run(Tape::divide, 1e-20, 1e-25);
    assert_relative_eq!(db, -1e30, max_relative = 1e-6);
    let mut tape = Tape::<f32>::new();
    let x = tape.input(arr1(&[-1e4, 0.0]));
    let y = tape.exp(x).unwrap();
    assert_eq!(tape.value(y), &arr1(&[0.0, 1.0]).into_dyn());
    let y = tape.log(x).unwrap();
    assert!(tape.value(y)[0].is_nan());
    assert_eq!(tape.value(y)[1], f32::NEG_INFINITY);
}

#[test]
fn large_tensors_are_cut_without_a_trace() {
    // Odd, so that the halves differ in length, and far beyond the size that is cut.
    let entries = 5 * MIN_ENTRIES + 3;
    let [a, b]: [Tensor<f32>; 2] = [1, 2].map(|seed| Draw::new(seed).away_from_zero(&[entries]));
    let mut y = a.clone();
    parallel::for_each(&mut y, [&a, &b], |y, [a, b]| *y += a * 2.0 - b);
    let expected = Zip::from(&a).and(&b).map_collect(|a, b| a + (a * 2.0 - b));
    assert_eq!(y, expected);
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let mut tape = Tape::<f64>::new();
    let a = tape.parameter(arr2(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]));
    let b = tape.parameter(arr1(&[1.0, 2.0]));
    let scalar = tape.parameter(arr0(1.0));
    let names = ["add", "subtract", "multiply", "divide"];
    for (record, name) in BINARY.into_iter().zip(names) {
        let message = format!("{name}: [2, 3] · [2]: both inputs must have the same shape");
        assert_eq!(record(&mut tape, a, b).unwrap_err().to_string(), message);
        let y = record(&mut tape, a, a).unwrap();
        assert_eq!(tape.expression(y), format!("{name}(%0, %0)"));
    }
    let bias = "the bias must have one axis, as long as the last axis of the first";
    for (x, b, shapes) in
        [(a, b, "[2, 3] · [2]"), (scalar, b, "[] · [2]"), (a, a, "[2, 3] · [2, 3]")]
    {
        assert_eq!(
            tape.add_bias(x, b).unwrap_err().to_string(),
            format!("add_bias: {shapes}: {bias}")
        );
    }
    assert_eq!(
        tape.sum_axis(a, Axis(2)).unwrap_err().to_string(),
        "sum_axis: [2, 3]: there is no axis 2: [2, 3] has 2 axes"
    );
    assert_eq!(
        tape.mean_axis(scalar, Axis(0)).unwrap_err().to_string(),
        "mean_axis: []: there is no axis 0: [] has 0 axes"
    );
    assert_eq!(
        tape.expand(b, Axis(0), a).unwrap_err().to_string(),
        "expand: [2] · [2, 3]: along axis 0 the first must be [3] or [1, 3], to be repeated 2 times"
    );
    assert_eq!(
        tape.expand(b, Axis(5), a).unwrap_err().to_string(),
        "expand: [2] · [2, 3]: there is no axis 5: [2, 3] has 2 axes"
    );
}

#[test]
fn empty_inputs_are_refused() {
    let mut tape = Tape::<f64>::new();
    let empty = tape.parameter(Array2::zeros((0, 3)));
    let row = tape.parameter(arr1(&[1.0, 2.0, 3.0]));
    let rule = "an input is empty: every axis must have a length of 1 or more";
    let two: [Record2; 2] = [Tape::add_bias, |tape, x, b| tape.expand(b, Axis(0), x)];
    for record in two.into_iter().chain(BINARY) {
        let error = record(&mut tape, empty, row).unwrap_err();
        assert_eq!(error.rule.to_string(), rule, "{error}");
    }
    let one: [Record1; 7] = [
        Tape::negate,
        Tape::exp,
        Tape::log,
        Tape::sum,
        Tape::mean,
        |tape, x| tape.scale(x, 2.0),
        |tape, x| tape.sum_axis(x, Axis(1)),
    ];
    for record in one {
        let error = record(&mut tape, empty).unwrap_err();
        assert_eq!(error.rule.to_string(), rule, "{error}");
    }
}

#[test]
fn another_batch_size_carries_through() {
    let mut tape = Tape::<f64>::new();
    let x = tape.input(Array2::ones((2, 3)));
    let totals = tape.sum_axis(x, Axis(1)).unwrap();
    let totals = tape.expand(totals, Axis(1), x).unwrap();
    let shares = tape.divide(x, totals).unwrap();
    tape.resize(&[(x, &[1, 4])]).unwrap();
    tape.set(x, &arr2(&[[1.0, 2.0, 3.0, 4.0]])).unwrap();
    tape.forward();
    assert_relative_eq!(*tape.value(shares), arr2(&[[0.1, 0.2, 0.3, 0.4]]).into_dyn());
}

fn tensor(shape: Vec<usize>) -> impl Strategy<Value = Tensor<f64>> {
    let entries: usize = shape.iter().product();
    let entry = prop_oneof![-4.0..-0.1, 0.1..4.0];
    proptest::collection::vec(entry, entries)
        .prop_map(move |entries| ArrayD::from_shape_vec(shape.clone(), entries).unwrap())
}

/// `N` tensors of one random shape.
fn tensors<const N: usize>() -> impl Strategy<Value = [Tensor<f64>; N]> {
    proptest::collection::vec(1..4_usize, 1..4)
        .prop_flat_map(|shape| std::array::from_fn(|_| tensor(shape.clone())))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..Default::default() })]

    #[test]
    fn division_undoes_multiplication([a, b, dy] in tensors::<3>()) {
        let [y, da, db] = run2(
            |tape, a, b| tape.multiply(a, b).and_then(|product| tape.divide(product, b)),
            &a, &b, &dy,
        );
        assert_relative_eq!(y, a, max_relative = 1e-14);
        assert_relative_eq!(da, dy, max_relative = 1e-14);
        assert_relative_eq!(db, Tensor::zeros(b.raw_dim()), epsilon = 1e-11);
    }

    #[test]
    fn backward_is_linear_in_dy([a, b, dy, dz] in tensors::<4>()) {
        for record in BINARY {
            let [_, da, db] = run2(record, &a, &b, &(&dy * 2.0 - &dz));
            let [_, da_y, db_y] = run2(record, &a, &b, &dy);
            let [_, da_z, db_z] = run2(record, &a, &b, &dz);
            assert_relative_eq!(da, da_y * 2.0 - da_z, max_relative = 1e-12, epsilon = 1e-12);
            assert_relative_eq!(db, db_y * 2.0 - db_z, max_relative = 1e-12, epsilon = 1e-9);
        }
    }

    #[test]
    fn eq_expand_and_sum_are_adjoint([x, z] in tensors::<2>(), which in 0..3_usize) {
        let axis = Axis(which % z.ndim());
        let x = x.index_axis(axis, 0).to_owned();
        let mut tape = Tape::new();
        let (x_var, z_var) = (tape.input(x.clone()), tape.input(z.clone()));
        let expanded = tape.expand(x_var, axis, z_var).unwrap();
        let summed = tape.sum_axis(z_var, axis).unwrap();
        let left = (tape.value(expanded) * &z).sum();
        let right = (tape.value(summed) * &x).sum();
        assert_relative_eq!(left, right, max_relative = 1e-12, epsilon = 1e-12);
    }

    #[test]
    fn the_mean_is_the_sum_over_n([x] in tensors::<1>()) {
        let mut tape = Tape::new();
        let n = x.len() as f64;
        let x = tape.input(x);
        let (sum, mean) = (tape.sum(x).unwrap(), tape.mean(x).unwrap());
        assert_relative_eq!(
            tape.value(sum)[[]] / n, tape.value(mean)[[]], max_relative = 1e-14, epsilon = 1e-14
        );
    }
}
