//! `r·(δ_ik − 1/m − x̂_i·x̂_k/m)` is the derivative of node `i` with respect to input `k`, and δ is 1 where they have
//! the same place. That is all. Note what it costs: a group of m numbers stores m² derivatives here, whereas
//! the library's op keeps two numbers for the group and takes two sums on the way back. A Jacobian is easy to
//! write down and expensive to have.

// Your own tape, from chapter 2. Its tests run here as well.
#[path = "../02_tape/tape_own.rs"]
mod tape_own;

use tape_own::OwnTape;

/// Appends the nodes x̂_i of a group of nodes.
fn normalized(tape: &mut OwnTape, x: &[usize], epsilon: f64) -> Vec<usize> {
    let m = x.len() as f64;
    let values: Vec<f64> = x.iter().map(|&x| tape.values[x]).collect();
    let mean = values.iter().sum::<f64>() / m;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / m;
    let r = (variance + epsilon).sqrt().recip();
    let x_hat: Vec<f64> = values.iter().map(|x| (x - mean) * r).collect();
    let local = |i: usize, k: usize| {
        let own = if i == k { 1.0 } else { 0.0 };
        r * (own - 1.0 / m - x_hat[i] * x_hat[k] / m)
    };
    let row = |i: usize| x.iter().enumerate().map(|(k, &x)| (x, local(i, k))).collect::<Vec<_>>();
    (0..x.len()).map(|i| tape.push(x_hat[i], &row(i))).collect()
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
