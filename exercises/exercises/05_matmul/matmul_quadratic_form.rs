//! # A quadratic form
//! ●●○ about 20 minutes
//!
//! Let `y = xᵀ·A·x`, with a column x of n numbers and a square A. The number y uses x twice. Derive dx and dA
//! for `dy = 1`, by the two equations of the product. For which A is `dx = 2·A·x`?

use ndarray::{Array1, Array2};

/// The gradients of x and of A.
fn gradients(x: &Array1<f64>, a: &Array2<f64>) -> (Array1<f64>, Array2<f64>) {
    // TODO: write dx and dA
    (Array1::from_elem(x.len(), f64::NAN), Array2::from_elem(a.dim(), f64::NAN))
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use exercises::assert_gradient;

    /// y, of the three entries of x and the nine of A, row by row.
    fn y(numbers: &[f64]) -> f64 {
        let (x, a) = numbers.split_at(3);
        (0..3).flat_map(|i| (0..3).map(move |j| x[i] * a[3 * i + j] * x[j])).sum()
    }

    fn written(numbers: &[f64]) -> Vec<f64> {
        let (x, a) = numbers.split_at(3);
        let a = Array2::from_shape_vec((3, 3), a.to_vec()).expect("nine numbers");
        let (dx, da) = gradients(&Array1::from(x.to_vec()), &a);
        dx.into_iter().chain(da).collect()
    }

    #[test]
    fn both_gradients() {
        let numbers = [0.7, -1.2, 2.0, 1.0, 0.3, -0.5, 2.0, -1.0, 0.8, 0.4, 1.5, -0.6];
        assert_gradient("write dx and dA", y, written, &[&numbers]);
    }
}
