//! Functions of one tensor, entry by entry: negate, scale, exp, log, and any f with its f′.
//! Chapter 4.
//!
//! # The general rule
//!
//! Let y_i = f(x_i). The entry x_i stands in y_i alone, so the chain rule has one term:
//!
//! ```text
//! ∂L/∂x_i = ∂L/∂y_i · f′(x_i)        dx = dy ⊙ f′(x)
//! ```
//!
//! Shapes: x, y, dx and dy are all equal.
//!
//! # The derivatives
//!
//! Negation and scaling are linear. With a constant c,
//!
//! ```text
//! f = −x       −(x+h) − (−x) = −h              f′ = −1        dx = −dy
//! f = c·x      c·(x+h) − c·x = c·h             f′ = c         dx = c·dy
//! ```
//!
//! The exponential function turns a sum into a product, and its slope at zero is 1:
//!
//! ```text
//! f = eˣ       (eˣ⁺ʰ − eˣ)/h = eˣ·(eʰ − 1)/h → eˣ        f′ = eˣ = y        dx = dy·y
//! ```
//!
//! Its derivative is its value, which the forward pass has computed. The logarithm undoes it:
//! e^(log x) = x for x > 0. The derivative of both sides gives that of the logarithm:
//!
//! ```text
//! e^(log x) · (log x)′ = 1        f = log x        f′ = 1/x        dx = dy/x
//! ```

use crate::gradcheck::Case;
use crate::parallel::for_each;
use crate::real::Real;
use crate::tape::{Gradients, Inputs, Op, Tape, Var};
use crate::tensor::{BrokenRule, ShapeError, Tensor, expect_inputs};

/// A function of one number with its derivative.
pub(crate) trait Unary<T>: Send + Sync + 'static {
    fn name(&self) -> &'static str;
    fn f(&self, x: T) -> T;
    /// The derivative at `x`, where `y` = f(x) is already known.
    fn df(&self, x: T, y: T) -> T;
}

/// f = −x
#[derive(Clone, Copy, Debug)]
struct Negate;

impl<T: Real> Unary<T> for Negate {
    fn name(&self) -> &'static str {
        "negate"
    }

    fn f(&self, x: T) -> T {
        -x
    }

    fn df(&self, _: T, _: T) -> T {
        -T::one()
    }
}

/// f = c · x
#[derive(Clone, Copy, Debug)]
struct Scale<T>(T);

impl<T: Real> Unary<T> for Scale<T> {
    fn name(&self) -> &'static str {
        "scale"
    }

    fn f(&self, x: T) -> T {
        self.0 * x
    }

    fn df(&self, _: T, _: T) -> T {
        self.0
    }
}

/// f = eˣ
#[derive(Clone, Copy, Debug)]
struct Exp;

impl<T: Real> Unary<T> for Exp {
    fn name(&self) -> &'static str {
        "exp"
    }

    fn f(&self, x: T) -> T {
        x.exp()
    }

    fn df(&self, _: T, y: T) -> T {
        y
    }
}

/// f = log x
#[derive(Clone, Copy, Debug)]
struct Log;

impl<T: Real> Unary<T> for Log {
    fn name(&self) -> &'static str {
        "log"
    }

    fn f(&self, x: T) -> T {
        x.ln()
    }

    fn df(&self, x: T, _: T) -> T {
        x.recip()
    }
}

/// A function of the caller's, with its derivative.
struct Custom<F, D> {
    name: &'static str,
    f: F,
    df: D,
}

impl<T, F, D> Unary<T> for Custom<F, D>
where
    F: Fn(T) -> T + Send + Sync + 'static,
    D: Fn(T) -> T + Send + Sync + 'static,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn f(&self, x: T) -> T {
        (self.f)(x)
    }

    fn df(&self, x: T, _: T) -> T {
        (self.df)(x)
    }
}

/// y = f(x), entry by entry. Both tensors have one shape.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Map<F>(pub(crate) F);

