//! Neural networks from one scalar chain rule up: every derivation a test, and the code that
//! is derived is the code that trains.
//!
//! At its heart is reverse-mode automatic differentiation (autograd, backpropagation): a [`Tape`]
//! records a computation once, replays it, and finds the gradient of its result in one pass back.
//!
//! ```
//! use chainrule::Tape;
//! use ndarray::arr2;
//!
//! let mut tape = Tape::<f64>::new();
//! let x = tape.input(arr2(&[[1.0, -1.0]]));
//! let w = tape.parameter(arr2(&[[2.0], [3.0]]));
//! let y = tape.matmul(x, w)?;
//! let loss = tape.multiply(y, y)?; // (x·w)² = 1
//! tape.backward(loss);
//! assert_eq!(tape.gradient(w), &arr2(&[[-2.0], [2.0]]).into_dyn()); // 2·(x·w)·xᵀ
//! # Ok::<(), chainrule::ShapeError>(())
//! ```
//!
//! A whole training, `cargo run --release --example train`:
//!
#![doc = "```no_run"]
#![doc = include_str!("../examples/train.rs")]
#![doc = "```"]
//!
//! | chapter | module | in it |
//! |---|---|---|
//! | 1 | [`scalar`] | one forward and one backward pass in plain numbers |
//! | 2 | [`mod@tape`], [`tensor`], [`real`] | the computation, recorded once and replayed; why backwards, and why gradients add up |
//! | 3 | [`gradcheck`], [`catalog`] | gradients against central differences |
//! | 4 | [`elementwise`] | arithmetic, division, broadcasting, sums and means |
//! | 5 | [`matmul`] | the two gradients of a product, and the bias |
//! | 6 | [`activation`] | sigmoid, tanh, ReLU, SELU, GELU |
//! | 7 | [`softmax`], [`fraction`] | softmax, cross-entropy, Kullback–Leibler divergence |
//! | 8 | [`normalize`], [`hyperparameter`] | row, batch and layer normalization; standardized inputs |
//! | 9 | [`init`], [`random`] | where to start, and what draws it |
//! | 10 | [`optim`], [`named`] | descent, momentum, Adam, schedules, averages |
//! | 11 | [`data`], `train`, `checkpoint`, `record`, `file`, [`memory`] | learning |
//! | 12 | [`network`], [`layers`], [`mlp`], [`metrics`] | networks that read digits |
//! | 13 | [`conv`] | convolution, its gradients, pooling |
//! | 14 | [`cnn`], [`dropout`], [`data::augment`], [`whiten`], [`views`], [`model`] | networks that read pictures |
//! | 15 | [`parallel`], [`product`], `throughput` | where the time goes, how fast it could be, and why no bit depends on the threads |
//! | all | [`score`], `studies`, `plot` | what the book's network reads right so far; the experiments and their records; figures |
//!
//! # Features
//!
//! Without any, the core: no file system, no clock, no thread of its own. `data` reads the real
//! data sets, `fetch` downloads them, `train` trains and saves, `plot` draws figures, `studies`
//! has the book's experiments, `threads` runs large products on the caller's rayon pool. `cli`, the default, is all of them and the
//! command.

// docs.rs shows which feature an item needs.
#![cfg_attr(docsrs, feature(doc_cfg), doc(auto_cfg))]

// The core: no file system, no clock, no thread of its own.
pub mod activation;
pub mod catalog;
pub mod cnn;
pub mod conv;
pub mod data;
pub mod dropout;
pub mod elementwise;
pub mod fraction;
pub mod gradcheck;
pub mod hyperparameter;
pub mod init;
pub mod layers;
pub mod matmul;
pub mod memory;
pub mod metrics;
pub mod mlp;
pub mod model;
pub mod named;
pub mod network;
pub mod normalize;
pub mod optim;
pub mod parallel;
#[cfg(feature = "plot")]
pub mod plot;
pub mod product;
pub mod random;
pub mod real;
pub mod scalar;
pub mod score;
pub mod softmax;
mod svg;
pub mod tape;
pub mod tensor;
pub mod views;
pub mod whiten;

#[cfg(any(feature = "data", feature = "train"))]
mod checksum;
#[cfg(any(feature = "plot", feature = "train"))]
pub mod file;
#[cfg(any(feature = "data", feature = "train"))]
mod regular;
// Training and what it saves: a clock and files.
#[cfg(feature = "train")]
pub mod checkpoint;
#[cfg(feature = "train")]
pub mod record;
#[cfg(feature = "studies")]
pub mod studies;
#[cfg(feature = "train")]
pub mod throughput;
#[cfg(feature = "train")]
pub mod train;

// In the library, so that a network's code is compiled once, and not again for the program.
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod command;

pub use mlp::Mlp;
pub use network::Network;
pub use real::Real;
pub use tape::{Mode, Op, Tape, Var};
pub use tensor::{BrokenRule, ShapeError, Tensor};

/// The README's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
