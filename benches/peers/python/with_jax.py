"""The workloads in JAX: a whole step is compiled, and its weights are donated. Images have their channels
last. In the variant `step` Python calls it for each batch; in `scan` one call does twenty steps.
"""

import jax
import numpy
from jax import lax, nn
from jax import numpy as jnp
from measure import RATE, arguments, layers_of, report, samples

# Steps of a call of the variant `scan`.
SCAN = 20
ACTIVATIONS = {"relu": nn.relu, "selu": nn.selu, "sigmoid": nn.sigmoid, "tanh": jnp.tanh}
EPSILON, MOMENTUM = 1e-5, 0.1


def start(key, kind, numbers):
    """Parameters of a layer, and its running statistics."""
    if kind == "batch_norm":
        ones, zeros = jnp.ones(numbers["channels"]), jnp.zeros(numbers["channels"])
        # Arrays of their own: what is donated twice cannot be used.
        return [ones, zeros], [zeros + 0, ones + 0]
    if kind not in ("linear", "conv"):
        return [], []
    side = numbers.get("kernel", 1)
    fan_in, outputs = side * side * numbers["inputs"], numbers["outputs"]
    shape = (side, side, numbers["inputs"], outputs) if kind == "conv" else (fan_in, outputs)
    weight = jax.random.normal(key, shape) * (2 / fan_in) ** 0.5
    return [weight] + [jnp.zeros(outputs)] * numbers.get("bias", True), []


def apply(kind, numbers, parameters, running, x):
    """A layer's output, and its new running statistics."""
    if kind == "linear":
        return x @ parameters[0] + parameters[1], running
    if kind == "conv":
        pad = [(numbers["padding"],) * 2] * 2
        y = lax.conv_general_dilated(
            x, parameters[0], (1, 1), pad, dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        return (y + parameters[1] if numbers["bias"] else y), running
    if kind == "batch_norm":
        return batch_norm(parameters, running, x)
    if kind == "max_pool":
        # The maximum of a reshaped axis, whose gradient needs no scatter as a window's does.
        batch, height, width, channels = x.shape
        return x.reshape(batch, height // 2, 2, width // 2, 2, channels).max((2, 4)), running
    return (x.reshape(len(x), -1) if kind == "flatten" else ACTIVATIONS[kind](x)), running


def batch_norm(parameters, running, x):
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    count = x.size // x.shape[-1]
    seen = [mean, variance * count / (count - 1)]
    moved = [old + MOMENTUM * (new - old) for old, new in zip(running, seen)]
    y = (x - mean) * lax.rsqrt(variance + EPSILON) * parameters[0] + parameters[1]
    return y, lax.stop_gradient(moved)


def loss(layers, parameters, running, inputs, labels):
    x, moved = inputs, []
    for (kind, numbers), own, buffers in zip(layers, parameters, running):
        x, buffers = apply(kind, numbers, own, buffers, x)
        moved.append(buffers)
    chosen = jnp.take_along_axis(nn.log_softmax(x), labels[:, None], axis=1)
    return -chosen.mean(), moved


def descent(rule):
    """The optimizer's first state as a function of the parameters, and its step."""
    zeros = lambda parameters: jax.tree.map(jnp.zeros_like, parameters)  # noqa: E731
    if "adam" in rule:
        beta1, beta2, epsilon = (rule["adam"][name] for name in ("beta1", "beta2", "epsilon"))

        def update(parameters, gradients, state):
            m, v, steps = state
            steps = steps + 1
            m = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, m, gradients)
            v = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, v, gradients)
            rate, unbias = RATE / (1 - beta1**steps), 1 / (1 - beta2**steps)
            move = lambda w, m, v: w - rate * m / (jnp.sqrt(v * unbias) + epsilon)  # noqa: E731
            return jax.tree.map(move, parameters, m, v), (m, v, steps)

        return lambda parameters: (zeros(parameters), zeros(parameters), jnp.float32(0)), update
    momentum = rule["sgd"]["momentum"]

    def update(parameters, gradients, state):
        if momentum == 0:
            return jax.tree.map(lambda w, g: w - RATE * g, parameters, gradients), state
        state = jax.tree.map(lambda v, g: momentum * v + g, state, gradients)
        return jax.tree.map(lambda w, v: w - RATE * v, parameters, state), state

    return (zeros if momentum != 0 else lambda _: ()), update


def main():
    found = arguments()
    layers = list(layers_of(found.workload))
    keys = jax.random.split(jax.random.key(29), len(layers))
    pairs = [start(key, *layer) for key, layer in zip(keys, layers)]
    parameters, running = ([pair[k] for pair in pairs] for k in range(2))
    inputs, labels = samples(found.workload, numpy)
    if inputs.ndim == 4:
        inputs = numpy.ascontiguousarray(inputs.transpose(0, 2, 3, 1))
    inputs, labels = jnp.asarray(inputs), jnp.asarray(labels)
    first, update = descent(found.workload["optimizer"])
    state = parameters, running, first(parameters)
    count = sum(leaf.size for leaf in jax.tree.leaves(parameters))
    slope = jax.grad(lambda *given: loss(layers, *given), has_aux=True)

    # The batch is an argument: a constant would let the compiler prepare it once for all steps.
    def once(state, inputs, labels):
        parameters, running, rule = state
        gradients, running = slope(parameters, running, inputs, labels)
        parameters, rule = update(parameters, gradients, rule)
        return parameters, running, rule

    def several(state, inputs, labels):
        body = lambda state, batch: (once(state, *batch), None)  # noqa: E731
        return lax.scan(body, state, (inputs, labels))[0]

    steps = SCAN if found.variant == "scan" else 1
    now = jax.jit(lambda state, *batch: loss(layers, *state[:2], *batch)[0])
    compiled = jax.jit(several if steps > 1 else once, donate_argnums=0)
    batch = inputs, labels
    batches = [jnp.stack([part] * steps) for part in batch] if steps > 1 else batch

    def run():
        nonlocal state
        state = jax.block_until_ready(compiled(state, *batches))

    report(found.workload, found.seconds, count, lambda: float(now(state, *batch)), run, steps)


if __name__ == "__main__":
    main()
