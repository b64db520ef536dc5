//! # A norm for your tape
//! ●●○ about 20 minutes
//!
//! Normalize nodes of your tape: `x̂_i = (x_i − μ)/√(v + ε)`, one node for each. Every `x̂_i` depends on *every*
//! `x_k`, so each `push` gets as many inputs as there are numbers. The local derivatives are the Jacobian, row by row.

// Your own tape, from chapter 2. Its tests run here as well.
#[path = "../02_tape/tape_own.rs"]
mod tape_own;

use tape_own::OwnTape;

/// Appends the nodes x̂_i of a group of nodes.
fn normalized(tape: &mut OwnTape, x: &[usize], epsilon: f64) -> Vec<usize> {
    // TODO: append a node for each normalized number
    let _ = (tape, epsilon);
    x.to_vec()
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use chainrule::normalize::definition::standardize;
    use exercises::assert_gradient;

    const TASK: &str = "append a node for each normalized number";
    const EPSILON: f64 = 0.01;
    const DY: [f64; 4] = [1.0, -2.0, 0.5, 3.0];

    fn expected(x: &[f64]) -> Vec<f64> {
        let mut x_hat = vec![0.0; x.len()];
        standardize(x, EPSILON, &mut x_hat);
        x_hat
    }

    /// Leaves, and their normalized nodes.
    fn run(x: &[f64]) -> (OwnTape, Vec<usize>) {
        let mut tape = OwnTape::default();
        let leaves: Vec<usize> = x.iter().map(|&x| tape.leaf(x)).collect();
        let nodes = normalized(&mut tape, &leaves, EPSILON);
        (tape, nodes)
    }

    #[test]
    fn the_values() {
        for x in [&[0.7, -1.9, 0.4, 2.3][..], &[5.0, 5.0], &[3.0]] {
            let (tape, nodes) = run(x);
            assert_eq!(nodes.len(), x.len(), "{TASK}\n    one node a number\n");
            for (&node, expected) in nodes.iter().zip(expected(x)) {
                let found = tape.values[node];
                let near = (found - expected).abs() < 1e-12;
                assert!(near, "{TASK}\n    of {x:?}: {found} is not a normalized number\n");
            }
        }
    }

    #[test]
    fn the_gradient() {
        let loss = |x: &[f64]| expected(x).iter().zip(DY).map(|(x_hat, dy)| x_hat * dy).sum();
        let written = |x: &[f64]| {
            let (mut tape, nodes) = run(x);
            let sum = nodes.iter().zip(DY).map(|(&node, dy)| tape.values[node] * dy).sum();
            let inputs: Vec<_> = nodes.into_iter().zip(DY).collect();
            let sum = tape.push(sum, &inputs);
            tape.gradients(sum)[..x.len()].to_vec()
        };
        assert_gradient(TASK, loss, written, &[&[0.7, -1.9, 0.4, 2.3], &[-3.0, 0.5, 0.6, 0.1]]);
    }
}
