//! # Losses on trial
//! ●●○ about 25 minutes
//!
//! Here are six cross-entropies of logits `[m, n]` and targets `[m, n]`, as ops. One has a right backward pass. Of
//! the others, one forgets to divide by the number of samples, one forgets `dy`, one sends back only the part of
//! the right class, one takes it for granted that every target adds up to 1, and one assigns with `=`.
//!
//! Write the test that accepts the right one and refuses the others. Think of how many samples there have to be,
//! of the targets, and of what comes after the loss.

use chainrule::gradcheck::{Draw, Gradcheck};
use chainrule::{ShapeError, Tape};
use exercises::softmax_suspects::Suspect;

/// The largest relative error of the suspect's gradient.
fn error(suspect: Suspect) -> Result<f64, ShapeError> {
    // TODO: write a test that accepts the right loss alone
    let mut draw = Draw::new(1);
    let mut tape = Tape::<f64>::new();
    let z = tape.parameter(draw.away_from_zero::<f64>(&[1, 3]));
    let t = tape.input(ndarray::arr2(&[[1.0, 0.0, 0.0]]));
    let loss = tape.push(suspect, &[z, t])?;
    let dy = ndarray::arr0(1.0).into_dyn();
    Ok(Gradcheck::default().run(&mut tape, loss, &dy)?.max_relative_error())
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
