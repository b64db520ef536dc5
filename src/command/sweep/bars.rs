//! The live table of a sweep: a line for each run under way, and one for all.

use super::super::console::Console;
use super::super::records::{Run, time};
use crate::studies::record::{Ending, RunRecord};
use crate::studies::run::Progress;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::Instant;

/// Steps of a run's bar.
const STEPS: u64 = 1_000;

/// The lines of a sweep.
#[derive(Debug)]
pub struct Bars {
    lines: MultiProgress,
    total: ProgressBar,
    done: Mutex<Done>,
    start: Instant,
}

/// What is done, in the seconds that were expected of it.
#[derive(Debug)]
struct Done {
    runs: usize,
    all: usize,
    expected: f64,
    expected_of_all: f64,
}

impl Bars {
    /// For these runs. Nothing is drawn where nobody sees it.
    pub fn new(runs: &[Run], console: &Console) -> Self {
        let lines = MultiProgress::new();
        if console.quiet || !std::io::stderr().is_terminal() {
            lines.set_draw_target(ProgressDrawTarget::hidden());
        }
        let style = ProgressStyle::with_template("{bar:24} {pos}/{len} runs  {msg}");
        let total = ProgressBar::new(runs.len() as u64);
        let total = lines.add(total.with_style(style.expect("the template is well formed")));
        let expected_of_all = runs.iter().map(|run| run.seconds).sum();
        let done = Done { runs: 0, all: runs.len(), expected: 0.0, expected_of_all };
        Self { lines, total, done: Mutex::new(done), start: Instant::now() }
    }

    /// A line for a run that begins.
    pub fn begin(&self, run: &Run) -> ProgressBar {
        let style = ProgressStyle::with_template("{bar:24} {prefix}  {msg}");
        let bar = ProgressBar::new(STEPS).with_prefix(run.name());
        let bar = bar.with_style(style.expect("the template is well formed"));
        self.lines.insert_before(&self.total, bar)
    }

    /// How far a run is.
    pub fn show(&self, bar: &ProgressBar, progress: &Progress) {
        if bar.is_hidden() {
            return;
        }
        let Progress { epoch, epochs, share, loss } = progress;
        bar.set_position((share * STEPS as f64) as u64);
        bar.set_message(format!("epoch {:>2}/{epochs}  loss {loss:.4}", epoch + 1));
    }

    /// A run is done: its line for those who read later.
    pub fn end(&self, bar: &ProgressBar, run: &Run, record: &RunRecord) -> String {
        bar.finish_and_clear();
        let mut done = self.done.lock().expect("no thread panics while it holds it");
        done.runs += 1;
        done.expected += run.seconds;
        let left = self.left(&done);
        self.total.set_position(done.runs as u64);
        self.total.set_message(format!("left {left}"));
        format!(
            "{:>4}/{}  {}: {}, {:.1} s; left {left}",
            done.runs,
            done.all,
            run.name(),
            result(record),
            record.made.wall_seconds
        )
    }

    /// The time that is left, by how long took what is done.
    fn left(&self, done: &Done) -> String {
        let elapsed = self.start.elapsed().as_secs_f64();
        time(elapsed * (done.expected_of_all - done.expected) / done.expected)
    }

    /// Does `f` while no line is drawn.
    pub fn suspend<T>(&self, f: impl FnOnce() -> T) -> T {
        self.lines.suspend(f)
    }

    /// Clears all lines.
    pub fn finish(&self) {
        self.total.finish_and_clear();
    }
}

/// What came of a run, in a few words.
fn result(record: &RunRecord) -> String {
    let findings = &record.findings;
    let percent = |accuracy: f64| format!("{:.2} %", 100.0 * accuracy);
    let validation = findings.epochs.validation_accuracy.last();
    let mut words: Vec<String> = validation
        .map(|&accuracy| format!("validation {}", percent(accuracy)))
        .into_iter()
        .collect();
    words.extend(findings.test.as_ref().map(|test| format!("test {}", percent(test.accuracy))));
    if let Ending::Diverged { update } = findings.ending {
        words.push(format!("diverged at update {update}"));
    }
    if words.is_empty() {
        words.push("computed".to_owned());
    }
    words.join(", ")
}
