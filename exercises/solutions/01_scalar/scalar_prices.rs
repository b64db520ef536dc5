//! `z = 5`, `e = 1.5` and `L = 2.25`. Backwards: `de = 2e = 3`. In `e = z − t` the term `z` has the
//! derivative 1 and `t` has −1, so `dz = 3` and `dt = −3`. In `z = w·x + b` each factor gets the
//! gradient times the other: `dw = 3·3 = 9` and `dx = 3·2 = 6`. The term `b` gets the gradient
//! itself: `db = 3`.

const W: f64 = 2.0;
const B: f64 = -1.0;
const X: f64 = 3.0;
const T: f64 = 3.5;

const DE: f64 = 3.0;
const DZ: f64 = 3.0;
const DW: f64 = 9.0;
const DB: f64 = 3.0;
const DX: f64 = 6.0;
const DT: f64 = -3.0;

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
