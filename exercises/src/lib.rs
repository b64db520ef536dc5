//! What the exercises stand on: judges that ask the book's own gradient check, points to learn
//! from, and suspects for the tests that you write.
//!
//! A judge panics with a list: what there is to do, and of each answer whether it is right, still
//! empty, or what is wrong with it. It never tells the answer.

pub mod activation_suspects;
mod by_hand;
pub mod elementwise_suspects;
pub mod gradcheck_suspects;
mod gradient;
pub mod matmul_suspects;
pub mod normalize_suspects;
mod points;
mod reverse;
pub mod scalar_suspects;
pub mod softmax_suspects;
pub mod tape_suspects;

pub use by_hand::{Answer, assert_by_hand};
pub use gradient::{assert_gradient, assert_op};
pub use points::{Points, points};
pub use reverse::assert_tells_apart;

use chainrule::gradcheck::Diagnosis;
use std::fmt::Display;

/// One line of a verdict: whose, whether it is right, and the words for it.
struct Line {
    of: String,
    right: bool,
    words: String,
}

impl Line {
    fn new(of: impl Display, diagnosis: &Diagnosis) -> Self {
        Self { of: of.to_string(), right: diagnosis.agrees(), words: diagnosis.to_string() }
    }
}

/// Panics where a line is not right, with all of them and what there is to do.
#[track_caller]
fn pronounce(task: &str, lines: &[Line]) {
    if lines.iter().all(|line| line.right) {
        return;
    }
    let list: Vec<String> =
        lines.iter().map(|Line { of, words, .. }| format!("    {of}: {words}")).collect();
    panic!("{task}\n{}\n", list.join("\n"));
}
