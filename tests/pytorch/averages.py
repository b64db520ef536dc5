"""Averages of the weights over a training: `torch.optim.swa_utils`.

Its exponential average starts at the first weights and not at 0. Chainrule's is freed of the zero
that it starts from. They differ by a term that is known, and the test converts one to the other.
"""

import random

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from draw import signed_tensor

STEPS = 10
DECAY = 0.8


class Weights(torch.nn.Module):
    """A network of three weights and nothing else."""

    def __init__(self):
        super().__init__()
        self.w = torch.nn.Parameter(torch.zeros(3))


def averaged(thetas: list, average: str, counts) -> list:
    """The average after each step that counts, and null after the others."""
    network = Weights()
    names = {"AveragedModel": AveragedModel, "get_ema_multi_avg_fn": get_ema_multi_avg_fn}
    average = eval(average, names | {"network": network})
    found = []
    for step, theta in enumerate(thetas, start=1):
        with torch.no_grad():
            network.w.copy_(theta)
        if counts(step):
            average.update_parameters(network)
        found.append(average.module.w.tolist() if counts(step) else None)
    return found


def record() -> dict:
    """The weights of ten steps with their averages."""
    rng = random.Random("averages")
    thetas = [signed_tensor(rng, 3) for _ in range(STEPS)]
    exponential = f"AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn({DECAY}))"
    third = {"averaging": "mean", "from": 3, "every": 2}
    return {
        "thetas": [theta.tolist() for theta in thetas],
        "kinds": {
            "exponential": {
                "pytorch": exponential,
                "averaging": {"averaging": "exponential", "decay": DECAY},
                "averages": averaged(thetas, exponential, lambda step: True),
            },
            "mean": {
                "pytorch": "AveragedModel(network)",
                "averaging": third,
                "averages": averaged(
                    thetas, "AveragedModel(network)", lambda step: step >= 3 and step % 2 == 1
                ),
            },
            "lookahead": {"reason": "PyTorch has no Lookahead."},
            "annealed-lookahead": {"reason": "PyTorch has no Lookahead."},
        },
    }
