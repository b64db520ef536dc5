//! One computation finds all of them, if one matrix is both X and W: an assignment then wipes out what the
//! other use has added. It must be square for that, so random entries have to make sure that it is not
//! symmetric. Three rows show the dropped sum, and a random `dY` shows that a forgotten one is missed.
//!
//! Two checks are the better test, one with a node for each input and one with a shared node. When the
//! first passes and the second fails, you know that it is the assignment.

use chainrule::gradcheck::{Draw, Gradcheck};
use chainrule::{ShapeError, Tape};
use exercises::gradcheck_suspects::Layer;

/// The largest relative error of the layer's gradients, with one matrix as X and as W, or with two.
fn error(layer: Layer, shared: bool) -> Result<f64, ShapeError> {
    let mut draw = Draw::new(1);
    let mut tape = Tape::<f64>::new();
    let x = tape.parameter(draw.away_from_zero::<f64>(&[3, 3]));
    let w = tape.parameter(draw.away_from_zero::<f64>(&[3, 3]));
    let b = tape.parameter(draw.away_from_zero::<f64>(&[3]));
    let y = tape.push(layer, &[x, if shared { x } else { w }, b])?;
    let dy = draw.away_from_zero(&[3, 3]);
    Ok(Gradcheck::default().run(&mut tape, y, &dy)?.max_relative_error())
}

/// Whether a layer passes the test.
fn accepts(layer: Layer) -> bool {
    [false, true].into_iter().all(|shared| error(layer, shared).is_ok_and(|error| error < 1e-7))
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
