//! A tape in words: one line a node.

use super::{Tape, Var};
use crate::real::Real;
use crate::tensor::Tensor;

/// A value with more entries than this is shown by its first ones and a summary.
const SHOWN: usize = 6;
/// How many entries stand before the summary.
const FIRST: usize = 3;

/// The tape in words. Chapter 2.
impl<T: Real> Tape<T> {
    /// One line a node: its number, its op and inputs, its shape, its label and its value as of
    /// the last forward pass.
    ///
    /// Up to six entries are shown as they are, to four significant digits. Of more, the first
    /// three are, with the mean, the least and the greatest of all.
    ///
    /// ```
    /// use chainrule::Tape;
    /// use ndarray::arr1;
    ///
    /// let mut tape = Tape::<f64>::new();
    /// let a = tape.parameter(arr1(&[2.0]));
    /// let b = tape.add(a, a)?;
    /// let c = tape.multiply(b, b)?;
    /// tape.label(a, "a");
    /// assert_eq!(tape.trace(), "\
    /// %0 = parameter()       [1]  a  2
    /// %1 = add(%0, %0)       [1]     4
    /// %2 = multiply(%1, %1)  [1]     16
    /// ");
    /// # Ok::<(), chainrule::ShapeError>(())
    /// ```
    pub fn trace(&self) -> String {
        let rows: Vec<[String; 5]> = self
            .vars()
            .map(|var| {
                [
                    format!("%{}", var.0),
                    self.expression(var),
                    format!("{:?}", self.values[var.0].shape()),
                    self.nodes[var.0].label.clone().unwrap_or_default(),
                    summary(&self.values[var.0]),
                ]
            })
            .collect();
        let width =
            |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let [number, expression, shape, label] = [0, 1, 2, 3].map(width);
        // Without a label there is no column of labels.
        let gap = if label == 0 { "" } else { "  " };
        rows.iter()
            .map(|[n, e, s, l, value]| {
                format!("{n:<number$} = {e:<expression$}  {s:<shape$}{gap}{l:<label$}  {value}\n")
            })
            .collect()
    }

    /// The op's name, or what kind of leaf it is.
    pub(super) fn kind(&self, var: Var) -> &'static str {
        match &self.nodes[var.0].op {
            Some(op) => op.name(),
            None if self.wanted[var.0] => "parameter",
            None => "input",
        }
    }

    /// What a node is made of, such as `add(%0, %1)`: its op, or what kind of leaf it is, and its
    /// inputs.
    pub fn expression(&self, var: Var) -> String {
        let inputs: Vec<_> =
            self.nodes[var.0].inputs.iter().map(|Var(input)| format!("%{input}")).collect();
        format!("{}({})", self.kind(var), inputs.join(", "))
    }
}

fn summary<T: Real>(value: &Tensor<T>) -> String {
    let entries = |count: usize| {
        let entries: Vec<_> = value.iter().take(count).map(|x| number(x.as_f64())).collect();
        entries.join(" ")
    };
    if value.is_empty() {
        return "no entries".into();
    }
    if value.len() <= SHOWN {
        return entries(SHOWN);
    }
    let (mut sum, mut low, mut high) = (0.0, f64::INFINITY, f64::NEG_INFINITY);
    for x in value.iter().map(|x| x.as_f64()) {
        sum += x;
        // A NaN stays, once it is there: a summary must not hide it.
        low = if x < low || x.is_nan() { x } else { low };
        high = if x > high || x.is_nan() { x } else { high };
    }
    let mean = number(sum / value.len() as f64);
    format!("{} … mean {mean}, min {}, max {}", entries(FIRST), number(low), number(high))
}

/// `x` to four significant digits, without trailing zeros.
pub(super) fn number(x: f64) -> String {
    if x == 0.0 {
        return "0".into();
    }
    if !x.is_finite() {
        return x.to_string();
    }
    // Rounded first: 9.99996 has the exponent of 10.
    let scientific = format!("{x:.3e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..=5).contains(&exponent) {
        let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
        return format!("{mantissa}e{exponent}");
    }
    let decimals = usize::try_from(3 - exponent).unwrap_or(0);
    let plain = format!("{x:.decimals$}");
    match plain.contains('.') {
        true => plain.trim_end_matches('0').trim_end_matches('.').into(),
        false => plain,
    }
}
