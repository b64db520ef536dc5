//! How fast this machine trains, and how fast it could. Chapter 15.
//!
//! # The roof
//!
//! A core has so many units that multiply and add, and each begins so many operations a second. No
//! program passes that peak. A step of F [operations](crate::tape::Operations) lasts F/peak seconds at
//! the least, and
//!
//! ```text
//! share of peak = F · steps a second / peak
//! ```
//!
//! is how close it comes. A step of B bytes that memory hands over at so many bytes a second, its
//! bandwidth, lasts B/bandwidth seconds at the least. Both hold:
//!
//! ```text
//! operations a second ≤ min(peak, F/B · bandwidth)
//! ```
//!
//! Drawn over the intensity F/B this is a slope that ends in a flat part, known as the *roofline* (S.
//! Williams, A. Waterman and D. Patterson, 2009). A cache has a slope of its own, above that of memory.
//! Which of them holds depends on B: tensors that stay in a cache from step to step come from there.
//!
//! B is the size of all tensors that a step reads or writes: the values on the tape, with the batch and
//! the parameters, the gradients that are wanted, and what the optimizer keeps of each parameter. Each
//! counts once, however often it is used. So B is what a step needs room for, and the least that it moves
//! where nothing stays in a cache from one step to the next. What an op keeps for itself, such as the
//! patches of a convolution, is not counted.
//!
//! All three speeds are measured: the peak on [`gemm`](crate::product::gemm) with factors that stay in
//! the caches, the bandwidths on aᵢ ← bᵢ + s·cᵢ over arrays that no cache holds, and over others that the
//! second cache does. All threads work at the same time: cores that work together share power, clock and
//! memory, and may be two halves of one. Of threads that there are no cores for, none works: they would
//! share cores, and each would count the work of the moments in which it had one.
//!
//! Three things keep a step below its roof. What is not counted, such as pooling and the optimizer,
//! takes time. A product over few rows uses a number too seldom to fill the registers with work while
//! the next one is on its way from memory. And threads wait for each other at the end of each product.
//!
//! # The measurement
//!
//! Steps are counted over a window of time, after one window that is not counted: it brings weights
//! into the caches and cores up to their clock. The best of three windows is the result, since whatever
//! else a machine does makes a program slower, and nothing makes it faster than it is. How far the three
//! lie apart tells whether it did something else.

#[cfg(feature = "threads")]
mod roof;
mod window;

#[cfg(feature = "threads")]
pub use roof::Roof;
pub use window::Windows;

use crate::Mlp;
use crate::activation::Activation;
use crate::cnn::{Cnn, Lenet};
use crate::data::Dataset;
use crate::gradcheck::Draw;
use crate::model::Model;
use crate::network::Network;
use crate::optim::{Optimizer, Rule};
use std::time::Duration;

/// Fixes the weights and the samples.
const SEED: u64 = 29;
/// So small that no workload diverges on its one batch, however long it is measured.
const RATE: f64 = 1e-4;

/// A network, the size of its batches and its optimizer, whose training is measured. Chapter 15.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// Name, such as `lenet-b32`.
    pub name: &'static str,
    /// Samples in an update.
    pub batch: usize,
    /// What moves the parameters.
    pub rule: Rule,
    model: fn() -> Model,
}

const MOMENTUM: Rule = Rule::Momentum { momentum: 0.9 };
const ADAM: Rule = Rule::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

