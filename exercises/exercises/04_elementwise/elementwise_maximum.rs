//! # The larger of two
//! ●●○ about 15 minutes
//!
//! Write `y = max(a, b)` as an op, entry by entry, with its backward pass. Where a is larger, y is a: what are
//! the two slopes there? At `a = b` there is a kink, and the code must choose. The check also uses one
//! node as both inputs. Then every entry is such a kink, although `max(c, c) = c` has the slope 1.
//!
//! `x[0]` and `x[1]` are the two tensors. `for ((y, &a), &b) in y.iter_mut().zip(&x[0]).zip(&x[1])` goes through
//! all three at once.

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
    use chainrule::Tape;
    use chainrule::gradcheck::Gradcheck;
    use ndarray::arr1;

    const TASK: &str = "write both passes of the maximum";

    /// Asks the check about the maximum of a and b, or of a and a.
    #[track_caller]
    fn assert_maximum(a: [f64; 4], b: Option<[f64; 4]>) {
        let mut tape = Tape::<f64>::new();
        let left = tape.parameter(arr1(&a));
        let right = b.map_or(left, |b| tape.parameter(arr1(&b)));
        let y = tape.push(Maximum, &[left, right]).expect("two inputs of one shape");
        for ((y, a), b) in tape.value(y).iter().zip(a).zip(b.unwrap_or(a)) {
            assert!(*y == a.max(b), "{TASK}\n    forward: the maximum of {a} and {b} is not {y}\n");
        }
        let dy = arr1(&[0.7, -1.3, 2.0, 0.4]).into_dyn();
        let found =
            Gradcheck::default().diagnose(&mut tape, y, &dy).expect("dy has the shape of y");
        for (k, found) in found.iter().enumerate() {
            assert!(found.agrees(), "{TASK}\n    input {k}: {found}\n");
        }
    }

    #[test]
    fn two_nodes() {
        assert_maximum([1.5, -2.0, 0.3, -0.4], Some([0.5, 1.0, -0.7, 2.0]));
    }

    #[test]
    fn one_node_as_both() {
        assert_maximum([1.5, -2.0, 0.3, -0.4], None);
    }
}
