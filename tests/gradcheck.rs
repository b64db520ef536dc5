//! The claims of chapter 3: the check's own error, and the faults that it must find.

use approx::assert_relative_eq;
use chainrule::catalog;
use chainrule::gradcheck::{Draw, Gradcheck, Report, assert_gradients};
use chainrule::tape::{Gradients, Inputs};
use chainrule::{Op, ShapeError, Tape, Tensor, Var};
use ndarray::{Array1, Array2, ArrayView2, Axis, Ix2, IxDyn, arr1, arr2};

/// An op with a right forward pass and a backward pass of the test's choice.
struct Planted {
    shape: fn(&[&[usize]]) -> Vec<usize>,
    forward: fn(Inputs<'_, f64>, &mut Tensor<f64>),
    backward: fn(Inputs<'_, f64>, &Tensor<f64>, Gradients<'_, f64>),
}

impl Op<f64> for Planted {
    fn name(&self) -> &'static str {
        "planted"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, ShapeError> {
        Ok((self.shape)(inputs))
    }

    fn forward(&mut self, x: Inputs<'_, f64>, y: &mut Tensor<f64>) {
        (self.forward)(x, y);
    }

    fn backward(
        &mut self,
        x: Inputs<'_, f64>,
        _: &Tensor<f64>,
        dy: &Tensor<f64>,
        dx: Gradients<'_, f64>,
    ) {
        (self.backward)(x, dy, dx);
    }
}

/// Checks `op` on parameters of these shapes; with `shared`, on one parameter, given twice.
fn check(op: Planted, shapes: &[&[usize]], shared: bool) -> Report {
    let mut draw = Draw::new(31);
    let mut tape = Tape::new();
    let mut vars: Vec<Var> =
        shapes.iter().map(|shape| tape.parameter(draw.away_from_zero(shape))).collect();
    if shared {
        vars = vec![vars[0]; 2];
    }
    let y = tape.push(op, &vars).unwrap();
    let dy = draw.away_from_zero(tape.value(y).shape());
    Gradcheck::default().run(&mut tape, y, &dy).unwrap()
}

fn passes(report: &Report) -> bool {
    report.max_relative_error() <= 1e-7
}

fn first_shape(inputs: &[&[usize]]) -> Vec<usize> {
    inputs[0].to_vec()
}

fn square(tensor: &Tensor<f64>) -> ArrayView2<'_, f64> {
    tensor.view().into_dimensionality::<Ix2>().unwrap()
}

const MATRICES: &[&[usize]] = &[&[3, 3], &[3, 3]];

#[test]
fn every_op_of_the_book_passes() {
    let cases: Vec<_> = catalog::cases().copied().collect();
    assert!(cases.len() >= 20);
    assert_gradients(&cases);
}

#[test]
fn a_wrong_sign_is_caught() {
    let subtract = |sign: f64| Planted {
        shape: first_shape,
        forward: |x, y| y.assign(&(&x[0] - &x[1])),
        backward: if sign > 0.0 {
            |_, dy, mut dx| {
                *dx.wanted(0).unwrap() += dy;
                *dx.wanted(1).unwrap() += dy;
            }
        } else {
            |_, dy, mut dx| {
                *dx.wanted(0).unwrap() += dy;
                *dx.wanted(1).unwrap() -= dy;
            }
        },
    };
    assert!(passes(&check(subtract(-1.0), MATRICES, false)));
    let report = check(subtract(1.0), MATRICES, false);
    // |dy − (−dy)| / |dy| = 2, in the second parameter.
    assert_relative_eq!(report.max_relative_error(), 2.0, max_relative = 1e-6);
    assert_eq!(report.worst.unwrap().parameter.index(), 1);
}

#[test]
fn a_dropped_sum_is_caught() {
    let bias = |summed: bool| Planted {
        shape: first_shape,
        forward: |x, y| y.assign(&(&x[0] + &x[1])),
        backward: if summed {
            |_, dy, mut dx| {
                *dx.wanted(0).unwrap() += dy;
                *dx.wanted(1).unwrap() += &dy.sum_axis(Axis(0));
            }
        } else {
            |_, dy, mut dx| {
                *dx.wanted(0).unwrap() += dy;
                *dx.wanted(1).unwrap() += &dy.index_axis(Axis(0), 0);
            }
        },
    };
    assert!(passes(&check(bias(true), &[&[4, 3], &[3]], false)));
    let report = check(bias(false), &[&[4, 3], &[3]], false);
    assert!(report.max_relative_error() > 0.1, "{report}");
    assert_eq!(report.worst.unwrap().parameter.index(), 1);
    // With a batch of one sample the fault does not show: a check needs several rows.
    assert!(passes(&check(bias(false), &[&[1, 3], &[3]], false)));
}