/// All workloads, from the smallest step to the largest network.
pub const WORKLOADS: &[Workload] = &[
    Workload {
        name: "mlp-128-64-b1",
        batch: 1,
        rule: Rule::Sgd,
        model: || mlp(&[784, 128, 64, 10], &[Activation::Relu]),
    },
    Workload {
        name: "mlp-128-64-b24",
        batch: 24,
        rule: Rule::Sgd,
        model: || mlp(&[784, 128, 64, 10], &[Activation::Relu]),
    },
    Workload {
        name: "mlp-300-b16",
        batch: 16,
        rule: Rule::Sgd,
        model: || mlp(&[784, 300, 10], &[Activation::Sigmoid]),
    },
    Workload {
        name: "mlp-784x3-adam-b1000",
        batch: 1_000,
        rule: ADAM,
        model: || {
            let activations = [Activation::Relu, Activation::Selu, Activation::Tanh];
            mlp(&[784, 784, 784, 784, 10], &activations)
        },
    },
    Workload {
        name: "lenet-b32",
        batch: 32,
        rule: MOMENTUM,
        model: || Model::Lenet(Lenet::new([32, 32, 3], 10)),
    },
    Workload {
        name: "cnn-32-64-b64",
        batch: 64,
        rule: MOMENTUM,
        model: || Model::Cnn(Cnn::new([32, 32, 3], 10).filters(&[32, 64])),
    },
    Workload {
        name: "cnn-bn-32-64-128-b128",
        batch: 128,
        rule: MOMENTUM,
        model: || Model::Cnn(Cnn::new([32, 32, 3], 10).filters(&[32, 64, 128]).batch_norm(true)),
    },
];

fn mlp(widths: &[usize], activations: &[Activation]) -> Model {
    let plan = Mlp::new(widths).and_then(|plan| plan.activations(activations));
    Model::Mlp(plan.expect("widths of 1 and more, an activation for each layer"))
}

/// What a workload came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Throughput {
    /// Samples a second: each went forward, back, and into an update.
    pub samples_per_second: Windows,
    /// Samples in a step.
    pub batch: usize,
    /// Numbers that a step changes.
    pub parameters: usize,
    /// Floating-point operations of a step's products.
    pub operations: u64,
    /// Bytes of all tensors that a step reads or writes: see the module's page.
    pub bytes: u64,
}

impl Throughput {
    /// Floating-point operations a second, in the best window.
    pub fn operations_per_second(&self) -> f64 {
        self.samples_per_second.best() / self.batch as f64 * self.operations as f64
    }

    /// The intensity: floating-point operations for each byte.
    pub fn intensity(&self) -> f64 {
        self.operations as f64 / self.bytes as f64
    }
}

impl Workload {
    /// The network that is trained.
    pub fn model(&self) -> Model {
        (self.model)()
    }

    /// Its throughput in windows that last as long as `window`, or one step where that lasts longer.
    /// Large products run on the caller's rayon pool.
    pub fn measure(&self, window: Duration) -> Throughput {
        let mut practice = Practice::new(self);
        Throughput {
            samples_per_second: Windows::measure(window, || practice.step())
                .times(self.batch as f64),
            batch: self.batch,
            parameters: practice.network.parameter_count(),
            operations: practice.network.tape.operations().step(),
            bytes: practice.bytes(),
        }
    }
}

/// A training on one batch of dense random numbers, over and over.
struct Practice {
    network: Network<f32>,
    optimizer: Optimizer<f32>,
    updates: u64,
}

impl Practice {
    fn new(workload: &Workload) -> Self {
        let Workload { batch, rule, .. } = *workload;
        let mut network =
            workload.model().network::<f32>(batch, SEED).expect("the layers fit each other");
        let parameters: Vec<_> =
            network.parameters().iter().map(|parameter| parameter.var).collect();
        let optimizer = Optimizer::new(rule, 0.0, &network.tape, &parameters)
            .expect("no hyperparameter is off");
        let (features, classes) = (network.features(), network.classes());
        let mut draw = Draw::new(SEED);
        let inputs = draw.uniform(&[batch * features], 0.0, 1.0).into_raw_vec_and_offset().0;
        let labels = draw.labels::<f32>(batch, classes).mapv(|label| label as u8).to_vec();
        let data = Dataset::from_reals("random numbers", &[features], classes, inputs, labels)
            .expect("as many finite numbers and labels as there are samples");
        network.load(&data, &(0..batch).collect::<Vec<_>>());
        Self { network, optimizer, updates: 0 }
    }

    /// Forward, loss, backward, update.
    fn step(&mut self) {
        self.network.learn(self.updates);
        self.optimizer.step(&mut self.network.tape, RATE);
        self.updates += 1;
    }

