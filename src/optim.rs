//! Descent: what to do with a gradient. Chapter 10.
//!
//! Throughout, w is a parameter, g = ∂L/∂w its gradient, η > 0 the rate and t = 1, 2, … the number
//! of the update.
//!
//! # Downhill
//!
//! To first order, a small displacement d changes the loss by
//!
//! ```text
//! L(w + d) = L(w) + gᵀd + O(|d|²)
//! ```
//!
//! By the inequality of Cauchy and Schwarz gᵀd ≥ −|g|·|d|, with equality where d points against
//! g. No direction of the same length leads further down. With d = −ηg:
//!
//! ```text
//! w ← w − ηg        L(w − ηg) = L(w) − η·|g|² + O(η²)
//! ```
//!
//! The loss falls if η is small enough. How small depends on the curvature: on L = a·w²/2 the
//! gradient is a·w and the update is w ← (1 − ηa)·w, which tends to 0 where |1 − ηa| < 1, that is
//! where η < 2/a. In several dimensions this holds along each axis of curvature. The steepest
//! one limits η, the flattest one sets the pace.
//!
//! # Batch, stochastic, mini-batch
//!
//! The loss is a mean over N samples, L = Σᵢ Lᵢ/N, and so is its gradient. If B of them are drawn,
//! each equally likely, their mean gradient has the expectation
//!
//! ```text
//! E[Σ_(i drawn) gᵢ/B] = Σᵢ P(i drawn)·gᵢ/B = Σᵢ (B/N)·gᵢ/B = g
//! ```
//!
//! A small batch points the right way on average, at a B/N of the cost.
//!
//! This takes a loss Lᵢ that depends on sample i alone. Under batch norm it depends on the whole batch:
//! every batch has other means and variances. What is descended there is the mean of the batches' losses,
//! which is another function than the loss of all N samples as one batch.
//!
//! # Momentum
//!
//! ```text
//! v ← μv + g        w ← w − ηv
//! ```
//!
//! Starting from v = 0, the velocity is a moving sum: v_t = Σᵢ μ^(t−i)·gᵢ for i = 1 … t. It holds
//! for t = 1, and μ·Σᵢ μ^(t−1−i)·gᵢ + g_t carries it from t − 1 to t. Of a constant gradient
//!
//! ```text
//! v_t = g·(1 + μ + … + μ^(t−1)) = g·(1 − μᵗ)/(1 − μ)
//! ```
//!
//! which tends to g/(1 − μ): with μ = 0.9 the steps become ten times as long. Of a gradient that
//! changes its sign each time v tends to g/(1 + μ), about half. So momentum speeds up along the
//! valley and damps across it. To keep the length of the steps, η is multiplied by 1 − μ.
//!
//! Stability does not ask for that. On L = a·w²/2, with ηv_t = w_(t−1) − w_t put into the update,
//!
//! ```text
//! w_(t+1) = w_t − η·(μv_t + a·w_t) = (1 + μ − ηa)·w_t − μ·w_(t−1)
//! ```
//!
//! whose solutions are sums of powers zᵗ with z² − (1 + μ − ηa)·z + μ = 0. The product of the two roots is
//! μ. A complex pair has |z| = √μ < 1. Of two real roots one reaches −1 where 1 + (1 + μ − ηa) + μ = 0, and
//! none reaches 1, where the left side is ηa > 0. So w tends to 0 for
//!
//! ```text
//! η < 2·(1 + μ)/a
//! ```
//!
//! With μ = 0.9 that is nearly twice the limit without momentum.
//!
//! This is PyTorch's form. Sutskever's is v ← μv − ηg, w ← w + v. Its velocity is −η times this
//! one, and the weights are the same, as long as η does not change. Where η changes, Sutskever's
//! form keeps the velocity that it has, and this one rescales it at once. PyTorch's `dampening` τ
//! replaces g by (1 − τ)·g in the sum, but for the first gradient, which it takes whole; here, as in
//! PyTorch by default, τ = 0.
//!
//! # Nesterov
//!
//! Sutskever's form of Nesterov's momentum takes the gradient where the velocity is about to
//! lead: u ← μu − η·g(w + μu), w ← w + u. Let θ = w + μu be that place and u′ the new u. The place
//! moves to
//!
//! ```text
//! θ′ = w′ + μu′ = (w + u′) + μu′ = θ − μu + u′ + μu′
//!    = θ − (u′ + ηg) + u′ + μu′ = θ + μu′ − ηg          g = g(θ)
//! ```
//!
//! With u = −ηv that is an update in which the gradient is taken at the weights themselves:
//!
//! ```text
//! v ← μv + g        w ← w − η·(g + μv)
//! ```
//!
//! The weights on the tape are the θ of the derivation. This is PyTorch's form too.
//!
//! On a·w²/2 a step leads from θ = w + μ·(w − w_old) to w′ = κ·θ with κ = 1 − ηa, so that
//! z² − (1 + μ)·κ·z + μκ = 0. The root −1 is reached where 1 + (1 + 2μ)·κ = 0, and w tends to 0 for
//!
//! ```text
//! η < 2·(1 + μ)/((1 + 2μ)·a)
//! ```
//!
//! With μ = 0.9 that is about two thirds of the limit without momentum.
//!
//! # Adam
//!
//! Two moving averages, of the gradient and of its square, entry by entry:
//!
//! ```text
//! m ← β₁m + (1 − β₁)·g
//! v ← β₂v + (1 − β₂)·g²
//! ```
//!
//! From zero, as above, m_t = (1 − β₁)·Σᵢ β₁^(t−i)·gᵢ. Its coefficients have the sum
//! (1 − β₁)·(1 − β₁ᵗ)/(1 − β₁) = 1 − β₁ᵗ and not 1: the average is too small while t is small. If
//! the gradients have one expectation, m_t has that expectation times 1 − β₁ᵗ, and in the same way
//! v_t has that of g² times 1 − β₂ᵗ. Division by these factors takes the bias away:
//!
//! ```text
//! m̂ = m/(1 − β₁ᵗ)        v̂ = v/(1 − β₂ᵗ)        w ← w − η·m̂/(√v̂ + ε)
//! ```
//!
//! But for ε, a factor in front of the loss multiplies m̂ and √v̂ alike and drops out: η is about the
//! length of a step in each entry. The first step is η·g/(|g| + ε): its length is η for any gradient that
//! is large beside ε. ε stands outside the root and is added after the correction, as in PyTorch; the
//! paper's shorter form divides m by √v + ε̂ with ε̂ = ε·√(1 − β₂ᵗ).
//!
//! A step can be longer than η. After a long silence m and v are 0, and a single gradient makes them
//! (1 − β₁)·g and (1 − β₂)·g². With β₁ = 0.9 and β₂ = 0.999 the step has the length
//!
//! ```text
//! η·(1 − β₁)/√(1 − β₂) = 3.16·η
//! ```
//!
//! (Kingma and Ba 2015, section 2.1). They call it a bound, and gradients that grow exceed it. By the
//! inequality of Cauchy and Schwarz, with β₁ᵏ = (β₁/√β₂)ᵏ·(√β₂)ᵏ,
//!
//! ```text
//! |Σᵢ β₁^(t−i)·gᵢ| ≤ √(Σᵢ (β₁²/β₂)^(t−i))·√(Σᵢ β₂^(t−i)·gᵢ²)
//! |m|/√v ≤ (1 − β₁)/√((1 − β₂)·(1 − β₁²/β₂)) = 7.27
//! ```
//!
//! with equality, after many steps, where each gradient is β₂/β₁ = 1.11 times the one before it.
//!
//! # L2 against weight decay
//!
//! Adding λ/2·|w|² to the loss adds λw to the gradient. Under SGD that is
//!
//! ```text
//! w ← w − η·(g + λw) = (1 − ηλ)·w − ηg
//! ```
//!
//! so each step also shrinks the weights by the factor 1 − ηλ: L2 is weight decay. With momentum it is
//! so no longer: λw goes into the velocity with g, and what it takes off a weight comes late and is spread
//! over many steps. Under Adam, λw is divided by √v̂ with the rest of the gradient, so that weights with
//! large gradients decay less. In the first step w moves by η against the sign of g + λw: but for ε, a λ
//! too small to turn the sign changes nothing at all. AdamW decays apart from the gradient:
//!
//! ```text
//! w ← (1 − ηλ)·w − η·m̂/(√v̂ + ε)
//! ```
//!
//! The decay is multiplied by η, as in PyTorch. In the paper η is the schedule's factor alone, the rate is
//! η·α with a base rate α, and the decay is multiplied by η. So λ there means λ/α here, whatever the
//! schedule does.
//!
//! # Rates of their own
//!
//! A factor f lets the gradient move a parameter at the rate fη and leaves its decay as it was. The
//! shrinking of a step is ηλ = fη·(λ/f), so both numbers change:
//!
//! ```text
//! η_w = f·η        λ_w = λ/f
//! ```
//!
//! and SGD becomes w ← w − fη·(g + λw/f) = (1 − ηλ)·w − fη·g. A bias that is added to numbers of variance
//! 1 has to travel as far as they reach, while a weight among thousands moves a little: airbench gives
//! the biases of batch norm f = 64.
//!
//! # Rate, momentum and decay apart
//!
//! A constant gradient g makes momentum's velocity g/(1 − μ), and Nesterov's step η·(g + μ·g/(1 − μ)) =
//! η·g/(1 − μ), the same. Decay is part of the gradient, so a step shrinks the weights by ηλ/(1 − μ). The
//! three numbers that one would choose are μ, the length r = η/(1 − μ) of a step for |g| = 1, and the
//! shrinking d = ηλ/(1 − μ) of a step. They give
//!
//! ```text
//! η = r·(1 − μ)        λ = d/r
//! ```
//!
//! Now a change of μ keeps r and d, and a change of r keeps d if λ follows. Airbench states such numbers
//! for 1,024 samples and a loss summed over the batch. It takes 1 + 1/(1 − μ) for the sum of a constant
//! gradient, where 1/(1 − μ) is meant. With its r = 11.5, d = 0.0153 and μ = 0.85, batches of 1,024 and the
//! mean of the loss, the numbers that are used here come to
//!
//! ```text
//! η = 11.5/(1 + 1/0.15) = 1.5        λ = 0.0153/11.5 = 0.00133
//! ```
//!
//! Of a batch of B samples, r and d are B/1024 times as large, and so is η, while λ stays. The mean of the
//! loss has the same expected gradient for any B; so a step then leads B/1024 times as far, and an epoch,
//! with its N/B steps, as far as before.
//!
//! # Sources
//!
//! I. Sutskever et al., "On the importance of initialization and momentum in deep learning", ICML
//! 2013. D. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015.
//! I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", ICLR 2019. K. Jordan, "94% on
//! CIFAR-10 in 3.29 seconds on a single GPU", 2024 (arXiv:2404.00498): airbench.

