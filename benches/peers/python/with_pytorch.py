"""The workloads in PyTorch: eager or compiled, images with channels first (`nchw`) or last (`nhwc`)."""

import numpy
import torch
from measure import RATE, arguments, layers_of, report, samples
from torch import nn

ACTIVATIONS = {"relu": nn.ReLU, "selu": nn.SELU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}


def layer(kind, numbers):
    if kind == "linear":
        return nn.Linear(numbers["inputs"], numbers["outputs"])
    if kind == "conv":
        sizes = numbers["inputs"], numbers["outputs"], numbers["kernel"]
        return nn.Conv2d(*sizes, padding=numbers["padding"], bias=numbers["bias"])
    if kind == "batch_norm":
        return nn.BatchNorm2d(numbers["channels"])
    if kind == "max_pool":
        return nn.MaxPool2d(2)
    return nn.Flatten() if kind == "flatten" else ACTIVATIONS[kind]()


def optimizer(rule, parameters):
    # One kernel an update, where the default has several.
    if "adam" in rule:
        adam = rule["adam"]
        betas = adam["beta1"], adam["beta2"]
        return torch.optim.Adam(parameters, RATE, betas, adam["epsilon"], fused=True)
    return torch.optim.SGD(parameters, RATE, rule["sgd"]["momentum"], fused=True)


def main():
    found = arguments()
    mode, memory_format = found.variant.split("-")
    torch.set_num_threads(found.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(29)
    model = nn.Sequential(*(layer(*named) for named in layers_of(found.workload)))
    inputs, labels = map(torch.from_numpy, samples(found.workload, numpy))
    if memory_format == "nhwc":
        model = model.to(memory_format=torch.channels_last)
        inputs = inputs.to(memory_format=torch.channels_last)
    update = optimizer(found.workload["optimizer"], model.parameters())
    criterion = nn.CrossEntropyLoss()

    def forward():
        return criterion(model(inputs), labels)

    if mode == "compile":
        forward = torch.compile(forward)

    def step():
        update.zero_grad()
        forward().backward()
        update.step()

    parameters = sum(parameter.numel() for parameter in model.parameters())
    report(found.workload, found.seconds, parameters, lambda: forward().item(), step)


if __name__ == "__main__":
    main()
