//! Each fault has its words.

use super::{Planted, first_shape, matrix};
use chainrule::gradcheck::{Diagnosis, Draw, Gradcheck};
use chainrule::tape::{Gradients, Inputs};
use chainrule::{Tape, Tensor, catalog};
use ndarray::{Axis, arr1};

type Backward = fn(Inputs<'_, f64>, &Tensor<f64>, Gradients<'_, f64>);

/// What is said of each input of `op`, at random values of these shapes.
fn words(op: Planted, shapes: &[&[usize]]) -> Vec<String> {
    let mut draw = Draw::new(31);
    let values: Vec<_> = shapes.iter().map(|shape| draw.away_from_zero(shape)).collect();
    words_at(op, &values)
}

/// What is said of each input of `op`, at these values.
fn words_at(op: Planted, values: &[Tensor<f64>]) -> Vec<String> {
    let mut tape = Tape::new();
    let vars: Vec<_> = values.iter().map(|value| tape.parameter(value.clone())).collect();
    let y = tape.push(op, &vars).unwrap();
    let dy = Draw::new(37).away_from_zero(tape.value(y).shape());
    let before = tape.trace();
    let diagnoses = Gradcheck::default().diagnose(&mut tape, y, &dy).unwrap();
    assert_eq!(before, tape.trace(), "a tape is left as it was found");
    diagnoses.iter().map(Diagnosis::to_string).collect()
}

/// y = a ⊙ b, with a backward pass of the test's choice.
fn multiply(backward: Backward) -> Planted {
    Planted { shape: first_shape, forward: |x, y| y.assign(&(&x[0] * &x[1])), backward }
}

/// y = e^x, with a backward pass of the test's choice.
fn exp(backward: Backward) -> Planted {
    Planted { shape: first_shape, forward: |x, y| y.assign(&x[0].mapv(f64::exp)), backward }
}

const PAIR: [&[usize]; 2] = [&[2, 3], &[2, 3]];

#[test]
fn every_op_of_the_book_is_right() {
    for case in catalog::cases() {
        let mut tape = Tape::new();
        let mut draw = Draw::new(5);
        let y = (case.record)(&mut tape, &mut draw).unwrap();
        let dy = draw.away_from_zero(tape.value(y).shape());
        let diagnoses = Gradcheck::default().diagnose(&mut tape, y, &dy).unwrap();
        let agree = !diagnoses.is_empty() && diagnoses.iter().all(Diagnosis::agrees);
        assert!(agree, "{}: {diagnoses:?}", case.op);
    }
}

#[test]
fn factors_are_told_with_their_cause() {
    let square = |factor: f64| {
        let mut tape = Tape::<f64>::new();
        let x = tape.parameter(arr1(&[0.4, 1.3]));
        let y = tape.map(x, "square", |x| x * x, move |x| factor * 2.0 * x).unwrap();
        let dy = arr1(&[1.5, -0.7]).into_dyn();
        Gradcheck::default().diagnose(&mut tape, y, &dy).unwrap()[0].to_string()
    };
    assert_eq!(square(1.0), "right");
    assert_eq!(square(-1.0), "every entry is off by a factor -1: a sign");
    assert_eq!(square(-2.0), "every entry is off by a factor -2: a sign, and a 2");
    assert_eq!(
        square(0.5),
        "every entry is off by a factor 0.500: one of two uses lost, or a square differentiated \
         without its 2"
    );
    assert_eq!(
        square(2.0),
        "every entry is off by a factor 2: a use counted twice, or a lost half"
    );
    assert_eq!(square(1.7), "every entry is off by a factor 1.700");
    assert_eq!(square(0.0), "every entry is zero: nothing was added to this gradient");
}

#[test]
fn a_mean_is_told_by_its_length() {
    let mean = |share: fn(f64) -> f64| {
        let mut tape = Tape::<f64>::new();
        let x = tape.parameter(arr1(&[0.4, 1.3, -0.6, 2.0]));
        let sum = tape.map(x, "rows", |x| x, |_| 1.0).unwrap();
        let mean = tape.map(sum, "quarter", |x| x / 4.0, share).unwrap();
        let dy = arr1(&[1.5, -0.7, 0.4, 0.9]).into_dyn();
        Gradcheck::default().diagnose(&mut tape, mean, &dy).unwrap()[0].to_string()
    };
    assert_eq!(
        mean(|_| 1.0),
        "every entry is off by a factor 4: a mean over 4 entries that was not divided by 4"
    );
    assert_eq!(
        mean(|_| 1.0 / 16.0),
        "every entry is off by a factor 0.250: divided by 4, and should not be"
    );
}

/// A single entry is off by some factor whatever the fault is.
#[test]
fn a_factor_without_a_cause_says_nothing_of_one_entry() {
    let mut tape = Tape::<f64>::new();
    let x = tape.parameter(arr1(&[0.4]));
    let y = tape.map(x, "square", |x| x * x, |x| 3.4 * x).unwrap();
    let found = Gradcheck::default().diagnose(&mut tape, y, &arr1(&[1.5]).into_dyn()).unwrap();
    assert_eq!(found, [Diagnosis::Entries { wrong: 1, of: 1, index: vec![0], factor: None }]);
    assert_eq!(found[0].to_string(), "not the derivative");
}

