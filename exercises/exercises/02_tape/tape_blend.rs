//! # A new op
//! ●●○ about 20 minutes
//!
//! A blend moves from one number to another: `y = (1 − t)·a + t·b`, entry by entry, with a fixed
//! number `t`. At `t = 0` it is `a`, at `t = 1` it is `b`. The library has no such op. Write it:
//! its value, and its backward pass. What are its local derivatives?
//!
//! `dx.wanted(0)` returns the gradient of `a` for you to add to, or `None` if it is not needed.

use chainrule::tape::{Gradients, Inputs};
use chainrule::tensor::expect_inputs;
use chainrule::{BrokenRule, Op, Tensor};

/// y = (1 − t)·a + t·b.
struct Blend {
    t: f64,
}

impl Op<f64> for Blend {
    fn name(&self) -> &'static str {
        "blend"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        let [a, b] = expect_inputs(inputs)?;
        if a != b {
            return Err("takes two inputs of one shape".into());
        }
        Ok(a.to_vec())
    }

    fn forward(&mut self, x: Inputs<'_, f64>, y: &mut Tensor<f64>) {
        // TODO: write the two passes of the blend
        let _ = (&x[0], &x[1], self.t);
        y.fill(0.0);
    }

    fn backward(
        &mut self,
        _: Inputs<'_, f64>,
        _: &Tensor<f64>,
        dy: &Tensor<f64>,
        mut dx: Gradients<'_, f64>,
    ) {
        // TODO: add to each gradient
        let _ = (dy, dx.wanted(0));
    }
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use chainrule::Tape;
    use exercises::assert_op;
    use ndarray::arr1;

    const TASK: &str = "write the two passes of the blend";

    #[test]
    fn a_quarter_of_the_way() {
        let mut tape = Tape::<f64>::new();
        let a = tape.parameter(arr1(&[1.0, -2.0, 8.0]));
        let b = tape.parameter(arr1(&[5.0, 2.0, -4.0]));
        let y = tape.push(Blend { t: 0.25 }, &[a, b]).expect("two vectors of one shape");
        let right = tape.value(y).iter().eq(&[2.0, -1.0, 5.0]);
        assert!(right, "{TASK}\n    forward: a quarter of the way from a to b is another value\n");
    }

    #[test]
    fn the_gradients() {
        assert_op(TASK, || Blend { t: 0.25 }, 2);
    }
}
