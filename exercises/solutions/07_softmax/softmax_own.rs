//! The value is `(M − z_c) + ln Σ exp(z_j − M)`, and the local derivatives are `p − t`. The node has all logits
//! as inputs. Nothing in it divides by a probability, and no power exceeds 1.

// Your own tape, from chapter 2. Its tests run here as well.
#[path = "../02_tape/tape_own.rs"]
mod tape_own;

use tape_own::OwnTape;

impl OwnTape {
    /// −ln p_class, with p the softmax of the values of `logits`.
    fn cross_entropy(&mut self, logits: &[usize], class: usize) -> usize {
        let z: Vec<f64> = logits.iter().map(|&node| self.values[node]).collect();
        let largest = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = z.iter().map(|z| (z - largest).exp()).sum();
        let slope = |(j, z): (usize, &f64)| {
            let t = if j == class { 1.0 } else { 0.0 };
            (logits[j], (z - largest).exp() / sum - t)
        };
        let inputs: Vec<(usize, f64)> = z.iter().enumerate().map(slope).collect();
        self.push(largest - z[class] + sum.ln(), &inputs)
    }
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use exercises::assert_gradient;

    const TASK: &str = "write the cross-entropy for your tape";

    /// The loss of these logits where class 1 is right, and its gradient.
    fn run(z: &[f64]) -> (f64, Vec<f64>) {
        let mut tape = OwnTape::default();
        let logits: Vec<usize> = z.iter().map(|&z| tape.leaf(z)).collect();
        let loss = tape.cross_entropy(&logits, 1);
        let gradients = tape.gradients(loss);
        (tape.values[loss], logits.iter().map(|&logit| gradients[logit]).collect())
    }

    #[test]
    fn value_and_gradient() {
        let formula = |z: &[f64]| z.iter().map(|z| z.exp()).sum::<f64>().ln() - z[1];
        let places: &[&[f64]] = &[&[0.0, 0.0], &[2.0, -1.0, 0.5], &[-0.3, 4.0, 0.1, 1.5]];
        for place in places {
            let found = run(place).0;
            let near = (found - formula(place)).abs() < 1e-12;
            assert!(near, "{TASK}\n    {place:?}: the loss is not {found}\n");
        }
        assert_gradient(TASK, formula, |z| run(z).1, places);
    }

    #[test]
    fn nothing_overflows() {
        for (z, loss, gradient) in
            [([1000.0, 0.0], 1000.0, [1.0, -1.0]), ([-1000.0, -1000.0], 2_f64.ln(), [0.5, -0.5])]
        {
            let (found, slopes) = run(&z);
            let near = (found - loss).abs() < 1e-9
                && slopes.iter().zip(gradient).all(|(a, b)| (a - b).abs() < 1e-12);
            assert!(near, "{TASK}\n    {z:?}: loss {found}, gradient {slopes:?}\n");
        }
    }
}
