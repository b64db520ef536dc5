//! The opening page: a network that reads digits, trained while the reader looks on.
//!
//! No digit comes twice. Each batch is drawn, then read, then learned from, so that the share that was
//! read right is always one of digits that the network has not seen.

use crate::Function;
use crate::buffer::answer;
use chainrule::data::digits::{self, CLASSES};
use chainrule::init::Init::HeNormal;
use chainrule::optim::Optimizer;
use chainrule::random::{Purpose, stream};
use chainrule::softmax::argmax;
use chainrule::tensor::rows;
use chainrule::{ShapeError, Tape, Tensor, Var};
use ndarray::{Array1, Array2, Axis};
use std::cell::RefCell;

/// Entries of an image.
pub const PIXELS: usize = digits::SIDE * digits::SIDE;
/// Units of the hidden layer.
const HIDDEN: usize = 64;
/// Digits in a step.
pub const BATCH: usize = 100;
/// Steps of the training.
pub const STEPS: u64 = 300;
/// The rate of the first step. It falls in a straight line and would be 0 after the last one.
const RATE: f64 = 0.006;

/// A network 784-64-10 and how far it has learned.
pub struct Network {
    seed: u64,
    tape: Tape<f32>,
    images: Var,
    labels: Var,
    parameters: [Var; 4],
    logits: Var,
    loss: Var,
    adam: Optimizer<f32>,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network").field("seed", &self.seed).field("step", &self.step()).finish()
    }
}

/// What came of some steps.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Progress {
    /// Steps made since the start.
    pub step: u64,
    /// Mean loss of the digits of these steps, before they were learned from.
    pub loss: f64,
    /// Share of them that was read right, before they were learned from.
    pub accuracy: f64,
}

/// What the network reads in an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The probability of each digit.
    pub probabilities: Vec<f64>,
    /// ∂ log p / ∂ pixel, of the likeliest digit's p: positive where more ink makes it likelier.
    pub effects: Vec<f64>,
}

impl Network {
    /// A network at its start, which `seed` fixes, as it does all digits that it will see.
    pub fn new(seed: u64) -> Self {
        const FIT: &str = "the shapes of this network fit";
        let mut rng = stream(seed, Purpose::Init);
        let mut weights = |inputs: usize, outputs: usize| {
            HeNormal.sample(inputs, outputs, &[inputs, outputs], &mut rng)
        };
        let mut tape = Tape::new();
        let images = tape.input(Array2::zeros((BATCH, PIXELS)));
        let labels = tape.input(Array1::zeros(BATCH));
        let w1 = tape.parameter(weights(PIXELS, HIDDEN));
        let b1 = tape.parameter(Array1::zeros(HIDDEN));
        let w2 = tape.parameter(weights(HIDDEN, CLASSES));
        let b2 = tape.parameter(Array1::zeros(CLASSES));
        let hidden = tape.linear_relu(images, w1, b1).expect(FIT);
        let logits = tape.linear(hidden, w2, b2).expect(FIT);
        let loss = tape.softmax_cross_entropy(logits, labels).expect(FIT);
        let parameters = [w1, b1, w2, b2];
        let rule = "adam".parse().expect("a rule of the library");
        let adam = Optimizer::new(rule, 0.0, &tape, &parameters).expect("four parameters");
        Self { seed, tape, images, labels, parameters, logits, loss, adam }
    }

    /// Steps made since the start.
    pub fn step(&self) -> u64 {
        self.adam.steps()
    }

    /// Makes up to `steps` steps, at least one, and none after the last of [`STEPS`].
    pub fn learn(&mut self, steps: u64) -> Progress {
        let until = (self.step() + steps.max(1)).min(STEPS);
        let (mut loss, mut right, mut count) = (0.0, 0, 0);
        while self.step() < until {
            right += self.read_batch(self.step());
            loss += f64::from(self.tape.value(self.loss)[[]]);
            count += 1;
            self.tape.backward(self.loss);
            let rate = RATE * (1.0 - self.step() as f64 / STEPS as f64);
            self.adam.step(&mut self.tape, rate);
        }
        let batches = count.max(1) as f64;
        let accuracy = right as f64 / (batches * BATCH as f64);
        Progress { step: self.step(), loss: loss / batches, accuracy }
    }

    /// Share of `count` digits that were not learned from that is read right.
    pub fn test(&mut self, count: u64) -> f64 {
        let batches = count.div_ceil(BATCH as u64);
        let right: usize = (STEPS..STEPS + batches).map(|number| self.read_batch(number)).sum();
        right as f64 / (batches * BATCH as u64) as f64
    }

