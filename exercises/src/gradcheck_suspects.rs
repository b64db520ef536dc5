//! Layers Y = X·W + b, one of which has a right backward pass.

use chainrule::tape::{Gradients, Inputs};
use chainrule::tensor::matrix;
use chainrule::{BrokenRule, Op, Tensor};
use ndarray::{Array2, ArrayView2, Axis};

/// A layer as an op, to be recorded with X `[m, k]`, W `[k, n]` and b `[n]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layer(Fault);

/// The right layer.
pub const RIGHT: Layer = Layer(Fault::None);

/// The wrong ones, each with its fault.
pub const FAULTS: [(&str, Layer); 7] = [
    ("a wrong sign", Layer(Fault::Sign)),
    ("a dropped sum", Layer(Fault::DroppedSum)),
    ("no transpose of X", Layer(Fault::NoTransposeOfX)),
    ("no transpose of W", Layer(Fault::NoTransposeOfW)),
    ("a factor", Layer(Fault::Factor)),
    ("a forgotten dY", Layer(Fault::NoUpstream)),
    ("`=` in place of `+=`", Layer(Fault::Assigns)),
];

/// What can be wrong with a layer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    Sign,
    DroppedSum,
    NoTransposeOfX,
    NoTransposeOfW,
    Factor,
    NoUpstream,
    Assigns,
}

/// The product of `a` and `b`, for a gradient of this shape. Where a missing transpose makes that
/// impossible, the gradient stays zero: a suspect is wrong, and does not panic.
fn product(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>, shape: (usize, usize)) -> Array2<f64> {
    if a.ncols() == b.nrows() && (a.nrows(), b.ncols()) == shape {
        a.dot(&b)
    } else {
        Array2::zeros(shape)
    }
}

impl Op<f64> for Layer {
    fn name(&self) -> &'static str {
        "layer"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        match inputs {
            [[m, k], [rows, n], [columns]] if k == rows && n == columns => Ok(vec![*m, *n]),
            _ => Err("X must be [m, k], W [k, n] and b [n]".into()),
        }
    }

    fn forward(&mut self, x: Inputs<'_, f64>, y: &mut Tensor<f64>) {
        y.assign(&(matrix(&x[0]).dot(&matrix(&x[1])) + &x[2]));
    }

    fn backward(
        &mut self,
        x: Inputs<'_, f64>,
        _: &Tensor<f64>,
        dy: &Tensor<f64>,
        mut dx: Gradients<'_, f64>,
    ) {
        let Self(fault) = *self;
        let ones = Tensor::ones(dy.raw_dim());
        let dy = matrix(if fault == Fault::NoUpstream { &ones } else { dy });
        let (x, w) = (matrix(&x[0]), matrix(&x[1]));
        let left = if fault == Fault::NoTransposeOfX { x } else { x.reversed_axes() };
        let right = if fault == Fault::NoTransposeOfW { w } else { w.reversed_axes() };
        let rows =
            if fault == Fault::DroppedSum { dy.row(0).to_owned() } else { dy.sum_axis(Axis(0)) };
        let factor = match fault {
            Fault::Sign => -1.0,
            Fault::Factor => 3.0,
            _ => 1.0,
        };
        let parts = [
            product(dy, right, (dy.nrows(), x.ncols())).into_dyn(),
            product(left, dy, (w.nrows(), w.ncols())).into_dyn(),
            (rows * factor).into_dyn(),
        ];
        for (k, part) in parts.into_iter().enumerate() {
            match dx.wanted(k) {
                Some(dx) if fault == Fault::Assigns => dx.assign(&part),
                Some(dx) => *dx += &part,
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chainrule::Tape;
    use chainrule::gradcheck::{Draw, Gradcheck};

    /// The largest relative error, with X of this shape and two columns in W, or W as X.
    fn error(layer: Layer, shape: [usize; 2], shared: bool) -> f64 {
        let mut draw = Draw::new(7);
        let mut tape = Tape::<f64>::new();
        let columns = if shared { shape[1] } else { 2 };
        let x = tape.parameter(draw.away_from_zero::<f64>(&shape));
        let w = tape.parameter(draw.away_from_zero::<f64>(&[shape[1], columns]));
        let b = tape.parameter(draw.away_from_zero::<f64>(&[columns]));
        let y = tape.push(layer, &[x, if shared { x } else { w }, b]).unwrap();
        let dy = draw.away_from_zero(tape.value(y).shape());
        Gradcheck::default().run(&mut tape, y, &dy).unwrap().max_relative_error()
    }

    #[test]
    fn the_right_one_is_right() {
        assert!(error(RIGHT, [4, 3], false) < 1e-7);
        assert!(error(RIGHT, [3, 3], true) < 1e-7);
    }

    #[test]
    fn the_others_are_wrong() {
        for (fault, layer) in FAULTS {
            assert!(error(layer, [3, 3], true) > 1e-2, "{fault}");
            // No shape makes a suspect panic.
            let alone = error(layer, [4, 3], false);
            assert_eq!(alone > 1e-2, fault != "`=` in place of `+=`", "{fault}");
        }
    }
}
