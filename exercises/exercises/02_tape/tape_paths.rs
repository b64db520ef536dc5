//! # Counting paths
//! ●●○ about 20 minutes
//!
//! Start with two leaves, and let every further node be the sum of the two nodes before it, until
//! there are `n` of them. How many paths lead from the second leaf to the last node? For `n = 50`
//! there are more than seven billion, and following each takes minutes. Let a tape count
//! them, while it visits 48 ops: what is the local derivative along each edge, and so what is the
//! product along a path?

use chainrule::{ShapeError, Tape};
use ndarray::arr1;

/// The number of paths from the second node to the last of `nodes`, which are two or more.
fn paths(nodes: usize) -> Result<f64, ShapeError> {
    // TODO: record the sums, and read the number of paths off a gradient
    let mut tape = Tape::<f64>::new();
    let _ = (nodes, tape.parameter(arr1(&[1.0])));
    Ok(f64::NAN)
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
