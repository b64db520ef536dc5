//! Chapter 10: trajectories worked out by hand, the derivations' claims, schedules, and state.
//!
//! The references below are PyTorch's published update formulas, written out a second time; its
//! numbers are not used.

use chainrule::gradcheck::Draw;
use chainrule::optim::{HyperparameterError, Optimizer, OptimizerError, Rule, Schedule};
use chainrule::{Mode, Real, Tape, Tensor, Var};
use ndarray::{Array1, arr1, arr2};

const SGD: Rule = Rule::Sgd;
const MOMENTUM: Rule = Rule::Momentum { momentum: 0.5 };
const NESTEROV: Rule = Rule::Nesterov { momentum: 0.5 };
const ADAM: Rule = Rule::Adam { beta1: 0.5, beta2: 0.75, epsilon: 1.0 };
const ADAMW: Rule = Rule::AdamW { beta1: 0.5, beta2: 0.75, epsilon: 1.0, decay: 8.0 / 15.0 };
const ALL: [Rule; 5] = [SGD, MOMENTUM, NESTEROV, ADAM, ADAMW];

#[track_caller]
fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() <= tolerance, "entry {i}: {found}, expected {expected}");
    }
}

/// L = Σ aᵢ·wᵢ², whose gradient is 2·aᵢ·wᵢ.
struct Quadratic {
    tape: Tape<f64>,
    w: Var,
    loss: Var,
    optimizer: Optimizer<f64>,
}

impl Quadratic {
    fn new(rule: Rule, l2: f64, a: &[f64], w: &[f64]) -> Self {
        let mut tape = Tape::new();
        let a = tape.input(arr1(a));
        let w = tape.parameter(arr1(w));
        let square = tape.multiply(w, w).unwrap();
        let loss = tape.multiply(a, square).unwrap();
        let optimizer = Optimizer::new(rule, l2, &tape, &[w]).unwrap();
        Self { tape, w, loss, optimizer }
    }

    fn step(&mut self, rate: f64) -> Vec<f64> {
        self.tape.forward();
        self.tape.backward(self.loss);
        self.optimizer.step(&mut self.tape, rate);
        self.tape.value(self.w).to_vec()
    }
}

trait ToVec<T> {
    fn to_vec(&self) -> Vec<T>;
}

impl<T: Real> ToVec<T> for Tensor<T> {
    fn to_vec(&self) -> Vec<T> {
        self.iter().copied().collect()
    }
}

/// A parameter whose gradient is set from outside: L = Σ wᵢ·gᵢ.
struct Driven<T: Real> {
    tape: Tape<T>,
    w: Var,
    g: Var,
    loss: Var,
    optimizer: Optimizer<T>,
}

impl<T: Real> Driven<T> {
    fn new(rule: Rule, l2: f64, w: &[T]) -> Self {
        let mut tape = Tape::new();
        let w = tape.parameter(arr1(w));
        let g = tape.input(tape.value(w).clone());
        let loss = tape.multiply(w, g).unwrap();
        let optimizer = Optimizer::new(rule, l2, &tape, &[w]).unwrap();
        Self { tape, w, g, loss, optimizer }
    }

    fn step(&mut self, g: &[T], rate: f64) -> Vec<T> {
        self.tape.set(self.g, &arr1(g)).unwrap();
        self.tape.backward(self.loss);
        self.optimizer.step(&mut self.tape, rate);
        self.tape.value(self.w).to_vec()
    }

    /// The tensors that the rule keeps.
    fn state(&self) -> Vec<Vec<T>> {
        self.optimizer.state().map(|(_, _, tensor)| tensor.to_vec()).collect()
    }
}

// Trajectories by hand. The quadratic has a = (1, 2), so g = (2w₀, 4w₁); it starts at (1, −1);
// η = 1/8 and μ = 1/2. All numbers are sums of powers of two, so equality is exact.

#[test]
fn sgd_by_hand() {
    let mut quadratic = Quadratic::new(SGD, 0.0, &[1.0, 2.0], &[1.0, -1.0]);
    // w₀ ← (1 − 2/8)·w₀ = 3/4·w₀        w₁ ← (1 − 4/8)·w₁ = 1/2·w₁
    assert_eq!(quadratic.step(0.125), [3.0 / 4.0, -1.0 / 2.0]);
    assert_eq!(quadratic.step(0.125), [9.0 / 16.0, -1.0 / 4.0]);
    assert_eq!(quadratic.step(0.125), [27.0 / 64.0, -1.0 / 8.0]);
    assert_eq!(quadratic.optimizer.steps(), 3);
    assert_eq!(quadratic.optimizer.state().count(), 0);
}

#[test]
fn momentum_by_hand() {
    let mut quadratic = Quadratic::new(MOMENTUM, 0.0, &[1.0, 2.0], &[1.0, -1.0]);
    // v₀ = 2                  w₀ = 1 − 2/8 = 3/4
    // v₁ = −4                 w₁ = −1 + 4/8 = −1/2
    assert_eq!(quadratic.step(0.125), [3.0 / 4.0, -1.0 / 2.0]);
    // v₀ = 2/2 + 3/2 = 5/2    w₀ = 3/4 − 5/16 = 7/16
    // v₁ = −4/2 − 2 = −4      w₁ = −1/2 + 4/8 = 0
    assert_eq!(quadratic.step(0.125), [7.0 / 16.0, 0.0]);
    // v₀ = 5/4 + 7/8 = 17/8   w₀ = 7/16 − 17/64 = 11/64
    // v₁ = −4/2 + 0 = −2      w₁ = 0 + 2/8 = 1/4
    assert_eq!(quadratic.step(0.125), [11.0 / 64.0, 1.0 / 4.0]);
    let state: Vec<_> = quadratic.optimizer.state().collect();
    assert_eq!(state, [(quadratic.w, "velocity", &arr1(&[17.0 / 8.0, -2.0]).into_dyn())]);
}

#[test]
fn nesterov_by_hand() {
    let mut quadratic = Quadratic::new(NESTEROV, 0.0, &[1.0, 2.0], &[1.0, -1.0]);
    // v₀ = 2, g + v/2 = 3                            w₀ = 1 − 3/8 = 5/8
    // v₁ = −4, g + v/2 = −6                          w₁ = −1 + 6/8 = −1/4
    assert_eq!(quadratic.step(0.125), [5.0 / 8.0, -1.0 / 4.0]);
    // v₀ = 1 + 5/4 = 9/4, g + v/2 = 19/8             w₀ = 5/8 − 19/64 = 21/64
    // v₁ = −2 − 1 = −3, g + v/2 = −5/2               w₁ = −1/4 + 5/16 = 1/16
    assert_eq!(quadratic.step(0.125), [21.0 / 64.0, 1.0 / 16.0]);
    // v₀ = 9/8 + 21/32 = 57/32, g + v/2 = 99/64      w₀ = 21/64 − 99/512 = 69/512
    // v₁ = −3/2 + 1/4 = −5/4, g + v/2 = −3/8         w₁ = 1/16 + 3/64 = 7/64
    assert_eq!(quadratic.step(0.125), [69.0 / 512.0, 7.0 / 64.0]);
    let state: Vec<_> = quadratic.optimizer.state().collect();
    assert_eq!(state, [(quadratic.w, "velocity", &arr1(&[57.0 / 32.0, -5.0 / 4.0]).into_dyn())]);
}

