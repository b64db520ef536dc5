//! The gradient says by how much the loss grows with each number, so each number goes the other
//! way, a little: `u − rate·du`. With the rate `0.1` three passes over the points are enough. So
//! are they with any rate from `0.03` to `1`. With `0.003` they teach next to nothing, though ten
//! do. With `10` the weights are thrown about, and more passes make it no better.

use chainrule::scalar::{Sample, Weights};

/// `weights` after one step down the gradient of the loss of `sample`.
fn step(weights: &Weights, sample: &Sample, rate: f64) -> Weights {
    let gradient = weights.backward(sample, &weights.forward(sample)).weights.to_array();
    let mut numbers = weights.to_array();
    for (number, derivative) in numbers.iter_mut().zip(gradient) {
        *number -= rate * derivative;
    }
    Weights::from_array(numbers)
}

/// What `start` becomes when it learns from these points, as often as you like.
fn train(start: Weights, points: &[Sample]) -> Weights {
    let mut weights = start;
    for _ in 0..3 {
        for sample in points {
            weights = step(&weights, sample, 0.1);
        }
    }
    weights
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use chainrule::scalar::ASYMMETRIC;
    use exercises::{Points, assert_gradient, points};

    /// The gradient along which your step went is compared with central differences.
    #[test]
    fn one_step_goes_down() {
        let (weights, sample) = ASYMMETRIC;
        let from = |numbers: &[f64]| Weights::from_array(numbers.try_into().expect("17 numbers"));
        assert_gradient(
            "write one step of gradient descent",
            move |numbers| from(numbers).forward(&sample).loss,
            move |numbers| {
                let after = step(&from(numbers), &sample, 0.25).to_array();
                numbers.iter().zip(after).map(|(before, after)| (before - after) / 0.25).collect()
            },
            &[&weights.to_array()],
        );
    }

    #[test]
    fn new_points_are_told_apart() {
        let learned = train(ASYMMETRIC.0, &points(4_000, 1));
        let share = points(2_000, 2).share_right(|sample| {
            let [inside, outside] = learned.forward(sample).p;
            usize::from(outside > inside)
        });
        assert!(
            share >= 0.9,
            "write the loop\n    {:.1} % of the new points are right",
            100.0 * share
        );
    }
}
