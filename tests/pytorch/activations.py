"""Each activation and its slope over the whole range: at the kink, and where it saturates."""

import torch
import torch.nn.functional as F

MAGNITUDES = [1e-3, 0.4, 1.3, 5.0, 16.64, 40.0, 710.0]
POINTS = [-x for x in reversed(MAGNITUDES)] + [0.0] + MAGNITUDES

FUNCTIONS = {
    "identity": torch.nn.Identity(),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": F.relu,
    "selu": F.selu,
    "gelu": F.gelu,
}


def record() -> dict:
    """Values and derivatives of all activations at the same points."""
    functions = {}
    for name, function in FUNCTIONS.items():
        x = torch.tensor(POINTS, requires_grad=True)
        y = function(x)
        (slope,) = torch.autograd.grad(y.sum(), x)
        functions[name] = {"values": y.tolist(), "derivatives": slope.tolist()}
    return {"points": POINTS, "functions": functions}
