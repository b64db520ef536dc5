//! # Constants for another slope
//! ●●● about 30 minutes
//!
//! SELU has two constants, `α` and `λ`, so that a mean of 0 and a variance of 1 come out as they went in.
//! Derive them for a ReLU that leaks on the left: `f(x) = λ·x` for `x > 0`, and `λ·a·x` elsewhere, with an
//! `a` that is given. One constant is left, so one wish is granted: the mean *square* of `f(x)` should
//! be 1 for `x ~ N(0, 1)`. What is λ? And what is the mean of `f(x)` then?

/// λ for which E[f(x)²] = 1, given a.
fn lambda(a: f64) -> f64 {
    // TODO: derive λ and the mean
    let _ = a;
    f64::NAN
}

/// E[f(x)], with that λ.
fn mean(a: f64) -> f64 {
    // TODO: integrate x·φ(x) over each side
    let _ = a;
    f64::NAN
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    const TASK: &str = "derive λ and the mean";

    /// E[g(x)] for x ~ N(0, 1), by the midpoints of many small steps.
    fn expectation(g: impl Fn(f64) -> f64) -> f64 {
        let (steps, reach) = (40_000, 10.0);
        let width = 2.0 * reach / f64::from(steps);
        let part = |k: i32| {
            let x = (f64::from(k) + 0.5) * width - reach;
            g(x) * (-x * x / 2.0).exp() / TAU.sqrt() * width
        };
        (0..steps).map(part).sum()
    }

    #[test]
    fn the_mean_square_is_one_and_the_mean_is_told() {
        for a in [0.0, 0.01, 0.25, 1.0, -0.5] {
            let scale = lambda(a);
            let f = |x: f64| scale * if x > 0.0 { x } else { a * x };
            let square = expectation(|x| f(x).powi(2));
            let near = (square - 1.0).abs() < 1e-6;
            assert!(near, "{TASK}\n    a = {a}: the mean square is {square:.4}\n");
            let near = (mean(a) - expectation(f)).abs() < 1e-6;
            assert!(near, "{TASK}\n    a = {a}: the mean is not {:.4}\n", mean(a));
        }
    }
}
