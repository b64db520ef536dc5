"""The multi-layer perceptrons in NumPy, by hand: every product writes into an array that is there already.

As in PyTorch, no gradient of the inputs is computed.
"""

import numpy
from measure import RATE, arguments, layers_of, report, samples

ALPHA, LAMBDA = 1.6732632423543772, 1.0507009873554805


class Linear:
    """Y = X·W + b."""

    def __init__(self, generator, batch, inputs, outputs):
        bound = (6 / inputs) ** 0.5
        weight = generator.uniform(-bound, bound, (inputs, outputs)).astype(numpy.float32)
        self.parameters = [weight, numpy.zeros(outputs, numpy.float32)]
        self.gradients = [numpy.zeros_like(parameter) for parameter in self.parameters]
        self.y = numpy.empty((batch, outputs), numpy.float32)
        self.dx = numpy.empty((batch, inputs), numpy.float32)

    def forward(self, x):
        weight, bias = self.parameters
        self.x = x
        numpy.matmul(x, weight, out=self.y)
        self.y += bias
        return self.y

    def backward(self, dy, first):
        dweight, dbias = self.gradients
        numpy.matmul(self.x.T, dy, out=dweight)
        numpy.sum(dy, axis=0, out=dbias)
        return None if first else numpy.matmul(dy, self.parameters[0].T, out=self.dx)


class Activation:
    """y = f(x), in place; `slope` is f′ as a function of y."""

    parameters = gradients = ()

    def __init__(self, kind):
        self.kind = kind

    def forward(self, x):
        if self.kind == "relu":
            self.y = numpy.maximum(x, 0, out=x)
        elif self.kind == "tanh":
            self.y = numpy.tanh(x, out=x)
        elif self.kind == "sigmoid":
            numpy.negative(x, out=x)
            numpy.exp(x, out=x)
            x += 1
            self.y = numpy.reciprocal(x, out=x)
        else:
            negative = numpy.minimum(x, 0)
            numpy.expm1(negative, out=negative)
            negative *= LAMBDA * ALPHA
            numpy.maximum(x, 0, out=x)
            x *= LAMBDA
            x += negative
            self.y = x
        return self.y

    def backward(self, dy, _):
        dy *= self.slope()
        return dy

    def slope(self):
        y = self.y
        if self.kind == "relu":
            return y > 0
        if self.kind == "tanh":
            return 1 - y * y
        if self.kind == "sigmoid":
            return y * (1 - y)
        return numpy.where(y > 0, numpy.float32(LAMBDA), y + numpy.float32(LAMBDA * ALPHA))


class Network:
    """Layers, the mean cross-entropy behind them, and the update."""

    def __init__(self, workload):
        generator = numpy.random.default_rng(7)
        self.layers = []
        for kind, numbers in layers_of(workload):
            if kind == "linear":
                self.layers.append(Linear(generator, workload["batch"], **numbers))
            elif kind in ("relu", "selu", "sigmoid", "tanh"):
                self.layers.append(Activation(kind))
            else:
                raise SystemExit(f"no {kind} by hand: NumPy has the multi-layer perceptrons alone")
        self.inputs, labels = samples(workload, numpy)
        self.chosen = numpy.arange(len(labels)), labels
        pairs = [(layer.parameters, layer.gradients) for layer in self.layers]
        self.parameters = [parameter for parameters, _ in pairs for parameter in parameters]
        self.gradients = [gradient for _, gradients in pairs for gradient in gradients]
        self.update = updates(workload["optimizer"], self.parameters, self.gradients)

    def logits(self):
        x = self.inputs
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def step(self):
        logits = self.logits()
        logits -= logits.max(axis=1, keepdims=True)
        numpy.exp(logits, out=logits)
        logits /= logits.sum(axis=1, keepdims=True)
        logits[self.chosen] -= 1
        logits /= len(logits)
        gradient = logits
        for layer in reversed(self.layers):
            gradient = layer.backward(gradient, layer is self.layers[0])
        self.update()

    def loss(self):
        logits = self.logits().astype(numpy.float64)
        largest = logits.max(axis=1)
        sums = numpy.exp(logits - largest[:, None]).sum(axis=1)
        return float((numpy.log(sums) + largest - logits[self.chosen]).mean())


def updates(rule, parameters, gradients):
    """The function that moves the parameters."""
    if "adam" in rule:
        return adam(parameters, gradients, **rule["adam"])
    if rule["sgd"]["momentum"] != 0:
        raise SystemExit("no momentum by hand: no perceptron asks for it")
    scratch = [numpy.empty_like(parameter) for parameter in parameters]

    def update():
        for parameter, gradient, space in zip(parameters, gradients, scratch):
            parameter -= numpy.multiply(gradient, numpy.float32(RATE), out=space)

    return update


def adam(parameters, gradients, beta1, beta2, epsilon):
    """m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g², w ← w − η·m̂/(√v̂ + ε), in place."""
    means = [numpy.zeros_like(parameter) for parameter in parameters]
    squares = [numpy.zeros_like(parameter) for parameter in parameters]
    scratch = [numpy.empty_like(parameter) for parameter in parameters]
    steps = 0

    def update():
        nonlocal steps
        steps += 1
        rate = RATE / (1 - beta1**steps)
        unbias = (1 - beta2**steps) ** -0.5
        for w, g, m, v, space in zip(parameters, gradients, means, squares, scratch):
            m *= beta1
            m += numpy.multiply(g, 1 - beta1, out=space)
            v *= beta2
            numpy.multiply(g, g, out=space)
            space *= 1 - beta2
            v += space
            numpy.sqrt(v, out=space)
            space *= unbias
            space += epsilon
            numpy.divide(m, space, out=space)
            space *= rate
            w -= space

    return update


def main():
    found = arguments()
    network = Network(found.workload)
    parameters = sum(parameter.size for parameter in network.parameters)
    report(found.workload, found.seconds, parameters, network.loss, network.step)


if __name__ == "__main__":
    main()
