//! Losses of logits, with every reduction and smoothing.

use super::part;
use crate::pytorch::ops::Reference;
use chainrule::Tape;
use chainrule::softmax::{Loss, Reduction};
use serde::Deserialize;
use std::collections::BTreeSet;

#[derive(Debug, Deserialize)]
struct OfLogits {
    loss: Loss,
    /// Whether PyTorch's mean is over batch and classes, and not over the batch alone.
    over_classes: bool,
    pytorch: String,
    #[serde(flatten)]
    reference: Reference,
}

#[test]
fn every_loss_is_that_of_pytorch() {
    let mut seen = BTreeSet::new();
    for OfLogits { loss, over_classes, pytorch, reference } in part::<Vec<OfLogits>>("losses") {
        let (logits, targets) = (reference.input(0), reference.input(1));
        let mut tape = Tape::new();
        let z = tape.parameter(logits.clone());
        let classes = targets.ndim() == 1;
        let t = targets.clone();
        let t = if classes { tape.input(t) } else { tape.parameter(t) };
        let reduction = if over_classes { Reduction::MeanOfEntries } else { loss.reduction };
        let y = tape.softmax_loss(z, t, Loss { reduction, ..loss }).unwrap();
        let found = reference.differences(&mut tape, y);
        assert!(found.is_empty(), "{pytorch}: {}", found.join("\n"));
        let sum = loss.reduction == Reduction::Sum;
        seen.insert((loss.divergence, sum, loss.smoothing.get() > 0.0, classes, over_classes));
    }
    // Both losses with both reductions, and the divergence with the third: each of them with and
    // without smoothing, of both kinds of targets.
    assert_eq!(seen.len(), (2 * 2 + 1) * 2 * 2);
}
