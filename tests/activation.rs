//! The equations of chapter 6, evaluated on both sides.

use crate::numeric::gradient;
use approx::assert_relative_eq;
use chainrule::activation::{Activation, SELU_ALPHA, SELU_LAMBDA, gelu, relu, selu, sigmoid, tanh};
use chainrule::gradcheck::Draw;
use chainrule::tensor::matrix;
use chainrule::{Real, Tape, Tensor, Var};
use ndarray::{Array1, Array2, arr1, arr2};
use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// Places on both sides of zero, none at a kink.
const PLACES: [f64; 8] = [-6.0, -1.7, -0.3, -1e-3, 1e-3, 0.4, 2.1, 7.0];

/// Asserts the value of an activation and its derivative against plain formulas, the derivative
/// against central differences too, both on the tape and off it.
fn assert_activation(activation: Activation, f: fn(f64) -> f64, df: fn(f64) -> f64) {
    let x = arr1(&PLACES).into_dyn();
    let dy = Draw::new(6).away_from_zero::<f64>(x.shape());
    let mut tape = Tape::new();
    let var = tape.parameter(x.clone());
    let y = tape.activate(var, activation).unwrap();
    tape.backward_from(y, &dy).unwrap();
    assert_relative_eq!(*tape.value(y), x.mapv(f), max_relative = 1e-12);
    assert_relative_eq!(*tape.gradient(var), &dy * &x.mapv(df), max_relative = 1e-11);
    assert_relative_eq!(
        *tape.gradient(var),
        gradient(&x, &dy, |x| x.mapv(f)),
        max_relative = 1e-6,
        epsilon = 1e-9
    );
    assert_eq!(tape.value(y), &x.mapv(|x| activation.value(x)));
    assert_eq!(tape.gradient(var), &(&dy * &x.mapv(|x| activation.derivative(x))));
}

#[test]
fn the_sigmoid_and_its_slope() {
    assert_activation(
        Activation::Sigmoid,
        |x| 1.0 / (1.0 + (-x).exp()),
        |x| (-x).exp() / (1.0 + (-x).exp()).powi(2),
    );
}

#[test]
fn the_slope_of_the_sigmoid_from_its_value() {
    for x in PLACES {
        let y = sigmoid(x);
        assert_relative_eq!(Activation::Sigmoid.derivative(x), y * (1.0 - y));
        let numeric = (sigmoid(x + 1e-5) - sigmoid(x - 1e-5)) / 2e-5;
        assert_relative_eq!(y * (1.0 - y), numeric, max_relative = 1e-7);
    }
}

#[test]
fn the_sigmoid_far_out() {
    for x in PLACES {
        assert_relative_eq!(sigmoid(x), 1.0 / (1.0 + (-x).exp()), max_relative = 1e-15);
        assert_relative_eq!(sigmoid(x), x.exp() / (1.0 + x.exp()), max_relative = 1e-15);
    }
    // Relative precision holds as far as the type reaches, in both types.
    assert_relative_eq!(sigmoid(-700.0), (-700.0_f64).exp(), max_relative = 1e-15);
    assert_relative_eq!(sigmoid(-80.0_f32), (-80.0_f32).exp(), max_relative = 3e-7);
    assert_relative_eq!(sigmoid(-100.0_f32), (-100.0_f32).exp());
    assert_eq!([sigmoid(-1e4_f32), sigmoid(1e4), sigmoid(0.0)], [0.0, 1.0, 0.5]);
    assert_eq!([sigmoid(f64::NEG_INFINITY), sigmoid(f64::INFINITY)], [0.0, 1.0]);
}

/// The exponential functions of `f32` are the library's own: each activation keeps its digits, next to 0
/// as well, where a difference of two exponentials would have none.
#[test]
fn f32_keeps_the_digits_of_every_sigmoid() {
    let close = |x: f32, single: f32, double: f64| {
        let error = (f64::from(single) - double).abs();
        assert!(error <= 6e-7 * double.abs(), "at {x}: {single}, and {double} in f64");
    };
    let small = (1..=30).map(|k| 0.5_f32.powi(k));
    for x in small.chain((1..=8_000).map(|k| 0.01 * k as f32)).flat_map(|x| [x, -x]) {
        close(x, tanh(x), f64::from(x).tanh());
        close(x, sigmoid(x), sigmoid(f64::from(x)));
        close(x, selu(x), selu(f64::from(x)));
    }
    assert_eq!([tanh(-1e4_f32), tanh(1e4), tanh(f32::INFINITY)], [-1.0, 1.0, 1.0]);
    assert_eq!([tanh(0.0_f32), tanh(-0.0)].map(f32::is_sign_negative), [false, true]);
}

