//! Chapter 3: the slope of a function from two of its values, and how its error changes with the step.
//!
//! A step is given by its exponent e, as h = 10ᵉ: the page's axis is logarithmic.

use crate::Function;
use crate::buffer::answer;
use chainrule::gradcheck::{Difference, Gradcheck, Secant};
use chainrule::real::Real;

/// A function whose slope is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Example {
    /// sin x.
    Sine,
    /// eˣ.
    Exponential,
    /// eˣ + 1000: the same slope from values that are longer by three digits.
    RaisedExponential,
    /// x³.
    Cube,
    /// max(0, x), which has a kink at 0.
    Kink,
}

impl Example {
    /// The function's value, as a machine with numbers of the type `T` computes it.
    pub fn value<T: Real>(self, x: T) -> T {
        match self {
            Self::Sine => x.sin(),
            Self::Exponential => x.exp(),
            Self::RaisedExponential => x.exp() + T::of(1000.0),
            Self::Cube => x * x * x,
            Self::Kink => x.max(T::zero()),
        }
    }

    /// The first three derivatives. At a kink there are none: they are not numbers there.
    pub fn derivatives(self, x: f64) -> [f64; 3] {
        match self {
            Self::Sine => [x.cos(), -x.sin(), -x.cos()],
            Self::Exponential | Self::RaisedExponential => [x.exp(); 3],
            Self::Cube => [3.0 * x * x, 6.0 * x, 6.0],
            Self::Kink if x == 0.0 => [f64::NAN; 3],
            Self::Kink => [if x > 0.0 { 1.0 } else { 0.0 }, 0.0, 0.0],
        }
    }

    /// Whether a kink lies between two places.
    pub fn has_kink_between(self, left: f64, right: f64) -> bool {
        self == Self::Kink && left < 0.0 && right > 0.0
    }
}

/// A slope that is measured, with all that goes into it and comes of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measurement {
    /// The step that was wanted.
    pub step: f64,
    /// Both points, exactly.
    pub secant: Secant<f64>,
    /// The difference of the values, as the machine has it.
    pub rise: f64,
    /// The slope, as the machine has it.
    pub slope: f64,
    /// The derivative at the place, to the last digits of `f64`.
    pub derivative: f64,
    /// The slope's error, relative as in a [`Gradcheck`]. Not a number where one of the two is none.
    pub error: f64,
    /// The leading term of the truncation error, relative to the derivative.
    pub truncation: f64,
    /// The bound of the rounding error, relative to the derivative.
    pub rounding: f64,
    /// Whether the points lie on different sides of a kink.
    pub has_kink_between: bool,
}

/// Measures the slope of `example` at `x` with the step `h`, in numbers of the type `T`.
pub fn measure<T: Real>(example: Example, difference: Difference, x: f64, h: f64) -> Measurement {
    let place = T::of(x);
    let secant = difference.secant(|x| example.value(x), place, T::of(h));
    let [derivative, second, third] = example.derivatives(place.as_f64());
    let (rise, slope) = (secant.rise().as_f64(), secant.slope().as_f64());
    let check = Gradcheck::default();
    let is_known = derivative.is_finite() && slope.is_finite();
    let error = if is_known { check.relative_error(derivative, slope) } else { f64::NAN };
    let size = derivative.abs().max(check.floor);
    let exact = |(x, y): (T, T)| (x.as_f64(), y.as_f64());
    let exact = Secant { left: exact(secant.left), right: exact(secant.right) };
    Measurement {
        step: h,
        secant: exact,
        rise,
        slope,
        derivative,
        error,
        truncation: difference.truncation(h, second, third) / size,
        rounding: secant.rounding() / size,
        has_kink_between: example.has_kink_between(exact.left.0, exact.right.0),
    }
}

/// A function around a place, seen with the step as the unit of both axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// The secant's two points.
    pub points: [(f64, f64); 2],
    /// The function at evenly spaced places. It is a staircase where the machine has no number between
    /// two of them.
    pub heights: Vec<f64>,
}

