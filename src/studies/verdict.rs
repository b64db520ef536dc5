//! What our records say of a claim, by stated rules.
//!
//! - A *number* is **confirmed** where it lies in our mean ± 2·√(s² + p(1 − p)/n): the spread s over seeds and
//!   the error of an accuracy p on n samples.
//! - A *comparison* is confirmed where the 95 % interval of the paired difference lies on the claim's side of
//!   0 (see [`statistics`](super::statistics)), a bound where the interval of the mean does.
//! - *No difference* is confirmed where that interval lies within one point to either side of 0.
//! - What is not confirmed is **explained** where it holds in another setting, which is named; else it is
//!   **refuted**. What the source leaves out makes it **not testable**. Without the records that it takes, a
//!   claim is **open**.

use super::claim::{Claim, Statement};
use super::record::RecordError;
use super::statistics::{Interval, deviation_of_share};
use super::summary::{Metric, Summary};
use super::{STUDIES, Study};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// What "no difference" of two accuracies is: at most one point.
const POINT: f64 = 0.01;

/// What is said of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Confirmed,
    /// It does not hold in its setting, and does in these.
    Explained(Vec<String>),
    /// It does not hold.
    Refuted,
    /// The source leaves out what it takes: this.
    NotTestable(String),
    /// Records are missing: this.
    Open(String),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Confirmed => f.write_str("confirmed"),
            Self::Explained(settings) => match &settings[..] {
                [first, .., last] => {
                    let more = settings.len() - 2;
                    let between = if more > 0 { format!("; {more} more") } else { String::new() };
                    write!(f, "explained: {first}{between}; or {last}")
                }
                _ => write!(f, "explained: {}", settings.join("")),
            },
            Self::Refuted => f.write_str("refuted"),
            Self::NotTestable(why) => write!(f, "not testable: {why}"),
            Self::Open(why) => write!(f, "open: {why}"),
        }
    }
}

/// A claim with what we found and what is said of it.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The claim.
    pub claim: Claim,
    /// Our number in its setting, in words.
    pub ours: String,
    /// What is said of it.
    pub verdict: Verdict,
}

/// Whether a statement holds, with our number in words.
struct Finding {
    /// None where records are missing.
    holds: Option<bool>,
    words: String,
}

/// The records of all studies, each configuration read once.
#[derive(Debug)]
pub struct Shelf {
    records: PathBuf,
    read: BTreeMap<String, Summary>,
}

impl Shelf {
    /// Of the folder `records`.
    pub fn new(records: &Path) -> Self {
        Self { records: records.to_path_buf(), read: BTreeMap::new() }
    }

    /// [`Shelf::get`] of a configuration whose runs are all recorded, else how many are not.
    fn whole(
        &mut self,
        study: &Study,
        name: &str,
    ) -> Result<Result<&Summary, String>, RecordError> {
        let Some(summary) = self.get(study, name)? else {
            return Ok(Err(format!("{name} is no configuration")));
        };
        let seeds = summary.configuration.seeds;
        let recorded = summary.records.iter().filter(|record| record.seed < seeds).count();
        Ok(match recorded as u64 == seeds {
            true => Ok(summary),
            false => Err(format!("{recorded} of {seeds} runs of {name} recorded")),
        })
    }

    /// The records of a configuration of `study`, or of the study that its name begins with, as in
    /// `ablations/relu`. None of a configuration that is not there.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn get(&mut self, study: &Study, name: &str) -> Result<Option<&Summary>, RecordError> {
        let (study, name) = match name.split_once('/') {
            Some((other, name)) => (STUDIES.iter().find(|it| it.name == other), name),
            None => (STUDIES.iter().find(|it| it.name == study.name), name),
        };
        let Some(study) = study else { return Ok(None) };
        let key = format!("{}/{name}", study.name);
        if !self.read.contains_key(&key) {
            let configurations = (study.configurations)().into_iter();
            for configuration in configurations.filter(|it| it.name == name) {
                let summary = Summary::read(&self.records, study, configuration)?;
                self.read.insert(key.clone(), summary);
            }
        }
        Ok(self.read.get(&key))
    }
}

/// Judges the claims of a study.
///
/// # Errors
/// [`RecordError`] of the first record that cannot be used.
pub fn judge(study: &Study, shelf: &mut Shelf) -> Result<Vec<Judged>, RecordError> {
    (study.claims)().into_iter().map(|claim| judge_one(study, claim, shelf)).collect()
}

