//! What a wrong gradient says of its fault, in words. Chapter 3.
//!
//! Let a be the gradient of a parameter by the backward pass, and n the one by central differences.
//! Some faults leave their mark in the two alone: a = c·n in every entry is a wrong factor, a = nᵀ a
//! transpose. Others are found by a question to the backward pass, which is linear in `dy`:
//!
//! ```text
//! a(2·dy) = a(dy)         the gradient of the output is not a factor
//! a(dy, but for one row, set to zero) = a(dy)        the sum over the rows is missing
//! ```

use super::Gradcheck;
use crate::tape::{Tape, Var};
use crate::tensor::{ShapeError, Tensor};
use ndarray::{Axis, Dimension, Ix2};
use std::fmt;

/// Two derivatives whose relative error is at most this are called the same: the limit of a
/// [`Case`](super::Case) that has a kink.
const SAME: f64 = 1e-6;

/// What is wrong with the gradient of one input, as far as its numbers tell.
///
/// Inputs are the parameters of the tape, counted from 0. The words name no derivative: an exercise
/// can show them and give no answer away.
#[derive(Clone, Debug, PartialEq)]
pub enum Diagnosis {
    /// Every entry agrees with central differences, and one of them at least is above the floor.
    Right,
    /// Every entry agrees, and all are below the floor: a check that proves nothing.
    Vacuous,
    /// The backward pass left an entry that is no number, or an infinite one.
    NotANumber {
        /// The first such entry.
        index: Vec<usize>,
    },
    /// The forward pass leaves an entry that is no finite number: there is nothing to compare with.
    ForwardNotANumber,
    /// Zero in every entry, where the derivative is not.
    Missing,
    /// Not zero, where the derivative is zero in every entry.
    Superfluous,
    /// Independent of the gradient of the output, which must be a factor of it.
    NoUpstream,
    /// Off by one factor in every entry.
    Factor {
        /// What the gradient is of what it should be.
        factor: f64,
        /// Lengths over which a mean may have been taken.
        lengths: Vec<usize>,
    },
    /// The gradient of another input.
    Exchanged {
        /// That input.
        input: usize,
    },
    /// The transpose of what it should be.
    Transposed,
    /// Fed by one slice of the output alone: the sum over an axis of the output is missing.
    DroppedSum {
        /// That axis.
        axis: usize,
    },
    /// Right but for the values of an input, by which each entry should be multiplied.
    MissingFactor {
        /// That input, or `None` where it is the output.
        input: Option<usize>,
    },
    /// Right but for the values of an input, by which each entry is multiplied and should not be.
    ExtraFactor {
        /// That input, or `None` where it is the output.
        input: Option<usize>,
    },
    /// Wrong in some other way.
    Entries {
        /// How many entries are wrong.
        wrong: usize,
        /// How many there are.
        of: usize,
        /// The first wrong one.
        index: Vec<usize>,
        /// A factor of the wrong ones, where they have one in common that has a known cause.
        factor: Option<f64>,
    },
}

impl Diagnosis {
    /// Whether the gradient agrees with central differences in every entry.
    pub fn agrees(&self) -> bool {
        matches!(self, Self::Right | Self::Vacuous)
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = |input: &Option<usize>| match input {
            Some(input) => format!("input {input}"),
            None => "the output".to_owned(),
        };
        match self {
            Self::Right => write!(f, "right"),
            Self::Vacuous => write!(f, "zero, as it should be, which proves nothing"),
            Self::NotANumber { index } => {
                write!(f, "the backward pass leaves no finite number at {index:?}")
            }
            Self::ForwardNotANumber => write!(f, "the forward pass leaves no finite number"),
            Self::Missing => write!(f, "every entry is zero: nothing was added to this gradient"),
            Self::Superfluous => write!(f, "the entries are not zero: the derivative is"),
            Self::NoUpstream => {
                write!(f, "the same whatever the gradient of the output: dy is not a factor")
            }
            Self::Factor { factor, lengths } => {
                write!(f, "every entry is off by a factor {}", rounded(*factor))?;
                cause(*factor, lengths).map_or(Ok(()), |cause| write!(f, ": {cause}"))
            }
            Self::Exchanged { input } => {
                write!(f, "this is the gradient of input {input}: two inputs are exchanged")
            }
            Self::Transposed => write!(f, "this is the transpose of the gradient"),
            Self::DroppedSum { axis } => write!(
                f,
                "one slice of the output feeds all of it: the sum over axis {axis} is missing"
            ),
            Self::MissingFactor { input } => {
                write!(f, "every entry lacks a factor: the value of {}", values(input))
            }
            Self::ExtraFactor { input } => {
                write!(f, "every entry has a factor too many: the value of {}", values(input))
            }
            Self::Entries { of: 1, .. } => write!(f, "not the derivative"),
            Self::Entries { wrong, of, index, factor } => {
                write!(f, "{wrong} of {of} entries wrong, the first at {index:?}")?;
                let cause = factor.and_then(|factor| Some((factor, cause(factor, &[])?)));
                cause.map_or(Ok(()), |(factor, cause)| {
                    write!(f, ", off by a factor {}: {cause}", rounded(factor))
                })
            }
        }
    }
}

