"""The workloads of `chainrule bench` in PyTorch, for comparison on the same machine.

    python3 -m venv target/pytorch
    target/pytorch/bin/pip install torch --index-url https://download.pytorch.org/whl/cpu
    target/pytorch/bin/python benches/pytorch.py --threads 2

Each step is forward, loss, backward and update on dense random inputs, in eager mode. Convolutional
workloads run in both memory formats: the names of those with channels last end in `-nhwc`. The best of
three windows counts, after a warm-up. Prints JSON of the same form as `chainrule bench --json`.
"""

import argparse
import json
import time

import torch
from torch import nn


def mlp(widths, activations):
    layers = []
    for fan_in, fan_out, activation in zip(widths, widths[1:], activations + [None]):
        layers.append(nn.Linear(fan_in, fan_out))
        if activation:
            layers.append(activation())
    return nn.Sequential(*layers)


def lenet():
    return nn.Sequential(
        nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


def cnn(filters, batch_norm):
    layers, channels, side = [], 3, 32
    for width in filters:
        layers.append(nn.Conv2d(channels, width, 3, padding=1, bias=not batch_norm))
        if batch_norm:
            layers.append(nn.BatchNorm2d(width))
        layers += [nn.ReLU(), nn.MaxPool2d(2)]
        channels, side = width, side // 2
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * side * side, 10))


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=1e-3)


def momentum(parameters):
    return torch.optim.SGD(parameters, lr=1e-3, momentum=0.9)


def adam(parameters):
    return torch.optim.Adam(parameters, lr=1e-3)


PIXELS, IMAGE = (784,), (3, 32, 32)
SMALL = lambda: mlp([784, 128, 64, 10], [nn.ReLU, nn.ReLU])  # noqa: E731
WORKLOADS = {
    "mlp-128-64-b1": (SMALL, PIXELS, 1, sgd),
    "mlp-128-64-b24": (SMALL, PIXELS, 24, sgd),
    "mlp-300-b16": (lambda: mlp([784, 300, 10], [nn.Sigmoid]), PIXELS, 16, sgd),
    "mlp-784x3-adam-b1000": (
        lambda: mlp([784, 784, 784, 784, 10], [nn.ReLU, nn.SELU, nn.Tanh]), PIXELS, 1000, adam,
    ),
    "lenet-b32": (lenet, IMAGE, 32, momentum),
    "cnn-32-64-b64": (lambda: cnn([32, 64], False), IMAGE, 64, momentum),
    "cnn-bn-32-64-128-b128": (lambda: cnn([32, 64, 128], True), IMAGE, 128, momentum),
}  # fmt: skip


def throughput(workload, memory_format, seconds):
    build, shape, batch, optimizer = workload
    torch.manual_seed(29)
    model, inputs = build(), torch.rand(batch, *shape)
    if memory_format:
        model, inputs = model.to(memory_format=memory_format), inputs.to(memory_format=memory_format)
    labels, loss = torch.randint(10, (batch,)), nn.CrossEntropyLoss()
    optimizer = optimizer(model.parameters())

    def step():
        optimizer.zero_grad()
        loss(model(inputs), labels).backward()
        optimizer.step()

    def window(seconds):
        steps, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds:
            step()
            steps += 1
        return steps * batch / (time.perf_counter() - start)

    window(seconds / 2)
    return max(window(seconds) for _ in range(3))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--seconds", type=float, default=1.0)
    arguments = parser.parse_args()
    unknown = set(arguments.workloads) - set(WORKLOADS)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; choose from {', '.join(WORKLOADS)}")
    torch.set_num_threads(arguments.threads)
    found = {}
    for name in arguments.workloads or WORKLOADS:
        workload = WORKLOADS[name]
        found[name] = throughput(workload, None, arguments.seconds)
        if workload[1] == IMAGE:
            nhwc = throughput(workload, torch.channels_last, arguments.seconds)
            found[f"{name}-nhwc"] = nhwc
    print(json.dumps({"throughput": found, "threads": arguments.threads, "torch": torch.__version__}))


if __name__ == "__main__":
    main()
