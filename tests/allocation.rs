//! A step of training takes no memory: every buffer was taken while the tape recorded.

use chainrule::data::augment::{Augmentation, Flip};
use chainrule::data::{Dataset, pictures};
use chainrule::gradcheck::Draw;
use chainrule::optim::{Average, Averaging, Optimizer, Rule};
use chainrule::{Mlp, Real, Tape};
use ndarray::Axis;
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

/// Asserts that a training step allocates nothing: the batch is loaded, the loss and its gradient
/// are computed, and the rule moves the parameters.
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
    assert_eq!(of_a_step, 0, "{plan:?}, {rule:?}");
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
fn augmented_images_allocate_nothing() {
    let data = pictures::draw(64, 3);
    let augmentation = Augmentation { flip: Flip::Alternating, translate: 4, cutout: 8 };
    let mut network = Mlp::new(&[3_072, 10]).unwrap().network::<f32>(64, 29).unwrap();
    let samples: Vec<usize> = (0..64).rev().collect();
    let mut load =
        |epoch| network.load_augmented(&data, &samples, &augmentation, 29, epoch).unwrap();
    load(0);
    assert_eq!(allocations(|| load(1)), 0);
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
        assert_eq!(of_a_replay, 0, "batch {batch}");
    }
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(vec![1.0_f32; 100]))), 1);
    assert_eq!(allocations(|| drop(std::hint::black_box(vec![0.0_f32; 100]))), 1);
}
