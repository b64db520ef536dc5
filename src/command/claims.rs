//! `chainrule claims`: what the sources report beside what the records say.

use super::console::{Outcome, stdout};
use super::records::{Records, study};
use crate::studies::verdict::{Judged, Shelf, Verdict, judge};
use crate::studies::{STUDIES, Study};
use std::collections::BTreeMap;

/// What `chainrule claims` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The study; all where none is named
    #[arg(value_name = "STUDY", value_parser = study())]
    study: Option<&'static Study>,
    #[command(flatten)]
    records: Records,
}

/// Prints a table for each study, and how many claims are judged how.
pub fn run(arguments: &Arguments) -> Outcome {
    let mut shelf = Shelf::new(arguments.records.folder()?);
    let mut counts = BTreeMap::new();
    let chosen =
        STUDIES.iter().filter(|it| arguments.study.is_none_or(|study| study.name == it.name));
    for study in chosen {
        let judged = judge(study, &mut shelf)?;
        if judged.is_empty() {
            continue;
        }
        let mut text =
            format!("### {}\n\n| | reported | ours | verdict |\n|---|---|---|---|\n", study.name);
        for Judged { claim, ours, verdict } in &judged {
            text += &format!("| {} | {} | {ours} | {verdict} |\n", claim.source, claim.text);
            *counts.entry(word(verdict)).or_insert(0) += 1;
        }
        stdout(&(text + "\n"))?;
    }
    let counts: Vec<_> =
        counts.into_iter().map(|(word, count)| format!("{count} {word}")).collect();
    Ok(stdout(&format!("{}.\n", counts.join(", ")))?)
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Confirmed => "confirmed",
        Verdict::Explained(_) => "explained",
        Verdict::Refuted => "refuted",
        Verdict::NotTestable(_) => "not testable",
        Verdict::Open(_) => "open",
    }
}
