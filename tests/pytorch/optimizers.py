"""Where each rule leads in ten steps, with gradients that are given.

A matrix w and a bias b: some rules treat the bias apart, as a parameter group. The gradients are of
all sizes, fall silent for three steps and come back, so that every moving average has to forget.
"""

import random

import torch

from draw import signed_tensor, tensor

STEPS = 10
SILENT = range(4, 7)

ADAM = {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
OTHER_ADAM = {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-2}

# A name, the call, and Chainrule's words for it. `factor` and `decays` are those of the bias.
RULES = {
    "sgd": ("SGD(groups)", {"rule": "sgd"}, {}),
    "sgd, l2": ("SGD(groups, weight_decay=0.1)", {"rule": "sgd"}, {"l2": 0.1}),
    "momentum": ("SGD(groups, momentum=0.9)", {"rule": "momentum", "momentum": 0.9}, {}),
    "momentum, l2": (
        "SGD(groups, momentum=0.7, weight_decay=0.1)",
        {"rule": "momentum", "momentum": 0.7},
        {"l2": 0.1},
    ),
    "nesterov": (
        "SGD(groups, momentum=0.9, nesterov=True)",
        {"rule": "nesterov", "momentum": 0.9},
        {},
    ),
    "nesterov, l2, a rate of its own": (
        "SGD(groups, momentum=0.85, nesterov=True, weight_decay=0.1)",
        {"rule": "nesterov", "momentum": 0.85},
        {"l2": 0.1, "factor": 64.0},
    ),
    "adam": ("Adam(groups)", {"rule": "adam"} | ADAM, {}),
    "adam, l2": ("Adam(groups, weight_decay=0.1)", {"rule": "adam"} | ADAM, {"l2": 0.1}),
    "adam, other averages": (
        "Adam(groups, betas=(0.8, 0.95), eps=1e-2)",
        {"rule": "adam"} | OTHER_ADAM,
        {},
    ),
    "adamw": (
        "AdamW(groups, weight_decay=0.3)",
        {"rule": "adamw", "decay": 0.3} | ADAM,
        {},
    ),
    "adamw, no decay of the bias": (
        "AdamW(groups, weight_decay=0.3)",
        {"rule": "adamw", "decay": 0.3} | ADAM,
        {"decays": False},
    ),
    "adamw, a rate of its own": (
        "AdamW(groups, betas=(0.8, 0.95), eps=1e-2, weight_decay=0.3)",
        {"rule": "adamw", "decay": 0.3} | OTHER_ADAM,
        {"factor": 3.0},
    ),
}


def problem() -> dict:
    """The start, and for each step its rate and its gradients."""
    rng = random.Random("descent")
    shapes = {"w": [2, 3], "b": [3]}
    start = {key: signed_tensor(rng, *shape) for key, shape in shapes.items()}
    gradients = []
    for step in range(STEPS):
        size = 0.0 if step in SILENT else 10.0 ** rng.randint(-2, 1)
        gradients.append({key: signed_tensor(rng, *shape) * size for key, shape in shapes.items()})
    # As a schedule sets it: it differs from step to step.
    rates = tensor(rng, 0.01, 0.1, STEPS)
    return {"start": start, "gradients": gradients, "rates": rates}


def trajectory(call: str, given: dict, factor: float = 1.0, decays: bool = True, **_) -> list:
    """The weights after each step."""
    weights = {key: value.clone().requires_grad_() for key, value in given["start"].items()}
    groups = [{"params": [weights["w"]]}, {"params": [weights["b"]]}]
    optimizer = eval(f"torch.optim.{call}", {"torch": torch, "groups": groups})
    bias = optimizer.param_groups[1]
    bias["weight_decay"] = bias["weight_decay"] / factor if decays else 0.0
    after = []
    for rate, gradients in zip(given["rates"].tolist(), given["gradients"]):
        optimizer.param_groups[0]["lr"], bias["lr"] = rate, factor * rate
        for key, weight in weights.items():
            weight.grad = gradients[key].clone()
        optimizer.step()
        after.append({key: weight.tolist() for key, weight in weights.items()})
    return after


def numbers(value):
    """Tensors as lists, wherever they are."""
    if isinstance(value, dict):
        return {key: numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [numbers(item) for item in value]
    return value.tolist()


def record() -> dict:
    """The problem, and the trajectory of each rule."""
    given = problem()
    rules = {}
    for name, (call, rule, settings) in RULES.items():
        after = trajectory(call, given, **settings)
        rules[name] = {"pytorch": f"torch.optim.{call}", "rule": rule, "weights": after}
        rules[name] |= {"l2": 0.0, "factor": 1.0, "decays": True} | settings
    return {"problem": numbers(given), "rules": rules}
