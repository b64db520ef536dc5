//! Chapter 7: three logits, the probabilities that softmax makes of them, and what a loss sends back.
//!
//! ```text
//! p = softmax(z + c)                        c is added to every logit, and p does not change
//! t = (1 − ε) · parts / Σ parts + ε / 3     the target, smoothed
//! cross-entropy    L = −Σ t · ln p          dz = p − t
//! squared error    L = ½ Σ (p − t)²         dp = p − t, and dz = p ⊙ (dp − Σ dp · p)
//! ```
//!
//! Both losses begin with the same p − t. Cross-entropy hands it to the logits as it is; the squared error
//! sends it through the Jacobian of softmax, which is nearly zero where p is sure.

use crate::Function;
use crate::buffer::answer;
use chainrule::optim::{Optimizer, OptimizerError, Rule};
use chainrule::real::Real;
use chainrule::softmax::Loss;
use chainrule::tensor::entries;
use chainrule::{ShapeError, Tape, Var};
use ndarray::{Axis, arr2};

/// How many classes there are.
pub const CLASSES: usize = 3;
/// The most steps of descent in one call: a page asks for a few.
const MOST_STEPS: usize = 1000;

/// A number for each class.
pub type Row<T> = [T; CLASSES];

/// What p is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judge {
    /// −Σ t · ln p, with softmax as one op.
    CrossEntropy,
    /// ½ Σ (p − t)², of softmax as an op of its own.
    SquaredError,
}

impl Judge {
    /// Puts the loss of `logits` against `targets`, both `[1, 3]`, on the tape.
    fn loss(self, tape: &mut Tape<f64>, logits: Var, targets: Var) -> Result<Var, ShapeError> {
        match self {
            Self::CrossEntropy => tape.softmax_cross_entropy(logits, targets),
            Self::SquaredError => {
                let p = tape.softmax(logits)?;
                let difference = tape.subtract(p, targets)?;
                let squares = tape.multiply(difference, difference)?;
                let sum = tape.sum(squares)?;
                tape.scale(sum, 0.5)
            }
        }
    }
}

/// The distribution that has these `parts`, with a share ε = `smoothing` of it given to all classes alike.
/// None where there is no such distribution: a part is negative, all are 0, or ε is not in [0, 1].
pub fn target(parts: Row<f64>, smoothing: f64) -> Option<Row<f64>> {
    let sum: f64 = parts.iter().sum();
    let is_distribution = parts.iter().all(|&part| part >= 0.0) && sum > 0.0 && sum.is_finite();
    let is_share = (0.0..=1.0).contains(&smoothing);
    let smooth = |part: f64| (1.0 - smoothing) * part / sum + smoothing / CLASSES as f64;
    (is_distribution && is_share).then(|| parts.map(smooth))
}

/// Three logits on a tape, with their target and their loss.
struct Problem {
    tape: Tape<f64>,
    z: Var,
    loss: Var,
}

impl Problem {
    fn new(judge: Judge, z: Row<f64>, target: Row<f64>) -> Result<Self, ShapeError> {
        let mut tape = Tape::new();
        let z = tape.parameter(arr2(&[z]));
        let target = tape.input(arr2(&[target]));
        let loss = judge.loss(&mut tape, z, target)?;
        Ok(Self { tape, z, loss })
    }

    fn logits(&self) -> Row<f64> {
        row(&self.tape, self.z)
    }
}

/// All that is seen of three logits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pass {
    /// softmax(z).
    pub p: Row<f64>,
    /// The loss: in nats, where it is the cross-entropy.
    pub loss: f64,
    /// KL(t ‖ p): the part of the cross-entropy that descent can take away. The other is t's entropy.
    pub divergence: f64,
    /// ∂L/∂z.
    pub dz: Row<f64>,
}

/// One pass forward and one back.
///
/// # Errors
/// Those of the tape, of which there are none: the shapes fit.
pub fn pass(judge: Judge, z: Row<f64>, target: Row<f64>) -> Result<Pass, ShapeError> {
    let Problem { mut tape, z, loss } = Problem::new(judge, z, target)?;
    let p = tape.softmax(z)?;
    let target = tape.input(arr2(&[target]));
    let divergence = Loss { divergence: true, ..Loss::default() };
    let divergence = tape.softmax_loss(z, target, divergence)?;
    tape.backward(loss);
    let number = |var| entries(tape.value(var))[0];
    let dz = std::array::from_fn(|k| entries(tape.gradient(z))[k]);
    Ok(Pass { p: row(&tape, p), loss: number(loss), divergence: number(divergence), dz })
}

