//! Chapter 9: the variances, what they do to a signal on its way through a network, and symmetry.

use chainrule::activation::Activation;
use chainrule::dropout::Masks;
use chainrule::fraction::Fraction;
use chainrule::init::{Init, InitError};
use chainrule::optim::{Optimizer, Rule};
use chainrule::{Mode, ShapeError, Tape, Tensor, Var};
use ndarray::{Array1, Axis};
use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// Standard normal inputs.
fn normal(shape: &[usize], seed: u64) -> Tensor<f64> {
    Init::Normal { deviation: 1.0 }.sample(1, 1, shape, &mut rng(seed))
}

/// E[x²], over all entries.
fn second_moment(x: &Tensor<f64>) -> f64 {
    x.mapv(|x| x * x).mean().unwrap()
}

const DRAWN: [Init; 7] = [
    Init::XavierNormal,
    Init::XavierUniform,
    Init::HeNormal,
    Init::HeUniform,
    Init::LecunNormal,
    Init::LecunUniform,
    Init::Normal { deviation: 0.3 },
];

#[test]
fn variance_formulas() {
    assert_eq!(Init::XavierNormal.variance(300, 100), 0.005);
    assert_eq!(Init::XavierUniform.variance(300, 100), 0.005);
    assert_eq!(Init::HeNormal.variance(400, 100), 0.005);
    assert_eq!(Init::HeUniform.variance(400, 100), 0.005);
    assert_eq!(Init::LecunNormal.variance(400, 100), 0.0025);
    assert_eq!(Init::LecunUniform.variance(400, 100), 0.0025);
    assert_eq!(Init::Normal { deviation: 0.5 }.variance(400, 100), 0.25);
    assert_eq!(Init::Constant { value: 3.0 }.variance(400, 100), 0.0);
    assert_eq!(Init::Zeros.variance(400, 100), 0.0);
}

/// Of n draws with the variance v and the fourth moment κ·v², the mean has the variance v/n and
/// the measured variance has the variance (κ − 1)·v²/n. Both are held to five deviations, and the
/// fourth moment tells a normal draw (κ = 3) from a uniform one (κ = 9/5).
#[test]
fn measured_moments() {
    let n = 1e6;
    for (init, kurtosis) in DRAWN.into_iter().zip([3.0, 1.8, 3.0, 1.8, 3.0, 1.8, 3.0]) {
        let w = init.sample::<f64>(500, 200, &[1000, 1000], &mut rng(29));
        let variance = init.variance(500, 200);
        let (mean, second) = (w.mean().unwrap(), second_moment(&w));
        assert!(mean.abs() < 5.0 * (variance / n).sqrt(), "{init}: mean {mean}");
        let tolerance = 5.0 * ((kurtosis - 1.0) / n).sqrt();
        assert!((second / variance - 1.0).abs() < tolerance, "{init}: variance {second}");
        let fourth = w.mapv(|w| w.powi(4)).mean().unwrap() / (variance * variance);
        assert!((fourth - kurtosis).abs() < 0.05, "{init}: fourth moment {fourth}");
    }
}

/// a = √(3v): √(6/(fan_in + fan_out)), √(6/fan_in) and √(3/fan_in).
#[test]
fn uniform_bounds() {
    for (init, bound) in [
        (Init::XavierUniform, (6.0_f64 / 700.0).sqrt()),
        (Init::HeUniform, 0.1),
        (Init::LecunUniform, 0.005_f64.sqrt()),
    ] {
        let w = init.sample::<f64>(600, 100, &[400, 500], &mut rng(3));
        let (low, high) = w.iter().fold((0.0, 0.0), |(l, h): (f64, f64), &w| (l.min(w), h.max(w)));
        assert!(low >= -bound * (1.0 + 1e-12) && high <= bound * (1.0 + 1e-12), "{low} … {high}");
        assert!(low < -0.999 * bound && high > 0.999 * bound, "{low} … {high}");
    }
}

