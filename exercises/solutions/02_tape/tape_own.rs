//! A sum has the local derivatives 1 and 1; in a product each factor's is the other factor. Inputs
//! come before their node on the tape, so from back to front every node is visited after all of its
//! users, and its gradient is whole when it is passed on. A node can have several users, or be both
//! inputs of one, and each brings its own part: hence `+=`.

/// The steps of a computation, in their order. A node is its place in the lists.
#[derive(Debug, Default)]
pub struct OwnTape {
    /// Of each node: its value.
    pub values: Vec<f64>,
    /// Of each node: its inputs, and the local derivative for each of them.
    pub inputs: Vec<Vec<(usize, f64)>>,
}

impl OwnTape {
    /// Appends a node and returns its place.
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

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use chainrule::Tape;
    use chainrule::scalar::{Sample, sigmoid};
    use exercises::{Points, assert_gradient, points};
    use ndarray::arr1;
    use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

    const TASK: &str = "write add, multiply and gradients of your tape";

    /// Records `op` on leaves with the values `x`: the derivatives of its result in the leaves.
    fn run(x: &[f64], op: fn(&mut OwnTape, &[usize]) -> usize) -> Vec<f64> {
        let mut tape = OwnTape::default();
        let leaves: Vec<usize> = x.iter().map(|&x| tape.leaf(x)).collect();
        let y = op(&mut tape, &leaves);
        let gradients = tape.gradients(y);
        leaves.iter().map(|&leaf| gradients[leaf]).collect()
    }

    #[track_caller]
    fn assert_like(name: &str, f: fn(&[f64]) -> f64, op: fn(&mut OwnTape, &[usize]) -> usize) {
        let task = format!("{TASK}\n    {name}:");
        assert_gradient(&task, f, move |x| run(x, op), &[&[1.5, -0.7], &[-0.4, 2.0]]);
    }

    #[test]
    fn each_op() {
        assert_like("a + b", |x| x[0] + x[1], |tape, x| tape.add(x[0], x[1]));
        assert_like("a·b", |x| x[0] * x[1], |tape, x| tape.multiply(x[0], x[1]));
    }

    #[test]
    fn one_node_twice() {
        assert_like("a + a", |x| 2.0 * x[0], |tape, x| tape.add(x[0], x[0]));
        assert_like("b·b", |x| x[1] * x[1], |tape, x| tape.multiply(x[1], x[1]));
    }

    /// The same random computation on your tape and on the library's, op by op.
    #[test]
    fn as_the_library_s_tape() {
        for seed in 0..50 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let (mut own, mut tape) = (OwnTape::default(), Tape::<f64>::new());
            let mut nodes = Vec::new();
            for _ in 0..3 {
                let value = rng.random_range(-1.5..1.5);
                nodes.push((own.leaf(value), tape.parameter(arr1(&[value]))));
            }
            for _ in 0..8 {
                let (a, b) = (nodes[rng.random_range(0..nodes.len())], nodes[nodes.len() - 1]);
                let (name, node) = if rng.random() {
                    ("add", (own.add(a.0, b.0), tape.add(a.1, b.1).expect("one number")))
                } else {
                    (
                        "multiply",
                        (own.multiply(a.0, b.0), tape.multiply(a.1, b.1).expect("one number")),
                    )
                };
                let new = own.values.len() == node.0 + 1;
                assert!(new, "{TASK}\n    {name}: append a node and return its place\n");
                let near = (own.values[node.0] - tape.value(node.1)[0]).abs() < 1e-9;
                assert!(near, "{TASK}\n    {name}: another value than the library's\n");
                nodes.push(node);
            }
            let (y, expected) = nodes[nodes.len() - 1];
            tape.backward(expected);
            let gradients = own.gradients(y);
            assert_eq!(gradients.len(), own.values.len(), "{TASK}\n    gradients: one a node\n");
            for (own_node, node) in nodes {
                let (found, expected) = (gradients[own_node], tape.gradient(node)[0]);
                let near = (found - expected).abs() <= 1e-9 * expected.abs().max(1.0);
                let words = "another derivative than the library's";
                assert!(near, "{TASK}\n    node {own_node} of computation {seed}: {words}\n");
            }
        }
    }

    /// σ(w₀·x₀ + w₁·x₁ + … + b), where b is the last of the weights.
    fn unit(tape: &mut OwnTape, weights: &[usize], x: &[usize]) -> usize {
        let mut z = weights[x.len()];
        for (&w, &x) in weights.iter().zip(x) {
            let product = tape.multiply(w, x);
            z = tape.add(z, product);
        }
        let h = sigmoid(tape.values[z]);
        tape.push(h, &[(z, h * (1.0 - h))])
    }

    /// Three hidden units and one output on a tape: the nodes of the weights and of the output.
    fn network(tape: &mut OwnTape, weights: &[f64; 13], sample: &Sample) -> ([usize; 13], usize) {
        let w = weights.map(|w| tape.leaf(w));
        let x = sample.x.map(|x| tape.leaf(x));
        let h = [0, 3, 6].map(|k| unit(tape, &w[k..k + 3], &x));
        (w, unit(tape, &w[9..], &h))
    }

    #[test]
    fn the_ellipse_is_learned_on_it() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut weights: [f64; 13] = std::array::from_fn(|_| rng.random_range(-1.0..1.0));
        for sample in points(40_000, 1) {
            let mut tape = OwnTape::default();
            let (w, p) = network(&mut tape, &weights, &sample);
            let error = tape.values[p] - sample.t[1];
            let square = tape.push(error * error, &[(p, 2.0 * error)]);
            let gradients = tape.gradients(square);
            for (weight, node) in weights.iter_mut().zip(w) {
                *weight -= 0.3 * gradients[node];
            }
        }
        let share = points(2_000, 2).share_right(|sample| {
            let mut tape = OwnTape::default();
            let (_, p) = network(&mut tape, &weights, sample);
            usize::from(tape.values[p] > 0.5)
        });
        assert!(share >= 0.9, "{TASK}\n    {:.1} % of the new points are right\n", 100.0 * share);
    }
}
