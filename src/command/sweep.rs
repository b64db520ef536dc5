//! `chainrule run`: makes the runs of a study that have no record yet.

mod bars;
mod commit;
mod state;

use self::bars::Bars;
use self::commit::Commit;
use self::state::State;
use super::console::{Console, Failure, Outcome, program, stdout};
use super::number::at_least_one;
use super::records::{self, Records, Run, study};
use super::{quote, threads};
use crate::data::folder;
use crate::record::{Machine, date};
use crate::studies::library::Library;
use crate::studies::record::{Made, RunRecord, SCHEMA};
use crate::studies::run::{self, Progress};
use crate::studies::summary::Summary;
use crate::studies::{Study, Task};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What `chainrule run` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The study
    #[arg(value_name = "STUDY", value_parser = study())]
    study: &'static Study,
    /// Only the configurations of these names; `*` stands for any characters
    #[arg(long, value_name = "FILTER,…", value_delimiter = ',')]
    only: Vec<String>,
    /// Run the seeds 0 to N − 1 of each, in place of as many as the study has
    #[arg(long, value_name = "N", conflicts_with = "seed", value_parser = at_least_one)]
    seeds: Option<usize>,
    /// Run this seed alone
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Runs at a time; as many as the threads leave cores for, where not given
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    jobs: Option<usize>,
    /// Threads of a run. They change no result
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,
    /// Run again what has a record, and begin anew what was broken off
    #[arg(long)]
    fresh: bool,
    /// Print a complete command line for each run, and run none
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    records: Records,
    /// Folder of the real data sets, in place of CHAINRULE_DATA and the platform's folder
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Print nothing but errors
    #[arg(long, short)]
    quiet: bool,
}

/// Makes what is missing, or lists it.
pub fn run(arguments: &Arguments) -> Outcome {
    let records = arguments.records.folder()?;
    let runs = runs(arguments, records)?;
    if arguments.list {
        return list(arguments, &runs);
    }
    let mut missing = Vec::new();
    let all = runs.len();
    for run in runs {
        if arguments.fresh || run.record(records)?.is_none() {
            missing.push(run);
        }
    }
    let console = Console { quiet: arguments.quiet, json: false };
    let (recorded, left) =
        (all - missing.len(), missing.iter().map(|run| run.seconds).sum::<f64>());
    let jobs = jobs(arguments, missing.len());
    console.line(match missing.len() {
        0 => format!("{}: all {all} runs have their records", arguments.study.name),
        count => format!(
            "{}: {count} runs to make, {recorded} recorded; about {} with {jobs} at a time",
            arguments.study.name,
            records::time(left / jobs as f64)
        ),
    })?;
    if missing.is_empty() {
        return Ok(());
    }
    Sweep::new(arguments, missing, console)?.run(jobs)
}

/// All runs that the arguments name, seed by seed: each configuration has its first run early.
fn runs(arguments: &Arguments, records: &Path) -> Result<Vec<Run>, Failure> {
    let mut runs = Vec::new();
    for configuration in arguments.study.matching(&arguments.only)? {
        let summary = Summary::read(records, arguments.study, configuration)?;
        let seconds = records::seconds(&summary);
        let configuration = summary.configuration;
        let seeds = match (arguments.seed, arguments.seeds) {
            (Some(seed), _) => seed..seed.saturating_add(1),
            (None, Some(count)) => 0..count as u64,
            (None, None) => 0..configuration.seeds,
        };
        for seed in seeds {
            let configuration = configuration.clone();
            runs.push(Run { study: arguments.study, configuration, seed, seconds });
        }
    }
    runs.sort_by_key(|run| run.seed);
    Ok(runs)
}

fn jobs(arguments: &Arguments, missing: usize) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = arguments.jobs.unwrap_or(cores / arguments.threads.max(1));
    jobs.clamp(1, missing.max(1))
}

/// A command line for each run, as a shell reads it.
fn list(arguments: &Arguments, runs: &[Run]) -> Outcome {
    let program = std::env::current_exe()?;
    let mut options = arguments.records.option();
    if let Some(folder) = &arguments.data_dir {
        options += &format!(" --data-dir {}", quote::path(folder));
    }
    if arguments.threads != 1 {
        options += &format!(" --threads {}", arguments.threads);
    }
    if arguments.fresh {
        options += " --fresh";
    }
    let line = |run: &Run| {
        let command = run.command();
        let rest = command.strip_prefix("chainrule").expect("every command begins so");
        format!("{}{rest} --quiet{options}\n", quote::path(&program))
    };
    Ok(stdout(&runs.iter().map(line).collect::<String>())?)
}

/// Runs under way.
struct Sweep<'a> {
    records: &'a Path,
    runs: Vec<Run>,
    library: Library,
    commit: Commit,
    threads: usize,
    fresh: bool,
    console: Console,
    bars: Bars,
    /// Number of the next run.
    next: AtomicUsize,
    /// What the first failure was, and the runs that another process makes.
    failure: Mutex<Option<Failure>>,
    taken: Mutex<Vec<String>>,
    again: String,
}

