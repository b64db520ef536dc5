//! Each column divided by its spread: a quotient whose denominator depends on its numerator. Chapter 4.
//!
//! The spread of column j of X `[m, n]` is its root mean square, and every row is divided by it:
//!
//! ```text
//! r_j = √(1/m · Σ_i x_ij²)        y_ij = x_ij / r_j
//! ```
//!
//! # The gradient
//!
//! x_ij is used twice: in its own quotient, and in the spread that divides its whole column. The
//! denominators of a column are copies of r_j, so their gradients add up:
//!
//! ```text
//! dr_j = Σ_i −dy_ij · y_ij / r_j
//! ```
//!
//! The root has the slope 1/(2·r_j), the mean 1/m, the square 2·x_ij. Multiplied along the path, that is
//! x_ij / (m·r_j) = y_ij / m. Both uses together:
//!
//! ```text
//! dx_ij = dy_ij / r_j + y_ij · dr_j / m = (dy_ij − y_ij · 1/m · Σ_l dy_lj · y_lj) / r_j
//! ```
//!
//! Since Σ_i y_ij² = m, it follows that Σ_i x_ij · dx_ij = 0: a longer column makes the same y, so the
//! loss has no slope in that direction.
//!
//! Nothing of this is in the code. The ops that it is recorded with find it.

use crate::real::Real;
use crate::tape::{Tape, Var};
use crate::tensor::ShapeError;
use ndarray::Axis;

/// The spread of columns, and columns divided by it. Chapter 4.
impl<T: Real> Tape<T> {
    /// The root mean square along the first axis: r_j = √(1/m · Σ_i x_ij²). Of numbers whose mean is
    /// zero it is the standard deviation. Shapes: `[m, ..]` gives `[..]`. Chapter 4.
    ///
    /// Its slope at a column of zeros is not a number.
    ///
    /// # Errors
    /// [`ShapeError`] where `x` is a scalar or empty.
    pub fn spread(&mut self, x: Var) -> Result<Var, ShapeError> {
        let squares = self.multiply(x, x)?;
        let mean = self.mean_axis(squares, Axis(0))?;
        self.map(mean, "root", |q| q.sqrt(), |q| T::of(0.5) / q.sqrt())
    }

    /// Each column divided by its [spread](Tape::spread): y_ij = x_ij / r_j. With respect to x, the
    /// gradient is (dy_ij − y_ij · 1/m · Σ_l dy_lj · y_lj) / r_j. Shapes: `[m, ..]` both. Chapter 4.
    ///
    /// A column of zeros has no spread to be divided by: its quotients are not numbers.
    ///
    /// ```
    /// use chainrule::Tape;
    /// use ndarray::arr2;
    ///
    /// let mut tape = Tape::<f64>::new();
    /// let x = tape.parameter(arr2(&[[1.0, 300.0], [-7.0, -300.0]]));
    /// let y = tape.divide_by_spread(x)?;
    /// assert_eq!(tape.value(y), &arr2(&[[0.2, 1.0], [-1.4, -1.0]]).into_dyn());
    /// # Ok::<(), chainrule::ShapeError>(())
    /// ```
    ///
    /// # Errors
    /// [`ShapeError`] where `x` is a scalar or empty.
    pub fn divide_by_spread(&mut self, x: Var) -> Result<Var, ShapeError> {
        let spread = self.spread(x)?;
        let repeated = self.expand(spread, Axis(0), x)?;
        self.divide(x, repeated)
    }
}
