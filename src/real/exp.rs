//! The exponential function in `f32`, without a branch and so for many numbers at a time.
//!
//! With n the integer next to x/ln 2 and r = x − n·ln 2, so that |r| ≤ (ln 2)/2,
//!
//! ```text
//! eˣ = 2ⁿ·eʳ        eʳ = Σ_k rᵏ/k!, k = 0 … 7
//! ```
//!
//! The first term left out is r⁸/8! < 6e-9: less than a tenth of what rounding costs. ln 2 is taken off
//! in two parts, the first with so few digits that its product with n is exact. 2ⁿ is put together from
//! bits, in two factors, since n reaches beyond a single number's exponents.

/// Added and taken off again, it rounds to an integer; while it is on, the integer stands in the lowest
/// bits.
const ROUND: f32 = 12_582_912.0; // 1.5·2²³
/// ln 2 in two parts.
const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
/// 1/k!, for k from 0 to 7.
const TAYLOR: [f32; 8] =
    [1.0, 1.0, 0.5, 1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0, 1.0 / 720.0, 1.0 / 5_040.0];

/// eˣ, with a relative error below 3e-7; 0 below −104, infinite above 88.8, and not a number where x is
/// not.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let (n, r) = reduce(x);
    let c = TAYLOR;
    let power = ((((((c[7] * r + c[6]) * r + c[5]) * r + c[4]) * r + c[3]) * r + c[2]) * r + c[1])
        * r
        + c[0];
    let half = n >> 1;
    power * power_of_two(half) * power_of_two(n.wrapping_sub(half))
}

/// eˣ − 1, with a relative error below 4e-7 also where eˣ is next to 1; −1 below −104, infinite above 88.8,
/// and not a number where x is not.
#[inline(always)]
pub(super) fn exp_m1(x: f32) -> f32 {
    let (n, r) = reduce(x);
    let c = TAYLOR;
    // eʳ − 1, from its first term on: so nothing cancels.
    let p = r + r * r * (((((c[7] * r + c[6]) * r + c[5]) * r + c[4]) * r + c[3]) * r + c[2]);
    // 2ⁿ·(eʳ − 1) + (2ⁿ − 1), with the second factor of 2ⁿ drawn out: 2ⁿ alone may be infinite.
    let half = n >> 1;
    let (first, second) = (power_of_two(half), power_of_two(n.wrapping_sub(half)));
    let undone = power_of_two(half.wrapping_sub(n));
    (first * p + (first - undone)) * second
}

/// n and r.
#[inline(always)]
fn reduce(x: f32) -> (i32, f32) {
    // Written so that NaN stays.
    let x = if x < -104.0 { -104.0 } else { x };
    let x = if x > 89.0 { 89.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * LN_2[0] - n * LN_2[1];
    ((shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32), r)
}

/// 2ⁿ, for n from −126 to 127.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) as u32) << 23)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_near_the_true_one() {
        for k in -8_700..=8_870 {
            let x = 0.01 * k as f32;
            let expected = f64::from(x).exp();
            let error = (f64::from(exp(x)) - expected).abs() / expected;
            assert!(error < 3e-7, "exp({x}): {error:e}");
        }
    }

    #[test]
    fn exp_m1_is_near_the_true_one() {
        let large = (-8_700..=8_870).map(|k| 0.01 * k as f32);
        let small = (-1_000..=1_000).map(|k| 0.001 * k as f32);
        let tiny = (1..=40).flat_map(|k| [0.5_f32.powi(k), -(0.5_f32.powi(k))]);
        for x in large.chain(small).chain(tiny).filter(|&x| x != 0.0) {
            let expected = f64::from(x).exp_m1();
            let error = (f64::from(exp_m1(x)) - expected).abs() / expected.abs();
            assert!(error < 4e-7, "exp_m1({x}): {error:e}");
        }
    }

    #[test]
    fn exp_m1_ends_at_minus_one_and_at_infinity() {
        for x in [-104.0, -1e4, f32::MIN, f32::NEG_INFINITY] {
            assert_eq!(exp_m1(x), -1.0);
        }
        for x in [89.0, 1e4, f32::MAX, f32::INFINITY] {
            assert_eq!(exp_m1(x), f32::INFINITY);
        }
        assert!(exp_m1(f32::NAN).is_nan());
        assert_eq!(exp_m1(0.0).to_bits(), 0.0_f32.to_bits());
        assert_eq!(exp_m1(-1e-30), -1e-30);
    }

    #[test]
    fn exp_ends_at_zero_and_at_infinity() {
        for x in [-104.0, -1e4, f32::MIN, f32::NEG_INFINITY] {
            assert_eq!(exp(x), 0.0);
        }
        for x in [89.0, 1e4, f32::MAX, f32::INFINITY] {
            assert_eq!(exp(x), f32::INFINITY);
        }
        assert!(exp(f32::NAN).is_nan());
        assert_eq!(exp(0.0), 1.0);
        // Below the normal numbers there are fewer digits.
        assert!((f64::from(exp(-100.0)) - (-100.0_f64).exp()).abs() < 2e-45);
    }
}
