//! Chapter 4: a quotient with the gradients of both its numbers, and a matrix divided by a row.
//!
//! The numbers are those of the library's [`Tape::divide`], at zero too. The row is repeated by
//! [`Tape::expand`]: what arrives at the copies are the terms that the row's gradient adds up.

use crate::Function;
use crate::buffer::answer;
use chainrule::{ShapeError, Tape};
use ndarray::{Array1, Array2, Axis, Ix1, Ix2, arr1, arr2};

/// The most places of a curve.
const MOST_PLACES: usize = 10_000;

/// y = a/b, and what it passes back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quotient {
    /// a/b.
    pub y: f64,
    /// ∂y/∂a = 1/b and ∂y/∂b = −a/b².
    pub slopes: [f64; 2],
    /// da and db: the slopes, times the upstream gradient.
    pub gradients: [f64; 2],
}

/// Divides a by b on a tape, and goes back twice: with the upstream gradient 1, and with `dy`.
///
/// # Errors
/// None: both are rows of one number.
pub fn divide(a: f64, b: f64, dy: f64) -> Result<Quotient, ShapeError> {
    let mut tape = Tape::new();
    let inputs = [a, b].map(|number| tape.parameter(arr1(&[number])));
    let y = tape.divide(inputs[0], inputs[1])?;
    let mut back = |dy: f64| {
        tape.backward_from(y, &arr1(&[dy]).into_dyn())?;
        Ok(inputs.map(|input| tape.gradient(input)[0]))
    };
    let (slopes, gradients) = (back(1.0)?, back(dy)?);
    Ok(Quotient { y: tape.value(y)[0], slopes, gradients })
}

/// a/b at `count` evenly spaced places of b from −`reach` to `reach`. An odd `count` has 0 in its middle.
///
/// # Errors
/// [`ShapeError`] where `count` is 0.
pub fn curve(a: f64, reach: f64, count: usize) -> Result<Vec<f64>, ShapeError> {
    let place = |k: usize| (2.0 * k as f64 / count.saturating_sub(1).max(1) as f64 - 1.0) * reach;
    let mut tape = Tape::new();
    let a = tape.input(Array1::from_elem(count, a));
    let b = tape.input(Array1::from_shape_fn(count, place));
    let y = tape.divide(a, b)?;
    Ok(tape.value(y).iter().copied().collect())
}

/// A matrix, a row that it is divided by, and the upstream gradient of the quotient.
#[derive(Clone, Debug, PartialEq)]
pub struct Division {
    /// X, of shape `[m, n]`.
    pub x: Array2<f64>,
    /// s, of shape `[n]`: a number for each column.
    pub s: Array1<f64>,
    /// dY, of shape `[m, n]`.
    pub dy: Array2<f64>,
}

/// Y = X/s, and what comes back.
#[derive(Clone, Debug, PartialEq)]
pub struct Divided {
    /// Y, of shape `[m, n]`.
    pub y: Array2<f64>,
    /// dX = dY/s, of shape `[m, n]`.
    pub dx: Array2<f64>,
    /// What arrives at each copy of s: −dY ⊙ Y/s, of shape `[m, n]`.
    pub terms: Array2<f64>,
    /// The sums of the terms so far, from row to row.
    pub sums: Array2<f64>,
    /// ds, the sum over the rows, of shape `[n]`.
    pub ds: Array1<f64>,
}

impl Division {
    /// Columns in three units, and as `s` the standard deviation of each.
    pub fn example() -> Self {
        let x = arr2(&[[3.0, 1.5, -2.0], [-1.0, 0.5, 6.0], [-1.0, 1.5, -2.0], [3.0, 0.5, 6.0]]);
        let dy = arr2(&[[1.0, 0.5, 2.0], [2.0, -1.0, 1.0], [-1.0, 1.0, 0.0], [0.5, 1.0, -1.0]]);
        Self { s: x.std_axis(Axis(0), 0.0), x, dy }
    }

    /// Repeats s, divides, and goes back.
    ///
    /// # Errors
    /// [`ShapeError`] where the shapes are not those above, or there is no number.
    pub fn compute(&self) -> Result<Divided, ShapeError> {
        let mut tape = Tape::new();
        let x = tape.parameter(self.x.clone());
        let s = tape.parameter(self.s.clone());
        let copies = tape.expand(s, Axis(0), x)?;
        let y = tape.divide(x, copies)?;
        tape.backward_from(y, &self.dy.clone().into_dyn())?;

        let matrix = |tensor: &chainrule::Tensor<f64>| {
            tensor.clone().into_dimensionality::<Ix2>().expect("it has the shape of X")
        };
        let terms = matrix(tape.gradient(copies));
        let mut sums = terms.clone();
        sums.accumulate_axis_inplace(Axis(0), |above, sum| *sum += above);
        let ds = tape.gradient(s).clone().into_dimensionality::<Ix1>().expect("s is a row");
        Ok(Divided { y: matrix(tape.value(y)), dx: matrix(tape.gradient(x)), terms, sums, ds })
    }

