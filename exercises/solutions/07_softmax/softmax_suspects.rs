//! At least two samples, or the missing `1/m` is 1. A `dy` other than 1, or forgetting it goes unnoticed: a loss is
//! nearly always the last node, so this fault is a common one. One target with zeros
//! and one that does not add up to 1. And logits that
//! are used a second time, by a node that runs first on the way back.

use chainrule::gradcheck::{Draw, Gradcheck};
use chainrule::{ShapeError, Tape};
use exercises::softmax_suspects::Suspect;

/// The largest relative error of loss + Σ z, where the loss is a suspect's.
fn error(suspect: Suspect) -> Result<f64, ShapeError> {
    let mut draw = Draw::new(1);
    let mut tape = Tape::<f64>::new();
    let z = tape.parameter(draw.away_from_zero::<f64>(&[2, 3]));
    let t = tape.input(ndarray::arr2(&[[0.0, 1.0, 0.0], [0.5, 0.2, 0.6]]));
    // Recorded first, so that it runs last on the way back, and could wipe out what is there.
    let loss = tape.push(suspect, &[z, t])?;
    let sum = tape.sum(z)?;
    let y = tape.add(loss, sum)?;
    let dy = ndarray::arr0(-1.7).into_dyn();
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
    use exercises::assert_tells_apart;
    use exercises::softmax_suspects::{FAULTS, RIGHT};

    #[test]
    fn the_right_one_alone() {
        let task = "write a test that accepts the right loss alone";
        assert_tells_apart(task, accepts, RIGHT, FAULTS);
    }
}
