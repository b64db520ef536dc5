//! `chainrule studies`: what the studies are, and what of them is still to be run.

use super::console::{Outcome, stdout};
use super::records::{Records, seconds, study, time};
use crate::studies::summary::{self, Summary};
use crate::studies::{STUDIES, Study};
use std::path::Path;

/// What `chainrule studies` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Study whose configurations are listed; all studies, each in a line, where none is named
    #[arg(value_name = "STUDY", value_parser = study())]
    study: Option<&'static Study>,
    #[command(flatten)]
    records: Records,
}

/// Prints a line for each study, or for each configuration of one.
pub fn run(arguments: &Arguments) -> Outcome {
    let records = arguments.records.folder()?;
    let text = match arguments.study {
        Some(study) => configurations(study, &summary::all(records, study)?),
        None => overview(records)?,
    };
    Ok(stdout(&text)?)
}

/// How many runs of a configuration have a record, and how many have not.
fn counts(summary: &Summary) -> (usize, usize) {
    let seeds = summary.configuration.seeds;
    let recorded = summary.records.iter().filter(|record| record.seed < seeds).count();
    (recorded, seeds as usize - recorded)
}

fn overview(records: &Path) -> Result<String, super::Failure> {
    let mut text =
        format!("{:22}  {:>8}  {:>8}  {:>12}  asks\n", "study", "recorded", "missing", "1 thread");
    let mut total = 0.0;
    for study in &STUDIES {
        let summaries = summary::all(records, study)?;
        let (mut recorded, mut missing, mut left) = (0, 0, 0.0);
        for summary in &summaries {
            let (done, open) = counts(summary);
            (recorded, missing) = (recorded + done, missing + open);
            left += open as f64 * seconds(summary);
        }
        total += left;
        let left = if missing == 0 { String::new() } else { short(left) };
        text += &format!(
            "{:22}  {recorded:>8}  {missing:>8}  {left:>12}  {}\n",
            study.name, study.title
        );
        for lack in study.lacks {
            text += &format!("{:58}needs {lack}\n", "");
        }
    }
    let half = short(total / 2.0);
    text +=
        &format!("\nWhat is missing takes about {} on one thread, {half} on two.\n", short(total));
    Ok(text)
}

fn configurations(study: &Study, summaries: &[Summary]) -> String {
    let names = summaries.iter().map(|summary| summary.configuration.name.len());
    let width = names.max().unwrap_or_default();
    let mut text = format!("{}: {}\n\n", study.name, study.title);
    text += &format!(
        "{:width$}  {:>8}  {:>8}  {:>8}  what\n",
        "configuration", "recorded", "missing", "a run"
    );
    for summary in summaries {
        let (recorded, missing) = counts(summary);
        text += &format!(
            "{:width$}  {recorded:>8}  {missing:>8}  {:>8}  {}\n",
            summary.configuration.name,
            short(seconds(summary)),
            summary.configuration.title
        );
    }
    text
}

/// A time in words, no finer than it is known: minutes of hours.
fn short(seconds: f64) -> String {
    match seconds {
        _ if seconds >= 3600.0 => time((seconds / 60.0).round() * 60.0),
        _ => time(seconds),
    }
}