    /// Of all tensors that a step reads or writes.
    fn bytes(&self) -> u64 {
        let entries = self.network.tape.step_entries() + self.optimizer.state_entries();
        (entries * size_of::<f32>()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn names_are_unique_and_end_with_the_batch() {
        for (k, workload) in WORKLOADS.iter().enumerate() {
            let Workload { name, batch, .. } = workload;
            assert!(name.ends_with(&format!("-b{batch}")), "{name}");
            assert!(WORKLOADS[..k].iter().all(|other| other.name != *name), "{name}");
        }
    }

    #[test]
    fn workloads_have_the_parameters_that_their_names_say() {
        let parameters = WORKLOADS.iter().map(|workload| {
            let network = workload.model().network::<f32>(1, SEED).unwrap();
            network.parameter_count()
        });
        let mlp = 785 * 128 + 129 * 64 + 65 * 10;
        assert!(parameters.eq([
            mlp,
            mlp,
            785 * 300 + 301 * 10,
            3 * 785 * 784 + 785 * 10,
            76 * 6 + 151 * 16 + 401 * 120 + 121 * 84 + 85 * 10,
            28 * 32 + 289 * 64 + 4_097 * 10,
            // Batch norm has a scale and a shift in place of a bias.
            29 * 32 + 290 * 64 + 578 * 128 + 2_049 * 10,
        ]));
    }

    #[test]
    fn a_practice_learns_its_batch_and_does_not_diverge() {
        for workload in WORKLOADS.iter().filter(|workload| workload.batch <= 32) {
            let mut practice = Practice::new(workload);
            let mut losses = (0..100).map(|_| {
                practice.step();
                practice.network.mean_loss()
            });
            let (first, last) = (losses.next().unwrap(), losses.last().unwrap());
            assert!(last < first, "{}: {first} before, {last} after", workload.name);
        }
    }

    /// By hand: the batch with its labels, the answers of the layers and the loss, each answer and the
    /// loss with a gradient; the parameters with theirs, and what the optimizer keeps.
    #[test]
    fn a_step_touches_each_tensor_once() {
        let kept = [("mlp-128-64-b24", 0), ("mlp-784x3-adam-b1000", 2)];
        for (name, state) in kept {
            let workload = WORKLOADS.iter().find(|workload| workload.name == name).unwrap();
            let (practice, batch) = (Practice::new(workload), workload.batch);
            let answers = match state {
                0 => 128 + 64 + 10,
                // SELU and tanh stand on values of their own.
                _ => 784 + 2 * 784 + 2 * 784 + 10,
            };
            let parameters = practice.network.parameter_count();
            let entries = batch * 785 + 2 * (batch * answers + 1) + (2 + state) * parameters;
            assert_eq!(practice.bytes(), 4 * entries as u64, "{name}");
        }
    }

    #[test]
    fn the_intensity_is_operations_for_each_byte() {
        let throughput = Throughput {
            samples_per_second: Windows::new([6.0, 8.0, 7.0]),
            batch: 2,
            parameters: 5,
            operations: 30,
            bytes: 60,
        };
        assert_eq!((throughput.intensity(), throughput.operations_per_second()), (0.5, 120.0));
    }

    #[test]
    fn a_throughput_counts_all_samples_of_a_step() {
        let workload = &WORKLOADS[1];
        let start = Instant::now();
        let throughput = workload.measure(Duration::from_millis(20));
        let seconds = start.elapsed().as_secs_f64();
        // Four windows of 20 ms, each of at least one step of 24 samples.
        assert!(seconds >= 0.08, "{seconds} s");
        let best = throughput.samples_per_second.best();
        assert!(best >= 24.0 / seconds, "{throughput:?}");
        let weights = [784 * 128, 128 * 64, 64 * 10];
        assert_eq!(throughput.operations, 48 * (2 * weights[0] + 3 * (weights[1] + weights[2])));
        let per_second = best / 24.0 * throughput.operations as f64;
        assert_eq!(throughput.operations_per_second(), per_second);
    }
}
