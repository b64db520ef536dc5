//! What the fuzzers ask of a file is what the tests ask.

#[path = "../../tests/judge/mod.rs"]
pub mod judge;
