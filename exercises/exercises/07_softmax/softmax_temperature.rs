//! # Temperature
//! ●●● about 30 minutes
//!
//! Dividing all logits by a *temperature* `T` before the softmax makes the answer softer (`T > 1`) or harder.
//! A network can learn from the soft answers of another one: the target is `t = softmax(v/T)`, with the
//! teacher's logits `v`. Write the gradient of the cross-entropy `−Σ t·ln softmax(z/T)` with respect to `z`.
//! Then find what is left of it as `T` grows: multiply it by `T²`, and for large `T` it is a linear function
//! of `z − v`. (Both have mean 0 here.) With which factor?

/// The gradient with respect to `z`.
fn gradient(z: &[f64], v: &[f64], temperature: f64) -> Vec<f64> {
    // TODO: write the gradient and its limit
    let _ = (v, temperature);
    vec![f64::NAN; z.len()]
}

/// What T² times the gradient tends to.
fn limit(z: &[f64], v: &[f64]) -> Vec<f64> {
    // TODO: expand the powers of e
    let _ = v;
    vec![f64::NAN; z.len()]
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use exercises::assert_gradient;

    const TASK: &str = "write the gradient and its limit";
    const TEACHER: [f64; 3] = [2.0, -0.5, -1.5];

    #[test]
    fn at_three_temperatures() {
        for temperature in [0.5, 1.0, 4.0] {
            let loss = move |z: &[f64]| {
                let sum = |z: &[f64]| z.iter().map(|z| (z / temperature).exp()).sum::<f64>();
                let t = TEACHER.map(|v| (v / temperature).exp() / sum(&TEACHER));
                let log_sum = sum(z).ln();
                t.iter().zip(z).map(|(t, z)| t * (log_sum - z / temperature)).sum()
            };
            let places: &[&[f64]] = &[&[0.0, 0.0, 0.0], &[-1.0, 2.0, 0.5], &[1.0, 1.5, -2.5]];
            let task = format!("{TASK}\n    at the temperature {temperature}:");
            assert_gradient(&task, loss, move |z| gradient(z, &TEACHER, temperature), places);
        }
    }

    #[test]
    fn the_limit() {
        let (z, hot) = ([-1.0, 0.25, 0.75], 1e4);
        let found = gradient(&z, &TEACHER, hot);
        for (j, (found, limit)) in found.iter().zip(limit(&z, &TEACHER)).enumerate() {
            let near = (hot * hot * found - limit).abs() < 1e-3;
            assert!(near, "{TASK}\n    entry {j} does not tend to {limit}\n");
        }
    }
}
