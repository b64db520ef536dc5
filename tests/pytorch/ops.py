"""Every op of `src/catalog.rs`: its value and the gradients of its inputs.

The names are those of the catalog, and the inputs have the order and the shapes of its cases. What
follows a colon tells several references of one case apart. The expressions are recorded as they
ran. Where one is longer than a call, PyTorch has no such op, and its autograd does the rest.

Chainrule's images are `[batch, height, width, channels]` and its kernels `[kernel, kernel, c_in,
c_out]`; PyTorch's are `[batch, channels, height, width]` and `[c_out, c_in, kernel, kernel]`. The
permutations are part of the expressions, so that the gradients come out in Chainrule's order.
"""

import random

import torch
import torch.nn.functional as F

from draw import fixed, given, labels, positive, signed, signed_tensor

X23 = {"x": signed(2, 3)}
PAIR = {"a": signed(2, 3), "b": signed(2, 3)}
LINEAR = {"x": signed(5, 3), "w": signed(3, 4), "b": signed(4)}
LOGITS = {"z": signed(5, 4), "t": labels(5, 4)}
LOGITS_AND_DISTRIBUTIONS = {"z": signed(5, 4), "t": positive(5, 4)}


def batch_norm(x: str) -> str:
    """A training pass of batch norm without running statistics: `batch_norm.py` has those."""
    return f"F.batch_norm({x}, None, None, gamma, beta, training=True)"


def conv(stride: int, padding: int) -> str:
    """A convolution in Chainrule's layout."""
    call = f"x.permute(0, 3, 1, 2), w.permute(3, 2, 0, 1), stride={stride}, padding={padding}"
    return f"F.conv2d({call}).permute(0, 2, 3, 1)"


def pool(kind: str, window: str) -> str:
    """A pooling in Chainrule's layout."""
    return f"F.{kind}_pool2d(x.permute(0, 3, 1, 2), {window}).permute(0, 2, 3, 1)"


def global_pool(kind: str) -> str:
    """A pooling of whole images."""
    return f"F.adaptive_{kind}_pool2d(x.permute(0, 3, 1, 2), 1).flatten(1)"