// For Adam the gradients 2, 5, 4 are given. With β₁ = 1/2 and β₂ = 3/4 all roots come out even:
//
// m = 0/2 + 2/2 = 1              m̂ = 1 / (1 − 1/2) = 2
// m = 1/2 + 5/2 = 3              m̂ = 3 / (1 − 1/4) = 4
// m = 3/2 + 4/2 = 7/2            m̂ = 7/2 / (1 − 1/8) = 4
// v = 0 + 4/4 = 1                v̂ = 1 / (1 − 3/4) = 4           √v̂ = 2
// v = 3/4 + 25/4 = 7             v̂ = 7 / (1 − 9/16) = 16         √v̂ = 4
// v = 21/4 + 16/4 = 37/4         v̂ = 37/4 / (1 − 27/64) = 16     √v̂ = 4
//
// ε = 1 and η = 15/16 make the steps 15/16·2/3 = 5/8, 15/16·4/5 = 3/4 and 3/4. With gradients
// −4, −10, −8 the steps are −15/16·4/5 = −3/4, −15/16·8/9 = −5/6 and −5/6.
const GIVEN: [[f64; 2]; 3] = [[2.0, -4.0], [5.0, -10.0], [4.0, -8.0]];

#[test]
fn adam_by_hand() {
    let mut driven = Driven::new(ADAM, 0.0, &[3.0, -1.0]);
    let rate = 15.0 / 16.0;
    assert_close(&driven.step(&GIVEN[0], rate), &[19.0 / 8.0, -1.0 / 4.0], 1e-15);
    assert_close(&driven.step(&GIVEN[1], rate), &[13.0 / 8.0, 7.0 / 12.0], 1e-15);
    assert_close(&driven.step(&GIVEN[2], rate), &[7.0 / 8.0, 17.0 / 12.0], 1e-15);
    let names: Vec<_> = driven.optimizer.state().map(|(var, name, _)| (var, name)).collect();
    assert_eq!(names, [(driven.w, "first_moment"), (driven.w, "second_moment")]);
    assert_eq!(driven.state(), [[7.0 / 2.0, -7.0], [37.0 / 4.0, 37.0]]);
}

/// λ = 8/15 makes 1 − ηλ = 1/2: each step first halves w.
#[test]
fn adamw_by_hand() {
    let mut driven = Driven::new(ADAMW, 0.0, &[3.0, -1.0]);
    let rate = 15.0 / 16.0;
    // 3/2 − 5/8 = 7/8                −1/2 + 3/4 = 1/4
    assert_close(&driven.step(&GIVEN[0], rate), &[7.0 / 8.0, 1.0 / 4.0], 1e-15);
    // 7/16 − 3/4 = −5/16             1/8 + 5/6 = 23/24
    assert_close(&driven.step(&GIVEN[1], rate), &[-5.0 / 16.0, 23.0 / 24.0], 1e-15);
    // −5/32 − 3/4 = −29/32           23/48 + 5/6 = 63/48
    assert_close(&driven.step(&GIVEN[2], rate), &[-29.0 / 32.0, 63.0 / 48.0], 1e-15);
}

/// The published formulas for one number: its values after each of `gradients`, at `rates`.
fn reference(rule: Rule, l2: f64, mut w: f64, gradients: &[f64], rates: &[f64]) -> Vec<f64> {
    let (mut v, mut m, mut s) = (0.0, 0.0, 0.0);
    let steps = gradients.iter().zip(rates).zip(1..);
    steps
        .map(|((&g, &rate), t)| {
            let g = g + l2 * w;
            w = match rule {
                Rule::Sgd => w - rate * g,
                Rule::Momentum { momentum } => {
                    v = if t == 1 { g } else { momentum * v + g };
                    w - rate * v
                }
                Rule::Nesterov { momentum } => {
                    v = if t == 1 { g } else { momentum * v + g };
                    w - rate * (g + momentum * v)
                }
                Rule::Adam { beta1, beta2, epsilon }
                | Rule::AdamW { beta1, beta2, epsilon, .. } => {
                    if let Rule::AdamW { decay, .. } = rule {
                        w -= rate * decay * w;
                    }
                    m = beta1 * m + (1.0 - beta1) * g;
                    s = beta2 * s + (1.0 - beta2) * g * g;
                    let m_hat = m / (1.0 - beta1.powi(t));
                    let s_hat: f64 = s / (1.0 - beta2.powi(t));
                    w - rate * m_hat / (s_hat.sqrt() + epsilon)
                }
            };
            w
        })
        .collect()
}

fn defaults() -> impl Iterator<Item = Rule> {
    ["sgd", "momentum", "nesterov", "adam", "adamw"].into_iter().map(|name| name.parse().unwrap())
}

#[test]
fn rules_equal_the_published_formulas() {
    let mut draw = Draw::new(5);
    let starts: Vec<f64> = draw.away_from_zero(&[7]).to_vec();
    let gradients: Vec<Vec<f64>> = (0..60).map(|_| draw.away_from_zero(&[7]).to_vec()).collect();
    let rates: Vec<f64> = draw.uniform(&[60], 0.001, 0.1).to_vec();
    for rule in ALL.into_iter().chain(defaults()) {
        for l2 in [0.0, 0.3] {
            let mut driven = Driven::new(rule, l2, &starts);
            let found: Vec<Vec<f64>> =
                gradients.iter().zip(&rates).map(|(g, &rate)| driven.step(g, rate)).collect();
            let singles: Vec<f32> = starts.iter().map(|&w| w as f32).collect();
            let mut single = Driven::<f32>::new(rule, l2, &singles);
            for (i, &start) in starts.iter().enumerate() {
                let column: Vec<f64> = gradients.iter().map(|g| g[i]).collect();
                let expected = reference(rule, l2, start, &column, &rates);
                let found: Vec<f64> = found.iter().map(|w| w[i]).collect();
                assert_close(&found, &expected, 1e-13);
            }
            for (g, &rate) in gradients.iter().zip(&rates) {
                single.step(&g.iter().map(|&g| g as f32).collect::<Vec<_>>(), rate);
            }
            let narrow: Vec<f64> =
                single.tape.value(single.w).iter().map(|&w| f64::from(w)).collect();
            assert_close(&narrow, &found[59], 2e-5);
        }
    }
}

/// A parameter that is split equals the same numbers in pieces that are not, bit for bit.
#[test]
fn split_parameters_lose_and_mix_nothing() {
    const PIECES: usize = 3;
    const PIECE: usize = 100_003;
    let mut draw = Draw::new(6);
    let whole: Vec<f32> = draw.away_from_zero(&[PIECES * PIECE]).to_vec();
    let gradient: Vec<f32> = draw.away_from_zero(&[PIECES * PIECE]).to_vec();
    for rule in defaults() {
        let mut large = Driven::new(rule, 0.01, &whole);
        large.step(&gradient, 0.01);
        let found = large.step(&gradient, 0.02);
        for (k, (w, g)) in whole.chunks(PIECE).zip(gradient.chunks(PIECE)).enumerate() {
            let mut small = Driven::new(rule, 0.01, w);
            small.step(g, 0.01);
            let expected = small.step(g, 0.02);
            let place = k * PIECE..(k + 1) * PIECE;
            assert!(found[place.clone()] == expected, "{rule:?}: piece {k}");
            for (large, small) in large.state().iter().zip(small.state()) {
                assert!(large[place.clone()] == small, "{rule:?}: state of piece {k}");
            }
        }
    }
}

#[cfg(feature = "threads")]
#[test]
fn threads_change_no_bit() {
    let mut draw = Draw::new(7);
    let w: Vec<f32> = draw.away_from_zero(&[500_000]).to_vec();
    let g: Vec<f32> = draw.away_from_zero(&[500_000]).to_vec();
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut driven = Driven::new("adamw".parse().unwrap(), 0.01, &w);
            driven.step(&g, 0.1);
            driven.step(&w, 0.1)
        })
    };
    assert!(run(1) == run(3));
}

// Downhill.

