"""What a cell showed: whether it failed, and whether it is what it showed before.

Outputs are dictionaries as nbformat has them. Nothing here needs Jupyter.
"""

from __future__ import annotations

import base64
import difflib
import hashlib
import json
import re
from typing import Any

Output = dict[str, Any]

# A timing is a number with the unit of a duration or of a rate: `12.3 ms`, `4 s`, `1.2 s/epoch`,
# `218,000 samples/s`. A column is padded to the width of its numbers: the spaces belong to it.
TIMING = re.compile(
    r"""
    [ ]*
    (?<![\w.,])                         # not the end of a name or of another number
    \d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?    # 218,000 or 12.3 or 1.2e-5
    [ ]?
    (?:[A-Za-z]+/)?                     # of a rate: samples/
    (?:ns|[\u00b5\u03bc]s|ms|s)         # micro is two characters of Unicode
    (?:/[A-Za-z]+)?                     # of a cost: /epoch
    (?![\w/])
    [ ]*
    """,
    re.VERBOSE,
)

COLOR = re.compile(r"\x1b\[[0-9;]*m")


def masked(text: str) -> str:
    """`text` with every timing replaced by the same word, since no two runs take the same time."""
    return TIMING.sub(" <timing> ", text)


def joined(text: str | list[str]) -> str:
    """A text of nbformat, which is a list of lines in a file."""
    return text if isinstance(text, str) else "".join(text)


def settled(outputs: list[Output]) -> list[Output]:
    """`outputs` with each stream in one piece, and the streams before the value of the cell.

    The kernel sends what a cell prints, line by line, on one thread and its value on another:
    their order is chance. In the cell it is not, since the value is that of the last expression.
    """
    streams: dict[str, str] = {}
    for output in outputs:
        if output["output_type"] == "stream":
            name = output["name"]
            streams[name] = streams.get(name, "") + joined(output["text"])
    printed: list[Output] = [
        {"output_type": "stream", "name": name, "text": streams[name]}
        for name in ("stdout", "stderr")
        if name in streams
    ]
    return printed + [output for output in outputs if output["output_type"] != "stream"]


def failure(outputs: list[Output]) -> str | None:
    """Why a cell with these `outputs` failed, or `None`.

    The kernel calls a cell that `?` left a success, and with its usual settings one that panicked
    too. What remains of both is text on the standard error stream, where warnings are as well: a
    cell that writes there has failed.
    """
    outputs = settled(outputs)
    for output in outputs:
        if output["output_type"] == "stream" and "panicked at" in output["text"]:
            message, _, _ = output["text"].partition("stack backtrace:")
            return f"it panicked:{indented(message)}"
    for output in outputs:
        kind = output["output_type"]
        if kind == "error":
            traceback = COLOR.sub("", "\n".join(output["traceback"]))
            return f"it failed: {output['evalue']}{indented(traceback)}"
        if kind == "stream" and output["name"] == "stderr":
            return f"it wrote an error or a warning to stderr:{indented(output['text'])}"
        if kind == "execute_result":
            value = joined(output["data"].get("text/plain", ""))
            if value.startswith("Err("):
                return f"its value is an error:{indented(value)}"
    return None


def indented(text: str) -> str:
    """`text` below a message."""
    return "".join(f"\n    {line}" for line in text.strip("\n").splitlines())


def described(output: Output) -> list[str]:
    """`output` in lines, which are the same for two outputs that count as the same.

    Text is compared without its timings, a PNG by its bytes, since base64 has line breaks at will,
    and all else, such as SVG, as it is.
    """
    kind = output["output_type"]
    if kind == "stream":
        return [f"[{output['name']}]", *masked(joined(output["text"])).splitlines()]
    if kind == "error":
        return [f"[error] {output['ename']}: {output['evalue']}"]
    lines = []
    for mime, content in sorted(output["data"].items()):
        lines.append(f"[{kind}: {mime}]")
        if mime == "image/png":
            png = base64.b64decode(joined(content))
            lines.append(f"{len(png)} bytes, SHA-256 {hashlib.sha256(png).hexdigest()}")
        elif mime.startswith("text/"):
            lines += masked(joined(content)).splitlines()
        elif isinstance(content, (str, list)):
            lines += joined(content).splitlines()
        else:
            lines += json.dumps(content, indent=1, sort_keys=True).splitlines()
    return lines


def difference(committed: list[Output], now: list[Output]) -> str | None:
    """A unified diff from the `committed` outputs to those of `now`, or `None`."""
    before, after = (
        [line for output in settled(outputs) for line in described(output)]
        for outputs in (committed, now)
    )
    return "\n".join(difflib.unified_diff(before, after, "committed", "now", lineterm="")) or None
