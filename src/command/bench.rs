//! `chainrule bench`: how fast this machine trains.

use super::console::{Console, Outcome, stdout};
use super::threads;
use crate::record::Machine;
use crate::throughput::{Throughput, WORKLOADS, Workload, peak};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use indicatif::HumanCount;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// What `chainrule bench` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Networks to train; all where none is named
    #[arg(value_name = "WORKLOAD", value_parser = workload())]
    workloads: Vec<&'static Workload>,
    /// Threads to train on; all cores where not given
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Seconds of a window. Each network trains for four: one to warm up, and the best of three
    #[arg(long, value_name = "S", default_value = "1", value_parser = seconds)]
    seconds: Duration,
    /// Print one JSON object at the end, on standard output
    #[arg(long)]
    json: bool,
}

/// One of [`WORKLOADS`] by its name, for clap to suggest where it is misspelled.
fn workload() -> impl TypedValueParser<Value = &'static Workload> {
    let names = WORKLOADS.iter().map(|workload| {
        let Workload { name, batch, .. } = workload;
        PossibleValue::new(name).help(format!("{} in batches of {batch}", workload.model()))
    });
    PossibleValuesParser::new(names).map(|name| {
        let named = WORKLOADS.iter().find(|workload| workload.name == name);
        named.expect("no other name is possible")
    })
}

fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|window| !window.is_zero())
        .ok_or_else(|| "a window lasts a number of seconds above 0, such as 0.5".to_owned())
}

/// Measures the peak and the named workloads, and prints each as soon as it is there.
pub fn run(arguments: &Arguments) -> Outcome {
    let Arguments { workloads, seconds, json, .. } = arguments;
    let pool = threads::pool(arguments.threads)?;
    let threads = pool.current_num_threads();
    let chosen = WORKLOADS.iter().filter(|workload| {
        workloads.is_empty() || workloads.iter().any(|chosen| chosen.name == workload.name)
    });
    let console = Console { quiet: false, json: *json };
    let machine = Machine::this(threads);
    console.line(format!("Machine:  {}\nThreads:  {threads}", machine.cpu))?;
    let peak = pool.install(|| peak(*seconds));
    console.line(format!("Peak:     {:.1} GFLOP/s in products\n", peak / 1e9))?;
    let width = WORKLOADS.iter().map(|workload| workload.name.len()).max().unwrap_or_default();
    console.line(format!(
        "{:width$}  {:>9}  {:>7}  {:>7}",
        "workload", "samples/s", "GFLOP/s", "of peak"
    ))?;
    let mut measured = Vec::new();
    for workload in chosen {
        let throughput = pool.install(|| workload.measure(*seconds));
        console.line(format!(
            "{:width$}  {:>9}  {:>7.1}  {:>5.1} %",
            workload.name,
            HumanCount(throughput.samples_per_second.round() as u64).to_string(),
            throughput.operations_per_second() / 1e9,
            100.0 * throughput.operations_per_second() / peak
        ))?;
        measured.push((workload.name, throughput));
    }
    if *json {
        stdout(&format!("{}\n", object(&measured, peak, &machine)))?;
    }
    Ok(())
}

/// One object for a program.
fn object(measured: &[(&str, Throughput)], peak: f64, machine: &Machine) -> Value {
    let by_name = |number: fn(&Throughput, f64) -> f64| -> Map<String, Value> {
        let entry = |(name, throughput): &(&str, Throughput)| {
            ((*name).to_owned(), number(throughput, peak).into())
        };
        measured.iter().map(entry).collect()
    };
    json!({
        "throughput": by_name(|throughput, _| throughput.samples_per_second),
        "threads": machine.threads,
        "cpu": machine.cpu,
        "version": env!("CARGO_PKG_VERSION"),
        "peak_gflops": peak / 1e9,
        "share_of_peak": by_name(|throughput, peak| throughput.operations_per_second() / peak),
    })
}
