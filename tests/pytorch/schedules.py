"""The rate of each step, where PyTorch has the same schedule or can be put together to it."""

import warnings

import torch
from torch.optim import lr_scheduler

STEPS = 24

# Chainrule's words, the rate that PyTorch starts from, and its scheduler.
SCHEDULES = {
    "constant": ({"rate": 0.3}, 0.3, "ConstantLR(optimizer, factor=1.0)"),
    "step-decay": (
        {"rate": 0.3, "every": 5, "factor": 0.4},
        0.3,
        "StepLR(optimizer, step_size=5, gamma=0.4)",
    ),
    "cosine": (
        {"rate": 0.3, "last": 0.02, "steps": STEPS - 1},
        0.3,
        f"CosineAnnealingLR(optimizer, T_max={STEPS - 1}, eta_min=0.02)",
    ),
    "one-cycle": (
        {
            "peak": 0.3,
            "steps": STEPS,
            "pct_start": 0.3,
            "div_factor": 25.0,
            "final_div_factor": 1e4,
        },
        0.3,
        f"OneCycleLR(optimizer, max_lr=0.3, total_steps={STEPS}, cycle_momentum=False)",
    ),
    "triangle": (
        {"first": 0.06, "peak": 0.3, "last": 0.03, "rise": 6, "steps": 20},
        0.3,
        "SequentialLR(optimizer, [LinearLR(optimizer, 0.2, 1.0, total_iters=6), "
        "LinearLR(optimizer, 1.0, 0.1, total_iters=14)], milestones=[6])",
    ),
    "warm-up": (
        {"steps": 4, "then": {"schedule": "step-decay", "rate": 0.3, "every": 5, "factor": 0.4}},
        0.3,
        "SequentialLR(optimizer, [LinearLR(optimizer, 1 / 5, 1.0, total_iters=4), "
        "StepLR(optimizer, step_size=5, gamma=0.4)], milestones=[4])",
    ),
}


def rates(rate: float, call: str) -> list:
    """The rate of each step, from step 0 on."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate)
    names = {name: getattr(lr_scheduler, name) for name in dir(lr_scheduler) if name.endswith("LR")}
    found = []
    with warnings.catch_warnings():
        # SequentialLR uses an argument of its parts that warns its users.
        warnings.simplefilter("ignore")
        scheduler = eval(call, names | {"optimizer": optimizer})
        for _ in range(STEPS):
            found.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            # One-cycle refuses a step behind its last.
            if len(found) < STEPS:
                scheduler.step()
    return found


def record() -> dict:
    """The rates of all schedules."""
    return {
        name: {
            "pytorch": call,
            "schedule": {"schedule": name} | words,
            "rates": rates(rate, call),
        }
        for name, (words, rate, call) in SCHEDULES.items()
    }
