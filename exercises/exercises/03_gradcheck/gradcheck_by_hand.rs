//! # Two slopes by hand
//! ●○○ about 10 minutes
//!
//! Let `L(x) = x³`, `x = 2` and `h = 0.1`. Compute the difference to one side and the central difference
//! on paper. The derivative is 12. Compare the central error with `h²/6·L‴(ξ)`. Then the error to one
//! side, which is `h/2·L″(ξ)` for some ξ between 2 and `2.1`: where is that ξ, to seven digits or
//! more?

// TODO: fill in both differences, and the place
const ONE_SIDED: f64 = f64::NAN;
const CENTRAL: f64 = f64::NAN;
const XI: f64 = f64::NAN;

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use exercises::{Answer, assert_by_hand};

    /// (x³ at 2 + h, less x³ at 2 + k) / (h − k): the slope between two points.
    fn slope(h: f64, k: f64) -> f64 {
        ((2.0 + h).powi(3) - (2.0 + k).powi(3)) / (h - k)
    }

    #[test]
    fn two_differences_and_a_place() {
        // L″(ξ) = 6ξ, and h/2 of it is the error to one side.
        let answers = [
            Answer::new("ONE_SIDED", ONE_SIDED, 2.0, |x| x * slope(0.1, 0.0)),
            Answer::new("CENTRAL", CENTRAL, 2.0, |x| x * slope(0.1, -0.1)),
            Answer::new("XI", XI, 2.0, |x| x * (slope(0.1, 0.0) - 12.0) / (0.05 * 6.0)),
        ];
        assert_by_hand("fill in both differences, and the place", &answers);
    }
}
