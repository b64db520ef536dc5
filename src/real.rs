//! `f32` and `f64` as one trait, so that the code that is checked in `f64` is the code that
//! trains in `f32`. The only door to the crate `gemm`. Chapters 3 and 5.

mod erf;

use gemm_common::Parallelism;
use ndarray::{ArrayView2, ArrayViewMut2, LinalgScalar, ScalarOperand};
use num_traits::{Float, FromPrimitive, NumAssign};
use std::fmt::{Debug, Display, LowerExp};
use std::iter::Sum;

/// A real number as a machine holds it: [`f32`] or [`f64`].
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
    + 'static
{
    /// The type's name, `"f32"` or `"f64"`.
    const NAME: &'static str;

    /// The nearest number of this type to `x`.
    fn of(x: f64) -> Self;

    /// This number, exactly.
    fn as_f64(self) -> f64;

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

    /// One product on the calling thread: `C ← A·B`, or `C ← C + A·B` where `accumulate`.
    ///
    /// Shapes: `a` `[m, k]`, `b` `[k, n]`, `c` `[m, n]`, each with any strides.
    ///
    /// # Panics
    /// If the shapes do not fit. Operations check theirs while a tape records.
    fn gemm(
        a: ArrayView2<'_, Self>,
        b: ArrayView2<'_, Self>,
        c: ArrayViewMut2<'_, Self>,
        accumulate: bool,
    );
}

macro_rules! real {
    ($type:ident, $gemm:path, $erf:path) => {
        impl Real for $type {
            const NAME: &'static str = stringify!($type);

            fn of(x: f64) -> Self {
                x as $type
            }

            fn as_f64(self) -> f64 {
                f64::from(self)
            }

            fn erf(self) -> Self {
                $erf(self)
            }

            fn write_le(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }

            fn read_le(bytes: &[u8]) -> Self {
                Self::from_le_bytes(bytes.try_into().expect("as many bytes as the type has"))
            }

            fn gemm(
                a: ArrayView2<'_, Self>,
                b: ArrayView2<'_, Self>,
                mut c: ArrayViewMut2<'_, Self>,
                accumulate: bool,
            ) {
                let ((m, k), n) = (a.dim(), b.ncols());
                assert_eq!(k, b.nrows(), "columns of a must equal rows of b");
                assert_eq!((m, n), c.dim(), "c must have the rows of a and the columns of b");
                // SAFETY: the three views are valid for their shapes and strides, which were
                // compared above; `c` is borrowed mutably, so it overlaps neither `a` nor `b`.
                // Passed as Cᵀ = Bᵀ·Aᵀ: `gemm` is up to three times as fast where the columns
                // of what it writes are contiguous, as the rows of C are.
                unsafe {
                    $gemm()(
                        n,
                        m,
                        k,
                        c.as_mut_ptr(),
                        c.strides()[0],
                        c.strides()[1],
                        accumulate,
                        b.as_ptr(),
                        b.strides()[0],
                        b.strides()[1],
                        a.as_ptr(),
                        a.strides()[0],
                        a.strides()[1],
                        1.0,
                        1.0,
                        false,
                        false,
                        false,
                        Parallelism::None,
                    );
                }
            }
        }
    };
}

real!(f32, gemm_f32::gemm::f32::get_gemm_fn, erf::erf);
real!(f64, gemm_f64::gemm::f64::get_gemm_fn, libm::erf);
