//! Half of the mean square of x comes from each side, so `E[f²] = λ²·(1 + a²)/2`, and `λ = √(2/(1 + a²))`.
//! For `a = 0`, a plain ReLU, that is `√2`: the factor that the chapter gave its weights. The mean is `λ·(1 −
//! a)/√(2π)`, by the first integral of the SELU box. It is zero only for `a = 1`, which is no bend at all.
//! That is why SELU needs a left side that goes below zero without being a straight line through it.

use std::f64::consts::PI;

/// λ for which E[f(x)²] = 1, given a.
fn lambda(a: f64) -> f64 {
    (2.0 / (1.0 + a * a)).sqrt()
}

/// E[f(x)], with that λ.
fn mean(a: f64) -> f64 {
    lambda(a) * (1.0 - a) / (2.0 * PI).sqrt()
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
