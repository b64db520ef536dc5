//! The root finds its slope in its value, `1/(2√a)`. The spread is used by every quotient and each x by two nodes,
//! its square (twice) and its quotient. All of that is in the list of inputs, and `+=` does the rest: the
//! gradient comes out with both its terms, though no line here knows of them.

// Your own tape, from chapter 2. Its tests run here as well.
#[path = "../02_tape/tape_own.rs"]
mod tape_own;

use tape_own::OwnTape;

impl OwnTape {
    /// a / b.
    fn divide(&mut self, a: usize, b: usize) -> usize {
        let (x, y) = (self.values[a], self.values[b]);
        self.push(x / y, &[(a, 1.0 / y), (b, -x / y / y)])
    }

    /// √a.
    fn root(&mut self, a: usize) -> usize {
        let root = self.values[a].sqrt();
        self.push(root, &[(a, 0.5 / root)])
    }

    /// Each of these nodes, divided by the root of the mean of their squares.
    fn divide_by_spread(&mut self, column: &[usize]) -> Vec<usize> {
        let mut sum = self.leaf(0.0);
        for &x in column {
            let square = self.multiply(x, x);
            sum = self.add(sum, square);
        }
        let one_mth = self.leaf(1.0 / column.len() as f64);
        let mean = self.multiply(sum, one_mth);
        let spread = self.root(mean);
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
