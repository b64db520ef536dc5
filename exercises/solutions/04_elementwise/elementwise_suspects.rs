//! A column that is ten times as long makes the same y. So the loss has no slope along the column, and each of the
//! sums is zero. In every wrong op one of the two terms has another size, and they no longer cancel. The matrix needs
//! several rows and a random dy, since with one row neither a sum over the rows nor their number makes a difference.
//!
//! The test is quick, and it is no proof. An op with `dx = 0` passes it, and so does one whose whole gradient
//! has a wrong factor. Central differences see both.

use chainrule::{ShapeError, Tape, Tensor};
use exercises::elementwise_suspects::Divide;

use chainrule::gradcheck::Draw;

/// Whether an op passes the test.
fn accepts(op: Divide) -> bool {
    let mut draw = Draw::new(1);
    let (x, dy) = (draw.away_from_zero(&[5, 3]), draw.away_from_zero(&[5, 3]));
    along(op, x, dy).is_ok_and(|sums| sums.iter().all(|sum| sum.abs() < 1e-12))
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
