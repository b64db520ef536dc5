//! The local derivatives are `1 − t` for `a` and `t` for `b`, at every entry, so `da` gets
//! `(1 − t)·dy` and `db` gets `t·dy`. `scaled_add` adds a multiple of another tensor: with one node
//! as both inputs the two parts add up to `dy`, as they must, since the blend of a number with
//! itself is that number.

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
        for ((y, a), b) in y.iter_mut().zip(&x[0]).zip(&x[1]) {
            *y = (1.0 - self.t) * a + self.t * b;
        }
    }

    fn backward(
        &mut self,
        _: Inputs<'_, f64>,
        _: &Tensor<f64>,
        dy: &Tensor<f64>,
        mut dx: Gradients<'_, f64>,
    ) {
        if let Some(da) = dx.wanted(0) {
            da.scaled_add(1.0 - self.t, dy);
        }
        if let Some(db) = dx.wanted(1) {
            db.scaled_add(self.t, dy);
        }
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