impl<T: Real, F: Unary<T>> Op<T> for Map<F> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        let [x] = expect_inputs(inputs)?;
        Ok(x.to_vec())
    }

    fn forward(&mut self, x: Inputs<'_, T>, y: &mut Tensor<T>) {
        for_each(y, [&x[0]], |y, [x]| *y = self.0.f(x));
    }

    fn backward(
        &mut self,
        x: Inputs<'_, T>,
        y: &Tensor<T>,
        dy: &Tensor<T>,
        mut dx: Gradients<'_, T>,
    ) {
        dx.add(0, [&x[0], y, dy], |[x, y, dy]| dy * self.0.df(x, y));
    }
}

/// Functions of one tensor, entry by entry. Chapter 4.
impl<T: Real> Tape<T> {
    /// −x, entry by entry. dx = −dy. Chapter 4.
    ///
    /// # Errors
    /// [`ShapeError`] where `x` is empty.
    pub fn negate(&mut self, x: Var) -> Result<Var, ShapeError> {
        self.push(Map(Negate), &[x])
    }

    /// `factor` · x, entry by entry, with a constant `factor`. dx = `factor` · dy. Chapter 4.
    ///
    /// # Errors
    /// [`ShapeError`] where `x` is empty.
    pub fn scale(&mut self, x: Var, factor: T) -> Result<Var, ShapeError> {
        self.push(Map(Scale(factor)), &[x])
    }

    /// eˣ, entry by entry. dx = dy · y. Infinite from x = 89 in `f32` and from 710 in `f64`.
    /// Chapter 4.
    ///
    /// # Errors
    /// [`ShapeError`] where `x` is empty.
    pub fn exp(&mut self, x: Var) -> Result<Var, ShapeError> {
        self.push(Map(Exp), &[x])
    }

    /// The natural logarithm of x, entry by entry. dx = dy / x. It is −∞ at zero and not a number
    /// below. Chapter 4.
    ///
    /// # Errors
    /// [`ShapeError`] where `x` is empty.
    pub fn log(&mut self, x: Var) -> Result<Var, ShapeError> {
        self.push(Map(Log), &[x])
    }

    /// f(x), entry by entry, for any `f` with its derivative `df`. dx = dy · f′(x). Chapter 4.
    ///
    /// Nothing checks here that `df` is the derivative of `f`: [`crate::gradcheck`] does.
    ///
    /// ```
    /// use chainrule::Tape;
    /// use ndarray::arr1;
    ///
    /// let mut tape = Tape::<f64>::new();
    /// let x = tape.parameter(arr1(&[1.0, 2.0]));
    /// let y = tape.map(x, "cube", |x| x * x * x, |x| 3.0 * x * x)?;
    /// tape.backward(y);
    /// assert_eq!(tape.value(y), &arr1(&[1.0, 8.0]).into_dyn());
    /// assert_eq!(tape.gradient(x), &arr1(&[3.0, 12.0]).into_dyn());
    /// # Ok::<(), chainrule::ShapeError>(())
    /// ```
    ///
    /// # Errors
    /// [`ShapeError`] where `x` is empty.
    pub fn map(
        &mut self,
        x: Var,
        name: &'static str,
        f: impl Fn(T) -> T + Send + Sync + 'static,
        df: impl Fn(T) -> T + Send + Sync + 'static,
    ) -> Result<Var, ShapeError> {
        self.push(Map(Custom { name, f, df }), &[x])
    }
}

/// The gradient checks of the functions of one tensor.
pub const CASES: &[Case] = &[
    Case::smooth("negate", |tape, draw| {
        let x = tape.parameter(draw.away_from_zero(&[2, 3]));
        tape.negate(x)
    }),
    Case::smooth("scale", |tape, draw| {
        let x = tape.parameter(draw.away_from_zero(&[2, 3]));
        tape.scale(x, -0.7)
    }),
    Case::smooth("exp", |tape, draw| {
        let x = tape.parameter(draw.away_from_zero(&[2, 3]));
        tape.exp(x)
    }),
    Case::smooth("log", |tape, draw| {
        let x = tape.parameter(draw.positive(&[2, 3]));
        tape.log(x)
    }),
    Case::smooth("sin, by map", |tape, draw| {
        let x = tape.parameter(draw.away_from_zero(&[2, 3]));
        tape.map(x, "sin", f64::sin, f64::cos)
    }),
];
