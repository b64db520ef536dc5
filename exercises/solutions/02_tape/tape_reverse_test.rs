//! The computation must be one in which each fault shows. `u = a·b` has three uses, so assigning
//! loses terms. `u + u` has one node as both its inputs. The factors of the products differ, so
//! exchanged local derivatives are other numbers. And `u` is the first input of the last step while
//! a longer way leads to it too: a tape that passes its gradient on at once misses what comes by
//! the longer way.
//!
//! The right derivatives come from `values` alone: move a leaf a little to both sides, and look at
//! the last value. None of them is zero, since zeros prove nothing.

use exercises::tape_suspects::{Gradients, Step, values};

/// L = u·(u + u + a), with u = a·b.
fn steps(a: f64, b: f64) -> [Step; 6] {
    use Step::{Add, Leaf, Multiply};
    [Leaf(a), Leaf(b), Multiply(0, 1), Add(2, 2), Add(3, 0), Multiply(2, 4)]
}

/// Whether a tape passes the test.
fn accepts(gradients: Gradients) -> bool {
    let (a, b, h) = (1.3, -0.7, 1e-5);
    let last = |a, b| values(&steps(a, b))[5];
    let da = (last(a + h, b) - last(a - h, b)) / (2.0 * h);
    let db = (last(a, b + h) - last(a, b - h)) / (2.0 * h);
    let found = gradients(&steps(a, b));
    (found[0] - da).abs() < 1e-8 && (found[1] - db).abs() < 1e-8
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
