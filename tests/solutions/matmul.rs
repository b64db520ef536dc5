//! Solutions of chapter 5.

use approx::assert_relative_eq;
use chainrule::gradcheck::Draw;
use chainrule::{ShapeError, Tape, Tensor};
use ndarray::{Array1, Array2, Axis, Ix2, arr2, concatenate, s};

#[test]
fn by_hand() -> Result<(), ShapeError> {
    let mut tape = Tape::<f64>::new();
    let x = tape.parameter(arr2(&[[1.0, 2.0], [3.0, 4.0]]));
    let w = tape.parameter(arr2(&[[5.0], [-1.0]]));
    let y = tape.matmul(x, w)?;
    tape.backward_from(y, &arr2(&[[1.0], [2.0]]).into_dyn())?;
    assert_eq!(tape.value(y), &arr2(&[[3.0], [11.0]]).into_dyn());
    assert_eq!(tape.gradient(x), &arr2(&[[5.0, -1.0], [10.0, -2.0]]).into_dyn());
    assert_eq!(tape.gradient(w), &arr2(&[[7.0], [10.0]]).into_dyn());
    Ok(())
}

/// Multiplications of a product of an `[m, k]` and a `[k, n]` matrix.
fn multiplications(m: usize, k: usize, n: usize) -> usize {
    m * k * n
}

#[test]
fn order_of_the_factors() {
    let n = 30;
    let mut draw = Draw::new(5);
    let (a, b) = (matrix(&mut draw, n, n), matrix(&mut draw, n, n));
    let x = matrix(&mut draw, n, 1);

    assert_relative_eq!(a.dot(&b).dot(&x), a.dot(&b.dot(&x)), max_relative = 1e-9);
    let product_first = multiplications(n, n, n) + multiplications(n, n, 1);
    let column_first = multiplications(n, n, 1) + multiplications(n, n, 1);
    assert_eq!(product_first, n.pow(3) + n.pow(2));
    assert_eq!(column_first, 2 * n.pow(2));
}

fn matrix(draw: &mut Draw, rows: usize, columns: usize) -> Array2<f64> {
    draw.away_from_zero(&[rows, columns]).into_dimensionality::<Ix2>().expect("two axes")
}

#[test]
fn other_convention() -> Result<(), ShapeError> {
    let (m, k, n) = (3, 4, 2);
    let mut draw = Draw::new(1);
    let (x, w) = (matrix(&mut draw, m, k), matrix(&mut draw, n, k));
    let dy = matrix(&mut draw, m, n);

    let mut tape = Tape::<f64>::new();
    let (x_var, w_var) = (tape.parameter(x.clone()), tape.parameter(w.clone()));
    let transposed = tape.transpose(w_var)?;
    let y = tape.matmul(x_var, transposed)?;
    tape.backward_from(y, &dy.clone().into_dyn())?;

    assert_relative_eq!(tape.gradient(x_var), &dy.dot(&w).into_dyn(), max_relative = 1e-13);
    assert_relative_eq!(tape.gradient(w_var), &dy.t().dot(&x).into_dyn(), max_relative = 1e-13);
    Ok(())
}

#[test]
fn bias_is_a_weight() -> Result<(), ShapeError> {
    let (m, k, n) = (5, 3, 2);
    let mut draw = Draw::new(2);
    let (x, w) = (matrix(&mut draw, m, k), matrix(&mut draw, k, n));
    let (b, dy) = (matrix(&mut draw, 1, n), matrix(&mut draw, m, n));

    let larger_x = concatenate![Axis(1), x, Array2::ones((m, 1))];
    let larger_w = concatenate![Axis(0), w, b];
    let mut tape = Tape::<f64>::new();
    let (x_var, w_var) = (tape.input(larger_x), tape.parameter(larger_w));
    let y = tape.matmul(x_var, w_var)?;
    tape.backward_from(y, &dy.clone().into_dyn())?;

    assert_relative_eq!(tape.value(y), &(x.dot(&w) + &b).into_dyn(), max_relative = 1e-13);
    let db = tape.gradient(w_var).slice(s![k, ..]).to_owned();
    assert_relative_eq!(db, dy.sum_axis(Axis(0)), max_relative = 1e-13);
    Ok(())
}

#[test]
fn quadratic_form() -> Result<(), ShapeError> {
    let n = 4;
    let mut draw = Draw::new(3);
    let (x, a) = (matrix(&mut draw, n, 1), matrix(&mut draw, n, n));
    let dy = 1.5;

    let mut tape = Tape::<f64>::new();
    let (x_var, a_var) = (tape.parameter(x.clone()), tape.parameter(a.clone()));
    let row = tape.transpose(x_var)?;
    let ax = tape.matmul(a_var, x_var)?;
    let y = tape.matmul(row, ax)?;
    tape.backward_from(y, &arr2(&[[dy]]).into_dyn())?;

    let dx = (&a + &a.t()).dot(&x) * dy;
    assert_relative_eq!(tape.gradient(x_var), &dx.into_dyn(), max_relative = 1e-13);
    assert_relative_eq!(
        tape.gradient(a_var),
        &(x.dot(&x.t()) * dy).into_dyn(),
        max_relative = 1e-13
    );
    Ok(())
}

