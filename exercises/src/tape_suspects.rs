//! Tapes for single numbers, one of which is right.

/// One step of a computation. An input is the place of an earlier step, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// A number that is given.
    Leaf(f64),
    /// The sum of two steps.
    Add(usize, usize),
    /// The product of two steps.
    Multiply(usize, usize),
}

/// The derivative of the last step with respect to each of the steps.
pub type Gradients = fn(&[Step]) -> Vec<f64>;

/// The right tape.
pub const RIGHT: Gradients = |steps| gradients(steps, Fault::None);

/// The wrong ones, each with its fault.
pub const FAULTS: [(&str, Gradients); 6] = [
    ("`=` in place of `+=`", |steps| gradients(steps, Fault::Assigns)),
    ("visits the steps from the first to the last", |steps| gradients(steps, Fault::FrontToBack)),
    ("passes a gradient on at the first use, before the others have added to it", |steps| {
        gradients(steps, Fault::DepthFirst)
    }),
    ("forgets to begin with dL = 1", |steps| gradients(steps, Fault::NoSeed)),
    ("exchanges the local derivatives of a product", |steps| gradients(steps, Fault::Exchanged)),
    ("adds once for a step that is both inputs of an op", |steps| gradients(steps, Fault::Once)),
];

/// What can be wrong with a tape.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    Assigns,
    FrontToBack,
    DepthFirst,
    NoSeed,
    Exchanged,
    Once,
}

/// The values of all steps.
///
/// # Panics
/// Where an input is no earlier step.
pub fn values(steps: &[Step]) -> Vec<f64> {
    let mut values: Vec<f64> = Vec::new();
    for &step in steps {
        values.push(match step {
            Step::Leaf(value) => value,
            Step::Add(a, b) => values[a] + values[b],
            Step::Multiply(a, b) => values[a] * values[b],
        });
    }
    values
}

/// The inputs of a step, with the local derivatives.
fn inputs(step: Step, values: &[f64], fault: Fault) -> Vec<(usize, f64)> {
    let (a, b, da, db) = match step {
        Step::Leaf(_) => return Vec::new(),
        Step::Add(a, b) => (a, b, 1.0, 1.0),
        Step::Multiply(a, b) if fault == Fault::Exchanged => (a, b, values[a], values[b]),
        Step::Multiply(a, b) => (a, b, values[b], values[a]),
    };
    if a == b && fault == Fault::Once { vec![(a, da)] } else { vec![(a, da), (b, db)] }
}

/// The order in which the steps are visited.
fn order(steps: &[Step], fault: Fault) -> Vec<usize> {
    match fault {
        Fault::FrontToBack => (0..steps.len()).collect(),
        Fault::DepthFirst => {
            let (mut order, mut next) = (Vec::new(), vec![steps.len() - 1]);
            while let Some(step) = next.pop() {
                if !order.contains(&step) {
                    order.push(step);
                    if let Step::Add(a, b) | Step::Multiply(a, b) = steps[step] {
                        next.extend([b, a]);
                    }
                }
            }
            order
        }
        _ => (0..steps.len()).rev().collect(),
    }
}

/// The backward pass of a tape, with or without a fault.
fn gradients(steps: &[Step], fault: Fault) -> Vec<f64> {
    let values = values(steps);
    let mut d = vec![0.0; steps.len()];
    if let (Some(last), true) = (d.last_mut(), fault != Fault::NoSeed) {
        *last = 1.0;
    }
    for step in if steps.is_empty() { Vec::new() } else { order(steps, fault) } {
        for (input, local) in inputs(steps[step], &values, fault) {
            let part = d[step] * local;
            d[input] = if fault == Fault::Assigns { part } else { d[input] + part };
        }
    }
    d
}

#[cfg(test)]
mod tests {
    use super::*;
    use Step::{Add, Leaf, Multiply};

    /// v = a·b, w = (v + v) + a, L = v·w, in an order in which every fault shows.
    const STEPS: [Step; 6] =
        [Leaf(3.0), Leaf(-2.0), Multiply(0, 1), Add(2, 2), Add(3, 0), Multiply(2, 4)];

    #[test]
    fn the_right_one_is_right() {
        // L = (2ab + a)·ab = 2a²b² + a²b.
        let (a, b) = (3.0, -2.0);
        let d = RIGHT(&STEPS);
        assert_eq!(d[0], 4.0 * a * b * b + 2.0 * a * b);
        assert_eq!(d[1], 4.0 * a * a * b + a * a);
        assert_eq!(values(&STEPS).last(), Some(&(2.0 * a * a * b * b + a * a * b)));
    }

    #[test]
    fn the_others_are_wrong() {
        for (fault, suspect) in FAULTS {
            assert_ne!(suspect(&STEPS), RIGHT(&STEPS), "{fault}");
        }
    }

    #[test]
    fn no_suspect_falls_over_an_empty_computation() {
        for (_, suspect) in FAULTS {
            assert_eq!(suspect(&[]), []);
        }
    }
}
