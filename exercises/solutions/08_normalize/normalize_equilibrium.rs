//! By Pythagoras `|w|²` becomes `(1 − ηλ)²·|w|² + η²g²/|w|²`. It stays where `|w|⁴·(1 − (1 − ηλ)²) = η²g²`, and for
//! a small `ηλ` that bracket is `2ηλ`: so `|w|⁴ = ηg²/(2λ)`, and `η/|w|² = √(2ηλ)/g`. In the long run L2 does not make
//! the function simpler at all. With the rate it decides how fast the direction of the weights can turn, by the root of
//! the product of both.

/// The length of w that stays.
fn length(rate: f64, l2: f64, g: f64) -> f64 {
    (rate * g * g / (2.0 * l2)).powf(0.25)
}

/// η/|w|² at that length.
fn effective_rate(rate: f64, l2: f64, g: f64) -> f64 {
    (2.0 * rate * l2).sqrt() / g
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;

    const TASK: &str = "find the length at which both effects cancel";

    /// The length of a vector of two numbers after many steps, each with a gradient at a right angle to it.
    fn simulated(rate: f64, l2: f64, g: f64) -> f64 {
        let mut w = [1.0, 0.0];
        for _ in 0..40_000 {
            let square = w[0] * w[0] + w[1] * w[1];
            let dw = [-w[1] * g / square, w[0] * g / square];
            w = [0, 1].map(|l| (1.0 - rate * l2) * w[l] - rate * dw[l]);
        }
        w[0].hypot(w[1])
    }

    #[test]
    fn the_length_that_a_descent_ends_with() {
        for (rate, l2, g) in [(0.1, 0.01, 1.0), (0.1, 0.01, 5.0), (0.3, 0.004, 0.2)] {
            let expected = simulated(rate, l2, g);
            let given = format!("η = {rate}, λ = {l2}, g = {g}");
            let found = length(rate, l2, g);
            let near = (found / expected - 1.0).abs() < 0.01;
            assert!(near, "{TASK}\n    {given}: it ends at {expected:.3}, not {found:.3}\n");
            let found = effective_rate(rate, l2, g);
            let near = (found * expected * expected / rate - 1.0).abs() < 0.02;
            assert!(near, "{TASK}\n    {given}: η/|w|² is not {found:.4}\n");
        }
    }
}
