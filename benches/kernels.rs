//! The kernels of a step, one by one, on one thread. Chapter 15.
//!
//! `cargo bench --bench kernels`. Of products and convolutions, items are floating-point operations, so
//! that Gitem/s are GFLOP/s, to be read against `roof::peak`. Of the rest, bytes are those of the
//! tensors that a kernel takes and makes, each once, to be read against `roof::memory`; where these
//! fit a cache they may pass it.

use chainrule::conv::pool::{Window, blocks};
use chainrule::conv::{Algorithm, Geometry};
use chainrule::data::augment::{Augmentation, Deformation, Elastic};
use chainrule::optim::{Optimizer, Rule};
use chainrule::{Mode, Tape, Tensor, Var, matmul};
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use ndarray::{Array2, Array4, IxDyn};
use std::time::Duration;

fn main() {
    // One thread, and that this one: shares are those of a core.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread();
    pool.build_global().expect("nothing has used the pool");
    divan::Divan::default().max_time(Duration::from_millis(400)).config_with_args().main();
}

/// What the machine could do.
mod roof {
    use super::*;
    use chainrule::product::gemm;

    /// Entries of a tensor of 256 MiB: the three of a triad fit no cache.
    const LARGE: usize = 1 << 26;

    /// Square factors that stay in the caches.
    #[divan::bench(args = [64, 128, 256, 384])]
    fn peak(bencher: Bencher<'_, '_>, side: usize) {
        let (a, b) = (matrix(side, side), matrix(side, side));
        let mut c = Array2::zeros((side, side));
        bencher
            .counter(ItemsCount::new(2 * side.pow(3)))
            .bench_local(|| gemm(&a.view().into(), b.view(), c.view_mut(), false));
    }

    /// a ← b + c/2: two tensors read and one written.
    #[divan::bench]
    fn memory(bencher: Bencher<'_, '_>) {
        let (b, c) = (vec![1.0_f32; LARGE], vec![2.0_f32; LARGE]);
        let mut a = vec![0.0_f32; LARGE];
        bencher.counter(BytesCount::of_many::<f32>(3 * LARGE)).bench_local(|| {
            for ((a, b), c) in a.iter_mut().zip(&b).zip(&c) {
                *a = b + 0.5 * c;
            }
        });
    }
}

/// Products of the linear layers: `[batch, fan_in, fan_out]`.
mod product {
    use super::*;

    const LAYERS: [[usize; 3]; 9] = [
        [1, 784, 128],
        [24, 784, 128],
        [24, 128, 64],
        [24, 64, 10],
        [16, 784, 300],
        [16, 300, 10],
        [1_000, 784, 784],
        [1_000, 784, 10],
        [512, 512, 512],
    ];

    fn operations([m, k, n]: [usize; 3]) -> ItemsCount {
        ItemsCount::new(2 * m * k * n)
    }

    /// Y ← X·W.
    #[divan::bench(args = LAYERS)]
    fn forward(bencher: Bencher<'_, '_>, layer @ [m, k, n]: [usize; 3]) {
        let (x, w, mut y) = (matrix(m, k), matrix(k, n), Array2::zeros((m, n)));
        bencher
            .counter(operations(layer))
            .bench_local(|| matmul::product(x.view(), w.view(), y.view_mut(), false));
    }

    /// dW ← dW + Xᵀ·dY.
    #[divan::bench(args = LAYERS)]
    fn weight_gradient(bencher: Bencher<'_, '_>, layer @ [m, k, n]: [usize; 3]) {
        let (x, dy, mut dw) = (matrix(m, k), matrix(m, n), Array2::zeros((k, n)));
        bencher
            .counter(operations(layer))
            .bench_local(|| matmul::product(x.t(), dy.view(), dw.view_mut(), true));
    }

    /// dX ← dX + dY·Wᵀ.
    #[divan::bench(args = LAYERS)]
    fn input_gradient(bencher: Bencher<'_, '_>, layer @ [m, k, n]: [usize; 3]) {
        let (dy, w, mut dx) = (matrix(m, n), matrix(k, n), Array2::zeros((m, k)));
        bencher
            .counter(operations(layer))
            .bench_local(|| matmul::product(dy.view(), w.t(), dx.view_mut(), true));
    }
}

/// Convolutions of 3 x 3 with padding 1: by algorithm, `[side of the images, c_in, c_out]`.
mod convolution {
    use super::*;

