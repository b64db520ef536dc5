//! Solutions of chapter 4.

use approx::assert_relative_eq;
use chainrule::gradcheck::{Draw, Gradcheck};
use chainrule::tape::{Gradients, Inputs};
use chainrule::{BrokenRule, Op, ShapeError, Tape, Tensor};
use ndarray::{Axis, Zip, arr1};

#[test]
fn by_hand() -> Result<(), ShapeError> {
    let mut tape = Tape::<f64>::new();
    let a = tape.parameter(arr1(&[6.0, -3.0]));
    let b = tape.parameter(arr1(&[2.0, 4.0]));
    let y = tape.divide(a, b)?;
    tape.backward_from(y, &arr1(&[4.0, 8.0]).into_dyn())?;
    assert_eq!(tape.value(y), &arr1(&[3.0, -0.75]).into_dyn());
    assert_eq!(tape.gradient(a), &arr1(&[2.0, 2.0]).into_dyn());
    assert_eq!(tape.gradient(b), &arr1(&[-6.0, 1.5]).into_dyn());
    Ok(())
}

#[test]
fn square_root() -> Result<(), ShapeError> {
    let mut draw = Draw::new(1);
    let (x, dy) = (draw.positive::<f64>(&[2, 3]), draw.away_from_zero(&[2, 3]));
    let mut tape = Tape::new();
    let x_var = tape.parameter(x.clone());
    let y = tape.map(x_var, "sqrt", f64::sqrt, |x| 0.5 / x.sqrt())?;
    let report = Gradcheck::default().run(&mut tape, y, &dy)?;
    assert!(report.max_relative_error() < 1e-8, "{report}");
    assert_relative_eq!(*tape.gradient(x_var), &dy / (tape.value(y) * 2.0), max_relative = 1e-15);
    Ok(())
}

#[test]
fn power() -> Result<(), ShapeError> {
    let mut draw = Draw::new(2);
    let (a, b) = (draw.positive::<f64>(&[2, 3]), draw.away_from_zero::<f64>(&[2, 3]));
    let dy = draw.away_from_zero::<f64>(&[2, 3]);

    let mut tape = Tape::new();
    let (a_var, b_var) = (tape.parameter(a.clone()), tape.parameter(b.clone()));
    let log = tape.log(a_var)?;
    let exponent = tape.multiply(b_var, log)?;
    let y = tape.exp(exponent)?;
    tape.backward_from(y, &dy)?;

    let power = Zip::from(&a).and(&b).map_collect(|a, b| a.powf(*b));
    assert_relative_eq!(*tape.value(y), power, max_relative = 1e-14);
    assert_relative_eq!(*tape.gradient(a_var), &dy * &b * &power / &a, max_relative = 1e-13);
    assert_relative_eq!(*tape.gradient(b_var), &dy * &power * &a.ln(), max_relative = 1e-13);
    Ok(())
}

#[test]
fn centered() -> Result<(), ShapeError> {
    let mut draw = Draw::new(3);
    let (x, dy) = (draw.away_from_zero::<f64>(&[4, 3]), draw.away_from_zero::<f64>(&[4, 3]));

    let mut tape = Tape::new();
    let x_var = tape.parameter(x);
    let mean = tape.mean_axis(x_var, Axis(0))?;
    let mean = tape.expand(mean, Axis(0), x_var)?;
    let y = tape.subtract(x_var, mean)?;
    tape.backward_from(y, &dy)?;

    let mean_dy = dy.mean_axis(Axis(0)).expect("four rows");
    assert_relative_eq!(*tape.gradient(x_var), &dy - &mean_dy, max_relative = 1e-13);
    // The columns of dx have the mean zero, as those of y have.
    let means = tape.gradient(x_var).mean_axis(Axis(0)).expect("four rows");
    assert_relative_eq!(means, Tensor::zeros(means.raw_dim()), epsilon = 1e-15);
    Ok(())
}

#[test]
fn outer_product() -> Result<(), ShapeError> {
    let (m, n) = (3, 2);
    let mut draw = Draw::new(4);
    let (u, v) = (draw.away_from_zero::<f64>(&[m]), draw.away_from_zero::<f64>(&[n]));
    let dy = draw.away_from_zero::<f64>(&[m, n]);

    let mut tape = Tape::new();
    let (u_var, v_var) = (tape.parameter(u.clone()), tape.parameter(v.clone()));
    let like = tape.input(Tensor::zeros(dy.raw_dim()));
    let columns = tape.expand(u_var, Axis(1), like)?; // u_i in every column
    let rows = tape.expand(v_var, Axis(0), like)?; // v_j in every row
    let y = tape.multiply(columns, rows)?;
    tape.backward_from(y, &dy)?;

    for i in 0..m {
        let du: f64 = (0..n).map(|j| dy[[i, j]] * v[j]).sum();
        assert_relative_eq!(tape.gradient(u_var)[i], du, max_relative = 1e-14);
    }
    for j in 0..n {
        let dv: f64 = (0..m).map(|i| dy[[i, j]] * u[i]).sum();
        assert_relative_eq!(tape.gradient(v_var)[j], dv, max_relative = 1e-14);
    }
    Ok(())
}

/// y = max(a, b), entry by entry. Where both are equal, the gradient goes to a.
struct Maximum;

impl Op<f64> for Maximum {
    fn name(&self) -> &'static str {
        "maximum"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        match inputs {
            [a, b] if a == b => Ok(a.to_vec()),
            _ => Err("takes two inputs of the same shape".into()),
        }
    }

    fn forward(&mut self, x: Inputs<'_, f64>, y: &mut Tensor<f64>) {
        Zip::from(y).and(&x[0]).and(&x[1]).for_each(|y, &a, &b| *y = if a >= b { a } else { b });
    }

    fn backward(
        &mut self,
        x: Inputs<'_, f64>,
        _: &Tensor<f64>,
        dy: &Tensor<f64>,
        mut dx: Gradients<'_, f64>,
    ) {
        let (a, b) = (&x[0], &x[1]);
        if let Some(da) = dx.wanted(0) {
            let passed = |da: &mut f64, &a: &f64, &b: &f64, dy: &f64| {
                if a >= b {
                    *da += dy;
                }
            };
            Zip::from(da).and(a).and(b).and(dy).for_each(passed);
        }
        if let Some(db) = dx.wanted(1) {
            let passed = |db: &mut f64, &a: &f64, &b: &f64, dy: &f64| {
                if a < b {
                    *db += dy;
                }
            };
            Zip::from(db).and(a).and(b).and(dy).for_each(passed);
        }
    }
}

#[test]
fn maximum_passes_its_check() -> Result<(), ShapeError> {
    let mut draw = Draw::new(5);
    let a = draw.away_from_zero::<f64>(&[2, 3]);
    // At least 0.3 away from a in every entry: no step reaches the kink at a = b.
    let b = &a + &draw.away_from_zero::<f64>(&[2, 3]);
    let dy = draw.away_from_zero(&[2, 3]);
    let mut tape = Tape::new();
    let (a, b) = (tape.parameter(a), tape.parameter(b));
    let y = tape.push(Maximum, &[a, b])?;
    let report = Gradcheck::default().run(&mut tape, y, &dy)?;
    assert!(report.max_relative_error() < 1e-6 && report.vacuous.is_empty(), "{report}");
    // One tensor as both inputs: the whole gradient arrives, and arrives once.
    let twice = tape.push(Maximum, &[a, a])?;
    tape.backward_from(twice, &dy)?;
    assert_eq!(tape.gradient(a), &dy);
    Ok(())
}
