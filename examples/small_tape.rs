//! A tape for single numbers, and two networks that learn on it. Chapter 2.

use chainrule::scalar::{RATE, STEPS, Sample, sigmoid};
use chainrule::score;
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

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
        let (x, y) = (self.values[a], self.values[b]);
        self.push(x * y, &[(a, y), (b, x)])
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

    /// −ln p.
    pub fn minus_ln(&mut self, p: usize) -> usize {
        let value = self.values[p];
        self.push(-value.ln(), &[(p, -1.0 / value)])
    }
}

/// x₀·w₀ + x₁·w₁ + … + b, where b stands after the w.
fn weighted_sum(tape: &mut SmallTape, x: &[usize], w: &[usize]) -> usize {
    x.iter().zip(w).fold(w[x.len()], |sum, (&x, &w)| {
        let product = tape.multiply(x, w);
        tape.add(sum, product)
    })
}

// ANCHOR: network
/// The loss of a point, with any number of hidden units.
fn loss(tape: &mut SmallTape, weights: &[usize], hidden: usize, point: &Sample) -> usize {
    let x = point.x.map(|x| tape.leaf(x));
    let (w, v) = weights.split_at(3 * hidden);
    let mut h = Vec::new();
    for w in w.chunks(3) {
        let z = weighted_sum(tape, &x, w);
        h.push(tape.sigmoid(z));
    }
    let o = [0, 1].map(|j| weighted_sum(tape, &h, &v[j * (hidden + 1)..]));
    let right = usize::from(point.t[1] > point.t[0]);
    // The softmax of two logits is the sigmoid of their difference.
    let lead = tape.subtract(o[right], o[1 - right]);
    let p = tape.sigmoid(lead);
    tape.minus_ln(p)
}
// ANCHOR_END: network

/// The mean loss of `samples`, its gradient, and the fraction of them that is right.
fn lesson(weights: &[f64], hidden: usize, samples: &[Sample]) -> (f64, Vec<f64>, f64) {
    let n = samples.len() as f64;
    let (mut mean, mut gradient, mut right) = (0.0, vec![0.0; weights.len()], 0.0);
    for sample in samples {
        let mut tape = SmallTape::default();
        let w: Vec<usize> = weights.iter().map(|&w| tape.leaf(w)).collect();
        let y = loss(&mut tape, &w, hidden, sample);
        mean += tape.values[y] / n;
        // −ln p is below −ln ½ where the right class has more than half of the probability.
        right += f64::from(tape.values[y] < std::f64::consts::LN_2) / n;
        for (sum, d) in gradient.iter_mut().zip(tape.gradients(y)) {
            *sum += d / n;
        }
    }
    (mean, gradient, right)
}

fn main() {
    let points = score::points();
    let (training, test) = (score::samples(&points.training), score::samples(&points.test));
    for hidden in [3, 6] {
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let mut weights: Vec<f64> =
            (0..5 * hidden + 2).map(|_| rng.random_range(-1.0..1.0)).collect();
        for step in 0..=STEPS {
            let (loss, gradient, right) = lesson(&weights, hidden, &training);
            if step % (STEPS / 5) == 0 {
                println!(
                    "{hidden} units, step {step}: loss {loss:.3}, {:.1} % right",
                    100.0 * right
                );
            }
            for (w, d) in weights.iter_mut().zip(gradient) {
                *w -= RATE * d;
            }
        }
        let (_, _, right) = lesson(&weights, hidden, &test);
        println!("{hidden} units, new points: {:.1} % right", 100.0 * right);
    }
}
