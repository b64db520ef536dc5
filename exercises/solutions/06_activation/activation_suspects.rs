//! Both signs in x, both signs in `dy`, and not the same ones at the same places: then the fault that tests
//! `dy` shows. A magnitude other than 1 shows the one that multiplies by x. For the assignment, one node is used
//! twice, as `relu(x) + x`, and the sum has to keep what the addition contributed.

use chainrule::gradcheck::{Draw, Gradcheck};
use chainrule::{ShapeError, Tape};
use exercises::activation_suspects::Suspect;

/// The largest relative error of relu(x) + x, where x and dy have both signs.
fn error(suspect: Suspect) -> Result<f64, ShapeError> {
    let mut draw = Draw::new(1);
    let mut tape = Tape::<f64>::new();
    let x = tape.parameter(draw.away_from_zero::<f64>(&[4, 5]));
    // Recorded first, so that it runs last on the way back, and could wipe out what is there.
    let bent = tape.push(suspect, &[x])?;
    let y = tape.add(bent, x)?;
    let dy = draw.away_from_zero(&[4, 5]);
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