#[test]
fn a_missing_transpose_is_caught() {
    // All matrices are square, so that no shape gives the fault away.
    let matmul = |transposed: bool| Planted {
        shape: first_shape,
        forward: |x, y| y.assign(&square(&x[0]).dot(&square(&x[1]))),
        backward: if transposed {
            |x, dy, mut dx| {
                *dx.wanted(0).unwrap() += &square(dy).dot(&square(&x[1]).t());
                *dx.wanted(1).unwrap() += &square(&x[0]).t().dot(&square(dy));
            }
        } else {
            |x, dy, mut dx| {
                *dx.wanted(0).unwrap() += &square(dy).dot(&square(&x[1]).t());
                *dx.wanted(1).unwrap() += &square(&x[0]).dot(&square(dy));
            }
        },
    };
    assert!(passes(&check(matmul(true), MATRICES, false)));
    let report = check(matmul(false), MATRICES, false);
    assert!(report.max_relative_error() > 0.1, "{report}");
    assert_eq!(report.worst.unwrap().parameter.index(), 1);
}

#[test]
fn an_assignment_is_caught_by_a_shared_input_alone() {
    let multiply = || Planted {
        shape: first_shape,
        forward: |x, y| y.assign(&(&x[0] * &x[1])),
        backward: |x, dy, mut dx| {
            dx.wanted(0).unwrap().assign(&(dy * &x[1]));
            dx.wanted(1).unwrap().assign(&(dy * &x[0]));
        },
    };
    assert!(passes(&check(multiply(), MATRICES, false)));
    let report = check(multiply(), &[&[3, 3]], true);
    // The second use overwrites the first: half of 2·dy·c is left.
    assert_relative_eq!(report.max_relative_error(), 0.5, max_relative = 1e-6);
}

#[test]
fn a_forgotten_division_by_n_is_caught() {
    let mean = || Planted {
        shape: |_| Vec::new(),
        forward: |x, y| y.fill(x[0].mean().unwrap()),
        backward: |_, dy, mut dx| *dx.wanted(0).unwrap() += dy,
    };
    let report = check(mean(), &[&[2, 3]], false);
    // |dy − dy/6| / |dy| = 5/6, in every entry.
    assert_relative_eq!(report.max_relative_error(), 5.0 / 6.0, max_relative = 1e-6);
}

#[test]
fn what_is_not_a_number_is_caught_in_any_place() {
    for place in 0..3 {
        for poison in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut tape = Tape::<f64>::new();
            let mut entries = [0.5; 3];
            entries[place] = 2.0;
            let x = tape.parameter(arr1(&entries));
            let df = move |x: f64| if x > 1.0 { poison } else { 1.0 };
            let y = tape.map(x, "poisoned", |x| x, df).unwrap();
            let report =
                Gradcheck::default().run(&mut tape, y, &Tensor::ones(IxDyn(&[3]))).unwrap();
            assert_eq!(report.max_relative_error(), f64::INFINITY, "{place} {poison}: {report}");
            assert_eq!(report.worst.unwrap().index, [place]);
            assert_eq!(report.entries, 3);
        }
    }
}

#[test]
fn a_forward_pass_that_is_not_a_number_is_caught() {
    let mut tape = Tape::<f64>::new();
    let x = tape.parameter(arr1(&[-1.0, 1.0]));
    let y = tape.log(x).unwrap();
    let report = Gradcheck::default().run(&mut tape, y, &Tensor::ones(IxDyn(&[2]))).unwrap();
    assert_eq!(report.max_relative_error(), f64::INFINITY);
}

