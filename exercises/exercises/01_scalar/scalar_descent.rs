//! # Seventeen numbers learn
//! ●●○ about 30 minutes
//!
//! The network of the chapter tells points inside an ellipse from points outside, once its 17
//! numbers are right. Let them find their places: write one step of gradient descent, `u − rate·du`
//! for every number `u`, and a loop that takes such steps until at least 90 of 100 new points are
//! right. Of many such points 56 in 100 are outside, so a network that always says so gets that many.
//!
//! The rate and the number of steps are yours. This loop is the first piece of your own library.

use chainrule::scalar::{Sample, Weights};

/// `weights` after one step down the gradient of the loss of `sample`.
fn step(weights: &Weights, sample: &Sample, rate: f64) -> Weights {
    // TODO: write one step of gradient descent
    let _ = (sample, rate);
    *weights
}

/// What `start` becomes when it learns from these points, as often as you like.
fn train(start: Weights, points: &[Sample]) -> Weights {
    // TODO: write the loop
    let _ = points;
    start
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
