//! One chain rule: a whole network in plain numbers. Chapter 1.
//!
//! Two inputs, three hidden sigmoid units, two outputs, softmax, cross-entropy. Every number of
//! the two passes has a name of its own.
//!
//! # Forward
//!
//! In either layer, l counts what goes in and j what comes out.
//!
//! ```text
//! z_j = x₀·w₀ⱼ + x₁·w₁ⱼ + b_j              j = 0, 1, 2
//! h_j = σ(z_j) = 1 / (1 + e^(−z_j))
//! o_j = h₀·v₀ⱼ + h₁·v₁ⱼ + h₂·v₂ⱼ + c_j     j = 0, 1
//! p_j = e^(o_j) / (e^(o₀) + e^(o₁))
//! L   = −t₀·ln p₀ − t₁·ln p₁
//! ```
//!
//! The target (t₀, t₁) is (1, 0) for the first class and (0, 1) for the second.
//!
//! # Backward
//!
//! The chain rule says: if u acts on L through q and r, then
//! ∂L/∂u = ∂L/∂q · ∂q/∂u + ∂L/∂r · ∂r/∂u. Nothing else is used below. Write du for ∂L/∂u.
//!
//! **The outputs.** ln p_j = o_j − ln(e^(o₀) + e^(o₁)), and t₀ + t₁ = 1. So the loss is
//! ln(e^(o₀) + e^(o₁)) − t₀·o₀ − t₁·o₁. The derivative of the logarithm with respect to o_j is
//! e^(o_j)/(e^(o₀) + e^(o₁)) = p_j:
//!
//! ```text
//! do_j = p_j − t_j
//! ```
//!
//! **The second layer.** In o_j the weight v_lj has the factor h_l, and c_j the factor 1:
//!
//! ```text
//! dv_lj = do_j · h_l        dc_j = do_j
//! ```
//!
//! **The hidden units.** h_l acts through both outputs, so its gradient has two terms:
//!
//! ```text
//! dh_l = do₀ · v_l₀ + do₁ · v_l₁
//! ```
//!
//! **The sigmoid.** With s = 1 + e^(−z), h = 1/s and ∂h/∂s = −1/s², ∂s/∂z = −e^(−z) = 1 − s:
//!
//! ```text
//! ∂h/∂z = (s − 1)/s² = h·(1 − h)        dz_j = dh_j · h_j · (1 − h_j)
//! ```
//!
//! **The first layer.** In z_j the weight w_lj has the factor x_l, and b_j the factor 1:
//!
//! ```text
//! dw_lj = dz_j · x_l        db_j = dz_j
//! ```
//!
//! # Why zeros prove nothing
//!
//! From p₀ + p₁ = 1 and t₀ + t₁ = 1 follows do₁ = −do₀, whatever the weights. Then
//!
//! ```text
//! dh_l = do₀ · (v_l₀ − v_l₁)
//! ```
//!
//! In [`SYMMETRIC`] both entries of each row of V are equal: dh is zero, and so is every gradient
//! of the first layer. A wrong factor in front of zero still gives zero. [`ASYMMETRIC`] has no
//! gradient that is zero, so every factor counts.

use crate::random::{Purpose, stream};
use rand::RngExt;

/// What the network learns: 17 numbers. Its gradient has the same form.
///
/// A row of W or V belongs to the unit that its weights come from, a column to the one they go to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights {
    /// From the inputs to the hidden units.
    pub w: [[f64; 3]; 2],
    /// The biases of the hidden units.
    pub b: [f64; 3],
    /// From the hidden units to the outputs.
    pub v: [[f64; 2]; 3],
    /// The biases of the outputs.
    pub c: [f64; 2],
}

/// A point with its class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// The two inputs.
    pub x: [f64; 2],
    /// 1 at the place of the class and 0 at the other; in general two numbers with the sum 1.
    pub t: [f64; 2],
}

/// Every number that the forward pass finds and the backward pass needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forward {
    /// The hidden units, after the sigmoid.
    pub h: [f64; 3],
    /// The probabilities of the two classes.
    pub p: [f64; 2],
    /// The cross-entropy of `p` and the target, in nats.
    pub loss: f64,
}

