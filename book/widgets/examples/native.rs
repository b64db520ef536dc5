//! The widgets' functions without a page, for the check in a browser.
//!
//! Reads a list of calls such as `[["index_begin", [1]], ["index_learn", [10]]]`, makes them one after
//! the other, and prints the list of their results. What is no number is `null`.

use serde_json::Value;
use std::io;
use std::process::ExitCode;
use widgets::{FUNCTIONS, buffer};

fn main() -> ExitCode {
    match serde_json::from_reader(io::stdin()).map_err(|error| error.to_string()).and_then(run) {
        Ok(results) => {
            println!("{}", Value::from(results));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(calls: Vec<(String, Vec<Option<f64>>)>) -> Result<Vec<Value>, String> {
    let result = |(name, numbers): (String, Vec<Option<f64>>)| {
        let (_, function) = FUNCTIONS
            .iter()
            .copied()
            .flatten()
            .find(|(known, _)| *known == name)
            .ok_or_else(|| format!("{name} is in no widget's list of functions"))?;
        let numbers = numbers.into_iter().map(|number| number.unwrap_or(f64::NAN)).collect();
        Ok(Value::from(buffer::call(*function, numbers)))
    };
    calls.into_iter().map(result).collect()
}