/// L = Σ w⁴, g = 4w³, as a function and as one step of SGD at the rate η.
fn quartic(w: &[f64]) -> f64 {
    w.iter().map(|w| w.powi(4)).sum()
}

/// L(w − ηg) = L(w) − η·|g|² + O(η²): what is left over falls a hundredfold with a tenth of η.
#[test]
fn first_order_descent() {
    let w = [0.7, -1.1, 0.4];
    let g = w.map(|w: f64| 4.0 * w.powi(3));
    let rest = |rate: f64| {
        let moved = Driven::new(SGD, 0.0, &w).step(&g, rate);
        quartic(&moved) - quartic(&w) + rate * g.iter().map(|g| g * g).sum::<f64>()
    };
    let ratio = rest(1e-4) / rest(1e-5);
    assert!((ratio - 100.0).abs() < 1.0, "{ratio}");
}

/// No displacement of the same length leads further down than the one against the gradient.
#[test]
fn steepest_direction() {
    let w = [0.7, -1.1, 0.4];
    let g = w.map(|w: f64| 4.0 * w.powi(3));
    let down = quartic(&Driven::new(SGD, 0.0, &w).step(&g, 1e-4));
    let length = |d: &[f64]| d.iter().map(|d| d * d).sum::<f64>().sqrt();
    let mut draw = Draw::new(8);
    for _ in 0..100 {
        let d: Vec<f64> = draw.uniform(&[3], -1.0, 1.0).to_vec();
        let scale = 1e-4 * length(&g) / length(&d);
        let elsewhere: Vec<f64> = w.iter().zip(&d).map(|(w, d)| w + scale * d).collect();
        assert!(quartic(&elsewhere) > down);
    }
}

/// On L = a·w²/2 the factor of a step is 1 − ηa; it converges below η = 2/a and not above.
#[test]
fn rate_limit_of_a_quadratic() {
    let last = |rate| {
        // Σ aᵢ·wᵢ² has the curvature 2a = 4.
        let mut quadratic = Quadratic::new(SGD, 0.0, &[2.0], &[1.0]);
        (0..200).map(|_| quadratic.step(rate)[0]).last().unwrap()
    };
    assert!(last(0.95 * 2.0 / 4.0).abs() < 1e-8);
    assert!(last(1.05 * 2.0 / 4.0).abs() > 1e8);
    assert_close(&[last(0.01)], &[0.96_f64.powi(200)], 1e-15);
}

/// The mean gradient over all batches of two out of four samples is the gradient of all four.
#[test]
fn batches_point_the_right_way_on_average() {
    let mut draw = Draw::new(9);
    let (x, minus_y) = (draw.away_from_zero::<f64>(&[4, 3]), draw.away_from_zero::<f64>(&[4, 1]));
    let w = draw.away_from_zero::<f64>(&[3, 1]);
    let gradient = |rows: &[usize]| {
        let mut tape = Tape::new();
        let x = tape.input(x.select(ndarray::Axis(0), rows));
        let minus_y = tape.input(minus_y.select(ndarray::Axis(0), rows));
        let w = tape.parameter(w.clone());
        let y = tape.matmul(x, w).unwrap();
        let error = tape.add(y, minus_y).unwrap();
        let loss = tape.multiply(error, error).unwrap();
        tape.backward(loss);
        tape.gradient(w).to_vec().iter().map(|g| g / rows.len() as f64).collect::<Vec<_>>()
    };
    let pairs = [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]].map(|rows| gradient(&rows));
    let mean: Vec<f64> = (0..3).map(|i| pairs.iter().map(|g| g[i]).sum::<f64>() / 6.0).collect();
    assert_close(&mean, &gradient(&[0, 1, 2, 3]), 1e-14);
    assert!(pairs.iter().any(|g| (g[0] - mean[0]).abs() > 0.1), "the batches differ");
}

/// Under batch norm a sample's loss depends on its batch, and the mean gradient over all batches of
/// three out of four samples is another than that of all four.
#[test]
fn under_batch_norm_batches_descend_another_loss() {
    let mut draw = Draw::new(9);
    let (x, minus_y) = (draw.away_from_zero::<f64>(&[4, 1]), draw.away_from_zero::<f64>(&[4, 1]));
    let gradient = |rows: &[usize], normalized: bool| {
        let mut tape = Tape::new();
        tape.set_mode(Mode::Training { step: 0 });
        let x = tape.input(x.select(ndarray::Axis(0), rows));
        let minus_y = tape.input(minus_y.select(ndarray::Axis(0), rows));
        let (gamma, beta) = (tape.parameter(arr1(&[0.7])), tape.input(arr1(&[0.0])));
        let x_hat = if normalized { tape.batch_norm(x, gamma, beta).unwrap() } else { x };
        let w = tape.parameter(arr2(&[[0.7]]));
        let y = tape.matmul(x_hat, w).unwrap();
        let error = tape.add(y, minus_y).unwrap();
        let loss = tape.multiply(error, error).unwrap();
        tape.backward(loss);
        tape.gradient(w)[[0, 0]] / rows.len() as f64
    };
    for normalized in [false, true] {
        let triples = [[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]];
        let mean = triples.iter().map(|rows| gradient(rows, normalized)).sum::<f64>() / 4.0;
        let bias = (mean - gradient(&[0, 1, 2, 3], normalized)).abs();
        assert_eq!(bias > 1e-3, normalized, "{bias}");
        assert!(normalized || bias < 1e-14, "{bias}");
    }
}

// Momentum.

/// v_t = Σᵢ μ^(t−i)·gᵢ.
#[test]
fn velocity_is_a_moving_sum() {
    let gradients: Vec<f64> = Draw::new(10).away_from_zero(&[20]).to_vec();
    for rule in ["momentum", "nesterov"] {
        let mut driven = Driven::new(rule.parse().unwrap(), 0.0, &[1.0]);
        for t in 0..20 {
            driven.step(&gradients[t..=t], 0.1);
            let sum: f64 = (0..=t).map(|i| 0.9_f64.powi((t - i) as i32) * gradients[i]).sum();
            assert_close(&driven.state()[0], &[sum], 1e-14);
        }
    }
}

/// Of a constant gradient v = g·(1 − μᵗ)/(1 − μ), and ten times g in the end. Of one that changes
/// its sign each time, g/(1 + μ).
#[test]
fn velocity_limits() {
    let rule = Rule::Momentum { momentum: 0.9 };
    let mut constant = Driven::new(rule, 0.0, &[0.0]);
    let mut alternating = Driven::new(rule, 0.0, &[0.0]);
    for t in 1..=400 {
        constant.step(&[3.0], 0.1);
        alternating.step(&[if t % 2 == 0 { 3.0 } else { -3.0 }], 0.1);
        assert_close(&constant.state()[0], &[30.0 * (1.0 - 0.9_f64.powi(t))], 1e-12);
    }
    assert_close(&constant.state()[0], &[30.0], 1e-12);
    assert_close(&alternating.state()[0], &[3.0 / 1.9], 1e-12);
}

/// On L = a·w²/2 momentum converges below η = 2·(1 + μ)/a, and Nesterov's below 2·(1 + μ)/((1 + 2μ)·a).
#[test]
fn rate_limits_of_momentum() {
    // Σ aᵢ·wᵢ² has the curvature 2a = 4.
    let last = |rule, rate| {
        let mut quadratic = Quadratic::new(rule, 0.0, &[2.0], &[1.0]);
        (0..2000).map(|_| quadratic.step(rate)[0].abs()).last().unwrap()
    };
    for momentum in [0.0, 0.5, 0.9] {
        let limit = 2.0 * (1.0 + momentum) / 4.0;
        for (rule, limit) in [
            (Rule::Momentum { momentum }, limit),
            (Rule::Nesterov { momentum }, limit / (1.0 + 2.0 * momentum)),
        ] {
            assert!(last(rule, 0.98 * limit) < 1e-8, "{rule:?}");
            // Infinite is far as well.
            assert!(last(rule, 1.02 * limit) > 1e8, "{rule:?}");
        }
    }
}

