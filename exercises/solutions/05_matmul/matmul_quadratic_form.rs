//! As the left factor, `xᵀ` gets `dy·(A·x)ᵀ`, so x gets `A·x`. As the right factor x gets `Aᵀ·x`. The two uses
//! add up: `dx = (A + Aᵀ)·x`, which is `2·A·x` for every x where A is symmetric. And `dA = x·xᵀ`, whatever A is.

use ndarray::{Array1, Array2, Axis};

/// The gradients of x and of A.
fn gradients(x: &Array1<f64>, a: &Array2<f64>) -> (Array1<f64>, Array2<f64>) {
    let column = x.view().insert_axis(Axis(1));
    (a.dot(x) + a.t().dot(x), column.dot(&column.t()))
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
