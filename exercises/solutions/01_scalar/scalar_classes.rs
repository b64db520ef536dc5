//! Let `S = Σ_l e^(o_l)`. Then `ln p_l = o_l − ln S`, and the derivative of `ln S` with respect to
//! `o_k` is `e^(o_k)/S = p_k`. So `∂ln p_l/∂o_k` is `1 − p_k` for `l = k` and `−p_k` otherwise. The
//! output `o_k` acts on the loss through all `K` logarithms, with the factors `−t_l`:
//!
//! $$
//! \mathrm do_k = -t_k (1 - p_k) + \sum_{l \neq k} t_l\, p_k
//! = -t_k + p_k \sum_{l} t_l = p_k - t_k .
//! $$
//!
//! Two classes or a thousand: the pull on an output is what it says minus what it should say.

/// The softmax of any number of outputs.
fn softmax(o: &[f64]) -> Vec<f64> {
    let largest = o.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = o.iter().map(|o| (o - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

/// The gradient of the loss with respect to each of the outputs.
fn output_gradient(o: &[f64], t: &[f64]) -> Vec<f64> {
    softmax(o).iter().zip(t).map(|(p, t)| p - t).collect()
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use exercises::assert_gradient;

    /// Outputs and targets, for two to five classes. One target is spread over several of them.
    const CASES: [(&[f64], &[f64]); 4] = [
        (&[1.5, -0.5], &[0.0, 1.0]),
        (&[0.2, 1.4, -0.7], &[0.0, 1.0, 0.0]),
        (&[0.3, -1.2, 2.0, 0.9], &[0.1, 0.0, 0.2, 0.7]),
        (&[-0.4, 0.8, 0.1, -2.0, 1.3], &[1.0, 0.0, 0.0, 0.0, 0.0]),
    ];

    #[test]
    fn any_number_of_classes() {
        for (o, t) in CASES {
            assert_gradient(
                "write do_k for any number of outputs",
                move |o| softmax(o).iter().zip(t).map(|(p, t)| -t * p.ln()).sum(),
                move |o| output_gradient(o, t),
                &[o],
            );
        }
    }
}
