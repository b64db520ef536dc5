//! # A power
//! ●●○ about 15 minutes
//!
//! Let `y = a^b` with `a > 0`. Write it with the functions of this chapter, as `e^(b·ln a)`, and go back through
//! the three steps. Which of the two results do you know from school?

/// The gradients of a and b, where y = a^b has the gradient `dy`.
fn power_backward(a: f64, b: f64, dy: f64) -> [f64; 2] {
    // TODO: write the gradients of base and exponent
    let _ = (a, b, dy);
    [f64::NAN, f64::NAN]
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use exercises::assert_gradient;

    #[test]
    fn gradients_of_a_power() {
        let places: &[&[f64]] = &[&[2.0, 3.0], &[0.4, -1.5], &[1.7, 0.5]];
        let f = |x: &[f64]| -1.3 * x[0].powf(x[1]);
        let gradient = |x: &[f64]| power_backward(x[0], x[1], -1.3).to_vec();
        assert_gradient("write the gradients of base and exponent", f, gradient, places);
    }
}
