//! The opening page: a network that reads digits, trained while the reader looks on.
//!
//! No digit comes twice. Each batch is drawn, then read, then learned from, so that the share that was
//! read right is always one of digits that the network has not seen.

use crate::Function;
use crate::buffer::answer;
use chainrule::data::Dataset;
use chainrule::data::digits::{self, CLASSES};
use chainrule::init::Init::HeNormal;
use chainrule::optim::Optimizer;
use chainrule::random::{Purpose, stream};
use chainrule::softmax::argmax;
use chainrule::tensor::rows;
use chainrule::{ShapeError, Tape, Tensor, Var};
use ndarray::{Array1, Array2, Axis};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::ops::Range;

/// Entries of an image.
pub const PIXELS: usize = digits::SIDE * digits::SIDE;
/// Units of the hidden layer.
const HIDDEN: usize = 64;
/// Digits in a step.
pub const BATCH: usize = 100;
/// Batches over which progress is measured: a thousand digits.
const WINDOW: usize = 10;
/// Steps of the training.
pub const STEPS: u64 = 500;
/// The rate of the first step. It falls in a straight line and would be 0 after the last one.
const RATE: f64 = 0.01;

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
    /// Loss and right answers of the last batches.
    last: VecDeque<(f64, usize)>,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network").field("seed", &self.seed).field("step", &self.step()).finish()
    }
}

/// How far a network has learned, by the last [`WINDOW`] batches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Steps made since the start.
    pub step: u64,
    /// Mean loss of these digits, before they were learned from.
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
        Self { seed, tape, images, labels, parameters, logits, loss, adam, last: VecDeque::new() }
    }

    /// Steps made since the start.
    pub fn step(&self) -> u64 {
        self.adam.steps()
    }

    /// Makes up to `steps` steps, at least one, and none after the last of [`STEPS`]. It is the same
    /// network, to the bit, however the steps are parted.
    pub fn learn(&mut self, steps: u64) -> Progress {
        let until = self.step().saturating_add(steps.max(1)).min(STEPS);
        while self.step() < until {
            let right = self.read_batch(&self.batch(self.step()), 0..BATCH);
            self.last.push_back((f64::from(self.tape.value(self.loss)[[]]), right));
            if self.last.len() > WINDOW {
                self.last.pop_front();
            }
            self.tape.backward(self.loss);
            let rate = RATE * (1.0 - self.step() as f64 / STEPS as f64);
            self.adam.step(&mut self.tape, rate);
        }
        let batches = self.last.len() as f64;
        let loss = self.last.iter().map(|(loss, _)| loss).sum::<f64>() / batches;
        let right: usize = self.last.iter().map(|(_, right)| right).sum();
        Progress { step: self.step(), loss, accuracy: right as f64 / (batches * BATCH as f64) }
    }

    /// Share of `count` digits, at least one, that were not learned from and are read right.
    pub fn test(&mut self, count: usize) -> f64 {
        let digits = digits::draw(count.max(1), self.seed << 32 | STEPS);
        self.share_right(&digits)
    }

    /// Share of these digits that is read right.
    pub fn share_right(&mut self, digits: &Dataset) -> f64 {
        let starts = (0..digits.len()).step_by(BATCH);
        let batches = starts.map(|start| start..digits.len().min(start + BATCH));
        let right: usize = batches.map(|batch| self.read_batch(digits, batch)).sum();
        right as f64 / digits.len() as f64
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

    /// The digits of a step.
    fn batch(&self, step: u64) -> Dataset {
        digits::draw(BATCH, self.seed << 32 | step)
    }

    /// Puts some of these digits through the network, [`BATCH`] at most, and counts those that are
    /// read right.
    fn read_batch(&mut self, digits: &Dataset, batch: Range<usize>) -> usize {
        let contiguous = "a tape's tensors are contiguous";
        let mut images = self.tape.value_mut(self.images);
        for (mut image, i) in images.outer_iter_mut().zip(batch.clone()) {
            digits.read(i, image.as_slice_mut().expect(contiguous));
        }
        for (label, i) in self.tape.value_mut(self.labels).iter_mut().zip(batch.clone()) {
            *label = digits.label(i) as f32;
        }
        self.tape.forward();
        let answers = rows(self.tape.value(self.logits)).map(argmax);
        answers.zip(batch).filter(|&(answer, i)| answer == digits.label(i)).count()
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

/// Learns. Takes a number of steps; leaves the step reached, and loss and share of right answers
/// in the last batches.
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
        NETWORK.with_borrow_mut(|network| Some(vec![network.as_mut()?.test(count as usize)]))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A seven, as its two strokes' points and what parts strokes.
    const SEVEN: [f64; 8] = [0.3, 0.2, 0.7, 0.2, 0.45, 0.85, f64::NAN, f64::NAN];

    #[test]
    fn the_effects_are_the_slopes_of_the_answer() {
        let mut network = Network::new(1);
        network.learn(20);
        let image = image(&SEVEN).unwrap();
        let reading = network.read(&image).unwrap();
        let sum: f64 = reading.probabilities.iter().sum();
        assert!((sum - 1.0).abs() < 1e-12, "{sum}");
        let answer = argmax(&reading.probabilities);
        let h = 1e-6;
        for pixel in (0..PIXELS).step_by(29) {
            let at = |sign: f64| {
                let mut moved = image.clone();
                moved[pixel] += sign * h;
                network.read(&moved).unwrap().probabilities[answer].ln()
            };
            let slope = (at(1.0) - at(-1.0)) / (2.0 * h);
            assert!((reading.effects[pixel] - slope).abs() < 1e-6, "pixel {pixel}: {slope}");
        }
    }

    #[test]
    fn slices_change_nothing() {
        let (mut whole, mut parts) = (Network::new(7), Network::new(7));
        let progress = whole.learn(7);
        parts.learn(2);
        parts.learn(0);
        assert_eq!(parts.learn(4), progress);
        let image = image(&SEVEN).unwrap();
        assert_eq!(whole.read(&image), parts.read(&image));
        assert_ne!(Network::new(8).learn(7), progress);
    }

    #[test]
    fn it_learns_to_read_digits_and_then_stops() {
        let mut network = Network::new(1);
        assert!(network.test(1_000) < 0.3);
        assert_eq!(network.learn(u64::MAX).step, STEPS);
        assert!(network.test(1_000) > 0.95);
        let reading = network.read(&image(&SEVEN).unwrap()).unwrap();
        assert_eq!(argmax(&reading.probabilities), 7);
        let before = network.learn(1);
        assert_eq!((before.step, network.learn(1)), (STEPS, before));
    }

    #[test]
    fn nothing_written_and_no_image_are_refused() {
        assert_eq!(image(&[]), None);
        assert_eq!(image(&[f64::NAN, f64::NAN]), None);
        assert!(Network::new(1).read(&[0.0; 10]).is_err());
    }
}
