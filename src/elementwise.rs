//! Element by element: arithmetic of tensors of one shape. Chapter 4.

use crate::gradcheck::Case;
use crate::real::Real;
use crate::tape::{Gradients, Inputs, Op, Tape, Var};
use crate::tensor::{ShapeError, Tensor, expect_inputs};
use ndarray::Zip;

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
        -a / (b * b)
    }
}

/// y = f(a, b), entry by entry. All three tensors have one shape.
#[derive(Clone, Copy, Debug)]
struct Pairwise<F>(F);

impl<T: Real, F: Binary> Op<T> for Pairwise<F> {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, ShapeError> {
        let [a, b] = expect_inputs(F::NAME, inputs)?;
        if a != b {
            return Err(ShapeError::new(F::NAME, inputs, "both inputs must have the same shape"));
        }
        Ok(a.to_vec())
    }

    fn forward(&mut self, x: Inputs<'_, T>, y: &mut Tensor<T>) {
        Zip::from(y).and(&x[0]).and(&x[1]).for_each(|y, &a, &b| *y = F::f(a, b));
    }

    fn backward(
        &mut self,
        x: Inputs<'_, T>,
        _: &Tensor<T>,
        dy: &Tensor<T>,
        mut dx: Gradients<'_, T>,
    ) {
        let (a, b) = (&x[0], &x[1]);
        if let Some(da) = dx.wanted(0) {
            Zip::from(da)
                .and(a)
                .and(b)
                .and(dy)
                .for_each(|da, &a, &b, &dy| *da += dy * F::df_da(a, b));
        }
        if let Some(db) = dx.wanted(1) {
            Zip::from(db)
                .and(a)
                .and(b)
                .and(dy)
                .for_each(|db, &a, &b, &dy| *db += dy * F::df_db(a, b));
        }
    }
}

impl<T: Real> Tape<T> {
    /// a + b, entry by entry. Both gradients are dy. Chapter 4.
    ///
    /// # Errors
    /// [`ShapeError`] where the shapes differ.
    pub fn add(&mut self, a: Var, b: Var) -> Result<Var, ShapeError> {
        self.push(Pairwise(Add), &[a, b])
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

/// The gradient checks of this chapter.
pub const CASES: &[Case] = &[
    Case::smooth("add", |tape, draw| {
        let a = tape.parameter(draw.away_from_zero(&[2, 3]));
        let b = tape.parameter(draw.away_from_zero(&[2, 3]));
        tape.add(a, b)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gradients() {
        crate::gradcheck::assert_gradients(CASES);
    }
}
