//! # A test without differences
//! ●●○ about 25 minutes
//!
//! Here are five ops that divide each column of a matrix by its spread. All of them compute the same y. One has a
//! right backward pass. One takes the spread for a constant, one has a wrong sign at the denominator, one drops
//! the sum over the rows, and one forgets the m of the mean.
//!
//! Write the test that accepts the right one and refuses the others, without one difference and without the
//! formula of the gradient. What do you know of `Σ_i x_ij·dx_ij`? The test in the file uses badly chosen inputs, a
//! single row, in which every entry is divided by its own size; and it asks only whether the sums are finite.

use chainrule::{ShapeError, Tape, Tensor};
use exercises::elementwise_suspects::Divide;

use ndarray::Array2;

/// Whether an op passes the test.
fn accepts(op: Divide) -> bool {
    // TODO: write a test that accepts the right op alone
    along(op, Array2::ones((1, 3)).into_dyn(), Array2::ones((1, 3)).into_dyn())
        .is_ok_and(|sums| sums.iter().all(|sum| sum.is_finite()))
}

/// Σ_i x_ij·dx_ij for each column j, where y has the gradient `dy`.
fn along(op: Divide, x: Tensor<f64>, dy: Tensor<f64>) -> Result<Tensor<f64>, ShapeError> {
    let mut tape = Tape::<f64>::new();
    let x = tape.parameter(x);
    let y = tape.push(op, &[x])?;
    tape.backward_from(y, &dy)?;
    Ok((tape.value(x) * tape.gradient(x)).sum_axis(ndarray::Axis(0)))
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use exercises::assert_tells_apart;
    use exercises::elementwise_suspects::{FAULTS, RIGHT};

    #[test]
    fn the_right_one_alone() {
        let task = "write a test that accepts the right op alone";
        assert_tells_apart(task, accepts, RIGHT, FAULTS);
    }
}
