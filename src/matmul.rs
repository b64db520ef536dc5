//! Matrix multiplication and the linear layer. Chapter 5.
//!
//! # The two gradients of a product
//!
//! Let Y = X·W, with X `[m, k]`, W `[k, n]` and Y `[m, n]`. One entry is
//!
//! ```text
//! y_ij = Σ_l x_il · w_lj
//! ```
//!
//! The entry x_il stands in row i of Y and nowhere else, once in each column j, with the factor
//! w_lj. Its gradient sums over all places where it is used:
//!
//! ```text
//! ∂L/∂x_il = Σ_j ∂L/∂y_ij · w_lj        dX = dY·Wᵀ        [m, n]·[n, k] = [m, k]
//! ```
//!
//! The entry w_lj stands in column j of Y and nowhere else, once in each row i, with the factor
//! x_il:
//!
//! ```text
//! ∂L/∂w_lj = Σ_i x_il · ∂L/∂y_ij        dW = Xᵀ·dY        [k, m]·[m, n] = [k, n]
//! ```
//!
//! # The bias
//!
//! In Y = X·W + b the entry b_j is added to every row, so its gradient is the sum over the rows:
//! db_j = Σ_i ∂L/∂y_ij.
//!
//! # All of W at once
//!
//! Move W by any V of its shape, and Y moves by exactly X·V. The loss moves by
//!
//! ```text
//! Σ_ij dy_ij · (X·V)_ij = Σ_lj (Xᵀ·dY)_lj · v_lj
//! ```
//!
//! and so Xᵀ·dY is the gradient: the product with Xᵀ is the adjoint of the product with X. Transposing
//! moves entries, so what was moved is moved back, and with (A·B)ᵀ = Bᵀ·Aᵀ one of the two gradients
//! follows from the other. Where one matrix is both factors, its two gradients add up.

use crate::activation::relu;
use crate::gradcheck::Case;
use crate::parallel::{self, MIN_MULTIPLICATIONS, for_each};
use crate::product::gemm;
use crate::real::Real;
use crate::tape::{Gradients, Inputs, Op, Tape, Var, product_multiplications};
use crate::tensor::{
    BrokenRule, ShapeError, Tensor, add_rows, expect_inputs, matrix, matrix_mut, reshape,
};
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2, Axis, IxDyn};

/// C ← A·B, or C ← C + A·B where `accumulate`.
///
/// Shapes: `a` `[m, k]` and `b` `[k, n]` with any strides, `c` `[m, n]` with adjacent columns. A
/// large product is cut into at most four parts of C, each with all of the sum over k, so that
/// the number of threads changes no bit.
///
/// # Panics
/// If the shapes do not fit, or the columns of `c` are not adjacent.
pub fn product<T: Real>(
    a: ArrayView2<'_, T>,
    b: ArrayView2<'_, T>,
    c: ArrayViewMut2<'_, T>,
    accumulate: bool,
) {
    split_product(a, b, c, accumulate, 2);
}

fn split_product<T: Real>(
    a: ArrayView2<'_, T>,
    b: ArrayView2<'_, T>,
    c: ArrayViewMut2<'_, T>,
    accumulate: bool,
    splits: u32,
) {
    let ((m, k), n) = (a.dim(), b.ncols());
    if let (1, Some(b)) = (k, b.row(0).to_slice()) {
        return outer_product(a.column(0), b, c, accumulate);
    }
    if splits == 0 || m * k * n < MIN_MULTIPLICATIONS {
        return gemm(&a.into(), b, c, accumulate);
    }
    // The longer side is cut: that leaves the parts the most square, and reads the least.
    let ((a_left, a_right), (b_left, b_right), (c_left, c_right)) = if m > n {
        let (upper, lower) = a.split_at(Axis(0), m / 2);
        ((upper, lower), (b, b), c.split_at(Axis(0), m / 2))
    } else {
        let (left, right) = b.split_at(Axis(1), n / 2);
        ((a, a), (left, right), c.split_at(Axis(1), n / 2))
    };
    parallel::join(
        || split_product(a_left, b_left, c_left, accumulate, splits - 1),
        || split_product(a_right, b_right, c_right, accumulate, splits - 1),
    );
}

