//! The two sums over the rows are products with a row of ones. Forget the division by the number of samples,
//! and the check says of every gradient that it is off by the same factor.

use ndarray::{Array2, Axis};

/// The parameters of the network, `[2, 3]`, `[1, 3]`, `[3, 2]` and `[1, 2]`; or their gradients. A
/// bias is a matrix of one row, which ndarray adds to every row.
struct Parameters {
    w: Array2<f64>,
    b: Array2<f64>,
    v: Array2<f64>,
    c: Array2<f64>,
}

/// The probabilities of a batch: the softmax of each row of O.
fn softmax(o: &Array2<f64>) -> Array2<f64> {
    let powers = o.exp();
    &powers / &powers.sum_axis(Axis(1)).insert_axis(Axis(1))
}

/// The gradients of the mean loss over the rows of `x`, whose targets are the rows of `t`.
fn gradients(x: &Array2<f64>, t: &Array2<f64>, p: &Parameters) -> Parameters {
    let z = x.dot(&p.w) + &p.b;
    let h = z.mapv(|z| 1.0 / (1.0 + (-z).exp()));
    let o = h.dot(&p.v) + &p.c;

    let ones = Array2::ones((1, x.nrows()));
    let d_o = (softmax(&o) - t) / x.nrows() as f64;
    let dz = d_o.dot(&p.v.t()) * &h * (1.0 - &h);
    Parameters { w: x.t().dot(&dz), b: ones.dot(&dz), v: h.t().dot(&d_o), c: ones.dot(&d_o) }
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use chainrule::scalar::{Sample, Weights};
    use exercises::assert_gradient;
    use ndarray::arr2;

    const SAMPLES: [Sample; 3] = [
        Sample { x: [1.5, -0.5], t: [1.0, 0.0] },
        Sample { x: [0.4, 2.0], t: [0.0, 1.0] },
        Sample { x: [-1.0, 0.7], t: [1.0, 0.0] },
    ];

    /// The mean of the samples' losses, in the plain numbers of chapter 1.
    fn loss(parameters: &[f64]) -> f64 {
        let weights = Weights::from_array(parameters.try_into().expect("17 numbers"));
        SAMPLES.iter().map(|sample| weights.forward(sample).loss).sum::<f64>() / 3.0
    }

    fn written(parameters: &[f64]) -> Vec<f64> {
        let part = |range: std::ops::Range<usize>, shape| {
            Array2::from_shape_vec(shape, parameters[range].to_vec()).expect("as many numbers")
        };
        let parameters = Parameters {
            w: part(0..6, (2, 3)),
            b: part(6..9, (1, 3)),
            v: part(9..15, (3, 2)),
            c: part(15..17, (1, 2)),
        };
        let (x, t) = (arr2(&SAMPLES.map(|s| s.x)), arr2(&SAMPLES.map(|s| s.t)));
        let Parameters { w, b, v, c } = gradients(&x, &t, &parameters);
        [w, b, v, c].into_iter().flatten().collect()
    }

    #[test]
    fn both_passes() {
        let place: Vec<f64> = (0..17).map(|k| 0.9 * f64::sin(2.0 + 1.7 * f64::from(k))).collect();
        assert_gradient("write both passes, in matrices", loss, written, &[&place]);
    }
}
