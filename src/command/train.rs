//! `chainrule train`: a training from the command line.

use super::console::{Console, Failure, Outcome, program};
use super::report::{self, MODEL};
use super::settings::Settings;
use super::source;
use crate::data::augment::Augmentation;
use crate::file;
use crate::record::Run;
use crate::train::{Ending, Epoch, Event, Position, Training};
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use std::fs;
use std::io::{self, IsTerminal};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// The state of a training, to be resumed.
const CHECKPOINT: &str = "checkpoint.safetensors";
/// The settings that a resumed training goes on with.
const SETTINGS: &str = "settings.json";

/// Where trainings go that are given no folder.
const RUNS: &str = "runs";

/// What `chainrule train` takes.
#[derive(Clone, Debug, clap::Args)]
#[command(args_override_self = true)]
pub struct Arguments {
    #[command(flatten)]
    settings: Settings,
    /// Threads for large products; all cores where not given. They change no result
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Folder of the real data sets, in place of CHAINRULE_DATA and the platform's folder
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Folder for the model, metrics and figures [default: the next free runs/<data>-<n>]
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    out: Option<PathBuf>,
    /// Go on with the training in this folder, with the settings that it began with
    #[arg(long, value_name = "DIR", conflicts_with_all = ["Settings", "Choices"])]
    resume: Option<PathBuf>,
    /// Print one JSON object at the end, on standard output
    #[arg(long)]
    json: bool,
    /// Print nothing but errors (and the JSON object)
    #[arg(long, short)]
    quiet: bool,
}

/// Trains, or goes on training, and writes all that came of it into a folder.
pub fn run(arguments: Arguments) -> Outcome {
    let threads = thread_count(arguments.threads)?;
    let start = Instant::now();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    pool.install(|| train(&arguments, Run { command: command(), start, threads }))
}

/// The number of threads that was asked for; that of all cores where none was.
pub fn thread_count(asked: Option<usize>) -> Result<usize, Failure> {
    match asked {
        Some(0) => Err(Failure::new("--threads must be at least 1")),
        Some(threads) => Ok(threads),
        None => Ok(std::thread::available_parallelism().map_or(1, usize::from)),
    }
}

fn train(arguments: &Arguments, run: Run) -> Outcome {
    let console = Console { quiet: arguments.quiet, json: arguments.json };
    let settings = match &arguments.resume {
        None => arguments.settings.clone(),
        Some(folder) => read_settings(folder)?,
    };
    settings.check()?;
    let begun = match &arguments.resume {
        Some(folder) => resume(folder)?,
        None => {
            check_folder(arguments.out.as_deref())?;
            None
        }
    };
    // This takes seconds: what can be refused without data has been.
    let data = source::open(&settings, arguments.data_dir.as_deref())?;
    for line in &data.notices {
        console.line(line)?;
    }
    let mut training = match begun {
        Some(training) => training,
        None => Training::<f32>::new(settings.plan(&data.train)?)?,
    };
    let folder = match &arguments.resume {
        Some(folder) => folder.clone(),
        None => open_folder(arguments.out.as_deref(), data.kind, &settings)?,
    };
    console.line(describe(&training, run.threads))?;
    let ending = watch(&mut training, &data, &folder, &console)?;
    if ending == Ending::Interrupted {
        let advice = format!(
            "Interrupted after update {}. Nothing is lost: go on with\n  {} train --resume {}",
            training.position().step,
            program(),
            folder.display()
        );
        return Err(Failure::Interrupted(advice));
    }
    let summary = report::write(&mut training, &data, ending, run, &folder)?;
    console.line(summary.text())?;
    if arguments.json {
        super::console::stdout(&format!("{}\n", summary.json()))?;
    }
    Ok(())
}

/// The training in a folder. One that was broken off before its first checkpoint begins again.
fn resume(folder: &Path) -> Result<Option<Training<f32>>, Failure> {
    let checkpoint = folder.join(CHECKPOINT);
    let begun = checkpoint.exists().then(|| Training::resume(&checkpoint));
    Ok(begun.transpose()?)
}

/// The command line, with the program called as its users call it, and without the folders of this
/// machine: no result depends on them.
fn command() -> String {
    let mut words = vec!["chainrule".to_owned()];
    let mut arguments = std::env::args_os().skip(1);
    while let Some(argument) = arguments.next() {
        // Only a folder's name may be no text, and it is left out.
        let argument = argument.to_string_lossy().into_owned();
        match argument.split('=').next() {
            Some("--out" | "--data-dir") if !argument.contains('=') => drop(arguments.next()),
            Some("--out" | "--data-dir") => {}
            _ => words.push(argument),
        }
    }
    words.join(" ")
}

/// One line on what is about to be trained.
fn describe(training: &Training<f32>, threads: usize) -> String {
    let parameters = training.network().parameter_count() as u64;
    let plan = training.plan();
    let augmented = match plan.augmentation {
        Augmentation::NONE => String::new(),
        augmentation => format!("\nImages:   {augmentation}"),
    };
    format!(
        "Network:  {} ({} parameters), {} epochs in batches of {}, {}, {threads} threads\
         {augmented}",
        plan.model,
        HumanCount(parameters),
        plan.epochs,
        plan.batch,
        plan.seeds
    )
}

