//! The workloads of `chainrule bench`, and how a rival in Rust is measured: the same in every program of
//! `src/bin`. `../python/measure.py` is its twin.

use clap::Parser;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::time::Instant;

/// Windows that count.
const WINDOWS: usize = 3;
/// Steps between the two losses that are compared.
const STEPS: usize = 20;
/// So small that no workload diverges on its one batch, however long it is measured.
pub const RATE: f64 = 1e-4;
/// All workloads tell ten classes apart.
pub const CLASSES: usize = 10;

/// What can go wrong in a rival.
pub type Failure = Box<dyn Error>;

/// What a program of this package takes.
#[derive(Parser)]
pub struct Arguments {
    /// Name of the workload
    pub workload: String,
    /// The rival's variant, of which there is one
    #[arg(long)]
    pub variant: String,
    /// Seconds of a window
    #[arg(long)]
    pub seconds: f64,
    /// Threads, of which rayon is told by `RAYON_NUM_THREADS` alone
    #[arg(long)]
    pub threads: usize,
}

/// A network, its optimizer and the size of its batches.
#[derive(Debug, Deserialize)]
pub struct Workload {
    pub name: String,
    pub batch: usize,
    /// `[features]`, or `[channels, height, width]`.
    pub input: Vec<usize>,
    pub optimizer: Rule,
    pub layers: Vec<Layer>,
}

/// What moves the parameters.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    Sgd { momentum: f64 },
    Adam { beta1: f64, beta2: f64, epsilon: f64 },
}

/// A layer of a network.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    Linear { inputs: usize, outputs: usize },
    Conv { inputs: usize, outputs: usize, kernel: usize, padding: usize, bias: bool },
    BatchNorm { channels: usize },
    MaxPool,
    Flatten,
    Relu,
    Selu,
    Sigmoid,
    Tanh,
}

impl Workload {
    /// The workload of this name in `workloads.json`.
    ///
    /// # Errors
    /// Where there is none.
    pub fn named(name: &str) -> Result<Self, Failure> {
        let all: Vec<Self> = serde_json::from_str(include_str!("../../workloads.json"))?;
        let named = all.into_iter().find(|workload| workload.name == name);
        named.ok_or_else(|| format!("no workload is called {name}").into())
    }

    /// Random inputs in [0, 1), sample by sample, and random labels: one batch.
    pub fn samples(&self) -> (Vec<f32>, Vec<u32>) {
        let mut rng = SmallRng::seed_from_u64(29);
        let entries = self.batch * self.input.iter().product::<usize>();
        let inputs = (0..entries).map(|_| rng.random()).collect();
        let labels = (0..self.batch).map(|_| rng.random_range(0..CLASSES as u32)).collect();
        (inputs, labels)
    }
}

/// A training on one batch.
pub trait Practice {
    /// Number of numbers that training changes.
    fn parameters(&self) -> usize;

    /// Forward, loss, backward, update.
    ///
    /// # Errors
    /// What the rival says.
    fn step(&mut self) -> Result<(), Failure>;

    /// The batch's mean loss in training mode, as the weights are now.
    ///
    /// # Errors
    /// What the rival says.
    fn loss(&self) -> Result<f64, Failure>;
}

/// What a program prints.
#[derive(Serialize)]
struct Measured {
    parameters: usize,
    losses: [f64; 2],
    samples_per_second: [f64; WINDOWS],
}

/// Measures `practice` and prints the result as JSON.
///
/// # Errors
/// What the rival says.
pub fn report(
    arguments: &Arguments,
    workload: &Workload,
    mut practice: impl Practice,
) -> Result<(), Failure> {
    let first = practice.loss()?;
    for _ in 0..STEPS {
        practice.step()?;
    }
    let losses = [first, practice.loss()?];
    let mut window = || steps_per_second(arguments.seconds, || practice.step());
    window()?;
    let mut samples_per_second = [0.0; WINDOWS];
    for rate in &mut samples_per_second {
        *rate = workload.batch as f64 * window()?;
    }
    let parameters = practice.parameters();
    let measured = Measured { parameters, losses, samples_per_second };
    println!("{}", serde_json::to_string(&measured)?);
    Ok(())
}

/// Steps a second, over steps that last as long as `seconds`, or one.
fn steps_per_second(
    seconds: f64,
    mut step: impl FnMut() -> Result<(), Failure>,
) -> Result<f64, Failure> {
    let (start, mut steps) = (Instant::now(), 0_u64);
    loop {
        step()?;
        steps += 1;
        let elapsed = start.elapsed().as_secs_f64();
        if elapsed >= seconds {
            return Ok(steps as f64 / elapsed);
        }
    }
}