    const GEOMETRY: Geometry = Geometry { kernel: 3, stride: 1, padding: 1 };
    const LAYERS: [[usize; 3]; 4] = [[32, 3, 32], [16, 32, 64], [8, 64, 128], [15, 64, 256]];

    type Case = (Algorithm, [usize; 3]);

    fn cases() -> impl Iterator<Item = Case> {
        LAYERS.into_iter().flat_map(|layer| Algorithm::ALL.map(|algorithm| (algorithm, layer)))
    }

    /// Images of a pass. The definition, some hundred times slower than the others, is given one.
    fn batch(algorithm: Algorithm) -> usize {
        if algorithm == Algorithm::Definition { 1 } else { 32 }
    }

    fn operations((algorithm, [side, c_in, c_out]): Case) -> ItemsCount {
        ItemsCount::new(2 * batch(algorithm) * side * side * 9 * c_in * c_out)
    }

    /// x, w and y of a case.
    fn tensors((algorithm, [side, c_in, c_out]): Case) -> [Array4<f32>; 3] {
        let images = |channels| four_axes([batch(algorithm), side, side, channels]);
        [images(c_in), four_axes([3, 3, c_in, c_out]), images(c_out)]
    }

    #[divan::bench(args = cases())]
    fn forward(bencher: Bencher<'_, '_>, case: Case) {
        let ([x, w, mut y], mut scratch) = (tensors(case), Vec::new());
        bencher.counter(operations(case)).bench_local(|| {
            case.0.forward(x.view(), w.view(), GEOMETRY, &mut scratch, y.view_mut());
        });
    }

    #[divan::bench(args = cases())]
    fn weight_gradient(bencher: Bencher<'_, '_>, case: Case) {
        let ([x, mut dw, dy], mut scratch) = (tensors(case), Vec::new());
        bencher.counter(operations(case)).bench_local(|| {
            case.0.weight_gradient(x.view(), dy.view(), GEOMETRY, &mut scratch, dw.view_mut());
        });
    }

    #[divan::bench(args = cases())]
    fn input_gradient(bencher: Bencher<'_, '_>, case: Case) {
        let ([mut dx, w, dy], mut scratch) = (tensors(case), Vec::new());
        bencher.counter(operations(case)).bench_local(|| {
            case.0.input_gradient(dy.view(), w.view(), GEOMETRY, &mut scratch, dx.view_mut());
        });
    }
}

/// Maxima of 2 x 2 windows on the first images of the plain CNN.
mod max_pooling {
    use super::*;

    const X: [usize; 4] = [64, 32, 32, 32];
    const Y: [usize; 4] = [64, 16, 16, 32];
    const WINDOW: Window = Window::square(2);

    #[divan::bench]
    fn forward(bencher: Bencher<'_, '_>) {
        let (x, mut y) = (four_axes(X), four_axes(Y));
        bencher
            .counter(BytesCount::of_many::<f32>(x.len() + y.len()))
            .bench_local(|| blocks::max(x.view(), WINDOW, y.view_mut()));
    }

    #[divan::bench]
    fn backward(bencher: Bencher<'_, '_>) {
        let (x, mut y, dy, mut dx) = (four_axes(X), four_axes(Y), four_axes(Y), four_axes(X));
        blocks::max(x.view(), WINDOW, y.view_mut());
        bencher.counter(BytesCount::of_many::<f32>(2 * (x.len() + y.len()))).bench_local(|| {
            blocks::max_gradient(x.view(), y.view(), dy.view(), WINDOW, dx.view_mut(), true);
        });
    }
}

/// Single ops on a tape. Backward it also sets dy, and zeroes each gradient that it adds to.
mod op {
    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum Kind {
        Add,
        Tanh,
        Gelu,
        BatchNorm,
        SoftmaxCrossEntropy,
    }

    const KINDS: [Kind; 5] =
        [Kind::Add, Kind::Tanh, Kind::Gelu, Kind::BatchNorm, Kind::SoftmaxCrossEntropy];

