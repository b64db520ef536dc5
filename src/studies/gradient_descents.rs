//! Batch, stochastic and mini-batch gradient descent: compared at equal epochs, and at what is equal.
//!
//! Source B: 784-128-64-10 with ReLU, biases that start at 1, 25 epochs, all 70,000 images of MNIST split
//! 70:30, 80:20 and 90:10; the whole part as one batch, one sample, and 24. Reported test accuracy, with L2:
//! 11.05, 11.36 and 11.59 % (batch), 89.14, 87.94 and 90.33 % (stochastic), 93.92, 93.94 and 94.24 %
//! (mini-batch).
//!
//! # What the source leaves open
//!
//! - The rate. Scanned: 0.001, 0.01 and 0.1, and for each descent beyond its best. Stated is taken to be 0.01.
//! - The start, "random". Scanned: He's, Xavier's, N(0, 0.1²), N(0, 0.01²). Stated is taken to be the last.
//! - The strength of L2, and whether it is divided by the batch. Stated is taken to be 0.01 over the batch;
//!   `l2-*` has it undivided.
//! - The seed is 29 there, of another generator. Here the seeds are 0 to 4.
//!
//! # What is asked beyond it
//!
//! 25 epochs of the whole part are 25 updates: the three at equal updates (`updates-*`) and, by the records'
//! seconds, at equal time. Whether 90:10 helps: one test set, and other numbers to train on (`size-*`), with
//! as many epochs and with as many updates.
//!
//! The scans hold 5,000 of the training part out, and what they choose is chosen by the accuracy on those.

use super::claim::{Claim, larger, number};
use super::exhibit::{Content, Exhibit, curves, table};
use super::setting::{Looks, Samples, Setting};
use super::summary::{Metric, Series};
use super::{Configuration, Study};
use crate::activation::Activation;
use crate::init::Init;
use crate::mlp::Mlp;
use crate::model::Model;

/// The study.
pub const STUDY: Study = Study {
    name: "gradient-descents",
    title: "batch, stochastic and mini-batch: what is compared when epochs are equal?",
    configurations,
    claims,
    exhibits,
    lacks: &[],
};

