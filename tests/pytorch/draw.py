"""Inputs of the references: fixed, asymmetric, and short to write down.

Each has three decimals, so that its text in the file is the number itself.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Input:
    """An input of an op: how it is drawn, and whether its gradient is recorded."""

    draw: Callable[[random.Random], torch.Tensor]
    wanted: bool = True


def tensor(rng: random.Random, low: float, high: float, *shape: int) -> torch.Tensor:
    """Numbers between `low` and `high`, without a shape a single one."""
    count = torch.Size(shape).numel()
    numbers = [round(rng.uniform(low, high), 3) for _ in range(count)]
    return torch.tensor(numbers).reshape(shape)


def signs(rng: random.Random, *shape: int) -> torch.Tensor:
    """1 or -1 in each place."""
    count = torch.Size(shape).numel()
    return torch.tensor([rng.choice([-1.0, 1.0]) for _ in range(count)]).reshape(shape)


def signed_tensor(rng: random.Random, *shape: int) -> torch.Tensor:
    """Numbers of either sign, away from zero: where many functions have a kink."""
    return tensor(rng, 0.3, 1.7, *shape) * signs(rng, *shape)


def signed(*shape: int) -> Input:
    """Numbers of either sign, away from zero."""
    return Input(lambda rng: signed_tensor(rng, *shape))


def positive(*shape: int) -> Input:
    """Numbers above zero."""
    return Input(lambda rng: tensor(rng, 0.3, 1.7, *shape))


def labels(rows: int, classes: int) -> Input:
    """A class index for each row."""
    return Input(lambda rng: torch.tensor([rng.randrange(classes) for _ in range(rows)]), False)


def given(numbers: list) -> Input:
    """These numbers."""
    return Input(lambda _: torch.tensor(numbers))


def fixed(of: Input) -> Input:
    """An input whose gradient nobody asks for."""
    return Input(of.draw, wanted=False)
