//! Ops that divide each column by its spread, one of which has a right backward pass.

use chainrule::tape::{Gradients, Inputs};
use chainrule::{BrokenRule, Op, Tensor};
use ndarray::Axis;

/// y_ij = x_ij / r_j as an op, where r_j is the root mean square of column j. Shapes: `[m, n]` both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Divide(Fault);

/// The right op.
pub const RIGHT: Divide = Divide(Fault::None);

/// The wrong ones, each with its fault.
pub const FAULTS: [(&str, Divide); 4] = [
    ("the spread taken for a constant", Divide(Fault::Constant)),
    ("a wrong sign at the denominator", Divide(Fault::Sign)),
    ("a dropped sum over the rows", Divide(Fault::DroppedSum)),
    ("a mean that was not divided by m", Divide(Fault::Undivided)),
];

/// What can be wrong with the way through the spread.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    Constant,
    Sign,
    DroppedSum,
    Undivided,
}

/// The root mean square of each column.
fn spread(x: &Tensor<f64>) -> Tensor<f64> {
    (x * x).sum_axis(Axis(0)).mapv(|sum| (sum / x.len_of(Axis(0)) as f64).sqrt())
}

impl Op<f64> for Divide {
    fn name(&self) -> &'static str {
        "divide_by_spread"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        match inputs {
            [x] if x.len() == 2 => Ok(x.to_vec()),
            _ => Err("takes one matrix".into()),
        }
    }

    fn forward(&mut self, x: Inputs<'_, f64>, y: &mut Tensor<f64>) {
        y.assign(&(&x[0] / &spread(&x[0])));
    }

    fn backward(
        &mut self,
        x: Inputs<'_, f64>,
        y: &Tensor<f64>,
        dy: &Tensor<f64>,
        mut dx: Gradients<'_, f64>,
    ) {
        let (r, m, products) = (spread(&x[0]), y.len_of(Axis(0)) as f64, dy * y);
        let mean = match self.0 {
            Fault::None => products.sum_axis(Axis(0)) / m,
            Fault::Constant => products.sum_axis(Axis(0)) * 0.0,
            Fault::Sign => products.sum_axis(Axis(0)) / -m,
            Fault::DroppedSum => products.index_axis(Axis(0), 0).to_owned() / m,
            Fault::Undivided => products.sum_axis(Axis(0)),
        };
        if let Some(dx) = dx.wanted(0) {
            *dx += &((dy - &(y * &mean)) / &r);
        }
    }
}
