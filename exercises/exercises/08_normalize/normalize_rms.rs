//! # Half a layer norm
//! ●●○ about 20 minutes
//!
//! Large language models mostly leave the mean alone, and divide each row by its root mean square:
//! `y_j = x_j / √(1/n · Σ_l x_l² + ε)`. It is called *RMSNorm*. Derive its backward pass (which of the two
//! terms that batch norm subtracts is left?), and write both passes. `x[0].rows()` iterates over the rows, and `dx.wanted(0)` is the
//! tensor to which the backward pass adds, if it is wanted.

use chainrule::tape::{Gradients, Inputs};
use chainrule::{BrokenRule, Op, Tensor};

/// Keeps a row of zeros finite.
const EPSILON: f64 = 1e-5;

/// y_j = x_j / √(1/n · Σ_l x_l² + ε), for each row.
struct RmsNorm;

impl Op<f64> for RmsNorm {
    fn name(&self) -> &'static str {
        "rms norm"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        Ok(inputs[0].to_vec())
    }

    fn forward(&mut self, x: Inputs<'_, f64>, y: &mut Tensor<f64>) {
        // TODO: write both passes of RMSNorm
        let _ = (x, EPSILON);
        y.fill(0.0);
    }

    fn backward(
        &mut self,
        x: Inputs<'_, f64>,
        y: &Tensor<f64>,
        dy: &Tensor<f64>,
        mut dx: Gradients<'_, f64>,
    ) {
        // TODO: add to dx
        let _ = (&x[0], y, dy, dx.wanted(0));
    }
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use chainrule::Tape;
    use exercises::assert_op;
    use ndarray::arr2;

    const TASK: &str = "write both passes of RMSNorm";

    #[test]
    fn both_passes_match() {
        assert_op(TASK, || RmsNorm, 1);
    }

    #[test]
    fn each_row_has_the_mean_square_1() {
        let mut tape = Tape::<f64>::new();
        let x = tape.parameter(arr2(&[[1.0, 7.0], [-300.0, 400.0], [0.0, 0.0]]));
        let y = tape.push(RmsNorm, &[x]).expect("any shape is taken");
        let found: Vec<f64> = tape.value(y).iter().copied().collect();
        let root = 2.0_f64.sqrt();
        let near = |(&y, expected): (&f64, f64)| (y - expected).abs() < 1e-5;
        let right = found.iter().zip([0.2, 1.4, -0.6 * root, 0.8 * root, 0.0, 0.0]).all(near);
        assert!(right, "{TASK}\n    forward: {found:?} from [1, 7], [-300, 400] and [0, 0]\n");
    }
}
