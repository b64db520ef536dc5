//! The claims of chapter 3: the check's own error, and the faults that it must find.

mod diagnosis;
mod difference;

use crate::numeric::gradient;
use approx::assert_relative_eq;
use chainrule::catalog;
use chainrule::gradcheck::{Draw, Gradcheck, Report, assert_gradients, central_differences};
use chainrule::tape::{Gradients, Inputs};
use chainrule::{BrokenRule, Op, Tape, Tensor, Var};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, Ix1, Ix2, IxDyn, arr1, arr2};

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

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
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

/// Checks `op` on parameters of these values, with this upstream gradient.
fn check_at(op: Planted, values: &[Tensor<f64>], dy: &Tensor<f64>) -> Report {
    let mut tape = Tape::new();
    let vars: Vec<Var> = values.iter().map(|value| tape.parameter(value.clone())).collect();
    let y = tape.push(op, &vars).unwrap();
    Gradcheck::default().run(&mut tape, y, dy).unwrap()
}

fn passes(report: &Report) -> bool {
    report.max_relative_error() <= 1e-7
}

fn first_shape(inputs: &[&[usize]]) -> Vec<usize> {
    inputs[0].to_vec()
}

fn matrix(tensor: &Tensor<f64>) -> ArrayView2<'_, f64> {
    tensor.view().into_dimensionality::<Ix2>().unwrap()
}

fn vector(tensor: &Tensor<f64>) -> ArrayView1<'_, f64> {
    tensor.view().into_dimensionality::<Ix1>().unwrap()
}

const MATRICES: &[&[usize]] = &[&[3, 3], &[3, 3]];

#[test]
fn the_simplest_form_finds_every_derivative() {
    let f = |x: &[f64]| x[0] * x[1].sin() + x[2] * x[2];
    let x: [f64; 3] = [0.7, -1.2, 1.5];
    let expected = [x[1].sin(), x[0] * x[1].cos(), 2.0 * x[2]];
    let found = central_differences(f, &x, 1e-5);
    assert_eq!(found.len(), 3);
    for (found, expected) in found.iter().zip(expected) {
        assert_relative_eq!(*found, expected, max_relative = 1e-9);
    }
    // The error grows with the step as it must: this is a difference, and no derivative.
    let coarse = central_differences(f, &x, 0.1);
    assert_relative_eq!(coarse[1] - expected[1], -expected[1] * 0.01 / 6.0, max_relative = 1e-2);
    assert!(central_differences(|_| 1.0, &[], 1e-5).is_empty());
}

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
    // |dy − (−dy)| / |dy| = 2, in the second parameter, from the worst entry to the mildest.
    for entry in [report.worst.unwrap(), report.mildest.unwrap()] {
        assert_relative_eq!(entry.relative_error, 2.0, max_relative = 1e-6);
        assert_eq!(entry.parameter.index(), 1);
    }
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
    assert!(passes(&check(bias(true), &[&[4, 6], &[6]], false)));
    let report = check(bias(false), &[&[4, 6], &[6]], false);
    assert!(report.max_relative_error() > 0.1, "{report}");
    // Other terms are missing in each entry: the mildest error is another one.
    let mildest = report.mildest.as_ref().unwrap();
    assert!(report.max_relative_error() > 1.5 * mildest.relative_error, "{report}");
    assert_eq!(report.worst.unwrap().parameter.index(), 1);
    // With a batch of one sample the fault does not show: a check needs several rows.
    assert!(passes(&check(bias(false), &[&[1, 6], &[6]], false)));
}

