//! # Your tape, in any unit
//! ●●○ about 25 minutes
//!
//! Teach the tape that you wrote in `tape_own.rs` to divide a column of numbers by its spread. `divide` and
//! `root` are ops, each a value and its local derivatives. `divide_by_spread` records a whole column with them,
//! with `add` and `multiply`, and returns its quotients. You derive nothing for it.
//!
//! The root of the mean square needs a factor `1/m`: a leaf that holds it will do.

// Your own tape, from chapter 2. Its tests run here as well.
#[path = "../02_tape/tape_own.rs"]
mod tape_own;

use tape_own::OwnTape;

impl OwnTape {
    /// a / b.
    fn divide(&mut self, a: usize, b: usize) -> usize {
        // TODO: divide a column by its spread
        let _ = b;
        a
    }

    /// √a.
    fn root(&mut self, a: usize) -> usize {
        // TODO: the value, and the derivative from it
        a
    }

    /// Each of these nodes, divided by the root of the mean of their squares.
    fn divide_by_spread(&mut self, column: &[usize]) -> Vec<usize> {
        // TODO: squares, their mean, its root, and the quotients
        let spread = self.root(column[0]);
        column.iter().map(|&x| self.divide(x, spread)).collect()
    }
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use exercises::assert_gradient;

    const TASK: &str = "divide a column by its spread";

    /// What the tests multiply the quotients by, before they are summed.
    const DY: [f64; 4] = [0.7, -1.3, 2.0, 0.4];

    /// The quotients of this column on your tape, and the gradient of Σ DY_i·y_i.
    fn run(x: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let mut tape = OwnTape::default();
        let column: Vec<usize> = x.iter().map(|&x| tape.leaf(x)).collect();
        let quotients = tape.divide_by_spread(&column);
        let mut loss = tape.leaf(0.0);
        for (&y, dy) in quotients.iter().zip(DY) {
            let dy = tape.leaf(dy);
            let product = tape.multiply(y, dy);
            loss = tape.add(loss, product);
        }
        let d = tape.gradients(loss);
        let values = quotients.iter().map(|&y| tape.values[y]).collect();
        (values, column.iter().map(|&x| d[x]).collect())
    }

    fn divided(x: &[f64]) -> Vec<f64> {
        let mean = x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64;
        x.iter().map(|x| x / mean.sqrt()).collect()
    }

    #[track_caller]
    fn assert_tape_is_written() {
        let mut tape = OwnTape::default();
        let (a, b) = (tape.leaf(2.0), tape.leaf(3.0));
        let product = tape.multiply(a, b);
        let is_written = tape.values[product] == 6.0 && tape.gradients(product)[a] == 3.0;
        assert!(is_written, "{TASK}\n    first write your tape, in tape_own.rs\n");
    }

    const PLACES: [&[f64]; 2] = [&[1.0, -2.0, 0.5, 3.0], &[120.0, -40.0, 250.0, -90.0]];

    #[test]
    fn the_quotients_have_the_spread_one() {
        assert_tape_is_written();
        for x in PLACES {
            let near = run(x).0.iter().zip(divided(x)).all(|(y, right)| (y - right).abs() < 1e-12);
            assert!(near, "{TASK}\n    at {x:?}: not its quotients\n");
        }
    }

    #[test]
    fn the_gradient_has_both_terms() {
        assert_tape_is_written();
        let f = |x: &[f64]| divided(x).iter().zip(DY).map(|(y, dy)| dy * y).sum::<f64>();
        assert_gradient(TASK, f, |x| run(x).1, &PLACES);
    }
}