/// `factor` to three digits, or as a whole number where it is one up to [`SAME`].
fn rounded(factor: f64) -> String {
    if (factor - factor.round()).abs() <= SAME * factor.abs() {
        format!("{factor:.0}")
    } else {
        format!("{factor:.3}")
    }
}

/// What a factor often comes from.
fn cause(factor: f64, lengths: &[usize]) -> Option<String> {
    let is = |value: f64| (factor - value).abs() <= SAME * value.abs();
    if is(-1.0) {
        return Some("a sign".into());
    }
    if is(2.0) {
        return Some("a use counted twice, or a lost half".into());
    }
    if is(0.5) {
        return Some("one of two uses lost, or a square differentiated without its 2".into());
    }
    if is(-2.0) || is(-0.5) {
        return Some("a sign, and a 2".into());
    }
    let mean = |&&length: &&usize| is(length as f64);
    let double = |&&length: &&usize| is(1.0 / length as f64);
    if let Some(length) = lengths.iter().find(mean) {
        return Some(format!("a mean over {length} entries that was not divided by {length}"));
    }
    lengths.iter().find(double).map(|length| format!("divided by {length}, and should not be"))
}

impl Gradcheck {
    /// What is wrong with the gradient of Σ `dy` ⊙ `y`, for each parameter of `tape` in its order.
    ///
    /// ```
    /// use chainrule::{Tape, gradcheck::Gradcheck};
    /// use ndarray::arr1;
    ///
    /// let mut tape = Tape::<f64>::new();
    /// let x = tape.parameter(arr1(&[0.4, 1.2]));
    /// let y = tape.map(x, "cos", f64::cos, f64::sin)?; // The derivative is −sin x.
    /// let diagnoses = Gradcheck::default().diagnose(&mut tape, y, &arr1(&[1.5, -0.7]).into_dyn())?;
    /// assert_eq!(diagnoses[0].to_string(), "every entry is off by a factor -1: a sign");
    /// # Ok::<(), chainrule::ShapeError>(())
    /// ```
    ///
    /// # Errors
    /// [`ShapeError`] where `dy` has not the shape of `y`.
    pub fn diagnose(
        &self,
        tape: &mut Tape<f64>,
        y: Var,
        dy: &Tensor<f64>,
    ) -> Result<Vec<Diagnosis>, ShapeError> {
        let inputs: Vec<Var> = tape.vars().filter(|&var| tape.is_parameter(var)).collect();
        let mut patient = Patient { check: self, tape, y, dy, inputs, numeric: Vec::new() };
        patient.numeric = (0..patient.inputs.len()).map(|k| patient.differences(k, dy)).collect();
        (0..patient.inputs.len()).map(|k| patient.diagnose(k)).collect()
    }

    /// Whether all entries of two gradients are the same, up to [`SAME`].
    fn same(&self, a: &Tensor<f64>, b: &Tensor<f64>) -> bool {
        a.shape() == b.shape() && a.iter().zip(b).all(|(a, b)| self.near(*a, *b))
    }

    /// Whether two derivatives are the same. What is not a number is the same as nothing.
    fn near(&self, a: f64, b: f64) -> bool {
        (a - b).abs() <= SAME * a.abs().max(b.abs()).max(self.floor)
    }

    /// Whether all entries are below the floor.
    fn is_zero(&self, gradient: &Tensor<f64>) -> bool {
        gradient.iter().all(|entry| entry.abs() < self.floor)
    }
}

/// A computation whose gradients are looked into.
struct Patient<'a> {
    check: &'a Gradcheck,
    tape: &'a mut Tape<f64>,
    y: Var,
    dy: &'a Tensor<f64>,
    inputs: Vec<Var>,
    /// The gradient of each input by central differences.
    numeric: Vec<Tensor<f64>>,
}

