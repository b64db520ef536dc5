//! Chapter 1: the 17 numbers, one step or a thousand at a time, and the ways from each to the loss.
//!
//! The page holds the 17 weights, in the order of [`Weights::to_array`], and gives them to every
//! function. What stays here are the points.

use crate::Function;
use crate::buffer::answer;
use chainrule::scalar::{Forward, Gradient, SYMMETRIC, Sample, Weights};
use chainrule::score;
use std::sync::LazyLock;

/// How many numbers the network learns.
const WEIGHTS: usize = 17;
/// How many of them belong to the first layer: W and b, which come first.
const FIRST_LAYER: usize = 9;

/// The points that the network learns from.
static TRAINING: LazyLock<Vec<Sample>> =
    LazyLock::new(|| score::samples(&score::points().training));
/// The points that it is asked about.
static TEST: LazyLock<Vec<Sample>> = LazyLock::new(|| score::samples(&score::points().test));

/// How the gradient is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backward {
    /// By the chain rule.
    Right,
    /// Without the factor h(1 − h), the slope of the sigmoid: the fault that chapter 1 plants.
    ForgetsSlope,
}

impl Backward {
    /// The gradient for one sample.
    pub fn of_sample(self, weights: &Weights, sample: &Sample, forward: &Forward) -> Weights {
        let Gradient { weights: right, h: dh } = weights.backward(sample, forward);
        match self {
            Self::Right => right,
            Self::ForgetsSlope => {
                Weights { b: dh, w: sample.x.map(|x| dh.map(|dh| dh * x)), ..right }
            }
        }
    }

    /// The mean of the gradients for `samples`.
    pub fn mean(self, weights: &Weights, samples: &[Sample]) -> Weights {
        if self == Self::Right {
            return weights.loss_and_gradient(samples).1;
        }
        let mut mean = [0.0; WEIGHTS];
        for sample in samples {
            let gradient = self.of_sample(weights, sample, &weights.forward(sample)).to_array();
            for (sum, du) in mean.iter_mut().zip(gradient) {
                *sum += du / samples.len() as f64;
            }
        }
        Weights::from_array(mean)
    }

    /// What h(1 − h) is taken for.
    fn slope(self, h: f64) -> f64 {
        match self {
            Self::Right => h * (1.0 - h),
            Self::ForgetsSlope => 1.0,
        }
    }
}

/// The outputs before the softmax.
pub fn outputs(weights: &Weights, h: [f64; 3]) -> [f64; 2] {
    std::array::from_fn(|j| {
        h.iter().zip(weights.v).map(|(h, v)| h * v[j]).sum::<f64>() + weights.c[j]
    })
}

/// The ways from weight `index` to the outputs, and on from there to the loss, as the factors along
/// each: from the loss back to the weight. Their products add up to the weight's gradient.
///
/// ```text
/// w_lj, b_j    do₀ · v_j₀ · h_j(1 − h_j) · x_l    and    do₁ · v_j₁ · h_j(1 − h_j) · x_l
/// v_lj, c_j    do_j · h_l
/// ```
///
/// A bias has the factor 1 in the place of x or h. `None` where there is no such weight.
pub fn paths(
    weights: &Weights,
    sample: &Sample,
    index: usize,
    backward: Backward,
) -> Option<Vec<Vec<f64>>> {
    let Forward { h, p, .. } = weights.forward(sample);
    let d_o = [p[0] - sample.t[0], p[1] - sample.t[1]];
    let through_hidden = |x: f64, j: usize| {
        (0..2).map(|k| vec![d_o[k], weights.v[j][k], backward.slope(h[j]), x]).collect()
    };
    match index {
        0..6 => Some(through_hidden(sample.x[index / 3], index % 3)),
        6..FIRST_LAYER => Some(through_hidden(1.0, index - 6)),
        FIRST_LAYER..15 => Some(vec![vec![d_o[(index - 9) % 2], h[(index - 9) / 2]]]),
        15..WEIGHTS => Some(vec![vec![d_o[index - 15], 1.0]]),
        _ => None,
    }
}

/// The probability of the second class at `cells` × `cells` places: the middles of the cells of a
/// square from −`reach` to `reach`, row by row from above.
pub fn shade(weights: &Weights, cells: usize, reach: f64) -> Vec<f64> {
    let middle = |k: usize| ((2 * k + 1) as f64 / cells as f64 - 1.0) * reach;
    let probability = |at: usize| {
        let x = [middle(at % cells), -middle(at / cells)];
        weights.forward(&Sample { x, t: [0.0, 1.0] }).p[1]
    };
    (0..cells * cells).map(probability).collect()
}

