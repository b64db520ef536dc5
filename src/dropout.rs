//! Dropout. Chapter 14.
//!
//! In training each entry of x is dropped, that is, replaced by 0, with probability `rate`. The
//! others are scaled up:
//!
//! ```text
//! y_i = x_i · m_i        m_i = 0 with probability rate, 1 / (1 − rate) otherwise
//! ```
//!
//! The scale keeps the mean, E(m_i) = rate · 0 + (1 − rate) / (1 − rate) = 1, so that evaluation
//! needs no scale of its own: there y = x. That is *inverted* dropout (Srivastava et al. 2014 scale
//! in evaluation instead). One entry of x reaches one entry of y, with the factor m_i:
//!
//! ```text
//! dx_i = dy_i · m_i
//! ```
//!
//! The mask m is a pure function of the seed, the layer, the step and the position i: a training that
//! is resumed at some step draws the masks that an uninterrupted one would have drawn, and a gradient
//! check that replays a step meets the same mask every time. Each layer draws from a stream of its own
//! in each step: see [`crate::random`].

use crate::fraction::Fraction;
use crate::gradcheck::Case;
use crate::random::{Purpose, stream};
use crate::real::Real;
use crate::tape::{Gradients, Inputs, Mode, Op, Tape, Var};
use crate::tensor::{BrokenRule, ShapeError, Tensor, entries, entries_mut, expect_inputs};
use rand::Rng;

/// The masks of one dropout: a seed, and the layer that tells this dropout from others of the same
/// network. Two dropouts with equal masks drop the same places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Masks {
    /// The seed of all dropouts of a network.
    pub seed: u64,
    /// Which of them it is.
    pub layer: u64,
}

/// Fills `mask` with 0, with probability `rate`, or 1 / (1 − rate), as `masks` and `step` fix it.
///
/// An entry does not depend on how many there are.
pub fn draw_mask<T: Real>(mask: &mut [T], rate: Fraction, masks: Masks, step: u64) {
    let Masks { seed, layer } = masks;
    let mut rng = stream(seed, Purpose::Mask { layer, step });
    let kept = T::of(1.0 / (1.0 - rate.get()));
    // A draw of 32 bits is below rate · 2³² with probability `rate`.
    let threshold = (rate.get() * 2f64.powi(32)) as u32;
    // Many draws at once take a third of the time of as many single ones.
    let mut draws = [[0; 4]; 256];
    for block in mask.chunks_mut(draws.len()) {
        rng.fill_bytes(draws.as_flattened_mut());
        for (m, &draw) in block.iter_mut().zip(draws.iter()) {
            *m = if u32::from_le_bytes(draw) < threshold { T::zero() } else { kept };
        }
    }
}

/// y = x ⊙ m in training, y = x in evaluation. One shape.
#[derive(Debug)]
struct Dropout<T> {
    rate: Fraction,
    masks: Masks,
    /// The mask of the last forward pass, all 1 in evaluation. One entry for each of x.
    mask: Vec<T>,
}

impl<T: Real> Op<T> for Dropout<T> {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        let [x] = expect_inputs(inputs)?;
        Ok(x.to_vec())
    }

    fn forward(&mut self, x: Inputs<'_, T>, y: &mut Tensor<T>) {
        self.mask.resize(y.len(), T::one());
        match x.mode {
            Mode::Training { step } => draw_mask(&mut self.mask, self.rate, self.masks, step),
            Mode::Evaluation => self.mask.fill(T::one()),
        }
        for ((y, &x), &m) in entries_mut(y).iter_mut().zip(entries(&x[0])).zip(&self.mask) {
            *y = x * m;
        }
    }

    fn backward(
        &mut self,
        _: Inputs<'_, T>,
        _: &Tensor<T>,
        dy: &Tensor<T>,
        mut dx: Gradients<'_, T>,
    ) {
        let Some(dx) = dx.wanted(0) else { return };
        for ((dx, &dy), &m) in entries_mut(dx).iter_mut().zip(entries(dy)).zip(&self.mask) {
            *dx += dy * m;
        }
    }
}

/// Dropout. Chapter 14.
impl<T: Real> Tape<T> {
    /// Drops each entry of `x` with probability `rate` and multiplies the others by 1 / (1 − rate),
    /// in training passes. In evaluation the value is `x`. The shape stays. Chapter 14.
    ///
    /// `masks` and the step of [`Mode::Training`] fix what is dropped: each dropout of a network needs
    /// a layer of its own. Source: Srivastava et al. 2014, with the scale moved to training.
    ///
    /// # Errors
    /// [`ShapeError`] where `x` is empty.
    pub fn dropout(&mut self, x: Var, rate: Fraction, masks: Masks) -> Result<Var, ShapeError> {
        self.push(Dropout { rate, masks, mask: Vec::new() }, &[x])
    }
}

/// The gradient check of this module.
pub const CASES: &[Case] = &[Case::smooth("dropout", |tape, draw| {
    let x = tape.parameter(draw.away_from_zero(&[4, 5]));
    let rate = Fraction::new(0.4).expect("0.4 is a fraction");
    tape.dropout(x, rate, Masks { seed: 29, layer: 0 })
})];
