//! One training step of an MLP: forward, loss, backward, update. Chapter 15.
//!
//! `cargo bench --bench step`. Items are samples.

use chainrule::optim::{Optimizer, Rule};
use chainrule::{Mlp, Tape};
use divan::Bencher;
use divan::counter::ItemsCount;

fn main() {
    divan::main();
}

/// 784-128-64-10 with ReLU and SGD, on one thread: products of this size are not split.
#[divan::bench(args = [1, 24, 128])]
fn mlp_128_64(bencher: Bencher<'_, '_>, batch: usize) {
    let plan = Mlp::new(&[784, 128, 64, 10]).expect("widths");
    let mut network = plan.network::<f32>(batch, 29).expect("a network");
    let parameters: Vec<_> = network.parameters().iter().map(|parameter| parameter.var).collect();
    let mut optimizer = Optimizer::new(Rule::Sgd, 0.0, &network.tape, &parameters).expect("SGD");
    fill(&mut network.tape);
    let mut step = 0;
    bencher.counter(ItemsCount::new(batch)).bench_local(|| {
        network.learn(step);
        optimizer.step(&mut network.tape, 1e-3);
        step += 1;
    });
}

/// Dense inputs: an image of zeros would flatter no product, but it would flatter caches.
fn fill(tape: &mut Tape<f32>) {
    let input = tape.vars().next().expect("the input is recorded first");
    for (i, x) in tape.value_mut(input).iter_mut().enumerate() {
        *x = (i as f32 * 0.618_034).fract();
    }
}