/// The logits after `steps` of gradient descent at a rate of 1: z ← z − dz.
///
/// # Errors
/// Those of the tape and the optimizer, of which there are none: z is a parameter of the tape.
pub fn descend(
    judge: Judge,
    z: Row<f64>,
    target: Row<f64>,
    steps: usize,
) -> Result<Row<f64>, OptimizerError> {
    let mut problem = Problem::new(judge, z, target).expect("a target for each logit");
    let mut optimizer = Optimizer::new(Rule::Sgd, 0.0, &problem.tape, &[problem.z])?;
    for _ in 0..steps {
        problem.tape.forward();
        problem.tape.backward(problem.loss);
        optimizer.step(&mut problem.tape, 1.0);
    }
    Ok(problem.logits())
}

/// The softmax of three numbers, step by step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Steps<T> {
    /// What e is raised to.
    pub exponents: Row<T>,
    /// The powers.
    pub powers: Row<T>,
    /// Their sum.
    pub sum: T,
    /// Powers by their sum.
    pub p: Row<T>,
}

impl<T: Real> Steps<T> {
    /// As the formula is written, eˣ / Σ eˣ, in ops of chapter 4: not a number where the powers overflow, or
    /// are all rounded to 0.
    ///
    /// # Errors
    /// Those of the tape, of which there are none: the shapes fit.
    pub fn as_written(exponents: Row<T>) -> Result<Self, ShapeError> {
        let mut tape = Tape::new();
        let x = tape.input(arr2(&[exponents]));
        let powers = tape.exp(x)?;
        let sum = tape.sum_axis(powers, Axis(1))?;
        let sums = tape.expand(sum, Axis(1), powers)?;
        let p = tape.divide(powers, sums)?;
        let sum = entries(tape.value(sum))[0];
        Ok(Self { exponents, powers: row(&tape, powers), sum, p: row(&tape, p) })
    }

    /// With the largest logit taken off each, as [`Tape::softmax`] does, which p is from.
    ///
    /// # Errors
    /// Those of the tape, of which there are none: the shapes fit.
    pub fn shifted(z: Row<T>) -> Result<Self, ShapeError> {
        let largest = z.into_iter().fold(T::neg_infinity(), T::max);
        let mut tape = Tape::new();
        let logits = tape.input(arr2(&[z]));
        let p = tape.softmax(logits)?;
        Ok(Self { p: row(&tape, p), ..Self::as_written(z.map(|z| z - largest))? })
    }

    fn numbers(self) -> impl Iterator<Item = f64> {
        let Self { exponents, powers, sum, p } = self;
        let numbers = exponents.into_iter().chain(powers).chain([sum]).chain(p);
        numbers.map(T::as_f64)
    }
}

/// The three entries of a value on the tape.
fn row<T: Real>(tape: &Tape<T>, var: Var) -> Row<T> {
    std::array::from_fn(|k| entries(tape.value(var))[k])
}

/// What the page has chosen: a loss, its target, and the logits.
struct Choice {
    judge: Judge,
    target: Row<f64>,
    z: Row<f64>,
}

impl Choice {
    /// The eight numbers at the beginning of `numbers`, and what follows them.
    fn first(numbers: &[f64]) -> Option<(Self, &[f64])> {
        let (&[judge, smoothing, first, second, third], others) = numbers.split_first_chunk()?;
        let (&z, others) = others.split_first_chunk()?;
        let judge = match judge {
            0.0 => Judge::CrossEntropy,
            1.0 => Judge::SquaredError,
            _ => return None,
        };
        let target = target([first, second, third], smoothing)?;
        Some((Self { judge, target, z }, others))
    }
}

/// What the page calls.
pub const FUNCTIONS: &[(&str, Function)] = &[
    ("softmax_pass", softmax_pass),
    ("softmax_descend", softmax_descend),
    ("softmax_single", softmax_single),
];

/// Takes a loss (0 the cross-entropy, 1 the squared error), ε, the three parts of the target, three logits,
/// and what is added to each of them. Leaves, of each of the three classes, z + c, then p, t, p − t and dz;
/// the sums of these four; the loss, and KL(t ‖ p).
#[unsafe(no_mangle)]
pub extern "C" fn softmax_pass() -> usize {
    answer(|numbers| {
        let (Choice { judge, target, z }, &[added]) = Choice::first(numbers)? else { return None };
        let logits = z.map(|z| z + added);
        let Pass { p, loss, divergence, dz } = pass(judge, logits, target).ok()?;
        let difference = std::array::from_fn(|k| p[k] - target[k]);
        let rows = [p, target, difference, dz];
        let sums = rows.map(|row| row.iter().sum());
        let results = [logits].into_iter().chain(rows).flatten().chain(sums);
        Some(results.chain([loss, divergence]).collect())
    })
}

