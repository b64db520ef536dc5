//! A fault hides where what it spoils is zero, or equal to what it should be. With `x_0 = x_1` the
//! exchanged inputs are the same numbers. With `v_l1 = 0` the forgotten path carries nothing, and
//! with both entries of a row equal `dh_l` is zero, whatever follows. So no two numbers are
//! equal here, none is zero, and no gradient is. The gap allowed is far below the gradients, and
//! far above what central differences leave.

use chainrule::scalar::{Sample, Weights};
use exercises::scalar_suspects::Backward;

/// Whether a backward pass passes the test.
fn accepts(backward: Backward) -> bool {
    let weights = Weights {
        w: [[0.4, -0.6, 0.9], [0.3, 0.8, -0.5]],
        b: [0.2, -0.1, 0.35],
        v: [[0.7, -0.4], [-0.8, 0.5], [0.25, 1.2]],
        c: [0.1, -0.3],
    };
    let sample = Sample { x: [1.3, -0.7], t: [0.0, 1.0] };
    let expected = weights.central_differences(&sample, 1e-5).to_array();
    let found = backward(&weights, &sample).to_array();
    found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-8)
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use exercises::assert_tells_apart;
    use exercises::scalar_suspects::{FAULTS, RIGHT};

    #[test]
    fn the_right_one_alone() {
        let task = "write a test that accepts the right backward pass alone";
        assert_tells_apart(task, accepts, RIGHT, FAULTS);
    }
}
