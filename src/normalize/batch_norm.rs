//! Batch norm: each feature standardized over the batch. Chapter 8.
//!
//! All axes but the last are the batch: the samples of `[batch, features]`, and also the places of
//! an image in `[batch, height, width, channels]`. With n rows in all, the standardized x̂ of the
//! [chapter's derivation](super) for each feature j, and a scale γ and a shift β:
//!
//! ```text
//! y_ij = γ_j · x̂_ij + β_j
//! ```
//!
//! # Training
//!
//! The entries γ_j and β_j are used once in each row:
//!
//! ```text
//! dγ_j = Σ_i dy_ij · x̂_ij        dβ_j = Σ_i dy_ij
//! ```
//!
//! What x̂_ij receives is d_ij = γ_j · dy_ij. The derivation gives, with γ_j drawn out of both sums,
//!
//! ```text
//! dx_ij = r_j · (d_ij − 1/n · Σ_k d_kj − x̂_ij · 1/n · Σ_k d_kj · x̂_kj)
//!       = γ_j · r_j · (dy_ij − 1/n · dβ_j − x̂_ij · 1/n · dγ_j)
//! ```
//!
//! The two sums are the gradients of β and γ, which are needed anyway.
//!
//! # Evaluation
//!
//! A sample must not depend on its neighbors then. So training passes keep running statistics, with
//! momentum a:
//!
//! ```text
//! running mean     ← (1 − a) · running mean     + a · μ
//! running variance ← (1 − a) · running variance + a · v · n / (n − 1)
//! ```
//!
//! They start at 0 and 1. Training divides by √v, the biased variance of the batch itself; n / (n − 1)
//! makes of it an unbiased estimate of the variance of all data, if the rows are independent. The places
//! of one image are not: neighbors are alike, so that n of them vary less than n numbers from n images,
//! and a little bias stays. In evaluation μ and r come from the
//! running statistics. They are constants, so two of the three terms are gone:
//!
//! ```text
//! dx_ij = γ_j · r_j · dy_ij
//! ```
//!
//! dγ and dβ keep their form, with x̂ from the running statistics.
//!
//! # A batch of one row
//!
//! Its variance is 0, so in training x̂ = 0, y = β and dx = 0: nothing is learned but β. One row
//! gives no unbiased estimate (n − 1 = 0), so the running variance stays as it was; the running mean
//! moves.
//!
//! Source: Ioffe and Szegedy 2015.

use super::layer_norm::affine_shape;
use super::moments::{HALVINGS, SCRATCH, column_moments};
use crate::gradcheck::Case;
use crate::hyperparameter::{HyperparameterError, check_positive};
use crate::parallel::{MIN_ENTRIES, block, for_rows, join};
use crate::real::Real;
use crate::tape::{Gradients, Inputs, Mode, Op, Tape, Var};
use crate::tensor::{BrokenRule, ShapeError, Tensor, entries, entries_mut, matrix_shape};
use ndarray::IxDyn;

/// Settings of batch norm. The default: momentum 0.1, ε 1e-5.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNorm {
    /// The share a of the batch in the running statistics, from 0 (they stay) to 1 (they are those of
    /// the last batch).
    pub momentum: f64,
    /// ε, added to the variance: keeps a feature that does not vary finite. A finite number
    /// above 0.
    pub epsilon: f64,
}

impl Default for BatchNorm {
    fn default() -> Self {
        Self { momentum: 0.1, epsilon: 1e-5 }
    }
}

impl BatchNorm {
    /// Refuses settings outside their ranges.
    ///
    /// # Errors
    /// [`HyperparameterError`] of the first.
    pub fn check(&self) -> Result<(), HyperparameterError> {
        let Self { momentum, epsilon } = *self;
        if !(0.0..=1.0).contains(&momentum) {
            let (name, range) = ("momentum", "at least 0 and at most 1");
            return Err(HyperparameterError { name, value: momentum, range });
        }
        check_positive("epsilon", epsilon)
    }
}

