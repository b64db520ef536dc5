//! Ten steps of each rule, with gradients that are given.

use super::{Numbers, difference, part};
use chainrule::Tape;
use chainrule::optim::{Optimizer, Rule};
use serde::Deserialize;
use std::collections::{BTreeMap, HashSet};
use std::mem::discriminant;

#[derive(Deserialize)]
struct Optimizers {
    problem: Problem,
    rules: BTreeMap<String, Trajectory>,
}

#[derive(Deserialize)]
struct Problem {
    start: Weights,
    gradients: Vec<Weights>,
    rates: Vec<f64>,
}

#[derive(Clone, Deserialize)]
struct Weights {
    w: Numbers,
    b: Numbers,
}

#[derive(Clone, Deserialize)]
struct Trajectory {
    pytorch: String,
    rule: Rule,
    l2: f64,
    /// How many times the rate of w the rate of b is.
    factor: f64,
    /// Whether b decays.
    decays: bool,
    /// After each step.
    weights: Vec<Weights>,
}

/// The first step after which a weight is not that of `expected`.
fn first_difference(problem: &Problem, expected: &Trajectory) -> Result<(), String> {
    let mut tape = Tape::new();
    let w = tape.parameter(problem.start.w.0.clone());
    let b = tape.parameter(problem.start.b.0.clone());
    // L = Σ w ⊙ g has the gradient g.
    let given = [w, b].map(|weight| tape.input(tape.value(weight).clone()));
    let products = [(w, given[0]), (b, given[1])].map(|(w, g)| tape.multiply(w, g).unwrap());
    let [of_w, of_b] = products.map(|product| tape.sum(product).unwrap());
    let loss = tape.add(of_w, of_b).unwrap();
    let optimizer = Optimizer::new(expected.rule, expected.l2, &tape, &[w, b]).unwrap();
    let mut optimizer = optimizer.with_factor(&[b], expected.factor).unwrap();
    if !expected.decays {
        optimizer = optimizer.without_decay(&[b]).unwrap();
    }
    let steps = problem.gradients.iter().zip(&problem.rates).zip(&expected.weights);
    assert_eq!(steps.len(), 10, "{}", expected.pytorch);
    for (step, ((gradients, &rate), weights)) in steps.enumerate() {
        tape.set(given[0], &gradients.w.0).unwrap();
        tape.set(given[1], &gradients.b.0).unwrap();
        tape.backward(loss);
        optimizer.step(&mut tape, rate);
        for (name, var, expected) in [("w", w, &weights.w), ("b", b, &weights.b)] {
            difference(&format!("step {step}: {name}"), tape.value(var), &expected.0)?;
        }
    }
    Ok(())
}

/// All variants: a new one is missed here by the compiler.
fn rules() -> usize {
    match Rule::Sgd {
        Rule::Sgd
        | Rule::Momentum { .. }
        | Rule::Nesterov { .. }
        | Rule::Adam { .. }
        | Rule::AdamW { .. } => 5,
    }
}

#[test]
fn every_rule_is_that_of_pytorch() {
    let Optimizers { problem, rules: trajectories } = part("optimizers");
    let mut seen = HashSet::new();
    for (name, trajectory) in &trajectories {
        if let Err(difference) = first_difference(&problem, trajectory) {
            panic!("{name}, {}: {difference}", trajectory.pytorch);
        }
        seen.insert(discriminant(&trajectory.rule));
    }
    assert_eq!(seen.len(), rules());
}

/// With the numbers of another rule, or with other hyperparameters.
#[test]
fn a_wrong_step_is_found_in_every_rule() {
    let Optimizers { problem, rules } = part("optimizers");
    for (name, trajectory) in &rules {
        for (other, _) in rules.iter().filter(|(other, _)| *other != name) {
            let wrong = Trajectory { weights: rules[other].weights.clone(), ..trajectory.clone() };
            assert!(first_difference(&problem, &wrong).is_err(), "{name} passes as {other}");
        }
        let wrong = Trajectory { l2: trajectory.l2 + 1e-6, ..trajectory.clone() };
        let found = first_difference(&problem, &wrong).unwrap_err();
        assert!(found.starts_with("step "), "{name}: {found}");
    }
}
