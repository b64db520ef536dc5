//! Trust, but verify: a gradient held against central differences. Chapter 3.
//!
//! The derivative of L with respect to one entry x is approximated by
//!
//! ```text
//! (L(x + h) − L(x − h)) / 2h  =  L′(x) + h²/6 · L‴(x) + O(h⁴)
//! ```
//!
//! The truncation error grows as h². Rounding adds an error of about ε/h, with ε the machine's
//! precision. Their sum is smallest near h = ε^(1/3), which is 6e-6 in `f64`. The check knows
//! nothing of an op's backward pass: it replays the forward pass alone.

mod diagnosis;
mod difference;

pub use diagnosis::Diagnosis;
pub use difference::{Difference, Secant};

use crate::random::{Purpose, stream};
use crate::real::Real;
use crate::tape::{Mode, Tape, Var};
use crate::tensor::{ShapeError, Tensor};
use ndarray::{Array1, ArrayD, Dimension, IxDyn};
use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use std::fmt;

/// ∂f/∂xᵢ at `x` for every i, each by two more values of f: the check in its simplest form. Chapter 3.
///
/// ```text
/// ∂f/∂xᵢ  ≈  (f(x + h·eᵢ) − f(x − h·eᵢ)) / 2h
/// ```
///
/// ```
/// use chainrule::gradcheck::central_differences;
///
/// let d = central_differences(|x| x[0] * x[1], &[3.0, -2.0], 1e-5);
/// assert!((d[0] + 2.0).abs() < 1e-9 && (d[1] - 3.0).abs() < 1e-9);
/// ```
pub fn central_differences(f: impl Fn(&[f64]) -> f64, x: &[f64], h: f64) -> Vec<f64> {
    let moved = |i: usize, by: f64| {
        let mut x = x.to_vec();
        x[i] += by;
        f(&x)
    };
    (0..x.len()).map(|i| (moved(i, h) - moved(i, -h)) / (2.0 * h)).collect()
}

/// How a gradient is checked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gradcheck {
    /// Step h for entries of magnitude up to 1. Larger entries take |x|·h.
    pub step: f64,
    /// Gradients below this magnitude are compared absolutely: the relative error of a number
    /// near zero says nothing.
    pub floor: f64,
}

impl Default for Gradcheck {
    fn default() -> Self {
        Self { step: Difference::Central.best_step(), floor: 1e-3 }
    }
}

/// One entry of one parameter, with both its derivatives.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The parameter.
    pub parameter: Var,
    /// The entry's index in it.
    pub index: Vec<usize>,
    /// The derivative that the backward pass found.
    pub analytic: f64,
    /// The derivative that central differences found.
    pub numeric: f64,
    /// The step h that they took.
    pub step: f64,
    /// |analytic − numeric| / max(|analytic|, |numeric|, floor).
    pub relative_error: f64,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "relative error {:.1e} in parameter %{} at {:?}: analytic {}, numeric {} (step {:.1e})",
            self.relative_error,
            self.parameter.index(),
            self.index,
            self.analytic,
            self.numeric,
            self.step
        )
    }
}

/// What a check found.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The entry with the largest relative error. `None` where no parameter was checked.
    pub worst: Option<Entry>,
    /// Of the same parameter, the entry with the smallest relative error, among those where
    /// max(|analytic|, |numeric|) ≥ floor. `None` where there is none.
    ///
    /// A wrong factor c leaves |c − 1| / max(1, |c|) in all of them: `worst` and `mildest` then
    /// have the same error. A lost term or a wrong index leaves another one in each.
    pub mildest: Option<Entry>,
    /// Number of entries checked.
    pub entries: usize,
    /// Parameters whose derivatives, by both ways, are below the floor in every entry: zero, most
    /// often. Their check proves nothing.
    pub vacuous: Vec<Var>,
}