/// v ← μv − ηg, w ← w + v gives the same weights at one rate, and others where the rate changes.
#[test]
fn sutskevers_momentum() {
    let gradients: Vec<f64> = Draw::new(11).away_from_zero(&[20]).to_vec();
    let difference = |rate: fn(usize) -> f64| {
        let mut driven = Driven::new(MOMENTUM, 0.0, &[1.0]);
        let (mut w, mut v) = (1.0, 0.0);
        let differences = gradients.iter().enumerate().map(|(t, &g)| {
            v = 0.5 * v - rate(t) * g;
            w += v;
            (driven.step(&[g], rate(t))[0] - w).abs()
        });
        differences.fold(0.0, f64::max)
    };
    assert!(difference(|_| 0.1) < 1e-15);
    assert!(difference(|t| if t < 10 { 0.1 } else { 0.01 }) > 1e-2);
}

/// u ← μu − η·g(w + μu), w ← w + u: the place θ = w + μu moves as this crate's weights do.
#[test]
fn nesterov_is_the_look_ahead() {
    let (rate, mu) = (0.05, 0.5);
    let mut quadratic = Quadratic::new(NESTEROV, 0.0, &[1.3], &[2.0]);
    let (mut w, mut u) = (2.0, 0.0);
    for _ in 0..30 {
        u = mu * u - rate * 2.0 * 1.3 * (w + mu * u);
        w += u;
        assert_close(&quadratic.step(rate), &[w + mu * u], 1e-14);
    }
}

/// Without momentum the three are one.
#[test]
fn no_momentum_is_sgd() {
    let zero = [Rule::Momentum { momentum: 0.0 }, Rule::Nesterov { momentum: 0.0 }];
    for rule in zero {
        let mut plain = Quadratic::new(SGD, 0.1, &[1.0, 0.3], &[1.0, -2.0]);
        let mut other = Quadratic::new(rule, 0.1, &[1.0, 0.3], &[1.0, -2.0]);
        for _ in 0..20 {
            assert_eq!(plain.step(0.1), other.step(0.1));
        }
    }
}

// Adam.

/// Of a constant gradient m̂ = g and v̂ = g² at every step, from the first.
#[test]
fn bias_correction() {
    let mut driven = Driven::new("adam".parse().unwrap(), 0.0, &[0.0]);
    for t in 1..=50 {
        driven.step(&[-0.7], 0.01);
        let state = driven.state();
        assert_close(&[state[0][0] / (1.0 - 0.9_f64.powi(t))], &[-0.7], 1e-14);
        assert_close(&[state[1][0] / (1.0 - 0.999_f64.powi(t))], &[0.49], 1e-12);
    }
    assert_close(&driven.tape.value(driven.w).to_vec(), &[0.5], 1e-7);
}

/// The first step is η·g/(|g| + ε): its length is η for any gradient much larger than ε.
#[test]
fn adams_first_step() {
    let g = [1e-3, -1e-3, 1.0, -1e3, 1e6, 0.0, 1e-8];
    let found = Driven::new("adam".parse().unwrap(), 0.0, &[0.0; 7]).step(&g, 0.01);
    let expected = g.map(|g: f64| -0.01 * g / (g.abs() + 1e-8));
    assert_close(&found, &expected, 1e-15);
    assert_close(&found[..5], &[-0.01, 0.01, -0.01, 0.01, -0.01], 2e-7);
}

/// After a silence a single gradient makes a step of η·(1 − β₁)/√(1 − β₂) = 3.16·η. Gradients that grow
/// by β₂/β₁ a step make the longest, 7.27·η.
#[test]
fn adams_longest_steps() {
    let (beta1, beta2, rate) = (0.9_f64, 0.999_f64, 0.01);
    let after_silence = |gradients: &[f64]| {
        let mut driven = Driven::new("adam".parse().unwrap(), 0.0, &[0.0]);
        let mut path = vec![0.0; 2];
        for &g in [0.0; 20_000].iter().chain(gradients) {
            path = vec![path[1], driven.step(&[g], rate)[0]];
        }
        (path[1] - path[0]).abs() / rate
    };
    let single = (1.0 - beta1) / (1.0 - beta2).sqrt();
    assert_close(&[single, after_silence(&[5.0])], &[3.1623; 2], 1e-4);
    let growing = |factor: f64| -> Vec<f64> { (0..400).map(|k| factor.powi(k)).collect() };
    let longest = single / (1.0 - beta1 * beta1 / beta2).sqrt();
    assert_close(&[longest, after_silence(&growing(beta2 / beta1))], &[7.2703; 2], 1e-4);
    for factor in [1.05, 1.2] {
        assert!(after_silence(&growing(factor)) < longest - 0.1);
    }
}

/// But for ε, a factor in front of the loss drops out.
#[test]
fn adam_does_not_see_the_scale_of_the_loss() {
    let rule = Rule::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-300 };
    let gradients: Vec<f64> = Draw::new(12).away_from_zero(&[20]).to_vec();
    let (mut small, mut large) = (Driven::new(rule, 0.0, &[1.0]), Driven::new(rule, 0.0, &[1.0]));
    for g in gradients {
        assert_close(&small.step(&[g], 0.1), &large.step(&[1024.0 * g], 0.1), 1e-15);
    }
}

#[test]
fn adamw_without_decay_is_adam() {
    let (beta1, beta2, epsilon) = (0.8, 0.95, 1e-6);
    let adam = Rule::Adam { beta1, beta2, epsilon };
    let adamw = Rule::AdamW { beta1, beta2, epsilon, decay: 0.0 };
    let mut plain = Quadratic::new(adam, 0.1, &[1.0, 0.3], &[1.0, -2.0]);
    let mut other = Quadratic::new(adamw, 0.1, &[1.0, 0.3], &[1.0, -2.0]);
    for _ in 0..20 {
        assert_eq!(plain.step(0.1), other.step(0.1));
    }
}

// L2 and decay.

/// Adding λ/2·w² to the loss is what `l2` does: Σ (a + λ/2)·w² against Σ a·w² with λ.
#[test]
fn l2_is_a_penalty_on_the_loss() {
    for rule in ALL {
        let mut penalty = Quadratic::new(rule, 0.0, &[1.0 + 0.2, 0.3 + 0.2], &[1.0, -2.0]);
        let mut l2 = Quadratic::new(rule, 0.4, &[1.0, 0.3], &[1.0, -2.0]);
        for _ in 0..20 {
            assert_close(&penalty.step(0.1), &l2.step(0.1), 1e-14);
        }
    }
}

/// Under SGD: w − η·(g + λw) = (1 − ηλ)·w − ηg.
#[test]
fn l2_is_decay_under_sgd() {
    let (rate, l2) = (0.1, 0.4);
    let gradients: Vec<f64> = Draw::new(13).away_from_zero(&[20]).to_vec();
    let mut driven = Driven::new(SGD, l2, &[2.0]);
    let mut w = 2.0;
    for g in gradients {
        w = (1.0 - rate * l2) * w - rate * g;
        assert_close(&driven.step(&[g], rate), &[w], 1e-14);
    }
}

