//! The path is `z → 2z → σ → tanh`, with the factors `2`, `σ·(1 − σ)` and `2`. So the slope is
//! `4·σ·(1 − σ)`, with `σ` taken at `2z`. Solve `t = 2σ − 1` for `σ = (1 + t)/2`. Then
//! `1 − σ = (1 − t)/2`, and `4·σ·(1 − σ) = (1 + t)·(1 − t) = 1 − t²`.

/// The derivative of tanh at the place where its value is `t`.
fn slope(t: f64) -> f64 {
    1.0 - t * t
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use exercises::assert_gradient;

    #[test]
    fn the_slope_from_the_value() {
        assert_gradient(
            "write the slope of tanh from its value alone",
            |z| z[0].tanh(),
            |z| vec![slope(z[0].tanh())],
            &[&[-2.0], &[-0.3], &[0.0], &[1.1]],
        );
    }
}
