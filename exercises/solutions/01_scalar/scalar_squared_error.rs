//! Let `d_l = p_l − t_l`, which is now the gradient of `p_l`. Since `p_j` is `e` to the power
//! `ln p_j`, `∂p_j/∂o_l = p_j·∂ln p_j/∂o_l`: that is `p_l·(1 − p_l)` for `j = l` and `−p_j·p_l`
//! otherwise. The paths through all `p_j` together give
//!
//! $$
//! \mathrm do_l = d_l\, p_l - p_l \sum_j d_j\, p_j
//! = p_l \Bigl( d_l - \sum_j d_j\, p_j \Bigr) .
//! $$
//!
//! Sure of the wrong class, `p` is nearly `(1, 0)` while `t = (0, 1)`. Write `q` for `p_1`, which
//! is about `e^(−20)`. Then `p_0 = 1 − q`, and `d = (1 − q, q − 1)`. The sum is `(1 − q)·(1 − 2q)`,
//! and so `do_0 = (1 − q)·(1 − q)·2q`, about `2·e^(−20)`: four billionths. The worst
//! answer gets almost no gradient, because the flat end of the softmax lies between the loss and
//! the outputs. The cross-entropy's logarithm undoes the softmax's power, and its pull stays `p −
//! t`.

/// The softmax of any number of outputs.
fn softmax(o: &[f64]) -> Vec<f64> {
    let largest = o.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = o.iter().map(|o| (o - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

/// The gradient of the squared error with respect to each of the outputs.
fn output_gradient(o: &[f64], t: &[f64]) -> Vec<f64> {
    let p = softmax(o);
    let d: Vec<f64> = p.iter().zip(t).map(|(p, t)| p - t).collect();
    let mean: f64 = d.iter().zip(&p).map(|(d, p)| d * p).sum();
    p.iter().zip(&d).map(|(p, d)| p * (d - mean)).collect()
}

/// n, where the pull is between 10ⁿ and 10ⁿ⁺¹.
const POWER: Option<i32> = Some(-9);

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use exercises::assert_gradient;

    #[test]
    fn the_gradient() {
        let cases: [(&[f64], &[f64]); 2] =
            [(&[1.5, -0.5], &[0.0, 1.0]), (&[0.2, 1.4, -0.7], &[0.0, 1.0, 0.0])];
        for (o, t) in cases {
            assert_gradient(
                "write do_l of the squared error",
                move |o| softmax(o).iter().zip(t).map(|(p, t)| 0.5 * (p - t) * (p - t)).sum(),
                move |o| output_gradient(o, t),
                &[o],
            );
        }
    }

    #[test]
    fn sure_and_wrong() {
        let task = "predict the power of ten of the pull at (10, −10)";
        let pull = output_gradient(&[10.0, -10.0], &[0.0, 1.0])[0];
        let Some(power) = POWER else { panic!("{task}\n    POWER: still empty\n") };
        assert!(pull > 0.0, "{task}\n    output_gradient: do_0 must be above zero there\n");
        let found = pull.log10().floor() as i32;
        assert!(power == found, "{task}\n    POWER: the pull is {pull:.1e}\n");
    }
}