pub mod average;
mod schedule;

pub use crate::hyperparameter::HyperparameterError;
pub use average::{Average, Averaging};
pub use schedule::Schedule;

use crate::hyperparameter::{check_fraction, check_not_negative, check_positive};
use crate::parallel;
use crate::real::Real;
use crate::tape::{Tape, Var};
use crate::tensor::Tensor;
use ndarray::IxDyn;
use std::str::FromStr;
use thiserror::Error;

/// How a gradient moves a parameter. The module's page derives the formulas.
///
/// As text, `sgd`, `momentum`, `nesterov`, `adam` and `adamw` stand for a rule with PyTorch's
/// hyperparameters, and a momentum of 0.9.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "train", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "train", serde(tag = "rule", rename_all = "lowercase"))]
pub enum Rule {
    /// w ← w − ηg.
    Sgd,
    /// v ← μv + g, w ← w − ηv.
    Momentum {
        /// μ, in [0, 1).
        momentum: f64,
    },
    /// v ← μv + g, w ← w − η·(g + μv).
    Nesterov {
        /// μ, in [0, 1).
        momentum: f64,
    },
    /// w ← w − η·m̂/(√v̂ + ε), with moving averages m of g and v of g², freed of their bias.
    Adam {
        /// β₁ of the average of g, in [0, 1).
        beta1: f64,
        /// β₂ of the average of g², in [0, 1).
        beta2: f64,
        /// ε, above 0.
        epsilon: f64,
    },
    /// w ← (1 − ηλ)·w − η·m̂/(√v̂ + ε).
    AdamW {
        /// β₁ of the average of g, in [0, 1).
        beta1: f64,
        /// β₂ of the average of g², in [0, 1).
        beta2: f64,
        /// ε, above 0.
        epsilon: f64,
        /// The decay λ, 0 or more.
        decay: f64,
    },
}