    /// Its numbers, row by row: X, s, dY.
    fn numbers(&self) -> impl Iterator<Item = f64> {
        self.x.iter().chain(&self.s).chain(&self.dy).copied()
    }

    /// As [`Division::numbers`] gives them.
    fn from_numbers([rows, columns]: [usize; 2], numbers: &[f64]) -> Option<Self> {
        let (x, others) = numbers.split_at_checked(rows.checked_mul(columns)?)?;
        let (s, dy) = others.split_at_checked(columns)?;
        let matrix =
            |numbers: &[f64]| Array2::from_shape_vec((rows, columns), numbers.to_vec()).ok();
        Some(Self { x: matrix(x)?, s: arr1(s), dy: matrix(dy)? })
    }
}

/// What the page calls.
pub const FUNCTIONS: &[(&str, Function)] = &[
    ("elementwise_divide", elementwise_divide),
    ("elementwise_curve", elementwise_curve),
    ("elementwise_example", elementwise_example),
    ("elementwise_row", elementwise_row),
];

/// Takes a, b and dy; leaves y, ∂y/∂a, ∂y/∂b, da and db.
#[unsafe(no_mangle)]
pub extern "C" fn elementwise_divide() -> usize {
    answer(|numbers| {
        let &[a, b, dy] = numbers else { return None };
        let Quotient { y, slopes, gradients } = divide(a, b, dy).ok()?;
        Some([&[y], &slopes[..], &gradients[..]].concat())
    })
}

/// Takes a, how far b goes on both sides of 0, and how many places there are; leaves a/b at each.
#[unsafe(no_mangle)]
pub extern "C" fn elementwise_curve() -> usize {
    answer(|numbers| {
        let &[a, reach, count] = numbers else { return None };
        curve(a, reach, whole(count, MOST_PLACES)?).ok()
    })
}

/// Leaves how many rows and columns the example has, and then its X, s and dY, row by row.
#[unsafe(no_mangle)]
pub extern "C" fn elementwise_example() -> usize {
    answer(|_| {
        let example = Division::example();
        let (rows, columns) = example.x.dim();
        Some([rows as f64, columns as f64].into_iter().chain(example.numbers()).collect())
    })
}

/// Takes what [`elementwise_example`] leaves; leaves Y, dX, the terms, their sums so far, and ds.
#[unsafe(no_mangle)]
pub extern "C" fn elementwise_row() -> usize {
    answer(|numbers| {
        let (&[rows, columns], numbers) = numbers.split_first_chunk()?;
        let shape = [whole(rows, numbers.len())?, whole(columns, numbers.len())?];
        let Divided { y, dx, terms, sums, ds } =
            Division::from_numbers(shape, numbers)?.compute().ok()?;
        Some([y, dx, terms, sums].iter().flatten().chain(&ds).copied().collect())
    })
}

