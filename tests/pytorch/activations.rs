//! Activations and their slopes over the whole range.

use super::{assert_number, part};
use chainrule::activation::Activation;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Activations {
    points: Vec<f64>,
    functions: BTreeMap<String, Function>,
}

#[derive(Deserialize)]
struct Function {
    values: Vec<f64>,
    derivatives: Vec<f64>,
}

#[test]
fn every_activation_is_that_of_pytorch() {
    let Activations { points, functions } = part("activations");
    assert_eq!(functions.len(), Activation::ALL.len());
    for activation in Activation::ALL {
        let name = activation.name();
        let Function { values, derivatives } = &functions[name];
        for (&x, (&y, &slope)) in points.iter().zip(values.iter().zip(derivatives)) {
            assert_number(&format!("{name}({x})"), activation.value(x), y);
            assert_number(&format!("{name}′({x})"), activation.derivative(x), slope);
        }
        assert_eq!([values.len(), derivatives.len()], [points.len(); 2], "{name}");
    }
}
