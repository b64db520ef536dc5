//! Averages of the weights over a training.

use super::{Numbers, assert_equal, part};
use chainrule::Tensor;
use chainrule::named::Learned;
use chainrule::optim::{Average, Averaging};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Averages {
    /// The weights after each step.
    thetas: Vec<Numbers>,
    kinds: BTreeMap<String, Kind>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Kind {
    Recorded {
        averaging: Averaging,
        /// None after a step that does not count.
        averages: Vec<Option<Numbers>>,
    },
    /// Why there is none.
    Missing { reason: String },
}

/// A network of one tensor.
struct Weights(Tensor<f64>);

impl Learned<f64> for Weights {
    fn learned(&self) -> Vec<(String, Tensor<f64>)> {
        vec![("w".to_owned(), self.0.clone())]
    }

    fn for_each_learned(&mut self, mut f: impl FnMut(usize, &mut [f64])) {
        f(0, self.0.as_slice_mut().unwrap());
    }
}

/// φ after each step.
fn averages(averaging: Averaging, thetas: &[Numbers]) -> Vec<Tensor<f64>> {
    let mut network = Weights(Tensor::zeros(thetas[0].0.raw_dim()));
    let mut average = Average::new(averaging, &network).unwrap();
    let steps = thetas.iter().zip(1..).map(|(theta, step)| {
        network.0.assign(&theta.0);
        average.update(&mut network, step);
        let (_, phi) = average.state().next().unwrap();
        phi.clone()
    });
    steps.collect()
}

/// PyTorch's exponential average e starts at θ₁ and not at 0: e_t = m_t + βᵗ·θ₁, where Chainrule's
/// is φ_t = m_t / (1 − βᵗ).
fn converted(averaging: Averaging, phi: &Tensor<f64>, first: &Tensor<f64>, t: i32) -> Tensor<f64> {
    match averaging {
        Averaging::Exponential { decay } => {
            let faded = decay.powi(t);
            phi * (1.0 - faded) + first * faded
        }
        _ => phi.clone(),
    }
}

#[test]
fn every_average_is_that_of_pytorch() {
    let Averages { thetas, kinds } = part("averages");
    let mut compared = 0;
    for (name, kind) in &kinds {
        match kind {
            Kind::Recorded { averaging, averages: expected } => {
                let found = averages(*averaging, &thetas);
                for (t, (phi, expected)) in (1..).zip(found.iter().zip(expected)) {
                    let Some(expected) = expected else { continue };
                    let phi = converted(*averaging, phi, &thetas[0].0, t);
                    assert_equal(&format!("{name}, step {t}: w"), &phi, &expected.0);
                    compared += 1;
                }
            }
            Kind::Missing { reason } => assert!(!reason.is_empty(), "{name}: why?"),
        }
    }
    assert_eq!(compared, 10 + 4);
    // All variants: a new one is missed here by the compiler, and then in the file.
    let name = |averaging: Averaging| match averaging {
        Averaging::Lookahead { .. } => "lookahead",
        Averaging::AnnealedLookahead { .. } => "annealed-lookahead",
        Averaging::Exponential { .. } => "exponential",
        Averaging::Mean { .. } => "mean",
    };
    for averaging in [
        Averaging::Lookahead { every: 5, weight: 0.5 },
        Averaging::airbench(10),
        Averaging::Exponential { decay: 0.9 },
        Averaging::Mean { from: 1, every: 1 },
    ] {
        assert!(kinds.contains_key(name(averaging)), "no {}", name(averaging));
    }
}