impl Rule {
    /// Names of the tensors that the rule keeps for each parameter, each of the parameter's
    /// shape and zero at the start.
    pub fn state_names(&self) -> &'static [&'static str] {
        match self {
            Self::Sgd => &[],
            Self::Momentum { .. } | Self::Nesterov { .. } => &["velocity"],
            Self::Adam { .. } | Self::AdamW { .. } => &["first_moment", "second_moment"],
        }
    }

    /// Refuses hyperparameters outside their ranges.
    ///
    /// # Errors
    /// [`HyperparameterError`] of the first.
    pub fn check(&self) -> Result<(), HyperparameterError> {
        match *self {
            Self::Sgd => Ok(()),
            Self::Momentum { momentum } | Self::Nesterov { momentum } => {
                check_fraction("momentum", momentum)
            }
            Self::Adam { beta1, beta2, epsilon } => check_adam(beta1, beta2, epsilon),
            Self::AdamW { beta1, beta2, epsilon, decay } => {
                check_adam(beta1, beta2, epsilon)?;
                check_not_negative("decay", decay)
            }
        }
    }
}

fn check_adam(beta1: f64, beta2: f64, epsilon: f64) -> Result<(), HyperparameterError> {
    check_fraction("beta1", beta1)?;
    check_fraction("beta2", beta2)?;
    check_positive("epsilon", epsilon)
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(name: &str) -> Result<Self, RuleError> {
        let (beta1, beta2, epsilon) = (0.9, 0.999, 1e-8);
        match name {
            "sgd" => Ok(Self::Sgd),
            "momentum" => Ok(Self::Momentum { momentum: 0.9 }),
            "nesterov" => Ok(Self::Nesterov { momentum: 0.9 }),
            "adam" => Ok(Self::Adam { beta1, beta2, epsilon }),
            "adamw" => Ok(Self::AdamW { beta1, beta2, epsilon, decay: 0.01 }),
            _ => Err(RuleError(name.to_owned())),
        }
    }
}