/// With momentum it is not: after a first step of 1 − ηλ the decay of that step goes on.
#[test]
fn l2_is_not_decay_with_momentum() {
    let (rate, l2) = (0.1, 0.4);
    for rule in [MOMENTUM, NESTEROV] {
        let mut driven = Driven::new(rule, l2, &[1.0]);
        let path: Vec<f64> = (0..20).map(|_| driven.step(&[0.0], rate)[0]).collect();
        let shrinking: Vec<f64> = path.windows(2).map(|w| 1.0 - w[1] / w[0]).collect();
        assert!(shrinking.iter().all(|&share| share > 1.4 * rate * l2), "{shrinking:?}");
        // Where the gradient stays away, the velocity of the decay moves w on without any decay.
        let mut late = Driven::new(rule, l2, &[1.0]);
        late.step(&[0.0], rate);
        late.optimizer = late.optimizer.without_decay(&[late.w]).unwrap();
        let before = late.tape.value(late.w)[0];
        assert!(late.step(&[0.0], rate)[0] < before - 0.005);
    }
}

/// Under Adam's first step λ drops out, and AdamW's takes ηλw off.
#[test]
fn l2_is_not_decay_under_adam() {
    let (w, g, rate, decay) = (2.0, 3.0, 0.01, 0.1);
    let adam = Rule::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
    let adamw = Rule::AdamW { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay };
    let plain = Driven::new(adam, 0.0, &[w]).step(&[g], rate);
    assert_close(&Driven::new(adam, decay, &[w]).step(&[g], rate), &plain, 1e-10);
    let decayed = Driven::new(adamw, 0.0, &[w]).step(&[g], rate);
    assert_close(&decayed, &[plain[0] - rate * decay * w], 1e-15);
}

/// The paper: w ← w − η·(α·m̂/(√v̂ + ε) + λw) with a base rate α and the schedule's factor η. Its λ is λ/α
/// here, whatever the schedule does.
#[test]
fn adamws_decay_in_the_paper() {
    let (base, lambda) = (0.02, 0.001);
    let (beta1, beta2, epsilon) = (0.9, 0.999, 1e-8);
    let factor = Schedule::Cosine { rate: 1.0, last: 0.0, steps: 20 };
    let gradients: Vec<f64> = Draw::new(14).away_from_zero(&[20]).to_vec();
    let rule = Rule::AdamW { beta1, beta2, epsilon, decay: lambda / base };
    let mut driven = Driven::new(rule, 0.0, &[2.0]);
    let mut plain = Driven::new(Rule::Adam { beta1, beta2, epsilon }, 0.0, &[0.0]);
    let (mut w, mut moved) = (2.0, 0.0);
    for (step, &g) in gradients.iter().enumerate() {
        let eta = factor.rate(step as u64);
        let to = plain.step(&[g], eta * base)[0];
        w += (to - moved) - eta * lambda * w;
        moved = to;
        assert_close(&driven.step(&[g], eta * base), &[w], 1e-14);
    }
}

/// Under Adam with L2, a weight with larger gradients decays less.
#[test]
fn l2_under_adam_spares_weights_with_large_gradients() {
    let (mut l2, mut plain) = (
        Driven::new("adam".parse().unwrap(), 0.1, &[1.0, 1.0]),
        Driven::new("adam".parse().unwrap(), 0.0, &[1.0, 1.0]),
    );
    for t in 0..100 {
        let sign = if t % 2 == 0 { 1.0 } else { -1.0 };
        l2.step(&[sign, 10.0 * sign], 0.001);
        plain.step(&[sign, 10.0 * sign], 0.001);
    }
    let decay = |i: usize| plain.tape.value(plain.w)[i] - l2.tape.value(l2.w)[i];
    let ratio = decay(0) / decay(1);
    assert!((8.0..12.0).contains(&ratio), "{ratio}");
}

#[test]
fn excluded_parameters_do_not_decay() {
    for rule in ALL {
        let mut tape = Tape::<f64>::new();
        let w = tape.parameter(arr1(&[1.0, -2.0]));
        let b = tape.parameter(arr1(&[1.0, -2.0]));
        let product = tape.multiply(w, b).unwrap();
        let mut optimizer =
            Optimizer::new(rule, 0.3, &tape, &[w, b]).unwrap().without_decay(&[b]).unwrap();
        // Both gradients are zero: what moves, moves by decay.
        tape.backward_from(product, &Tensor::zeros(&[2][..])).unwrap();
        optimizer.step(&mut tape, 0.1);
        assert_eq!(tape.value(b), &arr1(&[1.0, -2.0]).into_dyn(), "{rule:?}");
        assert!(tape.value(w)[0] < 1.0 && tape.value(w)[1] > -2.0, "{rule:?}");
    }
}

// Rates of their own.

/// η_w = f·η and λ_w = λ/f: a parameter with a factor moves as one whose optimizer has these numbers.
#[test]
fn a_factor_is_a_rate_and_a_decay() {
    let (rate, l2, factor) = (0.01, 0.3, 64.0);
    let gradients: Vec<Vec<f64>> =
        (0..20).map(|k| Draw::new(k).away_from_zero(&[2]).to_vec()).collect();
    for rule in ALL {
        let own = match rule {
            Rule::AdamW { beta1, beta2, epsilon, decay } => {
                Rule::AdamW { beta1, beta2, epsilon, decay: decay / factor }
            }
            rule => rule,
        };
        let mut other = Driven::new(own, l2 / factor, &[1.0, -2.0]);
        let mut driven = Driven::new(rule, l2, &[1.0, -2.0]);
        driven.optimizer = driven.optimizer.with_factor(&[driven.w], factor).unwrap();
        for g in &gradients {
            assert_close(&driven.step(g, rate), &other.step(g, factor * rate), 1e-13);
        }
    }
}

/// SGD: w ← (1 − ηλ)·w − fη·g. The other parameter keeps its rate.
#[test]
fn a_factor_leaves_decay_as_it_is() {
    let mut tape = Tape::<f64>::new();
    let w = tape.parameter(arr1(&[2.0]));
    let b = tape.parameter(arr1(&[3.0]));
    let loss = tape.add(w, b).unwrap();
    let optimizer = Optimizer::new(SGD, 0.5, &tape, &[w, b]).unwrap();
    let mut optimizer = optimizer.with_factor(&[b], 4.0).unwrap();
    tape.backward(loss);
    optimizer.step(&mut tape, 0.125);
    assert_eq!(tape.value(w)[0], (1.0 - 0.0625) * 2.0 - 0.125);
    assert_eq!(tape.value(b)[0], (1.0 - 0.0625) * 3.0 - 0.5);
    // Without decay the factor stays.
    let mut optimizer = optimizer.without_decay(&[b]).unwrap();
    optimizer.step(&mut tape, 0.125);
    assert_eq!(tape.value(b)[0], (1.0 - 0.0625) * 3.0 - 0.5 - 0.5);
}

/// η = r·(1 − μ) and λ = d/r: of a constant gradient of 1 a step has the length r, and of none a step
/// shrinks the weights by d.
#[test]
fn rate_momentum_and_decay_apart() {
    let (r, d) = (0.3, 1e-4);
    for momentum in [0.0, 0.5, 0.85] {
        let rate = r * (1.0 - momentum);
        for rule in [Rule::Momentum { momentum }, Rule::Nesterov { momentum }] {
            let mut driven = Driven::new(rule, 0.0, &[0.0]);
            let path: Vec<f64> = (0..300).map(|_| driven.step(&[1.0], rate)[0]).collect();
            assert_close(&[path[298] - path[299]], &[r], 1e-12);
            let mut driven = Driven::new(rule, d / r, &[1.0]);
            let path: Vec<f64> = (0..300).map(|_| driven.step(&[0.0], rate)[0]).collect();
            assert_close(&[1.0 - path[299] / path[298]], &[d], 1e-7);
        }
    }
}