OPS = {
    # Chapter 4: element by element.
    "add": ("torch.add(a, b)", PAIR),
    "subtract": ("torch.sub(a, b)", PAIR),
    "multiply": ("torch.mul(a, b)", PAIR),
    "divide": ("torch.div(a, b)", PAIR),
    "negate": ("torch.neg(x)", X23),
    "scale": ("torch.mul(x, -0.7)", X23),
    "exp": ("torch.exp(x)", X23),
    "log": ("torch.log(x)", {"x": positive(2, 3)}),
    "sin, by map": ("torch.sin(x)", X23),
    "sum": ("torch.sum(x)", X23),
    "mean": ("torch.mean(x)", X23),
    "sum_axis": ("torch.sum(x, dim=1)", {"x": signed(2, 3, 4)}),
    "mean_axis": ("torch.mean(x, dim=1)", {"x": signed(2, 3, 4)}),
    "expand, along rows": ("x.expand_as(like)", {"x": signed(3), "like": fixed(signed(2, 3))}),
    "expand, along columns": (
        "x.expand_as(like)",
        {"x": signed(2, 1), "like": fixed(signed(2, 3))},
    ),
    "add_bias": ("x + b", {"x": signed(2, 3), "b": signed(3)}),
    # Chapter 5: matrix multiplication.
    "matmul": ("torch.matmul(x, w)", {"x": signed(2, 3), "w": signed(3, 4)}),
    "transpose": ("torch.t(x)", X23),
    "linear": ("F.linear(x, w.T, b)", LINEAR),
    "linear_relu": ("F.relu(F.linear(x, w.T, b))", LINEAR),
    # Chapter 6: activations, and what both take at the kink for the slope.
    "sigmoid": ("torch.sigmoid(x)", X23),
    "tanh": ("torch.tanh(x)", X23),
    "relu": ("F.relu(x)", X23),
    "relu: at the kink": ("F.relu(x)", {"x": given([[0.0, -0.4, 1.3], [0.7, 0.0, -1.1]])}),
    "selu": ("F.selu(x)", X23),
    "selu: at the kink": ("F.selu(x)", {"x": given([[0.0, -0.4, 1.3], [0.7, 0.0, -1.1]])}),
    "gelu": ("F.gelu(x)", X23),
    # Chapter 7: softmax and the losses.
    "softmax": ("torch.softmax(x, dim=-1)", {"x": signed(3, 4)}),
    "log_softmax": ("torch.log_softmax(x, dim=-1)", {"x": signed(3, 4)}),
    "log_sum_exp": ("torch.logsumexp(x, dim=-1)", {"x": signed(2, 3, 4)}),
    "softmax_cross_entropy": ("F.cross_entropy(z, t)", LOGITS),
    "softmax_cross_entropy, distributions": (
        "F.cross_entropy(z, t, label_smoothing=0.2, reduction='sum')",
        LOGITS_AND_DISTRIBUTIONS,
    ),
    "softmax_cross_entropy, label smoothing": (
        "F.cross_entropy(z, t, label_smoothing=0.2, reduction='sum')",
        LOGITS,
    ),
    "softmax_kl_divergence": (
        "F.kl_div(torch.log_softmax(z, dim=-1), 0.8 * t + 0.2 / 4, reduction='sum')",
        LOGITS_AND_DISTRIBUTIONS,
    ),
    "cross_entropy_of_probabilities": (
        "F.nll_loss(torch.log(p), t)",
        {"p": positive(5, 4), "t": labels(5, 4)},
    ),
    "cross_entropy_of_probabilities, distributions": (
        "-(t * torch.log(p)).sum(dim=-1).mean()",
        {"p": positive(5, 4), "t": positive(5, 4)},
    ),
    "negative_log_likelihood": (
        "-(t * q).sum(dim=-1).mean()",
        {"q": signed(5, 4), "t": positive(5, 4)},
    ),
    "kl_divergence": (
        "F.kl_div(q, t, reduction='batchmean')",
        {"q": signed(5, 4), "t": positive(5, 4)},
    ),
    "kl_divergence_of_probabilities": (
        "F.kl_div(torch.log(p), t, reduction='batchmean')",
        {"p": positive(5, 4), "t": positive(5, 4)},
    ),
    # Chapter 8: normalization.
    "row_normalize": ("F.normalize(x, p=1, dim=-1)", {"x": positive(3, 4)}),
    "batch_norm": (
        batch_norm("x"),
        {"x": signed(6, 3), "gamma": signed(3), "beta": signed(3)},
    ),
    "batch_norm, images": (
        batch_norm("x.permute(0, 3, 1, 2)") + ".permute(0, 2, 3, 1)",
        {"x": signed(2, 3, 2, 3), "gamma": signed(3), "beta": signed(3)},
    ),
    "layer_norm": (
        "F.layer_norm(x, [5], gamma, beta)",
        {"x": signed(3, 5), "gamma": signed(5), "beta": signed(5)},
    ),
    "standardize": (
        "(x - torch.tensor([0.5, -0.3, 0.1])) / torch.tensor([0.2, 1.7, 0.6])",
        {"x": signed(2, 2, 3)},
    ),
    # Chapter 13: convolution and pooling, and whom a tie of two maxima gives the gradient.
    "conv2d": (conv(1, 1), {"x": signed(2, 4, 5, 2), "w": signed(3, 3, 2, 3)}),
    "conv2d, stride 2": (conv(2, 0), {"x": signed(2, 6, 5, 2), "w": signed(3, 3, 2, 3)}),
    "conv2d, by its definition": (conv(2, 1), {"x": signed(2, 4, 5, 2), "w": signed(3, 3, 2, 3)}),
    "max_pool": (pool("max", "2"), {"x": signed(2, 4, 5, 3)}),
    "max_pool: ties": (pool("max", "2"), {"x": given([[[[0.7] * 3] * 5] * 4] * 2)}),
    "max_pool, overlapping": (pool("max", "(3, 2), stride=1"), {"x": signed(2, 5, 6, 3)}),
    "batch_norm_max_pool_relu": (
        "F.max_pool2d(" + batch_norm("x.permute(0, 3, 1, 2)") + ", 2).permute(0, 2, 3, 1).relu()",
        {"x": signed(2, 4, 6, 3), "gamma": signed(3), "beta": signed(3)},
    ),
    "average_pool": (pool("avg", "(3, 2), stride=2"), {"x": signed(2, 5, 6, 3)}),
    "global_max_pool": (global_pool("max"), {"x": signed(2, 3, 4, 3)}),
    "global_max_pool: ties": (global_pool("max"), {"x": given([[[[0.7] * 3] * 4] * 3] * 2)}),
    "global_average_pool": (global_pool("avg"), {"x": signed(2, 3, 4, 3)}),
    "flatten": ("torch.flatten(x, start_dim=1)", {"x": signed(2, 3, 2, 2)}),
    "reshape_samples": ("x.reshape(2, 3, 1, 2)", {"x": signed(2, 6)}),
    # Chapter 14: dropout. What is compared is the factor of an entry that stays: the two draw their
    # masks by different generators.
    "dropout": ("F.dropout(x, p=0.4)", {"x": signed(4, 5)}),
}


def reference(name: str, expression: str, inputs: dict) -> dict:
    """An op's value and gradients, with an upstream gradient that is not 1."""
    # Seeded by its name, so that a new op leaves the numbers of all others as they are.
    rng = random.Random(name)
    torch.manual_seed(29)
    values = {key: of.draw(rng).requires_grad_(of.wanted) for key, of in inputs.items()}
    y = eval(expression, {"torch": torch, "F": F} | values)
    dy = signed_tensor(rng, *y.shape)
    y.backward(dy)
    recorded = []
    for key, x in values.items():
        recorded.append({"name": key, "value": x.tolist()})
        if x.requires_grad:
            recorded[-1]["gradient"] = x.grad.tolist()
    return {"pytorch": expression, "inputs": recorded, "dy": dy.tolist(), "y": y.tolist()}


def record() -> dict:
    """The references of all ops."""
    return {name: reference(name, *op) for name, op in OPS.items()}
