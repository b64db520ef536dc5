//! The claims of chapter 2.

use crate::numeric::gradient;
use approx::assert_relative_eq;
use chainrule::gradcheck::{Draw, Gradcheck};
use chainrule::scalar::{ASYMMETRIC, Sample, Weights};
use chainrule::tape::small::{SmallNetwork, SmallTape};
use chainrule::tape::{Gradients, Inputs};
use chainrule::{BrokenRule, Mlp, Mode, Op, ShapeError, Tape, Tensor, Var};
use ndarray::{Array2, IxDyn, arr1, arr2};
use proptest::prelude::*;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// y = x·step in a training pass and y = x otherwise; its buffer counts the training passes.
struct Modal {
    passes: [Tensor<f64>; 1],
}

impl Modal {
    fn factor(mode: Mode) -> f64 {
        match mode {
            Mode::Evaluation => 1.0,
            Mode::Training { step } => step as f64,
        }
    }
}

impl Op<f64> for Modal {
    fn name(&self) -> &'static str {
        "modal"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        Ok(inputs[0].to_vec())
    }

    fn forward(&mut self, x: Inputs<'_, f64>, y: &mut Tensor<f64>) {
        if x.mode != Mode::Evaluation {
            self.passes[0] += 1.0;
        }
        y.assign(&(&x[0] * Self::factor(x.mode)));
    }

    fn backward(
        &mut self,
        x: Inputs<'_, f64>,
        _: &Tensor<f64>,
        dy: &Tensor<f64>,
        mut dx: Gradients<'_, f64>,
    ) {
        if let Some(dx) = dx.wanted(0) {
            dx.scaled_add(Self::factor(x.mode), dy);
        }
    }

    fn buffers(&self) -> &[Tensor<f64>] {
        &self.passes
    }

    fn buffers_mut(&mut self) -> &mut [Tensor<f64>] {
        &mut self.passes
    }
}

/// A layer with a bend and a mean: x `[batch, 3]`, w `[3, 4]`, b `[4]`.
fn network(batch: usize) -> (Tape<f64>, [Var; 3], Var) {
    let mut draw = Draw::new(2);
    let mut tape = Tape::new();
    let x = tape.input(draw.away_from_zero(&[batch, 3]));
    let w = tape.parameter(draw.away_from_zero(&[3, 4]));
    let b = tape.parameter(draw.away_from_zero(&[4]));
    let hidden = tape.linear_relu(x, w, b).unwrap();
    let loss = tape.mean(hidden).unwrap();
    (tape, [x, w, b], loss)
}

#[test]
fn eq_uses_add_up() {
    // L = Σ dy ⊙ (eˣ + x·x − x/2): three consumers of x, one of which uses it twice.
    let mut draw = Draw::new(1);
    let [x, dy] = [0, 1].map(|_| draw.away_from_zero::<f64>(&[2, 3]));
    let mut tape = Tape::new();
    let var = tape.parameter(x.clone());
    let uses =
        [tape.exp(var).unwrap(), tape.multiply(var, var).unwrap(), tape.scale(var, -0.5).unwrap()];
    let sum = tape.add(uses[0], uses[1]).unwrap();
    let y = tape.add(sum, uses[2]).unwrap();
    let mut terms = Tensor::zeros(x.raw_dim());
    for u in uses {
        tape.backward_from(u, &dy).unwrap();
        terms += tape.gradient(var);
    }
    tape.backward_from(y, &dy).unwrap();
    assert_relative_eq!(*tape.gradient(var), terms, max_relative = 1e-14);
    let numeric = gradient(&x, &dy, |x| x.exp() + x * x - x * 0.5);
    assert_relative_eq!(*tape.gradient(var), numeric, max_relative = 1e-7, epsilon = 1e-9);
}

#[test]
fn doubling_twice_quadruples() {
    let mut tape = Tape::<f64>::new();
    let a = tape.parameter(arr1(&[1.5, -2.0]));
    let b = tape.add(a, a).unwrap();
    let c = tape.add(b, b).unwrap();
    tape.backward_from(c, &arr1(&[1.0, 10.0]).into_dyn()).unwrap();
    assert_eq!(tape.value(c), &arr1(&[6.0, -8.0]).into_dyn());
    assert_eq!(tape.gradient(b), &arr1(&[2.0, 20.0]).into_dyn());
    assert_eq!(tape.gradient(a), &arr1(&[4.0, 40.0]).into_dyn());
    let numeric = gradient(&arr1(&[1.5, -2.0]).into_dyn(), &arr1(&[1.0, 10.0]).into_dyn(), |a| {
        let b = a + a;
        &b + &b
    });
    assert_relative_eq!(*tape.gradient(a), numeric, max_relative = 1e-9);
}

const TRACE: &str = "\
%0 = parameter()       [1]  a  2
%1 = parameter()       [1]  b  3
%2 = add(%0, %1)       [1]  s  5
%3 = multiply(%0, %2)  [1]  L  10
";

#[test]
fn an_addition_traced() -> Result<(), ShapeError> {
    let mut tape = Tape::<f64>::new();
    let a = tape.parameter(arr1(&[2.0]));
    let b = tape.parameter(arr1(&[3.0]));
    let s = tape.add(a, b)?;
    let loss = tape.multiply(a, s)?;
    for (var, label) in [(a, "a"), (b, "b"), (s, "s"), (loss, "L")] {
        tape.label(var, label);
    }
    assert_eq!(tape.trace(), TRACE);

    tape.backward(loss);
    let gradients = [loss, s, b, a].map(|var| tape.gradient(var)[0]);
    assert_eq!(gradients, [1.0, 2.0, 2.0, 7.0]);
    Ok(())
}