/// Text that names no [`Rule`].
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("unknown rule `{0}`: choose sgd, momentum, nesterov, adam or adamw")]
pub struct RuleError(pub String);

/// A [`Rule`] at work on the parameters of a tape.
///
/// The rate comes with each step, so that a [`Schedule`] can set it. [`Optimizer::with_factor`] gives
/// parameters rates of their own, [`Optimizer::without_decay`] frees them of decay.
///
/// ```
/// use chainrule::Tape;
/// use chainrule::optim::{Optimizer, Rule};
/// use ndarray::arr1;
///
/// let mut tape = Tape::<f64>::new();
/// let w = tape.parameter(arr1(&[2.0]));
/// let loss = tape.multiply(w, w)?; // L = w², g = 2w
/// let mut optimizer = Optimizer::new(Rule::Sgd, 0.0, &tape, &[w])?;
/// tape.backward(loss);
/// optimizer.step(&mut tape, 0.25);
/// assert_eq!(tape.value(w)[0], 2.0 - 0.25 * 4.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Optimizer<T> {
    rule: Rule,
    l2: f64,
    steps: u64,
    slots: Vec<Slot<T>>,
}

/// A parameter with what the rule keeps for it.
#[derive(Clone, Debug)]
struct Slot<T> {
    parameter: Var,
    decays: bool,
    /// f: the parameter's rate is f·η, its decay λ/f.
    factor: f64,
    /// Number of its entries.
    len: usize,
    /// As many as the rule has names for, and empty tensors in the other places.
    state: [Tensor<T>; 2],
}

/// What an [`Optimizer`] cannot be made of, or restored from.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum OptimizerError {
    /// A hyperparameter is outside its range.
    #[error(transparent)]
    Hyperparameter(#[from] HyperparameterError),
    /// A node cannot be moved.
    #[error("node %{node} is no parameter of this tape: make it with `Tape::parameter`")]
    NoParameter {
        /// Its index on the tape.
        node: usize,
    },
    /// A parameter would be moved twice a step.
    #[error("parameter %{node} is given twice: name each parameter once")]
    Repeated {
        /// Its index on the tape.
        node: usize,
    },
    /// A parameter is none of those that the optimizer moves.
    #[error("parameter %{node} is not moved by this optimizer")]
    Stranger {
        /// Its index on the tape.
        node: usize,
    },
    /// A tensor of the state was not saved.
    #[error("no {name} was saved for parameter %{node}: it was saved under another rule")]
    Missing {
        /// The parameter's index on the tape.
        node: usize,
        /// The tensor, as [`Rule::state_names`] has it.
        name: &'static str,
    },
    /// A tensor of the state has not its parameter's shape.
    #[error(
        "the {name} saved for parameter %{node} has shape {found:?}, but the parameter has \
         {expected:?}: it was saved from another network"
    )]
    Shape {
        /// The parameter's index on the tape.
        node: usize,
        /// The tensor, as [`Rule::state_names`] has it.
        name: &'static str,
        /// The parameter's shape.
        expected: Vec<usize>,
        /// The tensor's shape.
        found: Vec<usize>,
    },
}

