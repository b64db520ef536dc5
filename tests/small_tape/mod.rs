//! A tape for single numbers.

/// The steps of a computation, in their
/// order. A node is its place in the lists.
#[derive(Default)]
pub struct SmallTape {
    pub values: Vec<f64>,
    /// Of each node: its inputs, and the
    /// local derivative in each of them.
    pub inputs: Vec<Vec<(usize, f64)>>,
}

impl SmallTape {
    pub fn push(&mut self, value: f64, inputs: &[(usize, f64)]) -> usize {
        self.values.push(value);
        self.inputs.push(inputs.to_vec());
        self.values.len() - 1
    }

    pub fn leaf(&mut self, value: f64) -> usize {
        self.push(value, &[])
    }

    pub fn add(&mut self, a: usize, b: usize) -> usize {
        self.push(self.values[a] + self.values[b], &[(a, 1.0), (b, 1.0)])
    }

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
