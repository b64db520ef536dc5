//! `f32` and `f64` as one trait, so that the code that is checked in `f64` is the code that
//! trains in `f32`. Chapter 3.

mod erf;
mod exp;

use crate::product::Lanes;
use ndarray::{LinalgScalar, ScalarOperand};
use num_traits::{Float, FromPrimitive, NumAssign};
use std::fmt::{Debug, Display, LowerExp};
use std::iter::Sum;

/// A real number as a machine holds it: [`f32`] or [`f64`].
///
/// The trait is sealed: no other type can have it, since the product needs a kernel for each.
pub trait Real:
    Float
    + FromPrimitive
    + NumAssign
    + Sum
    + LinalgScalar
    + ScalarOperand
    + Default
    + Debug
    + Display
    + LowerExp
    + Send
    + Sync
    + Lanes
    + 'static
{
    /// The type's name, `"f32"` or `"f64"`.
    const NAME: &'static str;

    /// The nearest number of this type to `x`.
    fn of(x: f64) -> Self;

    /// This number, exactly.
    fn as_f64(self) -> f64;

    /// eˣ: to the last digit but one in `f64`, to 3e-7 of itself in `f32`, where it takes no branch and
    /// calls nothing, so that a loop over it runs on whole registers.
    fn exp_vectorized(self) -> Self;

    /// eˣ − 1, as [`Real::exp_vectorized`]: to the last digit but one in `f64`, to 4e-7 of itself in `f32`.
    fn exp_m1_vectorized(self) -> Self;

    /// The error function, 2/√π · ∫₀ˣ e^(−t²) dt: to the last digit but one in `f64`, to 5e-7 in
    /// `f32`.
    fn erf(self) -> Self;

    /// Appends this number's bytes, the lowest first.
    fn write_le(self, bytes: &mut Vec<u8>);

    /// The number of which these are the bytes, the lowest first.
    ///
    /// # Panics
    /// If there are not as many as the type has.
    fn read_le(bytes: &[u8]) -> Self;
}

macro_rules! real {
    ($type:ident, $exp:path, $exp_m1:path, $erf:path) => {
        impl Real for $type {
            const NAME: &'static str = stringify!($type);

            fn of(x: f64) -> Self {
                x as $type
            }

            fn as_f64(self) -> f64 {
                f64::from(self)
            }

            #[inline(always)]
            fn exp_vectorized(self) -> Self {
                $exp(self)
            }

            #[inline(always)]
            fn exp_m1_vectorized(self) -> Self {
                $exp_m1(self)
            }

            #[inline(always)]
            fn erf(self) -> Self {
                $erf(self)
            }

            fn write_le(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }

            fn read_le(bytes: &[u8]) -> Self {
                Self::from_le_bytes(bytes.try_into().expect("as many bytes as the type has"))
            }
        }
    };
}

real!(f32, exp::exp, exp::exp_m1, erf::erf);
real!(f64, f64::exp, f64::exp_m1, libm::erf);
