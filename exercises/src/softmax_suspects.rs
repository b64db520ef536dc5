//! Cross-entropies of logits, one of which has a right backward pass.

use chainrule::softmax::softmax_row;
use chainrule::tape::{Gradients, Inputs};
use chainrule::tensor::{rows, rows_mut};
use chainrule::{BrokenRule, Op, Tensor};

/// The mean cross-entropy of logits `[m, n]` and targets `[m, n]` as an op.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Suspect(Fault);

/// The right one.
pub const RIGHT: Suspect = Suspect(Fault::None);

/// The wrong ones, each with its fault.
pub const FAULTS: [(&str, Suspect); 5] = [
    ("not divided by the number of samples", Suspect(Fault::Sums)),
    ("without dy", Suspect(Fault::ForgetsDy)),
    ("nothing for the other classes", Suspect(Fault::RightClassAlone)),
    ("as if every target added up to 1", Suspect(Fault::AssumesOne)),
    ("`=` in place of `+=`", Suspect(Fault::Assigns)),
];

/// What can be wrong with a cross-entropy.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    Sums,
    ForgetsDy,
    RightClassAlone,
    AssumesOne,
    Assigns,
}

impl Fault {
    /// The gradient of one entry, of a sample's loss: p · Σ t − t, or what the fault makes of it.
    fn entry(self, p: f64, t: f64, total: f64) -> f64 {
        match self {
            Self::AssumesOne => p - t,
            Self::RightClassAlone if t == 0.0 => 0.0,
            _ => p * total - t,
        }
    }
}

impl Op<f64> for Suspect {
    fn name(&self) -> &'static str {
        "cross-entropy"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        match inputs {
            [z, t] if z.len() == 2 && z == t => Ok(Vec::new()),
            _ => Err("logits and targets must be matrices of one shape".into()),
        }
    }

    fn forward(&mut self, x: Inputs<'_, f64>, y: &mut Tensor<f64>) {
        let samples = x[0].shape()[0] as f64;
        let mut sum = 0.0;
        for (z, t) in rows(&x[0]).zip(rows(&x[1])) {
            let (max, log_sum) = chainrule::softmax::log_sum_exp(z);
            sum += z.iter().zip(t).map(|(z, t)| t * (log_sum - (z - max))).sum::<f64>();
        }
        y.fill(sum / samples);
    }

    fn backward(
        &mut self,
        x: Inputs<'_, f64>,
        _: &Tensor<f64>,
        dy: &Tensor<f64>,
        mut dx: Gradients<'_, f64>,
    ) {
        let Some(dz) = dx.wanted(0) else { return };
        let samples = if self.0 == Fault::Sums { 1.0 } else { x[0].shape()[0] as f64 };
        let scale = if self.0 == Fault::ForgetsDy { 1.0 } else { dy.sum() } / samples;
        let mut p = vec![0.0; x[0].shape()[1]];
        for ((dz, z), t) in rows_mut(dz).zip(rows(&x[0])).zip(rows(&x[1])) {
            softmax_row(z, &mut p);
            let total = t.iter().sum();
            for ((dz, &p), &t) in dz.iter_mut().zip(&p).zip(t) {
                let part = scale * self.0.entry(p, t, total);
                *dz = if self.0 == Fault::Assigns { part } else { *dz + part };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chainrule::Tape;
    use chainrule::gradcheck::{Draw, Gradcheck};
    use ndarray::{arr0, arr2};

    /// The largest relative error of loss + Σ z, with a target that excludes classes and one that does not
    /// add up to 1.
    fn error(suspect: Suspect) -> f64 {
        let mut draw = Draw::new(7);
        let mut tape = Tape::<f64>::new();
        let z = tape.parameter(draw.away_from_zero::<f64>(&[2, 3]));
        let t = tape.input(arr2(&[[0.0, 1.0, 0.0], [0.5, 0.2, 0.6]]));
        let loss = tape.push(suspect, &[z, t]).unwrap();
        let sum = tape.sum(z).unwrap();
        let y = tape.add(loss, sum).unwrap();
        Gradcheck::default().run(&mut tape, y, &arr0(0.3).into_dyn()).unwrap().max_relative_error()
    }

    #[test]
    fn the_right_one_alone_is_right() {
        assert!(error(RIGHT) < 1e-7);
        for (fault, suspect) in FAULTS {
            assert!(error(suspect) > 1e-2, "{fault}");
        }
    }
}
