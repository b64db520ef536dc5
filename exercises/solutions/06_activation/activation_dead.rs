//! A unit is dead when the largest of its weighted sums is not above zero, since ReLU takes the slope 0 at
//! zero too. Adding what is missing to the bias moves all its sums by the same amount, and the largest comes
//! to `margin`. No step of descent would have done it: the gradient of that bias is zero.

use ndarray::{Array1, Array2, Axis};

/// Of each unit: the largest of its weighted sums.
fn largest(x: &Array2<f64>, w: &Array2<f64>, b: &Array1<f64>) -> Array1<f64> {
    (x.dot(w) + b).fold_axis(Axis(0), f64::NEG_INFINITY, |&most, &z| most.max(z))
}

/// Of each unit: whether it is zero for every sample.
fn dead(x: &Array2<f64>, w: &Array2<f64>, b: &Array1<f64>) -> Vec<bool> {
    largest(x, w, b).iter().map(|&z| z <= 0.0).collect()
}

/// Biases with which the dead units reach `margin` for one sample.
fn woken(x: &Array2<f64>, w: &Array2<f64>, b: &Array1<f64>, margin: f64) -> Array1<f64> {
    let mut biases = b.clone();
    for (bias, &z) in biases.iter_mut().zip(&largest(x, w, b)) {
        if z <= 0.0 {
            *bias += margin - z;
        }
    }
    biases
}

fn main() {}

#[cfg(test)]
mod tests {
    use super::*;
    use chainrule::Tape;
    use chainrule::gradcheck::Draw;
    use ndarray::{Ix1, Ix2};

    const TASK: &str = "say which units are dead, and wake them";

    /// Of each unit: whether the library's gradient of its bias is zero.
    fn without_gradient(x: &Array2<f64>, w: &Array2<f64>, b: &Array1<f64>) -> Vec<bool> {
        let mut tape = Tape::<f64>::new();
        let (x, w, b) = (tape.input(x.clone()), tape.input(w.clone()), tape.parameter(b.clone()));
        let z = tape.linear(x, w, b).expect("the shapes fit");
        let y = tape.relu(z).expect("it is not empty");
        tape.backward(y);
        tape.gradient(b).iter().map(|&db| db == 0.0).collect()
    }

    #[test]
    fn the_dead_get_no_gradient() {
        for seed in 0..5 {
            let mut draw = Draw::new(seed);
            let x = draw.positive::<f64>(&[6, 4]).into_dimensionality::<Ix2>().expect("a matrix");
            let w = draw.away_from_zero::<f64>(&[4, 5]).into_dimensionality::<Ix2>();
            let w = w.expect("a matrix");
            let b = draw.uniform::<f64>(&[5], -4.0, 1.0).into_dimensionality::<Ix1>();
            let b = b.expect("one row");
            let expected = without_gradient(&x, &w, &b);
            assert_eq!(dead(&x, &w, &b), expected, "{TASK}\n    in layer {seed}\n");
            let biases = woken(&x, &w, &b, 0.5);
            for (j, &was_dead) in expected.iter().enumerate() {
                let sums = x.dot(&w.column(j)) + biases[j];
                let most = sums.iter().fold(f64::NEG_INFINITY, |most, &z| most.max(z));
                let right = if was_dead { (most - 0.5).abs() < 1e-9 } else { biases[j] == b[j] };
                assert!(
                    right,
                    "{TASK}\n    unit {j} of layer {seed}: its largest sum is now {most:.3}\n"
                );
            }
        }
    }

    #[test]
    fn some_are_dead_and_some_are_not() {
        let x = Array2::from_elem((2, 1), 1.0);
        let w = Array2::from_shape_vec((1, 3), vec![1.0, -1.0, 1.0]).expect("three units");
        let b = Array1::from_vec(vec![0.5, 0.5, -1.0]);
        assert_eq!(dead(&x, &w, &b), [false, true, true], "{TASK}\n    sums of 1.5, -0.5 and 0\n");
    }
}
