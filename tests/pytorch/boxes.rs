//! The programs of the book's boxes: what PyTorch printed is what the library computes.

use super::{TOLERANCE, part};
use chainrule::gradcheck::Gradcheck;
use chainrule::scalar::ASYMMETRIC;
use chainrule::tape::small::SmallTape;
use chainrule::{Mode, Real, Tape, Tensor, Var};
use ndarray::{Array, Axis, arr0, arr1, arr2};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

#[derive(Deserialize)]
struct Program {
    code: String,
    output: String,
}

/// The library's numbers for a box, in the order in which they are printed.
type Numbers = fn() -> Vec<f64>;

const BOXES: [(&str, Numbers); 8] = [
    ("activation", activation),
    ("elementwise", elementwise),
    ("gradcheck", gradcheck),
    ("matmul", matmul),
    ("normalize", normalize),
    ("scalar", scalar),
    ("softmax", softmax),
    ("tape", tape),
];

/// A number that was printed, and half a unit of its last digit.
#[derive(Debug, PartialEq)]
struct Printed {
    number: f64,
    half_unit: f64,
}

impl Printed {
    /// Whether `number` may be printed so.
    fn is(&self, number: f64) -> bool {
        // A little more than half: PyTorch rounds to `f32` before it rounds to print.
        let allowed = (1.01 * self.half_unit).max(TOLERANCE * self.number.abs());
        (self.number - number).abs() <= allowed
    }
}

/// All numbers of `text` that do not end a word, as the one of `float64` does.
fn printed(text: &str) -> Vec<Printed> {
    let words = text.split(|c: char| !(c.is_alphanumeric() || "+-._".contains(c)));
    let numbers = words.filter_map(|word| {
        let number = word.parse().ok()?;
        let (mantissa, exponent) = word.split_once('e').unwrap_or((word, "0"));
        let decimals = mantissa.split_once('.').map_or(0, |(_, decimals)| decimals.len() as i32);
        let exponent: i32 = exponent.parse().ok()?;
        Some(Printed { number, half_unit: 0.5 * 10_f64.powi(exponent - decimals) })
    });
    numbers.collect()
}

/// The first number that is not printed so.
fn first_difference(printed: &[Printed], numbers: &[f64]) -> Result<(), String> {
    if printed.len() != numbers.len() {
        return Err(format!("{} numbers, in PyTorch {}", numbers.len(), printed.len()));
    }
    for (k, (printed, &number)) in printed.iter().zip(numbers).enumerate() {
        if !printed.is(number) {
            return Err(format!("number {k}: {number}, in PyTorch {}", printed.number));
        }
    }
    Ok(())
}

fn programs() -> BTreeMap<String, Program> {
    part("boxes")
}

#[test]
fn every_box_is_recorded_as_it_is() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pytorch/boxes");
    let programs = programs();
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "py") {
            let name = path.file_stem().unwrap().to_str().unwrap();
            let code = fs::read_to_string(&path).unwrap();
            let recorded = programs.get(name).map(|program| program.code.as_str());
            assert_eq!(recorded, Some(code.as_str()), "{name}: run tests/pytorch/record.py");
            files += 1;
        }
    }
    assert_eq!(files, programs.len(), "a box was recorded whose file is gone");
}

#[test]
fn every_box_prints_the_library_s_numbers() {
    let programs = programs();
    assert!(programs.keys().eq(BOXES.iter().map(|(name, _)| name)), "{:?}", programs.keys());
    for (name, numbers) in BOXES {
        let found = first_difference(&printed(&programs[name].output), &numbers());
        found.unwrap_or_else(|difference| panic!("{name}: {difference}"));
    }
}

#[test]
fn a_wrong_number_is_found_in_every_box() {
    let programs = programs();
    for (name, numbers) in BOXES {
        let printed = printed(&programs[name].output);
        for k in 0..printed.len() {
            let mut wrong = numbers();
            wrong[k] = printed[k].number + 3.0 * printed[k].half_unit.max(TOLERANCE);
            let found = first_difference(&printed, &wrong).unwrap_err();
            assert!(found.starts_with(&format!("number {k}: ")), "{name}: {found}");
        }
        assert!(first_difference(&printed, &numbers()[1..]).is_err(), "{name}");
    }
}

#[test]
fn numbers_are_found_where_they_are_printed() {
    let text = "True: tensor([ 26., -0.0753],\n dtype=torch.float64) 4.14e-08 nan<Backward0>";
    let numbers = [(26.0, 0.5), (-0.0753, 5e-5), (4.14e-8, 5e-11), (f64::NAN, 0.5)];
    let found = printed(text);
    assert_eq!(found.len(), 4, "{found:?}");
    for (found, (number, half_unit)) in found.iter().zip(numbers) {
        assert!(found.number == number || number.is_nan() && found.number.is_nan());
        assert!((found.half_unit / half_unit - 1.0).abs() < 1e-12, "{found:?}");
        assert!(!found.is(f64::NAN), "{found:?}");
    }
}

/// The gradients of `vars`, one after the other.
fn gradients<T: Real>(tape: &Tape<T>, vars: &[Var]) -> Vec<f64> {
    let gradients = vars.iter().flat_map(|&var| tape.gradient(var));
    gradients.map(|gradient| gradient.to_f64().unwrap()).collect()
}