/// A way to descend: its name, and the samples in an update where they are not all.
type Descent = (&'static str, Option<usize>);

const BATCH: Descent = ("batch", None);
const STOCHASTIC: Descent = ("stochastic", Some(1));
const MINI_BATCH: Descent = ("mini-batch", Some(24));
const DESCENTS: [Descent; 3] = [BATCH, STOCHASTIC, MINI_BATCH];

/// The splits: the name, and the samples to train on of all 70,000.
pub(super) const SPLITS: [(&str, usize); 3] = [("70", 49_000), ("80", 56_000), ("90", 63_000)];

/// All images of MNIST.
pub(super) const ALL: usize = 70_000;

/// The starts that are scanned.
const STARTS: [(&str, Init); 4] = [
    ("he", Init::HeNormal),
    ("xavier", Init::XavierNormal),
    ("normal-0.1", Init::Normal { deviation: 0.1 }),
    ("normal-0.01", Init::Normal { deviation: 0.01 }),
];

/// What is taken to be the source's start.
const STATED: Init = Init::Normal { deviation: 0.01 };

/// B's network.
pub(super) fn network(activation: Activation, init: Init, bias: f64) -> Model {
    let plan = Mlp::new(&[784, 128, 64, 10]).expect("four widths");
    let plan = plan.activations(&[activation]).expect("one for all");
    Model::Mlp(plan.init(init).bias(bias))
}

fn setting(samples: Samples, batch: Option<usize>, init: Init, rate: f64) -> Setting {
    let model = network(Activation::Relu, init, 1.0);
    Setting::sgd(samples, model, 25, batch.unwrap_or(samples.train), rate)
}

/// 80:20, with 5,000 held out.
fn held_out() -> Samples {
    Samples::pooled(51_000, 5_000, 14_000)
}

fn configurations() -> Vec<Configuration> {
    let mut all = Vec::new();
    for (descent, batch) in DESCENTS {
        for (split, train) in SPLITS {
            let samples = Samples::pooled(train, 0, ALL - train);
            let stated = setting(samples, batch, STATED, 0.01);
            let divided = 0.01 / stated.plan.batch as f64;
            let title = format!("{descent}, {split} % to train on");
            let name = format!("stated-{descent}-{split}");
            all.push(Configuration::new(format!("{name}-plain"), &title, 5, stated.clone()));
            let title = format!("{title}, L2");
            all.push(Configuration::new(format!("{name}-l2"), title, 5, stated.l2(divided)));
        }
    }
    all.extend(scan());
    all.extend(penalties());
    all.extend(equal_updates());
    all.extend(sizes());
    all
}

/// Start and rate, with one seed.
fn scan() -> Vec<Configuration> {
    let mut all = Vec::new();
    for (descent, batch) in DESCENTS {
        for (start, init) in STARTS {
            let beyond: &[f64] = match (start, descent) {
                ("he", "batch") => &[0.3, 1.0],
                ("he", "stochastic") => &[0.0003, 0.003],
                ("he", _) => &[0.03, 0.3],
                _ => &[],
            };
            for &rate in [0.001, 0.01, 0.1].iter().chain(beyond) {
                let name = format!("scan-{descent}-{start}-{rate}");
                let title = format!("{descent}, {init}, rate {rate}");
                let setting = setting(held_out(), batch, init, rate);
                all.push(Configuration::new(name, title, 1, setting));
            }
        }
    }
    all
}

/// The strength of L2, not divided by the batch.
fn penalties() -> Vec<Configuration> {
    let mut all = Vec::new();
    for (descent, batch) in [STOCHASTIC, MINI_BATCH] {
        for l2 in [1e-4, 1e-3, 1e-2] {
            let setting = setting(held_out(), batch, Init::HeNormal, 0.01).l2(l2);
            let title = format!("{descent}, He, rate 0.01, L2 {l2}, not divided by the batch");
            all.push(Configuration::new(format!("l2-{descent}-{l2}"), title, 1, setting));
        }
    }
    all
}

/// As many updates: 500 of all samples, or as many of few.
fn equal_updates() -> Vec<Configuration> {
    let mut all = Vec::new();
    for (descent, batch) in DESCENTS {
        let mut setting = setting(held_out(), batch, Init::HeNormal, 0.1);
        setting.plan.epochs = if batch.is_none() { 500 } else { 1 };
        if batch == Some(1) {
            setting = Setting::sgd(held_out(), setting.plan.model, 1, 1, 0.01);
        }
        if batch.is_some() {
            let every = if batch == Some(1) { 500 } else { 25 };
            setting.looks = Looks { validation: Some(every), ..Looks::default() };
        }
        let rate = setting.rate();
        let title = format!("{descent}, He, rate {rate}, {} updates", setting.updates());
        all.push(Configuration::new(format!("updates-{descent}"), title, 3, setting));
    }
    all
}

/// More samples to train on and the same 7,000 to test on, for as many epochs or as many updates.
fn sizes() -> Vec<Configuration> {
    let mut all = Vec::new();
    let sizes = [7_000, 14_000, 28_000, 49_000, 56_000, 63_000].map(|train| (train, 25, ""));
    let as_many = [(49_000, 32, "-as-many-updates"), (56_000, 28, "-as-many-updates")];
    for (train, epochs, suffix) in sizes.into_iter().chain(as_many) {
        let samples = Samples::pooled(train, 0, 7_000);
        let mut setting = setting(samples, Some(24), Init::HeNormal, 0.01);
        setting.plan.epochs = epochs;
        let title = format!("mini-batch, He, rate 0.01, {train} to train on, {epochs} epochs");
        all.push(Configuration::new(format!("size-{train}{suffix}"), title, 5, setting));
    }
    all
}

fn claims() -> Vec<Claim> {
    let reported = [
        (BATCH, [0.1105, 0.1136, 0.1159]),
        (STOCHASTIC, [0.8914, 0.8794, 0.9033]),
        (MINI_BATCH, [0.9392, 0.9394, 0.9424]),
    ];
    let mut claims = Vec::new();
    for ((descent, _), accuracies) in reported {
        for ((split, _), accuracy) in SPLITS.into_iter().zip(accuracies) {
            let name = |penalty: &str| format!("stated-{descent}-{split}-{penalty}");
            let text =
                format!("{descent}, {split} %: {:.2} % of the test images", 100.0 * accuracy);
            let with = |penalty| number(name(penalty), Metric::TestAccuracy, accuracy);
            let mut claim = Claim::new("B", text, with("l2")).or("without L2", with("plain"));
            for (start, init) in STARTS {
                for rate in [0.001, 0.01, 0.1] {
                    let scanned = format!("scan-{descent}-{start}-{rate}");
                    let setting = format!("{init}, rate {rate}, without L2");
                    claim = claim.or(setting, number(scanned, Metric::TestAccuracy, accuracy));
                }
            }
            claims.push(claim);
        }
    }
    let test = Metric::TestAccuracy;
    let pairs = [("mini-batch", "stochastic"), ("stochastic", "batch")];
    for (better, worse) in pairs {
        let pair = |penalty: &str| {
            let name = |descent: &str| format!("stated-{descent}-80-{penalty}");
            larger(test, name(better), name(worse))
        };
        let claim = Claim::new("B", format!("{better} is better than {worse}"), pair("l2"));
        claims.push(claim.or("without L2", pair("plain")));
    }
    claims.push(
        Claim::new(
            "B",
            "mini-batch: 90:10 is better than 70:30",
            larger(test, "stated-mini-batch-90-l2", "stated-mini-batch-70-l2"),
        )
        .or("one test set, as many epochs", larger(test, "size-63000", "size-49000"))
        .or(
            "one test set, as many updates",
            larger(test, "size-63000", "size-49000-as-many-updates"),
        ),
    );
    claims
}

fn exhibits() -> Vec<Exhibit> {
    let last = Metric::Last(Series::ValidationAccuracy);
    let scanned = |(descent, _): Descent, rates: &[f64]| {
        let place = |&rate: &f64| (rate, format!("scan-{descent}-he-{rate}"));
        (descent.to_owned(), rates.iter().map(place).collect::<Vec<_>>())
    };
    vec![
        Exhibit::new(
            "stated",
            "The source's setting",
            table(&["stated-*"], &[Metric::Last(Series::TrainLoss), Metric::TestAccuracy]),
        ),
        Exhibit::new(
            "rates",
            "Validation accuracy against the rate, each descent on its own",
            Content::Against {
                label: "rate",
                metric: last,
                lines: vec![
                    scanned(BATCH, &[0.001, 0.01, 0.1, 0.3, 1.0]),
                    scanned(STOCHASTIC, &[0.0003, 0.001, 0.003, 0.01, 0.1]),
                    scanned(MINI_BATCH, &[0.001, 0.01, 0.03, 0.1, 0.3]),
                ],
            },
        ),
        Exhibit::new("scan", "Start and rate", table(&["scan-*"], &[last, Metric::TestAccuracy])),
        Exhibit::new("l2", "L2 and the batch", table(&["l2-*"], &[last, Metric::TestAccuracy])),
        Exhibit::new(
            "updates",
            "The same number of updates",
            table(&["updates-*"], &[last, Metric::Minutes]),
        ),
        Exhibit::new("sizes", "Samples to train on", table(&["size-*"], &[Metric::TestAccuracy])),
        Exhibit::new(
            "loss",
            "Training loss of the stated settings",
            curves(&["stated-*-80-l2"], Series::TrainLoss, true),
        ),
        Exhibit::new(
            "confusion",
            "What batch gradient descent predicts",
            Content::Confusion { configuration: "stated-batch-80-l2".to_owned() },
        ),
    ]
}
