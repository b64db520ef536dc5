"""The form of an exercise: what is checked without building it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

# How hard an exercise is, and how long it takes.
EFFORT = re.compile(r"//! (●○○|●●○|●●●) about \d+ minutes")

# What begins the part that a stub and its solution share: the tests.
MAIN = "\nfn main() {}\n"


class Fault(NamedTuple):
    """What is wrong, and in which file of the package."""

    place: str
    reason: str


class Exercise(NamedTuple):
    """An exercise as `info.toml` has it, and the text of its files: None where there is none."""

    name: str
    stub_place: str
    solution_place: str
    hint: str
    stub: str | None
    solution: str | None

    @property
    def task(self) -> str | None:
        """What the first TODO asks for. The failing test must say it."""
        found = re.search(r"// TODO: (.+)", self.stub or "")
        return found and found[1].strip()


def load(folder: Path, entry: dict[str, str]) -> Exercise:
    """The exercise of an entry of `info.toml`."""
    path = f"{entry['dir']}/{entry['name']}.rs" if "dir" in entry else f"{entry['name']}.rs"
    stub, solution = f"exercises/{path}", f"solutions/{path}"
    texts = [
        (folder / place).read_text(encoding="utf-8") if (folder / place).is_file() else None
        for place in (stub, solution)
    ]
    return Exercise(entry["name"], stub, solution, entry.get("hint", ""), *texts)


def faults(exercise: Exercise) -> Iterator[Fault]:
    """Faults of the form."""
    if not exercise.hint.strip():
        yield Fault("info.toml", f"{exercise.name} has no hint. Write one: a nudge, not the answer")
    if exercise.stub is None:
        yield Fault(exercise.stub_place, "there is no such file, and info.toml lists it")
    else:
        for reason in stub_faults(exercise.stub):
            yield Fault(exercise.stub_place, reason)
    if exercise.solution is None:
        yield Fault(exercise.solution_place, f"there is no solution of {exercise.name}. Write it")
    else:
        for reason in solution_faults(exercise.solution, exercise.stub or ""):
            yield Fault(exercise.solution_place, reason)


def stub_faults(stub: str) -> Iterator[str]:
    """Faults of the form of a stub."""
    title, effort, empty, text, *_ = [*stub.splitlines(), "", "", "", ""]
    if not re.fullmatch(r"//! # \S.*", title):
        yield "its first line is no title. Begin with `//! # Title`"
    if not EFFORT.fullmatch(effort):
        yield "its second line must be like `//! ●●○ about 15 minutes`, with one to three filled dots"
    if empty != "//!" or not re.fullmatch(r"//! \S.*", text):
        yield "after its second line come a line `//!` and the question"
    if "// TODO: " not in stub:
        yield "it has no `// TODO: …`. Say there what the reader does"
    if MAIN not in stub:
        yield "it has no line `fn main() {}`. The tests follow it"


def solution_faults(solution: str, stub: str) -> Iterator[str]:
    """Faults of the form of a solution."""
    if not re.match(r"//! (?!# )\S", solution):
        yield "it does not begin with its explanation, in lines `//! …` without a title"
    if "TODO" in solution:
        yield "it still has a TODO"
    if solution.partition(MAIN)[2] != stub.partition(MAIN)[2] or MAIN not in solution:
        yield "what follows `fn main() {}` differs from the exercise. Both have the same tests"
