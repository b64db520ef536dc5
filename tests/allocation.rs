//! A step of training takes no memory: every buffer was taken while the tape recorded.

use chainrule::cnn::{Cnn, Flagship, Lenet};
use chainrule::data::augment::{Augmentation, Flip};
use chainrule::data::{Dataset, pictures};
use chainrule::gradcheck::Draw;
use chainrule::model::Model;
use chainrule::optim::{Average, Averaging, Optimizer, Rule};
use chainrule::{Mlp, Real, Tape};
use ndarray::Axis;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Counts what the calling thread allocates. The program has one allocator for all its tests: those
/// that run at the same time have threads of their own, and so counts of their own.
struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

fn count(bytes: usize) {
    // The counters are gone while a thread ends. Nothing is counted then.
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
    let _ = BYTES.try_with(|count| count.set(count.get() + bytes));
}

// SAFETY: every call goes on to the system's allocator, unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
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

/// Runs on a pool of one thread, which does all the work: so all that it allocates is counted.
fn on_one_thread(run: impl FnOnce() + Send) {
    #[cfg(feature = "threads")]
    rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(run);
    #[cfg(not(feature = "threads"))]
    run();
}

/// Asserts that a training step allocates nothing: the batch is loaded, the loss and its gradient
/// are computed, and the rule moves the parameters. And that so many `steps` lower the loss.
fn assert_step<T: Real>(model: &Model, data: &Dataset, rule: Rule, steps: usize) {
    let samples: Vec<usize> = (0..16).map(|k| 3 * k).collect();
    let mut network = model.network::<T>(16, 29).unwrap();
    model.prepare(&mut network, data).unwrap();
    let parameters: Vec<_> = network.parameters().iter().map(|parameter| parameter.var).collect();
    let mut optimizer = Optimizer::new(rule, 1e-4, &network.tape, &parameters).unwrap();
    let mut losses = Vec::with_capacity(steps);
    let mut step = |step| {
        network.load(data, &samples);
        network.learn(step);
        optimizer.step(&mut network.tape, 0.02);
        losses.push(network.mean_loss());
        network.correct()
    };
    step(0);
    let of_a_step = allocations(|| {
        step(1);
    });
    assert_eq!(of_a_step, 0, "{model:?}, {rule:?}");
    (2..steps as u64).for_each(|k| {
        step(k);
    });
    let (first, last) = (losses[0], losses[steps - 1]);
    assert!(last < first, "{model:?}: {first} before, {last} after");
}

#[test]
fn a_training_step_allocates_nothing() {
    let mut draw = Draw::new(3);
    let inputs = draw.away_from_zero::<f32>(&[64 * 20]).into_raw_vec_and_offset().0;
    let labels = draw.labels::<f32>(64, 4).iter().map(|&label| label as u8).collect();
    let data = Dataset::from_reals("a cloud", &[20], 4, inputs, labels).unwrap();
    let plain = Mlp::new(&[20, 30, 4]).unwrap();
    let normalized = plain.clone().batch_norm(true).dropout("0.2".parse().unwrap());
    for model in [plain, normalized].map(Model::Mlp) {
        for rule in ["sgd", "momentum", "nesterov", "adam", "adamw"] {
            assert_step::<f32>(&model, &data, rule.parse().unwrap(), 60);
            assert_step::<f64>(&model, &data, rule.parse().unwrap(), 60);
        }
    }
}

#[test]
fn a_training_step_on_pictures_allocates_nothing() {
    let data = pictures::draw(48, 3);
    let image = [32, 32, 3];
    let plain = Cnn::new(image, 10).filters(&[4, 6]);
    let normalized = plain.clone().batch_norm(true);
    let models = [
        Model::Cnn(plain.clone()),
        Model::Cnn(plain.clone().hidden(&[5, 4]).dropout("0.2".parse().unwrap())),
        Model::Cnn(plain.dropout("0.2".parse().unwrap())),
        Model::Cnn(normalized.clone()),
        Model::Cnn(normalized.dropout("0.2".parse().unwrap())),
        Model::Lenet(Lenet::new(image, 10)),
        Model::Flagship(Flagship::new(image, 10).filters([4, 6, 8])),
    ];
    let rule = Rule::Momentum { momentum: 0.9 };
    on_one_thread(|| {
        for model in models {
            assert_step::<f32>(&model, &data, rule, 20);
            assert_step::<f64>(&model, &data, rule, 20);
        }
    });
}

/// The estimate is of what is taken: no more than that, and no small part of it.
#[test]
fn a_network_takes_the_memory_that_was_estimated() {
    let image = [32, 32, 3];
    for (model, batch) in [
        (Model::Mlp(Mlp::new(&[784, 256, 128, 10]).unwrap()), 64),
        (Model::Mlp(Mlp::new(&[784, 100, 10]).unwrap()), 4_000),
        (Model::Cnn(Cnn::new(image, 10)), 16),
        (Model::Lenet(Lenet::new(image, 10)), 16),
        (Model::Flagship(Flagship::new(image, 10).filters([16, 64, 64])), 16),
        (Model::Flagship(Flagship::new(image, 10)), 1),
    ] {
        let before = BYTES.get();
        let network = model.network::<f32>(batch, 29).unwrap();
        let taken = (BYTES.get() - before) as f64;
        let (entries, parameters) = (model.entries(), network.parameter_count() as f64);
        let estimated = entries.bytes::<f32>(batch);
        assert!((0.95..=1.1).contains(&(entries.weights() / parameters)), "{model:?}");
        assert!(estimated <= taken, "{model:?}: {estimated} estimated, {taken} taken");
        assert!(taken <= 3.0 * estimated, "{model:?}: {estimated} estimated, {taken} taken");
    }
}

#[test]
fn augmented_images_allocate_nothing() {
    let data = pictures::draw(64, 3);
    let augmentation =
        Augmentation { flip: Flip::Alternating, translate: 4, cutout: 8, ..Augmentation::NONE };
    let mut network = Mlp::new(&[3_072, 10]).unwrap().network::<f32>(64, 29).unwrap();
    let samples: Vec<usize> = (0..64).rev().collect();
    let augmenter = augmentation.on(data.shape()).unwrap();
    let mut load = |epoch| {
        network.load_with(&data, &samples, |sample, image| {
            augmenter.apply(image, 29, epoch, sample as u64);
        });
    };
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
        let mut average = Average::new(averaging, &network).unwrap();
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