/// The derivatives of the loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gradient {
    /// With respect to each weight.
    pub weights: Weights,
    /// With respect to each hidden unit.
    pub h: [f64; 3],
}

/// The weights and the sample of the course that the example comes from. The gradient of its
/// first layer is zero.
pub const SYMMETRIC: (Weights, Sample) = (
    Weights {
        w: [[1.0, 1.0, 1.0], [-1.0, -1.0, -1.0]],
        b: [0.0, 0.0, 0.0],
        v: [[1.0, 1.0], [-1.0, -1.0], [-1.0, -1.0]],
        c: [0.0, 0.0],
    },
    Sample { x: [1.0, -1.0], t: [1.0, 0.0] },
);

/// Weights and a sample without any symmetry. None of their gradients is zero, and no two are
/// equal where the equations do not make them so.
pub const ASYMMETRIC: (Weights, Sample) = (
    Weights {
        w: [[0.5, -0.3, 0.8], [0.2, 0.7, -0.4]],
        b: [0.1, -0.2, 0.3],
        v: [[0.6, -0.5], [-0.9, 0.4], [0.3, 1.1]],
        c: [0.05, -0.15],
    },
    Sample { x: [1.5, -0.5], t: [0.0, 1.0] },
);

/// Steps of the training of chapter 1.
pub const STEPS: usize = 1_000;

/// The learning rate of the training of chapter 1.
pub const RATE: f64 = 2.0;

/// σ(z) = 1 / (1 + e^(−z)).
pub fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

impl Weights {
    /// Where a training starts: 17 random numbers from −1 to 1, which `seed` fixes.
    pub fn random(seed: u64) -> Self {
        let mut rng = stream(seed, Purpose::Init);
        Self::from_array(std::array::from_fn(|_| rng.random_range(-1.0..1.0)))
    }

    /// The network's answer to `sample`, and its loss.
    pub fn forward(&self, sample: &Sample) -> Forward {
        let [x0, x1] = sample.x;
        let [t0, t1] = sample.t;
        let [[w00, w01, w02], [w10, w11, w12]] = self.w;
        let [b0, b1, b2] = self.b;
        let [[v00, v01], [v10, v11], [v20, v21]] = self.v;
        let [c0, c1] = self.c;

        let h0 = sigmoid(x0 * w00 + x1 * w10 + b0);
        let h1 = sigmoid(x0 * w01 + x1 * w11 + b1);
        let h2 = sigmoid(x0 * w02 + x1 * w12 + b2);

        let o0 = h0 * v00 + h1 * v10 + h2 * v20 + c0;
        let o1 = h0 * v01 + h1 * v11 + h2 * v21 + c1;

        // A number subtracted from both outputs cancels in p. With the larger, no power overflows.
        let larger = o0.max(o1);
        let e0 = (o0 - larger).exp();
        let e1 = (o1 - larger).exp();
        let p0 = e0 / (e0 + e1);
        let p1 = e1 / (e0 + e1);

        // From the outputs and not from p, whose logarithm is lost where p rounds to zero.
        let log_p0 = o0 - larger - (e0 + e1).ln();
        let log_p1 = o1 - larger - (e0 + e1).ln();
        let loss = -t0 * log_p0 - t1 * log_p1;

        Forward { h: [h0, h1, h2], p: [p0, p1], loss }
    }