#[test]
fn a_dropped_sum_still_learns() {
    let first_row = || Planted {
        shape: first_shape,
        forward: |x, y| y.assign(&(&x[0] + &x[1])),
        backward: |_, dy, mut dx| {
            *dx.wanted(0).unwrap() += dy;
            *dx.wanted(1).unwrap() += &dy.index_axis(Axis(0), 0);
        },
    };
    // Steps of descent on the mean squared error of X·W + b, until it is small. 32 samples.
    let steps = |faulty: bool| {
        let mut draw = Draw::new(4);
        let (w, b) = (draw.away_from_zero::<f64>(&[3, 2]), draw.away_from_zero::<f64>(&[2]));
        let x = draw.uniform(&[32, 3], -1.0, 1.0);
        let target = matrix(&x).dot(&matrix(&w)) + vector(&b);

        let mut tape = Tape::new();
        let (x, target) = (tape.input(x), tape.input(target));
        let parameters = [tape.parameter(Array2::zeros((3, 2))), tape.parameter(Array1::zeros(2))];
        let product = tape.matmul(x, parameters[0]).unwrap();
        let output = if faulty {
            tape.push(first_row(), &[product, parameters[1]]).unwrap()
        } else {
            tape.add_bias(product, parameters[1]).unwrap()
        };
        let error = tape.subtract(output, target).unwrap();
        let square = tape.multiply(error, error).unwrap();
        let loss = tape.mean(square).unwrap();
        (0..1000).position(|_| {
            tape.forward();
            tape.backward(loss);
            for parameter in parameters {
                let (mut value, gradient) = tape.parameter_mut(parameter);
                value.scaled_add(-0.5, gradient);
            }
            tape.value(loss)[[]] < 1e-4
        })
    };
    let (right, faulty) = (steps(false).unwrap(), steps(true).unwrap());
    assert!(faulty > 5 * right, "{faulty} steps against {right}");
}

/// a / b, whose gradient with respect to b is of the test's choice.
fn divide(db: fn(Inputs<'_, f64>, &Tensor<f64>, Gradients<'_, f64>)) -> Planted {
    Planted { shape: first_shape, forward: |x, y| y.assign(&(&x[0] / &x[1])), backward: db }
}

#[test]
fn a_denominator_s_sign_is_caught() {
    let op = || {
        divide(|x, dy, mut dx| {
            *dx.wanted(0).unwrap() += &(dy / &x[1]);
            *dx.wanted(1).unwrap() += &(dy * &x[0] / (&x[1] * &x[1]));
        })
    };
    let report = check(op(), MATRICES, false);
    assert_relative_eq!(report.max_relative_error(), 2.0, max_relative = 1e-6);
    assert_eq!(report.worst.unwrap().parameter.index(), 1);
    // c/c is 1 whatever c is, and its gradient is zero. With the wrong sign it is 2·dy/c.
    let report = check(op(), MATRICES, true);
    assert_relative_eq!(report.max_relative_error(), 1.0, max_relative = 1e-6);
}

#[test]
fn a_missing_square_is_hidden_by_ones() {
    let op = || {
        divide(|x, dy, mut dx| {
            *dx.wanted(0).unwrap() += &(dy / &x[1]);
            *dx.wanted(1).unwrap() -= &(dy * &x[0] / &x[1]);
        })
    };
    assert!(!passes(&check(op(), MATRICES, false)));
    let mut draw = Draw::new(37);
    let (a, dy) = (draw.away_from_zero(&[2, 3]), draw.away_from_zero(&[2, 3]));
    // 1² = 1: denominators of one do not tell b² from b.
    let ones = Tensor::ones(IxDyn(&[2, 3]));
    assert!(passes(&check_at(op(), &[a, ones], &dy)));
}

#[test]
fn a_missing_transpose_is_caught() {
    // All matrices are square, so that no shape gives the fault away.
    let matmul = |transposed: bool| Planted {
        shape: first_shape,
        forward: |x, y| y.assign(&matrix(&x[0]).dot(&matrix(&x[1]))),
        backward: if transposed {
            |x, dy, mut dx| {
                *dx.wanted(0).unwrap() += &matrix(dy).dot(&matrix(&x[1]).t());
                *dx.wanted(1).unwrap() += &matrix(&x[0]).t().dot(&matrix(dy));
            }
        } else {
            |x, dy, mut dx| {
                *dx.wanted(0).unwrap() += &matrix(dy).dot(&matrix(&x[1]).t());
                *dx.wanted(1).unwrap() += &matrix(&x[0]).dot(&matrix(dy));
            }
        },
    };
    assert!(passes(&check(matmul(true), MATRICES, false)));
    let report = check(matmul(false), MATRICES, false);
    assert!(report.max_relative_error() > 0.1, "{report}");
    // Two unrelated numbers are held against each other, other ones in each entry.
    let mildest = report.mildest.as_ref().unwrap();
    assert!(report.max_relative_error() > 1.5 * mildest.relative_error, "{report}");
    assert_eq!(report.worst.unwrap().parameter.index(), 1);
    // A symmetric left factor is its own transpose, and hides the fault.
    let mut draw = Draw::new(32);
    let [x, w, dy] = [0, 1, 2].map(|_| draw.away_from_zero(&[3, 3]));
    assert!(!passes(&check_at(matmul(false), &[x.clone(), w.clone()], &dy)));
    assert!(passes(&check_at(matmul(false), &[&x + &x.t(), w], &dy)));
}

