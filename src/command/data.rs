//! `chainrule data`: which data sets are there, and how to get them.

use super::console::{self, Failure, Outcome, program};
use crate::data::fetch::{Progress, fetch};
use crate::data::folder;
use crate::data::inventory::{Found, Status, Verdict, inventory, verify};
use crate::data::known::Set;
use clap::{Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use std::fmt::Write;
use std::path::PathBuf;

/// What `chainrule data` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Folder of the data sets, in place of CHAINRULE_DATA and the platform's folder
    #[arg(long, value_name = "DIR", global = true)]
    data_dir: Option<PathBuf>,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Download a data set, or what is missing of it
    Fetch {
        /// The data set
        set: Name,
        /// Address of a folder with the set's files, in place of the public mirrors
        #[arg(long, value_name = "URL")]
        mirror: Option<String>,
    },
    /// Check that the data sets at hand are whole, and whether they are the originals
    Verify,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Name {
    /// Handwritten digits: 12 MB
    Mnist,
    /// Photographs in ten classes: 170 MB
    Cifar10,
}

impl From<Name> for Set {
    fn from(name: Name) -> Self {
        match name {
            Name::Mnist => Self::Mnist,
            Name::Cifar10 => Self::Cifar10,
        }
    }
}

/// Shows what is there, downloads, or verifies.
pub fn run(arguments: &Arguments) -> Outcome {
    let variable = std::env::var_os(folder::VARIABLE);
    let explicit = arguments.data_dir.as_deref();
    let folder = folder::choose(explicit, variable.as_deref(), folder::platform)?;
    match &arguments.action {
        None => show(&folder),
        Some(Action::Fetch { set, mirror }) => download((*set).into(), &folder, mirror.as_deref()),
        Some(Action::Verify) => check(&folder),
    }
}

fn show(folder: &std::path::Path) -> Outcome {
    let mut text = format!("Looking in {}\n", folder.display());
    let found = inventory(&[folder]);
    for set in Set::ALL {
        let files: Vec<_> = found.iter().filter(|file| file.set == set).collect();
        let _ = writeln!(text, "\n{}", set.name());
        if files.is_empty() {
            let name = if set == Set::Mnist { "mnist" } else { "cifar10" };
            let _ = writeln!(text, "  not there: `{} data fetch {name}` downloads it", program());
        }
        for file in files {
            let _ = writeln!(text, "  {}", describe(file));
        }
    }
    Ok(console::stdout(&text)?)
}

fn describe(file: &Found) -> String {
    let status = match &file.status {
        Status::Original => "the original".to_owned(),
        Status::Repacked => "whole; ordered or packed otherwise than the original".to_owned(),
        Status::Other => "sound; not the original's checksum".to_owned(),
        Status::Unopened => {
            format!("not the original's checksum; `{} data verify` looks into it", program())
        }
        Status::Damaged(why) => format!("DAMAGED: {why}"),
    };
    let checksum = file.sha256.as_deref().unwrap_or("no checksum");
    format!("{}\n    SHA-256 {checksum}\n    {status}", file.path.display())
}

fn download(set: Set, folder: &std::path::Path, mirror: Option<&str>) -> Outcome {
    let template = "{msg}  {bar:32}  {bytes} of {total_bytes}  {eta} left";
    let style = ProgressStyle::with_template(template).expect("the template is well formed");
    // Hidden by itself where standard error is no terminal.
    let bar = ProgressBar::new(0).with_style(style);
    let fetched = fetch(set, folder, mirror, |Progress { file, done, total }| {
        if bar.message() != file {
            bar.set_message(file.to_owned());
            bar.reset_eta();
        }
        bar.set_length(total.unwrap_or(done));
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let mut text = String::new();
    for file in fetched? {
        let from = file.from.map_or_else(|| "was there".to_owned(), |url| format!("from {url}"));
        let _ = writeln!(text, "{}: whole and verified; {from}", file.path.display());
    }
    Ok(console::stdout(&text)?)
}

fn check(folder: &std::path::Path) -> Outcome {
    let mut text = format!("Looking in {}\n", folder.display());
    let mut damaged = Vec::new();
    for set in Set::ALL {
        let name = set.name();
        let _ = match verify(set, folder) {
            Verdict::Original => writeln!(text, "{name}: whole, and the original"),
            Verdict::Repacked(_) => writeln!(
                text,
                "{name}: whole; its checksum is not the original's, as it is ordered or packed \
                 otherwise"
            ),
            Verdict::Other(_) => {
                writeln!(text, "{name}: sound; its checksums are not the original's")
            }
            Verdict::Missing(files) => writeln!(text, "{name}: not there ({})", files.join(", ")),
            Verdict::Damaged(files) => {
                damaged.extend(files.iter().map(describe));
                writeln!(text, "{name}: damaged")
            }
        };
    }
    console::stdout(&text)?;
    if damaged.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "damaged files. Remove them and download the set again:\n{}",
        damaged.join("\n")
    )))
}
