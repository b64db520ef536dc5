//! Batch norm as it is done by mistake: an op with one fault in it, and the networks that use it.
//!
//! The op standardizes, without a scale and a shift. With c = x − μ and s = (v + ε)^(−p), p = 1/2, over the
//! n numbers of a group,
//!
//! ```text
//! y = s · c        dx_k = s · (dy_k − 1/n · Σ_i dy_i − 2p/n · c_k/(v + ε) · Σ_i dy_i · c_i)
//! ```
//!
//! A group is a feature over the batch. Each fault changes one thing: the group, the power p, what the
//! backward pass knows of it, or what an evaluation takes.

use crate::init::Init;
use crate::model::Model;
use crate::network::{Network, Recorder};
use crate::random::{Purpose, stream};
use crate::real::Real;
use crate::tape::{Gradients, Inputs, Mode, Op, Var};
use crate::tensor::{BrokenRule, ShapeError, Tensor, entries, entries_mut, expect_inputs};
use crate::train::Plan;
use ndarray::IxDyn;

/// The share of the batch in the running statistics.
const MOMENTUM: f64 = 0.1;
/// Keeps a group that does not vary finite.
const EPSILON: f64 = 1e-5;

/// How the op differs from the one of the book. The default does not, but for the scale and the shift.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fault {
    /// Which numbers are standardized together.
    pub group: Group,
    /// Whether it divides by the variance, not by its root.
    pub by_variance: bool,
    /// What the backward pass knows.
    pub backward: Backward,
    /// What an evaluation takes.
    pub evaluation: Evaluation,
}

/// Which numbers are standardized together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Group {
    /// A feature over the batch.
    #[default]
    Feature,
    /// A sample over its features: the wrong axis.
    Sample,
}

/// What the backward pass knows of the op.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backward {
    /// All of it.
    #[default]
    Exact,
    /// μ and v are taken for constants: dx = s·dy.
    Constants,
    /// Nothing: dx = dy.
    Unaware,
}

/// What an evaluation takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Evaluation {
    /// The running statistics.
    #[default]
    Running,
    /// The statistics of the batch that is evaluated.
    Batch,
    /// Nothing: y = x.
    Nothing,
}

/// Where the op stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Between the product and ReLU.
    BeforeRelu,
    /// Behind ReLU.
    AfterRelu,
    /// On the logits; the hidden layers have the right batch norm before ReLU.
    Logits,
}

/// Standardizes the groups of `[batch, features]`.
#[derive(Debug)]
pub(super) struct Standardize<T> {
    fault: Fault,
    /// Running mean and running variance of each feature.
    running: [Tensor<T>; 2],
    /// Of each group: μ and v + ε of the last forward pass.
    moments: Vec<[T; 2]>,
    /// Whether they are those of the batch.
    of_batch: bool,
    /// Whether the last pass changed nothing.
    idle: bool,
}

impl<T: Real> Standardize<T> {
    pub fn new(fault: Fault, features: usize) -> Self {
        let running = [Tensor::zeros(IxDyn(&[features])), Tensor::ones(IxDyn(&[features]))];
        Self { fault, running, moments: Vec::new(), of_batch: true, idle: false }
    }

    /// The number of groups, the number of members of one, and the place of member `m` of group `g`.
    fn layout(&self, shape: &[usize]) -> (usize, usize, impl Fn(usize, usize) -> usize + use<T>) {
        let [rows, features] = [shape[0], shape[1]];
        let of_feature = self.fault.group == Group::Feature;
        let (groups, members) = if of_feature { (features, rows) } else { (rows, features) };
        let place = move |g: usize, m: usize| {
            if of_feature { m * features + g } else { g * features + m }
        };
        (groups, members, place)
    }

    /// s = (v + ε)^(−1/2), or (v + ε)^(−1) where it divides by the variance.
    fn factor(&self, variance: T) -> T {
        if self.fault.by_variance { variance.recip() } else { variance.sqrt().recip() }
    }