/// y = γ ⊙ x̂ + β, with x̂ standardized over all axes but the last.
///
/// Shapes: x `[…, features]`, γ and β `[features]`, y that of x.
#[derive(Debug)]
pub(crate) struct BatchNormOp<T> {
    settings: BatchNorm,
    /// Running mean and running variance. `[features]` each.
    running: [Tensor<T>; 2],
    /// Whether the last forward pass took μ and r from the batch.
    of_batch: bool,
    /// Of the last forward pass. `[features]` each.
    statistics: Statistics<T>,
    /// Of the last backward pass. `[features]` each.
    sums: Sums<T>,
    /// `[SCRATCH, features]`.
    scratch: Vec<T>,
}

/// What a forward pass takes of each feature.
#[derive(Debug, Default)]
struct Statistics<T> {
    /// μ
    mean: Vec<T>,
    /// v
    variance: Vec<T>,
    /// 1/√(v + ε)
    r: Vec<T>,
    /// γ · r
    scale: Vec<T>,
}

/// What a backward pass sums up for each feature.
#[derive(Debug, Default)]
struct Sums<T> {
    /// Σ dy · x̂
    d_gamma: Vec<T>,
    /// Σ dy
    d_beta: Vec<T>,
    /// 1/n · dγ: what r takes back. 0 where r is a constant.
    d_gamma_mean: Vec<T>,
    /// 1/n · dβ: what μ takes back. 0 where μ is a constant.
    d_beta_mean: Vec<T>,
}

impl<T: Real> BatchNormOp<T> {
    pub(crate) fn new(settings: BatchNorm) -> Self {
        let running = [Tensor::zeros(IxDyn(&[0])), Tensor::zeros(IxDyn(&[0]))];
        let (statistics, sums) = (Statistics::default(), Sums::default());
        Self { settings, running, of_batch: false, statistics, sums, scratch: Vec::new() }
    }

    /// Takes the memory for another number of features, and forgets what was learned of them.
    fn reset(&mut self, features: usize) {
        self.running = [Tensor::zeros(IxDyn(&[features])), Tensor::ones(IxDyn(&[features]))];
        let zeros = || vec![T::zero(); features];
        self.statistics =
            Statistics { mean: zeros(), variance: zeros(), r: zeros(), scale: zeros() };
        self.sums =
            Sums { d_gamma: zeros(), d_beta: zeros(), d_gamma_mean: zeros(), d_beta_mean: zeros() };
        self.scratch = vec![T::zero(); SCRATCH * features];
    }

    /// μ and v of the batch.
    fn take_batch(&mut self, x: &[T]) {
        let Statistics { mean, variance, .. } = &mut self.statistics;
        column_moments(x, mean, variance, &mut self.scratch);
    }

    /// The running statistics move towards those of the batch `x`.
    fn move_running(&mut self, x: &[T]) {
        let Statistics { mean, variance, .. } = &self.statistics;
        let rows = x.len() / mean.len();
        let a = T::of(self.settings.momentum);
        for (running, &mean) in self.running[0].iter_mut().zip(mean) {
            *running += a * (mean - *running);
        }
        if rows > 1 {
            let unbiased = T::of(rows as f64 / (rows - 1) as f64);
            for (running, &variance) in self.running[1].iter_mut().zip(variance) {
                *running += a * (variance * unbiased - *running);
            }
        }
    }

    /// μ and v as training left them.
    fn take_running(&mut self) {
        self.statistics.mean.copy_from_slice(entries(&self.running[0]));
        self.statistics.variance.copy_from_slice(entries(&self.running[1]));
    }

