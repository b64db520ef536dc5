//! # A norm that costs nothing
//! ●●○ about 15 minutes
//!
//! In use, batch norm is `a·z + b` with an `a` and a `b` that are fixed, and `z = X·W` comes before it. The two are
//! one layer. Given `W`, `[k, n]`, the scale `γ`, the shift `β`, the running mean and variance, `[n]`
//! each, and `ε`, find the matrix and the bias of the one layer that does the same as `X·W` followed by the norm.

use ndarray::{Array1, Array2};

/// What the norm knows of its `n` columns.
struct Norm {
    gamma: Array1<f64>,
    beta: Array1<f64>,
    mean: Array1<f64>,
    variance: Array1<f64>,
    epsilon: f64,
}

/// The matrix, `[k, n]`, and the bias, `[n]`, of a linear layer that is `X·W` and the norm in one.
fn folded(w: &Array2<f64>, norm: &Norm) -> (Array2<f64>, Array1<f64>) {
    // TODO: fold the norm into the matrix and a bias
    let Norm { gamma, beta, mean, variance, epsilon } = norm;
    let _ = (gamma, mean, variance, epsilon);
    (w.clone(), beta.clone())
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use chainrule::gradcheck::Draw;
    use chainrule::normalize::BatchNorm;
    use chainrule::{Mode, Tape};
    use ndarray::{Ix1, Ix2};

    const TASK: &str = "fold the norm into the matrix and a bias";

    /// X·W through the library's batch norm, in use.
    fn expected(x: &Array2<f64>, w: &Array2<f64>, norm: &Norm) -> Array2<f64> {
        let mut tape = Tape::<f64>::new();
        tape.set_mode(Mode::Evaluation);
        let (x, w) = (tape.input(x.clone()), tape.input(w.clone()));
        let z = tape.matmul(x, w).expect("the shapes fit");
        let (gamma, beta) = (tape.input(norm.gamma.clone()), tape.input(norm.beta.clone()));
        let settings = BatchNorm { epsilon: norm.epsilon, ..BatchNorm::default() };
        let y = tape.batch_norm_with(z, gamma, beta, settings).expect("the shapes fit");
        tape.buffers_mut(y)[0].assign(&norm.mean);
        tape.buffers_mut(y)[1].assign(&norm.variance);
        tape.forward();
        tape.value(y).clone().into_dimensionality::<Ix2>().expect("a matrix")
    }

    #[test]
    fn one_layer_does_what_two_did() {
        for (seed, epsilon) in [(1, 1e-5), (2, 0.5)] {
            let mut draw = Draw::new(seed);
            let mut matrix = |shape: [usize; 2]| {
                let drawn = draw.away_from_zero::<f64>(&shape);
                drawn.into_dimensionality::<Ix2>().expect("a matrix")
            };
            let (x, w) = (matrix([6, 4]), matrix([4, 3]));
            let mut row = || {
                let drawn = draw.positive::<f64>(&[3]);
                drawn.into_dimensionality::<Ix1>().expect("one row")
            };
            let norm =
                Norm { gamma: row(), beta: -row(), mean: row(), variance: 4.0 * row(), epsilon };
            let (matrix, bias) = folded(&w, &norm);
            let difference = x.dot(&matrix) + bias - expected(&x, &w, &norm);
            let most = difference.iter().fold(0.0_f64, |most, d| most.max(d.abs()));
            assert!(most < 1e-12, "{TASK}\n    ε = {epsilon}: off by {most:.3}\n");
        }
    }
}
