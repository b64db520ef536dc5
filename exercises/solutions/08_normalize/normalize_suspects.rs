//! The values first: each column of y must have the mean 0 and the mean square 1. Rows that were normalized fail
//! that, and so do columns that were divided by their variance, unless it is 1. Then the gradient, with a `dy` that has
//! both a mean and a part along x̂ (drawn numbers do). For the assignment, one node is used twice, as
//! `norm(x) + x`. A check of gradients tells whether the derivative fits the function. It cannot tell whether it is the
//! function that you wanted.

use chainrule::gradcheck::{Draw, Gradcheck};
use chainrule::{ShapeError, Tape};
use exercises::normalize_suspects::Suspect;

/// Whether an op passes the test.
fn passes(suspect: Suspect) -> Result<bool, ShapeError> {
    let mut draw = Draw::new(1);
    let mut tape = Tape::<f64>::new();
    let x = tape.parameter(draw.away_from_zero::<f64>(&[4, 3]));
    let normalized = tape.push(suspect, &[x])?;
    let y = tape.add(normalized, x)?;
    let dy = draw.away_from_zero(&[4, 3]);
    let report = Gradcheck::default().run(&mut tape, y, &dy)?;
    let columns_fit = tape.value(normalized).columns().into_iter().all(|column| {
        let (mean, square) = (column.sum() / 4.0, column.dot(&column) / 4.0);
        mean.abs() < 1e-9 && (square - 1.0).abs() < 1e-9
    });
    Ok(columns_fit && report.max_relative_error() < 1e-6)
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
