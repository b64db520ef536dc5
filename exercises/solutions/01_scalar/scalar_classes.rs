//! Let `S = Σ_j e^(o_j)`. Then `ln p_j = o_j − ln S`, and the derivative of `ln S` with respect to
//! `o_l` is `e^(o_l)/S = p_l`. So `∂ln p_j/∂o_l` is `1 − p_l` for `j = l` and `−p_l` otherwise. The
//! output `o_l` acts on the loss through all `K` logarithms, with the factors `−t_j`:
//!
//! $$
//! \mathrm do_l = -t_l (1 - p_l) + \sum_{j \neq l} t_j\, p_l
//! = -t_l + p_l \sum_{l} t_j = p_l - t_l .
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
                "write do_l for any number of outputs",
                move |o| softmax(o).iter().zip(t).map(|(p, t)| -t * p.ln()).sum(),
                move |o| output_gradient(o, t),
                &[o],
            );
        }
    }
}
