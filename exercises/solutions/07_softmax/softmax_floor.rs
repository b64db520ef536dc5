//! A sure answer gives the second softmax a 1 and `n − 1` zeros. What comes out of a softmax has one large entry
//! and `n − 1` equal small ones, and the next softmax depends on their difference alone: with the lead `a` it
//! becomes `(e^a − 1)/(e^a + n − 1)`. The loss is `ln(e^a + n − 1) − a`. Of 1,000 classes one softmax too many
//! leaves a way of about one: from `6.9078` to `5.9095`.

/// The loss that no logits get below, where softmax is applied `times` times. At least once.
fn floor(n: f64, times: usize) -> f64 {
    if times == 1 {
        return 0.0;
    }
    let mut lead = 1.0_f64;
    for _ in 2..times {
        lead = (lead.exp() - 1.0) / (lead.exp() + n - 1.0);
    }
    (lead.exp() + n - 1.0).ln() - lead
}

/// ln n less the floor of one softmax too many, for n = 1,000.
fn way_down() -> f64 {
    1000_f64.ln() - floor(1000.0, 2)
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use chainrule::{ShapeError, Tape};
    use ndarray::{Array2, arr1};

    const TASK: &str = "find the floor";

    /// The loss of an answer that could not be surer.
    fn of_a_sure_answer(n: usize, times: usize) -> Result<f64, ShapeError> {
        let mut tape = Tape::<f64>::new();
        let logits = Array2::from_shape_fn((1, n), |(_, j)| if j == 0 { 800.0 } else { 0.0 });
        let mut z = tape.input(logits);
        for _ in 1..times {
            z = tape.softmax(z)?;
        }
        let t = tape.input(arr1(&[0.0]));
        let loss = tape.softmax_cross_entropy(z, t)?;
        Ok(tape.value(loss).sum())
    }

    #[test]
    fn the_floor_of_any_number() {
        for (n, times) in [(10, 1), (2, 2), (10, 2), (10, 3), (1000, 2), (5, 6)] {
            let (written, found) = (floor(n as f64, times), of_a_sure_answer(n, times));
            let found = found.expect("the shapes fit");
            let right = (written - found).abs() < 1e-9;
            assert!(right, "{TASK}\n    {n} classes, {times} times: it is not {written}\n");
        }
    }

    #[test]
    fn the_way_down() {
        let found = 1000_f64.ln() - of_a_sure_answer(1000, 2).expect("the shapes fit");
        let right = (way_down() - found).abs() < 1e-9;
        assert!(right, "{TASK}\n    the way down is not {}\n", way_down());
    }
}
