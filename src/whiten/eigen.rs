//! Eigenvalues and eigenvectors of a symmetric matrix, by Jacobi's rotations. Chapter 14.
//!
//! A symmetric A has orthogonal eigenvectors: A = V·Λ·Vᵀ with Vᵀ·V = I and a diagonal Λ. A rotation J
//! in the plane of the axes p and q changes A into Jᵀ·A·J, which has the same eigenvalues. Jacobi
//! (1846) turns one entry off the diagonal to zero at a time, until none is left: then the product of
//! all J is V, and what stands on the diagonal is Λ.
//!
//! # One rotation
//!
//! J is the identity but for J_pp = J_qq = cos θ = c and J_pq = −J_qp = sin θ = s. Multiplied out,
//!
//! ```text
//! (Jᵀ·A·J)_pq = c·s·(a_pp − a_qq) + (c² − s²)·a_pq
//! ```
//!
//! It is zero where (c² − s²)/(2·c·s) = (a_qq − a_pp)/(2·a_pq). Call the right side τ. With t = s/c the
//! left side is (1 − t²)/(2·t), so
//!
//! ```text
//! t² + 2·τ·t − 1 = 0        t = −τ ± √(τ² + 1)
//! ```
//!
//! The product of the two roots is −1. The smaller one, a turn by at most 45°, disturbs the other
//! entries least. Expanded by |τ| + √(τ² + 1), so that nothing cancels, it is
//!
//! ```text
//! t = sign(τ) / (|τ| + √(τ² + 1))        c = 1/√(t² + 1)        s = t·c
//! ```
//!
//! # Why it ends
//!
//! A rotation keeps the sum of the squares of all entries, the trace of A·Aᵀ. In every other row k it
//! turns the pair (a_kp, a_kq), which keeps a_kp² + a_kq², and so in every other column. What it takes off
//! the entries pq and qp therefore goes to the diagonal: the sum of the squares off the diagonal falls by
//! 2·a_pq². That sweeps over all pairs bring it to zero is proved by G. Forsythe and P. Henrici (1960);
//! that they do so quadratically in the end, by P. Henrici (1958) and J. H. Wilkinson (1962). Six to ten
//! sweeps are usual.

use crate::tensor::ShapeError;
use ndarray::{Array1, Array2, Axis};

/// Sweeps after which the search is over, whatever it found: far more than any matrix needs.
const SWEEPS: usize = 60;

/// A = V·diag(λ)·Vᵀ.
#[derive(Clone, Debug, PartialEq)]
pub struct Eigen {
    /// The eigenvalues λ, the largest first. `[n]`.
    pub values: Array1<f64>,
    /// The eigenvectors V: column i belongs to eigenvalue i, has length 1, and is orthogonal to the
    /// others. `[n, n]`.
    pub vectors: Array2<f64>,
}

/// The eigenvalues and eigenvectors of a symmetric `a` `[n, n]`, of which only the entries on and
/// above the diagonal are read. It takes about 100·n³ operations: meant for some tens of rows.
///
/// ```
/// use chainrule::whiten::eigen::symmetric_eigen;
/// use ndarray::arr2;
///
/// let eigen = symmetric_eigen(&arr2(&[[2.0, 1.0], [1.0, 2.0]]))?;
/// assert!((eigen.values[0] - 3.0).abs() < 1e-15); // along (1, 1)
/// assert!((eigen.values[1] - 1.0).abs() < 1e-15); // along (1, −1)
/// # Ok::<(), chainrule::ShapeError>(())
/// ```
///
/// # Errors
/// [`ShapeError`] where `a` is not square, an entry is not finite, or an eigenvalue is too large for
/// an `f64`.
pub fn symmetric_eigen(a: &Array2<f64>) -> Result<Eigen, ShapeError> {
    if !a.is_square() {
        let rule = "eigenvalues belong to a matrix of as many rows as columns";
        return Err(ShapeError::new("symmetric_eigen", &[a.shape()], rule));
    }
    let n = a.nrows();
    let mut a = Array2::from_shape_fn((n, n), |(i, j)| a[[i.min(j), i.max(j)]]);
    let finite = |a: &Array2<f64>, rule| match a.iter().all(|a| a.is_finite()) {
        true => Ok(()),
        false => Err(ShapeError::new("symmetric_eigen", &[a.shape()], rule)),
    };
    finite(&a, "its entries must be finite numbers")?;
    let mut v = Array2::eye(n);
    // The squares of entries beyond 1e154 overflow, those of entries below 1e-162 are 0.
    let largest = a.iter().fold(0.0_f64, |largest, a| largest.max(a.abs()));
    let total: f64 = a.iter().map(|a| (a / largest).powi(2)).sum();
    for _ in 0..SWEEPS {
        if largest == 0.0 || off_diagonal(&a, largest) <= f64::EPSILON.powi(2) * total {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut a, &mut v, p, q);
            }
        }
    }
    finite(&a, "an eigenvalue is too large for an f64: divide the matrix by some number")?;
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| a[[j, j]].total_cmp(&a[[i, i]]));
    Ok(Eigen { values: a.diag().select(Axis(0), &order), vectors: v.select(Axis(1), &order) })
}

