//! The command `chainrule`: it parses, calls the library, and prints. Nothing else here prints.

#![allow(rustdoc::invalid_html_tags, reason = "an argument's documentation is its help")]

mod bench;
mod claims;
mod compare;
mod console;
mod data;
mod folder;
mod gradcheck;
mod lab;
mod number;
mod origin;
pub mod picture;
pub mod predict;
mod quote;
mod recipe;
mod records;
mod report;
pub mod settings;
mod show;
mod source;
mod studies;
mod sweep;
mod threads;
mod train;

use self::console::{Failure, Outcome};
use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use std::process::ExitCode;

/// Neural networks from one scalar chain rule up: derive, check, train.
///
/// Without a subcommand it trains the default network, as `chainrule train` does: on MNIST if it
/// is there, else on digits that the crate draws.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, args_override_self = true)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 not understood, 130 broken off by Ctrl-C")]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    train: train::Arguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a network; figures, metrics and the model go into a folder
    Train(Box<train::Arguments>),
    /// Classify PNG or JPEG files with a trained model
    Predict(predict::Arguments),
    /// Check every op's gradient against central differences
    Gradcheck(gradcheck::Arguments),
    /// Measure how fast this machine trains
    Bench(bench::Arguments),
    /// Show, download or verify the data sets
    Data(data::Arguments),
    /// Show the studies: what is run in them, and what of it is missing
    Studies(studies::Arguments),
    /// Make the runs of a study that are missing
    Run(sweep::Arguments),
    /// Show the tables and figures of a study, from its records
    Show(show::Arguments),
    /// Show what the sources report beside what the records say
    Claims(claims::Arguments),
    /// Show which differences between two sets of records exceed their spread
    Compare(compare::Arguments),
    /// Set up what the notebooks need, and open them in JupyterLab
    Lab(lab::Arguments),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Does what the program's arguments say.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        None => train::run(cli.train),
        Some(Command::Train(arguments)) => train::run(*arguments),
        Some(Command::Predict(arguments)) => predict::run(&arguments),
        Some(Command::Gradcheck(arguments)) => gradcheck::run(&arguments),
        Some(Command::Bench(arguments)) => bench::run(&arguments),
        Some(Command::Data(arguments)) => data::run(&arguments),
        Some(Command::Studies(arguments)) => studies::run(&arguments),
        Some(Command::Run(arguments)) => sweep::run(&arguments),
        Some(Command::Show(arguments)) => show::run(&arguments),
        Some(Command::Claims(arguments)) => claims::run(&arguments),
        Some(Command::Compare(arguments)) => compare::run(&arguments),
        Some(Command::Lab(arguments)) => lab::run(&arguments),
        Some(Command::Completions { shell }) => completions(shell),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn completions(shell: Shell) -> Outcome {
    // Into memory first: clap_complete panics where standard output is closed.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "chainrule", &mut script);
    console::stdout(&String::from_utf8_lossy(&script)).map_err(Failure::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
    }
}
