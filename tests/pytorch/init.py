"""How far the weights of a layer may start from 0: what PyTorch gives its generator, not a sample.

LeCun's initialization goes by no name in PyTorch: it is Kaiming's with the gain of a linear layer.
"""

from unittest import mock

import torch
from torch.nn import init

CALLS = {
    "xavier-normal": "init.xavier_normal_(w)",
    "xavier-uniform": "init.xavier_uniform_(w)",
    "he-normal": "init.kaiming_normal_(w, nonlinearity='relu')",
    "he-uniform": "init.kaiming_uniform_(w, nonlinearity='relu')",
    "lecun-normal": "init.kaiming_normal_(w, nonlinearity='linear')",
    "lecun-uniform": "init.kaiming_uniform_(w, nonlinearity='linear')",
    "normal:0.02": "init.normal_(w, std=0.02)",
    "constant:0.3": "init.constant_(w, 0.3)",
    "zeros": "init.zeros_(w)",
}

# PyTorch's order: what a layer makes, what it takes, and the sides of a kernel.
SHAPES = [[5, 7], [128, 784], [16, 3, 5, 5]]


def drawn(call: str, shape: list[int]) -> dict:
    """What `call` asks of the generator for such a weight, or the number that it writes without."""
    asked = {}

    def uniform(w, low=0.0, high=1.0, generator=None):
        asked.update(low=low, high=high)
        return w

    def normal(w, mean=0.0, std=1.0, generator=None):
        asked.update(mean=mean, deviation=std)
        return w

    w = torch.empty(shape)
    with mock.patch.object(torch.Tensor, "uniform_", uniform):
        with mock.patch.object(torch.Tensor, "normal_", normal):
            eval(call, {"init": init, "w": w})
    return asked or {"constant": w.unique().item()}


def record() -> list:
    """All initializations of all shapes."""
    references = []
    for name, call in CALLS.items():
        for shape in SHAPES:
            fan_in, fan_out = init._calculate_fan_in_and_fan_out(torch.empty(shape))
            entry = {"init": name, "pytorch": call, "fan_in": fan_in, "fan_out": fan_out}
            references.append(entry | drawn(call, shape))
    return references