impl<T: Real> Optimizer<T> {
    /// An optimizer of `parameters`, which are on `tape`.
    ///
    /// `l2` is the λ of a penalty λ/2·|w|²: λw is added to each gradient. Use 0 for none.
    ///
    /// # Errors
    /// [`OptimizerError`] where a hyperparameter is outside its range, or something that is to be
    /// moved is no parameter or is named twice.
    pub fn new(
        rule: Rule,
        l2: f64,
        tape: &Tape<T>,
        parameters: &[Var],
    ) -> Result<Self, OptimizerError> {
        rule.check()?;
        check_not_negative("l2", l2)?;
        let mut slots: Vec<Slot<T>> = Vec::with_capacity(parameters.len());
        for &parameter in parameters {
            let node = parameter.index();
            if !tape.vars().any(|var| var == parameter && tape.is_parameter(var)) {
                return Err(OptimizerError::NoParameter { node });
            }
            if slots.iter().any(|slot| slot.parameter == parameter) {
                return Err(OptimizerError::Repeated { node });
            }
            let shape = tape.value(parameter).raw_dim();
            let len = tape.value(parameter).len();
            let state = std::array::from_fn(|k| {
                let kept = k < rule.state_names().len();
                Tensor::zeros(if kept { shape.clone() } else { IxDyn(&[0]) })
            });
            slots.push(Slot { parameter, decays: true, factor: 1.0, len, state });
        }
        Ok(Self { rule, l2, steps: 0, slots })
    }

    /// Entries of what it keeps of its parameters: none for SGD, one of each for momentum, two for Adam.
    /// Chapter 15.
    pub fn state_entries(&self) -> usize {
        self.slots.iter().flat_map(|slot| &slot.state).map(|state| state.len()).sum()
    }

    /// The same, but neither L2 nor AdamW's decay acts on these `parameters`: often the biases,
    /// and the scales and shifts of normalization.
    ///
    /// # Errors
    /// [`OptimizerError::Stranger`] where one of them is not moved by this optimizer.
    pub fn without_decay(mut self, parameters: &[Var]) -> Result<Self, OptimizerError> {
        for &parameter in parameters {
            self.slot(parameter)?.decays = false;
        }
        Ok(self)
    }

    /// The same, but the gradient moves these `parameters` at `factor` times the rate. What L2 or
    /// AdamW's decay takes off in a step stays as it is: η_w = f·η, λ_w = λ/f. PyTorch has *parameter
    /// groups* for that.
    ///
    /// # Errors
    /// [`OptimizerError::Hyperparameter`] where the factor is not a finite number above 0,
    /// [`OptimizerError::Stranger`] where one of them is not moved by this optimizer.
    pub fn with_factor(mut self, parameters: &[Var], factor: f64) -> Result<Self, OptimizerError> {
        check_positive("factor", factor)?;
        for &parameter in parameters {
            self.slot(parameter)?.factor = factor;
        }
        Ok(self)
    }

    fn slot(&mut self, parameter: Var) -> Result<&mut Slot<T>, OptimizerError> {
        let slot = self.slots.iter_mut().find(|slot| slot.parameter == parameter);
        slot.ok_or(OptimizerError::Stranger { node: parameter.index() })
    }

