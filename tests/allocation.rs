//! A step of training takes no memory: every buffer was taken while the tape recorded.
//!
//! One exception is not ours: the crate `gemm` takes small packing buffers within a product and
//! gives them back. So a step is held against its products alone.

use chainrule::data::Dataset;
use chainrule::gradcheck::Draw;
use chainrule::matmul::product;
use chainrule::optim::{Average, Averaging, Optimizer, Rule};
use chainrule::{Mlp, Real, Tape};
use ndarray::{Array2, Axis};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Counts what the calling thread allocates.
struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    // The counter is gone while a thread ends. Nothing is counted then.
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: every call goes on to the system's allocator, unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promise, passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Number of allocations that `run` makes on this thread.
fn allocations(run: impl FnOnce()) -> usize {
    let before = COUNT.get();
    run();
    COUNT.get() - before
}

/// Which operand of a product is a transposed view.
#[derive(Clone, Copy, PartialEq)]
enum Transposed {
    Neither,
    Left,
    Right,
}

/// The products of a forward and a backward pass over Y = X·W, with X `[m, k]` and W `[k, n]`.
/// The gradient of X is left out where X is an input.
fn products_of_a_layer(m: usize, k: usize, n: usize, input: bool) -> Vec<([usize; 3], Transposed)> {
    let mut products = vec![([m, k, n], Transposed::Neither), ([k, m, n], Transposed::Left)];
    if !input {
        products.push(([m, n, k], Transposed::Right));
    }
    products
}

/// Number of allocations of products alone, once they have been warmed up.
fn allocations_of_products<T: Real>(products: &[([usize; 3], Transposed)]) -> usize {
    let matrix = |rows, columns, transposed| {
        let shape = if transposed { [columns, rows] } else { [rows, columns] };
        let matrix = Array2::<T>::ones(shape);
        if transposed { matrix.reversed_axes() } else { matrix }
    };
    products
        .iter()
        .map(|&([m, k, n], transposed)| {
            let a = matrix(m, k, transposed == Transposed::Left);
            let b = matrix(k, n, transposed == Transposed::Right);
            let mut c = Array2::zeros((m, n));
            product(a.view(), b.view(), c.view_mut(), true);
            allocations(|| product(a.view(), b.view(), c.view_mut(), true))
        })
        .sum()
}

/// Asserts that a training step allocates nothing, but for its products: the batch is loaded,
/// the loss and its gradient are computed, and the rule moves the parameters.
fn assert_step<T: Real>(plan: &Mlp, rule: Rule) {
    let mut draw = Draw::new(3);
    let inputs = draw.away_from_zero::<f32>(&[64 * 20]).into_raw_vec_and_offset().0;
    let labels = draw.labels::<f32>(64, 4).iter().map(|&label| label as u8).collect();
    let data = Dataset::from_reals("a cloud", &[20], 4, inputs, labels).unwrap();
    let samples: Vec<usize> = (0..16).map(|k| 3 * k).collect();
    let mut network = plan.network::<T>(16, 29).unwrap();
    let parameters: Vec<_> = network.parameters().iter().map(|parameter| parameter.var).collect();
    let mut optimizer = Optimizer::new(rule, 1e-4, &network.tape, &parameters).unwrap();
    let mut losses = Vec::with_capacity(60);
    let mut step = |step| {
        network.load(&data, &samples);
        network.learn(step);
        optimizer.step(&mut network.tape, 0.02);
        losses.push(network.mean_loss());
        network.correct()
    };
    step(0);
    let of_a_step = allocations(|| {
        step(1);
    });
    let products =
        [products_of_a_layer(16, 20, 30, true), products_of_a_layer(16, 30, 4, false)].concat();
    assert_eq!(of_a_step, allocations_of_products::<T>(&products), "{plan:?}, {rule:?}");
    (2..60).for_each(|k| {
        step(k);
    });
    assert!(losses[59] < losses[0], "{} before, {} after", losses[0], losses[59]);
}

#[test]
fn a_training_step_allocates_nothing() {
    let plain = Mlp::new(&[20, 30, 4]).unwrap();
    let normalized = plain.clone().batch_norm(true).dropout("0.2".parse().unwrap());
    for plan in [plain, normalized] {
        for rule in ["sgd", "momentum", "nesterov", "adam", "adamw"] {
            assert_step::<f32>(&plan, rule.parse().unwrap());
            assert_step::<f64>(&plan, rule.parse().unwrap());
        }
    }
}

#[test]
fn a_recorded_tape_has_all_its_memory() {
    let mut draw = Draw::new(3);
    let mut tape = Tape::<f32>::new();
    let x = tape.parameter(draw.positive(&[16, 30]));
    let b = tape.parameter(draw.positive(&[30]));
    let hidden = tape.sigmoid(x).unwrap();
    let hidden = tape.add_bias(hidden, b).unwrap();
    let rows = tape.mean_axis(hidden, Axis(0)).unwrap();
    let rows = tape.expand(rows, Axis(0), hidden).unwrap();
    let hidden = tape.divide(hidden, rows).unwrap();
    let hidden = tape.selu(hidden).unwrap();
    let hidden = tape.gelu(hidden).unwrap();
    let hidden = tape.standardize(hidden, &[0.5; 30], &[2.0; 30]).unwrap();
    let hidden = tape.transpose(hidden).unwrap();
    let columns = tape.sum_axis(hidden, Axis(1)).unwrap();
    let y = tape.sum(columns).unwrap();
    let of_the_first_replay = allocations(|| {
        tape.forward();
        tape.backward(y);
    });
    assert_eq!(of_the_first_replay, 0);
}

#[test]
fn an_average_follows_without_memory() {
    let plan = Mlp::new(&[20, 30, 4]).unwrap().batch_norm(true);
    let mut network = plan.network::<f32>(16, 29).unwrap();
    for averaging in [
        Averaging::Lookahead { every: 1, weight: 0.5 },
        Averaging::airbench(10),
        Averaging::Exponential { decay: 0.9 },
        Averaging::Mean { from: 2, every: 1 },
    ] {
        let mut average = Average::new(averaging, &mut network).unwrap();
        let of_an_update = allocations(|| {
            (1..=5).for_each(|step| average.update(&mut network, step));
            average.swap(&mut network);
            average.finish(&mut network);
        });
        assert_eq!(of_an_update, 0, "{averaging:?}");
    }
}

#[test]
fn another_batch_size_and_back_takes_the_memory_that_is_there() {
    let mut draw = Draw::new(3);
    let mut tape = Tape::<f32>::new();
    let x = tape.input(draw.away_from_zero(&[16, 20]));
    let (w, b) = (tape.parameter(draw.positive(&[20, 30])), tape.parameter(draw.positive(&[30])));
    let hidden = tape.linear_relu(x, w, b).unwrap();
    let y = tape.sum(hidden).unwrap();
    for batch in [16, 3, 16, 7, 16] {
        tape.resize(&[(x, &[batch, 20])]).unwrap();
        let of_a_replay = allocations(|| {
            tape.forward();
            tape.backward(y);
        });
        let products = products_of_a_layer(batch, 20, 30, true);
        assert_eq!(of_a_replay, allocations_of_products::<f32>(&products), "batch {batch}");
    }
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(vec![1.0_f32; 100]))), 1);
    assert_eq!(allocations(|| drop(std::hint::black_box(vec![0.0_f32; 100]))), 1);
}
