//! # A machine without f64
//! ●●○ about 10 minutes
//!
//! You have to check derivatives on a machine that knows `f32` alone, where ε is about `1.2e-7`. Choose the
//! step and the largest relative error that you accept, such that right derivatives pass and those that
//! are too large by a thousandth do not. Value and third derivative are about 1.
//!
//! Could you also find a derivative that is too large by one part in a hundred thousand?

// TODO: choose a step and a tolerance
const STEP: f32 = f32::NAN;
const TOLERANCE: f32 = f32::NAN;

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;

    const TASK: &str = "choose a step and a tolerance";

    /// A function's name, the function, and its derivative.
    type Smooth = (&'static str, fn(f32) -> f32, fn(f32) -> f32);

    const SMOOTH: [Smooth; 3] = [
        ("sin x", f32::sin, f32::cos),
        ("e^x", f32::exp, f32::exp),
        ("ln(1 + x)", f32::ln_1p, |x| 1.0 / (1.0 + x)),
    ];

    /// The smallest and the largest relative error, over a hundred places, of a derivative with this
    /// factor too many.
    fn errors(f: fn(f32) -> f32, df: fn(f32) -> f32, factor: f32) -> (f32, f32) {
        let error = |k: i16| {
            let x = 0.3 + 0.009 * f32::from(k);
            let (above, below) = (x + STEP, x - STEP);
            let d = (f(above) - f(below)) / (above - below);
            let a = factor * df(x);
            (a - d).abs() / a.abs().max(d.abs())
        };
        let all = (0..100).map(error);
        all.fold((f32::INFINITY, 0.0), |(low, high), e| (low.min(e), high.max(e)))
    }

    #[test]
    fn right_derivatives_pass_and_wrong_ones_fail() {
        let empty = STEP.is_nan() || TOLERANCE.is_nan();
        assert!(!empty, "{TASK}\n    STEP, TOLERANCE: still empty\n");
        for (name, f, df) in SMOOTH {
            let (_, high) = errors(f, df, 1.0);
            let words = format!("is right, and its error is up to {high:.1e}");
            assert!(high <= TOLERANCE, "{TASK}\n    {name} {words}\n");
            let (low, _) = errors(f, df, 1.001);
            let words = format!("is wrong by a thousandth, and its error may be {low:.1e}");
            assert!(low > TOLERANCE, "{TASK}\n    {name} {words}\n");
        }
    }
}