#[test]
fn exchanged_inputs_are_told() {
    let exchanged = multiply(|x, dy, mut dx| {
        *dx.wanted(0).unwrap() += &(dy * &x[0]);
        *dx.wanted(1).unwrap() += &(dy * &x[1]);
    });
    assert_eq!(
        words(exchanged, &PAIR),
        [
            "this is the gradient of input 1: two inputs are exchanged",
            "this is the gradient of input 0: two inputs are exchanged"
        ]
    );
}

#[test]
fn a_missing_factor_is_told_by_its_values() {
    let missing = multiply(|x, dy, mut dx| {
        *dx.wanted(0).unwrap() += dy;
        *dx.wanted(1).unwrap() += &(dy * &x[0] * &x[0]);
    });
    assert_eq!(
        words(missing, &PAIR),
        [
            "every entry lacks a factor: the value of input 1",
            "every entry has a factor too many: the value of input 0"
        ]
    );
    let output = exp(|_, dy, mut dx| *dx.wanted(0).unwrap() += dy);
    assert_eq!(words(output, &[&[3]]), ["every entry lacks a factor: the value of the output"]);
}

#[test]
fn a_forgotten_upstream_gradient_is_told() {
    let forgotten = exp(|x, _, mut dx| *dx.wanted(0).unwrap() += &x[0].mapv(f64::exp));
    assert_eq!(
        words(forgotten, &[&[3]]),
        ["the same whatever the gradient of the output: dy is not a factor"]
    );
}

#[test]
fn a_dropped_sum_is_told_with_its_axis() {
    let bias = Planted {
        shape: first_shape,
        forward: |x, y| y.assign(&(&x[0] + &x[1])),
        backward: |_, dy, mut dx| {
            *dx.wanted(0).unwrap() += dy;
            *dx.wanted(1).unwrap() += &dy.index_axis(Axis(0), 0);
        },
    };
    assert_eq!(
        words(bias, &[&[3, 2], &[2]]),
        ["right", "one slice of the output feeds all of it: the sum over axis 0 is missing"]
    );
}

#[test]
fn a_transposed_gradient_is_told() {
    let product = Planted {
        shape: first_shape,
        forward: |x, y| y.assign(&matrix(&x[0]).dot(&matrix(&x[1]))),
        backward: |x, dy, mut dx| {
            *dx.wanted(0).unwrap() += &matrix(dy).dot(&matrix(&x[1]).t());
            *dx.wanted(1).unwrap() += &matrix(&x[0]).t().dot(&matrix(dy)).t();
        },
    };
    let shapes: [&[usize]; 2] = [&[3, 3], &[3, 3]];
    assert_eq!(words(product, &shapes), ["right", "this is the transpose of the gradient"]);
}

#[test]
fn what_is_no_number_is_told_with_its_place() {
    let poison = exp(|_, dy, mut dx| {
        let mut poisoned = dy.clone();
        poisoned[[1]] = f64::NAN;
        *dx.wanted(0).unwrap() += &poisoned;
    });
    assert_eq!(words(poison, &[&[3]]), ["the backward pass leaves no finite number at [1]"]);
    let log = Planted {
        shape: first_shape,
        forward: |x, y| y.assign(&x[0].mapv(f64::ln)),
        backward: |x, dy, mut dx| *dx.wanted(0).unwrap() += &(dy / &x[0]),
    };
    assert_eq!(
        words_at(log, &[arr1(&[2.0, -1.0]).into_dyn()]),
        ["the forward pass leaves no finite number"]
    );
}

#[test]
fn a_zero_proves_nothing_and_a_lost_zero_is_told() {
    let zeros = [arr1(&[0.0, 0.0]).into_dyn(), arr1(&[1.5, 0.6]).into_dyn()];
    let right: Backward = |x, dy, mut dx| {
        *dx.wanted(0).unwrap() += &(dy * &x[1]);
        *dx.wanted(1).unwrap() += &(dy * &x[0]);
    };
    assert_eq!(
        words_at(multiply(right), &zeros),
        ["right", "zero, as it should be, which proves nothing"]
    );
    let wrong: Backward = |x, dy, mut dx| {
        *dx.wanted(0).unwrap() += &(dy * &x[1]);
        *dx.wanted(1).unwrap() += dy;
    };
    assert_eq!(
        words_at(multiply(wrong), &zeros),
        ["right", "the entries are not zero: the derivative is"]
    );
}

#[test]
fn what_is_wrong_in_some_entries_alone_is_counted() {
    let first = exp(|x, dy, mut dx| {
        let mut wrong = dy * &x[0].mapv(f64::exp);
        wrong[[0]] += 0.1;
        wrong[[2]] -= 0.3;
        *dx.wanted(0).unwrap() += &wrong;
    });
    assert_eq!(words(first, &[&[3]]), ["2 of 3 entries wrong, the first at [0]"]);
    let sign = exp(|x, dy, mut dx| {
        let mut wrong = dy * &x[0].mapv(f64::exp);
        wrong[[1]] *= -1.0;
        *dx.wanted(0).unwrap() += &wrong;
    });
    assert_eq!(
        words(sign, &[&[3]]),
        ["1 of 3 entries wrong, the first at [1], off by a factor -1: a sign"]
    );
}

#[test]
fn an_upstream_gradient_of_another_shape_is_refused() {
    let mut tape = Tape::<f64>::new();
    let x = tape.parameter(arr1(&[0.4]));
    let y = tape.exp(x).unwrap();
    let error =
        Gradcheck::default().diagnose(&mut tape, y, &arr1(&[1.0, 2.0]).into_dyn()).unwrap_err();
    assert!(error.to_string().contains("must have the shape of the output"), "{error}");
}
