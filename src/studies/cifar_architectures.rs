//! Filters, a third convolution, the loss, the optimizer and regularization of a CNN on CIFAR-10.
//!
//! Source D, sections 5 and 6. Only its findings survive: more filters and a third layer help.
//!
//! # What the source leaves open
//!
//! - Filters and rates: taken to be 32 and 64, and each optimizer's usual rate ([`OPTIMIZERS`]).
//! - The strength of L2 and of dropout, and the augmentation: 5e-4, a quarter and a half, and mirrored and
//!   moved by 2 pixels.
//!
//! # What is asked beyond it
//!
//! A third convolution shrinks the linear layer behind it: `third-matched` has as many parameters as two.
//! Cross-entropy and the divergence from the one-hot target have the same gradient, so their runs must be
//! equal in every bit of the weights: an identity and no experiment. PyTorch's divergence is by default averaged
//! over the classes too, which makes a tenth of it: `divergence-of-entries`.

use super::cifar::{network, setting};
use super::claim::{Claim, larger, same};
use super::exhibit::{Exhibit, curves, table};
use super::setting::Setting;
use super::summary::{Metric, Series};
use super::{Configuration, Study};
use crate::cnn::Cnn;
use crate::data::augment::{Augmentation, Flip};
use crate::fraction::Fraction;
use crate::optim::Rule;
use crate::softmax::{Loss, Reduction};

/// The study.
pub const STUDY: Study = Study {
    name: "cifar-architectures",
    title: "filters, a third convolution, losses, optimizers and regularization of a CNN",
    configurations,
    claims,
    exhibits,
    lacks: &[],
};

/// Each with its usual rate.
const OPTIMIZERS: [(&str, Rule, f64); 5] = [
    ("sgd", Rule::Sgd, 0.03),
    ("momentum", Rule::Momentum { momentum: 0.9 }, 0.003),
    ("nesterov", Rule::Nesterov { momentum: 0.9 }, 0.003),
    ("adam", Rule::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }, 0.001),
    ("adamw", Rule::AdamW { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.01 }, 0.001),
];

fn at(network: Cnn) -> Setting {
    setting(network, 10, 32, 0.01)
}

fn configurations() -> Vec<Configuration> {
    let fraction = |share| Fraction::new(share).expect("a share below 1");
    let divergence = Loss { divergence: true, ..Loss::default() };
    let mut augmented = at(network());
    augmented.plan.augmentation =
        Augmentation { flip: Flip::Random, translate: 2, ..Augmentation::NONE };
    let mut all: Vec<Configuration> = [
        ("filters-1", "16 and 32 filters", at(network().filters(&[16, 32]))),
        ("filters-2", "32 and 64 filters", at(network())),
        ("filters-4", "64 and 128 filters", at(network().filters(&[64, 128]))),
        ("third", "a third convolution: 32, 64, 128", at(network().filters(&[32, 64, 128]))),
        (
            "third-matched",
            "a third convolution and 220 hidden units: as many parameters as two",
            at(network().filters(&[32, 64, 128]).hidden(&[220])),
        ),
        (
            "divergence-of-entries",
            "divergence, averaged over the classes too",
            at(network().loss(Loss { reduction: Reduction::MeanOfEntries, ..divergence })),
        ),
        ("divergence", "divergence in place of cross-entropy", at(network().loss(divergence))),
        ("l2", "L2 of 5e-4", at(network()).l2(5e-4)),
        ("dropout-0.25", "dropout of a quarter", at(network().dropout(fraction(0.25)))),
        ("dropout-0.5", "dropout of a half", at(network().dropout(fraction(0.5)))),
        ("batch-norm", "batch norm", at(network().batch_norm(true))),
        ("augmentation", "mirrored and moved", augmented),
    ]
    .map(|(name, title, setting)| Configuration::new(name, title, 5, setting))
    .into();
    for (name, rule, rate) in OPTIMIZERS {
        for rate in [rate / 3.0, rate, 3.0 * rate] {
            let rate = (rate * 1e6).round() / 1e6;
            let setting = setting(network(), 10, 32, rate).rule(rule);
            let title = format!("{name}, rate {rate}");
            all.push(Configuration::new(format!("{name}-{rate}"), title, 1, setting));
        }
    }
    all
}

fn claims() -> Vec<Claim> {
    let last = Metric::Last(Series::ValidationAccuracy);
    vec![
        Claim::new("D", "twice the filters help", larger(last, "filters-2", "filters-1")),
        Claim::new("D", "four times the filters help more", larger(last, "filters-4", "filters-2")),
        Claim::new("D", "a third convolution helps", larger(last, "third", "filters-2"))
            .or("with as many parameters", larger(last, "third-matched", "filters-2")),
        Claim::new(
            "-",
            "cross-entropy and divergence are the same",
            same(last, "divergence", "filters-2"),
        ),
    ]
}

fn exhibits() -> Vec<Exhibit> {
    let columns = [
        Metric::Last(Series::TrainLoss),
        Metric::Last(Series::ValidationLoss),
        Metric::Last(Series::ValidationAccuracy),
        Metric::TestAccuracy,
        Metric::Minutes,
    ];
    let optimizers = ["sgd-*", "momentum-*", "nesterov-*", "adam-*", "adamw-*"];
    let regularized = ["filters-2", "l2", "dropout-*", "batch-norm", "augmentation"];
    let filters = ["filters-*", "third*"];
    vec![
        Exhibit::new("filters", "Filters and layers", table(&filters, &columns)),
        Exhibit::new("losses", "Losses", table(&["filters-2", "divergence*"], &columns)),
        Exhibit::new("optimizers", "Optimizers", table(&optimizers, &columns)),
        Exhibit::new("regularization", "Regularization", table(&regularized, &columns)),
        Exhibit::new("filters-loss", "Filters", curves(&filters, Series::ValidationLoss, true)),
        Exhibit::new(
            "optimizers-loss",
            "Optimizers",
            curves(&optimizers, Series::ValidationLoss, true),
        ),
        Exhibit::new(
            "regularization-loss",
            "Regularization",
            curves(&regularized, Series::ValidationLoss, true),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_convolutions_have_as_many_parameters_as_two() {
        let count =
            |network: Cnn| network.network::<f32>(1, 0).expect("a network").parameter_count();
        let third = network().filters(&[32, 64, 128]).hidden(&[220]);
        assert_eq!([count(network()), count(third)], [545_098, 546_238]);
    }
}