#[test]
fn the_sigmoid_is_symmetric() {
    for x in PLACES {
        assert_relative_eq!(sigmoid(-x), 1.0 - sigmoid(x), max_relative = 1e-12);
    }
}

#[test]
fn the_sigmoid_is_never_steeper_than_a_quarter() {
    for x in PLACES {
        let (y, slope) = (sigmoid(x), Activation::Sigmoid.derivative(x));
        assert_relative_eq!(slope, 0.25 - (y - 0.5).powi(2), max_relative = 1e-12);
        assert!(slope <= 0.25);
        assert!(slope <= (-x.abs()).exp() && slope >= 0.25 * (-x.abs()).exp(), "{x}: {slope}");
    }
    assert_eq!(Activation::Sigmoid.derivative(0.0), 0.25);
}

#[test]
fn the_sigmoid_saturates_sooner_on_the_right() {
    let slope = |x: f32| Activation::Sigmoid.derivative(x);
    assert!(slope(16.63) > 0.0);
    for x in [16.64, 17.0, 30.0, 1e4] {
        assert_eq!((sigmoid(x), slope(x)), (1.0, 0.0));
    }
    for x in [16.64, 17.0, 30.0, 80.0] {
        let exact = Activation::Sigmoid.derivative(-f64::from(x));
        assert_relative_eq!(f64::from(slope(-x)), exact, max_relative = 1e-5);
    }
    assert_relative_eq!(slope(-16.64), 5.9e-8, max_relative = 0.01);
}

#[test]
fn tanh_and_its_slope() {
    assert_activation(
        Activation::Tanh,
        |x| (x.exp() - (-x).exp()) / (x.exp() + (-x).exp()),
        |x| 4.0 / (x.exp() + (-x).exp()).powi(2),
    );
}

#[test]
fn eq_tanh_derivative() {
    for x in PLACES {
        let y = x.tanh();
        assert_relative_eq!(Activation::Tanh.derivative(x), 1.0 - y * y);
        let numeric = ((x + 1e-5).tanh() - (x - 1e-5).tanh()) / 2e-5;
        assert_relative_eq!(1.0 - y * y, numeric, max_relative = 1e-6);
    }
    assert_eq!(Activation::Tanh.derivative(0.0), 1.0);
}

#[test]
fn tanh_is_a_sigmoid() {
    for x in PLACES {
        let y = Activation::Tanh.value(x);
        assert_relative_eq!(y, 2.0 * sigmoid(2.0 * x) - 1.0, max_relative = 1e-12);
    }
}

#[test]
fn relu_and_its_slope() {
    assert_activation(Activation::Relu, |x| x.max(0.0), |x| if x > 0.0 { 1.0 } else { 0.0 });
    assert_eq!([relu(-2.0), relu(0.0), relu(1.5)], [0.0, 0.0, 1.5]);
    assert_eq!(Activation::Relu.derivative(0.0), 0.0);
}

#[test]
fn selu_and_its_slope() {
    assert_activation(
        Activation::Selu,
        |x| SELU_LAMBDA * if x > 0.0 { x } else { SELU_ALPHA * x.exp_m1() },
        |x| SELU_LAMBDA * if x > 0.0 { 1.0 } else { SELU_ALPHA * x.exp() },
    );
}

#[test]
fn eq_selu_derivative() {
    for x in PLACES.into_iter().filter(|&x| x < 0.0) {
        let slope = SELU_LAMBDA * SELU_ALPHA * x.exp();
        assert_relative_eq!(slope, selu(x) + SELU_LAMBDA * SELU_ALPHA, max_relative = 1e-12);
        assert_relative_eq!(slope, Activation::Selu.derivative(x), max_relative = 1e-12);
    }
    assert_eq!(selu(0.0), 0.0);
    assert_eq!(Activation::Selu.derivative(0.0), SELU_LAMBDA * SELU_ALPHA);
    assert_eq!(selu(f64::NEG_INFINITY), -SELU_LAMBDA * SELU_ALPHA);
}