#[test]
fn a_derivative_that_is_zero_is_reported() {
    let mut tape = Tape::<f64>::new();
    let x = tape.parameter(arr1(&[1.0, 2.0]));
    let unused = tape.parameter(arr1(&[3.0]));
    let zero = tape.subtract(x, x).unwrap();
    let partly = tape.parameter(arr1(&[0.0, 0.7]));
    let product = tape.multiply(x, partly).unwrap();
    let y = tape.add(zero, product).unwrap();
    let dy = arr1(&[1.5, -2.0]).into_dyn();
    let report = Gradcheck::default().run(&mut tape, y, &dy).unwrap();
    // One entry of x has a derivative, so x is checked. The unused parameter is not.
    assert_eq!(report.vacuous, [unused]);
    assert_eq!(report.entries, 5);
    assert!(passes(&report));
    let message = report.to_string();
    assert!(message.ends_with("; parameter %1 has no gradient but zeros"), "{message}");
    let report = Gradcheck::default().run(&mut tape, zero, &dy).unwrap();
    assert_eq!(report.vacuous, [x, unused, partly]);
}

#[test]
fn a_missing_gradient_is_an_error_and_not_vacuous() {
    let mut tape = Tape::<f64>::new();
    let x = tape.parameter(arr1(&[1.0]));
    let y = tape.map(x, "flat", |x| 3.0 * x, |_| 0.0).unwrap();
    let report = Gradcheck::default().run(&mut tape, y, &Tensor::ones(IxDyn(&[1]))).unwrap();
    assert_relative_eq!(report.max_relative_error(), 1.0);
    assert!(report.vacuous.is_empty());
}

#[test]
fn nothing_to_check_is_no_success() {
    let mut tape = Tape::<f64>::new();
    let x = tape.input(arr1(&[1.0]));
    let y = tape.exp(x).unwrap();
    let report = Gradcheck::default().run(&mut tape, y, &Tensor::ones(IxDyn(&[1]))).unwrap();
    assert_eq!((report.entries, report.worst.as_ref()), (0, None));
    assert_eq!(report.max_relative_error(), f64::INFINITY);
    assert_eq!(report.to_string(), "0 entries");
    assert_eq!(
        Gradcheck::default().run(&mut tape, y, &Tensor::ones(IxDyn(&[2]))).unwrap_err().op,
        "backward"
    );
}

#[test]
fn the_report_names_the_worst_entry() {
    let mut tape = Tape::<f64>::new();
    let x = tape.parameter(arr2(&[[1.0, 1.0], [1.0, 200.0]]));
    // The derivative is 2, and the backward pass says 4 at the large entry and 2.5 elsewhere.
    let y = tape.map(x, "faulty", |x| 2.0 * x, |x| if x > 100.0 { 4.0 } else { 2.5 }).unwrap();
    let before = tape.value(x).clone();
    let report = Gradcheck::default().run(&mut tape, y, &Tensor::ones(IxDyn(&[2, 2]))).unwrap();
    let worst = report.worst.as_ref().unwrap();
    assert_eq!((worst.parameter, worst.index.as_slice()), (x, [1, 1].as_slice()));
    assert_eq!(worst.analytic, 4.0);
    assert_relative_eq!(worst.numeric, 2.0, max_relative = 1e-9);
    assert_relative_eq!(worst.relative_error, 0.5, max_relative = 1e-9);
    // The step grows with the entry.
    assert_relative_eq!(worst.step, 200.0 * f64::EPSILON.cbrt(), max_relative = 1e-12);
    let message = report.to_string();
    assert!(
        message.starts_with(
            "4 entries; relative error 5.0e-1 in parameter %0 at [1, 1]: analytic 4, "
        ),
        "{message}"
    );
    // The tape is left as it was.
    assert_eq!(tape.value(x), &before);
    assert_eq!(tape.value(y), &(before * 2.0));
}

#[test]
fn gradients_below_the_floor_are_compared_absolutely() {
    let run = |floor: f64| {
        let mut tape = Tape::<f64>::new();
        let x = tape.parameter(arr1(&[1.0]));
        let y = tape.map(x, "tiny", |x| 1e-6 * x, |_| 2e-6).unwrap();
        let check = Gradcheck { floor, ..Gradcheck::default() };
        check.run(&mut tape, y, &Tensor::ones(IxDyn(&[1]))).unwrap().max_relative_error()
    };
    assert_relative_eq!(run(1e-3), 1e-3, max_relative = 1e-3);
    assert_relative_eq!(run(0.0), 0.5, max_relative = 1e-3);
}

/// |numeric − analytic| of Σ eˣ at a few places, with step `h`: the largest.
fn error_at(h: f64) -> f64 {
    let mut tape = Tape::<f64>::new();
    let x = tape.parameter(arr1(&[0.1, 0.37, 0.52, 0.73, 0.91]));
    let y = tape.exp(x).unwrap();
    let check = Gradcheck { step: h, ..Gradcheck::default() };
    check.run(&mut tape, y, &Tensor::ones(IxDyn(&[5]))).unwrap().max_relative_error()
}

