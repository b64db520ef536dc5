"""Records PyTorch's numbers for `cargo test`: `python tests/pytorch/record.py`.

It writes `reference.json` beside it, with the versions, the programs of `boxes/` and what they
printed, and a part for each module here: inputs, values and gradients, in double precision. The
same versions write the same file. `tests/pytorch.rs` reads it, and holds the library against it.
"""

import json
import platform
import subprocess
import sys
import warnings
from pathlib import Path

# PyTorch runs without NumPy, and says so.
warnings.filterwarnings("ignore", "Failed to initialize NumPy")

import torch

import activations
import averages
import batch_norm
import init
import losses
import ops
import optimizers
import schedules

HERE = Path(__file__).parent
WIDTH = 100


def boxes() -> dict:
    """The programs of the book's boxes, each run by itself, with what it printed."""
    found = {}
    for path in sorted((HERE / "boxes").glob("*.py")):
        run = [sys.executable, "-W", "ignore", str(path)]
        output = subprocess.run(run, check=True, stdout=subprocess.PIPE, text=True).stdout
        code = path.read_text(encoding="utf-8")
        # Without the empty lines that some messages end with.
        found[path.stem] = {"code": code, "output": output.rstrip() + "\n"}
    return found


def pretty(value, indent: int = 0, key: str = "") -> str:
    """JSON with sorted keys, in which what fits stands on one line."""
    line = key + json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)
    # A comma may follow.
    if indent + len(line) < WIDTH or not isinstance(value, (dict, list)):
        return line
    if isinstance(value, dict):
        named = [(f'"{name}": ', item) for name, item in sorted(value.items())]
    else:
        named = [("", item) for item in value]
    margin = " " * (indent + 1)
    items = ",\n".join(margin + pretty(item, indent + 1, name) for name, item in named)
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{key}{opening}\n{items}\n{' ' * indent}{closing}"


def main() -> None:
    """Writes the file."""
    torch.set_default_dtype(torch.float64)
    # More threads could add in another order.
    torch.set_num_threads(1)
    reference = {
        # Without what tells the builds of one version apart.
        "torch": torch.__version__.split("+")[0],
        "python": platform.python_version(),
        "boxes": boxes(),
        "activations": activations.record(),
        "averages": averages.record(),
        "batch_norm": batch_norm.record(),
        "init": init.record(),
        "losses": losses.record(),
        "ops": ops.record(),
        "optimizers": optimizers.record(),
        "schedules": schedules.record(),
    }
    (HERE / "reference.json").write_text(pretty(reference) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