/// ∫ f(x)·φ(x) dx from `low` to `high`, by Simpson's rule.
fn gaussian_integral(f: impl Fn(f64) -> f64, low: f64, high: f64) -> f64 {
    let intervals = 20_000;
    let width = (high - low) / f64::from(intervals);
    let sum: f64 = (0..=intervals)
        .map(|k| {
            let x = low + f64::from(k) * width;
            let weight = if k == 0 || k == intervals { 1.0 } else { f64::from(2 + k % 2 * 2) };
            weight * f(x) * (-x * x / 2.0).exp() / (2.0 * PI).sqrt()
        })
        .sum();
    sum * width / 3.0
}

/// Φ(x): the probability that N(0, 1) is below `x`.
fn normal_distribution(x: f64) -> f64 {
    gaussian_integral(|_| 1.0, -40.0, x)
}

#[test]
fn the_three_integrals_of_selu() {
    assert_relative_eq!(
        gaussian_integral(|x| x, 0.0, 40.0),
        FRAC_1_SQRT_2 / PI.sqrt(),
        max_relative = 1e-10
    );
    assert_relative_eq!(gaussian_integral(|x| x * x, 0.0, 40.0), 0.5, max_relative = 1e-10);
    for c in [1.0, 2.0] {
        let left = gaussian_integral(|x| (c * x).exp(), -40.0, 0.0);
        let right = (c * c / 2.0).exp() * normal_distribution(-c);
        assert_relative_eq!(left, right, max_relative = 1e-10);
    }
}

#[test]
fn eq_selu_constants() {
    let half = 0.5_f64.exp() * normal_distribution(-1.0);
    let two = 2.0_f64.exp() * normal_distribution(-2.0);
    // The two lines of the derivation, solved for the constants.
    let alpha = FRAC_1_SQRT_2 / PI.sqrt() / (0.5 - half);
    let lambda = (0.5 + alpha * alpha * (two - 2.0 * half + 0.5)).sqrt().recip();
    assert_relative_eq!(SELU_ALPHA, alpha, max_relative = 1e-9);
    assert_relative_eq!(SELU_LAMBDA, lambda, max_relative = 1e-9);
    // And the property itself: mean 0 and mean square 1 stay. Split at the kink.
    let moment =
        |f: fn(f64) -> f64| gaussian_integral(f, -40.0, 0.0) + gaussian_integral(f, 0.0, 40.0);
    assert_relative_eq!(moment(selu), 0.0, epsilon = 1e-10);
    assert_relative_eq!(moment(|x| selu(x).powi(2)), 1.0, max_relative = 1e-10);
}

/// φ(x): the density of N(0, 1).
fn normal_density(x: f64) -> f64 {
    (-x * x / 2.0).exp() / (2.0 * PI).sqrt()
}

#[test]
fn gelu_and_its_slope() {
    // x times the probability that a normal number is below x, by quadrature.
    let x = arr1(&PLACES).into_dyn();
    let dy = Draw::new(6).away_from_zero::<f64>(x.shape());
    let mut tape = Tape::new();
    let var = tape.parameter(x.clone());
    let y = tape.activate(var, Activation::Gelu).unwrap();
    tape.backward_from(y, &dy).unwrap();
    let f = |x| x * normal_distribution(x);
    let df = |x| normal_distribution(x) + x * normal_density(x);
    assert_relative_eq!(*tape.value(y), x.mapv(f), max_relative = 1e-11, epsilon = 1e-12);
    assert_relative_eq!(
        *tape.gradient(var),
        &dy * &x.mapv(df),
        max_relative = 1e-11,
        epsilon = 1e-12
    );
    assert_eq!(tape.value(y), &x.mapv(gelu));
    assert_eq!([gelu(0.0), Activation::Gelu.derivative(0.0)], [0.0, 0.5]);
}

#[test]
fn gelu_by_the_error_function() {
    for x in PLACES {
        let distribution = (1.0 + Real::erf(x * FRAC_1_SQRT_2)) / 2.0;
        assert_relative_eq!(distribution, normal_distribution(x), epsilon = 1e-12);
        assert_relative_eq!(gelu(x), x * distribution, max_relative = 1e-12);
    }
}

