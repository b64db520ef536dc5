//! # A test without differences
//! ●●○ about 25 minutes
//!
//! `exercises::matmul_suspects` has nine backward passes of `Y = X·W`, one of which is right. Each is a function
//! that takes X, W and dY and returns dX and dW. Write the test that accepts the right one alone, and do it without a
//! single difference: a product is linear, so if W moves by V, then Y moves by exactly `X·V`. Let the loss be
//! the sum of `dY ⊙ Y`, so that it is linear, too. It moves by the sum of `dY ⊙ (X·V)`, and also by the sum
//! of `dW ⊙ V`. The two must be equal, for every V. What must hold for a move of X?
//!
//! As it stands, `accepts` compares shapes, and takes square matrices.

use exercises::matmul_suspects::Backward;
use ndarray::Array2;

/// Whether a backward pass passes the test.
fn accepts(backward: Backward) -> bool {
    // TODO: write a test that accepts the right pass alone
    let (x, w, dy) = (Array2::ones((3, 3)), Array2::ones((3, 3)), Array2::ones((3, 3)));
    let (dx, dw) = backward(&x, &w, &dy);
    dx.dim() == x.dim() && dw.dim() == w.dim()
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use exercises::assert_tells_apart;
    use exercises::matmul_suspects::{FAULTS, RIGHT};

    #[test]
    fn the_right_one_alone() {
        let task = "write a test that accepts the right pass alone";
        assert_tells_apart(task, accepts, RIGHT, FAULTS);
    }
}
