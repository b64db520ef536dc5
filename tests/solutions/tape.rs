//! Solutions of chapter 2.

use crate::examples::small_tape::SmallTape;
use approx::assert_relative_eq;
use chainrule::gradcheck::Gradcheck;
use chainrule::scalar::{ASYMMETRIC, Sample, Weights};
use chainrule::tape::{Gradients, Inputs};
use chainrule::{BrokenRule, Op, ShapeError, Tape, Tensor};
use ndarray::arr1;
use std::ops::{Add, Mul};

#[test]
fn by_hand() -> Result<(), ShapeError> {
    let mut tape = Tape::<f64>::new();
    let a = tape.parameter(arr1(&[3.0]));
    let b = tape.parameter(arr1(&[-2.0]));
    let u = tape.multiply(a, b)?;
    let v = tape.add(u, a)?;
    let loss = tape.multiply(v, u)?;
    tape.backward(loss);
    assert_eq!([u, v, loss].map(|var| tape.value(var)[0]), [-6.0, -3.0, 18.0]);
    assert_eq!([v, u, b, a].map(|var| tape.gradient(var)[0]), [-6.0, -9.0, -27.0, 12.0]);
    Ok(())
}

#[test]
fn one_input_twice() -> Result<(), ShapeError> {
    let mut tape = Tape::<f64>::new();
    let c = tape.parameter(arr1(&[5.0]));
    let (sum, difference) = (tape.add(c, c)?, tape.subtract(c, c)?);
    let (product, quotient) = (tape.multiply(c, c)?, tape.divide(c, c)?);
    for (y, dc) in [(sum, 2.0), (difference, 0.0), (product, 10.0), (quotient, 0.0)] {
        tape.backward(y);
        assert_relative_eq!(tape.gradient(c)[0], dc);
    }
    Ok(())
}

#[test]
fn paths_of_fibonacci() -> Result<(), ShapeError> {
    let mut tape = Tape::<f64>::new();
    let first = tape.parameter(arr1(&[1.0]));
    let second = tape.parameter(arr1(&[1.0]));
    let (mut before, mut last) = (first, second);
    for _ in 3..=50 {
        (before, last) = (last, tape.add(before, last)?);
    }
    tape.backward(last);
    assert_eq!(tape.value(last)[0], 12_586_269_025.0);
    assert_eq!(tape.gradient(second)[0], 7_778_742_049.0);
    assert_eq!(tape.gradient(first)[0], 4_807_526_976.0);
    // 50 nodes, 48 of them additions.
    assert_eq!(tape.vars().count(), 50);
    Ok(())
}

/// y = (1 − t)·a + t·b, entry by entry, with a fixed number t.
struct Blend {
    t: f64,
}

impl Op<f64> for Blend {
    fn name(&self) -> &'static str {
        "blend"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        match inputs {
            [a, b] if a == b => Ok(a.to_vec()),
            _ => Err("takes two inputs of one shape".into()),
        }
    }

    fn forward(&mut self, x: Inputs<'_, f64>, y: &mut Tensor<f64>) {
        for ((y, a), b) in y.iter_mut().zip(&x[0]).zip(&x[1]) {
            *y = (1.0 - self.t) * a + self.t * b;
        }
    }

    fn backward(
        &mut self,
        _: Inputs<'_, f64>,
        _: &Tensor<f64>,
        dy: &Tensor<f64>,
        mut dx: Gradients<'_, f64>,
    ) {
        if let Some(da) = dx.wanted(0) {
            da.scaled_add(1.0 - self.t, dy);
        }
        if let Some(db) = dx.wanted(1) {
            db.scaled_add(self.t, dy);
        }
    }
}

#[test]
fn a_new_op_is_checked() -> Result<(), ShapeError> {
    let mut tape = Tape::<f64>::new();
    let a = tape.parameter(arr1(&[1.0, -2.0, 8.0]));
    let b = tape.parameter(arr1(&[5.0, 2.0, -4.0]));
    let y = tape.push(Blend { t: 0.25 }, &[a, b])?;
    assert_eq!(tape.value(y), &arr1(&[2.0, -1.0, 5.0]).into_dyn());
    // One input given twice, so that an assignment is seen.
    let twice = tape.push(Blend { t: 0.25 }, &[y, y])?;
    let report = Gradcheck::default().run(&mut tape, twice, &arr1(&[1.0, -2.0, 0.5]).into_dyn())?;
    assert!(report.max_relative_error() < 1e-8, "{report}");
    assert!(report.vacuous.is_empty());
    assert_eq!(
        tape.push(Blend { t: 0.25 }, &[a]).unwrap_err().rule.to_string(),
        "takes two inputs of one shape"
    );
    Ok(())
}

