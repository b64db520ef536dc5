"""Runs notebooks in Jupyter, and compares what their cells show with what is committed."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

LAB = (
    "`cargo run --release -- lab --no-open` installs Jupyter and its Rust kernel and says where. "
    "Run this program with the Python of that environment"
)

try:
    from canaries import surprises
    from check import check
    from kernel import NoKernel
except ModuleNotFoundError as missing:
    sys.exit(f"{sys.executable} has no module {missing.name!r}. {LAB}")

ROOT = Path(__file__).resolve().parents[2]


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python tests/notebooks", description=__doc__)
    parser.add_argument(
        "notebook", nargs="*", type=Path, help="without one, all in the project's notebooks/"
    )
    parser.add_argument(
        "--write", action="store_true", help="save what the cells show, where it changed"
    )
    parser.add_argument(
        "--self-test", action="store_true", help="check that broken notebooks are rejected"
    )
    parser.add_argument(
        "--slow", type=float, metavar="S", help="name cells after the first that take longer"
    )
    parser.add_argument(
        "--timeout", type=int, default=900, metavar="S", help="a cell may take so long (900 s)"
    )
    return parser.parse_args()


def times(seconds: dict[str, float], slow: float | None) -> str:
    """The first cell, which compiles the library, the slowest other one, and the `slow` ones."""
    (_, first), *others = seconds.items()
    text = f"first cell {first:.1f} s"
    if others:
        name, slowest = max(others, key=lambda other: other[1])
        text += f", slowest other cell {slowest:.1f} s ({name})"
    above = [name for name, taken in others if slow is not None and taken > slow]
    return text + (f"; above {slow:g} s: {', '.join(above)}" if above else "")


def main() -> int:
    """Returns the exit code: 0 where all is well."""
    # A console of another encoding shows what it can.
    sys.stdout.reconfigure(errors="backslashreplace")
    options = arguments()
    if options.self_test:
        found = surprises()
        print("\n".join(found) or "Every broken notebook is rejected for its own reason")
        return 1 if found else 0
    paths = options.notebook or sorted((ROOT / "notebooks").glob("*.ipynb"))
    faulty = []
    for path in paths:
        seconds, faults = check(path, write=options.write, timeout=options.timeout)
        if seconds:
            print(f"{path}: {times(seconds, options.slow)}", flush=True)
        for cell, reason in faults:
            print(f"{path}{'#' * bool(cell)}{cell}: {reason}", flush=True)
        if faults:
            faulty.append(path)
    names = " ".join(map(str, faulty))
    if faulty and options.write:
        print(f"\nMend the cells. Not saved: {names}")
    elif faulty:
        print("\nMend the cells. Where an output is meant to change, run and commit")
        print(f"    python tests/notebooks --write {names}")
    return 1 if faulty else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except NoKernel as error:
        sys.exit(f"There is no kernel: {error}. {LAB}")
    except KeyboardInterrupt:
        sys.exit("Interrupted. The kernel was ended, and nothing was saved")