    /// What a forward pass on x, γ and β takes of each feature.
    pub(crate) fn take_statistics(&mut self, x: &Inputs<'_, T>) {
        let (_, features) = matrix_shape(x[0].shape());
        if self.statistics.mean.len() != features {
            self.reset(features);
        }
        self.of_batch = x.mode != Mode::Evaluation;
        if self.of_batch {
            self.take_batch(entries(&x[0]));
            if !x.replay {
                self.move_running(entries(&x[0]));
            }
        } else {
            self.take_running();
        }
        let epsilon = T::of(self.settings.epsilon);
        let Statistics { variance, r, scale, .. } = &mut self.statistics;
        for (r, &variance) in r.iter_mut().zip(variance.iter()) {
            *r = (variance + epsilon).sqrt().recip();
        }
        for ((scale, &gamma), &r) in scale.iter_mut().zip(entries(&x[1])).zip(r.iter()) {
            *scale = gamma * r;
        }
    }

    /// dγ = Σ dy · x̂ and dβ = Σ dy over the rows of `x` and `dy`, added to the gradients of γ and β. The
    /// statistics are those of so many `rows`: more than there are here, where dy is 0 in the others.
    pub(crate) fn sum_gradients(
        &mut self,
        x: &[T],
        dy: &[T],
        rows: usize,
        dx: &mut Gradients<'_, T>,
    ) {
        let Statistics { mean, r, .. } = &self.statistics;
        let Sums { d_gamma, d_beta, d_gamma_mean, d_beta_mean } = &mut self.sums;
        affine_gradients(x, dy, [mean, r], [d_gamma, d_beta], &mut self.scratch, HALVINGS);
        if let Some(gradient) = dx.wanted(1) {
            add(d_gamma, entries_mut(gradient));
        }
        if let Some(gradient) = dx.wanted(2) {
            add(d_beta, entries_mut(gradient));
        }
        let share = if self.of_batch { T::of(1.0 / rows as f64) } else { T::zero() };
        for (means, sums) in [(d_gamma_mean, d_gamma), (d_beta_mean, d_beta)] {
            for (mean, &sum) in means.iter_mut().zip(sums.iter()) {
                *mean = sum * share;
            }
        }
    }

    /// All that both passes know of each feature.
    pub(crate) fn features<'a>(&'a self, gamma: &'a [T], beta: &'a [T]) -> Features<'a, T> {
        let Statistics { mean, r, scale, .. } = &self.statistics;
        let Sums { d_gamma_mean, d_beta_mean, .. } = &self.sums;
        Features { mean, r, gamma, beta, scale, d_gamma_mean, d_beta_mean }
    }
}

impl<T: Real> Op<T> for BatchNormOp<T> {
    fn name(&self) -> &'static str {
        "batch_norm"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        self.settings.check().map_err(|error| error.to_string())?;
        affine_shape(inputs)
    }

    fn forward(&mut self, x: Inputs<'_, T>, y: &mut Tensor<T>) {
        self.take_statistics(&x);
        let features = self.features(entries(&x[1]), entries(&x[2]));
        affine(entries(&x[0]), features, entries_mut(y), |y| y);
    }

    fn backward(
        &mut self,
        x: Inputs<'_, T>,
        _: &Tensor<T>,
        dy: &Tensor<T>,
        mut dx: Gradients<'_, T>,
    ) {
        let (rows, _) = matrix_shape(x[0].shape());
        self.sum_gradients(entries(&x[0]), entries(dy), rows, &mut dx);
        let Some((dx, accumulate)) = dx.target(0) else { return };
        let features = self.features(entries(&x[1]), entries(&x[2]));
        input_gradient(entries(&x[0]), entries(dy), features, entries_mut(dx), accumulate);
    }

    fn buffers(&self) -> &[Tensor<T>] {
        &self.running
    }

    fn buffers_mut(&mut self) -> &mut [Tensor<T>] {
        &mut self.running
    }
}