/// A number with its derivative along one direction.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Dual {
    value: f64,
    tangent: f64,
}

impl Add for Dual {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { value: self.value + other.value, tangent: self.tangent + other.tangent }
    }
}

impl Mul for Dual {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let tangent = self.tangent * other.value + self.value * other.tangent;
        Self { value: self.value * other.value, tangent }
    }
}

impl Dual {
    fn constant(value: f64) -> Self {
        Self { value, tangent: 0.0 }
    }

    fn exp(self) -> Self {
        let value = self.value.exp();
        Self { value, tangent: value * self.tangent }
    }

    fn ln(self) -> Self {
        Self { value: self.value.ln(), tangent: self.tangent / self.value }
    }

    /// 1/x, with the derivative −1/x².
    fn reciprocal(self) -> Self {
        let value = 1.0 / self.value;
        Self { value, tangent: -value * value * self.tangent }
    }
}

/// The loss of chapter 1's network, in numbers with their derivatives.
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
fn forward_mode_takes_a_pass_a_weight() {
    let (weights, sample) = ASYMMETRIC;
    let reverse = weights.backward(&sample, &weights.forward(&sample)).weights.to_array();
    for (direction, expected) in reverse.into_iter().enumerate() {
        let mut numbers = weights.to_array().map(Dual::constant);
        numbers[direction].tangent = 1.0;
        let Dual { value, tangent } = loss(numbers, &sample);
        assert_relative_eq!(value, weights.forward(&sample).loss, max_relative = 1e-14);
        assert_relative_eq!(tangent, expected, max_relative = 1e-13);
    }
}

#[test]
fn one_pass_gives_one_direction() {
    let (weights, sample) = ASYMMETRIC;
    let reverse = weights.backward(&sample, &weights.forward(&sample)).weights.to_array();
    let direction: [f64; 17] = std::array::from_fn(|i| (i as f64).sin());
    let numbers = weights.to_array();
    let moving = std::array::from_fn(|i| Dual { value: numbers[i], tangent: direction[i] });
    let expected: f64 = reverse.iter().zip(direction).map(|(d, v)| d * v).sum();
    assert_relative_eq!(loss(moving, &sample).tangent, expected, max_relative = 1e-13);
    // `Weights` has the same order of its numbers.
    assert_eq!(Weights::from_array(numbers), weights);
}

impl SmallTape {
    /// a / b, with the local derivatives 1/b and −a/b².
    fn divide(&mut self, a: usize, b: usize) -> usize {
        let (x, y) = (self.values[a], self.values[b]);
        self.push(x / y, &[(a, 1.0 / y), (b, -x / (y * y))])
    }

    /// eᵃ, which is its own derivative.
    fn exp(&mut self, a: usize) -> usize {
        let value = self.values[a].exp();
        self.push(value, &[(a, value)])
    }
}

/// A tape whose first node is z, and its node tanh z.
fn tanh(z: f64) -> (SmallTape, usize) {
    let mut tape = SmallTape::default();
    let z = tape.leaf(z);
    let minus_one = tape.leaf(-1.0);
    let minus_z = tape.multiply(minus_one, z);
    let (up, down) = (tape.exp(z), tape.exp(minus_z));
    let minus_down = tape.multiply(minus_one, down);
    let (above, below) = (tape.add(up, minus_down), tape.add(up, down));
    let t = tape.divide(above, below);
    (tape, t)
}

#[test]
fn small_tape_extended() {
    let value = |z| {
        let (tape, t) = tanh(z);
        tape.values[t]
    };
    for z in [0.7, -1.2] {
        let (tape, t) = tanh(z);
        let dz = tape.gradients(t)[0];
        let (step, t) = (1e-5, tape.values[t]);
        assert_relative_eq!(t, z.tanh(), max_relative = 1e-14);
        assert_relative_eq!(dz, 1.0 - t * t, max_relative = 1e-13);
        let numeric = (value(z + step) - value(z - step)) / (2.0 * step);
        assert_relative_eq!(dz, numeric, max_relative = 1e-8);
    }
}
