//! The powers of e are 1, 2 and 5, and their sum is 8. `−p₀·p₂ = −5/64`, `p₁·(1 − p₁) = 12/64`. Cross-entropy
//! sends back `p − t`, so `−7/8` and `5/8`. For the squared error, `dp = (−7, 2, 5)/8` has the mean
//! `(−7·1 + 2·2 + 5·5)/64 = 22/64`, and `dz₀ = ⅛·(−56/64 − 22/64) = −78/512`: less than a fifth.

const P0_WITH_Z2: f64 = -5.0 / 64.0;
const P1_WITH_Z1: f64 = 12.0 / 64.0;
const CROSS_ENTROPY_Z0: f64 = -7.0 / 8.0;
const CROSS_ENTROPY_Z2: f64 = 5.0 / 8.0;
const SQUARED_ERROR_Z0: f64 = -78.0 / 512.0;

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use chainrule::softmax::softmax_row;
    use exercises::{Answer, assert_by_hand};

    fn p(z: [f64; 3]) -> [f64; 3] {
        let mut p = [0.0; 3];
        softmax_row(&z, &mut p);
        p
    }

    fn squared_error([p0, p1, p2]: [f64; 3]) -> f64 {
        0.5 * ((p0 - 1.0).powi(2) + p1 * p1 + p2 * p2)
    }

    #[test]
    fn five_derivatives() {
        let (two, five) = (2_f64.ln(), 5_f64.ln());
        let answers = [
            Answer::new("P0_WITH_Z2", P0_WITH_Z2, five, |z| p([0.0, 2_f64.ln(), z])[0]),
            Answer::new("P1_WITH_Z1", P1_WITH_Z1, two, |z| p([0.0, z, 5_f64.ln()])[1]),
            Answer::new("CROSS_ENTROPY_Z0", CROSS_ENTROPY_Z0, 0.0, |z| {
                -p([z, 2_f64.ln(), 5_f64.ln()])[0].ln()
            }),
            Answer::new("CROSS_ENTROPY_Z2", CROSS_ENTROPY_Z2, five, |z| {
                -p([0.0, 2_f64.ln(), z])[0].ln()
            }),
            Answer::new("SQUARED_ERROR_Z0", SQUARED_ERROR_Z0, 0.0, |z| {
                squared_error(p([z, 2_f64.ln(), 5_f64.ln()]))
            }),
        ];
        assert_by_hand("fill in the five derivatives", &answers);
    }
}
