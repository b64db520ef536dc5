//! Softmax and cross-entropy, or the Kullback–Leibler divergence, as one op. Chapter 7.
//!
//! The loss of one sample, with logits z, p = softmax(z) and target t, is
//!
//! ```text
//! cross-entropy    H(t, p)   = − Σ_k t_k · ln p_k
//! divergence       KL(t ‖ p) =   Σ_k t_k · (ln t_k − ln p_k)
//! ```
//!
//! with 0 · ln 0 = 0. Of a class index c only the term −ln p_c of the cross-entropy is left.
//!
//! # Why the gradient is p − t
//!
//! Softmax gave ∂(ln p_k)/∂z_j = δ_kj − p_j. So
//!
//! ```text
//! ∂H/∂z_j = − Σ_k t_k · (δ_kj − p_j)  =  p_j · Σ_k t_k − t_j
//! ```
//!
//! The targets of a distribution sum to 1, and what is left is
//!
//! ```text
//! ∂H/∂z_j = p_j − t_j                            [batch, classes]
//! ```
//!
//! Of the two steps that an unfused loss takes, −t_k / p_k and then the Jacobian of softmax, the
//! first divides by a probability that may be 0. In the product that division is gone. The op
//! keeps the factor Σ_k t_k, so that its gradient is right for any t.
//!
//! # The divergence
//!
//! ```text
//! KL(t ‖ p) = H(t, p) − H(t)        H(t) = − Σ_k t_k · ln t_k
//! ```
//!
//! The entropy H(t) does not hold z. So both losses have the same gradient p − t, and a network
//! learns the same from both. For a class index without smoothing H(t) is 0, and the losses are equal
//! too. Smoothing gives the class an entropy: a share of 0.2 among 10 classes makes the target 0.82 at
//! the class and 0.02 at the nine others, and
//!
//! ```text
//! H(t) = −0.82 · ln 0.82 − 9 · 0.02 · ln 0.02 = 0.867
//! ```
//!
//! No cross-entropy with such targets falls below that. The divergence falls to 0.
//!
//! # The gradient of the target
//!
//! Where a distribution is itself computed from parameters, each t_k is free and
//!
//! ```text
//! ∂H/∂t_k  = − ln p_k
//! ∂KL/∂t_k =   ln t_k + 1 − ln p_k
//! ```
//!
//! The second is −∞ at t_k = 0: the divergence is vertical there. A class index has no gradient.
//!
//! # The batch
//!
//! The mean over a batch divides each gradient by the number of samples, the mean of entries by the number
//! of classes too, and the sum by nothing: [`target`](super::target) says what follows. The upstream
//! gradient dy, a single number, multiplies it.

use super::target::{Loss, Targets, loss_shape, weighted};
use super::{log_sum_exp, softmax_row};
use crate::fraction::Fraction;
use crate::gradcheck::Case;
use crate::real::Real;
use crate::tape::{Gradients, Inputs, Op, Tape, Var};
use crate::tensor::{BrokenRule, ShapeError, Tensor, entries, matrix_shape, rows, rows_mut};

/// H(t, softmax(z)), or KL(t ‖ softmax(z)) where the loss is the divergence, over a batch.
///
/// Shapes: z `[batch, classes]`, t `[batch]` or `[batch, classes]`, the loss `[]`.
#[derive(Debug)]
struct SoftmaxLoss<T> {
    loss: Loss,
    /// softmax(z) of the last forward pass. `[batch, classes]`.
    p: Vec<T>,
}