#[test]
fn the_slope_of_gelu() {
    for x in PLACES {
        let slope = normal_distribution(x) + x * normal_density(x);
        let numeric = (gelu(x + 1e-5) - gelu(x - 1e-5)) / 2e-5;
        assert_relative_eq!(slope, numeric, epsilon = 1e-9);
        assert_relative_eq!(slope, Activation::Gelu.derivative(x), epsilon = 1e-12);
    }
}

#[test]
fn gelu_is_symmetric_but_for_its_input() {
    for x in PLACES {
        assert_relative_eq!(gelu(x) - gelu(-x), x, max_relative = 1e-12);
        let [left, right] = [-x, x].map(|x| Activation::Gelu.derivative(x));
        assert_relative_eq!(left, 1.0 - right, epsilon = 1e-14);
    }
}

#[test]
fn a_relu_passes_a_scale_and_a_gelu_does_not() {
    for x in PLACES {
        assert_relative_eq!(relu(3.0 * x), 3.0 * relu(x), max_relative = 1e-15);
        let rest = gelu(3.0 * x) - 3.0 * gelu(x);
        assert!((0.3..3.0).contains(&x.abs()) == (rest.abs() > 0.1), "{x}: {rest}");
    }
}

#[test]
fn gelus_lowest_value() {
    let slope = |x: f64| Activation::Gelu.derivative(x);
    assert!(slope(-0.7519) < 0.0 && slope(-0.7517) > 0.0);
    assert_relative_eq!(gelu(-0.7518), -0.1700, epsilon = 5e-5);
    assert!(slope(1.5) > 1.0);
}

#[test]
fn gelu_and_its_tanh_form() {
    let tanh_form =
        |x: f64| x / 2.0 * (1.0 + ((2.0 / PI).sqrt() * (x + 0.044_715 * x * x * x)).tanh());
    let places = (-500..=500).map(|k| f64::from(k) / 100.0);
    let worst = places.map(|x| (gelu(x) - tanh_form(x)).abs()).fold(0.0, f64::max);
    assert!((4e-4..5e-4).contains(&worst), "{worst}");
}

#[test]
fn gelu_in_single_precision() {
    for k in -8_000..=8_000 {
        let x = k as f32 / 1_000.0;
        let (single, double) = (f64::from(gelu(x)), gelu(f64::from(x)));
        assert_relative_eq!(single, double, epsilon = 4e-7 * f64::from(x.abs().max(1.0)));
        let single = f64::from(Activation::Gelu.derivative(x));
        assert_relative_eq!(single, Activation::Gelu.derivative(f64::from(x)), epsilon = 1e-6);
    }
    // Far to the left the same error is much of the value.
    let (single, double) = (f64::from(gelu(-5.0_f32)), gelu(-5.0_f64));
    assert_relative_eq!(double, -1.43e-6, max_relative = 0.01);
    assert_relative_eq!((single / double - 1.0).abs(), 0.06, epsilon = 0.01);
    assert_eq!([gelu(-1e4_f32), gelu(1e4), gelu(1e20)], [0.0, 1e4, 1e20]);
    assert_eq!([-1e20_f32, 1e20].map(|x| Activation::Gelu.derivative(x)), [0.0, 1.0]);
}

#[test]
fn identity_records_nothing() {
    let mut tape = Tape::<f64>::new();
    let x = tape.parameter(arr1(&[1.0]));
    assert_eq!(tape.activate(x, Activation::Identity), Ok(x));
    assert_eq!(tape.vars().count(), 1);
    assert_eq!(
        (Activation::Identity.value(-2.5), Activation::Identity.derivative(-2.5)),
        (-2.5, 1.0)
    );
}

#[test]
fn each_activation_records_its_own_op() {
    for activation in Activation::ALL.into_iter().skip(1) {
        let mut tape = Tape::<f64>::new();
        let x = tape.parameter(arr1(&[1.0]));
        let y = tape.activate(x, activation).unwrap();
        assert_eq!(tape.expression(y), format!("{activation}(%0)"));
    }
}

#[test]
fn extreme_values_stay_numbers() {
    for activation in Activation::ALL {
        let mut tape = Tape::<f32>::new();
        let x = tape.parameter(arr1(&[-1e4, -100.0, -1e-30, 0.0, 1e-30, 100.0, 1e4]));
        let y = tape.activate(x, activation).unwrap();
        tape.backward(y);
        assert!(tape.value(y).iter().all(|y| y.is_finite()), "{activation}");
        assert!(tape.gradient(x).iter().all(|dx| dx.is_finite()), "{activation}");
    }
}