#[test]
fn eq_addition() {
    let mut draw = Draw::new(3);
    let [a, b, dy] = [0, 1, 2].map(|_| draw.away_from_zero::<f64>(&[2, 3]));
    let mut tape = Tape::new();
    let (a_var, b_var) = (tape.parameter(a.clone()), tape.parameter(b.clone()));
    let y = tape.add(a_var, b_var).unwrap();
    tape.backward_from(y, &dy).unwrap();
    assert_eq!(tape.value(y), &(&a + &b));
    for (var, numeric) in
        [(a_var, gradient(&a, &dy, |a| a + &b)), (b_var, gradient(&b, &dy, |b| &a + b))]
    {
        assert_eq!(tape.gradient(var), &dy);
        assert_relative_eq!(*tape.gradient(var), numeric, max_relative = 1e-8);
    }
}

/// ∂y_j/∂x_i in row i and column j, by central differences.
fn jacobian(x: &Tensor<f64>, f: impl Fn(&Tensor<f64>) -> Tensor<f64>) -> Array2<f64> {
    let outputs = f(x).len();
    let columns: Vec<f64> = (0..outputs)
        .flat_map(|j| {
            let mut one = f(x) * 0.0;
            one[j] = 1.0;
            gradient(x, &one, &f)
        })
        .collect();
    Array2::from_shape_vec((outputs, x.len()), columns).unwrap().reversed_axes()
}

#[test]
fn eq_backward_of_an_op() {
    // y = x/Σx: every output depends on every input.
    let (n, m) = (4, 4);
    let share = |x: &Tensor<f64>| x / x.sum();
    let mut draw = Draw::new(4);
    let (x, dy) = (draw.positive::<f64>(&[n]), draw.away_from_zero::<f64>(&[m]));
    let mut tape = Tape::new();
    let x_var = tape.parameter(x.clone());
    let sum = tape.sum(x_var).unwrap();
    let sums = tape.expand(sum, ndarray::Axis(0), x_var).unwrap();
    let y = tape.divide(x_var, sums).unwrap();
    assert_relative_eq!(*tape.value(y), share(&x), max_relative = 1e-14);
    tape.backward_from(y, &dy).unwrap();
    let numeric = jacobian(&x, share);
    assert_eq!(numeric.shape(), [n, m]);
    for i in 0..n {
        let by_index: f64 = (0..m).map(|j| numeric[[i, j]] * dy[j]).sum();
        assert_relative_eq!(tape.gradient(x_var)[i], by_index, max_relative = 1e-7);
    }
}

/// L = b + b·b with b = a + a, its gradients found in the order in which the nodes are visited.
fn visited_in(order: [&str; 3]) -> f64 {
    let a = 3.0;
    let b = a + a;
    // dL is 1, and nothing has been added to the others yet.
    let (mut da, mut db, mut dc) = (0.0, 0.0, 0.0);
    for node in order {
        match node {
            "L = b + c" => {
                db += 1.0;
                dc += 1.0;
            }
            "c = b·b" => {
                db += dc * b;
                db += dc * b;
            }
            _ => {
                da += db;
                da += db;
            }
        }
    }
    da
}

#[test]
fn a_gradient_passed_on_too_early_is_not_whole() {
    // L = 4a² + 2a, so the derivative at a = 3 is 8a + 2 = 26.
    assert_eq!(visited_in(["L = b + c", "c = b·b", "b = a + a"]), 26.0);
    assert_eq!(visited_in(["L = b + c", "b = a + a", "c = b·b"]), 2.0);
}

#[test]
fn a_whole_tape() {
    let mut tape = SmallTape::default();
    let a = tape.leaf(3.0);
    let b = tape.add(a, a);
    let c = tape.multiply(b, b);
    let loss = tape.add(b, c);
    assert_eq!(tape.values, [3.0, 6.0, 36.0, 42.0]);
    // da, db, dc and dL.
    assert_eq!(tape.gradients(loss), [26.0, 13.0, 1.0, 1.0]);
}

/// A graph of single numbers. Node k of the results is a sum or a product of two earlier nodes.
struct Graph {
    leaves: Vec<f64>,
    results: Vec<(bool, usize, usize)>,
}

impl Graph {
    fn draw(seed: u64) -> Self {
        let mut draw = Draw::new(seed);
        let leaves: Tensor<f64> = draw.away_from_zero(&[3]);
        let results = (3..9).map(|node| {
            // The node before it, and any other: so that all are used.
            let other = draw.labels::<f64>(1, node)[0] as usize;
            (draw.labels::<f64>(1, 2)[0] == 1.0, node - 1, other)
        });
        Self { results: results.collect(), leaves: leaves.into_iter().collect() }
    }

    /// The graph on the library's tape, and its nodes.
    fn record(&self) -> (Tape<f64>, Vec<Var>) {
        let mut tape = Tape::new();
        let mut vars: Vec<Var> =
            self.leaves.iter().map(|&leaf| tape.parameter(arr1(&[leaf]))).collect();
        for &(product, a, b) in &self.results {
            let (a, b) = (vars[a], vars[b]);
            vars.push(if product { tape.multiply(a, b) } else { tape.add(a, b) }.unwrap());
        }
        (tape, vars)
    }

