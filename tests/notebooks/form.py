"""The form of a notebook: what is checked without running it, and what a run leaves in it.

Notebooks are dictionaries as nbformat has them. Nothing here needs Jupyter.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from outputs import failure, joined, settled

Cell = dict[str, Any]
Notebook = dict[str, Any]

KERNEL = "rust"

# What the kernel says of its language, fixed: another version of it is no change of a notebook.
LANGUAGE = {
    "codemirror_mode": "rust",
    "file_extension": ".rs",
    "mimetype": "text/rust",
    "name": "Rust",
    "pygment_lexer": "rust",
    "version": "",
}


class Fault(NamedTuple):
    """What is wrong with a cell, or with the notebook where `cell` is empty."""

    cell: str
    reason: str


def code_cells(notebook: Notebook) -> list[Cell]:
    """The cells that are run, in their order."""
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def source_faults(notebook: Notebook) -> Iterator[Fault]:
    """Faults that no run can mend. The notebook may be any object of JSON with cells of objects."""
    cells = notebook.get("cells", [])
    version = f"{notebook.get('nbformat')}.{notebook.get('nbformat_minor')}"
    if version != "4.5":
        yield Fault("", f"its format is {version}. Save it in format 4.5, where cells have ids")
    kernel = notebook.get("metadata", {}).get("kernelspec", {}).get("name")
    if kernel != KERNEL:
        yield Fault("", f"its kernel is {kernel!r}. Choose {KERNEL!r} and save it again")
    if not any(cell.get("cell_type") == "code" for cell in cells):
        yield Fault("", "it has no code. Add a cell that shows something")
    for place, cell in enumerate(cells, start=1):
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", cell.get("id", "")):
            yield Fault("", f"its cell {place} has no id. Add one: chapters quote a cell by its id")
        elif cell.get("cell_type") == "code" and not joined(cell.get("source", "")).strip():
            yield Fault(cell["id"], "it is empty. Remove it")
    for name, uses in Counter(cell.get("id") for cell in cells).items():
        if name and uses > 1:
            yield Fault(name, f"{uses} cells have this id. Give each its own")


def output_faults(notebook: Notebook) -> Iterator[Fault]:
    """Faults of what the code cells show."""
    for place, cell in enumerate(code_cells(notebook), start=1):
        outputs = cell["outputs"]
        counts = [cell["execution_count"]]
        counts += [output["execution_count"] for output in outputs if "execution_count" in output]
        if reason := failure(outputs):
            yield Fault(cell["id"], reason)
        elif not outputs:
            yield Fault(cell["id"], "it has no output. Let it show what it did, and `--write` it")
        elif set(counts) != {place}:
            found = ", ".join(map(str, counts))
            reason = f"it is code cell {place} and its execution counts are {found}"
            yield Fault(cell["id"], f"{reason}. `--write` runs the notebook from the top")


def normalize(notebook: Notebook) -> None:
    """Leaves nothing in an executed notebook that depends on when or where it was run."""
    notebook["metadata"] = {
        "kernelspec": notebook["metadata"]["kernelspec"],
        "language_info": dict(LANGUAGE),
    }
    for place, cell in enumerate(code_cells(notebook), start=1):
        cell["metadata"].pop("execution", None)
        cell["execution_count"] = place
        cell["outputs"] = settled(cell["outputs"])
        for output in cell["outputs"]:
            if "execution_count" in output:
                output["execution_count"] = place
