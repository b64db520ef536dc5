//! Chapter 8: a batch of points in the plane, normalized column by column, and its gradient step by step.
//!
//! ```text
//! x̂ = (x − μ) / σ        σ = √(v + ε)        μ and v of each column
//!
//! dy                                          what arrives at x̂
//! c = dy − mean(dy)                           without its mean
//! p = c − x̂ · mean(dy ⊙ x̂)                    without its part along x̂
//! dx = p / σ                                  what leaves at x
//! ```
//!
//! The normalized points and dx are those of the library's [`Tape::batch_norm`], with γ = 1 and β = 0. With
//! the statistics as constants the gradient is that of [`Tape::standardize`], dy / σ.

use crate::Function;
use crate::buffer::answer;
use chainrule::gradcheck::{Draw, central_differences};
use chainrule::normalize::BatchNorm;
use chainrule::normalize::moments::{SCRATCH, column_moments};
use chainrule::tensor::entries;
use chainrule::{Mode, ShapeError, Tape, Tensor};
use ndarray::{Array1, Array2, Axis, Ix2, arr2};

/// The columns: the two axes of the page's pictures.
const COLUMNS: usize = 2;
/// The step of the differences: far below √ε, on which a column of equal numbers would depend.
const STEP: f64 = 1e-6;

/// A batch, and the gradient that arrives at its normalized numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// x, of shape `[n, 2]`.
    pub x: Array2<f64>,
    /// dy, of shape `[n, 2]`.
    pub dy: Array2<f64>,
}

/// A batch that is normalized, and its gradient step by step. Shapes: `[n, 2]`, μ and σ `[2]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Normalized {
    /// μ, the mean of each column.
    pub mean: Array1<f64>,
    /// σ = √(v + ε), what each column is divided by.
    pub deviation: Array1<f64>,
    /// x̂.
    pub x_hat: Array2<f64>,
    /// dy without its mean.
    pub centered: Array2<f64>,
    /// That without its part along x̂ as well: dx · σ.
    pub projected: Array2<f64>,
    /// dx, the gradient.
    pub dx: Array2<f64>,
    /// dy / σ, the gradient as it would be if μ and σ were constants.
    pub constant: Array2<f64>,
}

impl Batch {
    /// The eight points that the page begins with: two columns that differ in mean and spread, and are
    /// not independent.
    pub fn example() -> Array2<f64> {
        arr2(&[
            [-1.6, -1.1],
            [-0.9, -1.8],
            [-0.3, -0.3],
            [0.4, -1.3],
            [0.9, 0.2],
            [1.3, -1.0],
            [1.9, 0.7],
            [2.0, -0.5],
        ])
    }

    /// x̂ and the gradient with respect to x, both from the tape.
    ///
    /// # Errors
    /// [`ShapeError`] where dy has another shape than x, or there is no number.
    fn tape(&self) -> Result<[Array2<f64>; 2], ShapeError> {
        let mut tape = Tape::new();
        tape.set_mode(Mode::Training { step: 0 });
        let x = tape.parameter(self.x.clone());
        let gamma = tape.input(Array1::ones(self.x.ncols()));
        let beta = tape.input(Array1::zeros(self.x.ncols()));
        let x_hat = tape.batch_norm(x, gamma, beta)?;
        tape.backward_from(x_hat, &self.dy.clone().into_dyn())?;
        Ok([tape.value(x_hat), tape.gradient(x)].map(matrix))
    }

    /// The gradient with respect to x where μ and σ are constants of these values.
    fn constant(
        &self,
        mean: &Array1<f64>,
        deviation: &Array1<f64>,
    ) -> Result<Array2<f64>, ShapeError> {
        let mut tape = Tape::new();
        let x = tape.parameter(self.x.clone());
        let x_hat = tape.standardize(x, &mean.to_vec(), &deviation.to_vec())?;
        tape.backward_from(x_hat, &self.dy.clone().into_dyn())?;
        Ok(matrix(tape.gradient(x)))
    }

    /// Normalizes, goes back, and takes the gradient's two projections one after the other.
    ///
    /// # Errors
    /// [`ShapeError`] where dy has another shape than x, there is no number, or a number of x is not finite.
    pub fn normalize(&self) -> Result<Normalized, ShapeError> {
        let [x_hat, dx] = self.tape()?;
        let [mean, deviation] = statistics(&self.x);
        let constant = self.constant(&mean, &deviation)?;
        let of_columns =
            |numbers: &Array2<f64>| numbers.mean_axis(Axis(0)).expect("there are rows");
        let centered = &self.dy - &of_columns(&self.dy);
        let projected = &centered - &x_hat * &of_columns(&(&self.dy * &x_hat));
        Ok(Normalized { mean, deviation, x_hat, centered, projected, dx, constant })
    }