    fn values(&self) -> Vec<f64> {
        let mut values = self.leaves.clone();
        for &(product, a, b) in &self.results {
            let (a, b) = (values[a], values[b]);
            values.push(if product { a * b } else { a + b });
        }
        values
    }

    /// The sum, over all paths from `node` to the last node, of the product of the local
    /// derivatives on the path; and the number of these paths.
    fn paths(&self, values: &[f64], node: usize) -> (f64, usize) {
        if node + 1 == values.len() {
            return (1.0, 1);
        }
        let (mut sum, mut count) = (0.0, 0);
        for (k, &(product, a, b)) in self.results.iter().enumerate() {
            for (input, other) in [(a, b), (b, a)] {
                if input == node {
                    let local = if product { values[other] } else { 1.0 };
                    let (rest, paths) = self.paths(values, 3 + k);
                    sum += local * rest;
                    count += paths;
                }
            }
        }
        (sum, count)
    }
}

#[test]
fn eq_paths() {
    let mut most = 0;
    for seed in 0..20 {
        let graph = Graph::draw(seed);
        let (mut tape, vars) = graph.record();
        tape.backward(vars[8]);
        let values = graph.values();
        for leaf in 0..3 {
            let (sum, count) = graph.paths(&values, leaf);
            most = most.max(count);
            assert_relative_eq!(tape.gradient(vars[leaf])[0], sum, max_relative = 1e-12);
            let moved = |by: f64| {
                let mut leaves = graph.leaves.clone();
                leaves[leaf] += by;
                Graph { leaves, results: graph.results.clone() }.values()[8]
            };
            let step = f64::EPSILON.cbrt();
            let numeric = (moved(step) - moved(-step)) / (2.0 * step);
            assert_relative_eq!(sum, numeric, max_relative = 1e-5, epsilon = 1e-6);
        }
    }
    assert!(most > 10, "{most} paths at most");
}

/// The network of the small tape, with three units and the weights of chapter 1.
#[test]
fn the_small_network_is_that_of_chapter_1() {
    let (weights, sample) = ASYMMETRIC;
    let Weights { w, b, v, c } = weights;
    let mut network = SmallNetwork::random(3, 0);
    let unit = |j: usize| [w[0][j], w[1][j], b[j]];
    let output = |j: usize| [v[0][j], v[1][j], v[2][j], c[j]];
    network.weights = [unit(0), unit(1), unit(2)].concat();
    network.weights.extend([output(0), output(1)].concat());
    let forward = weights.forward(&sample);
    let (loss, gradient) = network.loss_and_gradient(&[sample]);
    assert_relative_eq!(loss, forward.loss, max_relative = 1e-14);
    assert_relative_eq!(network.probability(sample.x), forward.p[1], max_relative = 1e-14);
    let d = weights.backward(&sample, &forward).weights;
    let unit = |j: usize| [d.w[0][j], d.w[1][j], d.b[j]];
    let output = |j: usize| [d.v[0][j], d.v[1][j], d.v[2][j], d.c[j]];
    let mut expected = [unit(0), unit(1), unit(2)].concat();
    expected.extend([output(0), output(1)].concat());
    for (found, expected) in gradient.iter().zip(&expected) {
        assert_relative_eq!(found, expected, max_relative = 1e-12);
    }
}

/// However far one logit is ahead of the other.
#[test]
fn the_small_network_stays_finite() {
    let mut network = SmallNetwork::random(1, 0);
    network.weights = vec![0.0, 0.0, 0.0, 0.0, 1e4, 0.0, -1e4];
    for t in [[1.0, 0.0], [0.0, 1.0]] {
        let (loss, gradient) = network.loss_and_gradient(&[Sample { x: [0.5, -0.5], t }]);
        assert_eq!(loss, if t[0] > t[1] { 0.0 } else { 2e4 });
        assert!(gradient.iter().all(|d| d.is_finite()));
    }
}

#[test]
fn the_small_tape_equals_the_tape() {
    for seed in 0..20 {
        let graph = Graph::draw(seed);
        let (mut tape, vars) = graph.record();
        let mut small = SmallTape::default();
        for &leaf in &graph.leaves {
            small.leaf(leaf);
        }
        for &(product, a, b) in &graph.results {
            let op = if product { SmallTape::multiply } else { SmallTape::add };
            op(&mut small, a, b);
        }
        for (node, &y) in vars.iter().enumerate() {
            tape.backward(y);
            for (&var, gradient) in vars.iter().zip(small.gradients(node)) {
                assert_relative_eq!(tape.gradient(var)[0], gradient, max_relative = 1e-14);
            }
            assert_relative_eq!(tape.value(y)[0], small.values[node], max_relative = 1e-14);
        }
    }
}

/// An op that counts the calls of both its passes.
struct Counting {
    calls: Arc<[AtomicUsize; 2]>,
}