/// y = f((x − μ) · scale + β), with scale = γ · r. Shapes: x and y `[rows, features]`.
pub(crate) fn affine<T: Real>(
    x: &[T],
    of: Features<'_, T>,
    y: &mut [T],
    f: impl Fn(T) -> T + Copy + Sync,
) {
    let features = of.mean.len();
    for_rows(y, [x], features, &|y, [x]| {
        for (y, x) in y.chunks_exact_mut(features).zip(x.chunks_exact(features)) {
            let terms = of.mean.iter().zip(of.scale).zip(of.beta);
            for ((y, &x), ((&mean, &scale), &beta)) in y.iter_mut().zip(x).zip(terms) {
                *y = f((x - mean) * scale + beta);
            }
        }
    });
}

/// dγ = Σ dy · x̂ and dβ = Σ dy over the rows. Shapes: x and dy `[rows, features]`, the
/// `statistics` μ and r and the `sums` dγ and dβ `[features]`, `scratch` two rows for each half.
fn affine_gradients<T: Real>(
    x: &[T],
    dy: &[T],
    statistics: [&[T]; 2],
    [d_gamma, d_beta]: [&mut [T]; 2],
    scratch: &mut [T],
    halvings: usize,
) {
    let ([mean, r], features) = (statistics, d_gamma.len());
    let middle = x.len() / features / 2 * features;
    if halvings > 0 && middle > 0 && x.len() >= MIN_ENTRIES {
        let (x, dy) = (x.split_at(middle), dy.split_at(middle));
        let (gamma, scratch) = scratch.split_at_mut(features);
        let (beta, scratch) = scratch.split_at_mut(features);
        let (left, right) = scratch.split_at_mut(scratch.len() / 2);
        let halvings = halvings - 1;
        join(
            || affine_gradients(x.0, dy.0, statistics, [d_gamma, d_beta], left, halvings),
            || affine_gradients(x.1, dy.1, statistics, [gamma, beta], right, halvings),
        );
        add(gamma, d_gamma);
        add(beta, d_beta);
        return;
    }
    d_gamma.fill(T::zero());
    d_beta.fill(T::zero());
    for (x, dy) in x.chunks_exact(features).zip(dy.chunks_exact(features)) {
        let sums = d_gamma.iter_mut().zip(d_beta.iter_mut());
        let statistics = mean.iter().zip(r);
        for (((d_gamma, d_beta), (&mean, &r)), (&x, &dy)) in
            sums.zip(statistics).zip(x.iter().zip(dy))
        {
            *d_gamma += dy * ((x - mean) * r);
            *d_beta += dy;
        }
    }
}

/// to += terms.
fn add<T: Real>(terms: &[T], to: &mut [T]) {
    for (to, &term) in to.iter_mut().zip(terms) {
        *to += term;
    }
}

/// What both passes know of each feature, with the means of [`Sums`]. `[features]` each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Features<'a, T> {
    pub mean: &'a [T],
    pub r: &'a [T],
    pub gamma: &'a [T],
    pub beta: &'a [T],
    pub scale: &'a [T],
    pub d_gamma_mean: &'a [T],
    pub d_beta_mean: &'a [T],
}

/// [`Features`] of `N` neighbors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block<T, const N: usize> {
    pub mean: [T; N],
    pub r: [T; N],
    pub gamma: [T; N],
    pub beta: [T; N],
    pub scale: [T; N],
    pub d_gamma_mean: [T; N],
    pub d_beta_mean: [T; N],
}

impl<T: Real> Features<'_, T> {
    /// Those from `first` on.
    #[inline(always)]
    pub fn block<const N: usize>(&self, first: usize) -> Block<T, N> {
        Block {
            mean: *block(self.mean, first),
            r: *block(self.r, first),
            gamma: *block(self.gamma, first),
            beta: *block(self.beta, first),
            scale: *block(self.scale, first),
            d_gamma_mean: *block(self.d_gamma_mean, first),
            d_beta_mean: *block(self.d_beta_mean, first),
        }
    }
}

impl<T: Real, const N: usize> Block<T, N> {
    /// y = (x − μ) · scale + β, of neighbor `j`.
    #[inline(always)]
    pub fn value(&self, j: usize, x: T) -> T {
        (x - self.mean[j]) * self.scale[j] + self.beta[j]
    }

