//! What moves in the book's pages.
//!
//! A widget computes with the library itself, compiled to WebAssembly: the code that the tests check
//! is the code that moves. Each widget is one file, named as its chapter: first its plain functions,
//! which tests call natively, and below them those that the page calls. The page and the module talk
//! through one [`buffer`] of numbers. The module imports nothing, so any page can load it.

pub mod buffer;
pub mod index;
