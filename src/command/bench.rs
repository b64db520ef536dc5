//! `chainrule bench`: how fast this machine trains.

use super::console::{Console, Outcome, stdout};
use super::threads;
use crate::record::Machine;
use crate::throughput::{Roof, Throughput, WORKLOADS, Windows, Workload};
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

/// Measures the roof and the named workloads, and prints each as soon as it is there.
pub fn run(arguments: &Arguments) -> Outcome {
    let Arguments { workloads, seconds, json, .. } = arguments;
    let pool = threads::pool(arguments.threads)?;
    let chosen = WORKLOADS.iter().filter(|workload| {
        workloads.is_empty() || workloads.iter().any(|chosen| chosen.name == workload.name)
    });
    let console = Console { quiet: false, json: *json };
    let machine = Machine::this(pool.current_num_threads());
    console.line(format!("Machine:  {}\nThreads:  {}", machine.cpu, threads_of(&machine)))?;
    let roof = pool.install(|| Roof::measure(*seconds));
    console.line(format!("Peak:     {:.1} GFLOP/s in products", roof.peak.best() / 1e9))?;
    console.line(format!(
        "Memory:   {:.1} GB/s, and {:.1} GB/s in the second caches\n",
        roof.memory.best() / 1e9,
        roof.cache.best() / 1e9
    ))?;
    let width = WORKLOADS.iter().map(|workload| workload.name.len()).max().unwrap_or_default();
    console.line(format!(
        "{:width$}  {:>9}  {:>7}  {:>7}  {:>9}",
        "workload", "samples/s", "GFLOP/s", "of peak", "FLOP/byte"
    ))?;
    let mut measured = Vec::new();
    for workload in chosen {
        let throughput = pool.install(|| workload.measure(*seconds));
        console.line(format!(
            "{:width$}  {:>9}  {:>7.1}  {:>5.1} %  {:>9.1}",
            workload.name,
            HumanCount(throughput.samples_per_second.best().round() as u64).to_string(),
            throughput.operations_per_second() / 1e9,
            100.0 * throughput.operations_per_second() / roof.peak.best(),
            throughput.intensity()
        ))?;
        measured.push((workload.name, throughput));
    }
    if let Some(warning) = warning(&measured, &roof) {
        console.line(format!("\n{warning}"))?;
    }
    if *json {
        stdout(&format!("{}\n", object(&measured, &roof, &machine)))?;
    }
    Ok(())
}

/// The number of threads, and that they take turns where it is larger than that of the cores.
fn threads_of(machine: &Machine) -> String {
    let Machine { threads, cores, .. } = machine;
    match threads > cores {
        true => format!("{threads}, which take turns on {cores} cores"),
        false => threads.to_string(),
    }
}

/// That the machine did something else, where windows tell so: what lies furthest apart, by name.
fn warning(measured: &[(&str, Throughput)], roof: &Roof) -> Option<String> {
    let roofs = [("the peak", roof.peak), ("memory", roof.memory), ("the caches", roof.cache)];
    let steps = measured.iter().map(|&(name, throughput)| (name, throughput.samples_per_second));
    let disturbed = roofs.into_iter().chain(steps).filter(|(_, windows)| windows.is_disturbed());
    let spread = |named: &(&str, Windows)| named.1.spread();
    let (name, windows) = disturbed.max_by(|a, b| spread(a).total_cmp(&spread(b)))?;
    Some(format!(
        "The machine does something else: the three windows of {name} lie {:.0} % apart. Numbers of a \
         busy machine\nare too low, and their ratios mean little. Measure again when it is idle.",
        100.0 * windows.spread()
    ))
}

/// One object for a program.
fn object(measured: &[(&str, Throughput)], roof: &Roof, machine: &Machine) -> Value {
    fn by_name<N: Into<Value>>(
        measured: &[(&str, Throughput)],
        number: impl Fn(&Throughput) -> N,
    ) -> Map<String, Value> {
        let named = measured.iter();
        named.map(|(name, throughput)| ((*name).to_owned(), number(throughput).into())).collect()
    }
    let windows = |throughput: &Throughput| throughput.samples_per_second.rates().to_vec();
    let share = |throughput: &Throughput| throughput.operations_per_second() / roof.peak.best();
    json!({
        "throughput": by_name(measured, |throughput| throughput.samples_per_second.best()),
        "windows": by_name(measured, windows),
        "spread": by_name(measured, |throughput| throughput.samples_per_second.spread()),
        "parameters": by_name(measured, |throughput| throughput.parameters),
        "batch": by_name(measured, |throughput| throughput.batch),
        "operations": by_name(measured, |throughput| throughput.operations),
        "bytes": by_name(measured, |throughput| throughput.bytes),
        "share_of_peak": by_name(measured, share),
        "threads": machine.threads,
        "cores": machine.cores,
        "cpu": machine.cpu,
        "version": env!("CARGO_PKG_VERSION"),
        "peak_gflops": roof.peak.best() / 1e9,
        "memory_gb_per_second": roof.memory.best() / 1e9,
        "cache_gb_per_second": roof.cache.best() / 1e9,
        "roof_gflops": {
            "memory": by_name(measured, |throughput| roof.from_memory(throughput) / 1e9),
            "cache": by_name(measured, |throughput| roof.from_cache(throughput) / 1e9),
        },
        "roof_spread": {
            "peak": roof.peak.spread(),
            "memory": roof.memory.spread(),
            "cache": roof.cache.spread(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throughput(rates: [f64; 3]) -> Throughput {
        let samples_per_second = Windows::new(rates);
        Throughput { samples_per_second, batch: 1, parameters: 1, operations: 1, bytes: 1 }
    }

    #[test]
    fn windows_that_lie_apart_are_a_warning() {
        let quiet = Windows::new([100.0, 99.0, 95.0]);
        let roof = Roof { peak: quiet, memory: quiet, cache: quiet };
        let steady = ("steady", throughput([9.0, 9.5, 9.0]));
        assert_eq!(warning(&[steady], &roof), None);
        let apart = [
            steady,
            ("worse", throughput([4.0, 10.0, 8.0])),
            ("bad", throughput([8.0, 10.0, 9.0])),
        ];
        let words = warning(&apart, &roof).expect("a warning");
        assert!(
            words.contains("windows of worse lie 60 % apart") && words.contains("idle"),
            "{words}"
        );
        let roof = Roof { cache: Windows::new([1.0, 0.3, 0.9]), ..roof };
        let words = warning(&apart, &roof).expect("a warning");
        assert!(words.contains("windows of the caches lie 70 % apart"), "{words}");
    }

    #[test]
    fn threads_without_cores_are_named() {
        let machine = |threads| Machine { cpu: String::new(), cores: 4, threads };
        assert_eq!(threads_of(&machine(4)), "4");
        assert_eq!(threads_of(&machine(9)), "9, which take turns on 4 cores");
    }
}
