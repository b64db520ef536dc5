//! # Norms on trial
//! ●●○ about 25 minutes
//!
//! Seven ops claim to normalize the columns of a batch, without an ε. One of them is right. Of the others, three take
//! a statistic, or both, for constants on the way back; one assigns with `=`. And two have a backward pass that is
//! exactly right, of a forward pass that is not what was asked for: one normalizes the rows, and one divides by the
//! variance.
//!
//! Write the test that accepts the right one and refuses the others. A gradient check alone will not do, and
//! neither will a look at the values.

use chainrule::gradcheck::{Draw, Gradcheck};
use chainrule::{ShapeError, Tape};
use exercises::normalize_suspects::Suspect;

/// Whether an op passes the test.
fn passes(suspect: Suspect) -> Result<bool, ShapeError> {
    // TODO: write a test that accepts the right norm alone
    let mut draw = Draw::new(1);
    let mut tape = Tape::<f64>::new();
    let x = tape.parameter(draw.away_from_zero::<f64>(&[4, 3]));
    let y = tape.push(suspect, &[x])?;
    let dy = draw.away_from_zero(&[4, 3]);
    let report = Gradcheck::default().run(&mut tape, y, &dy)?;
    Ok(report.max_relative_error() < 1e-6)
}

fn accepts(suspect: Suspect) -> bool {
    passes(suspect).is_ok_and(|passes| passes)
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use exercises::assert_tells_apart;
    use exercises::normalize_suspects::{FAULTS, RIGHT};

    #[test]
    fn the_right_one_alone() {
        let task = "write a test that accepts the right norm alone";
        assert_tells_apart(task, accepts, RIGHT, FAULTS);
    }
}
