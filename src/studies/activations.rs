//! Activations: the source changes the start with them, so both are crossed.
//!
//! Source B, bonus: 784-128-64-10, batches of 24, 25 epochs, ReLU with He's start, sigmoid and tanh with
//! Xavier's, on three splits. Reported: ReLU about 94 %, tanh about 93 %, sigmoid about 81 %. Source D,
//! section 3: sigmoid against ReLU; ReLU ahead after 10 epochs, no clear difference after 20. D's network is
//! that of the study `ablations`, whose records are used here.
//!
//! # What the sources leave open
//!
//! - B's rate. Taken to be 0.01; scanned: 0.001, 0.01 and 0.1.
//! - "About" is taken to be half a point: within the interval of our mean or not, as for all numbers.
//!
//! # What is asked beyond them
//!
//! Activation by start by rate, to a fixed loss as well as to fixed epochs, with SELU; sigmoid with four
//! times Xavier's deviation, and at 16 times the rate: a sigmoid's slope is at most a quarter, which shrinks
//! the gradient of a layer by four, and of two layers by 16. Vanishing or slow is seen in `layers`: what
//! passes through each layer after 0, 1, 5 and 25 epochs.

use super::claim::{Claim, larger, number, same};
use super::exhibit::{Content, Exhibit, curves, table};
use super::gradient_descents::{ALL, SPLITS, network};
use super::setting::{Looks, Samples, Setting};
use super::summary::{Metric, Series};
use super::{Configuration, Study};
use crate::activation::Activation::{self, Relu, Selu, Sigmoid, Tanh};
use crate::init::Init::{self, HeNormal, LecunNormal, XavierNormal};
use crate::network::Network;
use crate::tensor::ShapeError;
use crate::train::Plan;

/// The study.
pub const STUDY: Study = Study {
    name: "activations",
    title: "ReLU, sigmoid, tanh, SELU: what is the activation's, and what the start's or the rate's?",
    configurations,
    claims,
    exhibits,
    lacks: &[],
};

/// The source's pairs.
const PAIRS: [(Activation, Init); 3] =
    [(Relu, HeNormal), (Sigmoid, XavierNormal), (Tanh, XavierNormal)];

const STARTS: [(&str, Init); 3] =
    [("he", HeNormal), ("xavier", XavierNormal), ("lecun", LecunNormal)];

const RATES: [f64; 3] = [0.001, 0.01, 0.1];

/// Epochs after which the layers are looked into.
const LOOKS: [usize; 4] = [0, 1, 5, 25];

/// 80:20, with 5,000 held out, and biases that start at 0.
fn crossed(activation: Activation, init: Init, rate: f64) -> Setting {
    let samples = Samples::pooled(51_000, 5_000, 14_000);
    let looks = Looks { layers: LOOKS.to_vec(), ..Looks::default() };
    Setting::sgd(samples, network(activation, init, 0.0), 25, 24, rate).looks(looks)
}

/// Weights four times as large as the plan's.
fn four_times(plan: &Plan) -> Result<Network<f32>, ShapeError> {
    let mut network = plan.model.network(plan.batch, plan.seeds)?;
    let weights: Vec<_> =
        network.parameters().iter().filter(|it| it.decays).map(|it| it.var).collect();
    for var in weights {
        network.tape.value_mut(var).mapv_inplace(|weight| 4.0 * weight);
    }
    Ok(network)
}

fn configurations() -> Vec<Configuration> {
    let mut all = Vec::new();
    for (activation, init) in PAIRS {
        for (split, train) in SPLITS {
            let samples = Samples::pooled(train, 0, ALL - train);
            let setting = Setting::sgd(samples, network(activation, init, 1.0), 25, 24, 0.01);
            let title = format!("{activation}, {init}, {split} % to train on");
            all.push(Configuration::new(format!("stated-{activation}-{split}"), title, 5, setting));
        }
    }
    for activation in [Relu, Sigmoid, Tanh, Selu] {
        for (start, init) in STARTS {
            for rate in RATES {
                let name = format!("{activation}-{start}-{rate}");
                let title = format!("{activation}, {init}, rate {rate}");
                all.push(Configuration::new(name, title, 1, crossed(activation, init, rate)));
            }
        }
    }
    for rate in RATES {
        let name = format!("sigmoid-xavier-4-{rate}");
        let title = format!("sigmoid, four times xavier-normal, rate {rate}");
        let setting = crossed(Sigmoid, XavierNormal, rate);
        all.push(
            Configuration::new(name, title, 1, setting)
                .built("weights four times as large", four_times),
        );
    }
    let title = "sigmoid, xavier-normal, 16 times the rate: 0.16";
    all.push(Configuration::new(
        "sigmoid-xavier-0.16",
        title,
        5,
        crossed(Sigmoid, XavierNormal, 0.16),
    ));
    let title = "relu, he-normal, rate 0.01, for the comparison";
    let mut compared = crossed(Relu, HeNormal, 0.01);
    compared.looks = Looks::default();
    all.push(Configuration::new("relu-compared", title, 5, compared));
    all
}

