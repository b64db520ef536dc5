//! In `a_l·b_l`, the derivative with respect to one factor is the other factor: the inputs are all `a_l`,
//! with `b_l` beside each, and all `b_l`, with `a_l`. Where a node stands in both lists it gets two terms, and
//! `gradients` adds them.
//!
//! Nothing in it says `dY·Wᵀ`. The transposes are what the sum over all uses *looks like* when the nodes
//! are written as a table. The price is memory: every weight's derivative is stored in every entry that uses it,
//! `2·m·k·n` numbers, where the library's op keeps none.

// Your own tape, from chapter 2. Its tests run here as well.
#[path = "../02_tape/tape_own.rs"]
mod tape_own;

use tape_own::OwnTape;

/// A matrix of nodes of the tape, row by row.
type Nodes = Vec<Vec<usize>>;

/// Appends the node `Σ_l a_l·b_l`.
fn dot(tape: &mut OwnTape, a: &[usize], b: &[usize]) -> usize {
    let pairs = || a.iter().copied().zip(b.iter().copied());
    let value = pairs().map(|(a, b)| tape.values[a] * tape.values[b]).sum();
    let of_a = pairs().map(|(a, b)| (a, tape.values[b]));
    let of_b = pairs().map(|(a, b)| (b, tape.values[a]));
    let inputs: Vec<_> = of_a.chain(of_b).collect();
    tape.push(value, &inputs)
}

/// The product of X, `[m, k]`, and W, `[k, n]`: one node an entry.
fn product(tape: &mut OwnTape, x: &Nodes, w: &Nodes) -> Nodes {
    let columns: Nodes = (0..w[0].len()).map(|j| w.iter().map(|row| row[j]).collect()).collect();
    let entries = |row: &Vec<usize>| columns.iter().map(|column| dot(tape, row, column)).collect();
    x.iter().map(entries).collect()
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