#[test]
fn constants() {
    let (mut rng, mut fresh) = (rng(1), rng(1));
    let ones = Init::Constant { value: 1.5 }.sample::<f32>(4, 5, &[4, 5], &mut rng);
    assert_eq!(ones, Tensor::from_elem(&[4, 5][..], 1.5));
    let zeros = Init::Zeros.sample::<f32>(4, 5, &[5], &mut rng);
    assert_eq!(zeros, Tensor::<f32>::zeros(&[5][..]));
    assert_eq!(rng.next_u64(), fresh.next_u64(), "a constant draws nothing");
}

#[test]
fn both_precisions_start_alike() {
    for init in DRAWN {
        let (mut wide, mut narrow) = (rng(7), rng(7));
        let doubles = init.sample::<f64>(3, 2, &[2, 3, 5, 5], &mut wide);
        let singles = init.sample::<f32>(3, 2, &[2, 3, 5, 5], &mut narrow);
        assert_eq!(singles.shape(), [2, 3, 5, 5]);
        assert_eq!(singles, doubles.mapv(|w| w as f32));
        assert_eq!(wide.next_u64(), narrow.next_u64());
        assert_ne!(doubles, init.sample::<f64>(3, 2, &[2, 3, 5, 5], &mut rng(8)));
    }
}

/// Records hold runs of fixed seeds. If these numbers change, the records are of another crate.
#[test]
fn seeds_are_for_ever() {
    let w = Init::Normal { deviation: 1.0 }.sample::<f64>(1, 1, &[3], &mut rng(29));
    assert_eq!(w.as_slice().unwrap(), NORMAL_29);
    let w = Init::HeUniform.sample::<f64>(6, 1, &[3], &mut rng(29));
    assert_eq!(w.as_slice().unwrap(), UNIFORM_29);
}

const NORMAL_29: [f64; 3] = [-0.27212757319191394, -2.3341544377302865, 0.1497295810214383];
const UNIFORM_29: [f64; 3] = [-0.1455170919411641, -0.8169552330480615, 0.05240542904114908];

/// A stack of layers of the given widths on `batch` normal inputs, with biases of zero.
struct Stack {
    tape: Tape<f64>,
    /// The inputs and the output of each layer.
    signals: Vec<Var>,
}

fn stack(
    init: Init,
    widths: &[usize],
    batch: usize,
    relu: bool,
    seed: u64,
) -> Result<Stack, ShapeError> {
    let mut tape = Tape::new();
    let mut rng = rng(seed);
    let mut signals = vec![tape.parameter(normal(&[batch, widths[0]], seed + 1000))];
    for pair in widths.windows(2) {
        let (fan_in, fan_out) = (pair[0], pair[1]);
        let w = tape.parameter(init.sample(fan_in, fan_out, &[fan_in, fan_out], &mut rng));
        let b = tape.parameter(Array1::zeros(fan_out));
        let x = signals[signals.len() - 1];
        let y = if relu { tape.linear_relu(x, w, b)? } else { tape.linear(x, w, b)? };
        signals.push(y);
    }
    Ok(Stack { tape, signals })
}

/// The mean over seeds of ln(E[output²] / E[input²]).
fn log_gain(init: Init, widths: &[usize], relu: bool) -> f64 {
    let gains = (0..8).map(|seed| {
        let Stack { tape, signals } = stack(init, widths, 32, relu, seed).unwrap();
        let output = second_moment(tape.value(signals[signals.len() - 1]));
        (output / second_moment(tape.value(signals[0]))).ln()
    });
    gains.sum::<f64>() / 8.0
}

/// The mean over seeds of ln(E[dinput²] / E[doutput²]).
fn log_gradient_gain(init: Init, widths: &[usize], relu: bool) -> f64 {
    let gains = (0..8).map(|seed| {
        let Stack { mut tape, signals } = stack(init, widths, 32, relu, seed).unwrap();
        let output = signals[signals.len() - 1];
        let dy = normal(tape.value(output).shape(), seed + 2000);
        tape.backward_from(output, &dy).unwrap();
        (second_moment(tape.gradient(signals[0])) / second_moment(&dy)).ln()
    });
    gains.sum::<f64>() / 8.0
}

