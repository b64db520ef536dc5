//! Secants of plain functions: their slopes, and the two errors of these.

use approx::assert_relative_eq;
use chainrule::gradcheck::{Difference, Gradcheck};
use chainrule::real::Real;

const BOTH: [Difference; 2] = [Difference::OneSided, Difference::Central];

#[test]
fn the_slopes_by_hand() {
    let secants = BOTH.map(|difference| difference.secant(|x: f64| x * x * x, 2.0, 0.1));
    for (secant, points) in secants.iter().zip([[2.0, 8.0, 2.1, 9.261], [1.9, 6.859, 2.1, 9.261]]) {
        let found = [secant.left.0, secant.left.1, secant.right.0, secant.right.1];
        for (found, point) in found.into_iter().zip(points) {
            assert_relative_eq!(found, point, max_relative = 1e-14);
        }
    }
    assert_relative_eq!(secants[0].rise(), 1.261, max_relative = 1e-13);
    assert_relative_eq!(secants[0].slope(), 12.61, max_relative = 1e-13);
    assert_relative_eq!(secants[1].run(), 0.2, max_relative = 1e-13);
    assert_relative_eq!(secants[1].slope(), 12.01, max_relative = 1e-13);
}

#[test]
fn the_truncation_of_a_power_is_its_error() {
    // L″ of x² and L‴ of x³ are the same everywhere.
    let h = 0.125;
    let [one_sided, central] = BOTH;
    let square = one_sided.secant(|x: f64| x * x, 0.75, h).slope() - 1.5;
    assert_relative_eq!(one_sided.truncation(h, -2.0, 0.0), square, max_relative = 1e-12);
    let cube = central.secant(|x: f64| x * x * x, 0.75, h).slope() - 1.6875;
    assert_relative_eq!(central.truncation(h, 0.0, -6.0), cube, max_relative = 1e-12);
}

#[test]
fn the_two_errors_bound_what_is_measured() {
    // Each value is rounded once, and the steps are those of the machine.
    let exp = |x: f32| f64::from(x).exp() as f32;
    let mut most = 0.0_f64;
    for difference in BOTH {
        for (k, place) in (1..18).flat_map(|k| (-60..60).map(move |place| (k, place))) {
            let (h, x) = ((-k as f32).exp2(), place as f32 / 64.0);
            let secant = difference.secant(exp, x, h);
            let error = f64::from(secant.slope()) - f64::from(x).exp();
            let largest = f64::from(x + h).exp();
            let truncation = difference.truncation(h.into(), largest, largest);
            // The division rounds too.
            let division = f64::from(f32::EPSILON) * largest;
            let bound = truncation + secant.rounding() + division;
            assert!(error.abs() <= bound, "{difference:?} {x} {h}: {error:e} > {bound:e}");
            most = most.max(if truncation < 1e-3 * bound { error.abs() / bound } else { 0.0 });
        }
    }
    assert!(most > 0.5, "the rounding is no exaggeration: {most}");
}

#[test]
fn the_best_steps_are_powers_of_the_precision() {
    fn powers<T: Real>(precision: f64) {
        let [one_sided, central] = BOTH.map(|difference| difference.best_step::<T>().as_f64());
        assert_relative_eq!(one_sided.powi(2), precision, max_relative = 1e-6);
        assert_relative_eq!(central.powi(3), precision, max_relative = 1e-6);
    }
    powers::<f64>(2.0_f64.powi(-52));
    powers::<f32>(2.0_f64.powi(-23));
    assert_eq!(Gradcheck::default().step, f64::EPSILON.cbrt());
}

#[test]
fn a_step_that_rounding_swallows_has_no_slope() {
    for difference in BOTH {
        let secant = difference.secant(f32::exp, 1.0, 1e-9);
        assert_eq!(secant.run(), 0.0);
        assert!(secant.slope().is_nan(), "{difference:?}");
        let error = Gradcheck::default().relative_error(1.0, secant.slope().into());
        assert_eq!(error, f64::INFINITY);
    }
}