#[test]
fn what_is_not_a_number_is_not_hidden() {
    for activation in Activation::ALL {
        assert!(activation.value(f32::NAN).is_nan(), "{activation}");
    }
}

#[test]
fn large_tensors_give_what_small_ones_give() {
    let x: Tensor<f32> = Draw::new(8).uniform(&[321, 517], -5.0, 5.0);
    for activation in Activation::ALL.into_iter().skip(1) {
        let mut tape = Tape::new();
        let var = tape.parameter(x.clone());
        let y = tape.activate(var, activation).unwrap();
        tape.backward(y);
        assert_eq!(tape.value(y), &x.mapv(|x| activation.value(x)));
        assert_eq!(tape.gradient(var), &x.mapv(|x| activation.derivative(x)));
    }
}

#[test]
fn empty_inputs_are_refused() {
    for activation in Activation::ALL.into_iter().skip(1) {
        let mut tape = Tape::<f64>::new();
        let x = tape.parameter(Array2::zeros((3, 0)));
        assert_eq!(
            tape.activate(x, activation).unwrap_err().to_string(),
            format!(
                "{activation}: [3, 0]: an input is empty: every axis must have a length of 1 or more"
            )
        );
    }
}

#[test]
fn activations_are_chosen_by_name() {
    for activation in Activation::ALL {
        assert_eq!(activation.to_string().parse(), Ok(activation));
    }
    assert_eq!(
        Activation::ALL.map(|activation| activation.to_string()),
        ["identity", "sigmoid", "tanh", "relu", "selu", "gelu"]
    );
    assert_eq!(format!("[{:>8}]", Activation::Relu), "[    relu]");
    assert_eq!(
        "swish".parse::<Activation>().unwrap_err().to_string(),
        "there is no activation `swish`: choose identity, sigmoid, tanh, relu, selu, gelu"
    );
}

#[test]
fn two_products_are_one() {
    let mut draw = Draw::new(16);
    let [v, w] = [[3, 4], [4, 2]].map(|shape| draw.away_from_zero::<f64>(&shape));
    let x = draw.away_from_zero::<f64>(&[5, 3]);
    let mut tape = Tape::new();
    let (x, v, w) = (tape.input(x), tape.input(v), tape.input(w));
    let hidden = tape.matmul(x, v).unwrap();
    let hidden = tape.activate(hidden, Activation::Identity).unwrap();
    let y = tape.matmul(hidden, w).unwrap();
    let product = tape.matmul(v, w).unwrap();
    let y_one = tape.matmul(x, product).unwrap();
    assert_relative_eq!(tape.value(y), tape.value(y_one), max_relative = 1e-12);
    // With a bend between them they are not.
    let hidden = tape.matmul(x, v).unwrap();
    let hidden = tape.activate(hidden, Activation::Relu).unwrap();
    let y_bent = tape.matmul(hidden, w).unwrap();
    let difference: Array1<f64> =
        (tape.value(y_bent) - tape.value(y_one)).iter().map(|d| d.abs()).collect();
    assert!(difference.sum() > 0.1);
}

/// Far out each activation is what it tends to, and so is its slope.
#[test]
fn at_infinity_each_activation_is_its_limit() {
    fn check<T: Real>() {
        let far = [T::neg_infinity(), T::min_value(), T::of(-1e4), T::of(1e4), T::infinity()];
        for (activation, left, slopes) in [
            (Activation::Identity, T::neg_infinity(), [1.0, 1.0]),
            (Activation::Relu, T::zero(), [0.0, 1.0]),
            (Activation::Gelu, T::zero(), [0.0, 1.0]),
            (Activation::Sigmoid, T::zero(), [0.0, 0.0]),
            (Activation::Tanh, -T::one(), [0.0, 0.0]),
            (Activation::Selu, T::of(-SELU_LAMBDA * SELU_ALPHA), [0.0, SELU_LAMBDA]),
        ] {
            assert_eq!(activation.value(T::neg_infinity()), left, "{activation}");
            assert!(!activation.value(T::infinity()).is_nan(), "{activation}");
            let mut tape = Tape::<T>::new();
            let x = tape.parameter(Array1::from(far.to_vec()));
            let y = tape.activate(x, activation).unwrap();
            if activation == Activation::Identity {
                continue;
            }
            assert_eq!(tape.value(y)[0], left, "{activation}");
            tape.backward(y);
            let [left, right] = slopes.map(T::of);
            let expected = [left, left, left, right, right];
            assert_eq!(tape.gradient(x).as_slice().unwrap(), expected, "{activation}");
        }
    }
    check::<f32>();
    check::<f64>();
    assert!(gelu(f64::NAN).is_nan() && gelu(f32::NAN).is_nan());
}

