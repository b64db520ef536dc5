//! A second set of weights that follows the first: Lookahead, and averages over a training.
//!
//! Let θ_t be the weights after update t = 1, 2, …, and φ the second set, which starts at the same
//! place. All that follow here move φ a part of the way to θ:
//!
//! ```text
//! φ ← φ + α·(θ − φ) = (1 − α)·φ + α·θ
//! ```
//!
//! Near the end of a training θ moves about its place, driven by batches that differ. Where L is nearly a
//! bowl around that place, the mean of several θ lies deeper in it than most of them do: their deviations
//! partly cancel. So φ is what is evaluated and kept. What tells the methods apart is α, and whether θ
//! goes on from where it is or from φ.
//!
//! # The mean
//!
//! Stochastic weight averaging (Izmailov et al. 2018) takes the plain mean of the θ from some update on.
//! With φ the mean of n − 1 of them, the mean of n is
//!
//! ```text
//! ((n − 1)·φ + θ)/n = φ + (θ − φ)/n        α = 1/n
//! ```
//!
//! # The exponential moving average
//!
//! m_t = β·m_(t−1) + (1 − β)·θ_t from m₀ = 0 has coefficients of the sum 1 − βᵗ, as Adam's moments have, and
//! φ_t = m_t/(1 − βᵗ) is free of the zero that it began with. Put into the rule of m:
//!
//! ```text
//! φ_t = [β·(1 − β^(t−1))·φ_(t−1) + (1 − β)·θ_t] / (1 − βᵗ)
//!     = (1 − α)·φ_(t−1) + α·θ_t        α = (1 − β)/(1 − βᵗ)
//! ```
//!
//! since 1 − α = (1 − βᵗ − 1 + β)/(1 − βᵗ) = β·(1 − β^(t−1))/(1 − βᵗ). At t = 1 α is 1, so where φ started
//! does not matter.
//!
//! # Lookahead
//!
//! Every k updates (Zhang et al. 2019)
//!
//! ```text
//! φ ← φ + α·(θ − φ)        θ ← φ
//! ```
//!
//! The fast weights θ look k updates ahead; the slow weights φ follow a part of the way, and the fast ones
//! start again from there. What the optimizer keeps, such as a velocity, stays.
//!
//! In airbench (K. Jordan 2024, arXiv:2404.00498) φ keeps the share d of itself, which grows with the
//! training's T updates:
//!
//! ```text
//! d = βᵏ·(t/T)³        α = 1 − d        β = 0.95, k = 5
//! ```
//!
//! At first φ is θ, and the training is one without Lookahead; at the end 0.95⁵ = 77 % of φ stay, and
//! after update T θ ← φ. That is its code from 26 March 2024 on. As first released, six days before, it
//! began with the fourth epoch and set θ ← φ after every epoch as well.
//!
//! # Running statistics
//!
//! What batch norm keeps is averaged as the weights are. It is not exact: the statistics of the mean
//! weights are not the mean of their statistics. It is nearer than the alternative, the statistics of θ
//! beside the weights of φ; and after θ ← φ the statistics follow their weights within a few updates.
//! Constants stay what they are: φ + α·(θ − φ) is φ where both are equal.

use super::update;
use crate::hyperparameter::{
    HyperparameterError, check_fraction, check_not_negative, check_positive,
};
use crate::named::{Learned, RestoreError};
use crate::real::Real;
use crate::tensor::{Tensor, entries_mut};

/// How the second set of weights φ follows the first. The module's page derives the formulas.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "train", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "train", serde(tag = "averaging", rename_all = "kebab-case"))]
pub enum Averaging {
    /// φ ← φ + α·(θ − φ) and θ ← φ, every k updates.
    Lookahead {
        /// k.
        every: u64,
        /// α, above 0 and at most 1.
        weight: f64,
    },
    /// Lookahead whose φ keeps the share βᵏ·(t/T)³ of itself at update t.
    AnnealedLookahead {
        /// k.
        every: u64,
        /// β, in [0, 1).
        decay: f64,
        /// T, the updates of the whole training.
        steps: u64,
    },
    /// φ_t = m_t/(1 − βᵗ) with m ← β·m + (1 − β)·θ.
    Exponential {
        /// β, in [0, 1).
        decay: f64,
    },
    /// The mean of θ after the updates `from`, `from` + `every`, `from` + 2·`every`, …; up to `from`
    /// it is θ.
    Mean {
        /// The first update that counts, from 1.
        from: u64,
        /// Updates from one that counts to the next.
        every: u64,
    },
}

impl Averaging {
    /// [`Averaging::AnnealedLookahead`] with airbench's k = 5 and β = 0.95, over a training of `steps`
    /// updates.
    pub fn airbench(steps: u64) -> Self {
        Self::AnnealedLookahead { every: 5, decay: 0.95, steps }
    }

    /// α after update number `step`, counted from 1; none where φ stays as it is. It means something
    /// where [`Averaging::check`] finds no fault.
    pub fn weight(&self, step: u64) -> Option<f64> {
        let nth = |every: u64| step.is_multiple_of(every.max(1));
        match *self {
            Self::Lookahead { every, weight } => nth(every).then_some(weight),
            Self::AnnealedLookahead { every, decay, steps } => nth(every).then(|| {
                let progress = (step as f64 / steps as f64).min(1.0);
                1.0 - decay.powf(every as f64) * progress.powi(3)
            }),
            Self::Exponential { decay } => Some((1.0 - decay) / (1.0 - decay.powf(step as f64))),
            Self::Mean { from, every } => match step.checked_sub(from) {
                None => Some(1.0),
                Some(since) => {
                    let every = every.max(1);
                    since.is_multiple_of(every).then(|| 1.0 / (since / every + 1) as f64)
                }
            },
        }
    }

