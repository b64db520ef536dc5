//! One forward and one backward pass with plain numbers, and what its zeros hide.
//!
//! Source A, section 1: a network of two inputs, three hidden sigmoid units and two outputs. The library's
//! [`scalar`](crate::scalar) is that network. The example of the course is [`SYMMETRIC`]; its first layer
//! has gradients of exactly zero, so a wrong factor there changes nothing.
//!
//! A fault is planted: the derivative of the sigmoid is left out, so that dz = dh in place of
//! dz = dh·h·(1 − h). The example passes it, and the asymmetric one does not.

use super::claim::{Claim, not_testable};
use super::exhibit::Exhibit;
use super::{Configuration, Study, Task};
use crate::scalar::{ASYMMETRIC, SYMMETRIC, Sample, Weights};
use std::collections::BTreeMap;

/// Step of the central differences: ε^(1/3), which balances their two errors.
const STEP: f64 = 6e-6;

/// The study.
pub const STUDY: Study = Study {
    name: "by-hand",
    title: "a 2-3-2 network by hand: why gradients that are zero prove nothing",
    configurations,
    claims,
    exhibits,
    lacks: &[],
};

fn configurations() -> Vec<Configuration> {
    let computation = |name: &str, title: &str, compute| Configuration {
        name: name.to_owned(),
        title: title.to_owned(),
        seeds: 1,
        task: Task::Computation(compute),
    };
    vec![
        computation("symmetric", "the course's example", |_| numbers(SYMMETRIC, right)),
        computation("asymmetric", "an example without symmetry", |_| numbers(ASYMMETRIC, right)),
        computation(
            "symmetric-fault",
            "the course's example, sigmoid's derivative left out",
            |_| numbers(SYMMETRIC, without_derivative),
        ),
        computation("asymmetric-fault", "without symmetry, sigmoid's derivative left out", |_| {
            numbers(ASYMMETRIC, without_derivative)
        }),
    ]
}

fn claims() -> Vec<Claim> {
    vec![Claim::new(
        "A",
        "one forward and one backward pass, in plain numbers",
        not_testable("it states the pass and no result; the numbers here are our own"),
    )]
}

fn exhibits() -> Vec<Exhibit> {
    Vec::new()
}

/// The gradient as the chain rule has it.
fn right(weights: &Weights, sample: &Sample) -> Weights {
    weights.backward(sample, &weights.forward(sample)).weights
}

/// The gradient with dz = dh: the sigmoid's derivative is left out.
fn without_derivative(weights: &Weights, sample: &Sample) -> Weights {
    let gradient = weights.backward(sample, &weights.forward(sample));
    let (dz, x) = (gradient.h, sample.x);
    Weights { w: x.map(|x| dz.map(|dz| x * dz)), b: dz, ..gradient.weights }
}

/// The pass, its gradient, and how far that is from central differences.
fn numbers(
    (weights, sample): (Weights, Sample),
    gradient: fn(&Weights, &Sample) -> Weights,
) -> BTreeMap<String, Vec<f64>> {
    let forward = weights.forward(&sample);
    let found = gradient(&weights, &sample).to_array();
    let expected = weights.central_differences(&sample, STEP).to_array();
    let errors = found.iter().zip(expected).map(|(a, n)| (a - n).abs());
    [
        ("hidden", forward.h.to_vec()),
        ("probabilities", forward.p.to_vec()),
        ("loss", vec![forward.loss]),
        ("gradient", found.to_vec()),
        ("largest error", vec![errors.fold(0.0, f64::max)]),
    ]
    .map(|(name, values)| (name.to_owned(), values))
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_passes_the_fault_and_the_other_one_does_not() {
        let error = |example, gradient| numbers(example, gradient)["largest error"][0];
        assert!(error(SYMMETRIC, right) < 1e-9 && error(ASYMMETRIC, right) < 1e-9);
        assert!(error(SYMMETRIC, without_derivative) < 1e-9);
        assert!(error(ASYMMETRIC, without_derivative) > 0.1);
    }
}
