//! # Prices by hand
//! ●○○ about 10 minutes
//!
//! Let `z = w·x + b`, `e = z − t` and `L = e²`, at `w = 2`, `b = −1`, `x = 3` and `t = 3.5`. Compute
//! `z`, `e` and `L` on paper. Then go back from `L` to its inputs, and fill in `de`, `dz`, `dw`,
//! `db`, `dx` and `dt`, where `du` stands for `∂L/∂u`.

const W: f64 = 2.0;
const B: f64 = -1.0;
const X: f64 = 3.0;
const T: f64 = 3.5;

// TODO: fill in the six derivatives
const DE: f64 = f64::NAN;
const DZ: f64 = f64::NAN;
const DW: f64 = f64::NAN;
const DB: f64 = f64::NAN;
const DX: f64 = f64::NAN;
const DT: f64 = f64::NAN;

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use exercises::{Answer, assert_by_hand};

    #[test]
    fn prices() {
        let z = W * X + B;
        let answers = [
            Answer::new("DE", DE, z - T, |e| e * e),
            Answer::new("DZ", DZ, z, |z| (z - T).powi(2)),
            Answer::new("DW", DW, W, |w| (w * X + B - T).powi(2)),
            Answer::new("DB", DB, B, |b| (W * X + b - T).powi(2)),
            Answer::new("DX", DX, X, |x| (W * x + B - T).powi(2)),
            Answer::new("DT", DT, T, |t| (W * X + B - t).powi(2)),
        ];
        assert_by_hand("fill in the six derivatives", &answers);
    }
}
