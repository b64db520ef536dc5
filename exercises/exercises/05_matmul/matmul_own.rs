//! # Your tape multiplies matrices
//! ●●○ about 30 minutes
//!
//! Extend the tape that you wrote in `tape_own.rs`. An entry of a product is a sum of products, and with
//! `add` and `multiply` it takes `2k − 1` nodes. Give your tape an op for it: `dot` appends *one* node
//! for `Σ_l a_l·b_l`, with a local derivative for each of its `2k` inputs. Then `product` is two loops, and
//! your tape has both gradients of the matrix product without knowing what a matrix is.

// Your own tape, from chapter 2. Its tests run here as well.
#[path = "../02_tape/tape_own.rs"]
mod tape_own;

use tape_own::OwnTape;

/// A matrix of nodes of the tape, row by row.
type Nodes = Vec<Vec<usize>>;

/// Appends the node `Σ_l a_l·b_l`.
fn dot(tape: &mut OwnTape, a: &[usize], b: &[usize]) -> usize {
    // TODO: write dot and product
    let _ = b;
    tape.add(a[0], a[0])
}

/// The product of X, `[m, k]`, and W, `[k, n]`: one node an entry.
fn product(tape: &mut OwnTape, x: &Nodes, w: &Nodes) -> Nodes {
    // TODO: an entry for each row of X and each column of W
    let columns = w[0].len();
    x.iter().map(|row| vec![dot(tape, row, row); columns]).collect()
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use exercises::assert_gradient;

    const TASK: &str = "write dot and product";
    /// The sizes m, k and n, and an upstream gradient, row by row.
    const SIZES: [usize; 3] = [2, 3, 4];
    const DY: [f64; 8] = [1.0, -2.0, 0.5, 3.0, -1.5, 0.25, 2.0, -0.75];

    fn nodes(tape: &mut OwnTape, numbers: &[f64], columns: usize) -> Nodes {
        let leaf = |row: &[f64]| row.iter().map(|&number| tape.leaf(number)).collect();
        numbers.chunks(columns).map(leaf).collect()
    }

    /// The sum of all entries of X·W, each times its entry of dY, in plain loops.
    fn loss(numbers: &[f64]) -> f64 {
        let [m, k, n] = SIZES;
        let (x, w) = numbers.split_at(m * k);
        let entry = |i: usize, j: usize| (0..k).map(|l| x[i * k + l] * w[l * n + j]).sum::<f64>();
        (0..m * n).map(|place| DY[place] * entry(place / n, place % n)).sum()
    }

    /// The product on your tape, and dY times its entries.
    fn on_your_tape(numbers: &[f64]) -> (OwnTape, usize) {
        let [m, k, n] = SIZES;
        let mut tape = OwnTape::default();
        let (x, w) = numbers.split_at(m * k);
        let (x, w) = (nodes(&mut tape, x, k), nodes(&mut tape, w, n));
        let y: Vec<usize> = product(&mut tape, &x, &w).concat();
        assert_eq!(y.len(), m * n, "{TASK}\n    product: one node an entry\n");
        let sum = y.iter().zip(DY).map(|(&y, dy)| dy * tape.values[y]).sum();
        let inputs: Vec<_> = y.into_iter().zip(DY).collect();
        let sum = tape.push(sum, &inputs);
        (tape, sum)
    }

    fn numbers() -> Vec<f64> {
        (0..18).map(|k| 1.4 * f64::sin(1.0 + 2.3 * f64::from(k))).collect()
    }

    #[test]
    fn the_value_and_its_nodes() {
        let (tape, sum) = on_your_tape(&numbers());
        let right = (tape.values[sum] - loss(&numbers())).abs() < 1e-12;
        assert!(right, "{TASK}\n    product: its entries have other values\n");
        // The leaves, a node for each entry, and the sum.
        assert_eq!(tape.values.len(), 18 + 8 + 1, "{TASK}\n    dot: one node, and no more\n");
    }

    #[test]
    fn both_gradients() {
        let written = |numbers: &[f64]| {
            let (tape, sum) = on_your_tape(numbers);
            tape.gradients(sum)[..numbers.len()].to_vec()
        };
        assert_gradient(TASK, loss, written, &[&numbers()]);
    }
}
