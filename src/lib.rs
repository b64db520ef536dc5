#![doc = include_str!("../README.md")]

// The core: no file system, no clock, no thread of its own.
pub mod activation;
pub mod catalog;
pub mod data;
pub mod dropout;
pub mod elementwise;
pub mod fraction;
pub mod gradcheck;
pub mod matmul;
pub mod metrics;
pub mod parallel;
pub mod real;
mod svg;
pub mod normalize;
pub mod parallel;
pub mod real;
pub mod softmax;
pub mod tape;
pub mod tensor;

pub use real::Real;
pub use tape::{Mode, Op, Tape, Var};
pub use tensor::{ShapeError, Tensor};