impl Report {
    /// The largest relative error; infinite where no parameter was checked.
    pub fn max_relative_error(&self) -> f64 {
        self.worst.as_ref().map_or(f64::INFINITY, |entry| entry.relative_error)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} entries", self.entries)?;
        if let Some(worst) = &self.worst {
            write!(f, "; {worst}")?;
        }
        if let Some(mildest) = &self.mildest {
            let (parameter, error) = (mildest.parameter.index(), mildest.relative_error);
            write!(f, "; smallest in %{parameter}: {error:.1e} at {:?}", mildest.index)?;
        }
        for var in &self.vacuous {
            write!(f, "; parameter %{} has no gradient but zeros", var.index())?;
        }
        Ok(())
    }
}

impl Gradcheck {
    /// |analytic − numeric| / max(|analytic|, |numeric|, floor): at most 2 above the floor, and infinite
    /// where one of the two is not a number.
    pub fn relative_error(&self, analytic: f64, numeric: f64) -> f64 {
        let size = analytic.abs().max(numeric.abs()).max(self.floor);
        let error = (analytic - numeric).abs() / size;
        // What is not a number compares with nothing: let it be the worst.
        if error.is_nan() { f64::INFINITY } else { error }
    }

    /// Compares, for every entry of every parameter on `tape`, the gradient of Σ `dy` ⊙ `y` from
    /// the backward pass with the one from central differences.
    ///
    /// # Errors
    /// [`ShapeError`] where `dy` has not the shape of `y`.
    pub fn run(
        &self,
        tape: &mut Tape<f64>,
        y: Var,
        dy: &Tensor<f64>,
    ) -> Result<Report, ShapeError> {
        tape.backward_from(y, dy)?;
        let parameters: Vec<Var> = tape.vars().filter(|&var| tape.is_parameter(var)).collect();
        let mut report = Report { worst: None, mildest: None, entries: 0, vacuous: Vec::new() };
        for parameter in parameters {
            let gradient = tape.gradient(parameter).clone();
            let (mut worst, mut mildest) = (None::<Entry>, None::<Entry>);
            for (index, &analytic) in gradient.indexed_iter() {
                let (numeric, step) = self.central_difference(tape, parameter, &index, y, dy);
                let size = analytic.abs().max(numeric.abs());
                let relative_error = self.relative_error(analytic, numeric);
                let entry = || {
                    let index = index.as_array_view().to_vec();
                    Some(Entry { parameter, index, analytic, numeric, step, relative_error })
                };
                report.entries += 1;
                if worst.as_ref().is_none_or(|worst| relative_error > worst.relative_error) {
                    worst = entry();
                }
                let below_floor = size < self.floor;
                let milder = |mildest: &Entry| relative_error < mildest.relative_error;
                if !below_floor && mildest.as_ref().is_none_or(milder) {
                    mildest = entry();
                }
            }
            // Where no entry reaches the floor, there is none to be the mildest.
            if mildest.is_none() {
                report.vacuous.push(parameter);
            }
            let error = worst.as_ref().map(|worst| worst.relative_error);
            if error > report.worst.as_ref().map(|worst| worst.relative_error) {
                (report.worst, report.mildest) = (worst, mildest);
            }
        }
        tape.replay();
        Ok(report)
    }

    /// d(Σ `dy` ⊙ `y`)/dx for the entry x of `parameter` at `index`, and the step taken.
    fn central_difference(
        &self,
        tape: &mut Tape<f64>,
        parameter: Var,
        index: &IxDyn,
        y: Var,
        dy: &Tensor<f64>,
    ) -> (f64, f64) {
        let x = tape.value(parameter)[index];
        let step = self.step * x.abs().max(1.0);
        let (above, below) = (x + step, x - step);
        tape.value_mut(parameter)[index] = above;
        tape.replay();
        let y_above = tape.value(y).clone();
        tape.value_mut(parameter)[index] = below;
        tape.replay();
        // Outputs that x does not reach cancel here to exactly zero, before they are summed.
        let difference: f64 = (&y_above - tape.value(y)).iter().zip(dy).map(|(d, dy)| d * dy).sum();
        tape.value_mut(parameter)[index] = x;
        (difference / (above - below), step)
    }
}