    /// The gradient of the loss, from the numbers that the forward pass left.
    pub fn backward(&self, sample: &Sample, forward: &Forward) -> Gradient {
        let [x0, x1] = sample.x;
        let [t0, t1] = sample.t;
        let [h0, h1, h2] = forward.h;
        let [p0, p1] = forward.p;
        let [[v00, v01], [v10, v11], [v20, v21]] = self.v;

        // To the outputs, through cross-entropy and softmax.
        let (do0, do1) = (p0 - t0, p1 - t1);

        // To the second layer: what a weight is multiplied by in the forward pass.
        let (dv00, dv01) = (do0 * h0, do1 * h0);
        let (dv10, dv11) = (do0 * h1, do1 * h1);
        let (dv20, dv21) = (do0 * h2, do1 * h2);
        let (dc0, dc1) = (do0, do1);

        // To the hidden units: two paths each, one through each output.
        let dh0 = do0 * v00 + do1 * v01;
        let dh1 = do0 * v10 + do1 * v11;
        let dh2 = do0 * v20 + do1 * v21;

        // Through the sigmoid, to the first layer.
        let dz0 = dh0 * h0 * (1.0 - h0);
        let dz1 = dh1 * h1 * (1.0 - h1);
        let dz2 = dh2 * h2 * (1.0 - h2);
        let (dw00, dw01, dw02) = (dz0 * x0, dz1 * x0, dz2 * x0);
        let (dw10, dw11, dw12) = (dz0 * x1, dz1 * x1, dz2 * x1);
        let (db0, db1, db2) = (dz0, dz1, dz2);

        Gradient {
            weights: Weights {
                w: [[dw00, dw01, dw02], [dw10, dw11, dw12]],
                b: [db0, db1, db2],
                v: [[dv00, dv01], [dv10, dv11], [dv20, dv21]],
                c: [dc0, dc1],
            },
            h: [dh0, dh1, dh2],
        }
    }

    /// The mean loss of `samples`, and its gradient, which is the mean of their gradients.
    pub fn loss_and_gradient(&self, samples: &[Sample]) -> (f64, Self) {
        let (mut loss, mut gradient) = (0.0, [0.0; 17]);
        for sample in samples {
            let forward = self.forward(sample);
            let of_sample = self.backward(sample, &forward).weights.to_array();
            loss += forward.loss / samples.len() as f64;
            for (sum, du) in gradient.iter_mut().zip(of_sample) {
                *sum += du / samples.len() as f64;
            }
        }
        (loss, Self::from_array(gradient))
    }

    /// A step of gradient descent: u − rate · du in the place of every weight u.
    pub fn step(&self, gradient: &Self, rate: f64) -> Self {
        let (weights, gradient) = (self.to_array(), gradient.to_array());
        Self::from_array(std::array::from_fn(|i| weights[i] - rate * gradient[i]))
    }

    /// The fraction of `samples` whose class gets the larger probability.
    pub fn accuracy(&self, samples: &[Sample]) -> f64 {
        let right = |sample: &&Sample| {
            let p = self.forward(sample).p;
            (p[1] > p[0]) == (sample.t[1] > sample.t[0])
        };
        samples.iter().filter(right).count() as f64 / samples.len() as f64
    }

    /// The gradient of the loss without the chain rule: (L(u + step) − L(u − step)) / (2·step)
    /// for every weight u. Chapter 3 tells what `step` should be; 1e-5 is near the best.
    pub fn central_differences(&self, sample: &Sample, step: f64) -> Weights {
        let weights = self.to_array();
        Weights::from_array(std::array::from_fn(|i| {
            let loss = |shift: f64| {
                let mut moved = weights;
                moved[i] += shift;
                Weights::from_array(moved).forward(sample).loss
            };
            (loss(step) - loss(-step)) / (2.0 * step)
        }))
    }

    /// All 17 numbers: W row by row, b, V row by row, c.
    pub fn to_array(&self) -> [f64; 17] {
        let [[w00, w01, w02], [w10, w11, w12]] = self.w;
        let [b0, b1, b2] = self.b;
        let [[v00, v01], [v10, v11], [v20, v21]] = self.v;
        let [c0, c1] = self.c;
        [w00, w01, w02, w10, w11, w12, b0, b1, b2, v00, v01, v10, v11, v20, v21, c0, c1]
    }

    /// The weights that [`Weights::to_array`] turns into these numbers.
    pub fn from_array(numbers: [f64; 17]) -> Self {
        let [w00, w01, w02, w10, w11, w12, b0, b1, b2, v00, v01, v10, v11, v20, v21, c0, c1] =
            numbers;
        Self {
            w: [[w00, w01, w02], [w10, w11, w12]],
            b: [b0, b1, b2],
            v: [[v00, v01], [v10, v11], [v20, v21]],
            c: [c0, c1],
        }
    }
}