    /// μ and v + ε of each group.
    fn take_batch(&mut self, x: &Tensor<T>, replay: bool) {
        let (groups, members, place) = self.layout(x.shape());
        let x = entries(x);
        let share = T::of(1.0 / members as f64);
        for g in 0..groups {
            let mean = (0..members).map(|m| x[place(g, m)]).sum::<T>() * share;
            let square = |m| (x[place(g, m)] - mean) * (x[place(g, m)] - mean);
            let variance = (0..members).map(square).sum::<T>() * share;
            self.moments[g] = [mean, variance + T::of(EPSILON)];
            if self.fault.group == Group::Feature && !replay && members > 1 {
                let unbiased = variance * T::of(members as f64 / (members - 1) as f64);
                for (running, value) in self.running.iter_mut().zip([mean, unbiased]) {
                    let old = running[g];
                    running[g] = old + T::of(MOMENTUM) * (value - old);
                }
            }
        }
    }
}

impl<T: Real> Op<T> for Standardize<T> {
    fn name(&self) -> &'static str {
        "faulty_standardize"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        let [x] = expect_inputs(inputs)?;
        match x {
            [_, features] if *features == self.running[0].len() => Ok(x.to_vec()),
            _ => Err("takes [batch, features]".into()),
        }
    }

    fn forward(&mut self, x: Inputs<'_, T>, y: &mut Tensor<T>) {
        let training = x.mode != Mode::Evaluation;
        self.idle = !training && self.fault.evaluation == Evaluation::Nothing;
        if self.idle {
            y.assign(&x[0]);
            return;
        }
        let (groups, members, place) = self.layout(x[0].shape());
        self.moments.resize(groups, [T::zero(); 2]);
        let of_features = self.fault.group == Group::Feature;
        self.of_batch = training || !of_features || self.fault.evaluation == Evaluation::Batch;
        if self.of_batch {
            self.take_batch(&x[0], x.replay || !training);
        } else {
            let [means, variances] = &self.running;
            for (moments, (&mean, &variance)) in
                self.moments.iter_mut().zip(means.iter().zip(variances))
            {
                *moments = [mean, variance + T::of(EPSILON)];
            }
        }
        let (x, y) = (entries(&x[0]), entries_mut(y));
        for g in 0..groups {
            let [mean, variance] = self.moments[g];
            let s = self.factor(variance);
            for k in (0..members).map(|m| place(g, m)) {
                y[k] = s * (x[k] - mean);
            }
        }
    }

    fn backward(
        &mut self,
        x: Inputs<'_, T>,
        _: &Tensor<T>,
        dy: &Tensor<T>,
        mut dx: Gradients<'_, T>,
    ) {
        let Some(dx) = dx.wanted(0) else { return };
        let (groups, members, place) = self.layout(x[0].shape());
        let (x, dy, dx) = (entries(&x[0]), entries(dy), entries_mut(dx));
        if self.idle || self.fault.backward == Backward::Unaware {
            dx.iter_mut().zip(dy).for_each(|(dx, &dy)| *dx += dy);
            return;
        }
        let exact = self.of_batch && self.fault.backward == Backward::Exact;
        let twice_p = T::of(if self.fault.by_variance { 2.0 } else { 1.0 });
        let share = T::of(if exact { 1.0 / members as f64 } else { 0.0 });
        for g in 0..groups {
            let [mean, variance] = self.moments[g];
            let s = self.factor(variance);
            let of_group = || (0..members).map(|m| place(g, m));
            let sum = of_group().map(|k| dy[k]).sum::<T>() * share;
            let product = of_group().map(|k| dy[k] * (x[k] - mean)).sum::<T>() * share;
            let back = twice_p * product / variance;
            for k in of_group() {
                dx[k] += s * (dy[k] - sum - back * (x[k] - mean));
            }
        }
    }

    fn buffers(&self) -> &[Tensor<T>] {
        &self.running
    }

    fn buffers_mut(&mut self) -> &mut [Tensor<T>] {
        &mut self.running
    }
}

