"""Chainrule against the best of what exists, on this machine, in one run.

    python3 benches/peers                              # all rivals, all workloads: about 25 minutes
    python3 benches/peers --only lenet-b32 --peers pytorch,jax
    python3 benches/peers --json target/peers.json     # every window, versions, the machine

It needs Python 3.11 and Rust, and sets up what is missing below `target/peers`: 6 GB, most of it PyTorch's
wheel, which on Linux brings the libraries of graphics cards. `rm -r target/peers` undoes everything.

Each workload of `chainrule bench` is trained by every rival: the same layers, loss and optimizer, in
`f32`, on one batch of random numbers, with the same number of threads. `workloads.json` describes them,
and all programs read it. A rival that has another number of parameters, or whose loss does not fall in
twenty steps, gets no number. Each measurement has a process of its own; the rivals take turns, twice. The
best of all windows counts: three in each process, after one that warms up.

JAX is there twice: with one step a call, and as `jax.scan` with twenty. Of PyTorch's two memory formats the
better one counts. `rivals.py` has what is known to make each rival faster.
"""

import argparse
import json
import os
import platform
import sys
from collections import defaultdict
from datetime import date
from pathlib import Path

import environments
import measurement
from options import cores, positive
from rivals import HERE, RIVALS, variables, versions
from table import document, table

ROUNDS = 2
# What `chainrule bench` measures of the machine.
ROOFS = ("peak_gflops", "memory_gb_per_second", "cache_gb_per_second")
WORKLOADS = json.loads((HERE / "workloads.json").read_text())


def names(known):
    """A parser of names with commas between them, which refuses others."""

    def parse(text):
        found = text.split(",")
        for name in found:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{name}: choose from {', '.join(known)}")
        return found

    return parse


def arguments():
    introduction, _, rest = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python3 benches/peers",
        description=introduction,
        epilog=rest,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    workloads, rivals = [w["name"] for w in WORKLOADS], [rival.name for rival in RIVALS]
    parser.add_argument("--only", type=names(workloads), default=workloads, metavar="WORKLOAD,…")
    parser.add_argument("--peers", type=names(rivals), default=rivals, metavar="NAME,…")
    parser.add_argument("--threads", type=positive(int), default=cores(), help="all cores if not given")
    parser.add_argument("--seconds", type=positive(float), default=1.0, help="of a window: 1")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where all windows go")
    return parser.parse_args()


def limit(threads):
    """Where a program counts cores for itself, it is to find no more than it has threads."""
    if hasattr(os, "sched_setaffinity") and threads < cores():
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def progress(text=""):
    """What is being measured, in one line that the next one takes the place of."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def compare(program, workload, rivals, found, machine, results, left_out):
    """All rounds of a workload: Chainrule first, as its number of parameters is what is expected, and as
    it measures the machine.
    """
    options = ["--threads", str(found.threads), "--seconds", str(found.seconds)]
    environment, name = variables(found.threads), workload["name"]
    entrants = [(rival, variant) for rival in rivals for variant in rival.variants_for(workload)]
    own = results["chainrule"]["threads"] = measurement.Result()
    for turn in range(1, ROUNDS + 1):
        progress(f"{name}, round {turn}: chainrule")
        told = measurement.chainrule(program, workload, options, environment, own)
        machine["processor"] = told["cpu"]
        for roof in ROOFS:
            machine[roof] = max(told[roof], machine.get(roof, 0))
        for rival, variant in list(entrants):
            progress(f"{name}, round {turn}: {rival.name}, {variant}")
            result = results[rival.name].get(variant, measurement.Result())
            try:
                measurement.rival(
                    rival, variant, workload, options, environment, own.parameters, result
                )
            except measurement.Failed as problem:
                left_out.append(f"{rival.name} ({variant}) has no number for {name}: {problem}")
                entrants.remove((rival, variant))
                results[rival.name].pop(variant, None)
            else:
                results[rival.name][variant] = result
    progress()


def main():
    found = arguments()
    try:
        program = environments.chainrule()
    except environments.LeftOut as problem:
        sys.exit(str(problem))
    rivals, left_out = environments.prepare([r for r in RIVALS if r.name in found.peers])
    available = cores()
    limit(found.threads)
    workloads = [workload for workload in WORKLOADS if workload["name"] in found.only]
    for rival in rivals:
        lacking = [w["name"] for w in workloads if not rival.variants_for(w)]
        if lacking:
            left_out.append(f"{rival.name} has no {', '.join(lacking)}: {rival.lacks}")
    machine = {
        "date": date.today().isoformat(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "cores": available,
        "threads": found.threads,
    }
    results = {}
    for workload in workloads:
        own = results[workload["name"]] = defaultdict(dict)
        try:
            compare(program, workload, rivals, found, machine, own, left_out)
        except measurement.Failed as problem:
            sys.exit(f"Chainrule has no number for {workload['name']}: {problem}")
        if found.json:
            every = document(machine, versions(), found.seconds, results, left_out)
            found.json.write_text(json.dumps(every, indent=2) + "\n")
    print(f"Samples a second on {found.threads} threads, the best of {3 * ROUNDS} windows.\n")
    print(table(results, ["chainrule", *(rival.name for rival in rivals)]))
    if left_out:
        print("", *left_out, sep="\n")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
