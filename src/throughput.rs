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
//! is how close it comes. That is the flat part of what is known as the *roofline* (S. Williams, A.
//! Waterman and D. Patterson, 2009); its slope, the speed of memory, is not measured here. The peak is
//! measured, as the speed of [`gemm`] on factors that stay in the caches. All threads multiply at the
//! same time: cores that work together share power and clock, and may be two halves of one. Of threads
//! that there are no cores for, none multiplies: they would share cores, and each would count the work of
//! the moments in which it had one.
//!
//! Three things keep a step below its roof. What is not counted, such as pooling and the optimizer,
//! takes time. A product over few rows uses a number too seldom to fill the registers with work while
//! the next one is on its way from memory. And threads wait for each other at the end of each product.
//!
//! # The measurement
//!
//! Steps are counted over a window of time, after one window that is not counted: it brings weights
//! into the caches and cores up to their clock. The best of three windows is the result, since whatever
//! else a machine does makes a program slower, and nothing makes it faster than it is.

use crate::Mlp;
use crate::activation::Activation;
use crate::cnn::{Cnn, Lenet};
use crate::data::Dataset;
use crate::gradcheck::Draw;
use crate::model::Model;
use crate::network::Network;
use crate::optim::{Optimizer, Rule};
use crate::parallel::awake;
use crate::product::gemm;
use ndarray::{Array2, Ix2};
use std::sync::Barrier;
use std::time::{Duration, Instant};

/// Windows that count.
const WINDOWS: usize = 3;
/// Fixes the weights and the samples.
const SEED: u64 = 29;
/// So small that no workload diverges on its one batch, however long it is measured.
const RATE: f64 = 1e-4;
/// Side of the square factors whose product is the peak. Each has 256 KiB, and stays in the caches.
const SIDE: usize = 256;

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
    pub samples_per_second: f64,
    /// Floating-point operations of the products for one sample.
    pub operations_per_sample: f64,
}

impl Throughput {
    /// Floating-point operations a second.
    pub fn operations_per_second(self) -> f64 {
        self.samples_per_second * self.operations_per_sample
    }
}

impl Workload {
    /// The network that is trained.
    pub fn model(&self) -> Model {
        (self.model)()
    }

    /// The best throughput of three windows that last as long as `window`, or one step where that
    /// lasts longer. Large products run on the caller's rayon pool.
    pub fn measure(&self, window: Duration) -> Throughput {
        let mut practice = Practice::new(self);
        let operations = practice.network.tape.operations().step();
        let batch = self.batch as f64;
        Throughput {
            samples_per_second: batch * fastest(window, || practice.step()),
            operations_per_sample: operations as f64 / batch,
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
        awake(|| {
            self.network.learn(self.updates);
            self.optimizer.step(&mut self.network.tape, RATE);
        });
        self.updates += 1;
    }
}

/// The floating-point operations a second that the threads of the caller's rayon pool reach together,
/// multiplying matrices of [`f32`] that stay in their caches: the best of three windows. Where it has
/// more threads than this process has cores, as many multiply as there are cores. Chapter 15.
#[cfg(feature = "threads")]
pub fn peak(window: Duration) -> f64 {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = rayon::current_num_threads().min(cores);
    let together = Barrier::new(threads);
    let rates = rayon::broadcast(|thread| {
        if thread.index() >= threads {
            return [0.0; WINDOWS];
        }
        let mut draw = Draw::new(SEED);
        let [a, b]: [Array2<f32>; 2] = [(); 2].map(|()| {
            let factor = draw.uniform(&[SIDE, SIDE], -1.0, 1.0);
            factor.into_dimensionality::<Ix2>().expect("two axes")
        });
        let mut c = Array2::zeros((SIDE, SIDE));
        let mut products = || {
            together.wait();
            runs_per_second(window, || gemm(&a.view().into(), b.view(), c.view_mut(), false))
        };
        products();
        [(); WINDOWS].map(|()| products())
    });
    let sums = (0..WINDOWS).map(|k| rates.iter().map(|rates| rates[k]).sum());
    sums.fold(0.0, f64::max) * (2 * SIDE * SIDE * SIDE) as f64
}

/// The most runs a second in a window, after one window that warms up.
fn fastest(window: Duration, mut run: impl FnMut()) -> f64 {
    runs_per_second(window, &mut run);
    (0..WINDOWS).map(|_| runs_per_second(window, &mut run)).fold(0.0, f64::max)
}

/// Runs a second, over runs that last as long as `window`, or one.
fn runs_per_second(window: Duration, mut run: impl FnMut()) -> f64 {
    let (start, mut runs) = (Instant::now(), 0_u64);
    loop {
        run();
        runs += 1;
        let elapsed = start.elapsed();
        if elapsed >= window {
            return runs as f64 / elapsed.as_secs_f64();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn a_throughput_counts_all_samples_of_a_step() {
        let workload = &WORKLOADS[1];
        let start = Instant::now();
        let throughput = workload.measure(Duration::from_millis(20));
        let seconds = start.elapsed().as_secs_f64();
        // Four windows of 20 ms, each of at least one step of 24 samples.
        assert!(seconds >= 0.08, "{seconds} s");
        assert!(throughput.samples_per_second >= 24.0 / seconds, "{throughput:?}");
        let weights = [784.0 * 128.0, 128.0 * 64.0, 64.0 * 10.0];
        let operations = 2.0 * (2.0 * weights[0] + 3.0 * (weights[1] + weights[2]));
        assert_eq!(throughput.operations_per_sample, operations);
        let per_second = throughput.samples_per_second * operations;
        assert_eq!(throughput.operations_per_second(), per_second);
    }

    #[test]
    fn the_fastest_window_counts_its_runs() {
        let mut runs = 0;
        let nap = Duration::from_millis(2);
        let rate = fastest(Duration::from_millis(10), || {
            runs += 1;
            std::thread::sleep(nap);
        });
        assert!(rate > 0.0 && rate <= 500.0, "{rate} naps of 2 ms a second");
        assert!((WINDOWS + 1..=4 * 5).contains(&runs), "{runs} naps in four windows of 10 ms");
    }

    #[test]
    fn a_window_lasts_one_run_at_least() {
        let mut runs = 0;
        fastest(Duration::from_nanos(1), || {
            runs += 1;
            std::thread::sleep(Duration::from_millis(1));
        });
        assert_eq!(runs, WINDOWS + 1);
    }

    #[cfg(feature = "threads")]
    fn peak_of(threads: usize, window: Duration) -> f64 {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| peak(window))
    }

    #[cfg(feature = "threads")]
    #[test]
    fn the_peak_is_that_of_all_threads() {
        let peak = peak_of(2, Duration::from_millis(1));
        // Unoptimized, and on a busy machine, each of the two still does more than two a second.
        assert!(peak > 4.0 * (2 * SIDE * SIDE * SIDE) as f64, "{peak} operations a second");
    }

    /// Threads that took turns would each count a core for themselves.
    #[cfg(feature = "threads")]
    #[test]
    fn threads_without_a_core_of_their_own_add_nothing_to_the_peak() {
        let cores = std::thread::available_parallelism().unwrap().get();
        let window = Duration::from_millis(5);
        let [one, many] = [1, 16 * cores].map(|threads| peak_of(threads, window));
        // One thread on a busy machine may reach half of its core.
        assert!(many < 4.0 * one * cores as f64, "{many} with many threads, {one} with one");
    }
}