/// The sum of the squares above the diagonal, of entries in units of `unit`.
fn off_diagonal(a: &Array2<f64>, unit: f64) -> f64 {
    a.indexed_iter().filter(|((i, j), _)| i < j).map(|(_, a)| (a / unit).powi(2)).sum()
}

/// A ← Jᵀ·A·J and V ← V·J, with the J that makes a_pq zero.
fn rotate(a: &mut Array2<f64>, v: &mut Array2<f64>, p: usize, q: usize) {
    if a[[p, q]] == 0.0 {
        return;
    }
    // Halved before they are subtracted: neither the difference nor 2·a_pq overflows.
    let tau = (a[[q, q]] / 2.0 - a[[p, p]] / 2.0) / a[[p, q]];
    let t = tau.signum() / (tau.abs() + tau.hypot(1.0));
    let c = t.hypot(1.0).recip();
    let s = t * c;
    for k in 0..a.nrows() {
        (a[[k, p]], a[[k, q]]) = turned(a[[k, p]], a[[k, q]], c, s);
        (v[[k, p]], v[[k, q]]) = turned(v[[k, p]], v[[k, q]], c, s);
    }
    for k in 0..a.nrows() {
        (a[[p, k]], a[[q, k]]) = turned(a[[p, k]], a[[q, k]], c, s);
    }
    // But for rounding it is zero already.
    (a[[p, q]], a[[q, p]]) = (0.0, 0.0);
}

/// (x, y)·J within the plane of p and q.
fn turned(x: f64, y: f64, c: f64, s: f64) -> (f64, f64) {
    (c * x - s * y, s * x + c * y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradcheck::Draw;
    use crate::tensor::matrix;

    #[test]
    fn a_rotation_moves_the_squares_to_the_diagonal() {
        let draw = Draw::new(71).away_from_zero(&[5, 5]);
        let a = matrix(&draw).to_owned();
        let before = &a + &a.t();
        let (p, q) = (1, 3);
        let (mut after, mut v) = (before.clone(), Array2::eye(5));
        rotate(&mut after, &mut v, p, q);
        let near = |found: f64, expected: f64| {
            assert!((found - expected).abs() < 1e-13, "{found}, expected {expected}");
        };
        // A ← Jᵀ·A·J, with the J by which an identity was multiplied.
        for (found, expected) in after.iter().zip(&v.t().dot(&before).dot(&v)) {
            near(*found, *expected);
        }
        assert_eq!([after[[p, q]], after[[q, p]]], [0.0; 2]);
        near(after.iter().map(|a| a * a).sum(), before.iter().map(|a| a * a).sum());
        let falls_by = off_diagonal(&before, 1.0) - off_diagonal(&after, 1.0);
        near(falls_by, before[[p, q]] * before[[p, q]]);
        // By at most 45°: cos θ is no less than cos 45°.
        assert!(v[[p, p]] >= 0.5_f64.sqrt() && v[[p, q]] == -v[[q, p]]);
    }

    #[test]
    fn sweeps_bring_the_rest_to_zero_in_the_end_quadratically() {
        let draw = Draw::new(72).away_from_zero(&[12, 12]);
        let a = matrix(&draw).to_owned();
        let (mut a, mut v) = (&a + &a.t(), Array2::eye(12));
        let mut rests = vec![off_diagonal(&a, 1.0).sqrt()];
        while rests[rests.len() - 1] > 1e-12 {
            assert!(rests.len() < 10, "{rests:?}");
            for p in 0..12 {
                for q in p + 1..12 {
                    rotate(&mut a, &mut v, p, q);
                }
            }
            rests.push(off_diagonal(&a, 1.0).sqrt());
        }
        assert!(rests.is_sorted_by(|before, after| before > after), "{rests:?}");
        // Of a rest below the distances between the eigenvalues no more than its square is left.
        let small: Vec<_> = rests.windows(2).filter(|pair| pair[0] < 0.1).collect();
        assert!(small.len() >= 2, "{rests:?}");
        assert!(small.iter().all(|pair| pair[1] < pair[0] * pair[0]), "{rests:?}");
    }
}
