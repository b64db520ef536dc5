//! A tape for single numbers, and a network that learns on it. Chapter 2.

use chainrule::data::ellipse::{self, ELLIPSE};
use chainrule::scalar::sigmoid;
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

// ANCHOR: tape
/// The steps of a computation, in their
/// order. A node is its place in the lists.
#[derive(Debug, Default)]
pub struct SmallTape {
    /// Of each node: its value.
    pub values: Vec<f64>,
    /// Of each node: its inputs, and the
    /// local derivative in each of them.
    pub inputs: Vec<Vec<(usize, f64)>>,
}

impl SmallTape {
    /// A new node.
    pub fn push(&mut self, value: f64, inputs: &[(usize, f64)]) -> usize {
        self.values.push(value);
        self.inputs.push(inputs.to_vec());
        self.values.len() - 1
    }

    /// A number that is given.
    pub fn leaf(&mut self, value: f64) -> usize {
        self.push(value, &[])
    }

    /// a + b.
    pub fn add(&mut self, a: usize, b: usize) -> usize {
        self.push(self.values[a] + self.values[b], &[(a, 1.0), (b, 1.0)])
    }

    /// a · b.
    pub fn multiply(&mut self, a: usize, b: usize) -> usize {
        let (x, y) = (self.values[a], self.values[b]);
        self.push(x * y, &[(a, y), (b, x)])
    }

    /// The derivative of node `y` in each node.
    pub fn gradients(&self, y: usize) -> Vec<f64> {
        let mut d = vec![0.0; self.values.len()];
        d[y] = 1.0;
        for u in (0..=y).rev() {
            for &(x, local) in &self.inputs[u] {
                d[x] += d[u] * local;
            }
        }
        d
    }
}
// ANCHOR_END: tape

/// σ(w₀·x₀ + w₁·x₁ + … + b), where b is the last of the weights.
fn unit(tape: &mut SmallTape, weights: &[usize], x: &[usize]) -> usize {
    let mut z = weights[x.len()];
    for (&w, &x) in weights.iter().zip(x) {
        let product = tape.multiply(w, x);
        z = tape.add(z, product);
    }
    let h = sigmoid(tape.values[z]);
    tape.push(h, &[(z, h * (1.0 - h))])
}

fn main() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut weights: [f64; 13] = std::array::from_fn(|_| rng.random_range(-1.0..1.0));
    for round in 0..=10 {
        // No point comes twice: each is a test before it is a lesson. Round 0 only tests.
        let points = ellipse::draw(4_000, ELLIPSE, round);
        let rate = if round == 0 { 0.0 } else { 0.3 };
        let (mut loss, mut right) = (0.0, 0.0);
        for i in 0..points.len() {
            let (mut x, t) = ([0.0; 2], points.label(i) as f64);
            points.read(i, &mut x);
            let mut tape = SmallTape::default();
            let w = weights.map(|w| tape.leaf(w));
            let x = x.map(|x| tape.leaf(x));
            let h = [0, 3, 6].map(|k| unit(&mut tape, &w[k..k + 3], &x));
            let p = unit(&mut tape, &w[9..], &h);
            let error = tape.values[p] - t;
            let square = tape.push(error * error, &[(p, 2.0 * error)]);
            for (w, d) in weights.iter_mut().zip(tape.gradients(square)) {
                *w -= rate * d;
            }
            loss += error * error / 4_000.0;
            right += f64::from(error.abs() < 0.5) / 40.0;
        }
        println!("round {round}: loss {loss:.3}, {right:.1} % right");
    }
}
