//! The code that is checked in f64 is the code that trains in f32: both give the same.

use chainrule::gradcheck::{Case, Draw};
use chainrule::{Real, ShapeError, Tape, Tensor, Var, activation, elementwise, matmul};
use ndarray::{Axis, Zip};
use std::collections::BTreeSet;

type Record<T> = fn(&mut Tape<T>, &mut Draw) -> Result<Var, ShapeError>;

/// Ops by name, each recorded in both types from one text.
macro_rules! ops {
    ($($name:literal: |$tape:ident, $draw:ident| $body:expr;)*) => {
        const OPS: &[(&str, Record<f32>, Record<f64>)] =
            &[$(($name, |$tape, $draw| $body, |$tape, $draw| $body)),*];
    };
}

/// Two parameters of one shape.
fn two<T: Real>(tape: &mut Tape<T>, draw: &mut Draw) -> [Var; 2] {
    [0, 1].map(|_| tape.parameter(draw.away_from_zero(&[7, 5])))
}

fn one<T: Real>(tape: &mut Tape<T>, draw: &mut Draw) -> Var {
    tape.parameter(draw.away_from_zero(&[7, 5]))
}

/// Input, weights and bias of a linear layer.
fn layer<T: Real>(tape: &mut Tape<T>, draw: &mut Draw) -> [Var; 3] {
    let shapes: [&[usize]; 3] = [&[7, 50], &[50, 6], &[6]];
    shapes.map(|shape| tape.parameter(draw.away_from_zero(shape)))
}

ops! {
    "add": |tape, draw| { let [a, b] = two(tape, draw); tape.add(a, b) };
    "subtract": |tape, draw| { let [a, b] = two(tape, draw); tape.subtract(a, b) };
    "multiply": |tape, draw| { let [a, b] = two(tape, draw); tape.multiply(a, b) };
    "divide": |tape, draw| { let [a, b] = two(tape, draw); tape.divide(a, b) };
    "negate": |tape, draw| { let x = one(tape, draw); tape.negate(x) };
    "scale": |tape, draw| { let x = one(tape, draw); tape.scale(x, -0.7) };
    "exp": |tape, draw| { let x = one(tape, draw); tape.exp(x) };
    "log": |tape, draw| { let x = tape.parameter(draw.positive(&[7, 5])); tape.log(x) };
    "sin": |tape, draw| { let x = one(tape, draw); tape.map(x, "sin", |x| x.sin(), |x| x.cos()) };
    "sum": |tape, draw| { let x = one(tape, draw); tape.sum(x) };
    "mean": |tape, draw| { let x = one(tape, draw); tape.mean(x) };
    "sum_axis": |tape, draw| { let x = one(tape, draw); tape.sum_axis(x, Axis(0)) };
    "mean_axis": |tape, draw| { let x = one(tape, draw); tape.mean_axis(x, Axis(1)) };
    "expand": |tape, draw| {
        let (x, like) = (tape.parameter(draw.positive(&[5])), one(tape, draw));
        tape.expand(x, Axis(0), like)
    };
    "add_bias": |tape, draw| {
        let (x, b) = (one(tape, draw), tape.parameter(draw.positive(&[5])));
        tape.add_bias(x, b)
    };
    "matmul": |tape, draw| { let [x, w, _] = layer(tape, draw); tape.matmul(x, w) };
    "transpose": |tape, draw| { let x = one(tape, draw); tape.transpose(x) };
    "linear": |tape, draw| { let [x, w, b] = layer(tape, draw); tape.linear(x, w, b) };
    "linear_relu": |tape, draw| { let [x, w, b] = layer(tape, draw); tape.linear_relu(x, w, b) };
    "sigmoid": |tape, draw| { let x = one(tape, draw); tape.sigmoid(x) };
    "tanh": |tape, draw| { let x = one(tape, draw); tape.tanh(x) };
    "relu": |tape, draw| { let x = one(tape, draw); tape.relu(x) };
    "selu": |tape, draw| { let x = one(tape, draw); tape.selu(x) };
}

/// The value of an op, and the gradients of all its parameters.
fn run<T: Real>(record: Record<T>) -> Vec<Tensor<T>> {
    let (mut tape, mut draw) = (Tape::new(), Draw::new(12));
    let y = record(&mut tape, &mut draw).unwrap();
    let dy = draw.away_from_zero(tape.value(y).shape());
    tape.backward_from(y, &dy).unwrap();
    let parameters: Vec<Var> = tape.vars().filter(|&var| tape.is_parameter(var)).collect();
    let gradients = parameters.into_iter().map(|var| tape.gradient(var).clone());
    std::iter::once(tape.value(y).clone()).chain(gradients).collect()
}

#[test]
fn f32_and_f64_agree() {
    for (name, single, double) in OPS {
        for (single, double) in run(*single).iter().zip(&run(*double)) {
            assert_eq!(single.shape(), double.shape(), "{name}");
            // Relative to 1 below 1: sums of terms of about 1 may cancel.
            let error = Zip::from(single).and(double).fold(0.0_f64, |worst, &single, &double| {
                worst.max((f64::from(single) - double).abs() / double.abs().max(1.0))
            });
            assert!(error <= 2e-6, "{name}: relative error {error:e}");
        }
    }
}

#[test]
fn ops_go_by_their_names() {
    for (name, record, _) in OPS {
        let mut tape = Tape::new();
        let y = record(&mut tape, &mut Draw::new(1)).unwrap();
        let expression = tape.expression(y);
        assert!(expression.starts_with(&format!("{name}(")), "{name}: {expression}");
    }
}

#[test]
fn the_ops_of_these_chapters_are_all_compared() {
    let compared: BTreeSet<&str> = OPS.iter().map(|(name, ..)| *name).collect();
    let chapters: [&[Case]; 5] = [
        elementwise::CASES,
        elementwise::unary::CASES,
        elementwise::broadcast::CASES,
        matmul::CASES,
        activation::CASES,
    ];
    for case in chapters.into_iter().flatten() {
        let op = case.op.split(',').next().unwrap();
        assert!(compared.contains(op), "{op} is compared nowhere");
    }
}
