//! What moves in the book's pages.
//!
//! A widget computes with the library itself, compiled to WebAssembly: the code that the tests check
//! is the code that moves. Each widget is one file, named as its chapter: first its plain functions,
//! which tests call natively, and below them those that the page calls. The page and the module talk
//! through one [`buffer`] of numbers. The module imports nothing, so any page can load it.
//!
//! A widget `scalar` is five things: `src/scalar.rs`, with a feature of its name, by which a page gets
//! this widget and no other, and a line in [`FUNCTIONS`]; `js/scalar.js`, how
//! it is drawn and operated; a block ```` ```widget scalar ```` in a chapter, with the recorded figure
//! that stands in its place elsewhere; and `../tests/browser/widgets/scalar.js`, which operates it in a
//! browser and compares its numbers with those that this crate gives natively.

#[cfg(feature = "activation")]
pub mod activation;
pub mod buffer;
#[cfg(feature = "elementwise")]
pub mod elementwise;
#[cfg(feature = "gradcheck")]
pub mod gradcheck;
#[cfg(feature = "index")]
pub mod index;
#[cfg(feature = "matmul")]
pub mod matmul;
#[cfg(feature = "normalize")]
pub mod normalize;
#[cfg(feature = "scalar")]
pub mod scalar;
#[cfg(feature = "softmax")]
pub mod softmax;
#[cfg(feature = "tape")]
pub mod tape;

/// What a page can call: reads its arguments from the [`buffer`], leaves its results there, and
/// returns how many these are.
pub type Function = extern "C" fn() -> usize;

/// The functions of all widgets, by the names that pages call them by.
pub const FUNCTIONS: &[&[(&str, Function)]] = &[
    #[cfg(feature = "activation")]
    activation::FUNCTIONS,
    #[cfg(feature = "elementwise")]
    elementwise::FUNCTIONS,
    #[cfg(feature = "gradcheck")]
    gradcheck::FUNCTIONS,
    #[cfg(feature = "index")]
    index::FUNCTIONS,
    #[cfg(feature = "matmul")]
    matmul::FUNCTIONS,
    #[cfg(feature = "normalize")]
    normalize::FUNCTIONS,
    #[cfg(feature = "scalar")]
    scalar::FUNCTIONS,
    #[cfg(feature = "softmax")]
    softmax::FUNCTIONS,
    #[cfg(feature = "tape")]
    tape::FUNCTIONS,
];