/// An op with inputs on which its gradient is checked. [`crate::catalog`] lists them all.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Name of the op, as [`crate::tape::Op::name`] has it, with a variant where there are several.
    pub op: &'static str,
    /// Whether the op has no kink. It is then held to 1e-7, and to 1e-6 otherwise.
    pub smooth: bool,
    /// Records the op on `tape` with inputs from `draw`, and returns its output.
    pub record: fn(tape: &mut Tape<f64>, draw: &mut Draw) -> Result<Var, ShapeError>,
}

/// Fixes the inputs of all cases.
const CASE_SEED: u64 = 2;

impl Case {
    /// A case of an op without a kink.
    pub const fn smooth(
        op: &'static str,
        record: fn(&mut Tape<f64>, &mut Draw) -> Result<Var, ShapeError>,
    ) -> Self {
        Self { op, smooth: true, record }
    }

    /// A case of an op with a kink, from which its inputs stay away.
    pub const fn kinked(
        op: &'static str,
        record: fn(&mut Tape<f64>, &mut Draw) -> Result<Var, ShapeError>,
    ) -> Self {
        Self { op, smooth: false, record }
    }

    /// Largest relative error to be accepted.
    pub fn tolerance(&self) -> f64 {
        if self.smooth { 1e-7 } else { 1e-6 }
    }

    /// Records the op and checks its gradient, with an upstream gradient that is not 1, in a
    /// training pass.
    ///
    /// # Errors
    /// [`ShapeError`] where the case's own shapes do not fit.
    pub fn run(&self, check: &Gradcheck) -> Result<Report, ShapeError> {
        let mut tape = Tape::new();
        tape.set_mode(Mode::Training { step: 3 });
        let mut draw = Draw::new(CASE_SEED);
        let y = (self.record)(&mut tape, &mut draw)?;
        let dy = draw.away_from_zero(tape.value(y).shape());
        check.run(&mut tape, y, &dy)
    }
}

/// Runs `cases` and panics on the first whose gradient is wrong or checked nowhere: for tests.
///
/// # Panics
/// With the case's report.
pub fn assert_gradients(cases: &[Case]) {
    for case in cases {
        let report = case.run(&Gradcheck::default()).expect("a case's shapes fit");
        assert!(report.max_relative_error() <= case.tolerance(), "{}: {report}", case.op);
        assert!(report.vacuous.is_empty(), "{}: {report}", case.op);
    }
}

/// Seeded inputs for checks: asymmetric, and away from kinks where asked.
#[derive(Debug)]
pub struct Draw {
    rng: ChaCha8Rng,
}

impl Draw {
    /// Inputs that `seed` fixes.
    pub fn new(seed: u64) -> Self {
        Self { rng: stream(seed, Purpose::Check) }
    }

    /// Entries uniform in `[low, high)`.
    pub fn uniform<T: Real>(&mut self, shape: &[usize], low: f64, high: f64) -> Tensor<T> {
        ArrayD::from_shape_simple_fn(shape, || T::of(self.rng.random_range(low..high)))
    }

    /// Entries of either sign with magnitudes in `[0.3, 1.7)`.
    pub fn away_from_zero<T: Real>(&mut self, shape: &[usize]) -> Tensor<T> {
        ArrayD::from_shape_simple_fn(shape, || {
            let magnitude = self.rng.random_range(0.3..1.7);
            T::of(if self.rng.random() { magnitude } else { -magnitude })
        })
    }

    /// Positive entries in `[0.3, 1.7)`.
    pub fn positive<T: Real>(&mut self, shape: &[usize]) -> Tensor<T> {
        self.uniform(shape, 0.3, 1.7)
    }

    /// `rows` class indices below `classes`.
    pub fn labels<T: Real>(&mut self, rows: usize, classes: usize) -> Array1<T> {
        Array1::from_shape_simple_fn(rows, || T::of(self.rng.random_range(0..classes) as f64))
    }
}
