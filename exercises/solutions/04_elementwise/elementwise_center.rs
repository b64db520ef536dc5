//! `x_i` is used in `y_i` with the factor 1, and through the mean in every entry of the column, with the factor
//! `−1/m`. Both together: `dx_i = dy_i − 1/m·Σ_l dy_l`. The gradient is centered, too.
//!
//! So its sum is zero. Add the same number to the whole column, and y stays as it is. The loss has no slope in
//! that direction, as it has none along the column where the column is divided by its spread.

/// The gradient of a column that is centered, from the gradient of the centered column.
fn centered_backward(dy: &[f64]) -> Vec<f64> {
    let mean = dy.iter().sum::<f64>() / dy.len() as f64;
    dy.iter().map(|dy| dy - mean).collect()
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use exercises::assert_gradient;

    /// Σ dy_i·y_i with the centered column y.
    fn loss(x: &[f64], dy: &[f64]) -> f64 {
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        x.iter().zip(dy).map(|(x, dy)| dy * (x - mean)).sum()
    }

    #[test]
    fn a_centered_column() {
        let task = "write the gradient of the centered column";
        for dy in [&[0.7, -1.3, 2.0, 0.4][..], &[1.5, -0.2]] {
            let places: &[&[f64]] = match dy.len() {
                4 => &[&[1.0, -2.0, 0.5, 3.0]],
                _ => &[&[-0.3, 2.5]],
            };
            assert_gradient(task, move |x| loss(x, dy), move |_| centered_backward(dy), places);
        }
    }
}
