//! # Bends for your tape
//! ●●○ about 25 minutes
//!
//! Your tape of chapter 2 can add and multiply, and so it can compute no more than polynomials. Give it the
//! sigmoid, tanh, ReLU and SELU. Each is one `push`: a value and a local derivative, and each derivative
//! comes from the value. (`λ` and `α` are `SELU_LAMBDA` and `SELU_ALPHA`. A tanh of `800` must be a
//! number, and so must its slope.)

// Your own tape, from chapter 2. Its tests run here as well.
#[path = "../02_tape/tape_own.rs"]
mod tape_own;

use chainrule::activation::{SELU_ALPHA, SELU_LAMBDA};
use tape_own::OwnTape;

impl OwnTape {
    /// 1 / (1 + e^(−z)).
    fn sigmoid(&mut self, z: usize) -> usize {
        // TODO: write sigmoid, tanh, relu and selu for your tape
        z
    }

    /// tanh z.
    fn tanh(&mut self, z: usize) -> usize {
        // TODO: append tanh z, with its slope from the value
        z
    }

    /// max(0, z).
    fn relu(&mut self, z: usize) -> usize {
        // TODO: append max(0, z)
        z
    }

    /// λ·z on the right, λ·α·(e^z − 1) on the left.
    fn selu(&mut self, z: usize) -> usize {
        // TODO: append it, with its slope from the value
        let _ = (SELU_LAMBDA, SELU_ALPHA);
        z
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
