//! Each bend is a value and a slope that follows from it. At zero, ReLU takes the slope 0, and SELU that of
//! its left side, as in the book. `f64::tanh` is 1 at 800, where
//! `(e^800 − e^−800)/(e^800 + e^−800)` is infinity by infinity, which is no number.

// Your own tape, from chapter 2. Its tests run here as well.
#[path = "../02_tape/tape_own.rs"]
mod tape_own;

use chainrule::activation::{SELU_ALPHA, SELU_LAMBDA, sigmoid};
use tape_own::OwnTape;

impl OwnTape {
    /// 1 / (1 + e^(−z)).
    fn sigmoid(&mut self, z: usize) -> usize {
        let y = sigmoid(self.values[z]);
        self.push(y, &[(z, y * (1.0 - y))])
    }

    /// tanh z.
    fn tanh(&mut self, z: usize) -> usize {
        let y = self.values[z].tanh();
        self.push(y, &[(z, 1.0 - y * y)])
    }

    /// max(0, z).
    fn relu(&mut self, z: usize) -> usize {
        let y = self.values[z].max(0.0);
        self.push(y, &[(z, if y > 0.0 { 1.0 } else { 0.0 })])
    }

    /// λ·z on the right, λ·α·(e^z − 1) on the left.
    fn selu(&mut self, z: usize) -> usize {
        let x = self.values[z];
        if x > 0.0 {
            return self.push(SELU_LAMBDA * x, &[(z, SELU_LAMBDA)]);
        }
        let y = SELU_LAMBDA * SELU_ALPHA * x.exp_m1();
        self.push(y, &[(z, y + SELU_LAMBDA * SELU_ALPHA)])
    }
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use chainrule::activation::Activation;
    use exercises::assert_gradient;

    const TASK: &str = "write sigmoid, tanh, relu and selu for your tape";

    type Bend = fn(&mut OwnTape, usize) -> usize;

    /// The value of a bend at z, and the derivative that the tape finds.
    fn run(bend: Bend, z: f64) -> (f64, f64) {
        let mut tape = OwnTape::default();
        let leaf = tape.leaf(z);
        let y = bend(&mut tape, leaf);
        (tape.values[y], tape.gradients(y)[leaf])
    }

    #[test]
    fn values_and_slopes() {
        let bends: [(Activation, Bend); 4] = [
            (Activation::Sigmoid, OwnTape::sigmoid),
            (Activation::Tanh, OwnTape::tanh),
            (Activation::Relu, OwnTape::relu),
            (Activation::Selu, OwnTape::selu),
        ];
        for (activation, bend) in bends {
            for z in [-800.0, -2.0, -0.3, 0.0, 0.4, 3.0, 800.0] {
                let (y, slope) = run(bend, z);
                let near = (y - activation.value(z)).abs() < 1e-12;
                assert!(near, "{TASK}\n    {activation} of {z}: its value is not {y}\n");
                let near = (slope - activation.derivative(z)).abs() < 1e-12;
                assert!(near, "{TASK}\n    {activation} of {z}: its slope is not {slope}\n");
            }
            let f = move |z: &[f64]| activation.value(z[0]);
            let places: &[&[f64]] = &[&[-2.0], &[-0.3], &[0.4], &[1.1]];
            let task = format!("{TASK}\n    {activation}:");
            assert_gradient(&task, f, move |z| vec![run(bend, z[0]).1], places);
        }
    }
}