impl Op<f64> for Counting {
    fn name(&self) -> &'static str {
        "counting"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        Ok(inputs[0].to_vec())
    }

    fn forward(&mut self, x: Inputs<'_, f64>, y: &mut Tensor<f64>) {
        self.calls[0].fetch_add(1, Relaxed);
        y.assign(&(&x[0] + &x[1]));
    }

    fn backward(
        &mut self,
        _: Inputs<'_, f64>,
        _: &Tensor<f64>,
        dy: &Tensor<f64>,
        mut dx: Gradients<'_, f64>,
    ) {
        self.calls[1].fetch_add(1, Relaxed);
        for k in [0, 1] {
            if let Some(dx) = dx.wanted(k) {
                *dx += dy;
            }
        }
    }
}

#[test]
fn doublings_have_more_paths_than_steps() {
    let mut tape = SmallTape::default();
    let bottom = tape.leaf(1.0);
    let mut top = bottom;
    for _ in 0..30 {
        top = tape.add(top, top);
    }
    let arrows: usize = tape.inputs.iter().map(|inputs| inputs.len()).sum();
    assert_eq!(arrows, 60);
    // One path for each choice of left or right: 2³⁰ of them, each with the product 1.
    assert_eq!(tape.gradients(top)[bottom], 1_073_741_824.0);
}

#[test]
fn each_op_goes_back_once_however_many_paths_there_are() -> Result<(), ShapeError> {
    let calls = Arc::new([0, 0].map(AtomicUsize::new));
    let mut tape = Tape::<f64>::new();
    let a = tape.parameter(arr1(&[1.0]));
    let mut y = a;
    for _ in 0..30 {
        y = tape.push(Counting { calls: calls.clone() }, &[y, y])?;
    }
    tape.backward(y);
    assert_eq!(tape.gradient(a)[0], 1_073_741_824.0);
    assert_eq!(calls[1].load(Relaxed), 30);
    Ok(())
}

const NETWORK: &str = "\
%0 = input()                        [1, 2]  x  1.5 -0.5
%1 = parameter()                    [2, 3]  w  0.5 -0.3 0.8 0.2 0.7 -0.4
%2 = parameter()                    [3]     b  0.1 -0.2 0.3
%3 = parameter()                    [3, 2]  v  0.6 -0.5 -0.9 0.4 0.3 1.1
%4 = parameter()                    [2]     c  0.05 -0.15
%5 = input()                        [1, 2]  y  0 1
%6 = linear(%0, %1, %2)             [1, 3]  z  0.75 -1 1.7
%7 = sigmoid(%6)                    [1, 3]  h  0.6792 0.2689 0.8455
%8 = linear(%7, %3, %4)             [1, 2]  o  0.4691 0.5481
%9 = softmax_cross_entropy(%8, %5)  []      L  0.6544
";

#[test]
fn chapter_1_on_a_tape() -> Result<(), ShapeError> {
    let (weights, sample) = ASYMMETRIC;
    let mut tape = Tape::<f64>::new();
    let x = tape.input(arr2(&[sample.x]));
    let w = tape.parameter(arr2(&weights.w));
    let b = tape.parameter(arr1(&weights.b));
    let v = tape.parameter(arr2(&weights.v));
    let c = tape.parameter(arr1(&weights.c));
    let y = tape.input(arr2(&[sample.t]));

    let z = tape.linear(x, w, b)?;
    let h = tape.sigmoid(z)?;
    let o = tape.linear(h, v, c)?;
    let loss = tape.softmax_cross_entropy(o, y)?;
    let names = ["x", "w", "b", "v", "c", "y", "z", "h", "o", "L"];
    for (var, name) in tape.vars().collect::<Vec<_>>().into_iter().zip(names) {
        tape.label(var, name);
    }
    assert_eq!(tape.trace(), NETWORK);

    tape.backward(loss);
    let by_hand = weights.backward(&sample, &weights.forward(&sample)).weights.to_array();
    let gradients = [w, b, v, c].into_iter().flat_map(|var| tape.gradient(var));
    for (&found, expected) in gradients.zip(by_hand) {
        assert_relative_eq!(found, expected, max_relative = 1e-13);
    }
    Ok(())
}

/// Passes of a node that adds two parameters of `entries` entries each: forwards and backwards,
/// when the gradient comes from the tape, and when it comes from central differences.
fn passes(entries: usize) -> [[usize; 2]; 2] {
    let calls = Arc::new([0, 0].map(AtomicUsize::new));
    let taken = || [0, 1].map(|pass| calls[pass].swap(0, Relaxed));
    let mut draw = Draw::new(6);
    let mut tape = Tape::<f64>::new();
    let a = tape.parameter(draw.away_from_zero(&[entries]));
    let b = tape.parameter(draw.away_from_zero(&[entries]));
    let y = tape.push(Counting { calls: calls.clone() }, &[a, b]).unwrap();
    let dy = draw.away_from_zero(&[entries]);
    taken();

    tape.forward();
    tape.backward_from(y, &dy).unwrap();
    let reverse = taken();

    // The check compares both ways, and its last pass leaves the tape as it was.
    Gradcheck::default().run(&mut tape, y, &dy).unwrap();
    let [forward, backward] = taken();
    [reverse, [forward - 1, backward - reverse[1]]]
}

#[test]
fn eq_passes() {
    for entries in [1, 5, 40] {
        let parameters = 2 * entries;
        assert_eq!(passes(entries), [[1, 1], [2 * parameters, 0]]);
    }
}

