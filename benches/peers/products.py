"""Chainrule's product of matrices against the gemm crate, ndarray and PyTorch, on this machine, in one run.

    python3 benches/peers/products.py                  # on one thread and on all cores: some minutes
    python3 benches/peers/products.py --threads 2 --json target/products.json

Nine shapes of linear layers and squares, each with its factors as they are and transposed, in `f32`. The
best of nine rounds counts. Where PyTorch cannot be installed, the others are measured.
"""

import argparse
import json
import math
import sys
from pathlib import Path

import environments
import measurement
from options import cores, positive
from rivals import HERE, TARGET, TORCH, Environment, variables

SHAPES = [
    [1000, 784, 784],
    [784, 1000, 784],
    [2048, 2048, 2048],
    [512, 512, 512],
    [256, 256, 256],
    [24, 784, 128],
    [32, 400, 120],
    [784, 24, 128],
    [128, 24, 64],
]
PRODUCTS = Environment("products")


def programs():
    """The command lines that can run, and a line for each rival that cannot."""
    build = ["cargo", "build", "--release", "--locked", "--target-dir", TARGET / PRODUCTS.name]
    environments.command(PRODUCTS, "it does not compile", build, cwd=HERE / "products")
    found, left_out = [[environments.program(PRODUCTS, "products")]], []
    try:
        environments.python(TORCH)
    except environments.LeftOut as problem:
        left_out.append(f"pytorch is left out: {problem}")
    else:
        found.append([environments.interpreter(TORCH), HERE / "python" / "products.py"])
    return found, left_out


def table(rates):
    """A line for each product: GFLOP/s, and Chainrule's ratio to the best; then their geometric mean."""
    lines, ratios = [], []
    names = list(rates)
    lines.append(f"{'':28}" + "".join(f"{name:>11}" for name in names) + "  chainrule to the best")
    for product, own in rates["chainrule"].items():
        others = {name: rates[name][product] for name in names if name != "chainrule"}
        best = max(others, key=others.get)
        ratios.append(own / others[best])
        cells = "".join(f"{rates[name][product]:11.1f}" for name in names)
        lines.append(f"{product:28}{cells}  {ratios[-1]:.2f} {best}")
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
    return "\n".join([*lines, f"geometric mean {mean:.3f}, least {min(ratios):.2f}"])


def main():
    introduction, _, rest = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        description=introduction, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=positive(int), action="append", help="1 and all cores")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where all rates go")
    found = parser.parse_args()
    try:
        commands, left_out = programs()
    except environments.LeftOut as problem:
        sys.exit(f"Chainrule's product: {problem}")
    every = {}
    for threads in found.threads or sorted({1, cores()}):
        rates = every[threads] = {}
        for command in commands:
            options = ["--threads", str(threads), json.dumps(SHAPES)]
            try:
                rates |= measurement.output_of([*command, *options], variables(threads))
            except measurement.Failed as problem:
                left_out.append(f"{Path(command[-1]).name} on {threads} threads: {problem}")
        print(f"GFLOP/s, threads: {threads}\n\n{table(rates)}\n")
    if found.json:
        found.json.write_text(json.dumps(every, indent=2, ensure_ascii=False) + "\n")
    if left_out:
        print(*left_out, sep="\n")


if __name__ == "__main__":
    main()
