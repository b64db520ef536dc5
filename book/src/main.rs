//! `cargo run --release -p book`: builds the book; `-- serve` serves it, `-- check` checks it.

use book::budget;
use book::preprocessor::Chainrule;
use book::{Options, build, check, serve, show};
use clap::{Parser, Subcommand};
use mdbook_driver::errors::Result;
use mdbook_preprocessor::{Preprocessor, parse_input};
use std::io;
use std::net::IpAddr;
use std::process::ExitCode;
use tracing_subscriber::filter::LevelFilter;

/// Builds, serves and checks the book
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build the site into book/site (what happens without a command)
    Build,
    /// Serve the book and rebuild it at every change
    Serve {
        /// Port to listen on; 0 takes any that is free
        #[arg(long, default_value_t = 3000)]
        port: u16,
        /// Address to listen on
        #[arg(long, default_value = "127.0.0.1")]
        host: IpAddr,
    },
    /// Check every equation, quote, figure, number and link
    Check {
        /// Fail where the widgets cannot be compiled, instead of leaving them out
        #[arg(long)]
        widgets: bool,
    },
    /// Preprocess the book for mdBook, which calls this by book.toml
    #[command(hide = true)]
    Preprocess {
        #[command(subcommand)]
        question: Option<Question>,
    },
}

#[derive(Debug, Subcommand)]
enum Question {
    Supports { renderer: String },
}

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::WARN)
        .with_writer(io::stderr)
        .without_time()
        .init();
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            show(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<()> {
    let options = Options::new(env!("CARGO_MANIFEST_DIR"));
    match arguments.command.unwrap_or(Command::Build) {
        Command::Build => {
            let summary = build(&options, &options.site())?;
            println!("{}\n{summary}", budget::table(&summary.budgets));
            println!("The book is in {}", options.site().join("index.html").display());
        }
        Command::Serve { port, host } => serve::serve(&options, host, port)?,
        Command::Check { widgets } => {
            let module = options.widgets.clone();
            let module = if widgets { module.required() } else { module };
            let summary = check(&Options { widgets: module, ..options })?;
            println!("{}\nAll is well: {summary}", budget::table(&summary.budgets));
        }
        Command::Preprocess { question: Some(Question::Supports { renderer }) } => {
            if renderer != "html" {
                std::process::exit(1);
            }
        }
        Command::Preprocess { question: None } => {
            let (context, book) = parse_input(io::stdin())?;
            let book = Chainrule::default().run(&context, book)?;
            serde_json::to_writer(io::stdout(), &book)?;
        }
    }
    Ok(())
}
