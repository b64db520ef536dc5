#![doc = include_str!("../README.md")]

// The core: no file system, no clock, no thread of its own.
pub mod activation;
pub mod catalog;
pub mod data;
pub mod dropout;
pub mod elementwise;
pub mod fraction;
pub mod gradcheck;
pub mod init;
pub mod matmul;
pub mod metrics;
pub mod mlp;
pub mod model;
pub mod network;
pub mod normalize;
pub mod optim;
pub mod parallel;
#[cfg(feature = "plot")]
pub mod plot;
pub mod real;
pub mod scalar;
pub mod softmax;
mod svg;
pub mod tape;
pub mod tensor;

// Training and what it saves: a clock and files.
#[cfg(feature = "train")]
pub mod checkpoint;
#[cfg(feature = "train")]
pub mod record;
#[cfg(feature = "train")]
pub mod train;

pub use mlp::Mlp;
pub use network::Network;
pub use real::Real;
pub use tape::{Mode, Op, Tape, Var};
pub use tensor::{ShapeError, Tensor};
