//! Element by element: arithmetic of tensors of one shape. Chapter 4.
//!
//! # The general rule
//!
//! Let y_i = f(a_i, b_i) for every place i of tensors a, b and y of one shape. The entry a_i
//! stands in y_i and in no other entry of y, and so does b_i. The sum of the chain rule over all
//! uses has one term:
//!
//! ```text
//! ∂L/∂a_i = Σ_j ∂L/∂y_j · ∂y_j/∂a_i = ∂L/∂y_i · ∂f/∂a(a_i, b_i)
//! ∂L/∂b_i = Σ_j ∂L/∂y_j · ∂y_j/∂b_i = ∂L/∂y_i · ∂f/∂b(a_i, b_i)
//! ```
//!
//! The Jacobian of an element-wise function is diagonal. To multiply by it is to multiply entry
//! by entry, in the cost of the forward pass. Shapes: a, b, y, da, db and dy are all equal.
//!
//! An operation is therefore three one-liners: f and its two partial derivatives.
//!
//! # The four operations
//!
//! Hold b fixed and move a by h, or the other way round, and divide the change of f by h:
//!
//! ```text
//! f = a + b     (a+h) + b − (a + b) = h               ∂f/∂a = 1       da = dy
//!               a + (b+h) − (a + b) = h               ∂f/∂b = 1       db = dy
//!
//! f = a − b     (a+h) − b − (a − b) = h               ∂f/∂a = 1       da = dy
//!               a − (b+h) − (a − b) = −h              ∂f/∂b = −1      db = −dy
//!
//! f = a·b       (a+h)·b − a·b = h·b                   ∂f/∂a = b       da = dy·b
//!               a·(b+h) − a·b = h·a                   ∂f/∂b = a       db = dy·a
//!
//! f = a/b       (a+h)/b − a/b = h/b                   ∂f/∂a = 1/b     da = dy/b
//!               a/(b+h) − a/b = −a·h / ((b+h)·b)      ∂f/∂b = −a/b²   db = −dy·a/b²
//! ```
//!
//! Only the last quotient still holds h after the division, and it vanishes with h. The code
//! computes a/b² as (a/b)/b: b² leaves the range of `f32` where the quotient does not.
//!
//! # One tensor as both inputs
//!
//! If a and b are one tensor c, it has two uses, and their terms add up:
//!
//! ```text
//! ∂L/∂c_i = ∂L/∂y_i · (∂f/∂a(c_i, c_i) + ∂f/∂b(c_i, c_i))
//! ```
//!
//! That gives 2·dy for c + c, zero for c − c, 2·dy·c for c·c, and zero for c/c.
//!
//! Functions of one tensor are in [`unary`]. Tensors of different shapes are in [`broadcast`], and a
//! quotient that needs both in [`spread`].

pub mod broadcast;
pub mod spread;
pub mod unary;

use crate::gradcheck::Case;
use crate::parallel::for_each;
use crate::real::Real;
use crate::tape::{Gradients, Inputs, Op, Tape, Var};
use crate::tensor::{BrokenRule, ShapeError, Tensor, expect_inputs};

/// A function of two numbers with both its partial derivatives.
trait Binary: Copy + Send + Sync + 'static {
    const NAME: &'static str;
    fn f<T: Real>(a: T, b: T) -> T;
    fn df_da<T: Real>(a: T, b: T) -> T;
    fn df_db<T: Real>(a: T, b: T) -> T;
}

/// f = a + b
#[derive(Clone, Copy, Debug)]
struct Add;

impl Binary for Add {
    const NAME: &'static str = "add";

    fn f<T: Real>(a: T, b: T) -> T {
        a + b
    }

    fn df_da<T: Real>(_: T, _: T) -> T {
        T::one()
    }

    fn df_db<T: Real>(_: T, _: T) -> T {
        T::one()
    }
}

/// f = a − b
#[derive(Clone, Copy, Debug)]
struct Subtract;

impl Binary for Subtract {
    const NAME: &'static str = "subtract";

    fn f<T: Real>(a: T, b: T) -> T {
        a - b
    }

    fn df_da<T: Real>(_: T, _: T) -> T {
        T::one()
    }

    fn df_db<T: Real>(_: T, _: T) -> T {
        -T::one()
    }
}

/// f = a · b
#[derive(Clone, Copy, Debug)]
struct Multiply;

