//! The speed of a composition is the local derivative times the speed of what goes in: `e^x` for
//! the power, `1/x` for the logarithm, `−1/x²` for the reciprocal. In a product each factor moves
//! while the other stands still, and the two parts add up.
//!
//! A pass follows one direction: a speed of 1 for one of the weights and 0 for all others gives the
//! derivative with respect to that weight. The whole gradient takes 17 passes, one for each number
//! that can be learned. A tape takes one pass forwards and one back, for 17 numbers as for a
//! million.

use std::ops::{Add, Mul};

/// A number with its derivative along one direction.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Dual {
    value: f64,
    speed: f64,
}

impl Add for Dual {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { value: self.value + other.value, speed: self.speed + other.speed }
    }
}

impl Mul for Dual {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let speed = self.speed * other.value + self.value * other.speed;
        Self { value: self.value * other.value, speed }
    }
}

impl Dual {
    /// A number that stands still.
    fn constant(value: f64) -> Self {
        Self { value, speed: 0.0 }
    }

    fn exp(self) -> Self {
        let value = self.value.exp();
        Self { value, speed: value * self.speed }
    }

    fn ln(self) -> Self {
        Self { value: self.value.ln(), speed: self.speed / self.value }
    }

    /// 1/x.
    fn reciprocal(self) -> Self {
        let value = 1.0 / self.value;
        Self { value, speed: -value * value * self.speed }
    }
}

/// All derivatives of `loss` at these numbers, by as many passes as it takes.
fn gradient(loss: &dyn Fn([Dual; 17]) -> Dual, at: [f64; 17]) -> [f64; 17] {
    std::array::from_fn(|direction| {
        let mut numbers = at.map(Dual::constant);
        numbers[direction].speed = 1.0;
        loss(numbers).speed
    })
}

/// One for each of the 17.
const PASSES: Option<usize> = Some(17);

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use chainrule::scalar::{ASYMMETRIC, Sample};
    use exercises::assert_gradient;
    use std::cell::Cell;

    const SPEEDS: &str = "write the speeds of the five operations";

    /// The derivative of `f` at `x`, with a speed of 1.
    fn speed(f: fn(Dual) -> Dual, x: f64) -> f64 {
        f(Dual { value: x, speed: 1.0 }).speed
    }

    #[track_caller]
    fn assert_speed(name: &str, value: fn(&[f64]) -> f64, f: fn(Dual) -> Dual) {
        let task = format!("{SPEEDS}\n    {name}:");
        assert_gradient(&task, value, move |x| vec![speed(f, x[0])], &[&[0.6], &[1.7]]);
    }

    #[test]
    fn the_five_operations() {
        let three = Dual::constant(3.0);
        let still = three + three == Dual::constant(6.0);
        assert!(still, "{SPEEDS}\n    3 + 3: the speed of two that stand still\n");
        assert_speed("x + x", |x| 2.0 * x[0], |x| x + x);
        assert_speed("x·x·x", |x| x[0].powi(3), |x| x * x * x);
        assert_speed("3·x", |x| 3.0 * x[0], |x| Dual::constant(3.0) * x);
        assert_speed("e^(x·x)", |x| (x[0] * x[0]).exp(), |x| (x * x).exp());
        assert_speed("ln(x·x)", |x| (x[0] * x[0]).ln(), |x| (x * x).ln());
        assert_speed("1/(x·x)", |x| 1.0 / (x[0] * x[0]), |x| (x * x).reciprocal());
    }

    /// The loss of chapter 1's network.
    fn loss(weights: [Dual; 17], sample: &Sample) -> Dual {
        let [x0, x1, t0, t1] =
            [sample.x[0], sample.x[1], -sample.t[0], -sample.t[1]].map(Dual::constant);
        let (one, minus_one) = (Dual::constant(1.0), Dual::constant(-1.0));
        let (w, rest) = weights.split_at(6);
        let (b, rest) = rest.split_at(3);
        let (v, c) = rest.split_at(6);
        let h: [Dual; 3] = std::array::from_fn(|j| {
            let z = x0 * w[j] + x1 * w[3 + j] + b[j];
            (one + (minus_one * z).exp()).reciprocal()
        });
        let [e0, e1] =
            std::array::from_fn(|k| (h[0] * v[k] + h[1] * v[2 + k] + h[2] * v[4 + k] + c[k]).exp());
        let share = (e0 + e1).reciprocal();
        t0 * (e0 * share).ln() + t1 * (e1 * share).ln()
    }

    #[test]
    fn seventeen_derivatives() {
        let (weights, sample) = ASYMMETRIC;
        let passes = Cell::new(0);
        let counted = |numbers: [Dual; 17]| {
            passes.set(passes.get() + 1);
            loss(numbers, &sample)
        };
        let found = gradient(&counted, weights.to_array());
        let task = "collect the 17 derivatives";
        let expected = weights.backward(&sample, &weights.forward(&sample)).weights.to_array();
        for (i, (found, expected)) in found.into_iter().zip(expected).enumerate() {
            let near = (found - expected).abs() <= 1e-9 * expected.abs();
            assert!(
                near,
                "{task}\n    number {i}: another derivative than the backward pass finds\n"
            );
        }
        let task = "say how many passes the 17 derivatives take";
        let Some(said) = PASSES else { panic!("{task}\n    PASSES: still empty\n") };
        assert!(said == passes.get(), "{task}\n    PASSES: your `gradient` takes another number\n");
    }
}
