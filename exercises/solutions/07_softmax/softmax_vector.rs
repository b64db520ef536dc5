//! `ln p_j = z_j − ln s`, so `∂(ln p_j)/∂z_l = δ_jl − p_l`, and `dz_l = dy_l − p_l·Σ_j dy_j`. The probabilities are
//! `exp(y)`: the forward pass has stored their logarithms.

use chainrule::tape::{Gradients, Inputs};
use chainrule::{BrokenRule, Op, Tensor};

/// ln p, with p the softmax of a row.
struct LogSoftmax;

impl Op<f64> for LogSoftmax {
    fn name(&self) -> &'static str {
        "log softmax"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        match inputs {
            [[n]] if *n > 0 => Ok(vec![*n]),
            _ => Err("a log softmax has one row as its input".into()),
        }
    }

    fn forward(&mut self, x: Inputs<'_, f64>, y: &mut Tensor<f64>) {
        let largest = x[0].iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = x[0].iter().map(|z| (z - largest).exp()).sum();
        y.zip_mut_with(&x[0], |y, &z| *y = (z - largest) - sum.ln());
    }

    fn backward(
        &mut self,
        x: Inputs<'_, f64>,
        y: &Tensor<f64>,
        dy: &Tensor<f64>,
        mut dx: Gradients<'_, f64>,
    ) {
        let _ = x;
        if let Some(dx) = dx.wanted(0) {
            let part = dy - &(y.mapv(f64::exp) * dy.sum());
            *dx += &part;
        }
    }
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use chainrule::Tape;
    use chainrule::gradcheck::{Draw, Gradcheck};
    use ndarray::arr1;

    const TASK: &str = "write both passes of log-softmax";

    #[test]
    fn it_is_log_softmax() {
        let mut tape = Tape::<f64>::new();
        let x = tape.input(arr1(&[1000.0, 999.0, -3.0]));
        let written = tape.push(LogSoftmax, &[x]).expect("one row");
        let expected = tape.log_softmax(x).expect("one row");
        let difference = tape.value(written) - tape.value(expected);
        let right = difference.iter().all(|difference| difference.abs() < 1e-9);
        assert!(right, "{TASK}\n    forward: {} from [1000, 999, -3]\n", tape.value(written));
    }

    #[test]
    fn both_passes_match() {
        let mut draw = Draw::new(7);
        let mut tape = Tape::<f64>::new();
        let x = tape.parameter(draw.away_from_zero::<f64>(&[5]));
        let y = tape.push(LogSoftmax, &[x]).expect("one row");
        let dy = draw.away_from_zero(&[5]);
        let report = Gradcheck::default().run(&mut tape, y, &dy).expect("the shapes fit");
        let error = report.max_relative_error();
        assert!(error < 1e-7, "{TASK}\n    backward: the largest relative error is {error:.1e}\n");
    }
}
