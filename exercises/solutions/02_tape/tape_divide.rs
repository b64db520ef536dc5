//! The local derivatives of `a/b` are `1/b` and `−a/b²`, and `e^a` is its own. `gradients` needs no
//! change: what it reads of an op is the list of its inputs and their local derivatives.
//!
//! A difference is a sum with a product, by a leaf that holds −1. The derivative comes out as
//! `1 − tanh² z`, though nothing in the code says so. `z`, `e^z` and `e^(−z)` each have two
//! users, so three gradients of this computation are sums of two terms.

// Your own tape, from the exercise before this one. Its tests run here as well.
#[path = "tape_own.rs"]
mod tape_own;

use tape_own::OwnTape;

impl OwnTape {
    /// a / b.
    fn divide(&mut self, a: usize, b: usize) -> usize {
        let (x, y) = (self.values[a], self.values[b]);
        self.push(x / y, &[(a, 1.0 / y), (b, -x / (y * y))])
    }

    /// e^a.
    fn exp(&mut self, a: usize) -> usize {
        let value = self.values[a].exp();
        self.push(value, &[(a, value)])
    }

    /// tanh z, from powers of e, sums, products and one quotient.
    fn tanh(&mut self, z: usize) -> usize {
        let minus_one = self.leaf(-1.0);
        let minus_z = self.multiply(minus_one, z);
        let (up, down) = (self.exp(z), self.exp(minus_z));
        let minus_down = self.multiply(minus_one, down);
        let (above, below) = (self.add(up, minus_down), self.add(up, down));
        self.divide(above, below)
    }
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use exercises::assert_gradient;

    const TASK: &str = "write divide, exp and tanh for your tape";

    /// Records `op` on leaves with the values `x`: its value, and the derivatives in the leaves.
    fn run(x: &[f64], op: fn(&mut OwnTape, &[usize]) -> usize) -> (f64, Vec<f64>) {
        let mut tape = OwnTape::default();
        let leaves: Vec<usize> = x.iter().map(|&x| tape.leaf(x)).collect();
        let y = op(&mut tape, &leaves);
        (tape.values[y], leaves.iter().map(|&leaf| tape.gradients(y)[leaf]).collect())
    }

    /// Compares value and derivatives of `op` with those of `f`, by central differences.
    #[track_caller]
    fn assert_like(
        name: &str,
        f: fn(&[f64]) -> f64,
        op: fn(&mut OwnTape, &[usize]) -> usize,
        places: &'static [&[f64]],
    ) {
        let mut tape = OwnTape::default();
        let (a, b) = (tape.leaf(2.0), tape.leaf(3.0));
        let sum = tape.add(a, b);
        let is_written = tape.values[sum] == 5.0 && tape.gradients(sum)[a] == 1.0;
        assert!(is_written, "{TASK}\n    first write your tape, in tape_own.rs\n");
        for place in places {
            let near = (run(place, op).0 - f(place)).abs() < 1e-12;
            assert!(near, "{TASK}\n    {name} at {place:?}: not its value\n");
        }
        assert_gradient(&format!("{TASK}\n    {name}:"), f, move |x| run(x, op).1, places);
    }

    #[test]
    fn it_divides() {
        let places: &[&[f64]] = &[&[1.5, -0.7], &[-0.4, 2.0]];
        assert_like("divide", |x| x[0] / x[1], |tape, x| tape.divide(x[0], x[1]), places);
        assert_like("divide, c / c", |_| 1.0, |tape, x| tape.divide(x[0], x[0]), &[&[0.7]]);
    }

    #[test]
    fn it_takes_powers_of_e() {
        assert_like("exp", |x| x[0].exp(), |tape, x| tape.exp(x[0]), &[&[-1.2], &[0.7]]);
    }

    #[test]
    fn tanh_follows_from_them() {
        assert_like("tanh", |x| x[0].tanh(), |tape, x| tape.tanh(x[0]), &[&[-1.2], &[0.7]]);
    }
}
