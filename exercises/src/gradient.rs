//! Gradients and ops, judged by the book's gradient check.

use crate::{Line, pronounce};
use chainrule::gradcheck::{Diagnosis, Draw, Gradcheck};
use chainrule::tape::{Gradients, Inputs};
use chainrule::{BrokenRule, Op, Tape, Tensor};
use ndarray::arr1;

/// A function of several numbers, with the gradient that was written for it.
struct Written<F, G> {
    f: F,
    gradient: G,
}

impl<F, G> Op<f64> for Written<F, G>
where
    F: Fn(&[f64]) -> f64 + Send + Sync,
    G: Fn(&[f64]) -> Vec<f64> + Send + Sync,
{
    fn name(&self) -> &'static str {
        "written"
    }

    fn shape(&self, _: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        Ok(Vec::new())
    }

    fn forward(&mut self, x: Inputs<'_, f64>, y: &mut Tensor<f64>) {
        y.fill((self.f)(&x[0].iter().copied().collect::<Vec<_>>()));
    }

    fn backward(
        &mut self,
        x: Inputs<'_, f64>,
        _: &Tensor<f64>,
        dy: &Tensor<f64>,
        mut dx: Gradients<'_, f64>,
    ) {
        let gradient = (self.gradient)(&x[0].iter().copied().collect::<Vec<_>>());
        if let Some(dx) = dx.wanted(0) {
            for (dx, entry) in dx.iter_mut().zip(gradient) {
                *dx += dy.sum() * entry;
            }
        }
    }
}

/// Compares `gradient`, a function of several numbers, with central differences of `f` at each of
/// these places.
///
/// # Panics
/// Where one entry is not right: with `task` and a diagnosis of each place.
#[track_caller]
pub fn assert_gradient(
    task: &str,
    f: impl Fn(&[f64]) -> f64 + Send + Sync + Clone + 'static,
    gradient: impl Fn(&[f64]) -> Vec<f64> + Send + Sync + Clone + 'static,
    places: &[&[f64]],
) {
    let judge = |place: &&[f64]| {
        let of = if place.len() <= 5 {
            format!("at {place:?}")
        } else {
            format!("for all {} numbers", place.len())
        };
        let written = gradient(place);
        let fault = |words: String| Line { of: of.clone(), right: false, words };
        if written.len() != place.len() {
            let (found, expected) = (written.len(), place.len());
            return fault(format!("{found} numbers, where there should be {expected}"));
        }
        if written.iter().all(|entry| entry.is_nan()) {
            return fault("still empty".into());
        }
        let mut tape = Tape::<f64>::new();
        let x = tape.parameter(arr1(place));
        let op = Written { f: f.clone(), gradient: gradient.clone() };
        let y = tape.push(op, &[x]).expect("any shape is taken");
        let dy = Tensor::from_elem(vec![], 1.0);
        let found = Gradcheck::default().diagnose(&mut tape, y, &dy).expect("one number");
        Line::new(&of, &found[0])
    };
    let lines: Vec<Line> = places.iter().map(judge).collect();
    pronounce(task, &lines);
}