/// Takes a loss, ε, a target and logits as [`softmax_pass`], and how many steps; leaves the logits after
/// these.
#[unsafe(no_mangle)]
pub extern "C" fn softmax_descend() -> usize {
    answer(|numbers| {
        let (Choice { judge, target, z }, &[steps]) = Choice::first(numbers)? else { return None };
        let steps = (0..=MOST_STEPS).find(|&count| count as f64 == steps)?;
        descend(judge, z, target, steps).ok().map(Vec::from)
    })
}

/// Takes three logits and what is added to each of them. Leaves the [`Steps`] of their sums in `f32`, ten
/// numbers: as the formula is written, and then with the largest taken off.
#[unsafe(no_mangle)]
pub extern "C" fn softmax_single() -> usize {
    answer(|numbers| {
        let &[first, second, third, added] = numbers else { return None };
        let z = [first, second, third].map(|z| (z + added) as f32);
        let (written, shifted) = (Steps::as_written(z).ok()?, Steps::shifted(z).ok()?);
        Some(written.numbers().chain(shifted.numbers()).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::call;
    use chainrule::fraction::Fraction;

    const JUDGES: [Judge; 2] = [Judge::CrossEntropy, Judge::SquaredError];
    /// Sure of class 0, where 1 is right.
    const SURE: Row<f64> = [4.0, -3.0, 0.0];
    const RIGHT: Row<f64> = [0.0, 1.0, 0.0];
    const SPREAD: Row<f64> = [0.6, 0.3, 0.1];

    fn of(judge: Judge, z: Row<f64>, target: Row<f64>) -> Pass {
        pass(judge, z, target).expect("shapes fit")
    }

    fn assert_close(a: impl IntoIterator<Item = f64>, b: impl IntoIterator<Item = f64>, most: f64) {
        for (a, b) in a.into_iter().zip(b) {
            assert!((a - b).abs() <= most, "{a} {b}");
        }
    }

    #[test]
    fn the_gradients_are_the_slopes() {
        for judge in JUDGES {
            for target in [RIGHT, SPREAD] {
                let z = [0.7, -0.4, 1.1];
                for (k, dz) in of(judge, z, target).dz.into_iter().enumerate() {
                    let at = |step: f64| {
                        let moved = std::array::from_fn(|j| z[j] + if j == k { step } else { 0.0 });
                        of(judge, moved, target).loss
                    };
                    assert_close([(at(1e-5) - at(-1e-5)) / 2e-5], [dz], 1e-9);
                }
            }
        }
    }

    #[test]
    fn cross_entropy_hands_on_the_difference_and_every_gradient_sums_to_zero() {
        for target in [RIGHT, SPREAD] {
            let Pass { p, dz, .. } = of(Judge::CrossEntropy, SURE, target);
            assert_close(dz, std::array::from_fn::<_, CLASSES, _>(|k| p[k] - target[k]), 1e-15);
            for judge in JUDGES {
                assert!(of(judge, SURE, target).dz.iter().sum::<f64>().abs() < 1e-15);
            }
        }
    }

    #[test]
    fn sure_and_wrong_hardly_moves_under_the_squared_error() {
        let [log, squared] = JUDGES.map(|judge| of(judge, SURE, RIGHT).dz[1]);
        assert!(log < -0.99 && squared > -0.003 && squared < 0.0, "{log} {squared}");
        let [log, squared] =
            JUDGES.map(|judge| descend(judge, SURE, RIGHT, 10).expect("a parameter"));
        assert!(log[1] > log[0], "{log:?}");
        assert!(squared[1] < -2.9, "{squared:?}");
    }

    #[test]
    fn a_step_is_along_the_gradient_and_ten_are_one_after_the_other() {
        for judge in JUDGES {
            let dz = of(judge, SURE, RIGHT).dz;
            let step = |z| descend(judge, z, RIGHT, 1).expect("a parameter");
            let once = std::array::from_fn::<_, CLASSES, _>(|k| SURE[k] - dz[k]);
            assert_eq!(step(SURE), once);
            let ten = (0..10).fold(SURE, |z, _| step(z));
            assert_eq!(descend(judge, SURE, RIGHT, 10), Ok(ten));
            assert_eq!(descend(judge, SURE, RIGHT, 0), Ok(SURE));
        }
    }

    #[test]
    fn smoothing_is_the_crates() {
        let smoothing = 0.3;
        let target = target(RIGHT, smoothing).expect("a distribution");
        let mut tape = Tape::new();
        let z = tape.parameter(arr2(&[SURE]));
        let class = tape.input(ndarray::arr1(&[1.0]));
        let smoothing = Fraction::new(smoothing).expect("a fraction");
        let loss = Loss { smoothing, ..Loss::default() };
        let loss = tape.softmax_loss(z, class, loss).expect("shapes fit");
        tape.backward(loss);
        let Pass { loss: ours, dz, .. } = of(Judge::CrossEntropy, SURE, target);
        assert_close([ours], [entries(tape.value(loss))[0]], 1e-15);
        assert_close(dz, entries(tape.gradient(z)).iter().copied(), 1e-15);
    }

    #[test]
    fn a_target_is_a_distribution_or_none() {
        assert_close(target([6.0, 3.0, 1.0], 0.0).expect("a distribution"), SPREAD, 1e-15);
        assert_eq!(target(RIGHT, 1.0), Some([1.0 / 3.0; 3]));
        for (parts, smoothing) in [([0.0; 3], 0.0), ([2.0, -1.0, 0.0], 0.0), ([f64::NAN; 3], 0.0)] {
            assert_eq!(target(parts, smoothing), None);
        }
        assert_eq!(target(RIGHT, 1.5), None);
        assert_eq!(target(RIGHT, f64::NAN), None);
    }

    #[test]
    fn the_loss_is_the_entropy_and_the_divergence() {
        let Pass { loss, divergence, .. } = of(Judge::CrossEntropy, SURE, SPREAD);
        let entropy = -SPREAD.iter().map(|t| t * t.ln()).sum::<f64>();
        assert_close([loss - divergence], [entropy], 1e-14);
        assert_close(
            [of(Judge::CrossEntropy, SPREAD.map(f64::ln), SPREAD).divergence],
            [0.0],
            1e-15,
        );
    }

    #[test]
    fn what_is_added_to_all_logits_changes_nothing() {
        for judge in JUDGES {
            let still = of(judge, SURE, SPREAD);
            for added in [-200.0, 200.0] {
                let moved = of(judge, SURE.map(|z| z + added), SPREAD);
                assert_close(moved.p, still.p, 1e-15);
                assert_close(moved.dz, still.dz, 1e-15);
                assert_close([moved.loss], [still.loss], 1e-13);
            }
        }
    }

    #[test]
    fn as_written_it_overflows_and_underflows_and_shifted_it_does_not() {
        let single = |added: f64| call(softmax_single, [&SURE[..], &[added]].concat());
        let still = single(0.0);
        assert_eq!(still.len(), 20);
        assert_close(still[7..10].to_vec(), still[17..20].to_vec(), 1e-7);
        for (added, sum) in [(200.0, f64::INFINITY), (-200.0, 0.0)] {
            let moved = single(added);
            assert_eq!(moved[6], sum);
            assert!(moved[7..10].iter().all(|p| p.is_nan()), "{moved:?}");
            assert_eq!(moved[10..], still[10..]);
        }
        // Only the largest overflows: it is not a number, and the others are 0.
        let partly = single(86.0);
        assert!(partly[7].is_nan() && partly[8..10] == [0.0, 0.0], "{partly:?}");
    }

    #[test]
    fn the_page_gets_rows_and_sums() {
        let choice = [0.0, 0.0, 6.0, 3.0, 1.0, 4.0, -3.0, 0.0];
        let results = call(softmax_pass, [&choice[..], &[5.0]].concat());
        let Pass { p, loss, divergence, dz } = of(Judge::CrossEntropy, [9.0, 2.0, 5.0], SPREAD);
        assert_eq!(results.len(), 21);
        assert_eq!(results[..3], [9.0, 2.0, 5.0]);
        assert_eq!(results[3..6], p);
        assert_close(results[6..9].to_vec(), SPREAD, 1e-15);
        assert_eq!(results[12..15], dz);
        assert_close(results[15..19].to_vec(), [1.0, 1.0, 0.0, 0.0], 1e-15);
        assert_close(results[19..].to_vec(), [loss, divergence], 1e-15);
    }

    #[test]
    fn what_there_is_not_is_refused() {
        let choice = [0.0, 0.0, 0.0, 1.0, 0.0, 4.0, -3.0, 0.0];
        let with = |place: usize, number: f64| {
            let mut numbers = [&choice[..], &[1.0]].concat();
            numbers[place] = number;
            numbers
        };
        for (place, number) in [(0, 2.0), (1, -0.1), (3, 0.0), (3, -1.0)] {
            assert!(call(softmax_pass, with(place, number)).is_empty(), "{place} {number}");
        }
        for steps in [-1.0, 0.5, 1001.0, f64::NAN] {
            assert!(call(softmax_descend, with(8, steps)).is_empty(), "{steps}");
        }
        assert!(call(softmax_pass, choice.to_vec()).is_empty());
        assert!(call(softmax_single, SURE.to_vec()).is_empty());
    }
}