    /// What the network reads in one image of [`PIXELS`] entries from 0 to 1, and why, in `f64`.
    ///
    /// # Errors
    /// [`ShapeError`] where the image has another number of entries.
    pub fn read(&self, image: &[f64]) -> Result<Reading, ShapeError> {
        let mut tape = Tape::<f64>::new();
        // A parameter, so that the gradient arrives at the pixels.
        let image = tape.parameter(Array1::from(image.to_vec()).insert_axis(Axis(0)));
        let [w1, b1, w2, b2] =
            self.parameters.map(|var| tape.input(self.tape.value(var).mapv(f64::from)));
        let hidden = tape.linear_relu(image, w1, b1)?;
        let logits = tape.linear(hidden, w2, b2)?;
        let logarithms = tape.log_softmax(logits)?;
        let answer = argmax(tape.value(logits).as_slice().expect("one row"));
        let mut upstream = Tensor::zeros(tape.value(logarithms).raw_dim());
        upstream[[0, answer]] = 1.0;
        tape.backward_from(logarithms, &upstream)?;
        Ok(Reading {
            probabilities: tape.value(logarithms).iter().map(|p| p.exp()).collect(),
            effects: tape.gradient(image).iter().copied().collect(),
        })
    }

    /// Puts batch `number` of this seed's digits through the network, and counts the right answers.
    fn read_batch(&mut self, number: u64) -> usize {
        let digits = digits::draw(BATCH, (self.seed << 32) | number);
        let contiguous = "a tape's tensors are contiguous";
        for (i, mut image) in self.tape.value_mut(self.images).outer_iter_mut().enumerate() {
            digits.read(i, image.as_slice_mut().expect(contiguous));
        }
        for (i, label) in self.tape.value_mut(self.labels).iter_mut().enumerate() {
            *label = digits.label(i) as f32;
        }
        self.tape.forward();
        let answers = rows(self.tape.value(self.logits)).map(argmax).enumerate();
        answers.filter(|&(i, answer)| answer == digits.label(i)).count()
    }
}

/// The image of what a pen wrote: x and y of its points one after the other, with two that are no
/// numbers after each stroke. `None` where there is no point.
pub fn image(pen: &[f64]) -> Option<Vec<f64>> {
    let points: Vec<[f32; 2]> = pen.chunks_exact(2).map(|p| [p[0] as f32, p[1] as f32]).collect();
    let strokes = points.split(|point| point[0].is_nan()).map(<[_]>::to_vec).collect::<Vec<_>>();
    let image = digits::written(&strokes)?;
    Some(image.as_flattened().iter().map(|&level| f64::from(level) / 255.0).collect())
}

thread_local! {
    /// The network of the page.
    static NETWORK: RefCell<Option<Network>> = const { RefCell::new(None) };
}

/// What the page calls.
pub const FUNCTIONS: &[(&str, Function)] = &[
    ("index_begin", index_begin),
    ("index_learn", index_learn),
    ("index_test", index_test),
    ("index_read", index_read),
];

/// Begins anew. Takes the seed; leaves the number of steps that there will be.
#[unsafe(no_mangle)]
pub extern "C" fn index_begin() -> usize {
    answer(|arguments| {
        let &[seed] = arguments else { return None };
        // Of a seed 32 bits count: the others number the batches.
        NETWORK.set(Some(Network::new(u64::from(seed as u32))));
        Some(vec![STEPS as f64])
    })
}

/// Learns. Takes a number of steps; leaves the step reached, the loss and the share read right.
#[unsafe(no_mangle)]
pub extern "C" fn index_learn() -> usize {
    answer(|arguments| {
        let &[steps] = arguments else { return None };
        let Progress { step, loss, accuracy } =
            NETWORK.with_borrow_mut(|network| Some(network.as_mut()?.learn(steps as u64)))?;
        Some(vec![step as f64, loss, accuracy])
    })
}

/// Takes a number of new digits; leaves the share of them that is read right.
#[unsafe(no_mangle)]
pub extern "C" fn index_test() -> usize {
    answer(|arguments| {
        let &[count] = arguments else { return None };
        NETWORK.with_borrow_mut(|network| Some(vec![network.as_mut()?.test(count as u64)]))
    })
}

/// Reads. Takes what [`image`] takes; leaves the image, ten probabilities, and the effects.
#[unsafe(no_mangle)]
pub extern "C" fn index_read() -> usize {
    answer(|pen| {
        let mut results = image(pen)?;
        let reading = NETWORK.with_borrow(|network| network.as_ref()?.read(&results).ok())?;
        results.extend(reading.probabilities);
        results.extend(reading.effects);
        Some(results)
    })
}