fn judge_one(study: &Study, claim: Claim, shelf: &mut Shelf) -> Result<Judged, RecordError> {
    if let Statement::NotTestable { why } = &claim.statement {
        let verdict = Verdict::NotTestable(why.clone());
        return Ok(Judged { claim, ours: String::new(), verdict });
    }
    let stated = find(study, &claim.statement, shelf)?;
    let mut explanations = Vec::new();
    if stated.holds == Some(false) {
        for (setting, statement) in &claim.otherwise {
            let other = find(study, statement, shelf)?;
            if other.holds == Some(true) {
                explanations.push(format!("{setting}: {}", other.words));
            }
        }
    }
    let verdict = match stated.holds {
        Some(true) => Verdict::Confirmed,
        Some(false) if !explanations.is_empty() => Verdict::Explained(explanations),
        Some(false) => Verdict::Refuted,
        None => Verdict::Open(stated.words.clone()),
    };
    let ours = if stated.holds.is_some() { stated.words } else { String::new() };
    Ok(Judged { claim, ours, verdict })
}

fn find(study: &Study, statement: &Statement, shelf: &mut Shelf) -> Result<Finding, RecordError> {
    match statement {
        Statement::Number { configuration, metric, reported } => {
            let summary = shelf.whole(study, configuration)?;
            Ok(summary.map_or_else(open, |it| of_number(it, *metric, *reported)))
        }
        Statement::Below { configuration, metric, bound } => {
            let summary = shelf.whole(study, configuration)?;
            Ok(summary.map_or_else(open, |it| of_bound(it, *metric, *bound)))
        }
        Statement::Larger { metric, larger, smaller } => {
            let interval = difference(study, *metric, [larger, smaller], shelf)?;
            Ok(interval.map_or_else(open, |it| of_interval(it, *metric, it.low > 0.0)))
        }
        Statement::Same { metric, one, other } => {
            let interval = difference(study, *metric, [one, other], shelf)?;
            let within = |it: Interval| it.low > -POINT && it.high < POINT;
            Ok(interval.map_or_else(open, |it| of_interval(it, *metric, within(it))))
        }
        Statement::All(statements) => {
            let findings: Result<Vec<_>, _> =
                statements.iter().map(|statement| find(study, statement, shelf)).collect();
            let findings = findings?;
            let holds = findings.iter().map(|it| it.holds).collect::<Option<Vec<_>>>();
            let words: Vec<_> = findings.into_iter().map(|it| it.words).collect();
            let holds = holds.map(|all| all.into_iter().all(|holds| holds));
            Ok(Finding { holds, words: words.join("; ") })
        }
        Statement::NotTestable { why } => Ok(Finding { holds: None, words: why.clone() }),
    }
}

/// Records are missing.
fn open(words: String) -> Finding {
    Finding { holds: None, words }
}

fn of_number(summary: &Summary, metric: Metric, reported: f64) -> Finding {
    let Some(spread) = summary.spread(metric) else {
        // A training that diverged has no number, and so not the reported one.
        let words = match summary.diverged() {
            0 => "in no run".to_owned(),
            count => format!("{count} diverged"),
        };
        return Finding { holds: Some(false), words };
    };
    let samples = summary.records.first().and_then(|record| metric.samples(record));
    let half = 2.0 * deviation_of_share(spread, samples);
    let holds = (reported - spread.mean).abs() <= half;
    let mut words = metric.show(spread);
    let without = summary.records.len() - spread.count;
    if without > 0 {
        words += &format!(", {without} without");
    }
    Finding { holds: Some(holds), words }
}

fn of_bound(summary: &Summary, metric: Metric, bound: f64) -> Finding {
    let values: Vec<f64> = summary.values(metric).into_iter().map(|(_, value)| value).collect();
    match Interval::of_mean(&values) {
        None => open("fewer than two runs have it".to_owned()),
        Some(interval) => of_interval(interval, metric, interval.high < bound),
    }
}

/// The interval of the paired difference of two configurations, or why there is none.
fn difference(
    study: &Study,
    metric: Metric,
    names: [&str; 2],
    shelf: &mut Shelf,
) -> Result<Result<Interval, String>, RecordError> {
    let mut values = Vec::new();
    for name in names {
        match shelf.whole(study, name)? {
            Ok(summary) => values.push(summary.values(metric)),
            Err(why) => return Ok(Err(why)),
        }
    }
    let interval = Interval::of_difference(&values[0], &values[1]);
    Ok(interval
        .ok_or_else(|| format!("fewer than two seeds of both {} and {}", names[0], names[1])))
}

fn of_interval(interval: Interval, metric: Metric, holds: bool) -> Finding {
    Finding { holds: Some(holds), words: show(interval, metric) }
}

