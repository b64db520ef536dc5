"""The check of one notebook: its form, a run, and its outputs against the committed ones."""

from __future__ import annotations

import json
import os
from pathlib import Path

import nbformat

from form import Fault, code_cells, normalize, output_faults, source_faults
from kernel import Stopped, execute
from outputs import difference, settled


def check(path: Path, *, write: bool, timeout: int) -> tuple[dict[str, float], list[Fault]]:
    """Runs the notebook at `path` in its folder. Returns the seconds of each cell, and the faults.

    With `write` a notebook without faults gets the outputs of the run. An output that differs in
    its timings alone stays as it is: a notebook in which nothing changed keeps its bytes.
    """
    try:
        text = path.read_text(encoding="utf-8")
        source = json.loads(text)
        if not isinstance(source, dict):
            raise ValueError("its JSON is no object")
    except (OSError, ValueError) as error:
        return {}, [Fault("", f"it cannot be read: {error}")]
    faults = list(source_faults(source))
    if not faults:
        invalid = nbformat.validator.iter_validate(source)
        faults = [Fault("", f"it is no notebook: {error.message}") for error in invalid]
    if not faults and not write:
        faults = list(output_faults(source))
    if faults:
        return {}, faults

    notebook = nbformat.reads(text, as_version=4)
    committed = {cell["id"]: cell["outputs"] for cell in code_cells(source)}
    try:
        seconds = execute(notebook, path.resolve().parent, timeout)
    except Stopped as stopped:
        return {}, [Fault(stopped.cell, str(stopped))]
    changes = []
    for cell in code_cells(notebook):
        if change := difference(committed[cell["id"]], cell["outputs"]):
            changes.append(Fault(cell["id"], f"its output changed:\n{change}"))
        else:
            cell["outputs"] = settled(committed[cell["id"]])
    if not write:
        return seconds, changes
    normalize(notebook)
    faults = list(output_faults(notebook))
    if not faults:
        save(notebook, path)
    return seconds, faults


def save(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Replaces the file at `path` in one step: an interruption leaves no half of a notebook."""
    text = nbformat.writes(nbformat.from_dict(notebook)) + "\n"
    part = path.with_suffix(".ipynb.part")
    part.write_bytes(text.encode())
    os.replace(part, path)