    /// Moves every parameter by its gradient, at this `rate` η.
    ///
    /// The numbers of a large parameter are updated on two threads or more; none of them depends
    /// on another, so any number of threads gives the same bits.
    ///
    /// # Panics
    /// If `tape` is not the one that the optimizer was made for and lacks a parameter or has it
    /// in another size.
    pub fn step(&mut self, tape: &mut Tape<T>, rate: f64) {
        // All before the first moves.
        for slot in &self.slots {
            let node = slot.parameter.index();
            let (w, g) = tape.parameter_mut(slot.parameter);
            let stranger = "is that of another tape: make an optimizer for each";
            assert!([w.len(), g.len()] == [slot.len; 2], "parameter %{node} {stranger}");
        }
        self.steps += 1;
        for slot in &mut self.slots {
            let contiguous = "a tape's tensors are contiguous";
            let (w, g) = tape.parameter_mut(slot.parameter);
            let w = w.into_slice().expect(contiguous);
            let g = g.as_slice().expect(contiguous);
            let [first, second] =
                slot.state.each_mut().map(|state| state.as_slice_mut().expect(contiguous));
            let rate = rate * slot.factor;
            let own = |lambda: f64| if slot.decays { lambda / slot.factor } else { 0.0 };
            let l2 = T::of(own(self.l2));
            match self.rule {
                Rule::Sgd => {
                    let rate = T::of(rate);
                    update(w, g, [], &|w, g, []| sgd(w, g, rate, l2));
                }
                Rule::Momentum { momentum: mu } => {
                    let (rate, mu) = (T::of(rate), T::of(mu));
                    update(w, g, [first], &|w, g, [v]| momentum(w, g, v, rate, l2, mu));
                }
                Rule::Nesterov { momentum: mu } => {
                    let (rate, mu) = (T::of(rate), T::of(mu));
                    update(w, g, [first], &|w, g, [v]| nesterov(w, g, v, rate, l2, mu));
                }
                Rule::Adam { beta1, beta2, epsilon } => {
                    let adam = Adam::new(rate, beta1, beta2, epsilon, 0.0, self.steps);
                    update(w, g, [first, second], &|w, g, [m, v]| adam.update(w, g, m, v, l2));
                }
                Rule::AdamW { beta1, beta2, epsilon, decay } => {
                    let adam = Adam::new(rate, beta1, beta2, epsilon, own(decay), self.steps);
                    update(w, g, [first, second], &|w, g, [m, v]| adam.update(w, g, m, v, l2));
                }
            }
        }
    }

    /// The rule.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// Number of steps made.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// What the rule keeps, to be saved: for each parameter, in the order in which they were
    /// given, the tensors of [`Rule::state_names`].
    pub fn state(&self) -> impl Iterator<Item = (Var, &'static str, &Tensor<T>)> {
        let names = self.rule.state_names();
        self.slots.iter().flat_map(move |slot| {
            names.iter().zip(&slot.state).map(|(&name, state)| (slot.parameter, name, state))
        })
    }