/// Airbench's settings as this crate's numbers, for batches of 1,024 and the mean of the loss.
#[test]
fn airbenchs_numbers() {
    let rate: f64 = 11.5 / (1.0 + 1.0 / 0.15);
    assert_close(&[rate, 0.0153 / 11.5], &[1.5, 0.00133], 1e-6);
    // In its own: the rate for a sum of 1,024 losses, the decay divided by it.
    let scale = 1024.0 * (1.0 + 1.0 / 0.15);
    let (lr, wd) = (11.5 / scale, 0.0153 * 1024.0 / scale);
    let (w, g) = (0.7, 0.02);
    let step_of_sum = lr * (1024.0 * g + wd / lr * w);
    let l2 = 0.0153 / 11.5;
    assert_close(&[rate * (g + l2 * w)], &[step_of_sum], 1e-15);
}

#[test]
fn every_rule_finds_the_minimum() {
    for rule in defaults() {
        let mut quadratic = Quadratic::new(rule, 0.0, &[0.5, 5.0], &[1.0, -1.0]);
        let schedule = Schedule::Cosine { rate: 0.05, last: 0.0, steps: 1000 };
        for step in 0..1000 {
            quadratic.step(schedule.rate(step));
        }
        let w = quadratic.tape.value(quadratic.w).to_vec();
        assert_close(&w, &[0.0, 0.0], 1e-6);
    }
}

// Numbers too small to count.

/// 2⁻¹⁰³ is f32's smallest normal number over its precision.
#[test]
fn faded_averages_become_zero() {
    let bound = 2.0_f32.powi(-103);
    let restored = |rule: Rule, value: f32| {
        let mut driven = Driven::<f32>::new(rule, 0.0, &[1.0]);
        driven.optimizer.restore(5, |_, _| Some(arr1(&[value]).into_dyn())).unwrap();
        driven.step(&[0.0], 0.1);
        driven.state()
    };
    let half = Rule::Adam { beta1: 0.5, beta2: 0.5, epsilon: 1e-8 };
    for rule in [MOMENTUM, NESTEROV, half] {
        for state in restored(rule, 2.0 * bound) {
            assert_eq!(state, [bound], "{rule:?}");
        }
        for state in restored(rule, bound) {
            assert_eq!(state, [0.0], "{rule:?}");
        }
    }
    assert_eq!(restored(MOMENTUM, -2.0 * bound), [[-bound]]);
    assert_eq!(restored(MOMENTUM, -bound), [[0.0]]);
    assert!(restored(MOMENTUM, f32::NAN)[0][0].is_nan());
}

/// A unit that no longer fires: without the bound its velocity would stay subnormal for ever.
#[test]
fn no_state_is_ever_subnormal() {
    for rule in defaults() {
        let mut driven = Driven::<f32>::new(rule, 0.0, &[1.0]);
        driven.step(&[1.0], 0.1);
        for _ in 0..2000 {
            driven.step(&[0.0], 0.1);
            assert!(driven.state().iter().flatten().all(|s| !s.is_subnormal()), "{rule:?}");
        }
        let first = driven.state().first().map_or(0.0, |state| state[0]);
        assert_eq!(first, 0.0, "{rule:?}");
    }
}

// State.

/// Two parameters, five steps of training, and what they leave.
fn half_way(rule: Rule) -> (Tape<f64>, [Var; 2], Var, Optimizer<f64>) {
    let mut tape = Tape::new();
    let a = tape.parameter(arr2(&[[1.0, -0.5, 2.0]]));
    let b = tape.parameter(arr2(&[[0.3], [1.4], [-0.9]]));
    let y = tape.matmul(a, b).unwrap();
    let loss = tape.multiply(y, y).unwrap();
    let mut optimizer =
        Optimizer::new(rule, 0.05, &tape, &[a, b]).unwrap().without_decay(&[a]).unwrap();
    train(&mut tape, loss, &mut optimizer);
    (tape, [a, b], loss, optimizer)
}

fn train(tape: &mut Tape<f64>, loss: Var, optimizer: &mut Optimizer<f64>) {
    for _ in 0..5 {
        tape.forward();
        tape.backward(loss);
        optimizer.step(tape, 0.01);
    }
}

#[test]
fn restored_training_continues_bit_for_bit() {
    for rule in ALL.into_iter().chain(defaults()) {
        let (mut tape, [a, b], loss, mut optimizer) = half_way(rule);
        let weights = [tape.value(a).clone(), tape.value(b).clone()];
        let saved: Vec<_> = optimizer.state().map(|(v, n, t)| (v, n, t.clone())).collect();
        assert_eq!(saved.len(), 2 * rule.state_names().len());
        let steps = optimizer.steps();
        train(&mut tape, loss, &mut optimizer);
        let expected = [tape.value(a).clone(), tape.value(b).clone()];

        tape.set(a, &weights[0]).unwrap();
        tape.set(b, &weights[1]).unwrap();
        let mut resumed =
            Optimizer::new(rule, 0.05, &tape, &[a, b]).unwrap().without_decay(&[a]).unwrap();
        let find = |var, name| {
            saved.iter().find(|(v, n, _)| (*v, *n) == (var, name)).map(|(_, _, t)| t.clone())
        };
        resumed.restore(steps, find).unwrap();
        assert_eq!(resumed.rule(), rule);
        train(&mut tape, loss, &mut resumed);
        assert_eq!([tape.value(a), tape.value(b)], [&expected[0], &expected[1]], "{rule:?}");
        assert_eq!(resumed.steps(), 10);
    }
}

#[test]
fn state_of_another_network_is_refused() {
    let (_, [a, b], _, mut optimizer) = half_way(ADAM);
    let before: Vec<_> = optimizer.state().map(|(_, _, t)| t.clone()).collect();

    let error = optimizer
        .restore(9, |var, name| {
            let shape = if (var, name) == (b, "second_moment") { [1, 3] } else { [3, 1] };
            Some(Tensor::zeros(if var == a { [1, 3] } else { shape }.as_slice()))
        })
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the second_moment saved for parameter %1 has shape [1, 3], but the parameter has [3, 1]: \
         it was saved from another network"
    );

    let error = optimizer
        .restore(9, |var, name| {
            let other = name == "first_moment";
            other.then(|| Tensor::zeros(if var == a { [1, 3] } else { [3, 1] }.as_slice()))
        })
        .unwrap_err();
    assert_eq!(error, OptimizerError::Missing { node: 0, name: "second_moment" });

    let after: Vec<_> = optimizer.state().map(|(_, _, t)| t.clone()).collect();
    assert_eq!((before, optimizer.steps()), (after, 5), "a refused state changes nothing");
}

// What is refused.

#[test]
fn hyperparameters_outside_their_ranges_are_refused() {
    let mut tape = Tape::<f64>::new();
    let w = tape.parameter(arr1(&[1.0]));
    let adam = |beta1, beta2, epsilon| Rule::Adam { beta1, beta2, epsilon };
    let adamw = |beta1, beta2, epsilon, decay| Rule::AdamW { beta1, beta2, epsilon, decay };
    let faults = [
        (Rule::Momentum { momentum: 1.0 }, 0.0, "momentum", 1.0),
        (Rule::Momentum { momentum: -0.1 }, 0.0, "momentum", -0.1),
        (Rule::Nesterov { momentum: 1.5 }, 0.0, "momentum", 1.5),
        (adam(1.0, 0.9, 1e-8), 0.0, "beta1", 1.0),
        (adam(0.9, -0.5, 1e-8), 0.0, "beta2", -0.5),
        (adam(0.9, 0.9, 0.0), 0.0, "epsilon", 0.0),
        (adam(0.9, 0.9, f64::INFINITY), 0.0, "epsilon", f64::INFINITY),
        (adamw(0.9, 1.0, 1e-8, 0.1), 0.0, "beta2", 1.0),
        (adamw(0.9, 0.9, 1e-8, -0.1), 0.0, "decay", -0.1),
        (adamw(0.9, 0.9, 1e-8, f64::INFINITY), 0.0, "decay", f64::INFINITY),
        (Rule::Sgd, -1.0, "l2", -1.0),
    ];
    for (rule, l2, name, value) in faults {
        match Optimizer::new(rule, l2, &tape, &[w]).unwrap_err() {
            OptimizerError::Hyperparameter(error) => {
                assert_eq!((error.name, error.value), (name, value));
            }
            error => panic!("{error}"),
        }
    }
    for rule in [Rule::Momentum { momentum: f64::NAN }, adam(0.9, 0.9, f64::NAN)] {
        assert!(Optimizer::new(rule, 0.0, &tape, &[w]).is_err());
    }
    assert!(Optimizer::new(Rule::Sgd, f64::NAN, &tape, &[w]).is_err());
    let error = Rule::Momentum { momentum: 1.5 }.check().unwrap_err();
    assert_eq!(error.to_string(), "momentum is 1.5: it must be at least 0 and below 1");
    for rule in ALL.into_iter().chain([Rule::Momentum { momentum: 0.0 }, adam(0.0, 0.0, 1e-8)]) {
        assert_eq!(rule.check(), Ok(()));
    }
}

