"""The check of the check: broken notebooks, each of which must be rejected for its own reason.

The kernel calls a cell that panicked a success. A check that believed it would be green for ever.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from check import check

FOLDER = Path(__file__).resolve().parent / "canaries"


class Canary(NamedTuple):
    """A notebook of `canaries/`, and the cell and the words of its only fault."""

    name: str
    cell: str
    reason: str
    timeout: int = 300


CANARIES = [
    Canary("changed-output", "sum", "its output changed:\n--- committed\n+++ now"),
    Canary("compile-error", "text", "it failed: mismatched types"),
    Canary("dead-kernel", "quit", "the kernel died"),
    Canary("endless", "loop", "it did not end within 5 s", timeout=5),
    Canary("error-value", "parse", "its value is an error:\n    Err("),
    Canary("no-output", "variable", "it has no output"),
    Canary("panic", "index", "it panicked:"),
    Canary("returned-error", "parse", "to stderr:\n    invalid digit found in string"),
    Canary("warning", "warn", "to stderr:\n    a warning"),
]

# A notebook without a fault: nothing but its timings differs from run to run.
FAULTLESS = "timing"


def surprises() -> list[str]:
    """What the check finds in the canaries and should not, and the reverse."""
    found = []
    for name, cell, reason, timeout in CANARIES:
        _, faults = check(FOLDER / f"{name}.ipynb", write=False, timeout=timeout)
        print(f"{name}: {faults[0].reason.splitlines()[0] if faults else 'no fault'}", flush=True)
        if [fault.cell for fault in faults] != [cell] or reason not in faults[0].reason:
            found.append(f"{name}: expected {reason!r} in cell {cell}, found {faults}")
    seconds, faults = check(FOLDER / f"{FAULTLESS}.ipynb", write=False, timeout=300)
    print(f"{FAULTLESS}: {len(seconds)} cells, {len(faults)} faults", flush=True)
    if faults or not seconds:
        found.append(f"{FAULTLESS}: expected no fault, found {faults}")
    return found