impl Binary for Multiply {
    const NAME: &'static str = "multiply";

    fn f<T: Real>(a: T, b: T) -> T {
        a * b
    }

    fn df_da<T: Real>(_: T, b: T) -> T {
        b
    }

    fn df_db<T: Real>(a: T, _: T) -> T {
        a
    }
}

/// f = a / b
#[derive(Clone, Copy, Debug)]
struct Divide;

impl Binary for Divide {
    const NAME: &'static str = "divide";

    fn f<T: Real>(a: T, b: T) -> T {
        a / b
    }

    fn df_da<T: Real>(_: T, b: T) -> T {
        b.recip()
    }

    fn df_db<T: Real>(a: T, b: T) -> T {
        -(a / b) / b
    }
}

/// y = f(a, b), entry by entry. All three tensors have one shape.
#[derive(Clone, Copy, Debug)]
struct Pairwise<F>(F);

impl<T: Real, F: Binary> Op<T> for Pairwise<F> {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        let [a, b] = expect_inputs(inputs)?;
        if a != b {
            return Err("both inputs must have the same shape".into());
        }
        Ok(a.to_vec())
    }

    fn forward(&mut self, x: Inputs<'_, T>, y: &mut Tensor<T>) {
        for_each(y, [&x[0], &x[1]], |y, [a, b]| *y = F::f(a, b));
    }

    fn backward(
        &mut self,
        x: Inputs<'_, T>,
        _: &Tensor<T>,
        dy: &Tensor<T>,
        mut dx: Gradients<'_, T>,
    ) {
        dx.add(0, [&x[0], &x[1], dy], |[a, b, dy]| dy * F::df_da(a, b));
        dx.add(1, [&x[0], &x[1], dy], |[a, b, dy]| dy * F::df_db(a, b));
    }
}

/// Arithmetic of two tensors of one shape, entry by entry. Chapter 4.
impl<T: Real> Tape<T> {
    /// a + b, entry by entry. da = dy and db = dy. Chapter 4.
    ///
    /// # Errors
    /// [`ShapeError`] where the shapes differ.
    pub fn add(&mut self, a: Var, b: Var) -> Result<Var, ShapeError> {
        self.push(Pairwise(Add), &[a, b])
    }

    /// a − b, entry by entry. da = dy and db = −dy. Chapter 4.
    ///
    /// # Errors
    /// [`ShapeError`] where the shapes differ.
    pub fn subtract(&mut self, a: Var, b: Var) -> Result<Var, ShapeError> {
        self.push(Pairwise(Subtract), &[a, b])
    }

    /// a · b, entry by entry. da = dy · b and db = dy · a. Chapter 4.
    ///
    /// # Errors
    /// [`ShapeError`] where the shapes differ.
    pub fn multiply(&mut self, a: Var, b: Var) -> Result<Var, ShapeError> {
        self.push(Pairwise(Multiply), &[a, b])
    }

    /// a / b, entry by entry. da = dy / b and db = −dy · a / b². Chapter 4.
    ///
    /// # Errors
    /// [`ShapeError`] where the shapes differ.
    pub fn divide(&mut self, a: Var, b: Var) -> Result<Var, ShapeError> {
        self.push(Pairwise(Divide), &[a, b])
    }
}

/// The gradient checks of the four operations.
pub const CASES: &[Case] = &[
    Case::smooth("add", |tape, draw| {
        let a = tape.parameter(draw.away_from_zero(&[2, 3]));
        let b = tape.parameter(draw.away_from_zero(&[2, 3]));
        tape.add(a, b)
    }),
    Case::smooth("subtract", |tape, draw| {
        let a = tape.parameter(draw.away_from_zero(&[2, 3]));
        let b = tape.parameter(draw.away_from_zero(&[2, 3]));
        tape.subtract(a, b)
    }),
    Case::smooth("multiply", |tape, draw| {
        let a = tape.parameter(draw.away_from_zero(&[2, 3]));
        let b = tape.parameter(draw.away_from_zero(&[2, 3]));
        tape.multiply(a, b)
    }),
    Case::smooth("divide", |tape, draw| {
        let a = tape.parameter(draw.away_from_zero(&[2, 3]));
        let b = tape.parameter(draw.away_from_zero(&[2, 3]));
        tape.divide(a, b)
    }),
];
