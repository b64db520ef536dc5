//! The convolution and its gradients as loops over their formulas. Chapter 13.
//!
//! Each entry of the output is one sum, as [`crate::conv`] derives it. Nothing is rearranged for
//! speed: the other implementations are held against this one.

use crate::conv::Geometry;
use crate::real::Real;
use ndarray::{ArrayView4, ArrayViewMut4};

/// `y[b,i,j,o] = Σ_uvc x[b, i·s + u − p, j·s + v − p, c] · w[u,v,c,o]`.
///
/// Shapes: `x` `[batch, height, width, c_in]`, `w` `[kernel, kernel, c_in, c_out]`, `y` `[batch,
/// out_height, out_width, c_out]`.
///
/// # Panics
/// If the shapes do not fit.
pub fn forward<T: Real>(
    x: ArrayView4<'_, T>,
    w: ArrayView4<'_, T>,
    geometry: Geometry,
    mut y: ArrayViewMut4<'_, T>,
) {
    let (_, height, width, c_in) = x.dim();
    for ((b, i, j, o), y) in y.indexed_iter_mut() {
        *y = T::zero();
        for (u, v) in pairs(geometry.kernel, geometry.kernel) {
            let pixel = (geometry.pixel(i, u, height), geometry.pixel(j, v, width));
            if let (Some(r), Some(q)) = pixel {
                for c in 0..c_in {
                    *y += x[[b, r, q, c]] * w[[u, v, c, o]];
                }
            }
        }
    }
}

/// `dw[u,v,c,o] += Σ_bij dy[b,i,j,o] · x[b, i·s + u − p, j·s + v − p, c]`.
///
/// Shapes: as in [`forward`], `dy` that of `y` and `dw` that of `w`.
///
/// # Panics
/// If the shapes do not fit.
pub fn weight_gradient<T: Real>(
    x: ArrayView4<'_, T>,
    dy: ArrayView4<'_, T>,
    geometry: Geometry,
    mut dw: ArrayViewMut4<'_, T>,
) {
    let (_, height, width, _) = x.dim();
    let (batch, out_height, out_width, _) = dy.dim();
    for ((u, v, c, o), dw) in dw.indexed_iter_mut() {
        for (i, j) in pairs(out_height, out_width) {
            let pixel = (geometry.pixel(i, u, height), geometry.pixel(j, v, width));
            if let (Some(r), Some(q)) = pixel {
                for b in 0..batch {
                    *dw += dy[[b, i, j, o]] * x[[b, r, q, c]];
                }
            }
        }
    }
}

/// `dx[b,r,q,c] += Σ_uvo dy[b,i,j,o] · w[u,v,c,o]` with i = (r + p − u)/s and j = (q + p − v)/s,
/// where these are places.
///
/// Shapes: as in [`forward`], `dy` that of `y` and `dx` that of `x`.
///
/// # Panics
/// If the shapes do not fit.
pub fn input_gradient<T: Real>(
    dy: ArrayView4<'_, T>,
    w: ArrayView4<'_, T>,
    geometry: Geometry,
    mut dx: ArrayViewMut4<'_, T>,
) {
    let (_, out_height, out_width, c_out) = dy.dim();
    for ((b, r, q, c), dx) in dx.indexed_iter_mut() {
        for (u, v) in pairs(geometry.kernel, geometry.kernel) {
            let place = (geometry.place(r, u, out_height), geometry.place(q, v, out_width));
            if let (Some(i), Some(j)) = place {
                for o in 0..c_out {
                    *dx += dy[[b, i, j, o]] * w[[u, v, c, o]];
                }
            }
        }
    }
}

/// All (i, j) with i below `rows` and j below `columns`, row by row.
fn pairs(rows: usize, columns: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..rows).flat_map(move |i| (0..columns).map(move |j| (i, j)))
}
