//! With `r = 1/√(q + ε)` and `q = 1/n · Σ x²`, the slope of `r` with respect to `x_j` is `−r³·x_j/n`. So
//! `dx_j = r·dy_j − r³·x_j · 1/n · Σ_l dy_l·x_l`, and since `x·r` is `y`, that is
//! `r·(dy_j − y_j · 1/n · Σ_l dy_l·y_l)`: the projection along the output. The one along the ones is gone with the
//! mean.

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
        for (x, mut y) in x[0].rows().into_iter().zip(y.rows_mut()) {
            y.assign(&(&x * inverse_spread(&x.to_vec())));
        }
    }

    fn backward(
        &mut self,
        x: Inputs<'_, f64>,
        y: &Tensor<f64>,
        dy: &Tensor<f64>,
        mut dx: Gradients<'_, f64>,
    ) {
        let Some(dx) = dx.wanted(0) else { return };
        let rows = x[0].rows().into_iter().zip(y.rows()).zip(dy.rows());
        for (mut dx, ((x, y), dy)) in dx.rows_mut().into_iter().zip(rows) {
            let mean = (&dy * &y).sum() / y.len() as f64;
            dx += &((&dy - &(&y * mean)) * inverse_spread(&x.to_vec()));
        }
    }
}

/// 1/√(1/n · Σ x² + ε).
fn inverse_spread(x: &[f64]) -> f64 {
    let mean_square = x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64;
    (mean_square + EPSILON).sqrt().recip()
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
