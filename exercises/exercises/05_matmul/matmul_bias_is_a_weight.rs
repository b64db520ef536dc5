//! # A bias is a weight
//! ●○○ about 15 minutes
//!
//! Append a column of ones to `X`, and the bias as one more row to `W`. The product of the two larger
//! matrices is `X·W + b`. So one product gives `dW` and `db` together. Which one, and where does `db`
//! stand in it? `concatenate![Axis(1), a, b]` sets two matrices side by side.

use ndarray::Array2;

/// The gradient of W, with that of b as one more row: `[k + 1, n]`, from X `[m, k]` and dY `[m, n]`.
fn gradient_of_weights_and_bias(x: &Array2<f64>, dy: &Array2<f64>) -> Array2<f64> {
    // TODO: find dW and db by one product
    Array2::from_elem((x.ncols() + 1, dy.ncols()), f64::NAN)
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use exercises::assert_gradient;
    use ndarray::arr2;

    fn x() -> Array2<f64> {
        arr2(&[[0.5, -1.5], [2.0, 0.3], [-0.7, 1.1]])
    }

    fn dy() -> Array2<f64> {
        arr2(&[[1.2, -0.4], [0.6, 2.0], [-1.0, 0.9]])
    }

    /// The sum of all entries of X·W + b, each times its entry of dY.
    fn loss(parameters: &[f64]) -> f64 {
        let (x, dy) = (x(), dy());
        let entry = |i: usize, j: usize| {
            (0..2).map(|l| x[[i, l]] * parameters[2 * l + j]).sum::<f64>() + parameters[4 + j]
        };
        dy.indexed_iter().map(|((i, j), dy)| dy * entry(i, j)).sum()
    }

    #[test]
    fn one_product() {
        assert_gradient(
            "find dW and db by one product",
            loss,
            |_| gradient_of_weights_and_bias(&x(), &dy()).into_iter().collect(),
            &[&[0.4, -0.8, 1.5, 0.2, -0.6, 0.9]],
        );
    }
}
