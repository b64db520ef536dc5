//! ReLUs, one of which has a right backward pass.

use chainrule::tape::{Gradients, Inputs};
use chainrule::{BrokenRule, Op, Tensor};

/// A ReLU as an op, to be recorded with one input of any shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Suspect(Fault);

/// The right one.
pub const RIGHT: Suspect = Suspect(Fault::None);

/// The wrong ones, each with its fault.
pub const FAULTS: [(&str, Suspect); 5] = [
    ("dy > 0 in place of x > 0", Suspect(Fault::LooksAtDy)),
    ("everything is passed on", Suspect(Fault::PassesAll)),
    ("left and right exchanged", Suspect(Fault::Exchanged)),
    ("x in place of the slope", Suspect(Fault::Value)),
    ("`=` in place of `+=`", Suspect(Fault::Assigns)),
];

/// What can be wrong with a ReLU.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    LooksAtDy,
    PassesAll,
    Exchanged,
    Value,
    Assigns,
}

impl Op<f64> for Suspect {
    fn name(&self) -> &'static str {
        "relu"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        match inputs {
            [shape] => Ok(shape.to_vec()),
            _ => Err("a ReLU has one input".into()),
        }
    }

    fn forward(&mut self, x: Inputs<'_, f64>, y: &mut Tensor<f64>) {
        y.zip_mut_with(&x[0], |y, &x| *y = x.max(0.0));
    }

    fn backward(
        &mut self,
        x: Inputs<'_, f64>,
        _: &Tensor<f64>,
        dy: &Tensor<f64>,
        mut dx: Gradients<'_, f64>,
    ) {
        let step = |passes: bool| if passes { 1.0 } else { 0.0 };
        let slopes = match self.0 {
            Fault::None | Fault::Assigns => x[0].mapv(|x| step(x > 0.0)),
            Fault::LooksAtDy => dy.mapv(|dy| step(dy > 0.0)),
            Fault::PassesAll => dy.mapv(|_| 1.0),
            Fault::Exchanged => x[0].mapv(|x| step(x <= 0.0)),
            Fault::Value => x[0].mapv(|x| x.max(0.0)),
        };
        match dx.wanted(0) {
            Some(dx) if self.0 == Fault::Assigns => dx.assign(&(dy * &slopes)),
            Some(dx) => *dx += &(dy * &slopes),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chainrule::Tape;
    use chainrule::gradcheck::{Draw, Gradcheck};

    /// The largest relative error of relu(x) + x.
    fn error(suspect: Suspect) -> f64 {
        let mut draw = Draw::new(7);
        let mut tape = Tape::<f64>::new();
        let x = tape.parameter(draw.away_from_zero::<f64>(&[3, 4]));
        let bent = tape.push(suspect, &[x]).unwrap();
        let y = tape.add(bent, x).unwrap();
        let dy = draw.away_from_zero(&[3, 4]);
        Gradcheck::default().run(&mut tape, y, &dy).unwrap().max_relative_error()
    }

    #[test]
    fn the_right_one_alone_is_right() {
        assert!(error(RIGHT) < 1e-7);
        for (fault, suspect) in FAULTS {
            assert!(error(suspect) > 1e-2, "{fault}");
        }
    }
}
