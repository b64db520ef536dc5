//! What a loss compares a prediction with, and how the losses of a batch become one number.
//! Chapter 7.
//!
//! The target of a sample is a distribution t₁ … t_K over the classes. A class index c stands for
//! the distribution that is 1 at c and 0 elsewhere.
//!
//! **Label smoothing** (Szegedy et al. 2016) moves a share ε of the target to all classes alike:
//!
//! ```text
//! t′_k = (1 − ε) · t_k + ε / K        ∂t′_k/∂t_k = 1 − ε
//! ```
//!
//! The sum stays: Σ t′_k = (1 − ε) · Σ t_k + ε, which is 1 where Σ t_k is 1.
//!
//! # What a reduction changes
//!
//! Of losses ℓ₁ … ℓ_B with K classes there are three:
//!
//! ```text
//! mean               Σᵢ ℓᵢ / B
//! sum                Σᵢ ℓᵢ
//! mean of entries    Σᵢ ℓᵢ / (B·K)
//! ```
//!
//! The third is the default of PyTorch's `KLDivLoss`, which has one entry a class and divides by all of
//! them. They differ by a factor c: 1, B or 1/K. So do their gradients, and what a training makes of it
//! depends on its rule. With the mean's gradient g, learning rate η and an l2 of λ:
//!
//! ```text
//! descent     w − η·(c·g + λ·w)  =  w − (ηc)·(g + (λ/c)·w)
//! momentum    v ← μv + c·g + λ·w holds c times the v of g + (λ/c)·w, whatever μ is; so does Nesterov's
//! Adam        m̂/(√v̂ + ε) of c·g  =  m̂/(√v̂ + ε/c) of g, where λ = 0: c all but cancels
//! AdamW       the same, and its decay, which is apart from g, stays as it is
//! ```
//!
//! So a sum at the rate η and the penalty λ is the mean at ηB and λ/B, weight by weight. The rate that it
//! tolerates is a B-th of the mean's, and a penalty that is not divided by B is one of λ/B in the mean's
//! terms. That holds where all batches are of one size. A last, smaller batch has the weight of a whole one
//! in a mean, and that of its samples in a sum.

use crate::fraction::Fraction;
use crate::real::Real;
use crate::tensor::{BrokenRule, Tensor, entries, expect_inputs};

/// How the losses of the samples of a batch become one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "train", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "train", serde(rename_all = "kebab-case"))]
pub enum Reduction {
    /// Their mean. Its expected gradient is the same for any batch size, so a rate makes steps of the
    /// same length. A sample's share of the step is rate / batch: to keep that, and with it how far an
    /// epoch leads, the rate grows with the batch, as in [`optim`](crate::optim).
    #[default]
    Mean,
    /// Their sum. The gradient grows with the batch; a sample's share of the step is the rate.
    Sum,
    /// Their mean divided by the number of classes, as if each class of each sample had a loss: what
    /// PyTorch's `KLDivLoss` does by default. Of ten classes the gradient is a tenth of the mean's.
    MeanOfEntries,
}

impl Reduction {
    /// What the sum over a batch of `[rows, classes]` is multiplied by.
    pub(super) fn scale<T: Real>(self, [rows, classes]: [usize; 2]) -> T {
        match self {
            Self::Mean => T::of(1.0 / rows as f64),
            Self::Sum => T::one(),
            Self::MeanOfEntries => T::of(1.0 / (rows as f64 * classes as f64)),
        }
    }
}

/// What a classifier is judged by. The default: the mean cross-entropy, without smoothing.
///
/// ```
/// use chainrule::softmax::{Loss, Reduction};
///
/// let loss = Loss { reduction: Reduction::Sum, ..Loss::default() };
/// assert_eq!(loss.of_a_sample(6.0, [4, 10]), 1.5);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "train", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "train", serde(default))]
pub struct Loss {
    /// Whether it is the Kullback–Leibler divergence KL(t ‖ p), and not the cross-entropy H(t, p). Both
    /// have the same gradient with respect to the logits.
    pub divergence: bool,
    /// How the losses of the samples become one number.
    pub reduction: Reduction,
    /// Label smoothing: the share ε of the target that goes to all classes alike.
    pub smoothing: Fraction,
}

