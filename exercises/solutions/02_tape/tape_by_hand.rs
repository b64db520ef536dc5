//! The tape is `a = 3`, `b = −2`, `u = −6`, `v = −3`, `L = 18`.
//!
//! At `L = v·u`: `v` gets `u`, which is −6, and `u` gets `v`, which is −3. At `v = u + a`: both
//! inputs get what `v` has, −6, so `du = −3 − 6 = −9`, and `da = −6` so far. At `u = a·b`: `b` gets
//! `−9·a = −27`, and `a` gets `−9·b = 18`, which makes `da = −6 + 18 = 12`. A leaf has no inputs,
//! and the visit ends.

const A: f64 = 3.0;
const B: f64 = -2.0;

/// At L: what v gets, and what u gets so far.
const DV: f64 = -6.0;
const DU_SO_FAR: f64 = -3.0;
/// At v: what u has now, and what a has so far.
const DU: f64 = -9.0;
const DA_SO_FAR: f64 = -6.0;
/// At u: what b gets, and what a has now.
const DB: f64 = -27.0;
const DA: f64 = 12.0;

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