/// The weights at the beginning of `numbers`, and what follows them.
fn weights_first(numbers: &[f64]) -> Option<(Weights, &[f64])> {
    let (weights, others) = numbers.split_first_chunk::<WEIGHTS>()?;
    Some((Weights::from_array(*weights), others))
}

/// 0 is the right way back, 1 the one that forgets.
fn backward(number: f64) -> Option<Backward> {
    match number {
        0.0 => Some(Backward::Right),
        1.0 => Some(Backward::ForgetsSlope),
        _ => None,
    }
}

/// What the page calls.
pub const FUNCTIONS: &[(&str, Function)] = &[
    ("scalar_points", scalar_points),
    ("scalar_random", scalar_random),
    ("scalar_symmetric", scalar_symmetric),
    ("scalar_learn", scalar_learn),
    ("scalar_score", scalar_score),
    ("scalar_forward", scalar_forward),
    ("scalar_gradient", scalar_gradient),
    ("scalar_mean_gradient", scalar_mean_gradient),
    ("scalar_paths", scalar_paths),
    ("scalar_shade", scalar_shade),
];

/// Takes nothing; leaves x₀, x₁ and the class of each point to learn from.
#[unsafe(no_mangle)]
pub extern "C" fn scalar_points() -> usize {
    answer(|_| Some(TRAINING.iter().flat_map(|s| [s.x[0], s.x[1], s.t[1]]).collect()))
}

/// Takes a seed; leaves the weights of a random start.
#[unsafe(no_mangle)]
pub extern "C" fn scalar_random() -> usize {
    answer(|arguments| {
        let &[seed] = arguments else { return None };
        Some(Weights::random(seed as u64).to_array().to_vec())
    })
}

/// Takes nothing; leaves the weights of the symmetric start.
#[unsafe(no_mangle)]
pub extern "C" fn scalar_symmetric() -> usize {
    answer(|_| Some(SYMMETRIC.0.to_array().to_vec()))
}

/// Learns from all points. Takes weights, how to go back (0: right, 1: without the slope), a rate
/// and a number of steps; leaves the weights after them.
#[unsafe(no_mangle)]
pub extern "C" fn scalar_learn() -> usize {
    answer(|arguments| {
        let (mut weights, &[how, rate, steps]) = weights_first(arguments)? else { return None };
        let backward = backward(how)?;
        for _ in 0..steps as u64 {
            weights = weights.step(&backward.mean(&weights, &TRAINING), rate);
        }
        Some(weights.to_array().to_vec())
    })
}

/// Takes weights; leaves the loss over the points to learn from, and the share of the others that
/// is right.
#[unsafe(no_mangle)]
pub extern "C" fn scalar_score() -> usize {
    answer(|arguments| {
        let (weights, []) = weights_first(arguments)? else { return None };
        Some(vec![weights.loss_and_gradient(&TRAINING).0, weights.accuracy(&TEST)])
    })
}

/// Takes weights and the number of a point; leaves its h, o and p, and its loss.
#[unsafe(no_mangle)]
pub extern "C" fn scalar_forward() -> usize {
    answer(|arguments| {
        let (weights, &[point]) = weights_first(arguments)? else { return None };
        let Forward { h, p, loss } = weights.forward(TRAINING.get(point as usize)?);
        Some([&h[..], &outputs(&weights, h), &p, &[loss]].concat())
    })
}

/// Takes weights, how to go back and the number of a point; leaves the gradient for it.
#[unsafe(no_mangle)]
pub extern "C" fn scalar_gradient() -> usize {
    answer(|arguments| {
        let (weights, &[how, point]) = weights_first(arguments)? else { return None };
        let sample = TRAINING.get(point as usize)?;
        let gradient = backward(how)?.of_sample(&weights, sample, &weights.forward(sample));
        Some(gradient.to_array().to_vec())
    })
}

/// Takes weights and how to go back; leaves the mean gradient for all points.
#[unsafe(no_mangle)]
pub extern "C" fn scalar_mean_gradient() -> usize {
    answer(|arguments| {
        let (weights, &[how]) = weights_first(arguments)? else { return None };
        Some(backward(how)?.mean(&weights, &TRAINING).to_array().to_vec())
    })
}