/// Looks at `example` around `x`, in numbers of the type `T`: at `count` places u from −`reach` to
/// `reach`, the heights are (L(x + uh) − L(x)) / h.
pub fn window<T: Real>(
    example: Example,
    difference: Difference,
    x: f64,
    h: f64,
    reach: f64,
    count: usize,
) -> Window {
    let (place, step) = (T::of(x), T::of(h));
    let middle = example.value(place);
    let seen = |(x, y): (T, T)| (((x - place) / step).as_f64(), ((y - middle) / step).as_f64());
    let Secant { left, right } = difference.secant(|x| example.value(x), place, step);
    let height = |k: usize| {
        let u = (2.0 * k as f64 / (count - 1) as f64 - 1.0) * reach;
        let x = place + T::of(u) * step;
        seen((x, example.value(x))).1
    };
    Window { points: [left, right].map(seen), heights: (0..count).map(height).collect() }
}

/// What the page has chosen: a function, a type, a difference, a place.
struct Choice {
    example: Example,
    is_single: bool,
    difference: Difference,
    x: f64,
}

impl Choice {
    /// The four numbers at the beginning of `numbers`, and what follows them.
    fn first(numbers: &[f64]) -> Option<(Self, &[f64])> {
        let (&[example, digits, difference, x], others) = numbers.split_first_chunk()?;
        let example = match example {
            0.0 => Example::Sine,
            1.0 => Example::Exponential,
            2.0 => Example::RaisedExponential,
            3.0 => Example::Cube,
            4.0 => Example::Kink,
            _ => return None,
        };
        let is_single = match digits {
            32.0 => true,
            64.0 => false,
            _ => return None,
        };
        let difference = match difference {
            1.0 => Difference::OneSided,
            2.0 => Difference::Central,
            _ => return None,
        };
        Some((Self { example, is_single, difference, x }, others))
    }

    fn measure(&self, exponent: f64) -> Measurement {
        let measure = if self.is_single { measure::<f32> } else { measure::<f64> };
        measure(self.example, self.difference, self.x, 10_f64.powf(exponent))
    }
}

/// What the page calls.
pub const FUNCTIONS: &[(&str, Function)] = &[
    ("gradcheck_step", gradcheck_step),
    ("gradcheck_measure", gradcheck_measure),
    ("gradcheck_curve", gradcheck_curve),
    ("gradcheck_window", gradcheck_window),
    ("gradcheck_best_step", gradcheck_best_step),
];

/// Takes an exponent; leaves the step.
#[unsafe(no_mangle)]
pub extern "C" fn gradcheck_step() -> usize {
    answer(|numbers| {
        let &[exponent] = numbers else { return None };
        Some(vec![10_f64.powf(exponent)])
    })
}

/// Takes a function (in the order of [`Example`], from 0), a type (32 or 64), how many sides a
/// difference has (1 or 2), a place and the exponent of a step; leaves all that is in a
/// [`Measurement`].
#[unsafe(no_mangle)]
pub extern "C" fn gradcheck_measure() -> usize {
    answer(|numbers| {
        let (choice, &[exponent]) = Choice::first(numbers)? else { return None };
        let measured = choice.measure(exponent);
        let Secant { left, right } = measured.secant;
        Some(vec![
            measured.step,
            left.0,
            left.1,
            right.0,
            right.1,
            measured.rise,
            measured.slope,
            measured.derivative,
            measured.error,
            measured.truncation,
            measured.rounding,
            f64::from(u8::from(measured.has_kink_between)),
        ])
    })
}

/// Takes a choice as [`gradcheck_measure`], the first exponent, the distance to the next one, and how
/// many there are; leaves the logarithms, to the base 10, of the error, the truncation and the rounding at
/// each.
#[unsafe(no_mangle)]
pub extern "C" fn gradcheck_curve() -> usize {
    answer(|numbers| {
        let (choice, &[first, distance, count]) = Choice::first(numbers)? else { return None };
        let at = |k: usize| {
            let measured = choice.measure(first + k as f64 * distance);
            [measured.error, measured.truncation, measured.rounding].map(f64::log10)
        };
        Some((0..count as usize).flat_map(at).collect())
    })
}