    /// An op on the first images of the plain CNN, or on logits.
    fn record(kind: Kind) -> (Tape<f32>, Var) {
        let mut tape = Tape::new();
        tape.set_mode(Mode::Training { step: 0 });
        let mut leaf = |shape: &[usize]| tape.parameter(dense(shape));
        let images = [64, 32, 32, 32];
        let y = match kind {
            Kind::Add => {
                let (a, b) = (leaf(&images), leaf(&images));
                tape.add(a, b)
            }
            Kind::Tanh => {
                let x = leaf(&images);
                tape.tanh(x)
            }
            Kind::Gelu => {
                let x = leaf(&images);
                tape.gelu(x)
            }
            Kind::BatchNorm => {
                let (x, gamma, beta) = (leaf(&images), leaf(&[32]), leaf(&[32]));
                tape.batch_norm(x, gamma, beta)
            }
            Kind::SoftmaxCrossEntropy => {
                let logits = leaf(&[1_000, 10]);
                let labels = tape.input(ndarray::Array1::from_shape_fn(1_000, |i| (i % 10) as f32));
                tape.softmax_cross_entropy(logits, labels)
            }
        };
        (tape, y.expect("the shapes fit"))
    }

    /// Entries of the values of all nodes.
    fn values(tape: &Tape<f32>) -> usize {
        tape.vars().map(|var| tape.value(var).len()).sum()
    }

    #[divan::bench(args = KINDS)]
    fn forward(bencher: Bencher<'_, '_>, kind: Kind) {
        let (mut tape, _) = record(kind);
        bencher.counter(BytesCount::of_many::<f32>(values(&tape))).bench_local(|| tape.forward());
    }

    #[divan::bench(args = KINDS)]
    fn backward(bencher: Bencher<'_, '_>, kind: Kind) {
        let (mut tape, y) = record(kind);
        let gradients: usize = tape.vars().map(|var| tape.gradient(var).len()).sum();
        bencher
            .counter(BytesCount::of_many::<f32>(values(&tape) + gradients))
            .bench_local(|| tape.backward(y));
    }
}

/// A step of each rule on a matrix of 2²⁰ weights: w, its gradient, and what the rule keeps.
#[divan::bench(args = ["sgd", "momentum", "nesterov", "adam", "adamw"])]
fn optimizer(bencher: Bencher<'_, '_>, rule: &str) {
    let rule: Rule = rule.parse().expect("a rule's name");
    let mut tape = Tape::<f32>::new();
    let w = tape.parameter(dense(&[1_024, 1_024]));
    let loss = tape.sum(w).expect("any shape has a sum");
    tape.backward(loss);
    let mut optimizer = Optimizer::new(rule, 0.0, &tape, &[w]).expect("the rule's own numbers");
    let tensors = 2 + rule.state_names().len();
    bencher
        .counter(BytesCount::of_many::<f32>(tensors << 20))
        .bench_local(|| optimizer.step(&mut tape, 1e-6));
}

/// Digits of 28 x 28, turned, scaled, sheared and bent: items are images.
#[divan::bench(args = ["turned", "bent"])]
fn deformation(bencher: Bencher<'_, '_>, what: &str) {
    let elastic = (what == "bent").then_some(Elastic { alpha: 36.0, sigma: 5.0 });
    let deformation = Deformation { rotation: 15.0, scaling: 0.15, shear: 15.0, elastic };
    let augmentation = Augmentation { deformation, ..Augmentation::NONE };
    let augmenter = augmentation.on(&[28, 28]).expect("all numbers are in their ranges");
    let mut images = dense(&[64, 28 * 28]);
    let mut epoch = 0;
    bencher.counter(ItemsCount::new(64_usize)).bench_local(|| {
        for (mut image, sample) in images.outer_iter_mut().zip(0..) {
            let image = image.as_slice_mut().expect("an image is contiguous");
            augmenter.apply(image, 29, epoch, sample);
        }
        epoch += 1;
    });
}

/// Dense entries of either sign: zeros would flatter the caches, and pooling.
fn dense(shape: &[usize]) -> Tensor<f32> {
    let mut tensor = Tensor::zeros(IxDyn(shape));
    for (i, x) in tensor.iter_mut().enumerate() {
        *x = (i as f64 * 0.618_034).fract() as f32 - 0.5;
    }
    tensor
}

fn matrix(rows: usize, columns: usize) -> Array2<f32> {
    dense(&[rows, columns]).into_dimensionality().expect("two axes")
}

fn four_axes(shape: [usize; 4]) -> Array4<f32> {
    dense(&shape).into_dimensionality().expect("four axes")
}
