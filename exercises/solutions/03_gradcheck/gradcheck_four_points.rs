//! With `2h` for `h`, the term with `h²` is four times as large. So `4·D(h) − D(2h)` has none, and a third
//! of it is `L′ − h⁴/30` times the fifth derivative: `(4 − 16)/(3·120) = −1/30`.
//!
//! `h⁴ + ε/h` is smallest near `h = ε^(1/5)`, which is about `7e-4`, and leaves about `ε^(4/5)`, about
//! `3e-13`: a fifth of the digits is lost, and no longer a third. (A constant cannot call `powf`, so the
//! number stands here.) The price is four runs of the loss for each derivative. This is Richardson's
//! extrapolation; with more points one can go on.

/// The derivative of `f` at `x` from its values at x ± h and x ± 2h.
fn four_points(f: fn(f64) -> f64, x: f64, h: f64) -> f64 {
    let central = |h: f64| (f(x + h) - f(x - h)) / (2.0 * h);
    (4.0 * central(h) - central(2.0 * h)) / 3.0
}

/// The best step in `f64`, where value and derivatives are about 1: ε^(1/5).
const BEST_STEP: f64 = 7.4e-4;

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;

    const TASK: &str = "combine the differences, and choose a step";

    /// A function's name, the function, and its derivative.
    type Smooth = (&'static str, fn(f64) -> f64, fn(f64) -> f64);

    const SMOOTH: [Smooth; 3] = [
        ("sin x", f64::sin, f64::cos),
        ("e^x", f64::exp, f64::exp),
        ("ln(1 + x)", f64::ln_1p, |x| 1.0 / (1.0 + x)),
    ];

    #[test]
    fn the_slope_is_four() {
        for (name, f, df) in SMOOTH {
            let error = |h: f64| (four_points(f, 0.7, h) - df(0.7)).abs();
            let slope = (error(0.1) / error(0.05)).log2();
            assert!(slope.is_finite(), "{TASK}\n    {name}: still empty\n");
            let words = "half of the step should leave 1/16 of the error, and it leaves 1/";
            let near = (slope - 4.0).abs() < 0.2;
            assert!(near, "{TASK}\n    {name}: {words}{:.1}\n", slope.exp2());
        }
    }

    #[test]
    fn the_best_step_leaves_less() {
        assert!(!BEST_STEP.is_nan(), "{TASK}\n    BEST_STEP: still empty\n");
        for (name, f, df) in SMOOTH {
            let places = (0..100).map(|k| 0.3 + 0.009 * f64::from(k));
            let error = |x: f64| (four_points(f, x, BEST_STEP) - df(x)).abs();
            let worst = places.map(error).fold(0.0, f64::max);
            assert!(worst < 3e-12, "{TASK}\n    {name}: this step leaves {worst:.0e}\n");
        }
    }
}
