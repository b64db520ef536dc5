//! The chain rule adds one factor to `p − t`: `(p − t)/T`. For large `T` the powers are `1 + z/T`, and with mean 0
//! their sum is `n`. So `p − t` is about `(z − v)/(nT)`, and the gradient times `T²` is `(z − v)/n`. Hot enough,
//! learning from a teacher is the squared error of the *logits*. (Hinton, Vinyals and Dean call it distillation.)

use chainrule::softmax::softmax_row;

/// The gradient with respect to `z`.
fn gradient(z: &[f64], v: &[f64], temperature: f64) -> Vec<f64> {
    let soft = |z: &[f64]| {
        let cooled: Vec<f64> = z.iter().map(|z| z / temperature).collect();
        let mut p = vec![0.0; z.len()];
        softmax_row(&cooled, &mut p);
        p
    };
    soft(z).iter().zip(soft(v)).map(|(p, t)| (p - t) / temperature).collect()
}

/// What T² times the gradient tends to.
fn limit(z: &[f64], v: &[f64]) -> Vec<f64> {
    let n = z.len() as f64;
    z.iter().zip(v).map(|(z, v)| (z - v) / n).collect()
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