/// A mean with its interval: in points where it is of fractions.
pub fn show(interval: Interval, metric: Metric) -> String {
    let (factor, unit, digits) = match metric.is_fraction() {
        true => (100.0, " points", 2),
        false => (1.0, "", 4),
    };
    let [mean, low, high] = [interval.mean, interval.low, interval.high].map(|x| factor * x);
    format!("{mean:+.digits$}{unit} ({low:+.digits$} to {high:+.digits$})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::studies::claim::{larger, number, same};

    /// Five runs with these test accuracies on 7,000 images.
    fn summary(accuracies: [f64; 5]) -> Summary {
        let study = Study::named("mnist-300").expect("there is one");
        let configuration = (study.configurations)().remove(0);
        let record = |(seed, accuracy): (u64, f64)| {
            let text = format!(
                r#"{{"schema":1,"study":"a","configuration":"b","seed":{seed},"command":"","version":"",
                "commit":null,"clean":null,"data":{{"name":"","test_name":"","train":1,"validation":1,
                "test":7000,"sha256":{{}}}},"test":{{"loss":0.2,"accuracy":{accuracy},
                "confusion":[[1]]}},"made":{{"seconds":1,"wall_seconds":1,"samples_per_second":1,
                "date":"","machine":{{"cpu":"","cores":1,"threads":1}}}}}}"#
            );
            serde_json::from_str(&text).expect("a record")
        };
        Summary { configuration, records: (0..).zip(accuracies).map(record).collect() }
    }

    /// By hand: the mean is 0.94 and s² 2.5e-6; p(1 − p)/n is 8.057e-6, and twice the root of the sum 0.006499.
    #[test]
    fn a_number_is_confirmed_within_both_errors() {
        let runs = summary([0.938, 0.939, 0.94, 0.941, 0.942]);
        let holds = |reported| of_number(&runs, Metric::TestAccuracy, reported).holds;
        assert_eq!(holds(0.9464), Some(true));
        assert_eq!(holds(0.9336), Some(true));
        assert_eq!(holds(0.9466), Some(false));
        assert_eq!(holds(0.9334), Some(false));
    }

    /// By hand: t is 2.776, s/√5 is 7.07e-4, so the interval of the mean reaches 0.001963 to either side.
    #[test]
    fn a_bound_holds_beyond_the_spread() {
        let runs = summary([0.938, 0.939, 0.94, 0.941, 0.942]);
        let holds = |bound| of_bound(&runs, Metric::TestAccuracy, bound).holds;
        assert_eq!(holds(0.942), Some(true));
        assert_eq!(holds(0.941_9), Some(false));
    }

    #[test]
    fn verdicts_say_what_they_rest_on() {
        let explained = |count: usize| {
            Verdict::Explained((1..=count).map(|k| format!("setting {k}")).collect()).to_string()
        };
        assert_eq!(explained(1), "explained: setting 1");
        assert_eq!(explained(2), "explained: setting 1; or setting 2");
        assert_eq!(explained(4), "explained: setting 1; 2 more; or setting 4");
    }

    /// What is named in claims is there.
    #[test]
    fn every_name_is_a_configuration() {
        fn check(study: &Study, statement: &Statement, shelf: &mut Shelf) {
            let names: Vec<&String> = match statement {
                Statement::Number { configuration, .. }
                | Statement::Below { configuration, .. } => {
                    vec![configuration]
                }
                Statement::Larger { larger, smaller, .. } => vec![larger, smaller],
                Statement::Same { one, other, .. } => vec![one, other],
                Statement::All(statements) => {
                    statements.iter().for_each(|it| check(study, it, shelf));
                    Vec::new()
                }
                Statement::NotTestable { .. } => Vec::new(),
            };
            for name in names {
                let found = shelf.get(study, name).expect("no records").is_some();
                assert!(found, "{} has no {name}", study.name);
            }
        }
        let mut shelf = Shelf::new(Path::new("no such folder"));
        for study in &STUDIES {
            for claim in (study.claims)() {
                check(study, &claim.statement, &mut shelf);
                claim.otherwise.iter().for_each(|(_, it)| check(study, it, &mut shelf));
            }
        }
        // A claim whose names are not there is found.
        let wrong = [
            number("no", Metric::TestLoss, 0.0),
            larger(Metric::TestLoss, "no", "no"),
            same(Metric::TestLoss, "no", "no"),
        ];
        for statement in &wrong {
            let finding = find(&STUDIES[0], statement, &mut shelf).expect("no records");
            assert_eq!(finding.holds, None);
        }
    }
}
