//! What a tape looks like: as a trace in words.

use super::{Tape, Var};
use crate::real::Real;
use std::fmt::Write;

impl<T: Real> Tape<T> {
    /// One line a node: its number, its op and inputs, its shape and its value.
    pub fn trace(&self) -> String {
        let mut trace = String::new();
        for (i, node) in self.nodes.iter().enumerate() {
            let kind = node
                .op
                .as_ref()
                .map_or(if self.wanted[i] { "parameter" } else { "input" }, |op| op.name());
            let inputs: Vec<_> = node.inputs.iter().map(|Var(input)| format!("%{input}")).collect();
            let _ = writeln!(
                trace,
                "%{i} = {kind}({}) {:?}",
                inputs.join(", "),
                self.values[i].shape()
            );
        }
        trace
    }
}