/// E[y²] = fan_in · v · E[x²], for inputs whose mean is not zero.
#[test]
fn second_moment_through_one_layer() {
    let (fan_in, fan_out) = (300, 2000);
    let mut tape = Tape::<f64>::new();
    let x = tape.input(normal(&[20, fan_in], 1) + 0.7);
    let init = Init::Normal { deviation: 0.2 };
    let w = tape.parameter(init.sample(fan_in, fan_out, &[fan_in, fan_out], &mut rng(2)));
    let y = tape.matmul(x, w).unwrap();
    let expected = 300.0 * 0.04 * second_moment(tape.value(x));
    let ratio = second_moment(tape.value(y)) / expected;
    assert!((ratio - 1.0).abs() < 0.05, "{ratio}");
}

/// E[dx²] = fan_out · v · E[dy²].
#[test]
fn gradient_through_one_layer() {
    let init = Init::Normal { deviation: 0.2 };
    let gain = log_gradient_gain(init, &[2000, 300], false);
    assert!((gain - (300.0_f64 * 0.04).ln()).abs() < 0.05, "{gain}");
}

/// v·fan_in and v·fan_out have the mean 1.
#[test]
fn xavier_is_the_mean_of_both_conditions() {
    for (fan_in, fan_out) in [(784, 10), (30, 30), (2, 7)] {
        let v = Init::XavierNormal.variance(fan_in, fan_out);
        let mean = (v * fan_in as f64 + v * fan_out as f64) / 2.0;
        assert!((mean - 1.0).abs() < 1e-15, "{mean}");
    }
}

/// E[max(0, y)²] = ½·E[y²].
#[test]
fn relu_halves_the_second_moment() {
    let y = normal(&[1000, 1000], 5);
    let ratio = second_moment(&y.mapv(|y| y.max(0.0))) / second_moment(&y);
    assert!((ratio - 0.5).abs() < 0.005, "{ratio}");
}

const DEEP: [usize; 11] = [256; 11];

/// Ten linear layers. Xavier keeps the signal and its gradient, He doubles both in each layer.
#[test]
fn xavier_keeps_a_linear_signal() {
    for init in [Init::XavierNormal, Init::XavierUniform] {
        let gain = log_gain(init, &DEEP, false);
        assert!(gain.abs() < 0.3, "{init}: {gain}");
        let gain = log_gradient_gain(init, &DEEP, false);
        assert!(gain.abs() < 0.3, "{init}: {gain}");
    }
    let gain = log_gain(Init::HeNormal, &DEEP, false) / 2.0_f64.ln();
    assert!((gain - 10.0).abs() < 0.5, "{gain}");
}

/// Ten layers with ReLU. He keeps the signal and its gradient, Xavier halves both in each layer.
#[test]
fn he_keeps_a_relu_signal() {
    for init in [Init::HeNormal, Init::HeUniform] {
        let gain = log_gain(init, &DEEP, true);
        assert!(gain.abs() < 0.3, "{init}: {gain}");
        let gain = log_gradient_gain(init, &DEEP, true);
        assert!(gain.abs() < 0.3, "{init}: {gain}");
    }
    let gain = log_gain(Init::XavierNormal, &DEEP, true) / 2.0_f64.ln();
    assert!((gain + 10.0).abs() < 0.5, "{gain}");
}

/// He keeps the signal whatever the widths. Of the gradient's factors fan_out/fan_in only the last width
/// over the first is left.
#[test]
fn he_follows_the_fan_in() {
    for widths in [[100, 400, 100, 400], [400, 100, 200, 400], [300, 100, 400, 200]] {
        let gain = log_gain(Init::HeNormal, &widths, true);
        assert!(gain.abs() < 0.3, "{gain}");
        let gain = log_gradient_gain(Init::HeNormal, &widths, true);
        assert!((gain - (widths[3] as f64 / widths[0] as f64).ln()).abs() < 0.3, "{gain}");
    }
}

/// Dropout at the rate p multiplies the second moment by 1/(1 − p).
#[test]
fn dropout_raises_the_second_moment() {
    let mut tape = Tape::<f64>::new();
    tape.set_mode(Mode::Training { step: 0 });
    let x = tape.input(normal(&[500, 500], 8));
    for rate in [0.2, 0.5] {
        let y = tape.dropout(x, Fraction::new(rate).unwrap(), Masks { seed: 3, layer: 0 }).unwrap();
        let ratio = second_moment(tape.value(y)) / second_moment(tape.value(x));
        assert!((ratio * (1.0 - rate) - 1.0).abs() < 0.02, "{ratio}");
    }
}