/// C ← A·B as three loops, `[m, k]` times `[k, n]`. Adds the multiplications to `count`.
fn counted(count: &mut usize, (m, k, n): (usize, usize, usize), a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut c = vec![0.0; m * n];
    for i in 0..m {
        for j in 0..n {
            for l in 0..k {
                c[i * n + j] += a[i * k + l] * b[l * n + j];
                *count += 1;
            }
        }
    }
    c
}

/// Multiplications of the products of one sample: forwards, and backwards to every weight.
fn multiplications(widths: &[usize]) -> (usize, usize) {
    let forward = widths.windows(2).map(|pair| pair[0] * pair[1]).sum::<usize>();
    (forward, 2 * forward - widths[0] * widths[1])
}

#[test]
fn eq_multiplications() {
    // Counted while they are made: x·W forwards; xᵀ·dy and dy·Wᵀ backwards, but for the first dx.
    for widths in [[5, 4, 3, 2], [2, 7, 1, 6]] {
        let (mut forward, mut backward) = (0, 0);
        for (layer, pair) in widths.windows(2).enumerate() {
            let (k, n) = (pair[0], pair[1]);
            let (x, w, dy) = (vec![1.0; k], vec![1.0; k * n], vec![1.0; n]);
            assert_eq!(counted(&mut forward, (1, k, n), &x, &w).len(), n);
            assert_eq!(counted(&mut backward, (k, 1, n), &x, &dy).len(), w.len());
            if layer > 0 {
                assert_eq!(counted(&mut backward, (1, n, k), &dy, &w).len(), x.len());
            }
        }
        assert_eq!((forward, backward), multiplications(&widths));
    }
}

#[test]
fn the_price_of_a_gradient() {
    let (forward, backward) = multiplications(&[784, 128, 64, 10]);
    assert_eq!((forward, backward), (109_184, 118_016));
    let parameters = Mlp::new(&[784, 128, 64, 10]).unwrap().parameter_count();
    assert_eq!(parameters, 109_386);
    // One forward and one backward pass, against two forward passes a parameter.
    let (reverse, differences) = (forward + backward, 2 * parameters * forward);
    assert_eq!((reverse, differences), (227_200, 23_886_402_048));
    assert_eq!(differences / reverse, 105_133);
}

#[test]
fn speeds_go_forward() {
    // ẏ of y = (x·x)·eˣ, one local derivative after the other.
    let mut draw = Draw::new(7);
    let [x, dx] = [0, 1].map(|_| draw.away_from_zero::<f64>(&[2, 3]));
    let (square, power) = (&x * &x, x.exp());
    let d_square = &dx * &x + &x * &dx;
    let d_power = &power * &dx;
    let d_y = &d_square * &power + &square * &d_power;
    let f = |x: &Tensor<f64>| x * x * x.exp();
    let step = f64::EPSILON.cbrt();
    let numeric = (f(&(&x + &dx * step)) - f(&(&x - &dx * step))) / (2.0 * step);
    assert_eq!(d_y.shape(), [2, 3]);
    assert_relative_eq!(d_y, numeric, max_relative = 1e-6, epsilon = 1e-8);
}

#[test]
fn eq_both_modes() {
    // The change of the weighted outputs along a direction, by a difference of forward passes,
    // and by one backward pass.
    let (mut tape, [_, w, b], _) = network(5);
    let hidden = tape.vars().nth(3).unwrap();
    let mut draw = Draw::new(8);
    let dy = draw.away_from_zero::<f64>(&[5, 4]);
    let directions = [draw.away_from_zero::<f64>(&[3, 4]), draw.away_from_zero::<f64>(&[4])];
    tape.backward_from(hidden, &dy).unwrap();
    let backwards: f64 =
        [w, b].iter().zip(&directions).map(|(&var, v)| (tape.gradient(var) * v).sum()).sum();

    let at = [w, b].map(|var| tape.value(var).clone());
    let step = f64::EPSILON.cbrt();
    let mut moved = |by: f64| {
        for ((var, at), v) in [w, b].into_iter().zip(&at).zip(&directions) {
            tape.set(var, &(at + &(v * by))).unwrap();
        }
        tape.forward();
        tape.value(hidden).clone()
    };
    let tangent = (moved(step) - moved(-step)) / (2.0 * step);
    assert_eq!(tangent.shape(), dy.shape());
    assert_relative_eq!((tangent * dy).sum(), backwards, max_relative = 1e-8);
}

/// y = a + b, with a backward pass that assigns where it should add.
struct Assigning;

impl Op<f64> for Assigning {
    fn name(&self) -> &'static str {
        "assigning"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        Ok(inputs[0].to_vec())
    }

    fn forward(&mut self, x: Inputs<'_, f64>, y: &mut Tensor<f64>) {
        y.assign(&(&x[0] + &x[1]));
    }

    fn backward(
        &mut self,
        _: Inputs<'_, f64>,
        _: &Tensor<f64>,
        dy: &Tensor<f64>,
        mut dx: Gradients<'_, f64>,
    ) {
        for k in [0, 1] {
            if let Some(dx) = dx.wanted(k) {
                dx.assign(dy);
            }
        }
    }
}

