//! Points of the plane, inside or outside a conic. Chapter 11.
//!
//! A point x is drawn from N(0, 1)². Its class is 1 where the quadratic form exceeds a threshold:
//!
//! ```text
//! xᵀQx = q₁₁·x₁² + (q₁₂ + q₂₁)·x₁x₂ + q₂₂·x₂²  >  0.6
//! ```
//!
//! Only the sum q₁₂ + q₂₁ enters: Q can be replaced with its symmetric part S = (Q + Qᵀ)/2. The
//! boundary xᵀSx = 0.6 is an ellipse where both eigenvalues of S are positive, and a hyperbola
//! where their signs differ. Their product is the determinant,
//!
//! ```text
//! det S = q₁₁·q₂₂ − ((q₁₂ + q₂₁)/2)²
//! ```
//!
//! so its sign tells the two apart where q₁₁ > 0.

use crate::data::Dataset;
use crate::random::{Purpose, stream};
use rand::RngExt;
use rand_distr::StandardNormal;

/// The matrix Q of a quadratic form, row by row.
pub type Form = [[f64; 2]; 2];

/// Q of an ellipse: the determinant of its symmetric part is 0.174375.
pub const ELLIPSE: Form = [[1.0, -0.05], [1.0, 0.4]];

/// Q of a hyperbola: the determinant of its symmetric part is −0.3625.
pub const HYPERBOLA: Form = [[1.0, 0.5], [1.0, 0.2]];

/// A point is of class 1 where its form exceeds this.
pub const THRESHOLD: f64 = 0.6;

/// xᵀQx.
pub fn form([x, y]: [f64; 2], q: Form) -> f64 {
    q[0][0] * x * x + (q[0][1] + q[1][0]) * x * y + q[1][1] * y * y
}

/// The determinant of the symmetric part of Q: positive for an ellipse, negative for a hyperbola.
pub fn determinant(q: Form) -> f64 {
    let off_diagonal = (q[0][1] + q[1][0]) / 2.0;
    q[0][0] * q[1][1] - off_diagonal * off_diagonal
}

/// `count` points that `seed` fixes, `[2]` in 2 classes: 1 where xᵀQx > 0.6, 0 elsewhere.
///
/// A longer draw begins with the shorter one.
pub fn draw(count: usize, q: Form, seed: u64) -> Dataset {
    let mut rng = stream(seed, Purpose::Points);
    // A data set has a sample at least; a selection of it may have none.
    let drawn = count.max(1);
    let mut points = Vec::with_capacity(2 * drawn);
    let mut labels = Vec::with_capacity(drawn);
    for _ in 0..drawn {
        let point: [f32; 2] = std::array::from_fn(|_| rng.sample(StandardNormal));
        points.extend(point);
        labels.push(u8::from(form(point.map(f64::from), q) > THRESHOLD));
    }
    let data = Dataset::from_reals("points and a conic", &[2], 2, points, labels)
        .expect("two finite numbers a label, which is 0 or 1");
    if count == 0 { data.select(&[]) } else { data }
}
