//! # The larger of two
//! ●●○ about 15 minutes
//!
//! Write `y = max(a, b)` as an op, entry by entry, with its backward pass. Where a is larger, y is a: what are
//! the two slopes there? At `a = b` there is a kink, and the code must choose. The check uses one node as both
//! inputs as well, where every entry is such a kink, and yet `max(c, c) = c` has a slope that nobody doubts.

use chainrule::tape::{Gradients, Inputs};
use chainrule::{BrokenRule, Op, Tensor};

/// y = max(a, b), entry by entry.
struct Maximum;

impl Op<f64> for Maximum {
    fn name(&self) -> &'static str {
        "maximum"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        match inputs {
            [a, b] if a == b => Ok(a.to_vec()),
            _ => Err("takes two inputs of one shape".into()),
        }
    }

    fn forward(&mut self, x: Inputs<'_, f64>, y: &mut Tensor<f64>) {
        // TODO: write both passes of the maximum
        let _ = (&x[0], &x[1], y);
    }

    fn backward(
        &mut self,
        x: Inputs<'_, f64>,
        _: &Tensor<f64>,
        dy: &Tensor<f64>,
        mut dx: Gradients<'_, f64>,
    ) {
        // TODO: add to each gradient what is its own
        let _ = (&x[0], &x[1], dy, dx.wanted(0));
    }
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use exercises::assert_op;

    #[test]
    fn the_maximum() {
        assert_op("write both passes of the maximum", || Maximum, 2);
    }
}