/// Runs the training under a progress bar; Ctrl-C breaks it off.
fn watch(
    training: &mut Training<f32>,
    data: &source::Data,
    folder: &Path,
    console: &Console,
) -> Result<Ending, Failure> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    ctrlc::set_handler(move || {
        // The second Ctrl-C does not wait for the checkpoint.
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    })?;
    let (epochs, samples) = (training.plan().epochs, data.train.len());
    let bar = progress_bar((epochs * samples) as u64, console);
    // Time left is told from what this session has done, not from what a resumed one began with.
    let position = training.position();
    bar.set_position((position.epoch * samples + position.samples) as u64);
    bar.reset_eta();
    let mut failure = None;
    let ending = training.run(
        &data.train,
        data.validation.as_ref(),
        Some(&folder.join(CHECKPOINT)),
        |event| {
            match event {
                Event::Batch(position) => show(&bar, position, epochs, samples),
                Event::Epoch(epoch) => {
                    let line = epoch_line(epoch, epochs);
                    if let Err(error) = bar.suspend(|| console.line(line)) {
                        failure = Some(error);
                        return ControlFlow::Break(());
                    }
                }
            }
            match interrupted.load(Ordering::Relaxed) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        },
    );
    bar.finish_and_clear();
    match failure {
        Some(error) => Err(error.into()),
        None => Ok(ending?),
    }
}

fn progress_bar(samples: u64, console: &Console) -> ProgressBar {
    if console.quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let template = "{msg}  {bar:24}  {per_sec} left {eta}";
    let style = ProgressStyle::with_template(template).expect("the template is well formed");
    let per_second = |state: &indicatif::ProgressState, out: &mut dyn std::fmt::Write| {
        let _ = write!(out, "{} samples/s", HumanCount(state.per_sec() as u64));
    };
    ProgressBar::new(samples).with_style(style.with_key("per_sec", per_second))
}

fn show(bar: &ProgressBar, position: &Position, epochs: usize, samples: usize) {
    bar.set_position((position.epoch * samples + position.samples) as u64);
    if !bar.is_hidden() {
        bar.set_message(format!(
            "epoch {:>2}/{epochs}  loss {:.4}  accuracy {:.2} %",
            position.epoch + 1,
            position.mean_loss(),
            100.0 * position.accuracy()
        ));
    }
}

fn epoch_line(epoch: &Epoch, epochs: usize) -> String {
    let mut line = format!(
        "Epoch {:>2}/{epochs}:  train loss {:.4}, accuracy {:.2} %",
        epoch.epoch,
        epoch.train_loss,
        100.0 * epoch.train_accuracy
    );
    if let (Some(loss), Some(accuracy)) = (epoch.validation_loss, epoch.validation_accuracy) {
        line += &format!(";  validation loss {loss:.4}, accuracy {:.2} %", 100.0 * accuracy);
    }
    line + &format!(";  {} samples/s", HumanCount(epoch.samples_per_second as u64))
}

/// Refuses a folder that has a training already, or that cannot be written to. Nothing is left there, as
/// the data may still refuse the new one.
fn check_folder(out: Option<&Path>) -> Result<(), Failure> {
    let folder = out.unwrap_or(Path::new(RUNS));
    for file in [CHECKPOINT, MODEL] {
        if folder.join(file).exists() {
            return Err(Failure::new(format!(
                "{}: an earlier training is there. Name another folder with --out, or go on with \
                 --resume {}",
                folder.join(file).display(),
                folder.display()
            )));
        }
    }
    // What is not there will be made in the nearest folder that is.
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
    tempfile::tempfile_in(there).map_err(|error| cannot_write(folder, &error))?;
    Ok(())
}

fn cannot_write(folder: &Path, error: &io::Error) -> Failure {
    let folder = folder.display();
    Failure::new(format!("{folder}: cannot be written to: {error}. Name another folder with --out"))
}

/// Makes the folder of a new training, and writes its settings there.
fn open_folder(out: Option<&Path>, data: &str, settings: &Settings) -> Result<PathBuf, Failure> {
    let folder = match out {
        Some(folder) => folder.to_path_buf(),
        None => (1..)
            .map(|number| Path::new(RUNS).join(format!("{data}-{number}")))
            .find(|folder| !folder.exists())
            .expect("one of all numbers is free"),
    };
    let text = serde_json::to_string_pretty(settings)?;
    fs::create_dir_all(&folder)
        .and_then(|()| file::write_atomically(&folder.join(SETTINGS), text.as_bytes()))
        .map_err(|error| cannot_write(&folder, &error))?;
    Ok(folder)
}

fn read_settings(folder: &Path) -> Result<Settings, Failure> {
    let path = folder.join(SETTINGS);
    let text = fs::read_to_string(&path).map_err(|error| {
        Failure::new(format!(
            "{}: {error}. Name the folder of a training that was broken off",
            path.display()
        ))
    })?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::new(format!("{}: not the settings of a training: {error}", path.display()))
    })
}
