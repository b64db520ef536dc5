//! `chainrule show`: the tables and figures of a study, from its records alone.

use super::console::{Failure, Outcome, notice, stdout};
use super::records::{Records, study};
use crate::file::write_atomically;
use crate::studies::exhibit::{Exhibit, RenderError, Rendered};
use crate::studies::{Study, summary};
use std::fs;
use std::path::{Path, PathBuf};

/// What `chainrule show` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The study
    #[arg(value_name = "STUDY", value_parser = study())]
    study: &'static Study,
    /// Folder for the tables (Markdown) and figures (SVG); the tables alone are printed, where none is given
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    records: Records,
}

/// Prints the tables, or writes all exhibits into a folder.
pub fn run(arguments: &Arguments) -> Outcome {
    let study = arguments.study;
    let summaries = summary::all(arguments.records.folder()?, study)?;
    if let Some(folder) = &arguments.out {
        fs::create_dir_all(folder).map_err(|error| cannot_write(folder, &error))?;
    }
    let mut shown = 0;
    for exhibit in (study.exhibits)() {
        let rendered = match exhibit.render(study.name, &summaries) {
            // The others are shown.
            Err(error @ RenderError::Nothing { .. }) => {
                notice(&error.to_string());
                continue;
            }
            rendered => rendered?,
        };
        shown += 1;
        match (&arguments.out, rendered) {
            (None, Rendered::Markdown(table)) => {
                stdout(&format!("### {}\n\n{table}\n", exhibit.title))?;
            }
            (None, Rendered::Svg(_)) => {
                notice(&format!("{}: a figure; --out DIR writes it", exhibit.name));
            }
            (Some(folder), rendered) => write(folder, &exhibit, &rendered)?,
        }
    }
    for (name, text) in numbers(&summaries) {
        shown += 1;
        match &arguments.out {
            None => stdout(&text)?,
            Some(folder) => write_text(&folder.join(format!("{name}.md")), &text)?,
        }
    }
    match shown {
        0 => Err(Failure::new(format!("{}: nothing is recorded yet", study.name))),
        _ => Ok(()),
    }
}

fn write(folder: &Path, exhibit: &Exhibit, rendered: &Rendered) -> Outcome {
    let (extension, text) = match rendered {
        Rendered::Markdown(table) => ("md", format!("### {}\n\n{table}", exhibit.title)),
        Rendered::Svg(svg) => ("svg", svg.clone()),
    };
    write_text(&folder.join(format!("{}.{extension}", exhibit.name)), &text)
}

fn write_text(path: &Path, text: &str) -> Outcome {
    write_atomically(path, text.as_bytes()).map_err(|error| cannot_write(path, &error))?;
    Ok(stdout(&format!("{}\n", path.display()))?)
}

/// What the computations of a study found: a table for each.
fn numbers(summaries: &[summary::Summary]) -> Vec<(String, String)> {
    let mut tables = Vec::new();
    for summary in summaries {
        let name = &summary.configuration.name;
        let mut text =
            format!("### {}\n\n| seed | number | |\n|--:|---|---|\n", summary.configuration.title);
        let mut any = false;
        for record in &summary.records {
            for (number, values) in &record.findings.numbers {
                let values: Vec<String> =
                    values.iter().map(|value| format!("{value:.4e}")).collect();
                text += &format!("| {} | {number} | {} |\n", record.seed, values.join(", "));
                any = true;
            }
        }
        if any {
            tables.push((format!("numbers-{name}"), text + "\n"));
        }
    }
    tables
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    let path = path.display();
    Failure::new(format!("{path}: cannot be written: {error}. Name another folder with --out"))
}
