//! # Centering
//! ●●○ about 15 minutes
//!
//! Standardizing begins with a subtraction: each column loses its mean, `y_i = x_i − 1/m·Σ_l x_l`. Derive the
//! gradient of a column from the upstream gradient dy, and write it. Each `x_i` is used in two ways.
//!
//! What is the sum of dx over the column, whatever dy is? Could you have known?

/// The gradient of a column that is centered, from the gradient of the centered column.
fn centered_backward(dy: &[f64]) -> Vec<f64> {
    // TODO: write the gradient of the centered column
    vec![f64::NAN; dy.len()]
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