fn claims() -> Vec<Claim> {
    let mut claims = Vec::new();
    for ((activation, init), reported) in PAIRS.into_iter().zip([0.94, 0.81, 0.93]) {
        let text = format!("{activation}: about {:.0} % of the test images", 100.0 * reported);
        let stated = number(format!("stated-{activation}-80"), Metric::TestAccuracy, reported);
        let mut claim = Claim::new("B", text, stated);
        let start = if init == HeNormal { "he" } else { "xavier" };
        for rate in RATES {
            let scanned = format!("{activation}-{start}-{rate}");
            let setting = format!("rate {rate}, biases that start at 0");
            claim = claim.or(setting, number(scanned, Metric::TestAccuracy, reported));
        }
        claims.push(claim);
    }
    let test = Metric::TestAccuracy;
    for (better, worse) in [("relu", "tanh"), ("tanh", "sigmoid")] {
        let pair = larger(test, format!("stated-{better}-80"), format!("stated-{worse}-80"));
        claims.push(Claim::new("B", format!("{better} is better than {worse}"), pair));
    }
    let [relu, sigmoid] = ["ablations/relu", "ablations/baseline"];
    let after = |epochs| Metric::After(epochs, Series::ValidationAccuracy);
    claims.push(Claim::new("D", "ReLU is ahead after 10 epochs", larger(after(10), relu, sigmoid)));
    claims.push(Claim::new(
        "D",
        "no clear difference between ReLU and sigmoid after 20 epochs",
        same(after(20), relu, sigmoid),
    ));
    claims
}

fn exhibits() -> Vec<Exhibit> {
    let last = Metric::Last(Series::ValidationAccuracy);
    let columns = [
        Metric::EpochsTo(0.3, Series::ValidationLoss),
        Metric::Last(Series::ValidationLoss),
        last,
        Metric::TestAccuracy,
    ];
    let line = |activation: Activation, start: &str| {
        let place = |rate: f64| (rate, format!("{activation}-{start}-{rate}"));
        (format!("{activation}, {start}"), RATES.map(place).to_vec())
    };
    vec![
        Exhibit::new("stated", "The source's pairs", table(&["stated-*"], &[Metric::TestAccuracy])),
        Exhibit::new(
            "crossed",
            "Activation, start and rate",
            table(&["relu-*", "sigmoid-*", "tanh-*", "selu-*"], &columns),
        ),
        Exhibit::new(
            "rates",
            "Validation accuracy after 25 epochs against the rate",
            Content::Against {
                label: "rate",
                metric: last,
                lines: vec![
                    line(Relu, "he"),
                    line(Sigmoid, "xavier"),
                    line(Tanh, "xavier"),
                    line(Selu, "lecun"),
                    line(Sigmoid, "xavier-4"),
                ],
            },
        ),
        Exhibit::new(
            "slow",
            "Slow, not stuck",
            curves(
                &[
                    "relu-compared",
                    "sigmoid-xavier-0.01",
                    "sigmoid-xavier-0.16",
                    "tanh-xavier-0.01",
                ],
                Series::ValidationLoss,
                true,
            ),
        ),
        Exhibit::new(
            "layers",
            "Gradient over weight in each layer, at the start",
            Content::Layers {
                rows: [
                    "relu-he-0.01",
                    "sigmoid-xavier-0.01",
                    "sigmoid-xavier-4-0.01",
                    "selu-lecun-0.01",
                ]
                .map(str::to_owned)
                .to_vec(),
            },
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_times_xavier_is_four_times_as_large() {
        let plan = crossed(Sigmoid, XavierNormal, 0.01).plan;
        let plain = plan.model.network::<f32>(plan.batch, plan.seeds).expect("a network");
        let built = four_times(&plan).expect("a network");
        for (plain_parameter, parameter) in plain.parameters().iter().zip(built.parameters()) {
            let factor = if parameter.decays { 4.0 } else { 1.0 };
            let expected = plain.tape.value(plain_parameter.var).mapv(|weight| factor * weight);
            assert_eq!(built.tape.value(parameter.var), &expected, "{}", parameter.name);
        }
    }
}
