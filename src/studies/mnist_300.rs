//! 784-300-10 on MNIST: the reduction and the start decide what a learning rate is.
//!
//! Source A, sections 3 to 8: sigmoid, softmax, cross-entropy, batches of 16, 5 epochs; rates 0.001, 0.003,
//! 0.01 and 0.03. Reported: 95 % test accuracy, the best rate 0.01, a validation loss below the training
//! loss.
//!
//! # What the source leaves open
//!
//! - Whether the loss of a batch is the sum or the mean of its samples'. Both are run at every rate.
//! - Where the weights start. Three starts are run: Xavier's, N(0, 1) and N(0, 0.01²). The stated setting is
//!   taken to be the sum and Xavier's.
//! - Which samples validate. Here 5,000 of the 60,000, drawn by the seed.
//!
//! # What is asked beyond it
//!
//! Whether 0.01 lies inside of the grid or at its edge: the rates go on to 1. Whether the validation loss
//! stays below the training loss where both are measured with the weights of the epoch's end.
//!
//! # What was chosen
//!
//! `chosen` trains on all 60,000 images with the sum, Xavier's start and a rate of 0.03. Its validation
//! accuracy after 5 epochs is the highest mean over five seeds among `sum-xavier-*` and `mean-xavier-*`; a
//! test reads the records for that.

use super::claim::{Claim, below, larger, number};
use super::exhibit::{Content, Exhibit, curves, table};
use super::setting::{Looks, Samples, Setting, Source, summed};
use super::summary::{Metric, Series};
use super::{Configuration, Study};
use crate::activation::Activation;
use crate::init::Init;
use crate::mlp::Mlp;
use crate::model::Model;
use crate::softmax::Loss;

/// The study.
pub const STUDY: Study = Study {
    name: "mnist-300",
    title: "784-300-10 on MNIST: which rate is best, and what decides it",
    configurations,
    claims,
    exhibits,
    lacks: &[],
};

/// The rates of the source, and on to the edge of what learns.
const RATES: [f64; 7] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0];

/// The starts, with their names.
const STARTS: [(&str, Init); 3] = [
    ("xavier", Init::XavierNormal),
    ("normal-1", Init::Normal { deviation: 1.0 }),
    ("normal-0.01", Init::Normal { deviation: 0.01 }),
];

fn setting(train: usize, init: Init, loss: Loss, rate: f64) -> Setting {
    let plan = Mlp::new(&[784, 300, 10]).expect("three widths");
    let plan = plan.activations(&[Activation::Sigmoid]).expect("one for all");
    let samples = Samples::new(Source::Mnist, train, 60_000 - train);
    Setting::sgd(samples, Model::Mlp(plan.init(init).loss(loss)), 5, 16, rate)
}

fn configurations() -> Vec<Configuration> {
    let mut all = Vec::new();
    for (reduction, loss) in [("sum", summed()), ("mean", Loss::default())] {
        for (start, init) in STARTS {
            for rate in RATES {
                let looks = Looks { after: true, ..Looks::default() };
                let setting = setting(55_000, init, loss, rate).looks(looks);
                let seeds = if start == "xavier" { 5 } else { 1 };
                let title = format!("{reduction}, {init}, rate {rate}");
                let name = format!("{reduction}-{start}-{rate}");
                all.push(Configuration::new(name, title, seeds, setting));
            }
        }
    }
    let looks = Looks { training: Some(15), ..Looks::default() };
    let stated = setting(55_000, Init::XavierNormal, summed(), 0.01).looks(looks);
    let chosen = setting(60_000, Init::XavierNormal, summed(), 0.03);
    all.push(Configuration::new("chosen", "sum, xavier-normal, rate 0.03, all 60,000", 5, chosen));
    all.push(Configuration::new(
        "updates",
        "sum, xavier-normal, rate 0.01, update by update",
        1,
        stated,
    ));
    all
}

fn claims() -> Vec<Claim> {
    let last = Metric::Last(Series::ValidationAccuracy);
    let mut claims = vec![
        Claim::new(
            "A",
            "95 % test accuracy",
            number("sum-xavier-0.01", Metric::TestAccuracy, 0.95),
        )
        .or(
            "the mean in place of the sum, rate 0.1",
            number("mean-xavier-0.1", Metric::TestAccuracy, 0.95),
        )
        .or("the mean, rate 0.3", number("mean-xavier-0.3", Metric::TestAccuracy, 0.95))
        .or("the sum, rate 0.003", number("sum-xavier-0.003", Metric::TestAccuracy, 0.95))
        .or("weights from N(0, 1)", number("sum-normal-1-0.01", Metric::TestAccuracy, 0.95)),
    ];
    for other in ["0.001", "0.003", "0.03"] {
        let compared = |reduction: &str| {
            larger(last, format!("{reduction}-xavier-0.01"), format!("{reduction}-xavier-{other}"))
        };
        let claim = Claim::new("A", format!("rate 0.01 is better than {other}"), compared("sum"));
        claims.push(claim.or("the mean in place of the sum", compared("mean")));
    }
    let gap = |metric| below("sum-xavier-0.01", metric, 0.0);
    claims.push(
        Claim::new("A", "the validation loss is below the training loss", gap(Metric::GapBefore))
            .or("the mean in place of the sum", below("mean-xavier-0.01", Metric::GapBefore, 0.0))
            .or("the mean, rate 0.003", below("mean-xavier-0.003", Metric::GapBefore, 0.0))
            .or("the mean, rate 0.001", below("mean-xavier-0.001", Metric::GapBefore, 0.0)),
    );
    claims.push(Claim::new(
        "-",
        "and it still is where both are measured with the weights of the epoch's end",
        gap(Metric::Gap),
    ));
    claims
}

fn exhibits() -> Vec<Exhibit> {
    let columns = [
        Metric::Last(Series::TrainLoss),
        Metric::Last(Series::TrainLossAfter),
        Metric::Last(Series::ValidationLoss),
        Metric::Last(Series::ValidationAccuracy),
        Metric::TestAccuracy,
    ];
    let line = |reduction: &str| {
        let place = |rate: f64| (rate, format!("{reduction}-xavier-{rate}"));
        (reduction.to_owned(), RATES.into_iter().map(place).collect::<Vec<_>>())
    };
    vec![
        Exhibit::new(
            "rates",
            "Rates, reductions and starts",
            table(&["sum-*", "mean-*", "chosen"], &columns),
        ),
        Exhibit::new(
            "rate",
            "Validation accuracy after 5 epochs against the rate",
            Content::Against {
                label: "rate",
                metric: Metric::Last(Series::ValidationAccuracy),
                lines: vec![line("sum"), line("mean")],
            },
        ),
        Exhibit::new(
            "loss",
            "Loss on validation data",
            curves(&["sum-xavier-0.0*"], Series::ValidationLoss, true),
        ),
        Exhibit::new(
            "updates",
            "Loss from batch to batch",
            Content::Updates { configuration: "updates".to_owned() },
        ),
        Exhibit::new(
            "confusion",
            "Confusion matrix",
            Content::Confusion { configuration: "chosen".to_owned() },
        ),
    ]
}
