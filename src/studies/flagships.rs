//! The best that the book's own code reaches, on two cores.
//!
//! No source is repeated here. Whatever was chosen was chosen on validation data held out of the training
//! images: `validated` configurations hold 5,000 out, the others train on all and are looked at once. The CNN
//! has the recipe of airbench94 (K. Jordan 2024), whose numbers were developed against the test images of
//! CIFAR-10: so its figures are not free of them.

use super::claim::Claim;
use super::exhibit::{Exhibit, curves, table};
use super::setting::{Samples, Setting, Source};
use super::summary::{Metric, Series};
use super::{Configuration, Study};
use crate::cnn::Flagship;
use crate::data::augment::deform::{Deformation, Elastic};
use crate::data::augment::{Augmentation, Flip};
use crate::fraction::Fraction;
use crate::mlp::Mlp;
use crate::model::Model;
use crate::optim::{Averaging, Rule, Schedule};
use crate::views::Views;

/// The MLP on MNIST.
pub const MLP: Study = Study {
    name: "flagship-mlp",
    title: "the best MLP on MNIST: 98.6 % without augmentation, 99.3 % with it?",
    configurations: mlps,
    claims: no_source,
    exhibits,
    lacks: &[],
};

/// The CNN on CIFAR-10.
pub const CNN: Study = Study {
    name: "flagship-cnn",
    title: "the best CNN on CIFAR-10: 90 % in 5 minutes, 94 % in 35?",
    configurations: cnns,
    claims: no_source,
    exhibits,
    lacks: &[],
};

fn mlps() -> Vec<Configuration> {
    let rate = Fraction::new(0.4).expect("a share below 1");
    let plan = Mlp::new(&[784, 1_024, 1_024, 10]).expect("four widths").dropout(rate);
    let mut all = Vec::new();
    let moved = Augmentation { translate: 2, ..Augmentation::NONE };
    // The ranges of Ciresan et al. 2010.
    let elastic = Some(Elastic { alpha: 36.0, sigma: 6.0 });
    let bent = Deformation { rotation: 15.0, scaling: 0.15, shear: 0.0, elastic };
    let deformed = Augmentation { deformation: bent, ..Augmentation::NONE };
    for (name, title, augmentation, epochs) in [
        ("plain", "as they are", Augmentation::NONE, 30),
        ("translated", "moved by up to 2 pixels", moved, 30),
        ("deformed", "turned, scaled and bent", deformed, 60),
    ] {
        for (suffix, train) in [("-validated", 55_000), ("", 60_000)] {
            let samples = Samples::new(Source::Mnist, train, 60_000 - train);
            let mut setting = Setting::sgd(samples, Model::Mlp(plan.clone()), epochs, 128, 0.1);
            setting.plan.rule = Rule::Nesterov { momentum: 0.9 };
            setting.plan.schedule = Schedule::one_cycle(0.1, setting.updates());
            setting.plan.augmentation = augmentation;
            let title = format!("784-1024-1024-10, dropout, images {title}, {train} of them");
            all.push(Configuration::new(format!("{name}{suffix}"), title, 3, setting));
        }
    }
    all
}

fn cnns() -> Vec<Configuration> {
    let mut all = Vec::new();
    for (name, filters, epochs, views) in [
        ("two-minutes", [32, 64, 64], 2, Views::Flip),
        ("five-minutes", [64, 128, 128], 4, Views::FlipAndShift),
        ("half-an-hour", [64, 256, 256], 13, Views::FlipAndShift),
    ] {
        let samples = Samples::new(Source::Cifar10, 50_000, 0);
        let model = Model::Flagship(Flagship::new([32, 32, 3], 10).filters(filters));
        let mut setting = Setting::sgd(samples, model, epochs, 512, 0.75);
        let updates = setting.updates();
        setting.plan.rule = Rule::Nesterov { momentum: 0.85 };
        setting.plan.schedule = Schedule::triangle(0.75, updates);
        setting.plan.averaging = Some(Averaging::airbench(updates));
        setting.plan.augmentation =
            Augmentation { flip: Flip::Alternating, translate: 2, ..Augmentation::NONE };
        setting.plan.views = views;
        let [a, b, c] = filters;
        let title = format!("blocks of {a}, {b} and {c} filters, {epochs} epochs");
        all.push(Configuration::new(name, title, 3, setting.l2(0.00133)));
    }
    all
}

fn no_source() -> Vec<Claim> {
    Vec::new()
}

fn exhibits() -> Vec<Exhibit> {
    let columns = [
        Metric::Last(Series::ValidationAccuracy),
        Metric::TestAccuracy,
        Metric::Minutes,
        Metric::Speed,
    ];
    vec![
        Exhibit::new("reached", "What is reached", table(&["*"], &columns)),
        Exhibit::new("loss", "Training loss", curves(&["*"], Series::TrainLoss, true)),
    ]
}
