//! Every op of the book with its gradient checks: what `chainrule gradcheck` runs.

use crate::gradcheck::Case;
use crate::{activation, elementwise, matmul};

/// The gradient checks of all chapters, in their order.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    [
        elementwise::CASES,
        elementwise::unary::CASES,
        elementwise::broadcast::CASES,
        matmul::CASES,
        activation::CASES,
    ]
    .into_iter()
    .flatten()
}