/// A network of layers f(H·W), one upstream gradient at its end: the nodes Z and H of each layer.
fn layers(
    tape: &mut Tape<f64>,
    activation: Activation,
    x: Tensor<f64>,
    weights: &[Tensor<f64>],
) -> Vec<[Var; 2]> {
    let mut h = tape.parameter(x);
    let mut nodes = Vec::new();
    for weight in weights {
        let w = tape.parameter(weight.clone());
        let z = tape.matmul(h, w).unwrap();
        h = tape.activate(z, activation).unwrap();
        nodes.push([z, h]);
    }
    nodes
}

#[test]
fn eq_through_a_layer() {
    for activation in Activation::ALL.into_iter().skip(1) {
        let mut draw = Draw::new(23);
        let x = draw.away_from_zero::<f64>(&[5, 3]);
        let weights = [draw.away_from_zero::<f64>(&[3, 4]), draw.away_from_zero(&[4, 2])];
        let mut tape = Tape::new();
        let nodes = layers(&mut tape, activation, x, &weights);
        let dy = draw.away_from_zero::<f64>(&[5, 2]);
        tape.backward_from(nodes[1][1], &dy).unwrap();
        let z = tape.value(nodes[0][0]).clone();
        let w = matrix(&weights[1]);
        let slopes = z.mapv(|z| activation.derivative(z));
        let by_formula = matrix(tape.gradient(nodes[1][0])).dot(&w.t()).into_dyn() * slopes;
        assert_relative_eq!(*tape.gradient(nodes[0][0]), by_formula, max_relative = 1e-12);
        // The left side, from differences: the rest of the network as a function of Z.
        let rest = |z: &Tensor<f64>| {
            let h = z.mapv(|z| activation.value(z));
            matrix(&h).dot(&w).into_dyn().mapv(|z| activation.value(z))
        };
        let numeric = gradient(&z, &dy, rest);
        assert_relative_eq!(by_formula, numeric, max_relative = 1e-6, epsilon = 1e-9);
    }
}

/// h ← σ(w·h), `weights.len()` times.
fn chain(weights: &[f64], h: f64) -> f64 {
    weights.iter().fold(h, |h, w| sigmoid(w * h))
}

#[test]
fn eq_slopes_multiply() {
    let mut draw = Draw::new(29);
    for k in 1..=6 {
        let weights: Vec<f64> = draw.uniform::<f64>(&[k], -2.0, 2.0).into_iter().collect();
        let h = 0.7;
        let (mut product, mut bound, mut inner) = (1.0, 1.0, h);
        for w in &weights {
            let y = sigmoid(w * inner);
            product *= w * y * (1.0 - y);
            bound *= w.abs() / 4.0;
            inner = y;
        }
        let numeric = (chain(&weights, h + 1e-5) - chain(&weights, h - 1e-5)) / 2e-5;
        assert_relative_eq!(product, numeric, max_relative = 1e-5, epsilon = 1e-12);
        assert!(product.abs() <= bound, "{k}: {product} {bound}");
        assert!(product.abs() > bound / 5_f64.powi(k as i32), "{k}: the bound says nothing");
    }
}