    /// Whether θ goes on from φ.
    fn looks_ahead(&self) -> bool {
        matches!(self, Self::Lookahead { .. } | Self::AnnealedLookahead { .. })
    }

    /// Refuses hyperparameters outside their ranges.
    ///
    /// # Errors
    /// [`HyperparameterError`] of the first.
    pub fn check(&self) -> Result<(), HyperparameterError> {
        match *self {
            Self::Lookahead { every, weight } => {
                check_positive("every", every as f64)?;
                check_positive("weight", weight)?;
                check_not_negative("1 − weight", 1.0 - weight)
            }
            Self::AnnealedLookahead { every, decay, steps } => {
                check_positive("every", every as f64)?;
                check_fraction("decay", decay)?;
                check_positive("steps", steps as f64)
            }
            Self::Exponential { decay } => check_fraction("decay", decay),
            Self::Mean { from, every } => {
                check_positive("from", from as f64)?;
                check_positive("every", every as f64)
            }
        }
    }
}

/// An [`Averaging`] at work on a network: φ, beside the θ on its tape.
///
/// ```
/// use chainrule::Mlp;
/// use chainrule::optim::{Average, Averaging};
///
/// let mut network = Mlp::new(&[2, 3])?.network::<f64>(1, 29)?;
/// let mut average = Average::new(Averaging::Mean { from: 1, every: 1 }, &network)?;
/// let bias = network.parameters()[1].var;
/// for step in 1..=3 {
///     network.tape.value_mut(bias).fill(step as f64); // in place of an update
///     average.update(&mut network, step);
/// }
/// average.swap(&mut network);
/// assert_eq!(network.tape.value(bias)[0], 2.0); // (1 + 2 + 3)/3
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Average<T> {
    averaging: Averaging,
    /// φ, by name: parameters and then buffers.
    slow: Vec<(String, Tensor<T>)>,
}

impl<T: Real> Average<T> {
    /// φ = θ, all that `network` learns as it is.
    ///
    /// # Errors
    /// [`HyperparameterError`] where one is outside its range.
    pub fn new(
        averaging: Averaging,
        network: &impl Learned<T>,
    ) -> Result<Self, HyperparameterError> {
        averaging.check()?;
        Ok(Self { averaging, slow: network.learned() })
    }

    /// What follows the optimizer's update number `step`, counted from 1. Allocates nothing.
    ///
    /// # Panics
    /// If `network` is not the one that the average was made for and has tensors of other sizes.
    pub fn update(&mut self, network: &mut impl Learned<T>, step: u64) {
        let Some(alpha) = self.averaging.weight(step) else { return };
        network.for_each_learned(|k, theta| {
            let phi = entries_mut(&mut self.slow[k].1);
            update(phi, theta, [], &|phi, theta, []| follow(phi, theta, T::of(alpha)));
            if self.averaging.looks_ahead() {
                theta.copy_from_slice(phi);
            }
        });
    }

    /// Exchanges φ and θ: before an evaluation, and again after it.
    ///
    /// # Panics
    /// As [`Average::update`].
    pub fn swap(&mut self, network: &mut impl Learned<T>) {
        network.for_each_learned(|k, theta| {
            theta.swap_with_slice(entries_mut(&mut self.slow[k].1));
        });
    }

    /// θ ← φ: at the end of a training.
    ///
    /// # Panics
    /// As [`Average::update`].
    pub fn finish(&mut self, network: &mut impl Learned<T>) {
        network
            .for_each_learned(|k, theta| theta.copy_from_slice(entries_mut(&mut self.slow[k].1)));
    }

    /// How φ follows.
    pub fn averaging(&self) -> Averaging {
        self.averaging
    }

    /// φ, to be saved: each tensor under its name in the network.
    pub fn state(&self) -> impl Iterator<Item = (&str, &Tensor<T>)> {
        self.slow.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// Puts back what [`Average::state`] gave.
    ///
    /// # Errors
    /// [`RestoreError`] where a tensor is missing or has another shape; the average is then as it was.
    pub fn restore(
        &mut self,
        saved: impl Fn(&str) -> Option<Tensor<T>>,
    ) -> Result<(), RestoreError> {
        let mut restored = Vec::with_capacity(self.slow.len());
        for (name, current) in self.state() {
            restored.push((name.to_owned(), RestoreError::check(name, current, saved(name))?));
        }
        self.slow = restored;
        Ok(())
    }
}

/// φ ← φ + α·(θ − φ), and exactly θ where α is 1.
fn follow<T: Real>(phi: &mut [T], theta: &[T], alpha: T) {
    assert_eq!(phi.len(), theta.len(), "an average is of the network that it was made for");
    if alpha == T::one() {
        return phi.copy_from_slice(theta);
    }
    for (phi, &theta) in phi.iter_mut().zip(theta) {
        *phi += alpha * (theta - *phi);
    }
}
