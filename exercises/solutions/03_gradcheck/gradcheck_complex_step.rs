//! Put `ih` for `h` into Taylor's series. The powers of `i` are `i`, `−1`, `−i`, so
//! `L(x + ih) = L + ihL′ − h²/2·L″ − ih³/6·L‴ + …`, and the imaginary part divided by `h` is `L′ −
//! h²/6·L‴ + …`: the truncation error of a central difference, with the other sign.
//!
//! But no two numbers that are nearly equal are subtracted. Nothing cancels, and the rounding error stays
//! near ε however small `h` is. At `1e-100` the truncation error is of the size of `1e-200`, far below the
//! last digit. The V has lost its left side. The catch: every op must be written for complex numbers, and
//! none may take an absolute value.

/// A complex number: its real part and its imaginary part.
type Complex = (f64, f64);

/// The product of two complex numbers.
fn times((a, b): Complex, (c, d): Complex) -> Complex {
    (a * c - b * d, a * d + b * c)
}

/// The derivative of x³, by a step in the imaginary direction.
fn complex_step(x: f64, h: f64) -> f64 {
    let z = (x, h);
    times(times(z, z), z).1 / h
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use exercises::assert_gradient;

    const TASK: &str = "multiply complex numbers, and take a step";

    #[test]
    fn a_product_of_complex_numbers() {
        let (re, im) = times((2.0, 3.0), (-1.0, 4.0));
        assert!(!re.is_nan() && !im.is_nan(), "{TASK}\n    times: still empty\n");
        // |z·w| = |z|·|w|, and the angles add up.
        let angles = 3.0_f64.atan2(2.0) + 4.0_f64.atan2(-1.0);
        let near = (re.hypot(im) - 13.0_f64.sqrt() * 17.0_f64.sqrt()).abs() < 1e-12
            && (im.atan2(re) - angles).sin().abs() < 1e-12
            && (im.atan2(re) - angles).cos() > 0.0;
        assert!(near, "{TASK}\n    times: (2 + 3i)(−1 + 4i) is not {re} + {im}i\n");
    }

    #[test]
    fn the_derivative_of_a_cube() {
        for h in [1e-5, 1e-20, 1e-100] {
            let task = format!("{TASK}\n    h = {h:.0e},");
            let places: &[&[f64]] = &[&[-1.3], &[0.4], &[2.0]];
            assert_gradient(&task, |x| x[0].powi(3), move |x| vec![complex_step(x[0], h)], places);
        }
    }

    #[test]
    fn nothing_cancels() {
        for x in [-1.3, 0.4, 2.0] {
            let error = (complex_step(x, 1e-100) - 3.0 * x * x).abs();
            let exact = error <= 4.0 * f64::EPSILON * 3.0 * x * x;
            assert!(exact, "{TASK}\n    at {x} the error is {error:.0e}\n");
        }
    }
}
