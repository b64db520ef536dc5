//! `2.1³ = 9.261`, `1.9³ = 6.859` and `2³ = 8`, so the slopes are `1.261 / 0.1 = 12.61` and `2.402 / 0.2 =
//! 12.01`. The third derivative of `x³` is 6 everywhere, so the central error is `h²/6·6 = h² = 0.01`,
//! wherever ξ is. To one side it is `0.61`, sixty times as much. `L″(ξ) = 6ξ`, so `0.05·6ξ = 0.61` and
//! `ξ = 0.61 / 0.3 = 2.0333…`, which lies between 2 and `2.1` as it should.

const ONE_SIDED: f64 = 12.61;
const CENTRAL: f64 = 12.01;
const XI: f64 = 0.61 / 0.3;

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