fn scalar() -> Vec<f64> {
    let (weights, sample) = ASYMMETRIC;
    let forward = weights.forward(&sample);
    let gradient = weights.backward(&sample, &forward).weights;
    [&[forward.loss], gradient.w.as_flattened()].concat()
}

/// A gradient of the tape is that of one pass. PyTorch adds those of both.
fn tape() -> Vec<f64> {
    let mut tape = Tape::new();
    let a = tape.parameter(arr0(3.0));
    let b = tape.add(a, a).unwrap();
    let c = tape.multiply(b, b).unwrap();
    let loss = tape.add(b, c).unwrap();
    let passes = [(); 2].map(|()| {
        tape.backward(loss);
        tape.gradient(a).sum()
    });

    let mut small = SmallTape::default();
    let a = small.leaf(3.0);
    let b = small.add(a, a);
    let c = small.multiply(b, b);
    let loss = small.add(b, c);
    assert_eq!([small.gradients(loss)[a]; 2], passes);
    vec![passes[0], passes[0] + passes[1]]
}

/// x² with the gradient of x·c for a constant c = x: half of the right one.
fn gradcheck() -> Vec<f64> {
    let checked = |slope: f64, dy: [f64; 2]| {
        let mut tape = Tape::new();
        let x = tape.parameter(arr1(&[0.5, -1.5]));
        let y = tape.map(x, "square", |x| x * x, move |x| slope * x).unwrap();
        let report = Gradcheck::default().run(&mut tape, y, &arr1(&dy).into_dyn()).unwrap();
        (report, gradients(&tape, &[x]))
    };
    let (right, _) = checked(2.0, [1.0, 1.0]);
    assert!(right.max_relative_error() < 1e-7, "{right}");
    // A column of PyTorch's matrices is an output: here, one backward pass from that output.
    let columns = [[1.0, 0.0], [0.0, 1.0]].map(|dy| checked(1.0, dy));
    let numeric = columns.each_ref().map(|(report, _)| report.worst.as_ref().unwrap().numeric);
    let [d_0, d_1] = columns.map(|(_, gradient)| gradient);
    // The indices of the output and of the input come first.
    vec![0.0, 0.0, numeric[0], 0.0, 0.0, numeric[1], d_0[0], d_1[0], d_0[1], d_1[1]]
}

fn elementwise() -> Vec<f64> {
    let mut tape = Tape::new();
    let x = tape.parameter(arr2(&[[1.0, 3.0], [0.5, 1.5], [2.0, 0.5]]));
    let total = tape.sum_axis(x, Axis(1)).unwrap();
    let repeated = tape.expand(total, Axis(1), x).unwrap();
    let y = tape.divide(x, repeated).unwrap();
    let dy = arr2(&[[1.0, -1.0], [2.0, 0.5], [0.5, 3.0]]).into_dyn();
    tape.backward_from(y, &dy).unwrap();
    gradients(&tape, &[total, x])
}

fn matmul() -> Vec<f64> {
    let mut tape = Tape::new();
    let x = tape.parameter(arr2(&[[1.0, -2.0, 0.5], [3.0, 0.25, -1.0]]));
    let w = tape.parameter(arr2(&[[0.5, -1.0], [2.0, 0.75], [-0.5, 1.5]]));
    let y = tape.matmul(x, w).unwrap();
    tape.backward_from(y, &arr2(&[[1.0, -0.5], [0.25, 2.0]]).into_dyn()).unwrap();
    // A layer of PyTorch keeps its weights transposed.
    let shape = tape.value(w).t().shape().iter().map(|&n| n as f64).collect();
    [gradients(&tape, &[x, w]), shape].concat()
}

fn activation() -> Vec<f64> {
    let mut tape = Tape::<f32>::new();
    let x = tape.parameter(arr1(&[-17.0, -1.0, 0.0, 1.0, 17.0]));
    let y = tape.sigmoid(x).unwrap();
    tape.backward(y);
    let sigmoid = gradients(&tape, &[x]);
    let y = tape.relu(x).unwrap();
    tape.backward(y);
    [sigmoid, gradients(&tape, &[x])].concat()
}

fn softmax() -> Vec<f64> {
    let mut tape = Tape::new();
    let z = tape.parameter(arr2(&[[2.0, -1.0, 0.5]]));
    let t = tape.input(arr1(&[1.0]));
    let loss = tape.softmax_cross_entropy(z, t).unwrap();
    tape.backward(loss);
    let gradient = gradients(&tape, &[z]);
    let p = tape.softmax(z).unwrap();
    let twice = tape.softmax_cross_entropy(p, t).unwrap();
    [vec![tape.value(loss).sum()], gradient, vec![tape.value(twice).sum()]].concat()
}

fn normalize() -> Vec<f64> {
    let mut tape = Tape::new();
    let x = tape.parameter(arr2(&[[1.0, 10.0], [2.0, -10.0], [6.0, 15.0]]));
    let gamma = tape.parameter(Array::ones(2));
    let beta = tape.parameter(Array::zeros(2));
    tape.set_mode(Mode::Training { step: 0 });
    let y = tape.batch_norm(x, gamma, beta).unwrap();
    let of_batch = tape.value(y).clone();
    let statistics: Vec<Tensor<f64>> = tape.buffers(y).to_vec();
    tape.set_mode(Mode::Evaluation);
    tape.forward();
    let all = [&[of_batch][..], &statistics, &[tape.value(y).clone()]].concat();
    all.iter().flatten().copied().collect()
}