    /// γ · r · (dy − 1/n · dβ − x̂ · 1/n · dγ), of neighbor `j`.
    #[inline(always)]
    pub fn input_gradient(&self, j: usize, x: T, dy: T) -> T {
        let standardized = (x - self.mean[j]) * self.r[j];
        let d = dy - self.d_beta_mean[j] - standardized * self.d_gamma_mean[j];
        self.gamma[j] * self.r[j] * d
    }
}

/// dx ← γ · r · (dy − 1/n · dβ − x̂ · 1/n · dγ), added to dx where `accumulate`. Shapes: x, dy and dx
/// `[rows, features]`.
fn input_gradient<T: Real>(x: &[T], dy: &[T], of: Features<'_, T>, dx: &mut [T], accumulate: bool) {
    let features = of.mean.len();
    for_rows(dx, [x, dy], features, &|dx, [x, dy]| {
        let rows = x.chunks_exact(features).zip(dy.chunks_exact(features));
        for (dx, (x, dy)) in dx.chunks_exact_mut(features).zip(rows) {
            let terms = of.mean.iter().zip(of.r).zip(of.gamma);
            let means = of.d_gamma_mean.iter().zip(of.d_beta_mean);
            for (((dx, (&x, &dy)), ((&mean, &r), &gamma)), (&d_gamma_mean, &d_beta_mean)) in
                dx.iter_mut().zip(x.iter().zip(dy)).zip(terms).zip(means)
            {
                let term = gamma * r * (dy - d_beta_mean - (x - mean) * r * d_gamma_mean);
                *dx = if accumulate { *dx + term } else { term };
            }
        }
    });
}

/// Batch norm. Chapter 8.
impl<T: Real> Tape<T> {
    /// Batch norm over all axes but the last: γ · (x − μ) / √(v + ε) + β, with the mean μ and the
    /// variance v of each feature. Chapter 8.
    ///
    /// Shapes: `x` `[…, features]`, `gamma` and `beta` `[features]`, the value that of `x`. In
    /// training passes μ and v are those of the batch, and running statistics move towards them; in
    /// evaluation they are the running statistics. [`Tape::buffers`] holds these: the mean and the
    /// (unbiased) variance, `[features]` each, at first 0 and 1. Every training pass moves them, the
    /// recording of the op too, but no replay; no gradient depends on them.
    ///
    /// # Errors
    /// [`ShapeError`] where the shapes do not fit.
    pub fn batch_norm(&mut self, x: Var, gamma: Var, beta: Var) -> Result<Var, ShapeError> {
        self.batch_norm_with(x, gamma, beta, BatchNorm::default())
    }

    /// [`Tape::batch_norm`] with another momentum or ε. Chapter 8.
    ///
    /// # Errors
    /// [`ShapeError`] where the shapes do not fit, or [`BatchNorm::check`] finds a fault.
    pub fn batch_norm_with(
        &mut self,
        x: Var,
        gamma: Var,
        beta: Var,
        settings: BatchNorm,
    ) -> Result<Var, ShapeError> {
        self.push(BatchNormOp::new(settings), &[x, gamma, beta])
    }
}

/// The gradient checks of this module.
pub const CASES: &[Case] = &[
    Case::smooth("batch_norm", |tape, draw| {
        let x = tape.parameter(draw.away_from_zero(&[6, 3]));
        let gamma = tape.parameter(draw.away_from_zero(&[3]));
        let beta = tape.parameter(draw.away_from_zero(&[3]));
        tape.batch_norm(x, gamma, beta)
    }),
    Case::smooth("batch_norm, images", |tape, draw| {
        let x = tape.parameter(draw.away_from_zero(&[2, 3, 2, 3]));
        let gamma = tape.parameter(draw.away_from_zero(&[3]));
        let beta = tape.parameter(draw.away_from_zero(&[3]));
        tape.batch_norm(x, gamma, beta)
    }),
];
