//! `chainrule gradcheck`: every op's gradient against central differences.

use super::console::{self, Failure, Outcome};
use crate::catalog;
use crate::gradcheck::{Case, Gradcheck, Report};
use std::fmt::Write;

/// What `chainrule gradcheck` takes.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Ops to check, as the table names them; all where none is named
    #[arg(value_name = "OP")]
    ops: Vec<String>,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
}

/// Checks the named ops, prints the table and fails where an error is too large.
pub fn run(arguments: &Arguments) -> Outcome {
    let check = Gradcheck::default();
    let mut results = Vec::new();
    for case in chosen(&arguments.ops)? {
        results.push((case, case.run(&check)?));
    }
    let text = if arguments.json { json(&results) } else { table(&results) };
    console::stdout(&text)?;
    let failed: Vec<_> = results
        .iter()
        .filter(|(case, report)| !passes(case, report))
        .map(|(case, _)| case.op)
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("gradients differ from central differences: {}", failed.join(", "))))
}

/// The cases of `ops`, or all.
fn chosen(ops: &[String]) -> Result<Vec<&'static Case>, Failure> {
    for op in ops {
        if !catalog::cases().any(|case| case.op == op) {
            let known: Vec<_> = catalog::cases().map(|case| case.op).collect();
            let message = format!("no op is called `{op}`. There are: {}", known.join(", "));
            return Err(Failure::new(message));
        }
    }
    Ok(catalog::cases()
        .filter(|case| ops.is_empty() || ops.iter().any(|op| op == case.op))
        .collect())
}

fn passes(case: &Case, report: &Report) -> bool {
    report.max_relative_error() <= case.tolerance() && report.vacuous.is_empty()
}

fn table(results: &[(&Case, Report)]) -> String {
    let width = results.iter().map(|(case, _)| case.op.len()).max().unwrap_or_default();
    let mut table = format!(
        "{:width$}  {:>7}  {:>14}  {:>7}  {:>5}\n",
        "op", "entries", "relative error", "step", "limit"
    );
    for (case, report) in results {
        let verdict = if passes(case, report) { "" } else { "  FAILED" };
        let _ = writeln!(
            table,
            "{:width$}  {:>7}  {:>14.1e}  {:>7.1e}  {:>5.0e}{verdict}",
            case.op,
            report.entries,
            report.max_relative_error(),
            step(report),
            case.tolerance()
        );
        if !verdict.is_empty() {
            let _ = writeln!(table, "    {report}");
        }
    }
    table
}

fn json(results: &[(&Case, Report)]) -> String {
    let ops: Vec<_> = results
        .iter()
        .map(|(case, report)| {
            serde_json::json!({
                "op": case.op,
                "max_relative_error": report.max_relative_error(),
                "step": step(report),
            })
        })
        .collect();
    format!("{}\n", serde_json::json!({ "ops": ops }))
}

/// The step that was taken at the worst entry.
fn step(report: &Report) -> f64 {
    report.worst.as_ref().map_or(f64::NAN, |worst| worst.step)
}
