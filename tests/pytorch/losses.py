"""The losses of logits, with every reduction and smoothing that both libraries have.

PyTorch smooths the targets of `cross_entropy` alone. For `kl_div` they are smoothed here, by its
formula. Its reduction "mean" divides the divergence by batch and classes, and warns of it:
"batchmean" is the mean over the batch that Chainrule means.
"""

import warnings
from itertools import product

from draw import labels, positive, signed
from ops import reference

CLASSES = 4
SMOOTHING = 0.2


def expression(divergence: bool, reduction: str, smoothing: float, distributions: bool) -> str:
    """The loss in PyTorch."""
    if not divergence:
        return f"F.cross_entropy(z, t, reduction='{reduction}', label_smoothing={smoothing})"
    target = "t" if distributions else f"F.one_hot(t, {CLASSES})"
    if smoothing > 0.0:
        target = f"{1.0 - smoothing} * {target} + {smoothing} / {CLASSES}"
    elif not distributions:
        target += ".to(z.dtype)"
    reduction = {"mean": "batchmean", "entries": "mean"}.get(reduction, reduction)
    return f"F.kl_div(torch.log_softmax(z, dim=-1), {target}, reduction='{reduction}')"


def record() -> list:
    """All combinations; "entries" is the mean that divides by batch and classes."""
    references = []
    warnings.filterwarnings("ignore", "reduction: 'mean' divides")
    settings = product([False, True], ["mean", "sum", "entries"], [0.0, SMOOTHING], [False, True])
    for divergence, reduction, smoothing, distributions in settings:
        if reduction == "entries" and not divergence:
            continue
        text = expression(divergence, reduction, smoothing, distributions)
        target = positive(3, CLASSES) if distributions else labels(3, CLASSES)
        entry = reference(text, text, {"z": signed(3, CLASSES), "t": target})
        loss = {"divergence": divergence, "smoothing": smoothing}
        loss["reduction"] = "mean" if reduction == "entries" else reduction
        references.append({"loss": loss, "over_classes": reduction == "entries"} | entry)
    return references