/// A whole number from 1 to `most`.
fn whole(number: f64, most: usize) -> Option<usize> {
    let is_whole = number.fract() == 0.0 && number >= 1.0 && number <= most as f64;
    is_whole.then_some(number as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::call;
    use chainrule::gradcheck::Difference;

    const PLACES: [(f64, f64); 5] =
        [(2.0, 1.5), (-3.0, 0.25), (1.0, -2.0), (-0.5, -0.1), (0.0, 0.4)];

    #[test]
    fn the_slopes_are_those_of_the_quotient() {
        for (a, b) in PLACES {
            let quotient = divide(a, b, -1.5).unwrap();
            assert_eq!(quotient.y, a / b);
            let in_a = Difference::Central.secant(|a| a / b, a, 1e-6).slope();
            let in_b = Difference::Central.secant(|b| a / b, b, 1e-6).slope();
            for (k, slope) in [in_a, in_b].into_iter().enumerate() {
                let distance = (quotient.slopes[k] - slope).abs();
                assert!(distance < 1e-6 * slope.abs().max(1.0), "{a} {b} {k}: {distance}");
                let by_upstream = -1.5 * quotient.slopes[k];
                assert!((quotient.gradients[k] - by_upstream).abs() <= 1e-12 * by_upstream.abs());
            }
        }
    }

    #[test]
    fn at_zero_the_library_answers_as_the_machine_does() {
        let infinity = f64::INFINITY;
        let above = divide(2.0, 0.0, 1.0).unwrap();
        assert_eq!((above.y, above.gradients), (infinity, [infinity, -infinity]));
        let below = divide(-2.0, 0.0, 1.0).unwrap();
        assert_eq!((below.y, below.gradients), (-infinity, [infinity, infinity]));
        let neither = divide(0.0, 0.0, 1.0).unwrap();
        assert!(neither.y.is_nan() && neither.gradients[1].is_nan());
        assert_eq!(neither.gradients[0], infinity);
        // A gradient of zero does not stay zero.
        assert!(divide(2.0, 0.0, 0.0).unwrap().gradients.iter().all(|number| number.is_nan()));
    }

    #[test]
    fn half_the_denominator_is_four_times_its_gradient() {
        let [one, half] = [0.5, 0.25].map(|b| divide(3.0, b, 1.0).unwrap());
        assert_eq!(half.y, 2.0 * one.y);
        assert_eq!(half.gradients, [2.0 * one.gradients[0], 4.0 * one.gradients[1]]);
    }

    #[test]
    fn a_curve_has_two_branches() {
        let heights = curve(2.0, 4.0, 81).unwrap();
        assert_eq!((heights[0], heights[80]), (-0.5, 0.5));
        assert_eq!(heights[40], f64::INFINITY);
        assert!(heights[..40].is_sorted_by(|a, b| a > b) && heights[39] < 0.0);
        assert!(heights[41..].is_sorted_by(|a, b| a > b) && heights[80] > 0.0);
    }

    #[test]
    fn a_row_s_gradient_is_the_sum_over_the_rows() {
        let division = Division::example();
        assert_eq!(division.s, arr1(&[2.0, 0.5, 4.0]));
        let divided = division.compute().unwrap();
        assert_eq!(divided.ds, arr1(&[-0.875, -9.0, 0.25]));
        assert_eq!(divided.sums.row(3), divided.ds);
        for ((i, j), &y) in divided.y.indexed_iter() {
            let (s, dy) = (division.s[j], division.dy[[i, j]]);
            assert_eq!(y, division.x[[i, j]] / s);
            assert_eq!(divided.dx[[i, j]], dy / s);
            assert_eq!(divided.terms[[i, j]], -dy * y / s);
        }
    }

    #[test]
    fn a_row_s_gradient_is_the_slope_of_the_loss() {
        let division = Division::example();
        let loss = |j: usize, number: f64| {
            let mut moved = division.clone();
            moved.s[j] = number;
            (moved.compute().unwrap().y * &moved.dy).sum()
        };
        for (j, &ds) in division.compute().unwrap().ds.iter().enumerate() {
            let secant = Difference::Central.secant(|s| loss(j, s), division.s[j], 1e-6);
            assert!((secant.slope() - ds).abs() < 1e-6, "{j}: {} {ds}", secant.slope());
        }
    }

    #[test]
    fn the_page_gets_what_was_computed() {
        let Quotient { y, slopes, gradients } = divide(2.0, -0.5, 0.75).unwrap();
        let all = [y, slopes[0], slopes[1], gradients[0], gradients[1]];
        assert_eq!(call(elementwise_divide, vec![2.0, -0.5, 0.75]), all);
        assert_eq!(call(elementwise_curve, vec![2.0, 4.0, 5.0]), curve(2.0, 4.0, 5).unwrap());
        let example = call(elementwise_example, Vec::new());
        assert_eq!((example.len(), &example[..2]), (2 + 27, &[4.0, 3.0][..]));
        let divided = call(elementwise_row, example);
        assert_eq!((divided.len(), &divided[48..]), (51, &[-0.875, -9.0, 0.25][..]));
    }

    #[test]
    fn the_page_gets_nothing_for_what_is_unknown() {
        assert!(call(elementwise_divide, vec![2.0, 1.0]).is_empty());
        for count in [0.0, 2.5, -1.0, 1e9, f64::NAN] {
            assert!(call(elementwise_curve, vec![2.0, 4.0, count]).is_empty(), "{count}");
        }
        let example = call(elementwise_example, Vec::new());
        for shape in [[4.0, 4.0], [3.0, 3.0], [0.0, 3.0], [f64::INFINITY, 3.0], [4.0, f64::NAN]] {
            let numbers = [&shape[..], &example[2..]].concat();
            assert!(call(elementwise_row, numbers).is_empty(), "{shape:?}");
        }
    }
}
