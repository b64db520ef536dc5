//! # The layer on trial
//! ●●○ about 25 minutes
//!
//! Here are eight layers `Y = X·W + b`. All of them compute the same Y. One has a right backward pass. The
//! others have a wrong sign, a dropped sum, a missing transpose (one for X, one for W), a factor, a
//! forgotten dY, and an assignment in place of an addition.
//!
//! Write the test that accepts the right one and refuses the others. The book's check does the comparing.
//! What you choose are the inputs, and the test in the file has chosen badly: one row, one column, all
//! ones, a `dY` of ones, and no node that is used twice.

use chainrule::gradcheck::Gradcheck;
use chainrule::{ShapeError, Tape};
use exercises::gradcheck_suspects::Layer;
use ndarray::{Array1, Array2};

/// The largest relative error of the layer's gradients, at inputs of your choice.
fn error(layer: Layer) -> Result<f64, ShapeError> {
    // TODO: write a test that accepts the right layer alone
    let mut tape = Tape::<f64>::new();
    let x = tape.parameter(Array2::ones((1, 1)));
    let w = tape.parameter(Array2::ones((1, 1)));
    let b = tape.parameter(Array1::ones(1));
    let y = tape.push(layer, &[x, w, b])?;
    let dy = Array2::ones((1, 1)).into_dyn();
    Ok(Gradcheck::default().run(&mut tape, y, &dy)?.max_relative_error())
}

/// Whether a layer passes the test.
fn accepts(layer: Layer) -> bool {
    error(layer).is_ok_and(|error| error < 1e-7)
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use exercises::assert_tells_apart;
    use exercises::gradcheck_suspects::{FAULTS, RIGHT};

    #[test]
    fn the_right_one_alone() {
        let task = "write a test that accepts the right layer alone";
        assert_tells_apart(task, accepts, RIGHT, FAULTS);
    }
}
