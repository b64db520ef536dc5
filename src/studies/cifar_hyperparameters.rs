//! Rate, batch, epochs and momentum of a CNN with two convolutions on CIFAR-10.
//!
//! Source D, section 5. Only its findings survive: epochs and rate matter most, gains shrink after 5 epochs,
//! batches of 16 and 32 are best, batches of 1 clearly worse.
//!
//! # What the source leaves open
//!
//! - The filters and what stands behind them: taken to be 32, 64 and a hidden layer of 128.
//! - The rate of all but its own scan: taken to be 0.01, with batches of 32, for 10 epochs.
//!
//! # What is asked beyond it
//!
//! A batch of 1 at an unscaled rate tests the rate: `batch-*-scaled` has a rate that grows with the batch, and
//! a run of batches of 128 with as many updates as batches of 32. Epochs are one curve at a constant rate, and
//! runs of their own where the rate is scheduled.

use super::cifar::{network, setting};
use super::claim::{Claim, larger, not_testable};
use super::exhibit::{Content, Exhibit, curves, table};
use super::setting::Setting;
use super::summary::{Metric, Series};
use super::{Configuration, Study};
use crate::optim::{Rule, Schedule};

/// The study.
pub const STUDY: Study = Study {
    name: "cifar-hyperparameters",
    title: "rate, batch, epochs and momentum of a CNN: what does a batch of 1 test?",
    configurations,
    claims,
    exhibits,
    lacks: &[],
};

const RATES: [f64; 6] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3];
const BATCHES: [usize; 4] = [1, 16, 32, 128];

fn at(epochs: usize, batch: usize, rate: f64) -> Setting {
    setting(network(), epochs, batch, rate)
}

fn configurations() -> Vec<Configuration> {
    let mut all = Vec::new();
    for rate in RATES {
        let title = format!("batches of 32, rate {rate}");
        all.push(Configuration::new(format!("rate-{rate}"), title, 1, at(10, 32, rate)));
    }
    for batch in BATCHES {
        let title = format!("batches of {batch}, rate 0.01");
        all.push(Configuration::new(format!("batch-{batch}"), title, 3, at(10, batch, 0.01)));
        let rate = 0.01 * batch as f64 / 32.0;
        let title = format!("batches of {batch}, rate {rate}");
        all.push(Configuration::new(
            format!("batch-{batch}-scaled"),
            title,
            3,
            at(10, batch, rate),
        ));
    }
    let title = "batches of 128, rate 0.04, as many updates as batches of 32";
    all.push(Configuration::new("batch-128-as-many-updates", title, 3, at(40, 128, 0.04)));
    all.push(Configuration::new("epochs-20", "20 epochs, constant rate", 3, at(20, 32, 0.01)));
    for epochs in [1, 2, 5, 10, 20] {
        let mut scheduled = at(epochs, 32, 0.03);
        let steps = scheduled.updates();
        scheduled.plan.schedule = Schedule::Cosine { rate: 0.03, last: 0.0, steps };
        let title = format!("{epochs} epochs, half a cosine from 0.03");
        all.push(Configuration::new(format!("cosine-{epochs}"), title, 1, scheduled));
    }
    for momentum in [0.5, 0.9, 0.95] {
        let rule = Rule::Momentum { momentum };
        for (suffix, rate) in [("", 0.01), ("-same-length", 0.01 * (1.0 - momentum))] {
            let title = format!("momentum {momentum}, rate {rate:.4}");
            let setting = at(10, 32, rate).rule(rule);
            all.push(Configuration::new(format!("momentum-{momentum}{suffix}"), title, 1, setting));
        }
    }
    all
}

fn claims() -> Vec<Claim> {
    let last = Metric::Last(Series::ValidationAccuracy);
    vec![
        Claim::new("D", "batches of 16 are better than of 1", larger(last, "batch-16", "batch-1"))
            .or(
                "a rate that grows with the batch",
                larger(last, "batch-16-scaled", "batch-1-scaled"),
            ),
        Claim::new(
            "D",
            "batches of 32 are better than of 128",
            larger(last, "batch-32", "batch-128"),
        )
        .or(
            "a rate that grows with the batch",
            larger(last, "batch-32-scaled", "batch-128-scaled"),
        ),
        Claim::new(
            "D",
            "epochs and rate matter most",
            not_testable("no range of either is stated"),
        ),
        Claim::new("D", "gains shrink after 5 epochs", not_testable("any learning curve's do")),
    ]
}

fn exhibits() -> Vec<Exhibit> {
    let last = Metric::Last(Series::ValidationAccuracy);
    let columns =
        [Metric::Last(Series::ValidationLoss), last, Metric::TestAccuracy, Metric::Minutes];
    let rates = RATES.map(|rate| (rate, format!("rate-{rate}"))).to_vec();
    let group = |name, title: &str, rows: &[&str]| Exhibit::new(name, title, table(rows, &columns));
    vec![
        group("rate", "Rate", &["rate-*"]),
        group("batch", "Batch", &["batch-*"]),
        group("epochs", "Epochs", &["epochs-*", "cosine-*"]),
        group("momentum", "Momentum", &["momentum-*"]),
        Exhibit::new(
            "rates",
            "Validation accuracy after 10 epochs against the rate",
            Content::Against {
                label: "rate",
                metric: last,
                lines: vec![("batches of 32".to_owned(), rates)],
            },
        ),
        Exhibit::new(
            "rate-loss",
            "Loss at each rate",
            curves(&["rate-*"], Series::ValidationLoss, true),
        ),
        Exhibit::new(
            "batch-loss",
            "Loss at each batch",
            curves(&["batch-*"], Series::ValidationLoss, true),
        ),
        Exhibit::new(
            "epochs-loss",
            "20 epochs",
            curves(&["epochs-20"], Series::ValidationLoss, true),
        ),
        Exhibit::new(
            "momentum-loss",
            "Momentum",
            curves(&["momentum-*"], Series::ValidationLoss, true),
        ),
    ]
}
