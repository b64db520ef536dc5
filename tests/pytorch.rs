//! The library against PyTorch: what `tests/pytorch/record.py` wrote into `reference.json`, part by
//! part. CONTRIBUTING.md says how it is recorded again.

mod activations;
mod averages;
mod batch_norm;
mod boxes;
mod init;
mod losses;
mod ops;
mod optimizers;
mod schedules;

use chainrule::Tensor;
use ndarray::{ArrayD, Dimension, IxDyn};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Largest relative error: both sides compute in `f64`, and add in other orders.
const TOLERANCE: f64 = 1e-10;

/// Numbers below this magnitude are compared absolutely.
const FLOOR: f64 = 1e-3;

/// A part of the reference.
fn part<T: DeserializeOwned>(name: &str) -> T {
    let mut reference: Value = serde_json::from_str(include_str!("pytorch/reference.json"))
        .unwrap_or_else(|error| panic!("tests/pytorch/reference.json: {error}"));
    serde_json::from_value(reference[name].take())
        .unwrap_or_else(|error| panic!("tests/pytorch/reference.json: {name}: {error}"))
}

/// A tensor, which the file has as lists in lists. A scalar is a number alone.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Value")]
struct Numbers(Tensor<f64>);

impl TryFrom<Value> for Numbers {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        let (mut shape, mut inner) = (Vec::new(), &value);
        while let Value::Array(items) = inner {
            shape.push(items.len());
            inner = items.first().ok_or("an empty list")?;
        }
        let mut entries = Vec::new();
        flatten(&value, &mut entries)?;
        let tensor = ArrayD::from_shape_vec(IxDyn(&shape), entries);
        tensor.map(Self).map_err(|error| format!("lists of unequal lengths: {error}"))
    }
}

fn flatten(value: &Value, entries: &mut Vec<f64>) -> Result<(), String> {
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| flatten(item, entries)),
        _ => {
            entries.push(value.as_f64().ok_or_else(|| format!("{value} is no number"))?);
            Ok(())
        }
    }
}

/// |found − expected| / max(|found|, |expected|, floor), and ∞ where that is not a number.
fn relative_error(found: f64, expected: f64) -> f64 {
    let error = (found - expected).abs() / found.abs().max(expected.abs()).max(FLOOR);
    if error.is_nan() { f64::INFINITY } else { error }
}

/// The entry that is off by most, where one is off by more than the tolerance.
fn difference(what: &str, found: &Tensor<f64>, expected: &Tensor<f64>) -> Result<(), String> {
    if found.shape() != expected.shape() {
        let shapes = (found.shape(), expected.shape());
        return Err(format!("{what}: shape {:?}, in PyTorch {:?}", shapes.0, shapes.1));
    }
    let errors = found.indexed_iter().zip(expected).map(|((index, &found), &expected)| {
        (relative_error(found, expected), index, found, expected)
    });
    match errors.max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((error, index, found, expected)) if error > TOLERANCE => Err(format!(
            "{what}{:?}: {found}, in PyTorch {expected} (relative error {error:.1e})",
            index.slice()
        )),
        _ => Ok(()),
    }
}

#[track_caller]
fn assert_equal(what: &str, found: &Tensor<f64>, expected: &Tensor<f64>) {
    difference(what, found, expected).unwrap_or_else(|difference| panic!("{difference}"));
}

#[track_caller]
fn assert_number(what: &str, found: f64, expected: f64) {
    let scalar = |number| Tensor::from_elem(IxDyn(&[]), number);
    assert_equal(what, &scalar(found), &scalar(expected));
}

#[test]
fn the_versions_are_recorded() {
    for program in ["torch", "python"] {
        let version: String = part(program);
        let numbers: Vec<&str> = version.split('.').collect();
        let whole = numbers.iter().all(|number| number.parse::<u32>().is_ok());
        assert!(numbers.len() == 3 && whole, "{program}: {version}");
    }
    let pins = include_str!("pytorch/requirements.txt");
    let pin = format!("torch=={}", part::<String>("torch"));
    assert!(pins.lines().any(|line| line == pin), "recorded with {pin}, which is not pinned");
}

#[test]
fn a_difference_is_found_and_named() {
    let tensor =
        |numbers: &[f64]| ArrayD::from_shape_vec(IxDyn(&[2, 2]), numbers.to_vec()).unwrap();
    let expected = tensor(&[1.0, -20.0, 1e-9, 0.0]);
    assert_eq!(difference("w", &expected, &expected), Ok(()));
    let near = tensor(&[1.0 + 5e-11, -20.0, 1e-9 + 5e-14, 5e-14]);
    assert_eq!(difference("w", &near, &expected), Ok(()));
    for (index, by) in [2e-10, 3e-9, 2e-13, 2e-13, f64::NAN, f64::INFINITY].iter().enumerate() {
        let index = index % 4;
        let mut found = expected.clone();
        found.as_slice_mut().unwrap()[index] += by;
        let message = difference("w", &found, &expected).unwrap_err();
        let place = format!("w[{}, {}]: ", index / 2, index % 2);
        let numbers = (found.as_slice().unwrap()[index], expected.as_slice().unwrap()[index]);
        assert!(message.starts_with(&place), "{message}");
        assert!(message.contains(&format!("{}, in PyTorch {}", numbers.0, numbers.1)), "{message}");
    }
    let row = Tensor::zeros(IxDyn(&[4]));
    assert_eq!(difference("w", &row, &expected).unwrap_err(), "w: shape [4], in PyTorch [2, 2]");
}

#[test]
fn lists_of_unequal_lengths_are_no_tensor() {
    for (text, error) in [
        ("[[1, 2], [3]]", "lists of unequal lengths"),
        ("[[1, 2], [3, null]]", "null is no number"),
        ("[]", "an empty list"),
    ] {
        let found = serde_json::from_str::<Numbers>(text).unwrap_err().to_string();
        assert!(found.starts_with(error), "{text}: {found}");
    }
}