#[test]
fn a_missing_transpose_blames_the_layer_before() {
    let faulty = || Planted {
        shape: first_shape,
        forward: |x, y| y.assign(&matrix(&x[0]).dot(&matrix(&x[1]))),
        backward: |x, dy, mut dx| {
            *dx.wanted(0).unwrap() += &matrix(dy).dot(&matrix(&x[1]));
            *dx.wanted(1).unwrap() += &matrix(&x[0]).t().dot(&matrix(dy));
        },
    };
    // X·W·V, the second product with the fault: X is an input, W is %1 and V is %2.
    let check = |v: Tensor<f64>| {
        let mut draw = Draw::new(33);
        let mut tape = Tape::new();
        let x = tape.input(draw.away_from_zero::<f64>(&[4, 5]));
        let parameters = [tape.parameter(draw.away_from_zero(&[5, 3])), tape.parameter(v)];
        let hidden = tape.matmul(x, parameters[0]).unwrap();
        let y = tape.push(faulty(), &[hidden, parameters[1]]).unwrap();
        let dy = draw.away_from_zero(&[4, 3]);
        let report = Gradcheck::default().run(&mut tape, y, &dy).unwrap();
        tape.backward_from(y, &dy).unwrap();
        let right = matrix(tape.value(hidden)).t().dot(&matrix(&dy)).into_dyn();
        assert_relative_eq!(tape.gradient(parameters[1]), &right, max_relative = 1e-13);
        report
    };
    let v = Draw::new(34).away_from_zero(&[3, 3]);
    let report = check(v.clone());
    assert!(report.max_relative_error() > 0.1, "{report}");
    assert_eq!(report.worst.unwrap().parameter.index(), 1);
    // A symmetric V hides it.
    assert!(passes(&check(&v + &v.t())));
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
    assert_eq!((report.entries, &report.worst, &report.mildest), (0, &None, &None));
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
fn a_factor_leaves_the_same_error_everywhere() {
    let multiply = || Planted {
        shape: first_shape,
        forward: |x, y| y.assign(&(&x[0] * &x[1])),
        backward: |x, dy, mut dx| {
            *dx.wanted(0).unwrap() += &(dy * &x[1]);
            *dx.wanted(1).unwrap() += &(dy * &x[0] * 3.0);
        },
    };
    // (3 − 1) / 3, from the worst entry of the second parameter to the mildest. The first is right.
    let random = check(multiply(), MATRICES, false);
    // An entry whose derivative is zero shows no factor, and is not the mildest.
    let mut draw = Draw::new(38);
    let [mut a, b, dy] = [0, 1, 2].map(|_| draw.away_from_zero(&[2, 3]));
    a[[1, 0]] = 0.0;
    let with_zero = check_at(multiply(), &[a, b], &dy);
    for report in [random, with_zero] {
        let message = report.to_string();
        assert!(message.contains("; smallest in %1: 6.7e-1 at ["), "{message}");
        for entry in [report.worst.unwrap(), report.mildest.unwrap()] {
            assert_relative_eq!(entry.relative_error, 2.0 / 3.0, max_relative = 1e-8);
            assert_eq!(entry.parameter.index(), 1);
        }
    }
}

#[test]
fn the_mildest_entry_is_one_of_the_worst_parameter() {
    // The first and the third parameter are right. The second is wrong in one of its entries.
    let mut tape = Tape::<f64>::new();
    let [a, b, c] = [[0.4, 1.2], [0.5, 2.0], [0.7, 1.1]].map(|x| tape.parameter(arr1(&x)));
    let faulty = tape.map(b, "faulty", |x| x, |x| if x > 1.0 { 1.5 } else { 1.0 }).unwrap();
    let product = tape.multiply(a, c).unwrap();
    let y = tape.add(product, faulty).unwrap();
    let dy = arr1(&[1.5, -0.8]).into_dyn();
    let report = Gradcheck::default().run(&mut tape, y, &dy).unwrap();
    let (worst, mildest) = (report.worst.as_ref().unwrap(), report.mildest.as_ref().unwrap());
    assert_eq!((worst.parameter, worst.index.as_slice()), (b, [1].as_slice()));
    assert_eq!((mildest.parameter, mildest.index.as_slice()), (b, [0].as_slice()));
    assert_relative_eq!(worst.relative_error, 1.0 / 3.0, max_relative = 1e-8);
    assert!(mildest.relative_error < 1e-9, "{report}");
    assert_eq!(report.entries, 6);
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

#[test]
fn a_shorter_step_fails_right_gradients() {
    // 1 + x/10⁴: the derivative is below the floor, so 1e-7 of it allows an error of 1e-10.
    let worst = |step: f64| {
        let mut tape = Tape::<f64>::new();
        let x = tape.parameter(Array1::from_iter(places()));
        let y = tape.map(x, "flat", |x| 1.0 + 1e-4 * x, |_| 1e-4).unwrap();
        let dy = Tensor::ones(tape.value(y).raw_dim());
        let check = Gradcheck { step, ..Gradcheck::default() };
        check.run(&mut tape, y, &dy).unwrap().max_relative_error()
    };
    let step = Gradcheck::default().step;
    // Rounding leaves ε/2h at most: 1.8e-11, and 1.8e-10 with a tenth of the step.
    assert!(worst(step) <= 1e-7);
    assert!(worst(step / 10.0) > 1e-7);
}

#[test]
fn a_forgotten_upstream_gradient_is_hidden_by_ones() {
    let exp = || Planted {
        shape: first_shape,
        forward: |x, y| y.assign(&x[0].mapv(f64::exp)),
        backward: |x, _, mut dx| *dx.wanted(0).unwrap() += &x[0].mapv(f64::exp),
    };
    let x = [Draw::new(33).away_from_zero(&[2, 3])];
    let ones = Tensor::ones(x[0].raw_dim());
    assert!(passes(&check_at(exp(), &x, &ones)));
    // With a dy of 3 in every entry, a third of the gradient is there.
    let report = check_at(exp(), &x, &(ones * 3.0));
    assert_relative_eq!(report.max_relative_error(), 2.0 / 3.0, max_relative = 1e-6);
}

#[test]
fn a_zero_gradient_hides_any_factor() {
    // y = a·b, with a factor in da that does not belong there.
    let multiply = || Planted {
        shape: first_shape,
        forward: |x, y| y.assign(&(&x[0] * &x[1])),
        backward: |x, dy, mut dx| {
            *dx.wanted(0).unwrap() += &(dy * &x[1] * -7.0);
            *dx.wanted(1).unwrap() += &(dy * &x[0]);
        },
    };
    let zero = [0.0, 0.0];
    let [a, b, dy] = [[0.4, -1.2], zero, [1.5, -0.5]].map(|x| arr1(&x).into_dyn());
    let report = check_at(multiply(), &[a.clone(), b.clone()], &dy);
    // No error, for −7·0 = 0. But the report names the first parameter.
    assert!(passes(&report), "{report}");
    assert!(report.vacuous.iter().map(|var| var.index()).eq([0]));
    assert!(!passes(&check_at(multiply(), &[a, b + 0.1], &dy)));
}

/// A function with its first three derivatives, all monotone between 0.2 and 1.3.
type Smooth = [fn(f64) -> f64; 4];

const SMOOTH: [Smooth; 3] = [
    [f64::sin, f64::cos, |x| -x.sin(), |x| -x.cos()],
    [f64::exp; 4],
    [f64::ln_1p, |x| (1.0 + x).recip(), |x| -(1.0 + x).powi(-2), |x| 2.0 * (1.0 + x).powi(-3)],
];

/// Places at least 0.1 within that interval.
fn places() -> impl Iterator<Item = f64> {
    (0..100).map(|k| 0.3 + 0.009 * f64::from(k))
}

fn one_sided(f: impl Fn(f64) -> f64, x: f64, h: f64) -> f64 {
    (f(x + h) - f(x)) / h
}

fn central(f: impl Fn(f64) -> f64, x: f64, h: f64) -> f64 {
    (f(x + h) - f(x - h)) / (2.0 * h)
}

/// Whether a monotone function with these values at the ends of an interval takes `value` in it.
fn is_taken(value: f64, [left, right]: [f64; 2]) -> bool {
    (left.min(right)..=left.max(right)).contains(&value)
}

#[test]
fn the_one_sided_difference_errs_by_half_a_step() {
    for [f, df, ddf, _] in SMOOTH {
        for x in places() {
            for h in [1e-1, 1e-2, 1e-3] {
                let error = one_sided(f, x, h) - df(x);
                assert!(is_taken(error / (h / 2.0), [ddf(x), ddf(x + h)]), "{x} {h}: {error:e}");
            }
        }
    }
}

#[test]
fn eq_central_difference() {
    for [f, df, _, dddf] in SMOOTH {
        for x in places() {
            for h in [1e-1, 1e-2, 1e-3] {
                let error = central(f, x, h) - df(x);
                let ends = [dddf(x - h), dddf(x + h)];
                assert!(is_taken(error / (h * h / 6.0), ends), "{x} {h}: {error:e}");
            }
        }
    }
    // The third derivative of x³ is 6 everywhere: the error is h² and nothing else.
    for x in [-1.3, 0.4, 2.0] {
        for h in [1e-1, 1e-2, 1e-3] {
            let error = central(|x| x.powi(3), x, h) - 3.0 * x * x;
            assert_relative_eq!(error, h * h, max_relative = 1e-5);
        }
    }
}

/// The precision of the numbers that [`rounded`] returns.
const EPSILON: f64 = f32::EPSILON as f64;

/// `f`, rounded once, to the nearest `f32`. All else is computed in `f64`, whose own errors are
/// too small to matter beside that one.
fn rounded(f: fn(f64) -> f64) -> impl Fn(f64) -> f64 {
    move |x| f64::from(f(x) as f32)
}

/// Slope of a straight line between two points of a plot with two logarithmic axes.
fn slope(error: impl Fn(f64) -> f64, h: [f64; 2]) -> f64 {
    (error(h[1]) / error(h[0])).ln() / (h[1] / h[0]).ln()
}

#[test]
fn eq_rounding_error() {
    for [f, ..] in SMOOTH {
        // In units of the bound, the largest rounding error of all places.
        let worst = |h: f64| {
            let shares = places().map(|x| {
                let c = f(x + h).abs().max(f(x - h).abs());
                let error = central(rounded(f), x, h) - central(f, x, h);
                error.abs() / (EPSILON * c / (2.0 * h))
            });
            shares.fold(0.0, f64::max)
        };
        for k in 4..20 {
            // The bound holds, and it is no exaggeration.
            let share = worst(f64::from(k).exp2().recip());
            assert!((0.3..=1.0).contains(&share), "{k}: {share}");
        }
    }
}

/// The largest error of a difference of rounded values, over all places.
fn worst_error(
    difference: impl Fn(&dyn Fn(f64) -> f64, f64, f64) -> f64,
    [f, df, ..]: Smooth,
    h: f64,
) -> f64 {
    places().map(|x| (difference(&rounded(f), x, h) - df(x)).abs()).fold(0.0, f64::max)
}

#[test]
fn eq_total_error() {
    for smooth @ [f, df, _, dddf] in SMOOTH {
        for k in 4..20 {
            let h = f64::from(k).exp2().recip();
            for x in places() {
                let m = dddf(x - h).abs().max(dddf(x + h).abs());
                let c = f(x + h).abs().max(f(x - h).abs());
                let error = (central(rounded(f), x, h) - df(x)).abs();
                assert!(error <= h * h / 6.0 * m + EPSILON * c / (2.0 * h), "{x} {h}: {error:e}");
            }
        }
        let error = |h: f64| worst_error(|f, x, h| central(f, x, h), smooth, h);
        assert_relative_eq!(slope(error, [0.1, 0.03]), 2.0, epsilon = 0.1);
        assert_relative_eq!(slope(error, [1e-4, 1e-7]), -1.0, epsilon = 0.1);
        let error = |h: f64| worst_error(|f, x, h| one_sided(f, x, h), smooth, h);
        assert_relative_eq!(slope(error, [0.03, 0.01]), 1.0, epsilon = 0.1);
        assert_relative_eq!(slope(error, [1e-5, 1e-8]), -1.0, epsilon = 0.1);
    }
}

/// |numeric − analytic| of Σ eˣ at a few places on a tape, with step `h`: the largest.
fn error_on_a_tape(h: f64) -> f64 {
    let mut tape = Tape::<f64>::new();
    let x = tape.parameter(arr1(&[0.1, 0.37, 0.52, 0.73, 0.91]));
    let y = tape.exp(x).unwrap();
    let check = Gradcheck { step: h, ..Gradcheck::default() };
    check.run(&mut tape, y, &Tensor::ones(IxDyn(&[5]))).unwrap().max_relative_error()
}

#[test]
fn eq_best_step() {
    for (c, m) in [(1.0, 1.0), (3.0, 0.2), (0.1, 40.0)] {
        let truncation = |h: f64| h * h / 6.0 * m;
        let rounding = |h: f64| EPSILON * c / (2.0 * h);
        let error = |h| truncation(h) + rounding(h);
        let best = (3.0 * EPSILON * c / (2.0 * m)).cbrt();
        for factor in [0.1, 0.5, 0.9, 1.1, 2.0, 10.0] {
            assert!(error(factor * best) > error(best), "{factor}");
        }
        assert_relative_eq!(rounding(best), 2.0 * truncation(best), max_relative = 1e-12);
        assert_relative_eq!(error(best), m / 2.0 * best * best, max_relative = 1e-12);
    }
    // Measured: in f32, of functions that are rounded once …
    for smooth in SMOOTH {
        let error = |h: f64| worst_error(|f, x, h| central(f, x, h), smooth, h);
        let (best, near) = (EPSILON.cbrt(), error(EPSILON.cbrt()));
        assert!(error(30.0 * best) > 10.0 * near && error(best / 30.0) > 10.0 * near, "{near:e}");
    }
    // … and in f64, by the check itself.
    let best = error_on_a_tape(f64::EPSILON.cbrt());
    assert!(best < 1e-10, "{best:e}");
    let (too_wide, too_narrow) = (error_on_a_tape(1e-1), error_on_a_tape(1e-12));
    assert!(too_wide > 1e6 * best, "{too_wide:e} against {best:e}");
    assert!(too_narrow > 1e4 * best, "{too_narrow:e} against {best:e}");
    assert_relative_eq!(slope(error_on_a_tape, [1e-1, 1e-3]), 2.0, epsilon = 0.01);
    assert_relative_eq!(slope(error_on_a_tape, [1e-8, 1e-12]), -1.0, epsilon = 0.35);
}

#[test]
fn the_one_sided_difference_has_a_best_step_of_its_own() {
    for (c, m) in [(1.0, 1.0), (3.0, 0.2), (0.1, 40.0)] {
        let error = |h: f64| h / 2.0 * m + EPSILON * c / h;
        let best = (2.0 * EPSILON * c / m).sqrt();
        for factor in [0.1, 0.5, 0.9, 1.1, 2.0, 10.0] {
            assert!(error(factor * best) > error(best), "{factor}");
        }
        assert_relative_eq!(error(best), (2.0 * EPSILON * c * m).sqrt(), max_relative = 1e-12);
    }
    // Measured: at its best, the one-sided difference is far behind the central one at its own.
    for smooth in SMOOTH {
        let one_sided = worst_error(|f, x, h| one_sided(f, x, h), smooth, EPSILON.sqrt());
        let central = worst_error(|f, x, h| central(f, x, h), smooth, EPSILON.cbrt());
        assert!(one_sided > 5.0 * central, "{one_sided:e} against {central:e}");
    }
}

/// What x + h and x − h are rounded to is what the difference must be divided by.
#[test]
fn the_step_is_the_one_that_was_taken() {
    let (x, h) = (0.7, 1e-13);
    let mut tape = Tape::<f64>::new();
    let var = tape.parameter(arr1(&[x]));
    let y = tape.map(var, "double", |x| 2.0 * x, |_| 2.0).unwrap();
    let check = Gradcheck { step: h, ..Gradcheck::default() };
    let report = check.run(&mut tape, y, &Tensor::ones(IxDyn(&[1]))).unwrap();
    assert_eq!(report.max_relative_error(), 0.0);
    let error = (central(|x| 2.0 * x, x, h) - 2.0).abs() / 2.0;
    assert!(error > 1e-5, "{error:e}");
}

/// Analytic and numeric derivative that a check finds where they are these two numbers.
fn report_of(analytic: f64, numeric: f64, floor: f64) -> Report {
    let mut tape = Tape::<f64>::new();
    let x = tape.parameter(arr1(&[0.4]));
    let y = tape.map(x, "line", move |x| numeric * x, move |_| analytic).unwrap();
    let check = Gradcheck { floor, ..Gradcheck::default() };
    check.run(&mut tape, y, &Tensor::ones(IxDyn(&[1]))).unwrap()
}

#[test]
fn a_relative_error_is_at_most_two() {
    let mut draw = Draw::new(34);
    let pairs: Tensor<f64> = draw.uniform(&[200, 2], -2.0, 2.0);
    for pair in pairs.rows() {
        let (a, d) = (pair[0], pair[1]);
        let e = report_of(a, d, 0.0).max_relative_error();
        assert!((0.0..=2.0 + 1e-9).contains(&e), "{a} {d}: {e}");
        // Between the same signs the larger of the two is the bound.
        assert!(a * d < 0.0 || e <= 1.0, "{a} {d}: {e}");
    }
    assert_relative_eq!(report_of(-0.3, 0.3, 0.0).max_relative_error(), 2.0, max_relative = 1e-9);
}

#[test]
fn eq_relative_error_of_a_factor() {
    for d in [-3.0, 0.2, 1.7] {
        for c in [-2.0, -1.0, 0.0, 0.125, 0.5, 1.0, 2.0, 24.0] {
            let expected = f64::abs(c - 1.0) / f64::abs(c).max(1.0);
            let e = report_of(c * d, d, 1e-3).max_relative_error();
            assert_relative_eq!(e, expected, max_relative = 1e-9, epsilon = 1e-9);
        }
    }
}

#[test]
fn eq_kink() {
    let h = 0.1;
    let check = Gradcheck { step: h, ..Gradcheck::default() };
    for x in [-0.3, -0.1, -0.07, 0.0, 0.02, 0.1, 0.3] {
        let mut tape = Tape::<f64>::new();
        let var = tape.parameter(arr1(&[x]));
        let y = tape.relu(var).unwrap();
        let report = check.run(&mut tape, y, &Tensor::ones(IxDyn(&[1]))).unwrap();
        let expected = (0.5 + x / (2.0 * h)).clamp(0.0, 1.0);
        let worst = report.worst.as_ref().unwrap();
        assert_relative_eq!(worst.numeric, expected, max_relative = 1e-12, epsilon = 1e-12);
        assert_eq!(passes(&report), x.abs() >= h, "{x}: {report}");
    }
}

#[test]
fn eq_what_a_check_sees() {
    let (k, n) = (2, 3);
    // y = J x, and a backward pass that takes another matrix for J.
    let linear = || Planted {
        shape: |inputs| vec![inputs[0][0]],
        forward: |x, y| y.assign(&matrix(&x[0]).dot(&vector(&x[2]))),
        backward: |x, dy, mut dx| {
            *dx.wanted(2).unwrap() += &matrix(&x[1]).t().dot(&vector(dy));
        },
    };
    let mut draw = Draw::new(35);
    let [right, wrong] = [0, 1].map(|_| draw.away_from_zero::<f64>(&[n, k]));
    let (x, dy) = (draw.away_from_zero::<f64>(&[k]), draw.away_from_zero::<f64>(&[n]));
    let seen = |wrong: &Tensor<f64>, dy: &Tensor<f64>| {
        let mut tape = Tape::new();
        let matrices = [&right, wrong].map(|matrix| tape.input(matrix.clone()));
        let x_var = tape.parameter(x.clone());
        let y = tape.push(linear(), &[matrices[0], matrices[1], x_var]).unwrap();
        tape.backward_from(y, dy).unwrap();
        let numeric = gradient(&x, dy, |x| matrix(&right).dot(&vector(x)).into_dyn());
        tape.gradient(x_var) - numeric
    };
    let difference = &wrong - &right;
    let expected = matrix(&difference).t().dot(&vector(&dy)).into_dyn();
    assert_eq!(expected.shape(), [k]);
    assert_relative_eq!(seen(&wrong, &dy), expected, epsilon = 1e-9);
    assert!(expected.iter().all(|entry| entry.abs() > 0.1));
    // A faulty first output is not seen by a dy that is zero there.
    let mut first = right.clone();
    first.index_axis_mut(Axis(0), 0).assign(&wrong.index_axis(Axis(0), 0));
    let mut blind = dy.clone();
    blind[0] = 0.0;
    assert_relative_eq!(seen(&first, &blind), Tensor::zeros(IxDyn(&[k])), epsilon = 1e-9);
    assert!(seen(&first, &dy).iter().all(|entry| entry.abs() > 0.1));

    // A forgotten dy is no other matrix: what is left does not grow with dy.
    let forgetful = || Planted {
        shape: |inputs| vec![inputs[0][0]],
        forward: |x, y| y.assign(&matrix(&x[0]).dot(&vector(&x[1]))),
        backward: |x, _, mut dx| *dx.wanted(1).unwrap() += &matrix(&x[0]).sum_axis(Axis(0)),
    };
    let seen = |dy: &Tensor<f64>| {
        let mut tape = Tape::new();
        let (j, x_var) = (tape.input(right.clone()), tape.parameter(x.clone()));
        let y = tape.push(forgetful(), &[j, x_var]).unwrap();
        tape.backward_from(y, dy).unwrap();
        tape.gradient(x_var) - gradient(&x, dy, |x| matrix(&right).dot(&vector(x)).into_dyn())
    };
    let expected = matrix(&right).t().dot(&vector(&(1.0 - &dy))).into_dyn();
    assert_relative_eq!(seen(&dy), expected, epsilon = 1e-9);
    assert!(expected.iter().all(|entry| entry.abs() > 0.1));
    let ones = Tensor::ones(dy.raw_dim());
    assert_relative_eq!(seen(&ones), Tensor::zeros(IxDyn(&[k])), epsilon = 1e-9);
}

#[test]
fn eq_constant_sum() {
    let mut draw = Draw::new(36);
    let logits = draw.away_from_zero::<f64>(&[1, 4]);
    for upstream in [1.0, -2.5] {
        let mut tape = Tape::<f64>::new();
        let x = tape.parameter(logits.clone());
        let y = tape.softmax(x).unwrap();
        assert_relative_eq!(tape.value(y).sum(), 1.0, max_relative = 1e-14);
        let dy = Tensor::from_elem(IxDyn(&[1, 4]), upstream);
        let report = Gradcheck::default().run(&mut tape, y, &dy).unwrap();
        assert_relative_eq!(*tape.gradient(x), Tensor::zeros(IxDyn(&[1, 4])), epsilon = 1e-14);
        let numeric = gradient(&logits, &dy, |x| {
            let e = x.mapv(f64::exp);
            &e / e.sum()
        });
        assert_relative_eq!(numeric, Tensor::zeros(IxDyn(&[1, 4])), epsilon = 1e-9);
        assert!(passes(&report) && report.vacuous == [x], "{report}");
        // Any other upstream gradient has something to check.
        let dy = draw.away_from_zero(&[1, 4]);
        assert!(Gradcheck::default().run(&mut tape, y, &dy).unwrap().vacuous.is_empty());
    }
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
