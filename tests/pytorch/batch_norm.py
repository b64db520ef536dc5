"""Batch norm over two batches of training and then in evaluation, with its running statistics."""

import random

import torch

from draw import signed_tensor, tensor


def passes(norm: torch.nn.Module, rng: random.Random, shape: list[int]) -> dict:
    """One pass with its gradients, and the statistics that it leaves."""
    x = tensor(rng, -2.0, 3.0, *shape).requires_grad_()
    channels_last = x.dim() == 4
    norm.zero_grad()
    y = norm(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1) if channels_last else norm(x)
    dy = signed_tensor(rng, *shape)
    y.backward(dy)
    entry = {"x": x, "y": y, "dy": dy, "dx": x.grad}
    entry |= {"dgamma": norm.weight.grad, "dbeta": norm.bias.grad}
    entry |= {"running_mean": norm.running_mean, "running_variance": norm.running_var}
    return {key: value.tolist() for key, value in entry.items()}


def history(kind: type, shape: list[int], momentum: float, epsilon: float) -> dict:
    """Two batches of training and one of evaluation."""
    rng = random.Random(f"batch norm {shape}")
    norm = kind(shape[-1], momentum=momentum, eps=epsilon)
    with torch.no_grad():
        norm.weight.copy_(signed_tensor(rng, shape[-1]))
        norm.bias.copy_(signed_tensor(rng, shape[-1]))
    settings = {"momentum": momentum, "epsilon": epsilon}
    settings |= {"gamma": norm.weight.tolist(), "beta": norm.bias.tolist()}
    training = [passes(norm, rng, shape) for _ in range(2)]
    norm.eval()
    return settings | {"training": training, "evaluation": passes(norm, rng, shape)}


def record() -> dict:
    """With features and with images, each with settings of its own."""
    return {
        "torch.nn.BatchNorm1d": history(torch.nn.BatchNorm1d, [5, 3], 0.1, 1e-5),
        "torch.nn.BatchNorm2d": history(torch.nn.BatchNorm2d, [2, 3, 2, 2], 0.3, 1e-2),
    }
