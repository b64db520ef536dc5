//! The smallest tape: single numbers, and a network that learns on it. Chapter 2.
//!
//! For each step of a computation it keeps the value and, for each input, the local derivative. Read
//! from its end, it gives the derivative of a result with respect to every step:
//!
//! ```text
//! dx = Σ over the uses of x:  ∂u/∂x · du
//! ```
//!
//! where a step that uses x twice counts twice. `cargo run --release --example small_tape` trains on
//! it, and the exercises of chapter 2 have you write it yourself.
//!
//! ```
//! use chainrule::tape::small::SmallTape;
//!
//! let mut tape = SmallTape::default();
//! let a = tape.leaf(2.0);
//! let b = tape.leaf(3.0);
//! let s = tape.add(a, b);
//! let y = tape.multiply(a, s); // a·(a + b)
//! let d = tape.gradients(y);
//! assert_eq!((d[a], d[b]), (7.0, 2.0)); // 2a + b and a
//! ```

use crate::random::{Purpose, stream};
use crate::scalar::{Sample, sigmoid};
use rand::RngExt;

// ANCHOR: tape
/// The steps of a computation, in order.
#[derive(Debug, Default)]
pub struct SmallTape {
    /// The value of each node.
    pub values: Vec<f64>,
    /// The inputs of each node, each with the local derivative.
    pub inputs: Vec<Vec<(usize, f64)>>,
}

impl SmallTape {
    /// Appends a node.
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
        self.push(self.values[a] * self.values[b], &[(a, self.values[b]), (b, self.values[a])])
    }

    /// The derivative of node `y` with respect to every node.
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

/// Three more ops: each is its value, and its local derivatives.
impl SmallTape {
    /// a − b.
    pub fn subtract(&mut self, a: usize, b: usize) -> usize {
        self.push(self.values[a] - self.values[b], &[(a, 1.0), (b, -1.0)])
    }

    /// σ(z).
    pub fn sigmoid(&mut self, z: usize) -> usize {
        let h = sigmoid(self.values[z]);
        self.push(h, &[(z, h * (1.0 - h))])
    }

    /// ln(1 + e^z), the softplus, whose derivative is σ(z). No power overflows.
    pub fn softplus(&mut self, z: usize) -> usize {
        let value = self.values[z];
        self.push(value.max(0.0) + (-value.abs()).exp().ln_1p(), &[(z, sigmoid(value))])
    }
}

/// x₀·w₀ + x₁·w₁ + … + b, where b comes after the w.
fn weighted_sum(tape: &mut SmallTape, x: &[usize], w: &[usize]) -> usize {
    x.iter().zip(w).fold(w[x.len()], |sum, (&x, &w)| {
        let product = tape.multiply(x, w);
        tape.add(sum, product)
    })
}

/// The loss of a point, with any number of hidden units.
fn loss(tape: &mut SmallTape, weights: &[usize], hidden: usize, point: &Sample) -> usize {
    let x = point.x.map(|x| tape.leaf(x));
    let (w, v) = weights.split_at(3 * hidden);
    let mut h = Vec::new();
    for w in w.chunks(3) {
        let z = weighted_sum(tape, &x, w);
        h.push(tape.sigmoid(z));
    }
    let (v0, v1) = v.split_at(hidden + 1);
    let o = [v0, v1].map(|v| weighted_sum(tape, &h, v));
    let right = usize::from(point.t[1] > point.t[0]);
    // −ln p of the right class is ln(1 + e^z), where z is how far its logit is behind.
    let z = tape.subtract(o[1 - right], o[right]);
    tape.softplus(z)
}

/// A network with one layer of sigmoid units, which learns on a [`SmallTape`].
#[derive(Clone, Debug)]
pub struct SmallNetwork {
    hidden: usize,
    /// Three numbers for each hidden unit, then `hidden + 1` for each of the two outputs.
    pub weights: Vec<f64>,
}

impl SmallNetwork {
    /// `hidden` units and 5·`hidden` + 2 random numbers from −1 to 1, which `seed` fixes.
    pub fn random(hidden: usize, seed: u64) -> Self {
        let mut rng = stream(seed, Purpose::Init);
        let weights = (0..5 * hidden + 2).map(|_| rng.random_range(-1.0..1.0)).collect();
        Self { hidden, weights }
    }

    /// A tape of the loss of `point`, with the weights as its first nodes, and the node of the loss.
    fn record(&self, point: &Sample) -> (SmallTape, usize) {
        let mut tape = SmallTape::default();
        let weights: Vec<usize> = self.weights.iter().map(|&w| tape.leaf(w)).collect();
        let y = loss(&mut tape, &weights, self.hidden, point);
        (tape, y)
    }

    /// The mean loss of `points`, and its gradient.
    pub fn loss_and_gradient(&self, points: &[Sample]) -> (f64, Vec<f64>) {
        let n = points.len() as f64;
        let (mut mean, mut gradient) = (0.0, vec![0.0; self.weights.len()]);
        for point in points {
            let (tape, y) = self.record(point);
            mean += tape.values[y] / n;
            for (sum, d) in gradient.iter_mut().zip(tape.gradients(y)) {
                *sum += d / n;
            }
        }
        (mean, gradient)
    }

    /// Takes `steps` steps of gradient descent.
    pub fn learn(&mut self, points: &[Sample], rate: f64, steps: usize) {
        for _ in 0..steps {
            let (_, gradient) = self.loss_and_gradient(points);
            for (w, d) in self.weights.iter_mut().zip(gradient) {
                *w -= rate * d;
            }
        }
    }

    /// The probability of the second class at a place.
    pub fn probability(&self, x: [f64; 2]) -> f64 {
        let (tape, y) = self.record(&Sample { x, t: [0.0, 1.0] });
        (-tape.values[y]).exp()
    }

    /// The fraction of `points` whose class gets the larger probability.
    pub fn accuracy(&self, points: &[Sample]) -> f64 {
        let right = |s: &&Sample| (self.probability(s.x) > 0.5) == (s.t[1] > s.t[0]);
        points.iter().filter(right).count() as f64 / points.len() as f64
    }
}
