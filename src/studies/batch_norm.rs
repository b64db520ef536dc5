//! Batch norm and L2 on a narrow network: which mistake costs 13 points?
//!
//! Source E: 784-20-7-5-10 with ReLU on MNIST, rate 0.009, batches of 128, 48,000 / 12,000, at most 250
//! epochs, a stop when the validation loss has not improved by 1e-5 within 100 steps. It ran three of the
//! four cells of batch norm and L2. Reported (train / validation / test accuracy, train / validation cost):
//! none 0.973 / 0.930 / 0.934, 0.074 / 0.297, 244 epochs; batch norm 0.807 / 0.808 / 0.807, 0.622 / 0.715,
//! 124 epochs; L2 0.976 / 0.935 / 0.932, 0.034 / 0.288, 250 epochs.
//!
//! # What the source leaves open
//!
//! - The start. Taken to be He's.
//! - The strength of L2. Taken to be 1e-4; 1e-3 stands beside it.
//! - Where batch norm stands. Before ReLU and behind it are run.
//! - How its rule is meant. Its counts, 91,425 = 243·375 + 300 and 46,325 = 123·375 + 200, say that it looked
//!   every 100 updates. Three readings are told from one run (see [`RULES`]), whose validation loss is looked
//!   at every 100 updates of an epoch and which no rule stops.
//! - Of which samples its training cost is. It looks like that of the last mini-batch.
//!
//! # What is asked beyond it
//!
//! The fourth cell. And which fault gives the source's figures: twelve are planted ([`fault`]), each with 20
//! seeds and 124 epochs, and compared in test accuracy, validation cost and gap together.

mod fault;

use self::fault::{Backward, Evaluation, Fault, Group, Place, network};
use super::claim::{Claim, Statement, larger, number};
use super::exhibit::{Exhibit, curves, table};
use super::record::RunRecord;
use super::setting::{Looks, Samples, Setting, Source};
use super::summary::{Custom, Metric, Series};
use super::{Build, Configuration, Study};
use crate::init::Init;
use crate::mlp::Mlp;
use crate::model::Model;
use crate::train::stopping::{Criterion, Stopping};

/// The study.
pub const STUDY: Study = Study {
    name: "batch-norm",
    title: "batch norm on 20-7-5: which mistake costs 13 points?",
    configurations,
    claims,
    exhibits,
    lacks: &[],
};

/// Updates between two looks of the source's rule, counted anew in each epoch.
const EVERY: u64 = 100;
/// Looks in an epoch of 375 updates.
const LOOKS: usize = 3;
/// What counts as an improvement.
const IMPROVEMENT: f64 = 1e-5;

/// The faults: a name, what it is, and the network with it.
const FAULTS: [(&str, &str, Build); 15] = [
    ("after-relu", "behind ReLU", |plan| network(plan, Fault::default(), Place::AfterRelu)),
    ("no-scale", "no scale and shift", |plan| network(plan, Fault::default(), Place::BeforeRelu)),
    ("unaware-before", "backward pass unaware of it, before ReLU", |plan| {
        network(plan, UNAWARE, Place::BeforeRelu)
    }),
    ("unaware", "backward pass unaware of it, behind ReLU", |plan| {
        network(plan, UNAWARE, Place::AfterRelu)
    }),
    ("constants", "mean and deviation as constants, before ReLU", |plan| {
        network(plan, Fault { backward: Backward::Constants, ..RIGHT }, Place::BeforeRelu)
    }),
    ("wrong-axis", "over the features of a sample, exact, behind ReLU", |plan| {
        network(plan, WRONG_AXIS, Place::AfterRelu)
    }),
    ("wrong-axis-before", "over the features of a sample, exact, before ReLU", |plan| {
        network(plan, WRONG_AXIS, Place::BeforeRelu)
    }),
    ("wrong-axis-unaware", "over the features, backward unaware, behind ReLU", |plan| {
        network(plan, Fault { backward: Backward::Unaware, ..WRONG_AXIS }, Place::AfterRelu)
    }),
    ("wrong-axis-unaware-before", "over the features, backward unaware, before ReLU", |plan| {
        network(plan, Fault { backward: Backward::Unaware, ..WRONG_AXIS }, Place::BeforeRelu)
    }),
    ("logits", "the logits too", |plan| network(plan, RIGHT, Place::Logits)),
    ("logits-unaware", "the logits too, backward unaware there", |plan| {
        network(plan, UNAWARE, Place::Logits)
    }),
    ("batch-at-evaluation", "statistics of the batch at evaluation", |plan| {
        network(plan, Fault { evaluation: Evaluation::Batch, ..RIGHT }, Place::BeforeRelu)
    }),
    ("nothing-at-evaluation", "no norm at evaluation", |plan| {
        network(plan, Fault { evaluation: Evaluation::Nothing, ..RIGHT }, Place::BeforeRelu)
    }),
    ("by-variance", "divided by the variance, exact", |plan| {
        network(plan, Fault { by_variance: true, ..RIGHT }, Place::BeforeRelu)
    }),
    ("by-variance-unaware", "divided by the variance, backward unaware", |plan| {
        network(plan, Fault { by_variance: true, ..UNAWARE }, Place::BeforeRelu)
    }),
];

