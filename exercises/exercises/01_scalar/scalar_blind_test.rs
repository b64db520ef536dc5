//! # The test is yours
//! ●●○ about 20 minutes
//!
//! Here are seven backward passes. One is right, and each of the others has one fault: the factor
//! `h_j·(1 − h_j)` forgotten, the inputs exchanged, a sign lost, a path forgotten, and more. Write
//! the test that accepts the right one and refuses the others.
//!
//! You choose the weights and the sample, and compare with central differences. Choose with care:
//! at the symmetric numbers of the chapter some of the faults cannot be seen.

use chainrule::scalar::{Sample, Weights};
use exercises::scalar_suspects::Backward;

/// Whether a backward pass passes the test.
fn accepts(backward: Backward) -> bool {
    // TODO: write a test that accepts the right backward pass alone
    let weights = Weights { w: [[0.0; 3]; 2], b: [0.0; 3], v: [[0.0; 2]; 3], c: [0.0; 2] };
    let sample = Sample { x: [0.0, 0.0], t: [1.0, 0.0] };
    let _ = backward(&weights, &sample);
    true
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
