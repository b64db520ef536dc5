//! Every op of the book with its gradient checks: what `chainrule gradcheck` runs.

use crate::gradcheck::Case;
use crate::{activation, conv, dropout, elementwise, matmul, normalize, softmax};

/// The gradient checks of all chapters, in their order.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    [
        elementwise::CASES,
        elementwise::unary::CASES,
        elementwise::broadcast::CASES,
        matmul::CASES,
        activation::CASES,
        activation::gelu::CASES,
        softmax::CASES,
        softmax::cross_entropy::CASES,
        softmax::likelihood::CASES,
        normalize::row::CASES,
        normalize::batch_norm::CASES,
        normalize::layer_norm::CASES,
        conv::CASES,
        conv::pool::CASES,
        conv::pool::normalized::CASES,
        conv::flatten::CASES,
        normalize::standardize::CASES,
        dropout::CASES,
    ]
    .into_iter()
    .flatten()
}