#[test]
fn an_assignment_loses_every_use_but_one() -> Result<(), ShapeError> {
    let dy = arr1(&[1.0]).into_dyn();
    let mut tape = Tape::<f64>::new();
    let a = tape.parameter(arr1(&[1.5]));
    let other = tape.parameter(arr1(&[-0.5]));

    // Each input is used once: the fault does not show.
    let once = tape.push(Assigning, &[a, other])?;
    assert!(Gradcheck::default().run(&mut tape, once, &dy)?.max_relative_error() < 1e-9);

    // b = a + a; c = b + b: one of four is left.
    let b = tape.push(Assigning, &[a, a])?;
    let c = tape.push(Assigning, &[b, b])?;
    tape.backward(c);
    assert_eq!((tape.gradient(b)[0], tape.gradient(a)[0]), (1.0, 1.0));
    let report = Gradcheck::default().run(&mut tape, c, &dy)?;
    assert_relative_eq!(report.max_relative_error(), 0.75, max_relative = 1e-8);
    Ok(())
}

/// y = 10·a + (a + b): of 11, the 10 of the other op is there or not, as the order has it.
#[test]
fn an_assignment_deletes_what_another_op_has_added() -> Result<(), ShapeError> {
    let mut tape = Tape::<f64>::new();
    let a = tape.parameter(arr1(&[1.5]));
    let b = tape.parameter(arr1(&[-0.5]));
    let tenfold = tape.scale(a, 10.0)?;
    let sum = tape.push(Assigning, &[a, b])?;
    let y = tape.add(tenfold, sum)?;
    tape.backward(y);
    assert_eq!(tape.gradient(a)[0], 11.0);
    let sum = tape.push(Assigning, &[a, b])?;
    let tenfold = tape.scale(a, 10.0)?;
    let y = tape.add(tenfold, sum)?;
    tape.backward(y);
    assert_eq!(tape.gradient(a)[0], 1.0);
    Ok(())
}

/// Why the tape has no cells that are shared: y = c + c asks for the same one twice.
#[test]
fn a_shared_cell_is_lent_once() {
    let c = Rc::new(RefCell::new(0.0));
    let (left, right) = (Rc::clone(&c), Rc::clone(&c));
    let left = left.borrow_mut();
    assert!(right.try_borrow_mut().is_err());
    drop(left);
    assert!(right.try_borrow_mut().is_ok());
}

