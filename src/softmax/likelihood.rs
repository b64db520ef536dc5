//! Cross-entropy and divergence of probabilities, or of their logarithms, that another op
//! computed. Chapter 7.
//!
//! With softmax or log-softmax before them they are the losses that
//! [`cross_entropy`](super::cross_entropy) computes in one op, in two steps. From the logarithms
//! q_k = ln p_k:
//!
//! ```text
//! H  = − Σ_k t_k · q_k                   ∂H/∂q_k = ∂KL/∂q_k = − t_k
//! KL =   Σ_k t_k · (ln t_k − q_k)        ∂H/∂t_k  = − q_k
//!                                        ∂KL/∂t_k =   ln t_k + 1 − q_k
//! ```
//!
//! From the probabilities themselves, q_k being their logarithm:
//!
//! ```text
//! H  = − Σ_k t_k · ln p_k                ∂H/∂p_k = ∂KL/∂p_k = − t_k / p_k
//! KL =   Σ_k t_k · (ln t_k − ln p_k)     ∂H/∂t_k  = − ln p_k
//!                                        ∂KL/∂t_k =   ln t_k + 1 − ln p_k
//! ```
//!
//! **The step after them.** Through log-softmax, dz_j = d_j − p_j · Σ_k d_k with d = −t gives
//! p_j · Σ_k t_k − t_j. Through softmax, dz_j = p_j · (d_j − Σ_k d_k · p_k) with d_k = −t_k / p_k
//! gives −t_j + p_j · Σ_k t_k. Both are the gradient of the fused op.
//!
//! **Which one to use.** A probability below 1e-45 is 0 in `f32`. Where it is that of the target, the
//! loss is ∞ and d_k = −t_k / p_k is −∞. Softmax multiplies that by p_k again, and 0 · (−∞) is not a
//! number: it stands in the sum Σ_k d_k · p_k, and so in every dz_j of the row. One such sample in a
//! batch makes the gradient of every weight before it NaN, and the next update makes the weights NaN.
//! To train, take [`Tape::softmax_cross_entropy`], which has no such limit and takes one pass, or
//! [`Tape::log_softmax`] and [`Tape::loss_of_log_probabilities`].

use super::target::{Loss, Targets, loss_shape, weighted};
use crate::gradcheck::Case;
use crate::real::Real;
use crate::tape::{Gradients, Inputs, Op, Tape, Var};
use crate::tensor::{BrokenRule, ShapeError, Tensor, entries, matrix_shape, rows, rows_mut};

/// A loss of probabilities, or of their logarithms, over a batch.
///
/// Shapes: p or ln p `[batch, classes]`, t `[batch]` or `[batch, classes]`, the loss `[]`.
#[derive(Clone, Copy, Debug)]
struct LikelihoodLoss {
    /// Whether the predictions are ln p, and not p.
    logarithms: bool,
    loss: Loss,
}

impl LikelihoodLoss {
    /// ln p of a prediction.
    fn log<T: Real>(self, prediction: T) -> T {
        if self.logarithms { prediction } else { prediction.ln() }
    }
}

