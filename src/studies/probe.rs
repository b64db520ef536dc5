//! What passes through the layers of an MLP: sums before the activation, weights and their gradients.

use super::record::{Layer, round_loss};
use crate::activation::Activation;
use crate::data::Dataset;
use crate::mlp::Mlp;
use crate::network::Network;
use crate::tape::Tape;
use crate::tensor::{ShapeError, Tensor, entries};
use ndarray::Array2;

/// Samples that are looked at.
const SAMPLES: usize = 1_000;

/// The layers of `network`, which `plan` made, after so many epochs, on the first samples of `data`.
///
/// # Errors
/// [`ShapeError`] where the data do not fit the network.
pub fn layers(
    network: &mut Network<f32>,
    plan: &Mlp,
    data: &Dataset,
    epoch: usize,
) -> Result<Vec<Layer>, ShapeError> {
    let samples: Vec<usize> = (0..data.len().min(SAMPLES)).collect();
    let batch = network.batch();
    network.resize(samples.len())?;
    network.load(data, &samples);
    network.learn(0);
    let mut h = Array2::zeros((samples.len(), network.features()));
    for (mut row, &sample) in h.outer_iter_mut().zip(&samples) {
        data.read(sample, row.as_slice_mut().expect("a row is contiguous"));
    }
    let mut layers = Vec::new();
    let mut h = h.into_dyn();
    for (layer, pair) in network.parameters().chunks(2).enumerate() {
        let [weight, bias] = pair else { break };
        let (w, dw) = (network.tape.value(weight.var), network.tape.gradient(weight.var));
        let activation = plan.activation(layer).unwrap_or(Activation::Identity);
        let (z, next) = pass(h, w, network.tape.value(bias.var), activation)?;
        layers.push(Layer {
            epoch,
            layer,
            weight: round_loss(root_mean_square(w)),
            gradient: round_loss(root_mean_square(dw)),
            sums: percentiles(&z),
        });
        h = next;
    }
    network.resize(batch)?;
    Ok(layers)
}

/// z = h·W + b and f(z).
fn pass(
    h: Tensor<f32>,
    w: &Tensor<f32>,
    b: &Tensor<f32>,
    activation: Activation,
) -> Result<(Tensor<f32>, Tensor<f32>), ShapeError> {
    let mut tape = Tape::<f32>::new();
    let (h, w, b) = (tape.input(h), tape.input(w.clone()), tape.input(b.clone()));
    let z = tape.linear(h, w, b)?;
    let y = tape.activate(z, activation)?;
    Ok((tape.value(z).clone(), tape.value(y).clone()))
}

fn root_mean_square(tensor: &Tensor<f32>) -> f64 {
    let squares: f64 = tensor.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    (squares / tensor.len() as f64).sqrt()
}

/// The 5th, 25th, 50th, 75th and 95th percentile of the entries.
fn percentiles(tensor: &Tensor<f32>) -> [f64; 5] {
    let mut sorted = entries(tensor).to_vec();
    sorted.sort_by(f32::total_cmp);
    [0.05, 0.25, 0.5, 0.75, 0.95].map(|share| {
        let place = (share * (sorted.len() - 1) as f64).round() as usize;
        round_loss(f64::from(sorted[place]))
    })
}
