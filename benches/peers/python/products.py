"""Products of matrices of `f32` in PyTorch: `../products` is its twin. Prints one JSON object with the
GFLOP/s of each shape.
"""

import argparse
import json
import time

import torch

ROUNDS = 9
OPERATIONS = 1.5e9


def matrix(rows, columns, transposed):
    """Numbers of either sign; `transposed`, they stand column by column."""
    shape = (columns, rows) if transposed else (rows, columns)
    found = torch.rand(shape) - 0.5
    return found.t() if transposed else found


def measure(m, k, n, left, right):
    """GFLOP/s, the best of all rounds."""
    a, b, c = matrix(m, k, left), matrix(k, n, right), torch.empty(m, n)
    operations = 2 * m * k * n
    repeats = int(min(max(OPERATIONS / operations, 2), 2_000))
    best = 0
    for _ in range(ROUNDS):
        torch.mm(a, b, out=c)
        start = time.perf_counter()
        for _ in range(repeats):
            torch.mm(a, b, out=c)
        best = max(best, operations * repeats / (time.perf_counter() - start) / 1e9)
    return best


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("shapes", type=json.loads)
    found = parser.parse_args()
    torch.set_num_threads(found.threads)
    rates = {}
    for m, k, n in found.shapes:
        for left in (False, True):
            for right in (False, True):
                name = f"{m} × {k} × {n}, A{'ᵀ' * left}·B{'ᵀ' * right}"
                rates[name] = measure(m, k, n, left, right)
    print(json.dumps({"pytorch": rates}))


if __name__ == "__main__":
    main()
