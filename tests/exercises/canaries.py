"""The check of the check: broken exercises, each of which must be rejected for its own reason.

All are made from one exercise of the book and its solution, with a fault in one of them.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

from check import check

TEMPLATE = "02_tape/tape_one_input_twice"
WARNING = ("const C", "const lower_case: f64 = 0.0;\nconst C")
TASK = "fill in dc for each of the four"


class Canary(NamedTuple):
    """What is replaced in the stub or the solution, and the reason to be found."""

    name: str
    reason: str
    stub: tuple[str, str] = ("", "")
    solution: tuple[str, str] = ("", "")
    hint: str = "A nudge."


CANARIES = [
    Canary("no_hint", "no_hint has no hint", hint=" "),
    Canary("no_title", "its first line is no title", stub=("//! # ", "//! ")),
    Canary("no_effort", "its second line must be like", stub=("●○○", "easy, ")),
    Canary("no_question", "and the question", stub=("//!\n//! ", "//!\n\n//! ")),
    Canary("no_task", "it has no `// TODO: …`", stub=("// TODO: ", "// ")),
    Canary("stub_warns", "the stub builds with a warning", stub=WARNING),
    Canary("stub_is_broken", "the stub does not build", stub=("f64::NAN;", "f64::NAN")),
    Canary("stub_says_else", "without the words of its first TODO", stub=(TASK, "fill them in")),
    Canary("explains_nothing", "begin with its explanation", solution=("//! ", "// ")),
    Canary("unfinished", "it still has a TODO", solution=("fn main", "// TODO\nfn main")),
    Canary("other_tests", "differs from the exercise", solution=("fn four_ops", "fn four")),
    Canary("solution_warns", "builds with a warning", solution=WARNING),
    Canary("solution_is_broken", "the solution does not build", solution=("10.0;", "10.0")),
    Canary("solution_fails", "the solution fails", solution=("= 10.0", "= -10.0")),
    Canary("faultless", ""),
]

# These two are made otherwise: the stub is the solution below its TODO, and there is no solution.
PASSES = Canary("stub_passes", "the stub passes")
UNSOLVED = Canary("unsolved", "there is no solution of unsolved")


def surprises(root: Path, target: Path) -> list[str]:
    """What the check finds in the canaries and should not, and the reverse."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve() / "exercises"
        write(root, folder)
        _, faults = check(folder, target)
    found = []
    for name, reason, *_ in [*CANARIES, PASSES, UNSOLVED]:
        own = [fault.reason for fault in faults if f"/{name}." in fault.place or name in fault.reason]
        print(f"{name}: {own[0].splitlines()[0] if own else 'no fault'}", flush=True)
        if (not own if reason else own) or reason and not all(reason in words for words in own):
            found.append(f"{name}: expected {reason or 'no fault'!r}, found {own}")
    return found


def write(root: Path, folder: Path) -> None:
    """Makes the package of the canaries."""
    package = root / "exercises"
    shutil.copytree(package / "src", folder / "src")
    shutil.copy(package / "Cargo.lock", folder)
    stub, solution = (
        (package / part / f"{TEMPLATE}.rs").read_text(encoding="utf-8")
        for part in ("exercises", "solutions")
    )
    head, _, _ = stub.partition("\nconst ")
    solved = head + f"\n// TODO: {TASK}\nconst " + solution.partition("\nconst ")[2]
    bins, info = [], ["format_version = 1"]
    for canary in [*CANARIES, PASSES, UNSOLVED]:
        texts = {
            "exercises": solved if canary is PASSES else planted(stub, canary.stub),
            "solutions": None if canary is UNSOLVED else planted(solution, canary.solution),
        }
        info.append(f'[[exercises]]\nname = "{canary.name}"\nhint = "{canary.hint}"')
        for (part, text), suffix in zip(texts.items(), ("", "_sol"), strict=True):
            if text is not None:
                path = folder / part / f"{canary.name}.rs"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
                bins.append(f'{{ name = "{canary.name}{suffix}", path = "{part}/{path.name}" }},')
    (folder / "info.toml").write_text("\n".join(info), encoding="utf-8")
    manifest = (package / "Cargo.toml").read_text(encoding="utf-8").partition("\n]\n")[2]
    manifest = manifest.replace('path = ".."', f'path = "{root.as_posix()}"')
    text = "\n".join(["bin = [", *bins, "]", manifest])
    (folder / "Cargo.toml").write_text(text, encoding="utf-8")


def planted(text: str, fault: tuple[str, str]) -> str:
    """`text` with the fault, which must fit into it."""
    before, after = fault
    if before not in text:
        raise SystemExit(f"{TEMPLATE} has no {before!r} any more: plant another fault")
    return text.replace(before, after, 1)