const RIGHT: Fault = Fault {
    group: Group::Feature,
    by_variance: false,
    backward: Backward::Exact,
    evaluation: Evaluation::Running,
};
const UNAWARE: Fault = Fault { backward: Backward::Unaware, ..RIGHT };
const WRONG_AXIS: Fault = Fault { group: Group::Sample, ..RIGHT };

fn setting(normalized: bool, epochs: usize) -> Setting {
    let plan = Mlp::new(&[784, 20, 7, 5, 10]).expect("five widths");
    let model = Model::Mlp(plan.init(Init::HeNormal).batch_norm(normalized));
    let samples = Samples::new(Source::Mnist, 48_000, 12_000);
    Setting::sgd(samples, model, epochs, 128, 0.009)
}

fn configurations() -> Vec<Configuration> {
    let looks = Looks { validation: Some(EVERY), ..Looks::default() };
    let mut all = Vec::new();
    for (name, title, normalized, l2) in [
        ("none", "neither", false, 0.0),
        ("norm", "batch norm", true, 0.0),
        ("l2", "L2", false, 1e-4),
        ("norm-l2", "batch norm and L2", true, 1e-4),
    ] {
        let cell = setting(normalized, 250).l2(l2).looks(looks.clone());
        all.push(Configuration::new(name, format!("{title}, 250 epochs"), 5, cell));
    }
    for (name, normalized) in [("l2-0.001", false), ("norm-l2-0.001", true)] {
        let title =
            format!("{}L2 of 0.001, 250 epochs", if normalized { "batch norm and " } else { "" });
        let cell = setting(normalized, 250).l2(1e-3).looks(looks.clone());
        all.push(Configuration::new(name, title, 1, cell));
    }
    let after = Looks { after: true, ..Looks::default() };
    let title = "right: before ReLU, with scale and shift";
    all.push(Configuration::new("right", title, 20, setting(true, 124).looks(after.clone())));
    all.push(Configuration::new(
        "without",
        "no norm",
        20,
        setting(false, 124).looks(after.clone()),
    ));
    for (name, title, build) in FAULTS {
        let faulty = setting(false, 124).looks(after.clone());
        all.push(Configuration::new(name, title, 20, faulty).built(title, build));
    }
    all
}

/// The source's rule by three readings of it: the last look changed the validation loss by less than 1e-5, did
/// not lower it by 1e-5, or ends a hundred that did not.
const RULES: [Criterion; 3] =
    [Criterion::Change, Criterion::Progress, Criterion::Patience { readings: 100 }];

/// The number of the look at which a rule stops, from 0. None where it does not.
fn stop(criterion: Criterion, losses: &[f64]) -> Option<usize> {
    let rule = Stopping { criterion, threshold: IMPROVEMENT, ..Stopping::patience(1) };
    (0..losses.len()).find(|&k| rule.ends(&losses[..=k]))
}

/// The epoch, from 1, in which a rule stops.
fn epoch<const RULE: usize>(record: &RunRecord) -> Option<f64> {
    let look = stop(RULES[RULE], &record.findings.updates.validation_loss)?;
    Some((look / LOOKS + 1) as f64)
}

/// The validation accuracy where a rule stops.
fn accuracy<const RULE: usize>(record: &RunRecord) -> Option<f64> {
    let updates = &record.findings.updates;
    updates.validation_accuracy.get(stop(RULES[RULE], &updates.validation_loss)?).copied()
}