/// The gradients of `Y = X·W`, all matrices in row-major order.
fn backward_in_loops(
    (m, k, n): (usize, usize, usize),
    x: &[f64],
    w: &[f64],
    dy: &[f64],
) -> (Vec<f64>, Vec<f64>) {
    let (mut dx, mut dw) = (vec![0.0; m * k], vec![0.0; k * n]);
    for i in 0..m {
        for l in 0..k {
            for j in 0..n {
                dx[i * k + l] += dy[i * n + j] * w[l * n + j];
                dw[l * n + j] += x[i * k + l] * dy[i * n + j];
            }
        }
    }
    (dx, dw)
}

#[test]
fn loops_equal_the_tape() -> Result<(), ShapeError> {
    let (m, k, n) = (3, 4, 2);
    let mut draw = Draw::new(4);
    let [x, w, dy]: [Tensor<f64>; 3] =
        [[m, k], [k, n], [m, n]].map(|shape| draw.away_from_zero(&shape));

    let mut tape = Tape::<f64>::new();
    let (x_var, w_var) = (tape.parameter(x.clone()), tape.parameter(w.clone()));
    let y = tape.matmul(x_var, w_var)?;
    tape.backward_from(y, &dy)?;

    let [x, w, dy] = [x, w, dy].map(|tensor| tensor.into_iter().collect::<Vec<_>>());
    let (dx, dw) = backward_in_loops((m, k, n), &x, &w, &dy);
    let flat = |tensor: &Tensor<f64>| tensor.iter().copied().collect::<Array1<f64>>();
    assert_relative_eq!(flat(tape.gradient(x_var)), Array1::from(dx), max_relative = 1e-13);
    assert_relative_eq!(flat(tape.gradient(w_var)), Array1::from(dw), max_relative = 1e-13);
    Ok(())
}

/// The mean loss of the network of chapter 1 over the rows of `x`, and the gradients of W, b, V
/// and c. A bias is a matrix of one row. The outputs are small, so no maximum is taken off.
fn both_passes(
    x: &Array2<f64>,
    t: &Array2<f64>,
    [w, b, v, c]: &[Array2<f64>; 4],
) -> (f64, [Array2<f64>; 4]) {
    let ones = Array2::ones((x.nrows(), 1));
    let z = x.dot(w) + b;
    let h = z.mapv(|z| 1.0 / (1.0 + (-z).exp()));
    let o = h.dot(v) + c;
    let powers = o.exp();
    let p = &powers / &powers.sum_axis(Axis(1)).insert_axis(Axis(1));
    let loss = -(t * &p.ln()).sum() / x.nrows() as f64;

    let d_o = (p - t) / x.nrows() as f64;
    let (dv, dc, dh) = (h.t().dot(&d_o), ones.t().dot(&d_o), d_o.dot(&v.t()));
    let dz = dh * &h * (1.0 - &h);
    let (dw, db) = (x.t().dot(&dz), ones.t().dot(&dz));
    (loss, [dw, db, dv, dc])
}

#[test]
fn both_passes_equal_the_tape_and_differences() -> Result<(), ShapeError> {
    let mut draw = Draw::new(6);
    let x = matrix(&mut draw, 4, 2);
    let t = arr2(&[[0.0, 1.0], [1.0, 0.0], [1.0, 0.0], [0.25, 0.75]]);
    let parameters = [(2, 3), (1, 3), (3, 2), (1, 2)].map(|(k, n)| matrix(&mut draw, k, n));
    let (loss, gradients) = both_passes(&x, &t, &parameters);

    let mut tape = Tape::<f64>::new();
    let [w, b, v, c] = &parameters;
    let (x_var, t_var) = (tape.input(x.clone()), tape.input(t.clone()));
    let (w, b) = (tape.parameter(w.clone()), tape.parameter(b.row(0).to_owned()));
    let (v, c) = (tape.parameter(v.clone()), tape.parameter(c.row(0).to_owned()));
    let z = tape.linear(x_var, w, b)?;
    let h = tape.sigmoid(z)?;
    let o = tape.linear(h, v, c)?;
    let l = tape.softmax_cross_entropy(o, t_var)?;
    tape.backward(l);
    assert_relative_eq!(loss, tape.value(l)[[]], max_relative = 1e-13);

    let step = f64::EPSILON.cbrt();
    for (k, var) in [w, b, v, c].into_iter().enumerate() {
        assert_eq!(gradients[k].dim(), parameters[k].dim());
        for (i, (&own, &expected)) in gradients[k].iter().zip(tape.gradient(var)).enumerate() {
            assert_relative_eq!(own, expected, max_relative = 1e-12);
            let loss = |shift: f64| {
                let mut moved = parameters.clone();
                moved[k].as_slice_mut().expect("standard order")[i] += shift;
                both_passes(&x, &t, &moved).0
            };
            let difference = (loss(step) - loss(-step)) / (2.0 * step);
            assert_relative_eq!(own, difference, max_relative = 1e-7, epsilon = 1e-9);
        }
    }
    Ok(())
}