#[test]
fn inputs_precede_outputs() {
    let (tape, [x, w, b], loss) = network(2);
    assert_eq!([x, w, b].map(Var::index), [0, 1, 2]);
    assert!([x, w, b].into_iter().all(|leaf| leaf < loss));
    assert_eq!(tape.vars().map(Var::index).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    let parameters: Vec<Var> = tape.vars().filter(|&var| tape.is_parameter(var)).collect();
    assert_eq!(parameters, [w, b]);
    let expressions: Vec<String> = tape.vars().map(|var| tape.expression(var)).collect();
    assert_eq!(
        expressions,
        ["input()", "parameter()", "parameter()", "linear_relu(%0, %1, %2)", "mean(%3)"]
    );
    assert_eq!(format!("{tape:?}"), tape.trace());
}

#[test]
fn a_replay_gives_what_recording_gave() {
    let (mut tape, [_, w, b], loss) = network(5);
    let recorded: Vec<_> = tape.vars().map(|var| tape.value(var).clone()).collect();
    tape.backward(loss);
    let gradients = [w, b].map(|var| tape.gradient(var).clone());
    for _ in 0..2 {
        tape.forward();
        tape.backward(loss);
        for (var, recorded) in tape.vars().zip(&recorded) {
            assert_eq!(tape.value(var), recorded);
        }
        assert_eq!([w, b].map(|var| tape.gradient(var).clone()), gradients);
    }
}

#[test]
fn a_replay_takes_the_leaves_as_they_are_now() {
    let mut tape = Tape::<f64>::new();
    let a = tape.parameter(arr1(&[2.0, 3.0]));
    let b = tape.parameter(arr1(&[5.0, 7.0]));
    let y = tape.multiply(a, b).unwrap();
    tape.set(a, &arr1(&[1.0, -1.0])).unwrap();
    assert_eq!(tape.value(y), &arr1(&[10.0, 21.0]).into_dyn());
    tape.forward();
    assert_eq!(tape.value(y), &arr1(&[5.0, -7.0]).into_dyn());
}

#[test]
fn a_step_of_learning_is_in_the_next_replay() {
    let mut tape = Tape::<f64>::new();
    let a = tape.parameter(arr1(&[1.0, -1.0]));
    let b = tape.parameter(arr1(&[5.0, 7.0]));
    let y = tape.multiply(a, b).unwrap();
    tape.backward(y);
    let (mut value, gradient) = tape.parameter_mut(a);
    value.scaled_add(-0.1, gradient);
    tape.value_mut(b).fill(2.0);
    tape.forward();
    assert_relative_eq!(*tape.value(y), arr1(&[1.0, -3.4]).into_dyn(), max_relative = 1e-14);
}

#[test]
fn a_leaf_keeps_its_shape() {
    let (mut tape, [x, ..], _) = network(2);
    assert_eq!(
        tape.set(x, &Array2::zeros((3, 3))).unwrap_err().to_string(),
        "set: [2, 3] · [3, 3]: a leaf keeps its shape; `resize` gives it another"
    );
    assert_eq!(
        tape.backward_from(x, &arr1(&[1.0]).into_dyn()).unwrap_err().to_string(),
        "backward: [2, 3] · [1]: the upstream gradient must have the shape of the output"
    );
}

#[test]
fn gradients_of_untouched_leaves_are_zero() {
    let mut tape = Tape::<f64>::new();
    let [a, b] = [2.0, 3.0].map(|value| tape.parameter(arr1(&[value])));
    let y = tape.multiply(a, a).unwrap();
    let z = tape.multiply(a, b).unwrap();
    tape.backward(z);
    assert_eq!((tape.gradient(a)[0], tape.gradient(b)[0]), (3.0, 2.0));
    tape.backward(y);
    assert_eq!((tape.gradient(a)[0], tape.gradient(b)[0]), (4.0, 0.0));
    // z stands behind y: what was there of the last pass is gone too.
    assert_eq!(tape.gradient(z)[0], 0.0);
    assert_eq!(tape.gradient(y)[0], 1.0);
}

/// y = 2x, which overwrites the gradient of x where nothing was added to it in the same pass.
struct Doubled;

impl Op<f64> for Doubled {
    fn name(&self) -> &'static str {
        "doubled"
    }

    fn shape(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, BrokenRule> {
        Ok(inputs[0].to_vec())
    }

    fn forward(&mut self, x: Inputs<'_, f64>, y: &mut Tensor<f64>) {
        y.assign(&(&x[0] * 2.0));
    }

    fn backward(
        &mut self,
        _: Inputs<'_, f64>,
        _: &Tensor<f64>,
        dy: &Tensor<f64>,
        mut dx: Gradients<'_, f64>,
    ) {
        match dx.target(0) {
            Some((dx, true)) => dx.scaled_add(2.0, dy),
            Some((dx, false)) => dx.assign(&(dy * 2.0)),
            None => (),
        }
    }
}

#[test]
fn an_overwritten_gradient_is_that_of_this_pass_alone() {
    let mut tape = Tape::<f64>::new();
    let x = tape.parameter(arr1(&[3.0]));
    let constant = tape.input(arr1(&[3.0]));
    let unwanted = tape.push(Doubled, &[constant]).unwrap();
    let once = tape.push(Doubled, &[x]).unwrap();
    let twice = tape.push(Doubled, &[x]).unwrap();
    let both = tape.add(once, twice).unwrap();
    let y = tape.add(both, unwanted).unwrap();
    for _ in 0..3 {
        tape.backward(y);
        assert_eq!(tape.gradient(x)[0], 4.0, "both uses add up");
        tape.backward(once);
        assert_eq!(tape.gradient(x)[0], 2.0, "what was there before this pass is gone");
    }
    assert!(tape.gradient(constant).is_empty());
}

#[test]
fn nobody_s_gradients_are_not_computed() {
    let (mut tape, [x, w, _], loss) = network(2);
    let constant = tape.exp(x).unwrap();
    tape.backward(loss);
    assert!(tape.gradient(x).is_empty());
    assert!(tape.gradient(constant).is_empty());
    assert_eq!(tape.gradient(w).shape(), [3, 4]);
    // From a node with no parameter behind it, all gradients are zero.
    tape.backward(constant);
    assert!(tape.gradient(w).iter().all(|&dw| dw == 0.0));
    tape.backward_from(constant, &Tensor::ones(IxDyn(&[2, 3]))).unwrap();
    assert!(tape.gradient(constant).is_empty());
    assert!(tape.gradient(w).iter().all(|&dw| dw == 0.0));
}

#[test]
fn a_parameter_can_be_the_loss() {
    let mut tape = Tape::<f64>::new();
    let a = tape.parameter(arr1(&[2.0, 3.0]));
    tape.backward(a);
    assert_eq!(tape.gradient(a), &arr1(&[1.0, 1.0]).into_dyn());
}

#[test]
fn another_batch_size_and_back() {
    let (mut tape, [x, w, b], loss) = network(5);
    tape.backward(loss);
    let images = tape.value(x).clone();
    let parameters = [w, b].map(|var| tape.value(var).clone());
    let (value, gradients) =
        (tape.value(loss).clone(), [w, b].map(|var| tape.gradient(var).clone()));

    let (mut small, [x_small, ..], loss_small) = network(2);
    let (few, rest) = images.view().split_at(ndarray::Axis(0), 2);
    small.set(x_small, &few.to_owned()).unwrap();
    small.set(w, &parameters[0]).unwrap();
    small.set(b, &parameters[1]).unwrap();
    small.forward();
    small.backward(loss_small);
    assert_eq!(rest.len_of(ndarray::Axis(0)), 3);

    tape.resize(&[(x, &[2, 3])]).unwrap();
    assert_eq!(tape.value(x).shape(), [2, 3]);
    tape.set(x, &few.to_owned()).unwrap();
    tape.forward();
    tape.backward(loss);
    assert_eq!(tape.value(loss), small.value(loss_small));
    assert_eq!([w, b].map(|var| tape.value(var).clone()), parameters);
    for var in [w, b] {
        assert_eq!(tape.gradient(var), small.gradient(var));
    }

    tape.resize(&[(x, &[5, 3])]).unwrap();
    tape.set(x, &images).unwrap();
    tape.forward();
    tape.backward(loss);
    assert_eq!(tape.value(loss), &value);
    assert_eq!([w, b].map(|var| tape.gradient(var).clone()), gradients);
}

#[test]
fn a_backward_pass_right_after_another_shape_computes_the_values_first() {
    let (mut tape, [x, _, b], loss) = network(5);
    tape.backward(loss);
    tape.resize(&[(x, &[7, 3])]).unwrap();
    tape.value_mut(x).fill(1.0);
    tape.backward(loss);
    let gradient = tape.gradient(b).clone();
    tape.forward();
    tape.backward(loss);
    assert_eq!(tape.gradient(b), &gradient);
}

#[test]
fn a_refused_shape_leaves_the_tape_as_it_was() {
    let (mut tape, [x, w, _], loss) = network(5);
    let values: Vec<_> = tape.vars().map(|var| tape.value(var).clone()).collect();
    let error = tape.resize(&[(x, &[5, 4])]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "linear_relu: [5, 4] · [3, 4] · [4]: columns of the left (4) must equal rows of the \
         right (3)"
    );
    let error = tape.resize(&[(x, &[0, 3])]).unwrap_err();
    assert_eq!(
        error.rule.to_string(),
        "an input is empty: every axis must have a length of 1 or more"
    );
    for (var, value) in tape.vars().zip(&values) {
        assert_eq!(tape.value(var), value);
    }
    tape.backward(loss);
    assert!(tape.gradient(w).iter().any(|&dw| dw != 0.0));
}

#[test]
fn a_var_of_another_tape_is_refused() {
    let mut tape = Tape::<f64>::new();
    let a = tape.parameter(arr1(&[1.0]));
    let mut other = Tape::<f64>::new();
    for _ in 0..3 {
        other.parameter(arr1(&[1.0]));
    }
    let foreign = other.parameter(arr1(&[1.0]));
    assert_eq!(
        tape.add(a, foreign).unwrap_err().to_string(),
        "add: node 3 is of another tape: this one has 1"
    );
    // The first index beyond the end is refused too, and nothing is recorded.
    let beyond = other.vars().nth(1).unwrap();
    assert!(tape.add(a, beyond).is_err());
    assert_eq!(tape.vars().count(), 1);
}

#[test]
fn a_transposed_array_is_put_in_standard_order() {
    let mut tape = Tape::<f64>::new();
    let array = arr2(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]).reversed_axes();
    let a = tape.parameter(array.clone());
    assert!(tape.value(a).is_standard_layout());
    assert_eq!(tape.value(a), &array.clone().into_dyn());
    let b = tape.parameter(Array2::from_elem((3, 2), 10.0));
    let y = tape.multiply(a, b).unwrap();
    assert_eq!(tape.value(y), &(&array * 10.0).into_dyn());
    tape.set(b, &array).unwrap();
    tape.forward();
    assert_eq!(tape.value(y), &(&array * &array).into_dyn());
}

