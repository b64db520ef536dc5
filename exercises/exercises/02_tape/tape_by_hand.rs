//! # A tape by hand
//! ●○○ about 10 minutes
//!
//! Let `a = 3`, `b = −2`, `u = a·b`, `v = u + a` and `L = v·u`. Write down the tape: five lines,
//! each with its value. Then visit it from the end, and keep a table of the gradients as it grows.
//! `du` and `da` change during the visit, so fill in both what they are so far and what they are at
//! the end.

const A: f64 = 3.0;
const B: f64 = -2.0;

// TODO: fill in the gradients in the order of the visit
/// At L: what v gets, and what u gets so far.
const DV: f64 = f64::NAN;
const DU_SO_FAR: f64 = f64::NAN;
/// At v: what u has now, and what a has so far.
const DU: f64 = f64::NAN;
const DA_SO_FAR: f64 = f64::NAN;
/// At u: what b gets, and what a has now.
const DB: f64 = f64::NAN;
const DA: f64 = f64::NAN;

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use exercises::{Answer, assert_by_hand};

    /// Each gradient is the slope of L along the paths that have been visited by then.
    #[test]
    fn gradients() {
        let (u, v) = (A * B, A * B + A);
        let answers = [
            Answer::new("DV", DV, v, |v| v * (A * B)),
            Answer::new("DU_SO_FAR", DU_SO_FAR, u, |u| (A * B + A) * u),
            Answer::new("DU", DU, u, |u| (u + A) * u),
            Answer::new("DA_SO_FAR", DA_SO_FAR, A, |a| (A * B + a) * (A * B)),
            Answer::new("DB", DB, B, |b| (A * b + A) * (A * b)),
            Answer::new("DA", DA, A, |a| (a * B + a) * (a * B)),
        ];
        assert_by_hand("fill in the gradients in the order of the visit", &answers);
    }
}