impl<T: Real> Op<T> for LikelihoodLoss {
    fn name(&self) -> &'static str {
        match (self.loss.divergence, self.logarithms) {
            (false, false) => "cross_entropy_of_probabilities",
            (true, false) => "kl_divergence_of_probabilities",
            (false, true) => "negative_log_likelihood",
            (true, true) => "kl_divergence",
        }
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        loss_shape(inputs)
    }

    fn forward(&mut self, x: Inputs<'_, T>, y: &mut Tensor<T>) {
        let (batch, classes) = matrix_shape(x[0].shape());
        let targets = Targets::new(&x[1], classes, self.loss.smoothing);
        let mut sum = T::zero();
        for (p, t) in rows(&x[0]).zip(targets.rows()) {
            for (k, &p) in p.iter().enumerate() {
                let (weight, log_p) = (t.weight(k), self.log(p));
                let log_t = if self.loss.divergence { weight.ln() } else { T::zero() };
                sum += weighted(weight, log_t - log_p);
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
        if let Some(dp) = dx.wanted(0) {
            for ((dp, p), t) in rows_mut(dp).zip(rows(&x[0])).zip(targets.rows()) {
                for (k, (dp, &p)) in dp.iter_mut().zip(p).enumerate() {
                    let weight = t.weight(k);
                    *dp -= dy * if self.logarithms { weight } else { weighted(weight, p.recip()) };
                }
            }
        }
        if targets.are_classes {
            return;
        }
        if let Some(dt) = dx.wanted(1) {
            let dy = dy * targets.keep();
            for ((dt, p), t) in rows_mut(dt).zip(rows(&x[0])).zip(targets.rows()) {
                for (k, (dt, &p)) in dt.iter_mut().zip(p).enumerate() {
                    *dt += dy * self.loss.slope(t.weight(k), self.log(p));
                }
            }
        }
    }
}

/// Losses of probabilities and of their logarithms. Chapter 7.
impl<T: Real> Tape<T> {
    /// A `loss` of `probabilities`, which another op computed: the cross-entropy −Σ_k t_k · ln p_k or
    /// the Kullback–Leibler divergence. Chapter 7.
    ///
    /// Shapes, units and targets are those of [`Tape::softmax_loss`]. The loss is infinite where a
    /// probability is 0 that should not be, and then the gradient through [`Tape::softmax`] is not a
    /// number. [`Tape::softmax_loss`] has no such limit.
    ///
    /// # Errors
    /// [`ShapeError`] where the shapes do not fit.
    #[doc(alias = "cross_entropy")]
    pub fn loss_of_probabilities(
        &mut self,
        probabilities: Var,
        targets: Var,
        loss: Loss,
    ) -> Result<Var, ShapeError> {
        self.push(LikelihoodLoss { logarithms: false, loss }, &[probabilities, targets])
    }

    /// A `loss` of `log_probabilities` q, which [`Tape::log_softmax`] computed: the cross-entropy
    /// −Σ_k t_k · q_k, also called the negative log-likelihood, or the divergence
    /// Σ_k t_k · (ln t_k − q_k). Chapter 7.
    ///
    /// Shapes, units and targets are those of [`Tape::softmax_loss`].
    ///
    /// # Errors
    /// [`ShapeError`] where the shapes do not fit.
    #[doc(alias = "kl_divergence")]
    #[doc(alias = "negative_log_likelihood")]
    pub fn loss_of_log_probabilities(
        &mut self,
        log_probabilities: Var,
        targets: Var,
        loss: Loss,
    ) -> Result<Var, ShapeError> {
        self.push(LikelihoodLoss { logarithms: true, loss }, &[log_probabilities, targets])
    }
}

/// The gradient checks of this module.
pub const CASES: &[Case] = &[
    Case::smooth("cross_entropy_of_probabilities", |tape, draw| {
        let probabilities = tape.parameter(draw.positive(&[5, 4]));
        let labels = tape.input(draw.labels(5, 4));
        tape.loss_of_probabilities(probabilities, labels, Loss::default())
    }),
    Case::smooth("cross_entropy_of_probabilities, distributions", |tape, draw| {
        let probabilities = tape.parameter(draw.positive(&[5, 4]));
        let targets = tape.parameter(draw.positive(&[5, 4]));
        tape.loss_of_probabilities(probabilities, targets, Loss::default())
    }),
    Case::smooth("negative_log_likelihood", |tape, draw| {
        let log_probabilities = tape.parameter(draw.away_from_zero(&[5, 4]));
        let targets = tape.parameter(draw.positive(&[5, 4]));
        tape.loss_of_log_probabilities(log_probabilities, targets, Loss::default())
    }),
    Case::smooth("kl_divergence", |tape, draw| {
        let log_probabilities = tape.parameter(draw.away_from_zero(&[5, 4]));
        let targets = tape.parameter(draw.positive(&[5, 4]));
        let divergence = Loss { divergence: true, ..Loss::default() };
        tape.loss_of_log_probabilities(log_probabilities, targets, divergence)
    }),
    Case::smooth("kl_divergence_of_probabilities", |tape, draw| {
        let probabilities = tape.parameter(draw.positive(&[5, 4]));
        let targets = tape.parameter(draw.positive(&[5, 4]));
        let divergence = Loss { divergence: true, ..Loss::default() };
        tape.loss_of_probabilities(probabilities, targets, divergence)
    }),
];