#[test]
fn eq_central_difference() {
    // The third derivative of x³ is 6 and all higher ones are zero: the error is h²·6/6 = h².
    for h in [1e-1, 1e-2, 1e-3] {
        for x in [-1.3_f64, 0.4, 2.0] {
            let numeric = ((x + h).powi(3) - (x - h).powi(3)) / (2.0 * h);
            assert_relative_eq!(numeric - 3.0 * x * x, h * h, max_relative = 1e-5);
        }
    }
    // Of eˣ the third derivative is eˣ itself, so the relative error is h²/6 + O(h⁴).
    for h in [1e-2, 1e-3] {
        assert_relative_eq!(error_at(h), h * h / 6.0, max_relative = 1e-4);
    }
}

#[test]
fn eq_best_step() {
    let best = error_at(f64::EPSILON.cbrt());
    assert!(best < 1e-10, "{best:e}");
    let (too_wide, too_narrow) = (error_at(1e-1), error_at(1e-12));
    assert!(too_wide > 1e6 * best, "{too_wide:e} against {best:e}");
    assert!(too_narrow > 1e4 * best, "{too_narrow:e} against {best:e}");
    // On the truncation side the error grows as h²: slope 2 where both axes are logarithmic.
    let slope = (error_at(1e-1) / error_at(1e-3)).log10() / 2.0;
    assert_relative_eq!(slope, 2.0, epsilon = 0.01);
    // On the rounding side it grows as 1/h: slope −1, with the noise of rounding.
    let slope = (error_at(1e-8) / error_at(1e-12)).log10() / 4.0;
    assert_relative_eq!(slope, -1.0, epsilon = 0.35);
}

#[test]
fn draws_are_asymmetric_seeded_and_away_from_zero() {
    let (mut draw, mut again) = (Draw::new(5), Draw::new(5));
    let x: Tensor<f64> = draw.away_from_zero(&[40, 5]);
    assert_eq!(x, again.away_from_zero::<f64>(&[40, 5]));
    assert_ne!(x, Draw::new(6).away_from_zero::<f64>(&[40, 5]));
    assert!(x.iter().all(|x| (0.3..1.7).contains(&x.abs())));
    let negative = x.iter().filter(|&&x| x < 0.0).count();
    assert!((60..140).contains(&negative), "{negative}");
    assert!(draw.positive::<f64>(&[200]).iter().all(|x| (0.3..1.7).contains(x)));
    let uniform: Tensor<f64> = draw.uniform(&[200], -3.0, -2.0);
    assert!(uniform.iter().all(|x| (-3.0..-2.0).contains(x)));
    assert!(uniform.iter().any(|&x| x < -2.8) && uniform.iter().any(|&x| x > -2.2));
    let labels: Array1<f64> = draw.labels(200, 3);
    for class in 0..3 {
        assert!(labels.iter().filter(|&&label| label == f64::from(class)).count() > 30);
    }
    assert!(labels.iter().all(|label| [0.0, 1.0, 2.0].contains(label)));
}

#[test]
#[should_panic(expected = "flawed: 1 entries; relative error 5.0e-1")]
fn a_wrong_case_fails_its_test() {
    assert_gradients(&[chainrule::gradcheck::Case::smooth("flawed", |tape, draw| {
        let x = tape.parameter(draw.positive(&[1]));
        tape.map(x, "flawed", |x| x, |_| 2.0)
    })]);
}

#[test]
#[should_panic(expected = "idle: ")]
fn a_vacuous_case_fails_its_test() {
    assert_gradients(&[chainrule::gradcheck::Case::smooth("idle", |tape, draw| {
        tape.parameter(Array2::zeros((2, 2)));
        let x = tape.parameter(draw.positive(&[2]));
        tape.exp(x)
    })]);
}

#[test]
fn a_kink_costs_precision() {
    let smooth =
        chainrule::gradcheck::Case::smooth("op", |tape, _| tape.sum(tape.vars().next().unwrap()));
    let kinked = chainrule::gradcheck::Case::kinked("op", smooth.record);
    assert_eq!((smooth.tolerance(), kinked.tolerance()), (1e-7, 1e-6));
}
