"""The workloads of `chainrule bench`, and how a rival in Python is measured: the same in every script of
this folder. `../rust/src/lib.rs` is its twin.
"""

import argparse
import json
import time
from pathlib import Path

WORKLOADS = json.loads((Path(__file__).parent.parent / "workloads.json").read_text())
# Windows that count.
WINDOWS = 3
# Steps between the two losses that are compared.
STEPS = 20
# So small that no workload diverges on its one batch, however long it is measured.
RATE = 1e-4
# All workloads tell ten classes apart.
CLASSES = 10


def arguments():
    """What every script takes: its workload is looked up."""
    parser = argparse.ArgumentParser()
    parser.add_argument("workload", choices=[workload["name"] for workload in WORKLOADS])
    parser.add_argument("--variant", required=True)
    parser.add_argument("--seconds", type=float, required=True, help="of a window")
    parser.add_argument("--threads", type=int, required=True)
    found = parser.parse_args()
    found.workload = next(w for w in WORKLOADS if w["name"] == found.workload)
    return found


def layers_of(workload):
    """Each layer as its kind and its numbers."""
    for layer in workload["layers"]:
        yield (layer, {}) if isinstance(layer, str) else next(iter(layer.items()))


def samples(workload, numpy):
    """Random inputs in [0, 1) and random labels: one batch."""
    generator = numpy.random.default_rng(29)
    inputs = generator.random((workload["batch"], *workload["input"]), dtype=numpy.float32)
    return inputs, generator.integers(CLASSES, size=workload["batch"])


def report(workload, seconds, parameters, loss, run, steps=1):
    """Measures `run`, which does so many `steps` and waits until they are done, and prints the result.
    `loss` is the batch's mean loss as the weights are now.
    """
    first = loss()
    for _ in range(STEPS // steps):
        run()
    losses = [first, loss()]
    window(run, seconds)
    rates = [workload["batch"] * steps * window(run, seconds) for _ in range(WINDOWS)]
    print(json.dumps({"parameters": parameters, "losses": losses, "samples_per_second": rates}))


def window(run, seconds):
    """Runs a second, over runs that last as long as `seconds`, or one."""
    runs, start = 0, time.perf_counter()
    while True:
        run()
        runs += 1
        elapsed = time.perf_counter() - start
        if elapsed >= seconds:
            return runs / elapsed