    /// The slopes of the loss Σ dy ⊙ x̂ in all entries of x, by central differences: they know nothing of
    /// any gradient.
    ///
    /// # Errors
    /// [`ShapeError`] as [`Batch::normalize`].
    pub fn slopes(&self) -> Result<Array2<f64>, ShapeError> {
        self.normalize()?;
        let with = |x: &[f64]| {
            let x = Array2::from_shape_vec(self.x.dim(), x.to_vec()).expect("as many as in x");
            Self { x, dy: self.dy.clone() }
        };
        let loss = |x: &[f64]| {
            let [x_hat, _] = with(x).tape().expect("shapes that were accepted before");
            (x_hat * &self.dy).sum()
        };
        let x: Vec<f64> = self.x.iter().copied().collect();
        Ok(with(&central_differences(loss, &x, STEP)).x)
    }
}

impl Normalized {
    /// Σ g and Σ g · x̂ of a gradient g with respect to x: both are 0 but for rounding, and the second one
    /// but for what ε leaves.
    pub fn sums(&self, gradient: &Array2<f64>) -> [Array1<f64>; 2] {
        [gradient.sum_axis(Axis(0)), (gradient * &self.x_hat).sum_axis(Axis(0))]
    }
}

/// μ and σ of each column, from the moments that the library's batch norm takes.
fn statistics(x: &Array2<f64>) -> [Array1<f64>; 2] {
    let columns = x.ncols();
    let mut scratch = vec![0.0; SCRATCH * columns];
    let [mut mean, mut variance] = [vec![0.0; columns], vec![0.0; columns]];
    column_moments(entries(&x.clone().into_dyn()), &mut mean, &mut variance, &mut scratch);
    let epsilon = BatchNorm::default().epsilon;
    [mean.into(), variance.into_iter().map(|variance| (variance + epsilon).sqrt()).collect()]
}

fn matrix(tensor: &Tensor<f64>) -> Array2<f64> {
    tensor.clone().into_dimensionality::<Ix2>().expect("it has the shape of x")
}

/// What arrives at x̂.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upstream {
    /// Numbers between −1 and 1, which the seed fixes.
    Random {
        /// The seed.
        seed: u64,
    },
    /// The same for every sample.
    Equal,
    /// x̂ itself.
    Along,
    /// Nothing, but for one sample.
    One {
        /// Which one, from 0.
        sample: usize,
    },
}

impl Upstream {
    /// dy at the batch `x`, of its shape. One sample that is not in the batch receives nothing.
    ///
    /// # Errors
    /// [`ShapeError`] where there is no number.
    pub fn at(self, x: &Array2<f64>) -> Result<Array2<f64>, ShapeError> {
        /// One sample's: two numbers, of which neither is the other's.
        const ROW: [f64; COLUMNS] = [1.7, 1.2];
        let row = |share: f64, j: usize| share * ROW[j % COLUMNS];
        Ok(match self {
            Self::Random { seed } => {
                matrix(&Draw::new(seed).uniform(&[x.nrows(), x.ncols()], -1.0, 1.0))
            }
            Self::Equal => Array2::from_shape_fn(x.dim(), |(_, j)| row(0.5, j)),
            Self::Along => {
                let [x_hat, _] = Batch { x: x.clone(), dy: Array2::zeros(x.dim()) }.tape()?;
                x_hat
            }
            Self::One { sample } => {
                let share = |i| if i == sample { 1.0 } else { 0.0 };
                Array2::from_shape_fn(x.dim(), |(i, j)| row(share(i), j))
            }
        })
    }

    /// As the page numbers them, with a number of their own: the seed or the sample.
    fn from_numbers(kind: f64, own: f64) -> Option<Self> {
        let own = (own.fract() == 0.0 && (0.0..=9999.0).contains(&own)).then_some(own)?;
        Some(match kind {
            0.0 => Self::Random { seed: own as u64 },
            1.0 => Self::Equal,
            2.0 => Self::Along,
            3.0 => Self::One { sample: own as usize },
            _ => return None,
        })
    }
}

/// Points, row by row, times the scale.
fn scaled(scale: f64, points: &[f64]) -> Option<Array2<f64>> {
    let rows = points.len() / COLUMNS;
    let x: Vec<f64> = points.iter().map(|number| scale * number).collect();
    let is_usable = rows > 0 && x.iter().all(|number| number.is_finite());
    is_usable.then(|| Array2::from_shape_vec((rows, COLUMNS), x).ok())?
}

/// What the page calls.
pub const FUNCTIONS: &[(&str, Function)] = &[
    ("normalize_example", normalize_example),
    ("normalize_upstream", normalize_upstream),
    ("normalize_batch", normalize_batch),
];

