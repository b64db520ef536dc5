//! `chainrule train`: a training from the command line.

use super::console::{Console, Failure, Outcome, program};
use super::folder::Folder;
use super::origin;
use super::quote;
use super::report;
use super::settings::Settings;
use super::source;
use super::threads;
use crate::data::augment::Augmentation;
use crate::record::Run;
use crate::train::{Ending, Epoch, Event, Position, Training};
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use serde_json::Value;
use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

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
    /// Go on with the training in this folder, with the settings and the data that it began with
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
    let start = Instant::now();
    let pool = threads::pool(arguments.threads)?;
    let threads = pool.current_num_threads();
    pool.install(|| train(&arguments, Run { command: command(), start, threads }))
}

fn train(arguments: &Arguments, run: Run) -> Outcome {
    let console = Console { quiet: arguments.quiet, json: arguments.json };
    let resumed = arguments.resume.as_deref().map(resume).transpose()?;
    let settings = match &resumed {
        None => arguments.settings.clone(),
        Some(resumed) => resumed.folder.settings(&resumed.settings)?,
    };
    settings.check()?;
    check_name(arguments)?;
    if resumed.is_none() {
        Folder::check(arguments.out.as_deref())?;
    }
    // This takes seconds: what can be refused without data has been.
    let data = source::open(&settings, arguments.data_dir.as_deref())?;
    for line in &data.notices {
        console.line(line)?;
    }
    let begin = |origin: &Value| -> Result<_, Failure> {
        let mut training = Training::<f32>::new(settings.plan(&data.train)?)?;
        // It is tested last, and refused first.
        training.network().expect(&data.test)?;
        // Before a folder is made for it.
        training.prepare(&data.train, data.validation.as_ref())?;
        origin::note(&mut training, origin, &data)?;
        Ok(training)
    };
    let (mut training, folder) = match resumed {
        Some(Resumed { folder, training: Some(training), .. }) => {
            origin::expect_data(&training, &data, &folder)?;
            (training, folder)
        }
        Some(Resumed { folder, settings, .. }) => (begin(&settings)?, folder),
        None => {
            let origin = serde_json::to_value(&settings)?;
            (begin(&origin)?, Folder::create(arguments.out.as_deref(), data.kind, &origin)?)
        }
    };
    console.line(describe(&training, run.threads))?;
    let ending = watch(&mut training, &data, &folder.checkpoint(), &console)?;
    if ending == Ending::Interrupted {
        let step = training.position().step;
        return Err(Failure::Interrupted(format!(
            "Interrupted after update {step}. Nothing is lost: go on with\n  {}",
            resume_command(arguments, folder.path())
        )));
    }
    let summary = report::write(&mut training, &data, ending, run, folder.path())?;
    console.line(summary.text())?;
    if arguments.json {
        super::console::stdout(&format!("{}\n", summary.json()))?;
    }
    Ok(())
}

/// A training that was broken off.
struct Resumed {
    folder: Folder,
    /// As they stand there.
    settings: Value,
    /// None where it was broken off before its first checkpoint: it begins again.
    training: Option<Training<f32>>,
}

/// The training in the folder at `path`.
fn resume(path: &Path) -> Result<Resumed, Failure> {
    let (folder, settings) = Folder::reopen(path)?;
    let begun = folder.has_begun()?.then(|| Training::resume(&folder.checkpoint()));
    let training = begun.transpose()?;
    if let Some(training) = &training {
        origin::expect_settings(training, &settings, &folder)?;
    }
    Ok(Resumed { folder, settings, training })
}

/// What goes on with the training in `folder`, to be pasted into a shell: all that a resumed training
/// does not find there.
fn resume_command(arguments: &Arguments, folder: &Path) -> String {
    let mut command = format!("{} train --resume {}", program(), quote::path(folder));
    if let Some(folder) = &arguments.data_dir {
        command += &format!(" --data-dir {}", quote::path(folder));
    }
    if let Some(threads) = arguments.threads {
        command += &format!(" --threads {threads}");
    }
    for (flag, given) in [(" --json", arguments.json), (" --quiet", arguments.quiet)] {
        command += if given { flag } else { "" };
    }
    command
}

/// The command line, with the program called as its users call it, and without the folders of this
/// machine: no result depends on them.
fn command() -> String {
    let mut words = vec!["chainrule".to_owned()];
    let mut arguments = std::env::args_os().skip(1);
    while let Some(argument) = arguments.next() {
        let bytes = argument.as_encoded_bytes();
        match bytes.split(|&byte| byte == b'=').next() {
            Some(b"--out" | b"--data-dir") if !bytes.contains(&b'=') => drop(arguments.next()),
            Some(b"--out" | b"--data-dir") => {}
            _ => words.push(quote::word(&argument)),
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
    checkpoint: &Path,
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
    let bar = progress_bar(epochs.saturating_mul(samples) as u64, console);
    // Time left is told from what this session has done, not from what a resumed one began with.
    let position = training.position();
    bar.set_position((position.epoch * samples + position.samples) as u64);
    bar.reset_eta();
    let mut failure = None;
    let ending = training.run(&data.train, data.validation.as_ref(), Some(checkpoint), |event| {
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
    });
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

/// Refuses a folder whose name the JSON object at the end cannot hold: JSON is text.
fn check_name(arguments: &Arguments) -> Result<(), Failure> {
    let folder = arguments.resume.as_ref().or(arguments.out.as_ref());
    match folder.filter(|folder| arguments.json && folder.to_str().is_none()) {
        None => Ok(()),
        Some(folder) => Err(Failure::new(format!(
            "{}: --json cannot name this folder, as its name is not UTF-8. Leave out --json, or name \
             another folder",
            quote::path(folder)
        ))),
    }
}