impl Patient<'_> {
    /// The gradient of input `k` by central differences.
    fn differences(&mut self, k: usize, dy: &Tensor<f64>) -> Tensor<f64> {
        let (check, input, y) = (self.check, self.inputs[k], self.y);
        let shape = self.tape.value(input).raw_dim();
        let differences = Tensor::from_shape_fn(shape, |index| {
            check.central_difference(self.tape, input, &index, y, dy).0
        });
        self.tape.replay();
        differences
    }

    /// The gradient of input `k` by the backward pass.
    fn gradient(&mut self, k: usize, dy: &Tensor<f64>) -> Result<Tensor<f64>, ShapeError> {
        self.tape.backward_from(self.y, dy)?;
        Ok(self.tape.gradient(self.inputs[k]).clone())
    }

    /// Looks for the faults with the clearest marks first.
    fn diagnose(&mut self, k: usize) -> Result<Diagnosis, ShapeError> {
        let check = self.check;
        let (a, n) = (self.gradient(k, self.dy)?, self.numeric[k].clone());
        if let Some(index) = not_finite(&a) {
            return Ok(Diagnosis::NotANumber { index });
        }
        if not_finite(&n).is_some() {
            return Ok(Diagnosis::ForwardNotANumber);
        }
        let zero = [&a, &n].map(|gradient| check.is_zero(gradient));
        match (check.same(&a, &n), zero) {
            (true, [true, true]) => return Ok(Diagnosis::Vacuous),
            (true, _) => return Ok(Diagnosis::Right),
            (false, [true, false]) => return Ok(Diagnosis::Missing),
            (false, [false, true]) => return Ok(Diagnosis::Superfluous),
            (false, _) => {}
        }
        if check.same(&self.gradient(k, &(self.dy * 2.0))?, &a) {
            return Ok(Diagnosis::NoUpstream);
        }
        if let Some(factor) = self.factor(&a, &n) {
            return Ok(factor);
        }
        if let Some(input) = (0..self.inputs.len()).find(|&j| check.same(&a, &self.numeric[j])) {
            return Ok(Diagnosis::Exchanged { input });
        }
        if n.clone().into_dimensionality::<Ix2>().is_ok() && check.same(&a, &n.t().to_owned()) {
            return Ok(Diagnosis::Transposed);
        }
        if let Some(axis) = self.dropped_sum(k, &a)? {
            return Ok(Diagnosis::DroppedSum { axis });
        }
        if let Some(diagnosis) = self.values(&a, &n) {
            return Ok(diagnosis);
        }
        let pairs = a.indexed_iter().map(|(index, &a)| (a, n[&index], index));
        let wrong: Vec<_> = pairs.filter(|&(a, n, _)| !check.near(a, n)).collect();
        let (first, expected, index) = &wrong[0];
        let factor = Some(first / expected)
            .filter(|&factor| cause(factor, &[]).is_some())
            .filter(|factor| wrong.iter().all(|&(a, n, _)| check.near(a, n * factor)));
        let index = index.as_array_view().to_vec();
        Ok(Diagnosis::Entries { wrong: wrong.len(), of: a.len(), index, factor })
    }

    /// The factor c with a = c·n. Of a single entry there is always one, so it must have a cause.
    fn factor(&self, a: &Tensor<f64>, n: &Tensor<f64>) -> Option<Diagnosis> {
        let square: f64 = n.iter().map(|n| n * n).sum();
        let factor = a.iter().zip(n).map(|(a, n)| a * n).sum::<f64>() / square;
        let mut lengths = vec![n.len(), self.dy.len()];
        lengths.extend(n.shape().iter().chain(self.dy.shape()));
        lengths.retain(|&length| length > 2);
        let told = n.len() > 1 || cause(factor, &lengths).is_some();
        let found = told && self.check.same(a, &(n * factor));
        found.then_some(Diagnosis::Factor { factor, lengths })
    }

    /// The axis of the output of which one slice is enough for the backward pass to find `a`, and not
    /// for central differences to find theirs.
    fn dropped_sum(&mut self, k: usize, a: &Tensor<f64>) -> Result<Option<usize>, ShapeError> {
        for axis in 0..self.dy.ndim() {
            for slice in 0..self.dy.len_of(Axis(axis)) {
                let mut one = Tensor::zeros(self.dy.raw_dim());
                let kept = self.dy.index_axis(Axis(axis), slice);
                one.index_axis_mut(Axis(axis), slice).assign(&kept);
                if one != self.dy
                    && self.check.same(&self.gradient(k, &one)?, a)
                    && !self.check.same(&self.differences(k, &one), &self.numeric[k])
                {
                    return Ok(Some(axis));
                }
            }
        }
        Ok(None)
    }

    /// Whether each entry lacks a value of an input or of the output as its factor, or has it too many.
    fn values(&self, a: &Tensor<f64>, n: &Tensor<f64>) -> Option<Diagnosis> {
        let inputs = self.inputs.iter().enumerate().map(|(k, &var)| (Some(k), var));
        for (input, var) in inputs.chain([(None, self.y)]) {
            let value = self.tape.value(var);
            if value.shape() != a.shape() {
                continue;
            }
            if self.check.same(&(a * value), n) {
                return Some(Diagnosis::MissingFactor { input });
            }
            if self.check.same(a, &(n * value)) {
                return Some(Diagnosis::ExtraFactor { input });
            }
        }
        None
    }
}

/// The first entry that is no finite number.
fn not_finite(gradient: &Tensor<f64>) -> Option<Vec<usize>> {
    let (index, _) = gradient.indexed_iter().find(|(_, entry)| !entry.is_finite())?;
    Some(index.as_array_view().to_vec())
}
