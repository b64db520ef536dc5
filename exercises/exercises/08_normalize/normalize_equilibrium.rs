//! # How long weights become
//! ●●● about 30 minutes
//!
//! Weights before a norm have a gradient at a right angle to them, and of the length `g/|w|`, where `g` is what it
//! would be at `|w| = 1`. Each step of descent, `w ← (1 − ηλ)·w − η·dw`, makes them shorter by L2 and longer by the right
//! angle. Suppose that `g` stays as it is. At which length do both effects cancel, for the rate `η` and the strength
//! `λ`? And what is `η/|w|²` then, the rate that counts? (Exactly, or for a small `ηλ`: the judge allows one
//! percent.)

/// The length of w that stays.
fn length(rate: f64, l2: f64, g: f64) -> f64 {
    // TODO: find the length at which both effects cancel
    let _ = (rate, l2, g);
    f64::NAN
}

/// η/|w|² at that length.
fn effective_rate(rate: f64, l2: f64, g: f64) -> f64 {
    // TODO: find the rate that counts
    let _ = (rate, l2, g);
    f64::NAN
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