/// Ten layers with SELU. LeCun keeps mean 0 and second moment 1 from layer to layer.
#[test]
fn lecun_keeps_a_selu_signal() {
    let moments = |init: Init| {
        let mut tape = Tape::<f64>::new();
        let mut rng = rng(6);
        let mut x = tape.input(normal(&[200, 256], 7));
        for _ in 0..10 {
            let w = tape.input(init.sample(256, 256, &[256, 256], &mut rng));
            let y = tape.matmul(x, w).unwrap();
            x = tape.selu(y).unwrap();
        }
        (tape.value(x).mean().unwrap(), second_moment(tape.value(x)))
    };
    for init in [Init::LecunNormal, Init::LecunUniform] {
        let (mean, second) = moments(init);
        assert!(mean.abs() < 0.05 && (second - 1.0).abs() < 0.1, "{init}: {mean}, {second}");
    }
    let (_, second) = moments(Init::HeNormal);
    assert!(second > 2.0, "He leaves {second}");
}

/// A 3-4-2 network with the squared error, trained for 20 steps.
struct Trained {
    tape: Tape<f64>,
    /// W, b, V, c.
    parameters: [Var; 4],
}

fn train(weights: Init, biases: Init, rule: Rule) -> Trained {
    train_with(Activation::Relu, weights, biases, rule)
}

fn train_with(activation: Activation, weights: Init, biases: Init, rule: Rule) -> Trained {
    let mut tape = Tape::new();
    let mut rng = rng(11);
    let x = tape.input(normal(&[5, 3], 21));
    let minus_target = tape.input(normal(&[5, 2], 22));
    let w = tape.parameter(weights.sample(3, 4, &[3, 4], &mut rng));
    let b = tape.parameter(biases.sample(3, 4, &[4], &mut rng));
    let v = tape.parameter(weights.sample(4, 2, &[4, 2], &mut rng));
    let c = tape.parameter(biases.sample(4, 2, &[2], &mut rng));
    let before = tape.linear(x, w, b).unwrap();
    let h = tape.activate(before, activation).unwrap();
    let y = tape.linear(h, v, c).unwrap();
    let error = tape.add(y, minus_target).unwrap();
    let loss = tape.multiply(error, error).unwrap();
    let parameters = [w, b, v, c];
    let mut optimizer = Optimizer::new(rule, 0.01, &tape, &parameters).unwrap();
    for _ in 0..20 {
        tape.forward();
        tape.backward(loss);
        optimizer.step(&mut tape, 0.002);
    }
    Trained { tape, parameters }
}

/// The numbers of hidden unit `j` in the tensors of W, b and V: what comes in, and what goes out.
fn unit([w, b, v]: [&Tensor<f64>; 3], j: usize) -> Vec<f64> {
    let (column, row) = (w.index_axis(Axis(1), j), v.index_axis(Axis(0), j));
    column.iter().chain([&b[[j]]]).chain(&row).copied().collect()
}

fn rules() -> impl Iterator<Item = Rule> {
    ["sgd", "momentum", "nesterov", "adam", "adamw"].into_iter().map(|name| name.parse().unwrap())
}

/// Units that start alike have equal gradients and stay alike, under every rule.
#[test]
fn constants_never_break_the_symmetry() {
    for rule in rules() {
        let half = Init::Constant { value: 0.5 };
        let Trained { tape, parameters: [w, b, v, _] } = train(half, half, rule);
        let values = [w, b, v].map(|var| tape.value(var));
        let gradients = [w, b, v].map(|var| tape.gradient(var));
        for j in 1..4 {
            assert_eq!(unit(values, 0), unit(values, j), "{rule:?}");
            assert_eq!(unit(gradients, 0), unit(gradients, j), "{rule:?}");
        }
        assert!(unit(gradients, 0).iter().all(|d| d.abs() > 1e-3), "{rule:?}: they learn");
        assert!(unit(values, 0).iter().all(|u| (u - 0.5).abs() > 1e-3), "{rule:?}: they move");
    }
}