/// Averages of one gradient, β = 0: w ← w − η·g/(|g| + ε).
#[test]
fn adam_without_memory() {
    let rule = Rule::Adam { beta1: 0.0, beta2: 0.0, epsilon: 1.0 };
    let mut driven = Driven::new(rule, 0.0, &[1.0]);
    assert_close(&driven.step(&[3.0], 0.4), &[0.7], 1e-15);
    assert_close(&driven.step(&[-1.0], 0.4), &[0.9], 1e-15);
}

#[test]
fn nodes_that_cannot_be_moved_are_refused() {
    let mut tape = Tape::<f64>::new();
    let w = tape.parameter(arr1(&[1.0]));
    let x = tape.input(arr1(&[1.0]));
    let y = tape.multiply(w, x).unwrap();
    for (parameters, error) in [
        (vec![w, x], OptimizerError::NoParameter { node: 1 }),
        (vec![y], OptimizerError::NoParameter { node: 2 }),
        (vec![w, w], OptimizerError::Repeated { node: 0 }),
    ] {
        assert_eq!(Optimizer::new(SGD, 0.0, &tape, &parameters).unwrap_err(), error);
    }
    let small = Tape::<f64>::new();
    let error = Optimizer::new(SGD, 0.0, &small, &[w]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "node %0 is no parameter of this tape: make it with `Tape::parameter`"
    );
    let optimizer = Optimizer::new(SGD, 0.0, &tape, &[w]).unwrap();
    let error = optimizer.clone().without_decay(&[y]).unwrap_err();
    assert_eq!(error, OptimizerError::Stranger { node: 2 });
    let error = optimizer.clone().with_factor(&[y], 2.0).unwrap_err();
    assert_eq!(error, OptimizerError::Stranger { node: 2 });
    for factor in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = optimizer.clone().with_factor(&[w], factor).unwrap_err().to_string();
        assert_eq!(error, format!("factor is {factor}: it must be a finite number above 0"));
    }
}

#[test]
fn rules_by_name() {
    let (beta1, beta2, epsilon) = (0.9, 0.999, 1e-8);
    let expected = [
        Rule::Sgd,
        Rule::Momentum { momentum: 0.9 },
        Rule::Nesterov { momentum: 0.9 },
        Rule::Adam { beta1, beta2, epsilon },
        Rule::AdamW { beta1, beta2, epsilon, decay: 0.01 },
    ];
    assert!(defaults().eq(expected));
    assert_eq!(
        "adagrad".parse::<Rule>().unwrap_err().to_string(),
        "unknown rule `adagrad`: choose sgd, momentum, nesterov, adam or adamw"
    );
}

// Schedules.

fn rates(schedule: &Schedule, steps: impl IntoIterator<Item = u64>) -> Vec<f64> {
    schedule.check().unwrap();
    steps.into_iter().map(|step| schedule.rate(step)).collect()
}

#[test]
fn constant_and_step_decay() {
    assert_eq!(rates(&Schedule::Constant { rate: 0.3 }, [0, 1, u64::MAX]), [0.3; 3]);
    let schedule = Schedule::StepDecay { rate: 0.8, every: 3, factor: 0.5 };
    let expected = [0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.2];
    assert_eq!(rates(&schedule, 0..7), expected);
}

/// cos(π/3) = 1/2, so a third of the way a quarter of the difference is gone.
#[test]
fn cosine() {
    let schedule = Schedule::Cosine { rate: 0.5, last: 0.1, steps: 6 };
    let found = rates(&schedule, [0, 2, 3, 4, 6, 7, 1000]);
    assert_close(&found, &[0.5, 0.4, 0.3, 0.2, 0.1, 0.1, 0.1], 1e-15);
}

/// Of ten steps at 0.1 the cycle starts at 0.1/25 = 0.004, is half way up, at 0.052, after one,
/// at the top in step 0.3·10 − 1 = 2, and at 0.004/10⁴ = 4e-7 in step 9. In between, seven steps
/// follow a cosine.
#[test]
fn one_cycle() {
    let schedule = Schedule::one_cycle(0.1, 10);
    let found = rates(&schedule, [0, 1, 2, 9, 10, 1000]);
    assert_close(&found, &[0.004, 0.052, 0.1, 4e-7, 4e-7, 4e-7], 1e-16);
    for step in 2..10 {
        let q = (step - 2) as f64 / 7.0;
        let expected = 4e-7 + (0.1 - 4e-7) * (1.0 + (std::f64::consts::PI * q).cos()) / 2.0;
        assert_close(&[schedule.rate(step)], &[expected], 1e-16);
    }
    // No step leads up.
    let schedule = Schedule::OneCycle {
        peak: 0.1,
        steps: 1,
        pct_start: 0.0,
        div_factor: 2.0,
        final_div_factor: 5.0,
    };
    assert_close(&rates(&schedule, [0, 1]), &[0.01, 0.01], 1e-16);
    // The top is the first step.
    let schedule = Schedule::OneCycle {
        peak: 0.1,
        steps: 2,
        pct_start: 0.5,
        div_factor: 2.0,
        final_div_factor: 5.0,
    };
    assert_close(&rates(&schedule, [0, 1]), &[0.1, 0.01], 1e-16);
}

/// Eight steps, of which two lead from 0.1 to 0.5, and six on to 0.2.
#[test]
fn triangle() {
    let schedule = Schedule::Triangle { first: 0.1, peak: 0.5, last: 0.2, rise: 2, steps: 8 };
    let expected = [0.1, 0.3, 0.5, 0.45, 0.4, 0.35, 0.3, 0.25, 0.2, 0.2];
    assert_close(&rates(&schedule, 0..10), &expected, 1e-15);
    // Only down, and only up.
    let falling = Schedule::Triangle { first: 9.0, peak: 0.4, last: 0.0, rise: 0, steps: 4 };
    assert_close(&rates(&falling, 0..5), &[0.4, 0.3, 0.2, 0.1, 0.0], 1e-15);
    let rising = Schedule::Triangle { first: 0.0, peak: 0.4, last: 0.3, rise: 4, steps: 4 };
    assert_close(&rates(&rising, 0..5), &[0.0, 0.1, 0.2, 0.3, 0.3], 1e-15);
    // Airbench's: 0.2 up to 1 in 23 of 100 steps, then down to 0.07.
    let airbench = Schedule::triangle(1.0, 100);
    assert_close(&rates(&airbench, [0, 23, 100]), &[0.2, 1.0, 0.07], 1e-15);
    assert_close(&rates(&airbench, [22]), &[0.2 / 23.0 + 22.0 / 23.0], 1e-15);
    assert_close(&rates(&airbench, [99]), &[1.0 / 77.0 + 0.07 * 76.0 / 77.0], 1e-15);
    assert_close(&rates(&Schedule::triangle(3.0, 10), [0, 2, 10]), &[0.6, 3.0, 0.21], 1e-15);
}

