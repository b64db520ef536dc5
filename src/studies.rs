//! The studies: the experiments of others that the book repeats, and its own beside them.
//!
//! A study is one file that declares three things: its configurations, what its source reports, and what is
//! shown of it. A *run* is a configuration with a seed. It leaves one small [`record`] under
//! `notebooks/records/<study>/<configuration>/<seed>.json`, and everything else is computed from those
//! records alone: tables and figures ([`exhibit`]), and the verdict on each number and finding of the source
//! ([`claim`], [`verdict`]).
//!
//! # The rules
//!
//! - The source's setting is run first and as stated. What the source leaves open is guessed; the study's
//!   file lists each guess, and scans it. The better setting stands beside it.
//! - Settings that are compared share their seeds: start of the weights, order, split. A difference is that
//!   of pairs, with its interval ([`statistics`]).
//! - One seed where a grid is screened, five or more where two settings are compared, twenty or more where it
//!   is said how often something happens.
//! - The test data are looked at once a run, when it has ended. What is chosen is chosen by validation data,
//!   and the study's file names the figure.

pub mod claim;
pub mod exhibit;
pub mod library;
mod probe;
pub mod record;
pub mod run;
pub mod setting;
pub mod statistics;
pub mod summary;
pub mod verdict;

mod ablations;
mod activations;
mod batch_norm;
mod by_hand;
mod cifar;
mod cifar_architectures;
mod cifar_hyperparameters;
mod deep_adam;
mod flagships;
mod gradient_descents;
mod mnist_300;
mod synthetic;

use self::claim::Claim;
use self::exhibit::Exhibit;
use self::setting::Setting;
use crate::network::Network;
use crate::tensor::ShapeError;
use crate::train::Plan;
use std::collections::BTreeMap;
use thiserror::Error;

/// An experiment.
#[derive(Debug)]
pub struct Study {
    /// Its name on the command line, and its folder among the records.
    pub name: &'static str,
    /// What it asks, in a line.
    pub title: &'static str,
    /// What is run.
    pub configurations: fn() -> Vec<Configuration>,
    /// What its source reports.
    pub claims: fn() -> Vec<Claim>,
    /// What is shown of it.
    pub exhibits: fn() -> Vec<Exhibit>,
    /// What the library still lacks for it.
    pub lacks: &'static [&'static str],
}

/// All studies, in the order in which the book needs them.
pub static STUDIES: [Study; 12] = [
    by_hand::STUDY,
    synthetic::STUDY,
    mnist_300::STUDY,
    gradient_descents::STUDY,
    activations::STUDY,
    batch_norm::STUDY,
    ablations::STUDY,
    deep_adam::STUDY,
    cifar_hyperparameters::STUDY,
    cifar_architectures::STUDY,
    flagships::MLP,
    flagships::CNN,
];

/// What is run, with some seeds.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// Its name on the command line, and its folder among the records of its study.
    pub name: String,
    /// What it is, for a row of a table.
    pub title: String,
    /// It is run with the seeds 0 to `seeds` − 1.
    pub seeds: u64,
    /// What a run does.
    pub task: Task,
}

/// What a run does.
#[derive(Clone, Debug)]
pub enum Task {
    /// A training in the library's loop.
    Training(Box<Setting>, Option<Build>),
    /// A computation in the study's file, of named numbers. It takes no more than seconds.
    Computation(Compute),
}

/// Makes another network than the plan's model, with as many inputs and outputs.
pub type Build = fn(&Plan) -> Result<Network<f32>, ShapeError>;

/// Computes named numbers from a seed.
pub type Compute = fn(u64) -> BTreeMap<String, Vec<f64>>;

impl Configuration {
    /// A training, with so many seeds.
    pub fn new(
        name: impl Into<String>,
        title: impl Into<String>,
        seeds: u64,
        setting: Setting,
    ) -> Self {
        let task = Task::Training(Box::new(setting), None);
        Self { name: name.into(), title: title.into(), seeds, task }
    }

    /// With the network that `build` makes, which the records call `variant`.
    ///
    /// # Panics
    /// If this is no training.
    pub fn built(mut self, variant: &str, build: Build) -> Self {
        let Task::Training(setting, built) = &mut self.task else {
            panic!("{}: a computation has no network", self.name)
        };
        setting.variant = Some(variant.to_owned());
        *built = Some(build);
        self
    }

