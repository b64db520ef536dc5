//! `chainrule bench`, as a user runs it.

#![cfg(feature = "cli")]

use serde_json::Value;
use std::process::{Command, Output, Stdio};

/// All workloads, in the order of the table.
const WORKLOADS: [&str; 7] = [
    "mlp-128-64-b1",
    "mlp-128-64-b24",
    "mlp-300-b16",
    "mlp-784x3-adam-b1000",
    "lenet-b32",
    "cnn-32-64-b64",
    "cnn-bn-32-64-128-b128",
];

fn bench(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chainrule"));
    // No data set is needed, so none is offered.
    command.arg("bench").args(arguments).env("CHAINRULE_DATA", "/nowhere").env("NO_COLOR", "1");
    command.stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    bench(arguments).output().expect("the command starts")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

#[track_caller]
fn object(output: &Output) -> Value {
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_str(text(&output.stdout)).expect("one JSON object")
}

#[track_caller]
fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[track_caller]
fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("a number: {value}"))
}

/// The lines of the table: its head, and a row a workload.
fn table_of(words: &str) -> Vec<&str> {
    let table = words.lines().skip_while(|line| !line.starts_with("workload"));
    table.take_while(|line| !line.is_empty()).collect()
}

#[test]
fn one_json_object_has_all_workloads() {
    let output = run(&["--json", "--seconds", "0.01", "--threads", "2"]);
    let object = object(&output);
    let machine =
        ["cache_gb_per_second", "cores", "cpu", "memory_gb_per_second", "peak_gflops", "threads"];
    let by_name = ["batch", "bytes", "operations", "parameters", "share_of_peak", "spread"];
    let by_name = by_name.iter().chain(&["throughput", "windows"]);
    let mut all: Vec<_> = machine.iter().chain(by_name.clone()).copied().collect();
    all.extend(["roof_gflops", "roof_spread", "version"]);
    all.sort_unstable();
    assert_eq!(keys(&object), all);
    let mut sorted = WORKLOADS;
    sorted.sort_unstable();
    let roofs = ["memory", "cache"].map(|slope| &object["roof_gflops"][slope]);
    for numbers in by_name.map(|name| &object[name]).chain(roofs) {
        assert_eq!(keys(numbers), sorted);
    }
    for name in WORKLOADS {
        assert!(number(&object["throughput"][name]) > 0.0, "{name}: {object}");
    }
    assert_eq!(object["threads"], 2);
    assert_eq!(object["version"], env!("CARGO_PKG_VERSION"));
    assert!(object["cpu"].as_str().is_some_and(|cpu| !cpu.is_empty()), "{object}");
    // The share is what the operations of a sample, counted by hand, come to.
    let name = "cnn-32-64-b64";
    let speed = 32_096_256.0 * number(&object["throughput"][name]);
    let share = speed / (1e9 * number(&object["peak_gflops"]));
    assert!((number(&object["share_of_peak"][name]) / share - 1.0).abs() < 1e-9, "{object}");
    // A human reads the same on standard error, in the table's order.
    let table = text(&output.stderr);
    let rows = table_of(table).into_iter().skip(1);
    assert!(rows.map(|row| row.split(' ').next().unwrap()).eq(WORKLOADS), "{table}");
}

/// The windows tell how far they lie apart, and whether a human is warned.
#[test]
fn the_best_of_the_windows_counts() {
    let output = run(&["mlp-300-b16", "--json", "--seconds", "0.01"]);
    let (object, name) = (object(&output), "mlp-300-b16");
    let windows: Vec<_> = object["windows"][name].as_array().unwrap().iter().map(number).collect();
    let best = windows.iter().copied().fold(0.0, f64::max);
    let worst = windows.iter().copied().fold(f64::INFINITY, f64::min);
    assert_eq!((windows.len(), number(&object["throughput"][name])), (3, best), "{object}");
    assert_eq!(number(&object["spread"][name]), 1.0 - worst / best, "{object}");
    let roofs = ["peak", "memory", "cache"].map(|roof| number(&object["roof_spread"][roof]));
    let disturbed = 1.0 - worst / best > 0.1 || roofs.iter().any(|&spread| spread > 0.1);
    let words = text(&output.stderr);
    assert_eq!(words.contains("The machine does something else"), disturbed, "{words}");
}

