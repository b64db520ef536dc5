//! The local derivative along every edge is one, so the product along every path is one, and the
//! sum over all paths *is* their number. A path to a node comes from one of the two before it. So
//! the number of paths to a node is the sum of those to the two before it: these are Fibonacci's
//! numbers, and for 50 nodes there are 7,778,742,049 paths. The tape adds each node's gradient to
//! its two inputs, once. Following each path visits a node as often as there are paths through it.

use chainrule::{ShapeError, Tape};
use ndarray::arr1;

/// The number of paths from the second node to the last of `nodes`, which are two or more.
fn paths(nodes: usize) -> Result<f64, ShapeError> {
    let mut tape = Tape::<f64>::new();
    let first = tape.parameter(arr1(&[1.0]));
    let second = tape.parameter(arr1(&[1.0]));
    let (mut before, mut last) = (first, second);
    for _ in 2..nodes {
        (before, last) = (last, tape.add(before, last)?);
    }
    tape.backward(last);
    Ok(tape.gradient(second)[0])
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;

    const TASK: &str = "record the sums, and read the number of paths off a gradient";

    /// Follows every path from node `from` to the last one.
    fn follow(from: usize, nodes: usize) -> u64 {
        if from + 1 == nodes {
            return 1;
        }
        // A node is an input of the next two. The second leaf is no sum.
        (from + 1..=from + 2)
            .filter(|&next| (2..nodes).contains(&next))
            .map(|next| follow(next, nodes))
            .sum()
    }

    #[test]
    fn as_many_as_are_found_by_following_each() {
        for nodes in 2..=20 {
            let (found, expected) =
                (paths(nodes).expect("sums of single numbers"), follow(1, nodes));
            assert!(
                found == expected as f64,
                "{TASK}\n    of {nodes} nodes: not the number of paths\n"
            );
        }
    }

    #[test]
    fn fifty_nodes() {
        // The number of paths to a node is the sum of those to the two nodes before it.
        let (mut before, mut last) = (0_u64, 1_u64);
        for _ in 2..50 {
            (before, last) = (last, before + last);
        }
        assert!(paths(50) == Ok(last as f64), "{TASK}\n    of 50 nodes: not the number of paths\n");
    }
}