    /// Puts back what [`Optimizer::steps`] and [`Optimizer::state`] gave. `saved` is asked for
    /// each tensor by its parameter and its name.
    ///
    /// # Errors
    /// [`OptimizerError::Missing`] where `saved` has no such tensor, [`OptimizerError::Shape`]
    /// where it has another shape. The optimizer then stays as it was.
    pub fn restore(
        &mut self,
        steps: u64,
        mut saved: impl FnMut(Var, &'static str) -> Option<Tensor<T>>,
    ) -> Result<(), OptimizerError> {
        let mut restored = Vec::new();
        for (parameter, name, state) in self.state() {
            let node = parameter.index();
            let tensor = saved(parameter, name).ok_or(OptimizerError::Missing { node, name })?;
            if tensor.shape() != state.shape() {
                let (expected, found) = (state.shape().to_vec(), tensor.shape().to_vec());
                return Err(OptimizerError::Shape { node, name, expected, found });
            }
            restored.push(tensor);
        }
        let kept = self.rule.state_names().len();
        let states = self.slots.iter_mut().flat_map(|slot| &mut slot.state[..kept]);
        for (state, tensor) in states.zip(&restored) {
            state.assign(tensor);
        }
        self.steps = steps;
        Ok(())
    }
}

/// Fewest entries of a parameter that are worth a second thread: tens of microseconds of work.
const MIN_ENTRIES: usize = 1 << 17;

/// Runs `kernel` on a parameter's numbers w, its gradient g and the rule's state, or, where they
/// are many, on both halves of them.
fn update<T: Real, const N: usize>(
    w: &mut [T],
    g: &[T],
    mut state: [&mut [T]; N],
    kernel: &(impl Fn(&mut [T], &[T], [&mut [T]; N]) + Sync),
) {
    if w.len() < MIN_ENTRIES {
        return parallel::vectorized(
            #[inline(always)]
            || kernel(w, g, state),
        );
    }
    let middle = w.len() / 2;
    let (w_left, w_right) = w.split_at_mut(middle);
    let (g_left, g_right) = g.split_at(middle);
    let state_left = state.each_mut().map(|state| {
        let (left, right) = std::mem::take(state).split_at_mut(middle);
        *state = right;
        left
    });
    parallel::join(
        || update(w_left, g_left, state_left, kernel),
        || update(w_right, g_right, state, kernel),
    );
}

/// `x`, or 0 where it is too small to count: in `f32`, below 1e-31.
///
/// A unit that no longer fires has no gradient, and its averages fade by a factor a step. Without
/// this they would end as subnormal numbers and, since those round up, never reach 0. Arithmetic
/// with subnormal numbers took up to ninety times as long where it was measured. The bound leaves
/// room for a product with a rate that is itself small.
#[inline(always)]
fn flush<T: Real>(x: T) -> T {
    if x.abs() < T::min_positive_value() / T::epsilon() { T::zero() } else { x }
}

/// w ← w − η·(g + λw)
#[inline(always)]
fn sgd<T: Real>(w: &mut [T], g: &[T], rate: T, l2: T) {
    for (w, &g) in w.iter_mut().zip(g) {
        *w -= rate * (g + l2 * *w);
    }
}

/// v ← μv + (g + λw), w ← w − ηv
#[inline(always)]
fn momentum<T: Real>(w: &mut [T], g: &[T], v: &mut [T], rate: T, l2: T, mu: T) {
    for ((w, &g), v) in w.iter_mut().zip(g).zip(v) {
        *v = flush(mu * *v + (g + l2 * *w));
        *w -= rate * *v;
    }
}

/// v ← μv + (g + λw), w ← w − η·((g + λw) + μv)
#[inline(always)]
fn nesterov<T: Real>(w: &mut [T], g: &[T], v: &mut [T], rate: T, l2: T, mu: T) {
    for ((w, &g), v) in w.iter_mut().zip(g).zip(v) {
        let g = g + l2 * *w;
        *v = flush(mu * *v + g);
        *w -= rate * (g + mu * *v);
    }
}

/// The numbers of one step of Adam or AdamW that all entries share.
#[derive(Clone, Copy, Debug)]
struct Adam<T> {
    beta1: T,
    beta2: T,
    /// 1 − β₁
    fresh1: T,
    /// 1 − β₂
    fresh2: T,
    /// η/(1 − β₁ᵗ): the rate, with the correction of m.
    rate: T,
    /// 1/√(1 − β₂ᵗ): the correction of √v.
    root_correction: T,
    epsilon: T,
    /// 1 − ηλ
    keep: T,
}

impl<T: Real> Adam<T> {
    fn new(rate: f64, beta1: f64, beta2: f64, epsilon: f64, decay: f64, step: u64) -> Self {
        let correction = |beta: f64| 1.0 - beta.powf(step as f64);
        Self {
            beta1: T::of(beta1),
            beta2: T::of(beta2),
            fresh1: T::of(1.0 - beta1),
            fresh2: T::of(1.0 - beta2),
            rate: T::of(rate / correction(beta1)),
            root_correction: T::of(1.0 / correction(beta2).sqrt()),
            epsilon: T::of(epsilon),
            keep: T::of(1.0 - rate * decay),
        }
    }

    /// m ← β₁m + (1 − β₁)·(g + λw), v ← β₂v + (1 − β₂)·(g + λw)²,
    /// w ← keep·w − η·m̂/(√v̂ + ε)
    #[inline(always)]
    fn update(self, w: &mut [T], g: &[T], m: &mut [T], v: &mut [T], l2: T) {
        for (((w, &g), m), v) in w.iter_mut().zip(g).zip(m).zip(v) {
            let g = g + l2 * *w;
            *m = flush(self.beta1 * *m + self.fresh1 * g);
            *v = flush(self.beta2 * *v + self.fresh2 * (g * g));
            let root = v.sqrt() * self.root_correction;
            *w = self.keep * *w - self.rate * *m / (root + self.epsilon);
        }
    }
}