/// C ← a·bᵀ, or C ← C + a·bᵀ where `accumulate`: the product over a single term, as the gradient
/// of the weights is after one sample. Every number is used once, so that there is no reuse to
/// prepare.
fn outer_product<T: Real>(
    a: ArrayView1<'_, T>,
    b: &[T],
    mut c: ArrayViewMut2<'_, T>,
    accumulate: bool,
) {
    parallel::vectorized(
        #[inline(always)]
        || {
            for (mut row, &a) in c.rows_mut().into_iter().zip(a) {
                let row = row.as_slice_mut().expect("the columns of c are adjacent");
                for (c, &b) in row.iter_mut().zip(b) {
                    *c = if accumulate { *c + a * b } else { a * b };
                }
            }
        },
    );
}

/// Y = X·W. Shapes: X `[m, k]`, W `[k, n]`, Y `[m, n]`.
#[derive(Clone, Copy, Debug)]
pub struct Matmul;

impl<T: Real> Op<T> for Matmul {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        product_shape(expect_inputs(inputs)?)
    }

    fn forward(&mut self, x: Inputs<'_, T>, y: &mut Tensor<T>) {
        product(matrix(&x[0]), matrix(&x[1]), matrix_mut(y), false);
    }

    fn backward(
        &mut self,
        x: Inputs<'_, T>,
        _: &Tensor<T>,
        dy: &Tensor<T>,
        mut dx: Gradients<'_, T>,
    ) {
        if let Some((d_left, accumulate)) = dx.target(0) {
            product(matrix(dy), matrix(&x[1]).t(), matrix_mut(d_left), accumulate);
        }
        if let Some((d_right, accumulate)) = dx.target(1) {
            product(matrix(&x[0]).t(), matrix(dy), matrix_mut(d_right), accumulate);
        }
    }

    fn multiplications(&self, inputs: &[&[usize]], output: &[usize]) -> u64 {
        product_multiplications(inputs[1], output)
    }
}

/// Y = Xᵀ, so dX = dYᵀ. Shapes: X `[m, n]`, Y `[n, m]`.
#[derive(Clone, Copy, Debug)]
pub struct Transpose;

impl<T: Real> Op<T> for Transpose {
    fn name(&self) -> &'static str {
        "transpose"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        match expect_inputs(inputs)? {
            [&[m, n]] => Ok(vec![n, m]),
            _ => Err("takes a matrix".into()),
        }
    }

    fn forward(&mut self, x: Inputs<'_, T>, y: &mut Tensor<T>) {
        y.assign(&x[0].t());
    }

    fn backward(
        &mut self,
        _: Inputs<'_, T>,
        _: &Tensor<T>,
        dy: &Tensor<T>,
        mut dx: Gradients<'_, T>,
    ) {
        if let Some(dx) = dx.wanted(0) {
            *dx += &dy.t();
        }
    }
}

/// The linear layer with its bias, and with ReLU where `relu`, in one op:
/// Y = X·W + b, or Y = max(0, X·W + b).
///
/// Shapes: X `[batch, fan_in]`, W `[fan_in, fan_out]`, b `[fan_out]`, Y `[batch, fan_out]`.
/// ReLU passes dY on where Y > 0 and stops it elsewhere.
#[derive(Debug)]
struct Linear<T> {
    relu: bool,
    /// dY where ReLU passed it: the gradient of X·W + b. `[batch, fan_out]`.
    d_sum: Tensor<T>,
}

impl<T: Real> Op<T> for Linear<T> {
    fn name(&self) -> &'static str {
        if self.relu { "linear_relu" } else { "linear" }
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        let [x, w, b] = expect_inputs(inputs)?;
        let y = product_shape([x, w])?;
        if b != &y[1..] {
            let rule = format!("the bias must have one entry a column of the weights ({})", y[1]);
            return Err(rule.into());
        }
        Ok(y)
    }

    fn forward(&mut self, x: Inputs<'_, T>, y: &mut Tensor<T>) {
        // The product adds to the bias instead of the bias to the product: one pass fewer.
        y.assign(&x[2]);
        product(matrix(&x[0]), matrix(&x[1]), matrix_mut(y), true);
        if self.relu {
            for_each(y, [], |y, []| *y = relu(*y));
            reshape(&mut self.d_sum, y.shape());
        }
    }

    fn backward(
        &mut self,
        x: Inputs<'_, T>,
        y: &Tensor<T>,
        dy: &Tensor<T>,
        mut dx: Gradients<'_, T>,
    ) {
        let d_sum = if self.relu {
            for_each(&mut self.d_sum, [y, dy], |d_sum, [y, dy]| {
                *d_sum = if y > T::zero() { dy } else { T::zero() };
            });
            &self.d_sum
        } else {
            dy
        };
        if let Some((dx, accumulate)) = dx.target(0) {
            product(matrix(d_sum), matrix(&x[1]).t(), matrix_mut(dx), accumulate);
        }
        if let Some((dw, accumulate)) = dx.target(1) {
            product(matrix(&x[0]).t(), matrix(d_sum), matrix_mut(dw), accumulate);
        }
        // What was copied to every row is summed over the rows.
        if let Some(db) = dx.wanted(2) {
            add_rows(db, d_sum);
        }
    }

    fn multiplications(&self, inputs: &[&[usize]], output: &[usize]) -> u64 {
        product_multiplications(inputs[1], output)
    }
}

