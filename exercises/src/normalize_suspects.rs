//! Norms of the columns of a batch, one of which is right.

use chainrule::tape::{Gradients, Inputs};
use chainrule::{BrokenRule, Op, Tensor};
use ndarray::Axis;

/// A norm as an op, to be recorded with one input of shape `[batch, features]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Suspect(Fault);

/// The right one.
pub const RIGHT: Suspect = Suspect(Fault::None);

/// The wrong ones, each with its fault.
pub const FAULTS: [(&str, Suspect); 6] = [
    ("the mean is taken for a constant", Suspect(Fault::MeanIsConstant)),
    ("the variance is taken for a constant", Suspect(Fault::VarianceIsConstant)),
    ("both are taken for constants", Suspect(Fault::BothAreConstant)),
    ("rows are normalized, and not columns", Suspect(Fault::Rows)),
    ("divided by the variance", Suspect(Fault::ByVariance)),
    ("`=` in place of `+=`", Suspect(Fault::Assigns)),
];

/// What can be wrong with a norm.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    MeanIsConstant,
    VarianceIsConstant,
    BothAreConstant,
    Rows,
    ByVariance,
    Assigns,
}

impl Suspect {
    /// The axis along which numbers are normalized together.
    fn axis(self) -> Axis {
        if self.0 == Fault::Rows { Axis(1) } else { Axis(0) }
    }

    /// The mean along the axis, of length 1 there.
    fn mean(self, x: &Tensor<f64>) -> Tensor<f64> {
        x.mean_axis(self.axis()).expect("it is not empty").insert_axis(self.axis())
    }

    /// c = x − μ, and v.
    fn moments(self, x: &Tensor<f64>) -> [Tensor<f64>; 2] {
        let c = x - &self.mean(x);
        let variance = self.mean(&(&c * &c));
        [c, variance]
    }

    /// v^(−1/2), or v^(−1) where it divides by the variance.
    fn factor(self, variance: &Tensor<f64>) -> Tensor<f64> {
        let power = if self.0 == Fault::ByVariance { -1.0 } else { -0.5 };
        variance.mapv(|variance| variance.powf(power))
    }
}

impl Op<f64> for Suspect {
    fn name(&self) -> &'static str {
        "norm"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        match inputs {
            [shape @ [_, _]] => Ok(shape.to_vec()),
            _ => Err("a norm has one input, of shape [batch, features]".into()),
        }
    }

    fn forward(&mut self, x: Inputs<'_, f64>, y: &mut Tensor<f64>) {
        let [c, variance] = self.moments(&x[0]);
        y.assign(&(c * self.factor(&variance)));
    }

    fn backward(
        &mut self,
        x: Inputs<'_, f64>,
        _: &Tensor<f64>,
        dy: &Tensor<f64>,
        mut dx: Gradients<'_, f64>,
    ) {
        let [c, variance] = self.moments(&x[0]);
        let of_mean = self.mean(dy);
        let twice_power = if self.0 == Fault::ByVariance { 2.0 } else { 1.0 };
        let of_variance = twice_power * &c / &variance * self.mean(&(dy * &c));
        let mut gradient = dy.clone();
        if !matches!(self.0, Fault::MeanIsConstant | Fault::BothAreConstant) {
            gradient -= &of_mean;
        }
        if !matches!(self.0, Fault::VarianceIsConstant | Fault::BothAreConstant) {
            gradient -= &of_variance;
        }
        gradient *= &self.factor(&variance);
        match dx.wanted(0) {
            Some(dx) if self.0 == Fault::Assigns => dx.assign(&gradient),
            Some(dx) => *dx += &gradient,
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chainrule::Tape;
    use chainrule::gradcheck::{Draw, Gradcheck};

    /// The largest relative error of norm(x) + x, and how far a column's mean square is from 1.
    fn errors(suspect: Suspect) -> [f64; 2] {
        let mut draw = Draw::new(7);
        let mut tape = Tape::<f64>::new();
        let x = tape.parameter(draw.away_from_zero::<f64>(&[5, 3]));
        let normalized = tape.push(suspect, &[x]).unwrap();
        let y = tape.add(normalized, x).unwrap();
        let dy = draw.away_from_zero(&[5, 3]);
        let gradient = Gradcheck::default().run(&mut tape, y, &dy).unwrap().max_relative_error();
        let squares = tape.value(normalized).mapv(|y| y * y).mean_axis(Axis(0)).unwrap();
        [gradient, squares.iter().map(|square| (square - 1.0).abs()).fold(0.0, f64::max)]
    }

    #[test]
    fn the_right_one_alone_is_right() {
        let [gradient, square] = errors(RIGHT);
        assert!(gradient < 1e-6 && square < 1e-12, "{gradient}, {square}");
        for (fault, suspect) in FAULTS {
            let [gradient, square] = errors(suspect);
            assert!(gradient > 1e-2 || square > 1e-2, "{fault}: {gradient}, {square}");
        }
    }

    #[test]
    fn two_have_a_right_gradient_of_another_function() {
        for fault in [Fault::Rows, Fault::ByVariance] {
            let [gradient, square] = errors(Suspect(fault));
            assert!(gradient < 1e-6 && square > 1e-2, "{fault:?}: {gradient}, {square}");
        }
    }
}