/// Leaves the points of the example, row by row.
#[unsafe(no_mangle)]
pub extern "C" fn normalize_example() -> usize {
    answer(|_| Some(Batch::example().into_iter().collect()))
}

/// Takes a kind of dy (in the order of [`Upstream`], from 0), its seed or its sample, a scale, and points;
/// leaves dy, row by row.
#[unsafe(no_mangle)]
pub extern "C" fn normalize_upstream() -> usize {
    answer(|numbers| {
        let (&[kind, own, scale], points) = numbers.split_first_chunk()?;
        let upstream = Upstream::from_numbers(kind, own)?;
        Some(upstream.at(&scaled(scale, points)?).ok()?.into_iter().collect())
    })
}

/// Takes a scale, points, and as many numbers of dy; leaves x, x̂, both steps of the gradient, dx, what it
/// would be with constants, the slopes by differences, then for each column μ, σ, Σ dx, Σ dx · x̂, and these
/// two sums with constants.
#[unsafe(no_mangle)]
pub extern "C" fn normalize_batch() -> usize {
    answer(|numbers| {
        let (&scale, others) = numbers.split_first()?;
        let (points, dy) = others.split_at(others.len() / 2);
        if !dy.iter().all(|number| number.is_finite()) {
            return None;
        }
        let x = scaled(scale, points)?;
        let dy = Array2::from_shape_vec(x.dim(), dy.to_vec()).ok()?;
        let batch = Batch { x, dy };
        let (normalized, slopes) = (batch.normalize().ok()?, batch.slopes().ok()?);
        let sums = [&normalized.dx, &normalized.constant].map(|gradient| normalized.sums(gradient));
        let Normalized { mean, deviation, x_hat, centered, projected, dx, constant } = normalized;
        let matrices = [batch.x, x_hat, centered, projected, dx, constant, slopes];
        let rows = [mean, deviation].into_iter().chain(sums.into_iter().flatten());
        Some(matrices.into_iter().flatten().chain(rows.flatten()).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::call;
    use chainrule::normalize::definition;

    fn batch(seed: u64) -> Batch {
        let x = Batch::example();
        Batch { dy: Upstream::Random { seed }.at(&x).unwrap(), x }
    }

    /// The largest distance between two entries.
    fn distance(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
        (a - b).fold(0.0, |most: f64, number| most.max(number.abs()))
    }

    #[test]
    fn the_statistics_are_those_that_the_library_divides_by() {
        let batch = batch(1);
        let normalized = batch.normalize().unwrap();
        for (j, column) in batch.x.columns().into_iter().enumerate() {
            let mut x_hat = vec![0.0; column.len()];
            let epsilon = BatchNorm::default().epsilon;
            let r = definition::standardize(&column.to_vec(), epsilon, &mut x_hat);
            assert!((normalized.deviation[j] * r - 1.0).abs() < 1e-14);
            assert!((normalized.mean[j] - column.mean().unwrap()).abs() < 1e-15);
            for (a, b) in normalized.x_hat.column(j).iter().zip(&x_hat) {
                assert!((a - b).abs() < 1e-14, "{a} {b}");
            }
        }
    }

    #[test]
    fn two_projections_are_the_gradient() {
        for seed in 0..20 {
            let batch = batch(seed);
            let normalized = batch.normalize().unwrap();
            let Normalized { deviation, projected, dx, .. } = &normalized;
            assert!(distance(&(projected / deviation), dx) < 1e-14, "{seed}");
            assert!(distance(&batch.slopes().unwrap(), dx) < 1e-8, "{seed}");
            let [sum, along] = normalized.sums(dx);
            assert!(sum.iter().all(|sum| sum.abs() < 1e-13), "{seed}: {sum}");
            // What ε leaves: ε · r³ · Σ dy · x̂.
            let [_, upstream] = normalized.sums(&batch.dy);
            let left = upstream * deviation.mapv(|deviation| 1e-5 / deviation.powi(3));
            for (along, left) in along.iter().zip(left) {
                assert!((along - left).abs() < 1e-13, "{seed}: {along} {left}");
            }
        }
    }

    #[test]
    fn each_step_takes_one_part() {
        let normalized = batch(4).normalize().unwrap();
        let [sum, along] = normalized.sums(&normalized.centered);
        assert!(sum.iter().all(|sum| sum.abs() < 1e-13) && along.iter().any(|sum| sum.abs() > 0.1));
        let [sum, along] = normalized.sums(&normalized.projected);
        let is_little = |sum: &f64| sum.abs() < 1e-3;
        assert!(sum.iter().chain(&along).all(is_little), "{sum} {along}");
    }

    #[test]
    fn with_constants_the_gradient_is_wrong() {
        let batch = batch(1);
        let normalized = batch.normalize().unwrap();
        let constant = &normalized.constant;
        assert!(distance(&(&batch.dy / &normalized.deviation), constant) < 1e-14);
        assert!(distance(&batch.slopes().unwrap(), constant) > 0.1);
        assert!(normalized.sums(constant).iter().flatten().any(|sum| sum.abs() > 0.1));
    }

    #[test]
    fn a_scale_stays_in_no_output_and_divides_the_gradient() {
        let one = batch(2);
        let two = Batch { x: 2.0 * &one.x, dy: one.dy.clone() };
        let [one, two] = [one, two].map(|batch| batch.normalize().unwrap());
        assert!(distance(&one.x_hat, &two.x_hat) < 1e-4);
        assert!(distance(&one.dx, &(2.0 * &two.dx)) < 1e-4);
    }

    #[test]
    fn what_a_shift_or_a_scale_would_undo_does_not_come_back() {
        let x = Batch::example();
        for upstream in [Upstream::Equal, Upstream::Along] {
            let dx = Batch { dy: upstream.at(&x).unwrap(), x: x.clone() }.normalize().unwrap().dx;
            assert!(distance(&dx, &Array2::zeros(x.dim())) < 1e-3, "{upstream:?}: {dx}");
        }
        let dy = Upstream::One { sample: 3 }.at(&x).unwrap();
        assert_eq!(dy.iter().filter(|&&number| number != 0.0).count(), COLUMNS);
        assert!(Batch { x, dy }.normalize().unwrap().dx.iter().all(|number| number.abs() > 1e-3));
    }

    #[test]
    fn of_equal_numbers_the_outputs_are_zero_and_the_gradient_is_finite() {
        let mut batch = batch(3);
        batch.x.column_mut(0).fill(0.7);
        let normalized = batch.normalize().unwrap();
        assert!(normalized.x_hat.column(0).iter().all(|&number| number == 0.0));
        let r = BatchNorm::default().epsilon.sqrt().recip();
        assert!((normalized.deviation[0] * r - 1.0).abs() < 1e-12);
        for (dx, centered) in normalized.dx.column(0).iter().zip(normalized.centered.column(0)) {
            assert!((dx - r * centered).abs() < 1e-9, "{dx} {centered}");
        }
        assert!(distance(&batch.slopes().unwrap(), &normalized.dx) < 1e-3);
    }

    #[test]
    fn the_page_gets_what_was_computed() {
        let points = call(normalize_example, Vec::new());
        let dy = call(normalize_upstream, [&[0.0, 5.0, 0.5], &points[..]].concat());
        let all = call(normalize_batch, [&[0.5], &points[..], &dy[..]].concat());
        let batch = Batch { x: 0.5 * Batch::example(), dy: batch(5).dy };
        let normalized = batch.normalize().unwrap();
        assert_eq!(all.len(), 7 * points.len() + 6 * COLUMNS);
        let part = |k: usize| all[16 * k..16 * (k + 1)].to_vec();
        let numbers = |matrix: &Array2<f64>| matrix.iter().copied().collect::<Vec<_>>();
        assert_eq!([part(0), part(1)], [&batch.x, &normalized.x_hat].map(numbers));
        assert_eq!([part(3), part(4)], [&normalized.projected, &normalized.dx].map(numbers));
        assert_eq!(
            all[112..116],
            [normalized.mean.to_vec(), normalized.deviation.to_vec()].concat()
        );
        let sums = normalized.sums(&normalized.constant).map(|sum| sum.to_vec()).concat();
        assert_eq!(all[120..], sums);
    }

    #[test]
    fn the_page_gets_nothing_for_what_is_unknown() {
        let points = call(normalize_example, Vec::new());
        let upstream = |first: [f64; 3]| call(normalize_upstream, [&first, &points[..]].concat());
        for first in [[4.0, 1.0, 1.0], [0.0, 1.5, 1.0], [0.0, -1.0, 1.0], [1.0, 0.0, f64::NAN]] {
            assert!(upstream(first).is_empty(), "{first:?}");
        }
        assert_eq!(upstream([3.0, 99.0, 1.0]), [0.0; 16]);
        let mut numbers = [&[1.0], &points[..], &points[..]].concat();
        assert!(!call(normalize_batch, numbers.clone()).is_empty());
        assert!(call(normalize_batch, numbers[..32].to_vec()).is_empty());
        assert!(call(normalize_batch, vec![1.0]).is_empty());
        numbers[32] = f64::INFINITY;
        assert!(call(normalize_batch, numbers).is_empty());
    }
}
