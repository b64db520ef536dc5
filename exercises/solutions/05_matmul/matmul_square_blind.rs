//! This is the *dot-product test*, and the two sums are the two sides of the adjoint: the product with X has
//! moved across as the product with Xᵀ. It compares two numbers that differ by rounding alone, so it needs no
//! step, and it can be used on a large layer: one random V sees every entry at once.
//!
//! Drawn numbers are almost never symmetric, and with square matrices every suspect has the right shape, so that it
//! is its numbers that are judged. More than one sample is needed, or a sum over the samples has one term.

use chainrule::gradcheck::Draw;
use exercises::matmul_suspects::Backward;
use ndarray::{Array2, Ix2};

/// Whether a backward pass passes the test.
fn accepts(backward: Backward) -> bool {
    let mut draw = Draw::new(1);
    let [x, w, dy, u, v] = [0; 5].map(|_| -> Array2<f64> {
        draw.away_from_zero(&[3, 3]).into_dimensionality::<Ix2>().expect("two axes")
    });
    let (dx, dw) = backward(&x, &w, &dy);
    let apart_in_x = (&dy * &u.dot(&w)).sum() - (dx * &u).sum();
    let apart_in_w = (&dy * &x.dot(&v)).sum() - (dw * &v).sum();
    apart_in_x.abs() < 1e-9 && apart_in_w.abs() < 1e-9
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