/// Takes a choice and an exponent as [`gradcheck_measure`], a reach and how many places; leaves the two
/// points of a [`Window`] and its heights.
#[unsafe(no_mangle)]
pub extern "C" fn gradcheck_window() -> usize {
    answer(|numbers| {
        let (choice, &[exponent, reach, count]) = Choice::first(numbers)? else { return None };
        let Choice { example, is_single, difference, x } = choice;
        let window = if is_single { window::<f32> } else { window::<f64> };
        let window = window(example, difference, x, 10_f64.powf(exponent), reach, count as usize);
        let points = window.points.into_iter().flat_map(|(u, y)| [u, y]);
        Some(points.chain(window.heights).collect())
    })
}

/// Takes a choice as [`gradcheck_measure`]; leaves the exponent of the best step.
#[unsafe(no_mangle)]
pub extern "C" fn gradcheck_best_step() -> usize {
    answer(|numbers| {
        let (choice, []) = Choice::first(numbers)? else { return None };
        let step = if choice.is_single {
            choice.difference.best_step::<f32>().as_f64()
        } else {
            choice.difference.best_step::<f64>()
        };
        Some(vec![step.log10()])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::call;

    const EXAMPLES: [Example; 5] = [
        Example::Sine,
        Example::Exponential,
        Example::RaisedExponential,
        Example::Cube,
        Example::Kink,
    ];

    /// The smallest error of all steps, and the exponent of its step.
    fn bottom(example: f64, digits: f64, sides: f64, x: f64) -> (f64, f64) {
        let curve = call(gradcheck_curve, vec![example, digits, sides, x, -16.0, 0.05, 321.0]);
        assert_eq!(curve.len(), 3 * 321);
        let errors = curve.into_iter().step_by(3).enumerate();
        let errors = errors.filter(|(_, error)| !error.is_nan());
        let (k, error) = errors.min_by(|a, b| a.1.total_cmp(&b.1)).expect("steps with an error");
        (error, -16.0 + 0.05 * k as f64)
    }

    #[test]
    fn the_derivatives_are_those_of_the_functions() {
        for example in EXAMPLES {
            for x in [-1.3, -0.4, 0.7, 1.9] {
                let mut function: Box<dyn Fn(f64) -> f64> = Box::new(move |x| example.value(x));
                for (order, derivative) in example.derivatives(x).into_iter().enumerate() {
                    let slope = Difference::Central.secant(&function, x, 1e-5).slope();
                    let distance = (slope - derivative).abs();
                    assert!(distance < 1e-6, "{example:?}, {order}, {x}: {slope} {derivative}");
                    function = Box::new(move |x| example.derivatives(x)[order]);
                }
            }
        }
    }

    #[test]
    fn the_bottoms_are_those_of_the_chapter() {
        // ε^(1/2) and ε^(1/3) in both types, at the place 1 of eˣ. A lucky step is better than the rule.
        for (digits, precision) in [(64.0, f64::EPSILON), (32.0, f64::from(f32::EPSILON))] {
            for (sides, step, left) in [(1.0, 0.5, 0.5), (2.0, 1.0 / 3.0, 2.0 / 3.0)] {
                let (error, exponent) = bottom(1.0, digits, sides, 1.0);
                let rule = precision.log10();
                assert!((exponent - step * rule).abs() < 1.5, "{digits} {sides}: {exponent}");
                assert!(error < left * rule + 0.5, "{digits} {sides}: {error}");
                assert!(error > left * rule - 3.5, "{digits} {sides}: {error}");
            }
        }
    }

    #[test]
    fn a_thousand_more_costs_digits_on_the_left_alone() {
        let error = |example, h| measure::<f64>(example, Difference::Central, 1.0, h).error;
        let ratio =
            |h| error(Example::RaisedExponential, h) / error(Example::Exponential, h).max(1e-16);
        assert!((ratio(0.1) - 1.0).abs() < 1e-6, "{}", ratio(0.1));
        let bounds = EXAMPLES[1..3].iter().map(|&example| {
            let measured = measure::<f64>(example, Difference::Central, 1.0, 1e-8);
            assert!(measured.error <= 2.0 * measured.rounding, "{measured:?}");
            measured.rounding
        });
        let [plain, raised] = bounds.collect::<Vec<_>>()[..] else { panic!("two") };
        assert!((100.0..1000.0).contains(&(raised / plain)), "{}", raised / plain);
    }

    #[test]
    fn at_a_kink_the_slope_is_a_mean() {
        let at = |x, h| measure::<f64>(Example::Kink, Difference::Central, x, h);
        for h in [1.0, 1e-3, 1e-12] {
            let measured = at(0.0, h);
            assert_eq!(measured.slope, 0.5);
            assert!(measured.derivative.is_nan() && measured.error.is_nan());
        }
        assert!(at(0.25, 0.5).has_kink_between && at(-0.25, 0.5).has_kink_between);
        assert_eq!(at(0.25, 0.5).slope, 0.75);
        let away = at(0.25, 0.125);
        assert!(!away.has_kink_between);
        assert_eq!((away.slope, away.error), (1.0, 0.0));
    }

    #[test]
    fn a_step_of_one_type_is_lost_in_the_other() {
        let [single, double] = [measure::<f32>, measure::<f64>]
            .map(|measure| measure(Example::Exponential, Difference::Central, 1.0, 1e-9));
        assert!(single.slope.is_nan() && single.error.is_nan(), "{single:?}");
        assert!(double.error < 1e-6, "{double:?}");
        let [left, right] = [double.secant.left, double.secant.right];
        assert_eq!(double.rise, right.1 - left.1);
    }

    #[test]
    fn a_short_step_shows_the_machine_s_stairs() {
        let seen =
            |h| window::<f64>(Example::RaisedExponential, Difference::Central, 1.0, h, 2.0, 81);
        let levels = |h| {
            let mut heights = seen(h).heights;
            heights.dedup();
            heights.len()
        };
        assert_eq!((levels(0.1), levels(1e-6)), (81, 81));
        assert!(levels(1e-13) < 30, "{}", levels(1e-13));
        // Before that the line through both points lies on the tangent.
        let [(left, below), (right, above)] = seen(1e-4).points;
        assert!((left + 1.0).abs() < 1e-9 && (right - 1.0).abs() < 1e-9, "{left} {right}");
        let slope = (above - below) / (right - left);
        assert!((slope - 1_f64.exp()).abs() < 1e-6, "{slope}");
    }

    #[test]
    fn the_page_gets_what_was_measured_and_nothing_for_what_is_unknown() {
        let measured = call(gradcheck_measure, vec![0.0, 64.0, 2.0, 0.5, -2.0]);
        let natively = measure::<f64>(Example::Sine, Difference::Central, 0.5, 0.01);
        assert_eq!(measured.len(), 12);
        assert_eq!(measured[6..9], [natively.slope, natively.derivative, natively.error]);
        assert_eq!(call(gradcheck_step, vec![-2.0]), [0.01]);
        let best = call(gradcheck_best_step, vec![0.0, 64.0, 2.0, 0.5]);
        assert_eq!(best, [Gradcheck::default().step.log10()]);
        let window = call(gradcheck_window, vec![0.0, 64.0, 1.0, 0.5, -1.0, 2.0, 9.0]);
        assert_eq!((window.len(), window[0], window[4 + 4]), (4 + 9, 0.0, 0.0));
        for unknown in [[5.0, 64.0, 2.0], [0.0, 16.0, 2.0], [0.0, 64.0, 3.0], [f64::NAN, 64.0, 2.0]]
        {
            let arguments = [&unknown[..], &[0.5, -2.0]].concat();
            assert!(call(gradcheck_measure, arguments).is_empty(), "{unknown:?}");
        }
        assert!(call(gradcheck_measure, vec![0.0, 64.0, 2.0, 0.5]).is_empty());
    }
}