const STOPPED: [Metric; 6] = [
    custom("stops in epoch, by change", epoch::<0>, false),
    custom("accuracy there", accuracy::<0>, true),
    custom("by progress", epoch::<1>, false),
    custom("accuracy there", accuracy::<1>, true),
    custom("by a patience of 100", epoch::<2>, false),
    custom("accuracy there", accuracy::<2>, true),
];

const fn custom(
    name: &'static str,
    of: fn(&RunRecord) -> Option<f64>,
    is_fraction: bool,
) -> Metric {
    Metric::Custom(Custom { name, of, is_fraction })
}

fn claims() -> Vec<Claim> {
    let cost = Metric::Last(Series::ValidationLoss);
    let accuracy = Metric::Last(Series::ValidationAccuracy);
    let figures = |name: &str, test, validation, validation_cost| {
        Statement::All(vec![
            number(name, Metric::TestAccuracy, test),
            number(name, accuracy, validation),
            number(name, cost, validation_cost),
        ])
    };
    let mut normalized = Claim::new(
        "E",
        "batch norm: 80.7 % test, 80.8 % validation, cost 0.715",
        figures("right", 0.807, 0.808, 0.715),
    );
    for (name, title, _) in FAULTS {
        normalized = normalized.or(title, figures(name, 0.807, 0.808, 0.715));
    }
    let test = Metric::TestAccuracy;
    vec![
        Claim::new(
            "E",
            "neither: 93.4 % test, 93.0 % validation, cost 0.297",
            figures("none", 0.934, 0.93, 0.297),
        ),
        normalized,
        Claim::new(
            "E",
            "L2: 93.2 % test, 93.5 % validation, cost 0.288",
            figures("l2", 0.932, 0.935, 0.288),
        )
        .or("L2 of 0.001", figures("l2-0.001", 0.932, 0.935, 0.288)),
        Claim::new("E", "batch norm is worse than none", larger(test, "without", "right")).or(
            "over the features of a sample, with a backward pass unaware of it",
            larger(test, "without", "wrong-axis-unaware"),
        ),
        Claim::new("E", "neither stops after 244 epochs", number("none", STOPPED[0], 244.0))
            .or("no improvement between two looks", number("none", STOPPED[2], 244.0))
            .or("100 looks without improvement", number("none", STOPPED[4], 244.0)),
        Claim::new("E", "batch norm stops after 124 epochs", number("norm", STOPPED[0], 124.0))
            .or("no improvement between two looks", number("norm", STOPPED[2], 124.0))
            .or("100 looks without improvement", number("norm", STOPPED[4], 124.0)),
    ]
}

fn exhibits() -> Vec<Exhibit> {
    let cells = ["none", "norm", "l2*", "norm-l2*"];
    let columns = [
        Metric::Last(Series::TrainLoss),
        Metric::Last(Series::ValidationLoss),
        Metric::Last(Series::ValidationAccuracy),
        Metric::TestAccuracy,
    ];
    let mut rows = vec!["right", "without"];
    rows.extend(FAULTS.iter().map(|&(name, _, _)| name));
    let faults = [&columns[..], &[Metric::Gap]].concat();
    vec![
        Exhibit::new("cells", "Batch norm and L2 after 250 epochs", table(&cells, &columns)),
        Exhibit::new("stops", "Three readings of one rule", table(&cells[..2], &STOPPED)),
        Exhibit::new("faults", "The faults after 124 epochs", table(&rows, &faults)),
        Exhibit::new(
            "accuracy",
            "Validation accuracy",
            curves(
                &["right", "without", "wrong-axis-unaware", "unaware"],
                Series::ValidationAccuracy,
                false,
            ),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_stops_where_it_says() {
        // Falls, rises, falls, and stays.
        let losses = [0.5, 0.4, 0.45, 0.3, 0.300_005, 0.29];
        assert_eq!(RULES.map(|rule| stop(rule, &losses)), [Some(4), Some(2), None]);
        let mut long = vec![0.5, 0.4];
        long.extend([0.4; 99]);
        assert_eq!(stop(RULES[2], &long), None);
        long.push(0.399_995);
        assert_eq!(stop(RULES[2], &long), Some(101));
    }
}