/// The network of a plan's MLP, with the faulty op in its `place`.
///
/// # Errors
/// [`ShapeError`] for a batch of none.
pub fn network(plan: &Plan, fault: Fault, place: Place) -> Result<Network<f32>, ShapeError> {
    let Model::Mlp(mlp) = &plan.model else { unreachable!("the study trains MLPs alone") };
    let widths = mlp.widths();
    let last = widths.len() - 2;
    let mut rng = stream(plan.seeds.init, Purpose::Init);
    let mut recorder = Recorder::new(plan.batch, &widths[..1]);
    let mut x = recorder.input();
    for (layer, pair) in widths.windows(2).enumerate() {
        let name = format!("layers.{layer}");
        let weight = recorder.linear_weight(&name, [pair[0], pair[1]], Init::HeNormal, &mut rng);
        let bias = recorder.bias(&name, pair[1], 0.0);
        x = recorder.tape.linear(x, weight, bias)?;
        let norm = format!("norms.{layer}");
        if layer == last {
            if place == Place::Logits {
                x = standardize(&mut recorder, &norm, x, fault, pair[1])?;
            }
            break;
        }
        x = match place {
            Place::Logits => recorder.batch_norm(&norm, x)?,
            Place::BeforeRelu => standardize(&mut recorder, &norm, x, fault, pair[1])?,
            Place::AfterRelu => x,
        };
        x = recorder.tape.relu(x)?;
        if place == Place::AfterRelu {
            x = standardize(&mut recorder, &norm, x, fault, pair[1])?;
        }
    }
    recorder.finish(x, Default::default())
}

fn standardize(
    recorder: &mut Recorder<f32>,
    name: &str,
    x: Var,
    fault: Fault,
    features: usize,
) -> Result<Var, ShapeError> {
    let y = recorder.tape.push(Standardize::new(fault, features), &[x])?;
    recorder.name_buffers(y, name, &["running_mean", "running_var"]);
    Ok(y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck::{Draw, Gradcheck};
    use crate::tape::Tape;

    /// The largest relative error of the op's gradient in training.
    fn error(fault: Fault) -> f64 {
        let (mut tape, mut draw) = (Tape::<f64>::new(), Draw::new(29));
        let x = tape.parameter(draw.uniform(&[5, 3], -2.0, 2.0));
        let y = tape.push(Standardize::new(fault, 3), &[x]).expect("the shapes fit");
        tape.set_mode(Mode::Training { step: 0 });
        tape.forward();
        let dy = draw.uniform(&[5, 3], -1.0, 1.0);
        let report = Gradcheck::default().run(&mut tape, y, &dy).expect("the shapes fit");
        report.max_relative_error()
    }

    #[test]
    fn an_exact_backward_pass_is_exact_and_no_other_is() {
        for group in [Group::Feature, Group::Sample] {
            for by_variance in [false, true] {
                let fault = |backward| Fault { group, by_variance, backward, ..Fault::default() };
                let exact = fault(Backward::Exact);
                assert!(error(exact) < 1e-6, "{exact:?}: {}", error(exact));
                for backward in [Backward::Constants, Backward::Unaware] {
                    assert!(error(fault(backward)) > 0.1, "{:?}", fault(backward));
                }
            }
        }
    }

    /// Without a fault it is the library's op, whose scales are 1 and shifts 0 at the start.
    #[test]
    fn without_a_fault_it_is_batch_norm() {
        let (mut tape, mut draw) = (Tape::<f64>::new(), Draw::new(7));
        let x = tape.input(draw.uniform::<f64>(&[6, 4], -1.0, 3.0));
        let one = tape.input(Tensor::ones(IxDyn(&[4])));
        let zero = tape.input(Tensor::zeros(IxDyn(&[4])));
        let expected = tape.batch_norm(x, one, zero).expect("the shapes fit");
        let found = tape.push(Standardize::new(Fault::default(), 4), &[x]).expect("the shapes fit");
        for mode in [Mode::Training { step: 0 }, Mode::Evaluation] {
            tape.set_mode(mode);
            tape.forward();
            let difference = tape.value(found) - tape.value(expected);
            assert!(difference.iter().all(|d| d.abs() < 1e-12), "{mode:?}: {difference}");
        }
    }
}
