//! The error function in `f32`, without a branch.
//!
//! ```text
//! erf(x) = 2/√π · ∫₀ˣ e^(−t²) dt
//! ```
//!
//! It is odd, so erf(x)/x is a function of s = x². On 0 ≤ x ≤ 3.92 that function is replaced by a
//! quotient P(s)/Q(s) of two polynomials of degree 5. P(0)/Q(0) is the slope at zero, 2/√π. The other
//! coefficients minimize the largest error of x·P(s)/Q(s). Rounded to `f32`, as they stand here, they err
//! by up to 6.0e-8: the distance between the numbers of `f32` below 1. All of them are positive, as s is,
//! so no sum cancels. From 3.92 on erf is 1 to within 3e-8.
//!
//! Every input takes the same path, so a compiler handles four or eight at a time.

use std::f32::consts::FRAC_2_SQRT_PI;

/// Coefficients of P, from s⁰ up.
const P: [f32; 6] =
    [FRAC_2_SQRT_PI, 0.191_289_92, 0.052_865_162, 0.003_803_418, 0.000_285_697_4, 2.042_793_6e-6];

/// Coefficients of Q, from s⁰ up.
const Q: [f32; 6] =
    [1.0, 0.502_858_94, 0.114_473_86, 0.015_044_935, 0.001_171_637_1, 3.805_885_6e-5];

/// Where erf reaches 1 in `f32`.
const END: f32 = 3.92;

/// erf(x), between −1 and 1, with an error below 5e-7. Not a number where x is not.
#[inline(always)]
pub(super) fn erf(x: f32) -> f32 {
    let s = x * x;
    let quotient = x * polynomial(&P, s) / polynomial(&Q, s);
    // Both are computed, and one is taken.
    if x.abs() < END { quotient.clamp(-1.0, 1.0) } else { x.signum() }
}

/// Σ_k c_k·sᵏ, by Horner's rule.
#[inline(always)]
fn polynomial(c: &[f32; 6], s: f32) -> f32 {
    ((((c[5] * s + c[4]) * s + c[3]) * s + c[2]) * s + c[1]) * s + c[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erf_is_near_the_true_one() {
        let worst = (0..60_000).map(|k| (f64::from(k) - 30_000.0) * 2e-4).map(|x| {
            let x = x as f32;
            assert_eq!(erf(-x), -erf(x));
            assert!(erf(x).abs() <= 1.0);
            (f64::from(erf(x)) - libm::erf(f64::from(x))).abs()
        });
        let worst = worst.fold(0.0, f64::max);
        assert!(worst < 5e-7, "{worst:e}");
    }

    #[test]
    fn the_rounded_coefficients_err_by_the_distance_of_numbers_below_one() {
        let polynomial = |c: &[f32; 6], s: f64| c.iter().rfold(0.0, |p, &c| p * s + f64::from(c));
        let worst = (0..=39_200).map(|k| f64::from(k) * 1e-4).map(|x| {
            let s = x * x;
            (x * polynomial(&P, s) / polynomial(&Q, s) - libm::erf(x)).abs()
        });
        let worst = worst.fold(0.0, f64::max);
        assert!((5.9e-8..6.05e-8).contains(&worst), "{worst:e}");
        assert!(libm::erfc(f64::from(END)) < 3e-8);
    }

    #[test]
    fn erf_ends_at_one_and_starts_as_a_line() {
        for x in [END, 4.0, 1e4, f32::MAX, f32::INFINITY] {
            assert_eq!([erf(x), erf(-x)], [1.0, -1.0]);
        }
        assert!(erf(f32::NAN).is_nan());
        assert_eq!(erf(0.0), 0.0);
        // Where x is small the error is relative.
        assert_eq!(erf(2.0_f32.powi(-60)), FRAC_2_SQRT_PI * 2.0_f32.powi(-60));
    }
}
