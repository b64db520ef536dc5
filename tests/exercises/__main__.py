"""Checks that every exercise can be begun and solved: its stub builds and fails with the words of its
first TODO, and its solution passes.

`rustlings dev check` counts a stub that does not build as one that fails. A reader would begin with an
error of the compiler, so this program tells the two apart.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

try:
    import tomllib  # noqa: F401
except ModuleNotFoundError:
    sys.exit(f"{sys.executable} is older than Python 3.11, which reads TOML. Take a newer one")

from canaries import surprises
from check import check

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Returns the exit code: 0 where all is well."""
    # A console of another encoding shows what it can.
    sys.stdout.reconfigure(errors="backslashreplace")
    parser = argparse.ArgumentParser(prog="python tests/exercises", description=__doc__)
    parser.add_argument(
        "--self-test", action="store_true", help="check that broken exercises are rejected"
    )
    target = ROOT / "target" / "exercises"
    if parser.parse_args().self_test:
        found = surprises(ROOT, target)
        print("\n".join(found) or "Every broken exercise is rejected for its own reason")
        return 1 if found else 0
    count, faults = check(ROOT / "exercises", target)
    for place, reason in faults:
        print(f"exercises/{place}: {reason}")
    if not faults:
        print(f"{count} exercises: every stub builds and fails as it says, every solution passes")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
