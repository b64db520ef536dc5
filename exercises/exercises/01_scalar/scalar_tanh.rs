//! # Another bend
//! ●●○ about 15 minutes
//!
//! The hyperbolic tangent is a stretched and shifted sigmoid: `tanh z = 2·σ(2z) − 1`. Derive its
//! slope along the path `z → 2z → σ → tanh`, and write it in terms of `t = tanh z` alone, as the
//! sigmoid's is written in terms of `h`.

/// The derivative of tanh at the place where its value is `t`.
fn slope(t: f64) -> f64 {
    // TODO: write the slope of tanh from its value alone
    let _ = t;
    f64::NAN
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