/// Takes weights, how to go back, the number of a point and of a weight; leaves, for each way from
/// this weight to the loss, its factors and their product.
#[unsafe(no_mangle)]
pub extern "C" fn scalar_paths() -> usize {
    answer(|arguments| {
        let (weights, &[how, point, index]) = weights_first(arguments)? else { return None };
        let sample = TRAINING.get(point as usize)?;
        let mut paths = paths(&weights, sample, index as usize, backward(how)?)?;
        for factors in &mut paths {
            factors.push(factors.iter().product());
        }
        Some(paths.concat())
    })
}

/// Takes weights, a number of cells and a reach; leaves what [`shade`] gives.
#[unsafe(no_mangle)]
pub extern "C" fn scalar_shade() -> usize {
    answer(|arguments| {
        let (weights, &[cells, reach]) = weights_first(arguments)? else { return None };
        Some(shade(&weights, cells as usize, reach))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::call;
    use chainrule::scalar::{ASYMMETRIC, RATE, STEPS};

    #[test]
    fn products_along_the_ways_add_up_to_the_gradient() {
        let (weights, sample) = ASYMMETRIC;
        for backward in [Backward::Right, Backward::ForgetsSlope] {
            let gradient = backward.of_sample(&weights, &sample, &weights.forward(&sample));
            for (index, du) in gradient.to_array().into_iter().enumerate() {
                let paths = paths(&weights, &sample, index, backward).unwrap();
                assert_eq!(paths.len(), if index < FIRST_LAYER { 2 } else { 1 });
                let sum: f64 = paths.iter().map(|path| path.iter().product::<f64>()).sum();
                assert!((sum - du).abs() < 1e-14, "weight {index}: {sum} and {du}");
            }
        }
        assert!(paths(&weights, &sample, WEIGHTS, Backward::Right).is_none());
    }

    #[test]
    fn what_forgets_the_slope_is_too_long_in_the_first_layer_and_right_in_the_second() {
        let (weights, sample) = ASYMMETRIC;
        let right = Backward::Right.mean(&weights, &[sample]).to_array();
        let wrong = Backward::ForgetsSlope.mean(&weights, &[sample]).to_array();
        for (right, wrong) in right.into_iter().zip(wrong).take(FIRST_LAYER) {
            assert!(wrong / right >= 4.0, "{wrong} and {right}");
        }
        assert_eq!(right[FIRST_LAYER..], wrong[FIRST_LAYER..]);
    }

    #[test]
    fn softmax_of_the_outputs_is_what_the_network_says() {
        let (weights, sample) = ASYMMETRIC;
        let Forward { h, p, .. } = weights.forward(&sample);
        let [o0, o1] = outputs(&weights, h);
        assert!((p[0] - 1.0 / (1.0 + (o1 - o0).exp())).abs() < 1e-15);
    }

    #[test]
    fn a_shade_is_what_the_network_says_of_each_place() {
        let weights = ASYMMETRIC.0;
        let says = |x| weights.forward(&Sample { x, t: [0.0, 1.0] }).p[1];
        let shade = shade(&weights, 2, 3.0);
        assert_eq!(shade, [[-1.5, 1.5], [1.5, 1.5], [-1.5, -1.5], [1.5, -1.5]].map(says));
    }

    #[test]
    fn steps_are_those_of_the_chapter() {
        let start = Weights::random(0).to_array().to_vec();
        let learn = |weights: &[f64], steps: usize| {
            call(scalar_learn, [weights, &[0.0, RATE, steps as f64]].concat())
        };
        let in_two = learn(&learn(&start, 400), STEPS - 400);
        assert_eq!(in_two, learn(&start, STEPS));
        // What the chapter quotes.
        assert_eq!(call(scalar_score, in_two)[1], 0.957);
    }

    #[test]
    fn what_is_no_point_or_no_way_is_refused() {
        let with = |others: &[f64]| [&ASYMMETRIC.0.to_array()[..], others].concat();
        assert_eq!(call(scalar_gradient, with(&[0.0, 499.0])).len(), WEIGHTS);
        assert!(call(scalar_gradient, with(&[0.0, 500.0])).is_empty());
        assert!(call(scalar_mean_gradient, with(&[2.0])).is_empty());
        assert!(call(scalar_score, vec![1.0; 16]).is_empty());
    }
}
