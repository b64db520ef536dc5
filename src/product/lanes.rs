//! A register full of numbers, for [`f32`] and [`f64`] alike: what the product needs of `pulp`.

use super::panel::SQUARE;
use super::{Product, Rows};
use ndarray::{ArrayView2, ArrayViewMut2};
use num_traits::Zero;
use pulp::{Arch, Simd};

/// A number that fits several times into a vector register. Sealed: [`f32`] and [`f64`] alone have it.
pub trait Lanes: Copy + Zero + 'static {
    /// As many numbers as a register holds.
    type Vector<S: Simd>: Copy;

    /// C ← A·B, or C ← C + A·B where `accumulate`, with the widest registers of this machine.
    ///
    /// Each type has a function of its own. So this crate compiles the product, and a crate that
    /// uses it, as a notebook's cell is one, does not compile it again.
    fn gemm(
        a: &Rows<'_, Self>,
        b: ArrayView2<'_, Self>,
        c: ArrayViewMut2<'_, Self>,
        accumulate: bool,
    );

    /// How many that is.
    fn lanes<S: Simd>() -> usize {
        size_of::<Self::Vector<S>>() / size_of::<Self>()
    }

    /// `x` in every lane.
    fn splat<S: Simd>(simd: S, x: Self) -> Self::Vector<S>;

    /// `a + b`, lane by lane.
    fn plus<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;

    /// `a·b + c`, lane by lane, rounded once where the machine can.
    fn multiply_add<S: Simd>(
        simd: S,
        a: Self::Vector<S>,
        b: Self::Vector<S>,
        c: Self::Vector<S>,
    ) -> Self::Vector<S>;

    /// All lanes from memory.
    ///
    /// # Safety
    /// As many numbers as there are lanes can be read at `from`.
    #[inline(always)]
    unsafe fn load<S: Simd>(from: *const Self) -> Self::Vector<S> {
        // SAFETY: the caller's promise; no alignment is asked for.
        unsafe { from.cast::<Self::Vector<S>>().read_unaligned() }
    }

    /// All lanes to memory.
    ///
    /// # Safety
    /// As many numbers as there are lanes can be written at `to`.
    #[inline(always)]
    unsafe fn store<S: Simd>(to: *mut Self, x: Self::Vector<S>) {
        // SAFETY: the caller's promise; no alignment is asked for.
        unsafe { to.cast::<Self::Vector<S>>().write_unaligned(x) }
    }

    /// The first `n` lanes from memory; the others hold nothing of use.
    ///
    /// # Safety
    /// `n` numbers can be read at `from`, and `n` is not above the number of lanes.
    unsafe fn load_first<S: Simd>(simd: S, n: usize, from: *const Self) -> Self::Vector<S>;

    /// The first `n` lanes to memory.
    ///
    /// # Safety
    /// `n` numbers can be written at `to`, and `n` is not above the number of lanes.
    unsafe fn store_first<S: Simd>(simd: S, n: usize, to: *mut Self, x: Self::Vector<S>);

    /// Copies a [`SQUARE`] whose columns are `across` apart into rows that are `padded` apart.
    ///
    /// # Safety
    /// The square can be read and written.
    #[inline(always)]
    unsafe fn transpose_square(from: *const Self, across: isize, to: *mut Self, padded: usize) {
        for row in 0..SQUARE {
            for column in 0..SQUARE {
                // SAFETY: the caller's promise.
                unsafe {
                    *to.add(row * padded + column) =
                        *from.offset(row as isize + column as isize * across);
                }
            }
        }
    }
}

macro_rules! lanes {
    ($type:ident, $vector:ident, $index:ident, $splat:ident, $add:ident, $multiply_add:ident,
     $mask:ident, $load:ident, $store:ident $(, $more:item)*) => {
        impl Lanes for $type {
            type Vector<S: Simd> = S::$vector;

            fn gemm(
                a: &Rows<'_, Self>,
                b: ArrayView2<'_, Self>,
                c: ArrayViewMut2<'_, Self>,
                accumulate: bool,
            ) {
                Arch::new().dispatch(Product { a, b, c, accumulate });
            }

            #[inline(always)]
            fn splat<S: Simd>(simd: S, x: Self) -> S::$vector {
                simd.$splat(x)
            }

            #[inline(always)]
            fn plus<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$add(a, b)
            }

            #[inline(always)]
            fn multiply_add<S: Simd>(
                simd: S,
                a: S::$vector,
                b: S::$vector,
                c: S::$vector,
            ) -> S::$vector {
                simd.$multiply_add(a, b, c)
            }

            #[inline(always)]
            unsafe fn load_first<S: Simd>(simd: S, n: usize, from: *const Self) -> S::$vector {
                // SAFETY: the mask leaves out what the caller does not promise.
                unsafe { simd.$load(simd.$mask(0, n as $index), from) }
            }

            #[inline(always)]
            unsafe fn store_first<S: Simd>(simd: S, n: usize, to: *mut Self, x: S::$vector) {
                // SAFETY: the mask leaves out what the caller does not promise.
                unsafe { simd.$store(simd.$mask(0, n as $index), to, x) }
            }

            $($more)*
        }
    };
}

lanes!(
    f32,
    f32s,
    u32,
    splat_f32s,
    add_f32s,
    mul_add_e_f32s,
    mask_between_m32s,
    mask_load_ptr_f32s,
    mask_store_ptr_f32s,
    /// In four registers, since a compiler does it number by number.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    unsafe fn transpose_square(from: *const Self, across: isize, to: *mut Self, padded: usize) {
        use std::arch::x86_64::{__m128, _MM_TRANSPOSE4_PS};
        // SAFETY: the caller's promise; no alignment is asked for, and all of these machines have SSE.
        unsafe {
            let column = |c| from.offset(c * across).cast::<__m128>().read_unaligned();
            let [mut a, mut b, mut c, mut d] = [column(0), column(1), column(2), column(3)];
            _MM_TRANSPOSE4_PS(&mut a, &mut b, &mut c, &mut d);
            for (row, register) in [a, b, c, d].into_iter().enumerate() {
                to.add(row * padded).cast::<__m128>().write_unaligned(register);
            }
        }
    }
);
lanes!(
    f64,
    f64s,
    u64,
    splat_f64s,
    add_f64s,
    mul_add_e_f64s,
    mask_between_m64s,
    mask_load_ptr_f64s,
    mask_store_ptr_f64s
);