/// Checks the backward pass of `op`, which takes `inputs` inputs of one shape: with a node for
/// each, and with one node as all of them.
///
/// # Panics
/// Where it is not right: with `task` and a diagnosis of each input.
#[track_caller]
pub fn assert_op<O: Op<f64> + 'static>(task: &str, op: impl Fn() -> O, inputs: usize) {
    let mut draw = Draw::new(41);
    let mut judge = |nodes: usize| {
        let mut tape = Tape::<f64>::new();
        let leaves: Vec<_> =
            (0..nodes).map(|_| tape.parameter(draw.away_from_zero::<f64>(&[2, 3]))).collect();
        let vars: Vec<_> = (0..inputs).map(|k| leaves[k % nodes]).collect();
        let y = match tape.push(op(), &vars) {
            Ok(y) => y,
            Err(error) => panic!("{task}\n    {error}\n"),
        };
        if tape.value(y).iter().all(|&entry| entry == 0.0) {
            panic!("{task}\n    forward: still empty, every entry of its value is zero\n");
        }
        let dy = draw.away_from_zero(tape.value(y).shape());
        Gradcheck::default().diagnose(&mut tape, y, &dy).expect("dy has the shape of y")
    };
    let each = judge(inputs);
    let line = |of: String, found: &Diagnosis| {
        // Where all is zero, any factor would be right.
        Line { right: *found == Diagnosis::Right, ..Line::new(of, found) }
    };
    let mut lines: Vec<Line> =
        each.iter().enumerate().map(|(k, found)| line(format!("input {k}"), found)).collect();
    let mut shared = line("one node as all inputs".into(), &judge(1)[0]);
    if lines.iter().all(|line| line.right) && !shared.right {
        shared.words = "wrong, though each input alone is right: add to dx, never assign".into();
    }
    lines.push(shared);
    pronounce(task, &lines);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// a · b, with a backward pass that is right, has a lost sign, or assigns; or nothing at all.
    #[derive(Clone, Copy)]
    enum Multiply {
        Right,
        Nothing,
        Sign,
        Assigns,
    }

    impl Op<f64> for Multiply {
        fn name(&self) -> &'static str {
            "multiply"
        }

        fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
            Ok(inputs[0].to_vec())
        }

        fn forward(&mut self, x: Inputs<'_, f64>, y: &mut Tensor<f64>) {
            match self {
                Self::Nothing => y.fill(0.0),
                _ => y.assign(&(&x[0] * &x[1])),
            }
        }

        fn backward(
            &mut self,
            x: Inputs<'_, f64>,
            _: &Tensor<f64>,
            dy: &Tensor<f64>,
            mut dx: Gradients<'_, f64>,
        ) {
            let sign = if matches!(self, Self::Sign) { -1.0 } else { 1.0 };
            for (k, other) in [(0, 1), (1, 0)] {
                let part = dy * &x[other] * if k == 1 { sign } else { 1.0 };
                let dx = dx.wanted(k).unwrap();
                match self {
                    Self::Nothing => {}
                    Self::Assigns => dx.assign(&part),
                    _ => *dx += &part,
                }
            }
        }
    }

    #[test]
    fn a_right_op_passes() {
        assert_op("multiply", || Multiply::Right, 2);
    }

    #[test]
    #[should_panic(expected = "input 1: every entry is off by a factor -1: a sign")]
    fn a_sign_is_told_with_its_input() {
        assert_op("multiply", || Multiply::Sign, 2);
    }

    #[test]
    #[should_panic(expected = "forward: still empty, every entry of its value is zero")]
    fn an_op_that_is_not_written_yet_is_not_right() {
        assert_op("multiply", || Multiply::Nothing, 2);
    }

    #[test]
    #[should_panic(expected = "add to dx, never assign")]
    fn an_assignment_is_told() {
        assert_op("multiply", || Multiply::Assigns, 2);
    }

    #[test]
    #[should_panic(expected = "write it\n    at [0.5, 2.0]: 1 numbers, where there should be 2")]
    fn a_gradient_of_another_length_is_told() {
        assert_gradient("write it", |x| x[0] * x[1], |x| vec![x[1]], &[&[0.5, 2.0]]);
    }

    #[test]
    #[should_panic(expected = "write it\n    at [0.5, 2.0]: still empty")]
    fn an_empty_gradient_is_told() {
        assert_gradient("write it", |x| x[0] * x[1], |_| vec![f64::NAN; 2], &[&[0.5, 2.0]]);
    }

    #[test]
    fn a_right_gradient_passes() {
        assert_gradient("write it", |x| x[0] * x[1], |x| vec![x[1], x[0]], &[&[0.5, 2.0]]);
    }
}
