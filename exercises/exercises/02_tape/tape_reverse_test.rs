//! # The tape on trial
//! ●●● about 40 minutes
//!
//! Here are seven tapes, each as a function: given the steps of a computation, it returns the
//! derivative of the last step with respect to every step. One is right. Of the others, one
//! assigns with `=` instead of adding with `+=`, some visit the steps in a wrong order, one forgets
//! to begin with `dL = 1`, one exchanges the local derivatives of a product, and one adds once
//! where a step is both inputs of an op.
//!
//! Write the test that accepts the right tape and refuses the others. Choose computations in which
//! each of the faults shows, and get the right derivatives from something other than a tape: by
//! hand, or by differences of `values`, which gives the values of all steps.

use exercises::tape_suspects::{Gradients, Step, values};

/// Whether a tape passes the test.
fn accepts(gradients: Gradients) -> bool {
    // TODO: write a test that accepts the right tape alone
    let steps = [Step::Leaf(2.0), Step::Leaf(2.0), Step::Add(0, 1)];
    let _ = (values(&steps), gradients(&steps));
    true
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use exercises::assert_tells_apart;
    use exercises::tape_suspects::{FAULTS, RIGHT};

    #[test]
    fn the_right_one_alone() {
        let task = "write a test that accepts the right tape alone";
        assert_tells_apart(task, accepts, RIGHT, FAULTS);
    }
}