    /// Seconds that a run is expected to take on one thread.
    pub fn estimate(&self) -> f64 {
        match &self.task {
            Task::Training(setting, _) => setting.estimate(),
            Task::Computation(_) => 0.01,
        }
    }
}

/// A name that is not there.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{study} has no configuration {pattern}{}: `chainrule studies {study}` lists them", similar(.nearest.as_deref()))]
pub struct NoConfiguration {
    /// The study.
    pub study: &'static str,
    /// What was asked for.
    pub pattern: String,
    /// The name that is most like it.
    pub nearest: Option<String>,
}

fn similar(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!(" (a similar one is {name})"))
}

impl Study {
    /// The study called `name`.
    pub fn named(name: &str) -> Option<&'static Self> {
        STUDIES.iter().find(|study| study.name == name)
    }

    /// Its configurations whose names match one of the `patterns`, in which `*` stands for any characters;
    /// all of them, where there is no pattern.
    ///
    /// # Errors
    /// [`NoConfiguration`] for a pattern that matches none.
    pub fn matching(&self, patterns: &[String]) -> Result<Vec<Configuration>, NoConfiguration> {
        let mut configurations = (self.configurations)();
        for pattern in patterns {
            if !configurations.iter().any(|it| matches(pattern, &it.name)) {
                let likeness = |it: &&Configuration| strsim::jaro_winkler(pattern, &it.name);
                let nearest =
                    configurations.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
                let nearest = nearest.filter(|it| likeness(it) > 0.7).map(|it| it.name.clone());
                return Err(NoConfiguration {
                    study: self.name,
                    pattern: pattern.clone(),
                    nearest,
                });
            }
        }
        if !patterns.is_empty() {
            configurations.retain(|it| patterns.iter().any(|pattern| matches(pattern, &it.name)));
        }
        Ok(configurations)
    }
}

/// Whether `name` is what `pattern` says, in which `*` stands for any characters.
pub fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|name| {
            let mut tails = name.char_indices().map(|(k, _)| &name[k..]).chain([""]);
            tails.any(|tail| matches(rest, tail))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_star_stands_for_any_characters() {
        assert!(matches("sum-0.1", "sum-0.1"));
        assert!(!matches("sum", "sum-0.1"));
        assert!(matches("sum*", "sum-0.1") && matches("*0.1", "sum-0.1") && matches("*", ""));
        assert!(matches("s*-*1", "sum-0.1") && !matches("s*-*2", "sum-0.1"));
    }

    /// A name is a folder, a word of a shell and a pattern.
    #[test]
    fn names_are_plain_and_told_apart() {
        for study in &STUDIES {
            let mut names = BTreeSet::new();
            for configuration in (study.configurations)() {
                let name = &configuration.name;
                let plain =
                    |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
                assert!(!name.is_empty() && name.chars().all(plain), "{}/{name}", study.name);
                assert!(!name.starts_with(['-', '.']), "{}/{name}", study.name);
                assert!(names.insert(name.clone()), "{}/{name} twice", study.name);
                assert!(configuration.seeds > 0, "{}/{name} has no seed", study.name);
            }
        }
    }

    /// An exhibit of nothing would be left out unseen.
    #[test]
    fn every_exhibit_shows_a_configuration() {
        for study in &STUDIES {
            for exhibit in (study.exhibits)() {
                let patterns = exhibit.patterns();
                assert!(!patterns.is_empty(), "{}: {} shows nothing", study.name, exhibit.name);
                study.matching(&patterns).unwrap_or_else(|error| panic!("{error}"));
            }
        }
    }

    #[test]
    fn a_wrong_name_is_told_with_the_nearest() {
        let study = Study::named("synthetic").expect("there is one");
        let first = &(study.configurations)()[0].name;
        let wrong = format!("{first}x");
        let error = study.matching(&[wrong]).expect_err("no such name");
        assert_eq!(error.nearest.as_ref(), Some(first));
        assert!(error.to_string().contains("similar"), "{error}");
    }
}