/// From zeros nothing moves with f(0) = 0 but the last bias.
#[test]
fn zeros_move_the_last_bias_alone() {
    for rule in rules() {
        for activation in [Activation::Relu, Activation::Tanh] {
            let Trained { tape, parameters: [w, b, v, c] } =
                train_with(activation, Init::Zeros, Init::Zeros, rule);
            for var in [w, b, v] {
                assert!(tape.value(var).iter().all(|&entry| entry == 0.0), "{rule:?}");
                assert!(tape.gradient(var).iter().all(|&entry| entry == 0.0), "{rule:?}");
            }
            assert!(tape.value(c).iter().all(|c| c.abs() > 1e-3), "{rule:?}");
        }
    }
}

/// With f(0) ≠ 0, or with biases that are not zero, h is not, and all weights move.
#[test]
fn zero_weights_move_where_the_hidden_values_are_not_zero() {
    let half = Init::Constant { value: 0.5 };
    for (activation, biases) in
        [(Activation::Sigmoid, Init::Zeros), (Activation::Relu, half), (Activation::Tanh, half)]
    {
        let Trained { tape, parameters } = train_with(activation, Init::Zeros, biases, Rule::Sgd);
        for var in parameters {
            assert!(tape.gradient(var).iter().all(|&entry| entry != 0.0), "{activation}");
        }
    }
}

#[test]
fn random_weights_break_the_symmetry() {
    for init in DRAWN {
        let Trained { tape, parameters: [w, b, v, _] } = train(init, Init::Zeros, Rule::Sgd);
        let gradients = [w, b, v].map(|var| tape.gradient(var));
        for j in 1..4 {
            assert_ne!(unit(gradients, 0), unit(gradients, j), "{init}");
        }
    }
}

#[test]
fn names_read_as_they_are_written() {
    let named = [
        ("xavier-normal", Init::XavierNormal),
        ("xavier-uniform", Init::XavierUniform),
        ("he-normal", Init::HeNormal),
        ("he-uniform", Init::HeUniform),
        ("lecun-normal", Init::LecunNormal),
        ("lecun-uniform", Init::LecunUniform),
        ("normal:0.01", Init::Normal { deviation: 0.01 }),
        ("constant:1", Init::Constant { value: 1.0 }),
        ("constant:-2.5", Init::Constant { value: -2.5 }),
        ("zeros", Init::Zeros),
    ];
    for (text, init) in named {
        assert_eq!(text.parse(), Ok(init));
        assert_eq!(init.to_string(), text);
        assert_eq!(Init::try_from(String::from(init)), Ok(init));
    }
}

#[test]
fn unknown_names_list_the_choices() {
    for text in ["", "xavier", "zeros:1", "he-normal:2", "normal", "constant"] {
        let error = text.parse::<Init>().unwrap_err();
        assert_eq!(error, InitError::Unknown(text.to_owned()));
        assert_eq!(
            error.to_string(),
            format!(
                "unknown initialization `{text}`: choose xavier-normal, xavier-uniform, \
                 he-normal, he-uniform, lecun-normal, lecun-uniform, normal:<deviation>, \
                 constant:<value> or zeros"
            )
        );
    }
    for argument in ["", "0", "-1", "inf", "NaN", "one"] {
        let error = format!("normal:{argument}").parse::<Init>().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "initialization `normal:{argument}`: normal takes a standard deviation above 0, \
                 such as normal:0.01"
            )
        );
    }
    for argument in ["", "inf", "NaN", "one"] {
        let error = format!("constant:{argument}").parse::<Init>().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "initialization `constant:{argument}`: constant takes a number, such as constant:1"
            )
        );
    }
}

#[cfg(feature = "train")]
#[test]
fn initializations_in_records() {
    let init = Init::Normal { deviation: 0.01 };
    assert_eq!(serde_json::to_string(&init).unwrap(), r#""normal:0.01""#);
    assert_eq!(serde_json::from_str::<Init>(r#""normal:0.01""#).unwrap(), init);
    let error = serde_json::from_str::<Init>(r#""normal:-1""#).unwrap_err();
    assert!(error.to_string().contains("above 0"), "{error}");
}