#[test]
fn eq_dead_unit() {
    let mut draw = Draw::new(31);
    let x = draw.positive::<f64>(&[6, 3]);
    let w = arr2(&[[-1.0, 0.8], [-0.5, -0.3], [-2.0, 0.4]]).into_dyn();
    let dy = draw.away_from_zero::<f64>(&[6, 2]);
    let run = |w: &Tensor<f64>, b: &Tensor<f64>| {
        let z = matrix(&x).dot(&matrix(w)).into_dyn() + b;
        z.mapv(|z| Activation::Relu.value(z))
    };
    let b = arr1(&[-0.1, 0.2]).into_dyn();
    let mut tape = Tape::new();
    let (inputs, weights) = (tape.input(x.clone()), tape.parameter(w.clone()));
    let bias = tape.parameter(b.clone());
    let z = tape.linear(inputs, weights, bias).unwrap();
    let y = tape.relu(z).unwrap();
    tape.backward_from(y, &dy).unwrap();
    // Unit 0 is below zero for every sample, unit 1 is not.
    assert!(matrix(tape.value(z)).column(0).iter().all(|&z| z < 0.0));
    assert!(matrix(tape.gradient(weights)).column(0).iter().all(|&dw| dw == 0.0));
    assert!(matrix(tape.gradient(weights)).column(1).iter().all(|&dw| dw != 0.0));
    assert_eq!(tape.gradient(bias)[0], 0.0);
    assert!(tape.gradient(bias)[1] != 0.0);
    let by_w = gradient(&w, &dy, |w| run(w, &b));
    assert_relative_eq!(*tape.gradient(weights), by_w, max_relative = 1e-6, epsilon = 1e-9);
    let by_b = gradient(&b, &dy, |b| run(&w, b));
    assert_relative_eq!(*tape.gradient(bias), by_b, max_relative = 1e-6, epsilon = 1e-9);
}

/// The mean and the variance of selu(x) for x ~ N(mean, variance), by quadrature.
fn after_selu([mean, variance]: [f64; 2]) -> [f64; 2] {
    let x = |z: f64| mean + variance.sqrt() * z;
    let kink = -mean / variance.sqrt();
    let moment = |f: &dyn Fn(f64) -> f64| {
        gaussian_integral(f, -40.0, kink) + gaussian_integral(f, kink, 40.0)
    };
    let first = moment(&|z| selu(x(z)));
    [first, moment(&|z| selu(x(z)).powi(2)) - first * first]
}

#[test]
fn eq_selu_contraction() {
    let half = 0.5_f64.exp() * normal_distribution(-1.0);
    let two = 2.0_f64.exp() * normal_distribution(-2.0);
    let (alpha, square) = (SELU_ALPHA, SELU_LAMBDA * SELU_LAMBDA);
    let by_formula = [
        SELU_LAMBDA * alpha / 2.0 * (0.5 - FRAC_1_SQRT_2 / PI.sqrt()),
        square / 2.0 * (1.0 + alpha * alpha * (4.0 * two - 2.0 * half)),
    ];
    let [above, below] = [1.0 + 1e-4, 1.0 - 1e-4].map(|variance| after_selu([0.0, variance]));
    for k in 0..2 {
        assert_relative_eq!(by_formula[k], (above[k] - below[k]) / 2e-4, max_relative = 1e-6);
    }
    assert_relative_eq!(by_formula[1], 0.783, epsilon = 5e-4);
    // And it attracts, where every layer begins with the mean 0.
    for start in [0.05, 0.5, 3.0, 20.0] {
        let end = (0..60).fold(start, |variance, _| after_selu([0.0, variance])[1]);
        assert_relative_eq!(end, 1.0, epsilon = 1e-4);
    }
}

/// A ReLU that asks whether dy is positive is right for every positive dy, and for twice it.
#[test]
fn a_relu_that_looks_at_dy_is_hidden_by_positive_gradients() {
    let x = arr1(&[0.7, 1.3, 2.1]).into_dyn();
    let wrong = |dy: &Tensor<f64>| dy.mapv(|dy: f64| dy.max(0.0));
    let right = |dy: &Tensor<f64>| gradient(&x, dy, |x| x.mapv(relu));
    let positive = arr1(&[1.0, 1.0, 0.3]).into_dyn();
    assert_relative_eq!(wrong(&positive), right(&positive), epsilon = 1e-8);
    let mixed = arr1(&[0.4, -0.9, 1.2]).into_dyn();
    assert!((wrong(&mixed) - right(&mixed)).iter().any(|error| error.abs() > 0.5));
    // Twice the gradient is twice the result, but the opposite is not the opposite.
    assert_eq!(wrong(&(2.0 * &mixed)), 2.0 * wrong(&mixed));
    assert_ne!(wrong(&-&mixed), -wrong(&mixed));
}
