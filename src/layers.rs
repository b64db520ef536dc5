//! Layers that networks are recorded from: ops with the parameters that they bring along.
//! Chapter 12.
//!
//! The parameters of a layer `fc1` are called `fc1.weight` and `fc1.bias`, as PyTorch calls them. A
//! linear layer keeps its weights as `[fan_in, fan_out]`, as the product reads them.

use crate::dropout::Masks;
use crate::fraction::Fraction;
use crate::init::Init;
use crate::network::Recorder;
use crate::normalize::BatchNorm;
use crate::real::Real;
use crate::tape::Var;
use crate::tensor::{ShapeError, Tensor};
use ndarray::IxDyn;
use rand::Rng;

/// Names of batch norm's buffers, in its order.
pub(crate) const RUNNING: &[&str] = &["running_mean", "running_var"];

impl<T: Real> Recorder<T> {
    /// The weights of a linear layer, `[fan_in, fan_out]`, drawn from `init`.
    pub fn linear_weight(
        &mut self,
        name: &str,
        [fan_in, fan_out]: [usize; 2],
        init: Init,
        rng: &mut impl Rng,
    ) -> Var {
        let weight = init.sample(fan_in, fan_out, &[fan_in, fan_out], rng);
        self.parameter(format!("{name}.weight"), weight, true)
    }

    /// `width` biases that start at `value`.
    pub fn bias(&mut self, name: &str, width: usize, value: f64) -> Var {
        let bias = Tensor::from_elem(IxDyn(&[width]), T::of(value));
        self.parameter(format!("{name}.bias"), bias, false)
    }

    /// X·W + b, or max(0, X·W + b) where `relu`, with biases of 0. Shapes: `x` `[batch, fan_in]`, the
    /// value `[batch, fan_out]`.
    ///
    /// # Errors
    /// [`ShapeError`] where `x` is no matrix, or `fan_out` is 0.
    pub fn linear(
        &mut self,
        name: &str,
        x: Var,
        fan_out: usize,
        relu: bool,
        rng: &mut impl Rng,
    ) -> Result<Var, ShapeError> {
        let fan_in = self.last_axis(x);
        let init = if relu { Init::HeNormal } else { Init::XavierNormal };
        let weight = self.linear_weight(name, [fan_in, fan_out], init, rng);
        let bias = self.bias(name, fan_out, 0.0);
        match relu {
            true => self.tape.linear_relu(x, weight, bias),
            false => self.tape.linear(x, weight, bias),
        }
    }

    /// x + b over the last axis, with biases of 0.
    ///
    /// # Errors
    /// [`ShapeError`] where `x` is a scalar.
    pub fn add_bias(&mut self, name: &str, x: Var) -> Result<Var, ShapeError> {
        let width = self.last_axis(x);
        let bias = self.bias(name, width, 0.0);
        self.tape.add_bias(x, bias)
    }

    /// Batch norm over all axes but the last, with scales of 1 and shifts of 0.
    ///
    /// # Errors
    /// [`ShapeError`] where `x` is a scalar.
    pub fn batch_norm(&mut self, name: &str, x: Var) -> Result<Var, ShapeError> {
        let affine = self.scale_and_shift(name, x);
        self.normalize(name, x, affine, BatchNorm::default())
    }

    /// γ of 1 and β of 0 for the last axis.
    pub(crate) fn scale_and_shift(&mut self, name: &str, x: Var) -> [Var; 2] {
        let width = self.last_axis(x);
        let scale = Tensor::ones(IxDyn(&[width]));
        let gamma = self.parameter(format!("{name}.weight"), scale, false);
        [gamma, self.bias(name, width, 0.0)]
    }

    /// Batch norm with a scale and a shift that are already there; its running statistics are called
    /// `name.running_mean` and `name.running_var`.
    ///
    /// # Errors
    /// [`ShapeError`] where they do not fit `x`.
    pub fn normalize(
        &mut self,
        name: &str,
        x: Var,
        [gamma, beta]: [Var; 2],
        settings: BatchNorm,
    ) -> Result<Var, ShapeError> {
        let normal = self.tape.batch_norm_with(x, gamma, beta, settings)?;
        self.name_buffers(normal, name, RUNNING);
        Ok(normal)
    }

    /// Dropout of this rate, the network's number `layer`, with masks that `seed` fixes; where the rate is
    /// 0, `x` itself.
    ///
    /// # Errors
    /// [`ShapeError`] where `x` is empty.
    pub fn dropout(
        &mut self,
        x: Var,
        rate: Fraction,
        seed: u64,
        layer: u64,
    ) -> Result<Var, ShapeError> {
        if rate == Fraction::ZERO {
            Ok(x)
        } else {
            self.tape.dropout(x, rate, Masks { seed, layer })
        }
    }

    /// Length of the last axis: the features, or the channels. 1 for a scalar.
    pub(crate) fn last_axis(&self, x: Var) -> usize {
        self.tape.value(x).shape().last().copied().unwrap_or(1)
    }
}