/// `[m, n]` of `[m, k]`·`[k, n]`.
fn product_shape([left, right]: [&[usize]; 2]) -> Result<Vec<usize>, BrokenRule> {
    let (&[m, columns], &[rows, n]) = (left, right) else {
        return Err("takes matrices: two axes each".into());
    };
    if columns != rows {
        let rule = format!("columns of the left ({columns}) must equal rows of the right ({rows})");
        return Err(rule.into());
    }
    Ok(vec![m, n])
}

/// Matrix products and linear layers. Chapter 5.
impl<T: Real> Tape<T> {
    /// X·W. Shapes: `[m, k]`·`[k, n]` = `[m, n]`. Chapter 5.
    ///
    /// # Errors
    /// [`ShapeError`] where the columns of `x` are not as many as the rows of `w`.
    pub fn matmul(&mut self, x: Var, w: Var) -> Result<Var, ShapeError> {
        self.push(Matmul, &[x, w])
    }

    /// Xᵀ. Shapes: `[m, n]` becomes `[n, m]`. Chapter 5.
    ///
    /// # Errors
    /// [`ShapeError`] where `x` is not a matrix.
    pub fn transpose(&mut self, x: Var) -> Result<Var, ShapeError> {
        self.push(Transpose, &[x])
    }

    /// X·W + b in one op. Shapes: `[batch, fan_in]`·`[fan_in, fan_out]` + `[fan_out]` =
    /// `[batch, fan_out]`. Chapter 5.
    ///
    /// # Errors
    /// [`ShapeError`] where the shapes do not fit.
    pub fn linear(&mut self, x: Var, w: Var, b: Var) -> Result<Var, ShapeError> {
        self.push(Linear { relu: false, d_sum: Tensor::default(IxDyn(&[0])) }, &[x, w, b])
    }

    /// max(0, X·W + b) in one op, with the shapes of [`Tape::linear`]. Chapters 5 and 6.
    ///
    /// # Errors
    /// [`ShapeError`] where the shapes do not fit.
    pub fn linear_relu(&mut self, x: Var, w: Var, b: Var) -> Result<Var, ShapeError> {
        self.push(Linear { relu: true, d_sum: Tensor::default(IxDyn(&[0])) }, &[x, w, b])
    }
}

/// The gradient checks of this chapter.
pub const CASES: &[Case] = &[
    Case::smooth("matmul", |tape, draw| {
        let x = tape.parameter(draw.away_from_zero(&[2, 3]));
        let w = tape.parameter(draw.away_from_zero(&[3, 4]));
        tape.matmul(x, w)
    }),
    Case::smooth("transpose", |tape, draw| {
        let x = tape.parameter(draw.away_from_zero(&[2, 3]));
        tape.transpose(x)
    }),
    Case::smooth("linear", |tape, draw| {
        let x = tape.parameter(draw.away_from_zero(&[5, 3]));
        let w = tape.parameter(draw.away_from_zero(&[3, 4]));
        let b = tape.parameter(draw.away_from_zero(&[4]));
        tape.linear(x, w, b)
    }),
    Case::kinked("linear_relu", |tape, draw| {
        let x = tape.parameter(draw.away_from_zero(&[5, 3]));
        let w = tape.parameter(draw.away_from_zero(&[3, 4]));
        let b = tape.parameter(draw.away_from_zero(&[4]));
        tape.linear_relu(x, w, b)
    }),
];