impl Loss {
    /// The mean loss of a sample, in nats, where that of a batch of `[samples, classes]` is `value`. So
    /// losses compare, whatever the reduction.
    pub fn of_a_sample(self, value: f64, [samples, classes]: [usize; 2]) -> f64 {
        match self.reduction {
            Reduction::Mean => value,
            Reduction::Sum => value / samples as f64,
            Reduction::MeanOfEntries => value * classes as f64,
        }
    }

    /// ∂L/∂t_k of one sample: of the divergence with ln t_k + 1, which the entropy of t adds.
    pub(super) fn slope<T: Real>(self, t: T, log_p: T) -> T {
        if self.divergence { t.ln() + T::one() - log_p } else { -log_p }
    }
}

/// The targets of a batch, smoothed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Targets<'a, T> {
    entries: &'a [T],
    /// Whether there is one class index a sample. Else there is one entry a class.
    pub are_classes: bool,
    classes: usize,
    smoothing: T,
}

impl<'a, T: Real> Targets<'a, T> {
    /// Of a tensor `[batch]` or `[batch, classes]`.
    pub fn new(targets: &'a Tensor<T>, classes: usize, smoothing: Fraction) -> Self {
        Self {
            entries: entries(targets),
            are_classes: targets.ndim() == 1,
            classes,
            smoothing: T::of(smoothing.get()),
        }
    }

    /// The targets of the samples, one after the other.
    pub fn rows(self) -> impl Iterator<Item = Target<'a, T>> {
        let width = if self.are_classes { 1 } else { self.classes };
        let keep = self.keep();
        let share = self.smoothing / T::of(self.classes as f64);
        self.entries.chunks_exact(width).map(move |row| {
            let kind = if self.are_classes {
                class_index(row[0], self.classes).map_or(Kind::NotAClass, Kind::Class)
            } else {
                Kind::Distribution(row)
            };
            Target { kind, keep, share, smoothing: self.smoothing }
        })
    }

    /// ∂t′_k/∂t_k = 1 − ε.
    pub fn keep(self) -> T {
        T::one() - self.smoothing
    }
}

/// The target of one sample, smoothed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'a, T> {
    kind: Kind<'a, T>,
    keep: T,
    share: T,
    smoothing: T,
}

#[derive(Clone, Copy, Debug)]
enum Kind<'a, T> {
    Class(usize),
    Distribution(&'a [T]),
    NotAClass,
}

impl<T: Real> Target<'_, T> {
    /// t′_k. Not a number where the class index is none.
    pub fn weight(&self, k: usize) -> T {
        let weight = match self.kind {
            Kind::Class(class) if class == k => T::one(),
            Kind::Class(_) => T::zero(),
            Kind::Distribution(row) => row[k],
            Kind::NotAClass => T::nan(),
        };
        self.keep * weight + self.share
    }

    /// Σ_k t′_k: 1 for a distribution.
    pub fn total(&self) -> T {
        match self.kind {
            Kind::Class(_) => T::one(),
            Kind::Distribution(row) => self.keep * row.iter().copied().sum::<T>() + self.smoothing,
            Kind::NotAClass => T::nan(),
        }
    }
}

/// `label` as an index below `classes`, where it is one.
fn class_index<T: Real>(label: T, classes: usize) -> Option<usize> {
    label.to_usize().filter(|&class| class < classes && T::of(class as f64) == label)
}

/// t · q, and 0 where t is 0, whatever q is: a class that the target excludes costs nothing, even
/// if the prediction excludes it too and q is infinite.
pub(super) fn weighted<T: Real>(t: T, q: T) -> T {
    if t == T::zero() { T::zero() } else { t * q }
}

/// The shape of a loss: no axis. Takes predictions `[batch, classes]` and targets, `[batch]` or
/// `[batch, classes]`.
pub(super) fn loss_shape(inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
    let [predictions, targets] = expect_inputs(inputs)?;
    let &[batch, classes] = predictions else {
        return Err("the predictions must have two axes, [batch, classes]".into());
    };
    if targets != [batch] && targets != [batch, classes] {
        let rule = format!(
            "the targets must be class indices [{batch}] or distributions [{batch}, {classes}]"
        );
        return Err(rule.into());
    }
    Ok(Vec::new())
}