#[test]
fn warm_up() {
    let then = Schedule::StepDecay { rate: 0.4, every: 2, factor: 0.5 };
    let schedule = Schedule::WarmUp { steps: 3, then: Box::new(then) };
    let expected = [0.1, 0.2, 0.3, 0.4, 0.4, 0.2, 0.2, 0.1];
    assert_close(&rates(&schedule, 0..8), &expected, 1e-15);
    let then = Box::new(Schedule::Constant { rate: 0.4 });
    assert_eq!(rates(&Schedule::WarmUp { steps: 0, then }, [0, 1]), [0.4, 0.4]);
}

/// No schedule but step decay jumps: between neighbors of 10,000 steps lies at most a thousandth
/// of the highest rate.
#[test]
fn schedules_are_continuous() {
    let cosine = Schedule::Cosine { rate: 0.1, last: 0.01, steps: 8000 };
    let warm = Schedule::WarmUp { steps: 2000, then: Box::new(cosine.clone()) };
    let triangle = Schedule::triangle(0.1, 10_000);
    for schedule in [cosine, warm, Schedule::one_cycle(0.1, 10_000), triangle] {
        let rates = rates(&schedule, 0..11_000);
        let jump = rates.windows(2).map(|pair| (pair[0] - pair[1]).abs()).fold(0.0, f64::max);
        assert!(jump < 1e-4, "{schedule:?}: {jump}");
        assert!(rates.iter().all(|&rate| (0.0..=0.1 + 1e-16).contains(&rate)), "{schedule:?}");
    }
}

#[test]
fn schedules_outside_their_ranges_are_refused() {
    let cycle = |peak, steps, pct_start, div_factor, final_div_factor| Schedule::OneCycle {
        peak,
        steps,
        pct_start,
        div_factor,
        final_div_factor,
    };
    let triangle =
        |first, peak, last, rise, steps| Schedule::Triangle { first, peak, last, rise, steps };
    let faults = [
        (Schedule::Constant { rate: -0.1 }, "rate"),
        (Schedule::Constant { rate: f64::NAN }, "rate"),
        (Schedule::Constant { rate: f64::INFINITY }, "rate"),
        (Schedule::StepDecay { rate: -1.0, every: 1, factor: 0.5 }, "rate"),
        (Schedule::StepDecay { rate: 0.1, every: 0, factor: 0.5 }, "every"),
        (Schedule::StepDecay { rate: 0.1, every: 1, factor: -0.5 }, "factor"),
        (Schedule::Cosine { rate: f64::NAN, last: 0.0, steps: 1 }, "rate"),
        (Schedule::Cosine { rate: 0.1, last: -0.1, steps: 1 }, "last"),
        (Schedule::Cosine { rate: 0.1, last: 0.0, steps: 0 }, "steps"),
        (cycle(-0.1, 1, 0.3, 25.0, 1e4), "peak"),
        (cycle(0.1, 0, 0.3, 25.0, 1e4), "steps"),
        (cycle(0.1, 1, 1.0, 25.0, 1e4), "pct_start"),
        (cycle(0.1, 1, 0.3, 0.0, 1e4), "div_factor"),
        (cycle(0.1, 1, 0.3, 25.0, -1.0), "final_div_factor"),
        (triangle(-0.1, 0.1, 0.1, 1, 3), "first"),
        (triangle(0.1, f64::NAN, 0.1, 1, 3), "peak"),
        (triangle(0.1, 0.1, -0.1, 1, 3), "last"),
        (triangle(0.1, 0.1, 0.1, 0, 0), "steps"),
        (triangle(0.1, 0.1, 0.1, 4, 3), "rise"),
        (triangle(0.1, 0.1, 0.1, 6, 5), "rise"),
    ];
    for (schedule, name) in faults {
        let HyperparameterError { name: found, .. } = schedule.check().unwrap_err();
        assert_eq!(found, name, "{schedule:?}");
        let then = Box::new(schedule);
        // Nothing panics where the fault goes unheard.
        then.rate(3);
        let warm = Schedule::WarmUp { steps: 2, then };
        assert_eq!(warm.check().unwrap_err().name, name);
    }
    let error = Schedule::Constant { rate: -0.1 }.check().unwrap_err();
    assert_eq!(error.to_string(), "rate is -0.1: it must be a finite number, 0 or more");
    assert_eq!(Schedule::Constant { rate: 0.0 }.check(), Ok(()));
}

#[cfg(feature = "train")]
#[test]
fn rules_and_schedules_in_records() {
    use serde_json::{from_str, to_string};
    for rule in ALL.into_iter().chain(defaults()) {
        assert_eq!(from_str::<Rule>(&to_string(&rule).unwrap()).unwrap(), rule);
    }
    let text = to_string(&MOMENTUM).unwrap();
    assert_eq!(text, r#"{"rule":"momentum","momentum":0.5}"#);
    let schedule = Schedule::WarmUp { steps: 3, then: Box::new(Schedule::one_cycle(0.1, 10)) };
    let text = to_string(&schedule).unwrap();
    assert!(text.starts_with(r#"{"schedule":"warm-up","steps":3,"then":{"schedule":"one-cycle""#));
    assert_eq!(from_str::<Schedule>(&text).unwrap(), schedule);
    let schedule = Schedule::triangle(0.1, 100);
    let text = to_string(&schedule).unwrap();
    assert!(text.starts_with(r#"{"schedule":"triangle","first":"#), "{text}");
    assert_eq!(from_str::<Schedule>(&text).unwrap(), schedule);
}

/// A parameter of several axes moves as its entries do.
#[test]
fn any_shape() {
    let mut tape = Tape::<f64>::new();
    let w = tape.parameter(
        Array1::from_iter((0..24).map(f64::from)).into_shape_with_order((2, 3, 4)).unwrap(),
    );
    let loss = tape.multiply(w, w).unwrap();
    let mut optimizer = Optimizer::new(SGD, 0.0, &tape, &[w]).unwrap();
    tape.backward(loss);
    optimizer.step(&mut tape, 0.25);
    let expected: Vec<f64> = (0..24).map(|i| f64::from(i) / 2.0).collect();
    assert_eq!(tape.value(w).to_vec(), expected);
    assert_eq!(tape.value(w).shape(), [2, 3, 4]);
}

#[test]
fn a_tape_of_another_size_is_not_moved() {
    let tape_with = |entries: usize| {
        let mut tape = Tape::<f64>::new();
        let w = [3, entries].map(|len| tape.parameter(Array1::ones(len)));
        let mut loss = tape.sum(w[0]).unwrap();
        for w in w {
            let square = tape.multiply(w, w).unwrap();
            let sum = tape.sum(square).unwrap();
            loss = tape.add(loss, sum).unwrap();
        }
        tape.backward(loss);
        (tape, w)
    };
    for rule in ALL {
        let (small, w) = tape_with(3);
        let optimizer = Optimizer::new(rule, 0.0, &small, &w).unwrap();
        for other in [1, 5] {
            let (mut tape, _) = tape_with(other);
            let mut optimizer = optimizer.clone();
            let step = std::panic::AssertUnwindSafe(|| optimizer.step(&mut tape, 0.1));
            assert!(std::panic::catch_unwind(step).is_err(), "{rule:?}: {other} for 3 entries");
            for w in w {
                assert!(tape.value(w).iter().all(|&w| w == 1.0), "nothing has moved");
            }
        }
    }
}