/// Set by Ctrl-C and by the first failure: all runs break off.
static STOP: AtomicBool = AtomicBool::new(false);

impl<'a> Sweep<'a> {
    fn new(arguments: &'a Arguments, runs: Vec<Run>, console: Console) -> Result<Self, Failure> {
        let variable = std::env::var_os(folder::VARIABLE);
        let data_dir = arguments.data_dir.as_deref();
        let folder = folder::choose(data_dir, variable.as_deref(), folder::platform);
        ctrlc::set_handler(|| {
            // The second Ctrl-C does not wait for the checkpoints.
            if STOP.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
        })?;
        let bars = Bars::new(&runs, &console);
        Ok(Self {
            records: arguments.records.folder()?,
            library: Library::new(folder),
            commit: Commit::here(arguments.records.folder()?),
            threads: arguments.threads,
            fresh: arguments.fresh,
            next: AtomicUsize::new(0),
            failure: Mutex::default(),
            taken: Mutex::default(),
            again: format!("{} run {}", program(), arguments.study.name),
            runs,
            console,
            bars,
        })
    }

    /// Makes all runs, `jobs` at a time.
    fn run(self, jobs: usize) -> Outcome {
        let pools: Result<Vec<_>, _> =
            (0..jobs).map(|_| threads::pool(Some(self.threads))).collect();
        std::thread::scope(|scope| {
            for pool in pools? {
                let sweep = &self;
                scope.spawn(move || pool.install(|| sweep.work()));
            }
            Ok::<(), Failure>(())
        })?;
        self.bars.finish();
        let poisoned = "no thread panics while it holds a lock";
        if let Some(failure) = self.failure.into_inner().expect(poisoned) {
            return Err(failure);
        }
        if STOP.load(Ordering::Relaxed) {
            let again = self.again;
            return Err(Failure::Interrupted(format!("Interrupted. Go on with\n  {again}")));
        }
        match self.taken.into_inner().expect(poisoned) {
            taken if taken.is_empty() => Ok(()),
            taken => Err(Failure::new(format!(
                "another process makes {}: wait until it ends, then `{}` tells what is missing",
                taken.join(", "),
                self.again
            ))),
        }
    }

    /// Makes one run after the other, as long as there are some.
    fn work(&self) {
        while !STOP.load(Ordering::Relaxed) {
            let Some(run) = self.runs.get(self.next.fetch_add(1, Ordering::Relaxed)) else {
                return;
            };
            if let Err(failure) = self.make(run) {
                STOP.store(true, Ordering::Relaxed);
                let mut first = self.failure.lock().expect("no thread panics while it holds it");
                first.get_or_insert(failure);
            }
        }
    }

    fn make(&self, run: &Run) -> Outcome {
        let Some(state) = State::take(self.records, run)? else {
            self.taken.lock().expect("no thread panics while it holds it").push(run.name());
            return Ok(());
        };
        // Whoever had it before may have ended it.
        if !self.fresh && run.record(self.records)?.is_some() {
            return state.leave();
        }
        if self.fresh {
            state.forget()?;
        }
        let bar = self.bars.begin(run);
        let mut watch = |progress: Progress| {
            self.bars.show(&bar, &progress);
            match STOP.load(Ordering::Relaxed) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        let task = &run.configuration.task;
        let outcome = run::make(task, run.seed, &self.library, &state.checkpoint(), &mut watch);
        let Some(outcome) = outcome.map_err(|error| named(run, &error))? else {
            bar.finish_and_clear();
            return Ok(());
        };
        let record = self.record(run, outcome);
        record.write(self.records)?;
        state.leave()?;
        let line = self.bars.end(&bar, run, &record);
        self.bars.suspend(|| self.console.line(line))?;
        Ok(())
    }

    fn record(&self, run: &Run, outcome: run::Outcome) -> RunRecord {
        let setting = match &run.configuration.task {
            Task::Training(setting, _) => Some((**setting).clone().seed(run.seed)),
            Task::Computation(_) => None,
        };
        let milliseconds = |seconds: f64| (seconds * 1e3).round() / 1e3;
        RunRecord {
            schema: SCHEMA,
            study: run.study.name.to_owned(),
            configuration: run.configuration.name.clone(),
            seed: run.seed,
            setting,
            data: outcome.data,
            findings: outcome.findings,
            command: run.command(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: self.commit.id.clone(),
            clean: self.commit.clean,
            made: Made {
                seconds: milliseconds(outcome.seconds),
                wall_seconds: milliseconds(outcome.wall_seconds),
                samples_per_second: outcome.samples_per_second.round(),
                machine: Machine::this(self.threads),
                date: date(),
            },
        }
    }
}

/// An error with the run that it stopped.
fn named(run: &Run, error: &run::RunError) -> Failure {
    Failure::new(format!("{}: {error}", run.name()))
}