impl<T: Real> Op<T> for SoftmaxLoss<T> {
    fn name(&self) -> &'static str {
        if self.loss.divergence { "softmax_kl_divergence" } else { "softmax_cross_entropy" }
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        loss_shape(inputs)
    }

    fn forward(&mut self, x: Inputs<'_, T>, y: &mut Tensor<T>) {
        let (batch, classes) = matrix_shape(x[0].shape());
        self.p.resize(batch * classes, T::zero());
        let targets = Targets::new(&x[1], classes, self.loss.smoothing);
        let predictions = rows(&x[0]).zip(self.p.chunks_exact_mut(classes));
        let mut sum = T::zero();
        for ((z, p), t) in predictions.zip(targets.rows()) {
            let (max, log_sum) = softmax_row(z, p);
            for (k, &z) in z.iter().enumerate() {
                let weight = t.weight(k);
                sum += weighted(weight, log_sum - (z - max));
                if self.loss.divergence {
                    sum += weighted(weight, weight.ln());
                }
            }
        }
        y.fill(self.loss.reduction.scale::<T>([batch, classes]) * sum);
    }

    fn backward(
        &mut self,
        x: Inputs<'_, T>,
        _: &Tensor<T>,
        dy: &Tensor<T>,
        mut dx: Gradients<'_, T>,
    ) {
        let (batch, classes) = matrix_shape(x[0].shape());
        let targets = Targets::new(&x[1], classes, self.loss.smoothing);
        let dy = self.loss.reduction.scale::<T>([batch, classes]) * entries(dy)[0];
        if let Some(dz) = dx.wanted(0) {
            let predictions = self.p.chunks_exact(classes);
            for ((dz, p), t) in rows_mut(dz).zip(predictions).zip(targets.rows()) {
                let total = t.total();
                for (k, (dz, &p)) in dz.iter_mut().zip(p).enumerate() {
                    *dz += dy * (p * total - t.weight(k));
                }
            }
        }
        if targets.are_classes {
            return;
        }
        if let Some(dt) = dx.wanted(1) {
            let dy = dy * targets.keep();
            for ((dt, z), t) in rows_mut(dt).zip(rows(&x[0])).zip(targets.rows()) {
                // From z again, as ln p of the kept p is −∞ where p has become 0.
                let (max, log_sum) = log_sum_exp(z);
                for (k, (dt, &z)) in dt.iter_mut().zip(z).enumerate() {
                    *dt += dy * self.loss.slope(t.weight(k), (z - max) - log_sum);
                }
            }
        }
    }
}

/// Losses of logits. Chapter 7.
impl<T: Real> Tape<T> {
    /// The cross-entropy −Σ_k t_k · ln p_k of p = softmax(`logits`), as its mean over the batch.
    /// Chapter 7.
    ///
    /// Shapes: `logits` `[batch, classes]`; `targets` either class indices `[batch]`, whole numbers
    /// below `classes`, or distributions `[batch, classes]`; the loss `[]`. Units: nats. Value and
    /// gradient are finite for all finite logits. A class index that is none makes the loss, and
    /// the gradient of its sample, not a number. Class indices have no gradient; distributions do.
    ///
    /// # Errors
    /// [`ShapeError`] where the shapes do not fit.
    pub fn softmax_cross_entropy(&mut self, logits: Var, targets: Var) -> Result<Var, ShapeError> {
        self.softmax_loss(logits, targets, Loss::default())
    }

    /// A `loss` of p = softmax(`logits`), with the shapes of [`Tape::softmax_cross_entropy`]: that
    /// cross-entropy or the Kullback–Leibler divergence Σ_k t_k · (ln t_k − ln p_k) of the targets from
    /// p, as a mean or the sum over the batch, with label smoothing (Szegedy et al. 2016,
    /// "Rethinking the Inception architecture") or without. Chapter 7.
    ///
    /// The gradient of the divergence in the logits is that of the cross-entropy. Its gradient in a
    /// target is −∞ where the target is 0.
    ///
    /// # Errors
    /// [`ShapeError`] where the shapes do not fit.
    pub fn softmax_loss(
        &mut self,
        logits: Var,
        targets: Var,
        loss: Loss,
    ) -> Result<Var, ShapeError> {
        self.push(SoftmaxLoss { loss, p: Vec::new() }, &[logits, targets])
    }
}

/// The gradient checks of this module.
pub const CASES: &[Case] = &[
    Case::smooth("softmax_cross_entropy", |tape, draw| {
        let logits = tape.parameter(draw.away_from_zero(&[5, 4]));
        let labels = tape.input(draw.labels(5, 4));
        tape.softmax_cross_entropy(logits, labels)
    }),
    Case::smooth("softmax_cross_entropy, distributions", |tape, draw| {
        let logits = tape.parameter(draw.away_from_zero(&[5, 4]));
        let targets = tape.parameter(draw.positive(&[5, 4]));
        tape.softmax_loss(logits, targets, smoothed(false))
    }),
    Case::smooth("softmax_cross_entropy, label smoothing", |tape, draw| {
        let logits = tape.parameter(draw.away_from_zero(&[5, 4]));
        let labels = tape.input(draw.labels(5, 4));
        tape.softmax_loss(logits, labels, smoothed(false))
    }),
    Case::smooth("softmax_kl_divergence", |tape, draw| {
        let logits = tape.parameter(draw.away_from_zero(&[5, 4]));
        let targets = tape.parameter(draw.positive(&[5, 4]));
        tape.softmax_loss(logits, targets, smoothed(true))
    }),
];

/// A loss of which neither the reduction nor the smoothing is the default.
fn smoothed(divergence: bool) -> Loss {
    let smoothing = Fraction::new(0.2).expect("0.2 is a fraction");
    Loss { divergence, reduction: super::Reduction::Sum, smoothing }
}
