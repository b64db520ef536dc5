//! Central differences of plain functions: the side of an equation that knows of no tape.

use chainrule::Tensor;

/// The gradient of Σ `dy` ⊙ `f(x)` with respect to every entry of `x`.
pub fn gradient(
    x: &Tensor<f64>,
    dy: &Tensor<f64>,
    f: impl Fn(&Tensor<f64>) -> Tensor<f64>,
) -> Tensor<f64> {
    let step = f64::EPSILON.cbrt();
    let mut gradient = Tensor::zeros(x.raw_dim());
    for (index, entry) in gradient.indexed_iter_mut() {
        let moved = |by: f64| {
            let mut x = x.clone();
            x[&index] += by;
            f(&x)
        };
        *entry = ((moved(step) - moved(-step)) * dy).sum() / (2.0 * step);
    }
    gradient
}
