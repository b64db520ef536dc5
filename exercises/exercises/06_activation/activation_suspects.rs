//! # Bends on trial
//! ●●○ about 25 minutes
//!
//! Here are six ReLUs as ops, one of which has a right backward pass. Of the others, one tests the wrong
//! number, one passes everything on, one takes the slope from the left side of zero for the right side, one
//! multiplies by x in place of the slope, and one assigns with `=`.
//!
//! Write the test that accepts the right one and refuses the others. Think of the input, which must have both
//! signs and no zero, and of what `dy` has to look like. How do you see an assignment?

use chainrule::gradcheck::{Draw, Gradcheck};
use chainrule::{ShapeError, Tape};
use exercises::activation_suspects::Suspect;

/// The largest relative error of the suspect's gradient.
fn error(suspect: Suspect) -> Result<f64, ShapeError> {
    // TODO: write a test that accepts the right ReLU alone
    let mut draw = Draw::new(1);
    let mut tape = Tape::<f64>::new();
    let x = tape.parameter(draw.positive::<f64>(&[4]));
    let y = tape.push(suspect, &[x])?;
    let dy = draw.positive(&[4]);
    Ok(Gradcheck::default().run(&mut tape, y, &dy)?.max_relative_error())
}

/// Whether an op passes the test.
fn accepts(suspect: Suspect) -> bool {
    error(suspect).is_ok_and(|error| error < 1e-7)
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use exercises::activation_suspects::{FAULTS, RIGHT};
    use exercises::assert_tells_apart;

    #[test]
    fn the_right_one_alone() {
        let task = "write a test that accepts the right ReLU alone";
        assert_tells_apart(task, accepts, RIGHT, FAULTS);
    }
}
