//! The points and the conics of chapter 11.

use approx::assert_relative_eq;
use chainrule::data::Dataset;
use chainrule::data::ellipse::{self, ELLIPSE, HYPERBOLA, THRESHOLD, determinant, form};

fn point(data: &Dataset, i: usize) -> [f64; 2] {
    let mut point = [0.0; 2];
    data.read(i, &mut point);
    point
}

#[test]
fn the_form_is_the_product_written_out() {
    let x = [0.7, -1.3];
    for q in [ELLIPSE, HYPERBOLA, [[2.0, 3.0], [-5.0, 7.0]]] {
        let mut sum = 0.0;
        for i in 0..2 {
            for j in 0..2 {
                sum += x[i] * q[i][j] * x[j];
            }
        }
        assert_relative_eq!(form(x, q), sum, max_relative = 1e-14);
    }
}

#[test]
fn one_form_is_an_ellipse_and_the_other_a_hyperbola() {
    assert_relative_eq!(determinant(ELLIPSE), 0.174375, max_relative = 1e-12);
    assert_relative_eq!(determinant(HYPERBOLA), -0.3625, max_relative = 1e-12);
    // An ellipse's form grows in every direction; a hyperbola's falls in some.
    let values = |q| {
        (0..360).map(move |degrees| {
            let (sin, cos) = f64::from(degrees).to_radians().sin_cos();
            form([cos, sin], q)
        })
    };
    assert!(values(ELLIPSE).all(|value| value > 0.0));
    assert!(values(HYPERBOLA).any(|value| value < 0.0));
}

#[test]
fn points_are_normal_and_labeled_by_the_form() {
    for q in [ELLIPSE, HYPERBOLA] {
        let data = ellipse::draw(10_000, q, 29);
        assert_eq!((data.len(), data.shape(), data.classes()), (10_000, &[2][..], 2));
        let (mut means, mut squares, mut product) = ([0.0; 2], [0.0; 2], 0.0);
        for i in 0..data.len() {
            let x = point(&data, i);
            assert_eq!(data.label(i), usize::from(form(x, q) > THRESHOLD));
            for axis in [0, 1] {
                means[axis] += x[axis] / 1e4;
                squares[axis] += x[axis] * x[axis] / 1e4;
            }
            product += x[0] * x[1] / 1e4;
        }
        for axis in [0, 1] {
            assert!(means[axis].abs() < 0.05, "mean {}", means[axis]);
            assert!((squares[axis] - 1.0).abs() < 0.08, "variance {}", squares[axis]);
        }
        assert!(product.abs() < 0.05, "covariance {product}");
    }
}

#[test]
fn the_majority_of_the_ellipse_is_about_56_percent() {
    let data = ellipse::draw(10_000, ELLIPSE, 29);
    let ones = (0..data.len()).filter(|&i| data.label(i) == 1).count();
    let majority = ones.max(data.len() - ones);
    assert!((5_450..5_750).contains(&majority), "{majority}, {ones} of class 1");
}

#[test]
fn a_seed_fixes_the_points_and_a_count_only_ends_them() {
    let few = ellipse::draw(20, ELLIPSE, 29);
    let (many, other) = (ellipse::draw(50, ELLIPSE, 29), ellipse::draw(20, ELLIPSE, 30));
    for i in 0..20 {
        assert_eq!(point(&few, i), point(&many, i));
        assert_ne!(point(&few, i), point(&other, i));
    }
    assert!(ellipse::draw(0, ELLIPSE, 29).is_empty());
    assert_eq!(ellipse::draw(1, ELLIPSE, 29).len(), 1);
}