#[test]
fn ops_see_the_mode_in_both_passes() {
    let mut tape = Tape::<f64>::new();
    let x = tape.parameter(arr1(&[3.0]));
    let y = tape.push(Modal { passes: [Tensor::zeros(IxDyn(&[]))] }, &[x]).unwrap();
    assert_eq!(tape.value(y)[0], 3.0);
    tape.set_mode(Mode::Training { step: 7 });
    tape.forward();
    tape.backward(y);
    assert_eq!((tape.value(y)[0], tape.gradient(x)[0]), (21.0, 7.0));
    assert_eq!(tape.buffers(y)[0][[]], 1.0);
    tape.set_mode(Mode::Evaluation);
    tape.forward();
    tape.backward(y);
    assert_eq!((tape.value(y)[0], tape.gradient(x)[0]), (3.0, 1.0));
    assert_eq!(tape.buffers(y)[0][[]], 1.0);
    assert!(tape.buffers(x).is_empty());
    let z = tape.add(y, y).unwrap();
    assert!(tape.buffers(z).is_empty());
    assert_eq!(Mode::default(), Mode::Evaluation);
}

#[test]
fn a_tape_can_move_to_another_thread() {
    fn send<T: Send + Sync>() {}
    send::<Tape<f32>>();
    send::<ShapeError>();
    assert_eq!(Tape::<f32>::default().vars().count(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..Default::default() })]

    #[test]
    fn backwards_every_op_is_linear(batch in 1..6_usize, seed: u64) {
        let (mut tape, [_, w, b], _) = network(batch);
        let hidden = tape.vars().nth(3).unwrap();
        let mut draw = Draw::new(seed);
        let [dy, dz] = [0, 1].map(|_| draw.away_from_zero::<f64>(&[batch, 4]));
        let mut of = |dy: &Tensor<f64>| {
            tape.backward_from(hidden, dy).unwrap();
            [w, b].map(|var| tape.gradient(var).clone())
        };
        let (both, of_dy, of_dz) = (of(&(&dy * 2.0 - &dz)), of(&dy), of(&dz));
        for k in 0..2 {
            let expected = &of_dy[k] * 2.0 - &of_dz[k];
            assert_relative_eq!(both[k], expected, max_relative = 1e-12, epsilon = 1e-12);
        }
    }
}

#[test]
fn shapes_beyond_memory_are_refused() {
    let mut tape = Tape::<f64>::new();
    let x = tape.input(arr1(&[1.0]));
    let y = tape.add(x, x).unwrap();
    // The number of entries overflows; that of bytes does.
    for shape in [&[usize::MAX, 2][..], &[1 << (usize::BITS - 4)]] {
        let message = tape.resize(&[(x, shape)]).unwrap_err().to_string();
        assert!(message.contains("more entries than memory can hold"), "{message}");
        assert_eq!(tape.value(y).shape(), [1], "the tape is as it was");
    }
}
