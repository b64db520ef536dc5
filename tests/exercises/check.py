"""The check of a package of exercises."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import form
from build import Built, build, run
from form import Exercise, Fault


def check(folder: Path, target: Path) -> tuple[int, list[Fault]]:
    """The number of exercises, and their faults. `target` keeps what is built."""
    info = tomllib.loads((folder / "info.toml").read_text(encoding="utf-8"))
    exercises = [form.load(folder, entry) for entry in info["exercises"]]
    built = build(folder, target)
    found = [fault for exercise in exercises for fault in form.faults(exercise)]
    found += library_faults(folder, built)
    for exercise in exercises:
        found += stub_faults(exercise, folder, built)
        found += solution_faults(exercise, folder, built)
    return len(exercises), found


def library_faults(folder: Path, built: Built) -> Iterator[Fault]:
    """Faults of what the exercises stand on."""
    name = "exercises"
    yield from said(Fault("src", "it does not build"), built.errors[name])
    yield from said(Fault("src", "it builds with a warning"), built.warnings[name])
    if name in built.tests:
        passed, output = run(built.tests[name], folder)
        if not passed:
            yield from said(Fault("src", "its tests fail"), [output])


def stub_faults(exercise: Exercise, folder: Path, built: Built) -> Iterator[Fault]:
    """Faults of a stub that only show when it is built and run."""
    place, name = exercise.stub_place, exercise.name
    if exercise.stub is None:
        return
    yield from said(Fault(place, "the stub builds with a warning"), built.warnings[name])
    if built.errors[name] or name not in built.tests:
        reason = "the stub does not build. A reader must be able to run it"
        yield from said(Fault(place, reason), built.errors[name] or ["Run `rustlings dev update`"])
        return
    passed, output = run(built.tests[name], folder)
    if passed:
        yield Fault(place, "the stub passes: there is nothing left to do")
    elif exercise.task and exercise.task not in output:
        reason = f"the stub fails without the words of its first TODO: {exercise.task!r}"
        yield from said(Fault(place, reason), [output])


def solution_faults(exercise: Exercise, folder: Path, built: Built) -> Iterator[Fault]:
    """Faults of a solution that only show when it is built and run."""
    place, name = exercise.solution_place, f"{exercise.name}_sol"
    if exercise.solution is None:
        return
    yield from said(Fault(place, "the solution builds with a warning"), built.warnings[name])
    if built.errors[name] or name not in built.tests:
        errors = built.errors[name] or ["Run `rustlings dev update`"]
        yield from said(Fault(place, "the solution does not build"), errors)
        return
    passed, output = run(built.tests[name], folder)
    if not passed:
        yield from said(Fault(place, "the solution fails"), [output])


def said(fault: Fault, outputs: list[str]) -> Iterator[Fault]:
    """The fault, with what was said of it, if anything was."""
    if outputs:
        lines = [line for output in outputs for line in output.splitlines() if line.strip()]
        yield Fault(fault.place, "\n    ".join([fault.reason, *lines]))
