//! Solutions of chapter 3.

use approx::assert_relative_eq;
use chainrule::gradcheck::{Draw, Gradcheck};
use chainrule::{ShapeError, Tape};
use ndarray::arr1;

#[test]
fn by_hand() {
    let loss = |x: f64| x * x * x;
    let (x, h) = (2.0, 0.1);
    let one_sided = (loss(x + h) - loss(x)) / h;
    let central = (loss(x + h) - loss(x - h)) / (2.0 * h);
    assert_relative_eq!(one_sided, 12.61, max_relative = 1e-12);
    assert_relative_eq!(central, 12.01, max_relative = 1e-12);
}

/// Factors that a backward pass can be wrong by, and the relative errors that they leave.
#[test]
fn symptoms() -> Result<(), ShapeError> {
    for (factor, error) in [(-1.0, 2.0), (0.5, 0.5), (8.0, 0.875), (0.0, 1.0)] {
        let mut tape = Tape::<f64>::new();
        let x = tape.parameter(arr1(&[0.4, -1.2]));
        let y = tape.map(x, "sine", f64::sin, move |x| factor * x.cos())?;
        let dy = arr1(&[0.7, -1.3]).into_dyn();
        let report = Gradcheck::default().run(&mut tape, y, &dy)?;
        for entry in [report.worst.unwrap(), report.mildest.unwrap()] {
            assert_relative_eq!(entry.relative_error, error, max_relative = 1e-6);
        }
    }
    Ok(())
}

fn four_points(f: impl Fn(f64) -> f64, x: f64, h: f64) -> f64 {
    (8.0 * (f(x + h) - f(x - h)) - (f(x + 2.0 * h) - f(x - 2.0 * h))) / (12.0 * h)
}

#[test]
fn four_points_have_slope_four() {
    let x = 0.7;
    for h in [0.1, 0.05, 0.02] {
        // Every derivative of eˣ is eˣ.
        let error = four_points(f64::exp, x, h) - x.exp();
        assert_relative_eq!(error, -h.powi(4) / 30.0 * x.exp(), max_relative = 0.01);
    }
    // The best step is wider than that of two points, and what it leaves is smaller.
    let best = four_points(f64::exp, x, f64::EPSILON.powf(0.2)) - x.exp();
    assert!(best.abs() < 1e-12, "{best:e}");
}

/// The step and the error near the bottom of the V, in units of the machine's precision.
fn bottom(epsilon: f64) -> (f64, f64) {
    (epsilon.cbrt(), epsilon.cbrt().powi(2))
}

#[test]
fn bottom_in_both_types() {
    let (step, error) = bottom(f64::from(f32::EPSILON));
    assert!((4e-3..6e-3).contains(&step) && (2e-5..3e-5).contains(&error));
    let (step, error) = bottom(f64::EPSILON);
    assert!((5e-6..7e-6).contains(&step) && (3e-11..4e-11).contains(&error));
}

/// The largest relative error of `analytic` against central differences of `loss`, at `x`.
fn check(loss: impl Fn(&[f64]) -> f64, analytic: &[f64], x: &[f64]) -> f64 {
    let mut worst = 0.0_f64;
    for i in 0..x.len() {
        let step = f64::EPSILON.cbrt() * x[i].abs().max(1.0);
        let (above, below) = (x[i] + step, x[i] - step);
        let loss_at = |entry: f64| {
            let mut moved = x.to_vec();
            moved[i] = entry;
            loss(&moved)
        };
        let numeric = (loss_at(above) - loss_at(below)) / (above - below);
        let scale = analytic[i].abs().max(numeric.abs()).max(1e-3);
        let error = (analytic[i] - numeric).abs() / scale;
        worst = worst.max(if error.is_nan() { f64::INFINITY } else { error });
    }
    worst
}

#[test]
fn check_without_a_tape() {
    let x: Vec<f64> = Draw::new(1).away_from_zero::<f64>(&[3]).into_iter().collect();
    let loss = |x: &[f64]| x[0] * x[1].sin() + x[2] * x[2];
    let right = [x[1].sin(), x[0] * x[1].cos(), 2.0 * x[2]];
    let wrong = [x[1].sin(), x[1].cos(), 2.0 * x[2]];
    assert!(check(loss, &right, &x) < 1e-8);
    assert!(check(loss, &wrong, &x) > 0.1);
    // What is not a number must not pass for a small error.
    assert_eq!(check(loss, &[f64::NAN; 3], &x), f64::INFINITY);
}

/// A complex number: real part and imaginary part.
type Complex = (f64, f64);

fn times((a, b): Complex, (c, d): Complex) -> Complex {
    (a * c - b * d, a * d + b * c)
}

/// The derivative of x³ by a step in the imaginary direction.
fn complex_step(x: f64, h: f64) -> f64 {
    let z = (x, h);
    times(times(z, z), z).1 / h
}

#[test]
fn no_difference_no_rounding() {
    for x in [-1.3, 0.4, 2.0] {
        // The truncation error is −h², and no step is too small.
        let error = complex_step(x, 1e-2) - 3.0 * x * x;
        assert_relative_eq!(error, -1e-4, max_relative = 1e-9);
        assert_relative_eq!(complex_step(x, 1e-100), 3.0 * x * x, max_relative = 1e-15);
    }
}