/// The roof of a step is its intensity times the slope, and no more than the peak.
#[test]
fn a_step_has_its_roof() {
    let object = object(&run(&["lenet-b32", "--json", "--seconds", "0.01"]));
    let intensity =
        number(&object["operations"]["lenet-b32"]) / number(&object["bytes"]["lenet-b32"]);
    for slope in ["memory", "cache"] {
        let bandwidth = number(&object[format!("{slope}_gb_per_second")]);
        let roof = number(&object["peak_gflops"]).min(intensity * bandwidth);
        let told = number(&object["roof_gflops"][slope]["lenet-b32"]);
        assert!((told / roof - 1.0).abs() < 1e-9, "{slope}: {object}");
    }
}

#[test]
fn threads_may_outnumber_the_cores() {
    let cores = std::thread::available_parallelism().unwrap().get();
    let threads = (3 * cores).to_string();
    let output = run(&["mlp-300-b16", "--seconds", "0.01", "--threads", &threads]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let told = format!("Threads:  {threads}, which take turns on {cores} cores\n");
    assert!(text(&output.stdout).contains(&told), "{}", text(&output.stdout));
}

#[test]
fn the_workloads_that_are_named_are_measured() {
    let output = run(&["mlp-300-b16", "mlp-128-64-b1", "--seconds", "0.01", "--threads", "1"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    let rows = table_of(table);
    assert_eq!(rows.len(), 3, "{table}");
    assert!(table.contains("Threads:  1\n") && table.contains("GFLOP/s in products"), "{table}");
    assert!(
        rows[1].starts_with("mlp-128-64-b1 ") && rows[2].starts_with("mlp-300-b16 "),
        "{table}"
    );
    assert!(rows.iter().all(|row| row.chars().count() == rows[0].chars().count()), "{table}");
    assert!(rows[0].ends_with("of peak  FLOP/byte") && rows[1].contains(" %  "), "{table}");
    let json = run(&["mlp-300-b16", "--json", "--seconds", "0.01"]);
    assert_eq!(keys(&object(&json)["throughput"]), ["mlp-300-b16"]);
}

#[test]
fn a_misspelled_workload_is_told_the_nearest() {
    let output = run(&["lenet-b23"]);
    assert_eq!(output.status.code(), Some(2));
    let message = text(&output.stderr);
    assert!(message.contains("lenet-b23") && message.contains("similar"), "{message}");
    assert!(message.contains("'lenet-b32'"), "{message}");
}

#[test]
fn impossible_numbers_are_refused() {
    let output = run(&["--threads", "0"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("--threads must be at least 1"));
    for seconds in ["0", "-1", "nan", "inf", "1e300", "soon"] {
        let output = run(&[&format!("--seconds={seconds}")]);
        assert_eq!(output.status.code(), Some(2), "{seconds}");
        assert!(text(&output.stderr).contains("a number of seconds above 0"), "{seconds}");
    }
}

/// Stacks that no machine has: so no thread can be started, as where the system allows no more.
#[test]
fn threads_that_cannot_be_started_are_an_error() {
    let arguments = ["mlp-300-b16", "--seconds", "0.01", "--threads", "9"];
    let output = bench(&arguments).env("RUST_MIN_STACK", (1_u64 << 47).to_string()).output();
    let output = output.expect("the command starts");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let message = text(&output.stderr);
    assert!(message.contains("9 threads cannot be started here: "), "{message}");
    assert!(message.contains("fewer with --threads") && !message.contains("panic"), "{message}");
    let output = run(&["--threads", "1000000000"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("--threads 1000000000: 65535 are the most"));
}

#[test]
fn a_reader_that_has_read_enough_is_no_failure() {
    let mut child = bench(&["--seconds", "0.01", "--threads", "1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("the command ends");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
}
