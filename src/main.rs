//! The program `chainrule`. What it does is in the library, where each network is compiled once.

use std::process::ExitCode;

fn main() -> ExitCode {
    chainrule::command::run()
}
