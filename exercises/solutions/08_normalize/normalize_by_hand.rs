//! The row has the sum 8, so that `y_0` is 1/8, and the derivatives are (1 − 1/8)/8 and −(1/8)/8.
//!
//! The column has the mean 4 and the variance 26/3. With ε that is 9, so `r` is 1/3 and x̂ is −1, −1/3, 4/3. Then
//! `r·(δ − 1/3 − x̂_0·x̂_k/3)` is 1/9, −4/27 and 1/27. They add up to zero: a shift changes nothing. A stretch
//! would change nothing either, but for ε. `x̂_0 = −3s/√(26s²/3 + 1/3)` has the slope `c·ε·r³`, which is −1/27:
//! with a spread that is larger compared with ε, x̂_0 comes a little nearer to −3/√(26/3).

const ROW_OWN: f64 = 7.0 / 64.0;
const ROW_OTHER: f64 = -1.0 / 64.0;
const WITH_0: f64 = 1.0 / 9.0;
const WITH_1: f64 = -4.0 / 27.0;
const WITH_2: f64 = 1.0 / 27.0;
const SHIFTED: f64 = 0.0;
const STRETCHED: f64 = -1.0 / 27.0;

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use chainrule::normalize::definition::standardize;
    use exercises::{Answer, assert_by_hand};

    /// x̂_0 of three numbers, with an ε of 1/3.
    fn first(x: [f64; 3]) -> f64 {
        let mut x_hat = [0.0; 3];
        standardize(&x, 1.0 / 3.0, &mut x_hat);
        x_hat[0]
    }

    #[test]
    fn seven_derivatives() {
        let answers = [
            Answer::new("ROW_OWN", ROW_OWN, 1.0, |x| x / (x + 3.0 + 4.0)),
            Answer::new("ROW_OTHER", ROW_OTHER, 3.0, |x| 1.0 / (1.0 + x + 4.0)),
            Answer::new("WITH_0", WITH_0, 1.0, |x| first([x, 3.0, 8.0])),
            Answer::new("WITH_1", WITH_1, 3.0, |x| first([1.0, x, 8.0])),
            Answer::new("WITH_2", WITH_2, 8.0, |x| first([1.0, 3.0, x])),
            Answer::new("SHIFTED", SHIFTED, 0.0, |x| first([1.0, 3.0, 8.0].map(|own| own + x))),
            Answer::new("STRETCHED", STRETCHED, 1.0, |s| first([1.0, 3.0, 8.0].map(|x| s * x))),
        ];
        assert_by_hand("fill in the seven derivatives", &answers);
    }
}
