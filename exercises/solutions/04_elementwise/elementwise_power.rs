//! Call the exponent `t = b·ln a`. Then `dt = dy·y`. The product gives `db = dt·ln a = dy·y·ln a`, and the
//! logarithm gets `dt·b`, so that `da = dt·b/a = dy·b·a^(b−1)`. That is the rule for powers, and nothing in it
//! asks for b to be a whole number.

/// The gradients of a and b, where y = a^b has the gradient `dy`.
fn power_backward(a: f64, b: f64, dy: f64) -> [f64; 2] {
    let dt = dy * a.powf(b);
    [dt * b / a, dt * a.ln()]
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
