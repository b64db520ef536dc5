//! `chainrule compare`: which differences between two sets of records exceed the spread.

use super::console::{Failure, Outcome, stdout};
use crate::metrics::Spread;
use crate::studies::record::{self, RunRecord};
use crate::studies::statistics::{Interval, deviation_of_share, differences};
use crate::studies::summary::{Metric, Series};
use crate::studies::verdict::show;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What `chainrule compare` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A folder of records: of all studies, of one, or of a configuration
    #[arg(value_name = "A")]
    a: PathBuf,
    /// Another one, at the same height
    #[arg(value_name = "B")]
    b: PathBuf,
}

/// The numbers that are compared.
const METRICS: [Metric; 4] = [
    Metric::TestAccuracy,
    Metric::Last(Series::ValidationAccuracy),
    Metric::Last(Series::ValidationLoss),
    Metric::Last(Series::TrainLoss),
];

/// Prints what differs beyond its spread, number by number, and how much does not.
pub fn run(arguments: &Arguments) -> Outcome {
    let [a, b] = [&arguments.a, &arguments.b].map(|folder| sets(folder));
    let (a, b) = (a?, b?);
    let both: Vec<_> = a.keys().filter(|name| b.contains_key(*name)).collect();
    if both.is_empty() {
        return Err(Failure::new(format!(
            "{} and {} have no records of the same place: name two folders of the same height, as of \
             two configurations",
            arguments.a.display(),
            arguments.b.display()
        )));
    }
    let (mut same, mut within, mut text) = (0, 0, String::new());
    for name in both {
        let (a, b) = (&a[name], &b[name]);
        if a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.findings == b.findings) {
            same += 1;
            continue;
        }
        let lines: Vec<String> =
            METRICS.iter().filter_map(|metric| beyond(*metric, a, b)).collect();
        if lines.is_empty() {
            within += 1;
        }
        for line in lines {
            let place = if name.as_os_str().is_empty() {
                "B − A".into()
            } else {
                name.display().to_string()
            };
            text += &format!("{place}: {line}\n");
        }
    }
    text += &format!(
        "{same} configurations are equal in every number, {within} differ within the spread; {} are in \
         one of the folders alone\n",
        a.keys().filter(|name| !b.contains_key(*name)).count()
            + b.keys().filter(|name| !a.contains_key(*name)).count()
    );
    Ok(stdout(&text)?)
}

/// The difference B − A of a number in words, where it exceeds its spread: its interval over the common
/// seeds, or, of one seed, what the number of samples leaves open.
fn beyond(metric: Metric, a: &[RunRecord], b: &[RunRecord]) -> Option<String> {
    let values = |records: &[RunRecord]| -> Vec<(u64, f64)> {
        records.iter().filter_map(|it| Some((it.seed, metric.of(it)?))).collect()
    };
    let (values_a, values_b) = (values(a), values(b));
    let name = metric.name();
    if let Some(interval) = Interval::of_difference(&values_b, &values_a) {
        let exceeds = interval.low > 0.0 || interval.high < 0.0;
        return exceeds.then(|| format!("{name} {}", show(interval, metric)));
    }
    let &[difference] = &differences(&values_b, &values_a)[..] else { return None };
    let samples = metric.samples(a.first()?)?;
    let spread = Spread { mean: values_a[0].1, deviation: None, count: 1 };
    let half = 2.0 * 2.0_f64.sqrt() * deviation_of_share(spread, Some(samples));
    (difference.abs() > half).then(|| {
        let interval =
            Interval { mean: difference, low: difference - half, high: difference + half };
        format!("{name} {}, one seed: the error of {samples} samples alone", show(interval, metric))
    })
}

/// The records below a folder, by the path from it to theirs.
fn sets(folder: &Path) -> Result<BTreeMap<PathBuf, Vec<RunRecord>>, Failure> {
    // A path that ends in `..` names no run.
    let top = fs::canonicalize(folder).map_err(|error| {
        Failure::new(format!("{}: {error}. Name a folder of records", folder.display()))
    })?;
    let mut sets = BTreeMap::new();
    // A configuration lies at most two folders below: study, configuration.
    collect(&top, &top, 2, &mut sets)?;
    match sets.is_empty() {
        true => Err(Failure::new(format!("{}: no record in it", folder.display()))),
        false => Ok(sets),
    }
}

fn collect(
    top: &Path,
    folder: &Path,
    depth: usize,
    sets: &mut BTreeMap<PathBuf, Vec<RunRecord>>,
) -> Outcome {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if path.is_dir() && !hidden && depth > 0 {
            collect(top, &path, depth - 1, sets)?;
        } else if seed(&path).is_some() {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Ok(());
    }
    let mut records = Vec::new();
    for seed in record::seeds(folder)? {
        records.push(RunRecord::read(&folder.join(format!("{seed}.json")))?);
    }
    let place = folder.strip_prefix(top).expect("it lies below").to_path_buf();
    sets.insert(place, records);
    Ok(())
}

/// The seed that a record is called by.
fn seed(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    name.strip_suffix(".json")?.parse().ok()
}
