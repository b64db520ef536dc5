//! # A unit that cannot die
//! ●●○ about 15 minutes
//!
//! A *leaky* ReLU has a small slope on the left: `y = x` for `x > 0`, and `y = x/100` elsewhere. Its units
//! get a gradient wherever they stand. Write both passes. `dx.wanted(0)` is the tensor to which the
//! backward pass adds, if it is wanted.

use chainrule::tape::{Gradients, Inputs};
use chainrule::{BrokenRule, Op, Tensor};

/// y = x where x > 0, and x/100 elsewhere.
struct LeakyRelu;

impl Op<f64> for LeakyRelu {
    fn name(&self) -> &'static str {
        "leaky relu"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        Ok(inputs[0].to_vec())
    }

    fn forward(&mut self, x: Inputs<'_, f64>, y: &mut Tensor<f64>) {
        // TODO: write both passes of the leaky ReLU
        let _ = x;
        y.fill(0.0);
    }

    fn backward(
        &mut self,
        x: Inputs<'_, f64>,
        _: &Tensor<f64>,
        dy: &Tensor<f64>,
        mut dx: Gradients<'_, f64>,
    ) {
        // TODO: add to dx
        let _ = (&x[0], dy, dx.wanted(0));
    }
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use chainrule::Tape;
    use exercises::assert_op;
    use ndarray::arr1;

    const TASK: &str = "write both passes of the leaky ReLU";

    #[test]
    fn both_passes_match() {
        assert_op(TASK, || LeakyRelu, 1);
    }

    #[test]
    fn it_is_the_leaky_one() {
        let mut tape = Tape::<f64>::new();
        let x = tape.parameter(arr1(&[-3.0, -0.2, 0.5, 4.0]));
        let y = tape.push(LeakyRelu, &[x]).expect("any shape is taken");
        let found = tape.value(y).as_slice().expect("one row");
        let near = |(&y, expected): (&f64, f64)| (y - expected).abs() < 1e-12;
        let right = found.iter().zip([-0.03, -0.002, 0.5, 4.0]).all(near);
        assert!(right, "{TASK}\n    forward: {found:?} from [-3, -0.2, 0.5, 4]\n");
    }
}
