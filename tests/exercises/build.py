"""Builds all exercises and solutions at once, and runs their tests."""

from __future__ import annotations

import json
import os
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

# A test may take so long, in seconds.
TIMEOUT = 300


class Built(NamedTuple):
    """What the compiler made of the programs and the library of a package."""

    # The test program of each target.
    tests: dict[str, Path]
    # What the compiler said of each target, as it said it.
    warnings: dict[str, list[str]]
    errors: dict[str, list[str]]


def build(folder: Path, target: Path) -> Built:
    """Builds every test, and lets Clippy look at all of it."""
    built = Built({}, defaultdict(list), defaultdict(list))
    lint = ["clippy", "--locked", "--all-targets", "--keep-going"]
    for command in (lint, ["build", "--locked", "--tests", "--keep-going"]):
        for message in messages(command, folder, target):
            name = message["target"]["name"]
            if message["reason"] == "compiler-artifact" and message["profile"]["test"]:
                if message["executable"]:
                    built.tests[name] = Path(message["executable"])
            elif message["reason"] == "compiler-message":
                level, text = message["message"]["level"], message["message"]["rendered"].strip()
                said = {"warning": built.warnings, "error": built.errors}.get(level)
                # One and the same is said of the program and of its tests.
                if said is not None and text not in said[name]:
                    said[name].append(text)
    return built


def messages(command: list[str], folder: Path, target: Path) -> list[dict]:
    """What cargo says of the package itself."""
    environment = os.environ | {"CARGO_TARGET_DIR": str(target)}
    run = subprocess.run(
        ["cargo", *command, "--message-format=json"],
        cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        encoding="utf-8", check=False,
    )
    found = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    if not any(message["reason"] == "build-finished" for message in found):
        # No source was compiled: the manifest or its lock file is at fault.
        raise SystemExit(f"cargo {command[0]} in {folder}:\n{run.stderr}")
    own = str(folder / "Cargo.toml")
    return [message for message in found if message.get("manifest_path") == own]


def run(test: Path, folder: Path) -> tuple[bool, str]:
    """Whether a test program passes, and what it says."""
    try:
        done = subprocess.run(
            [test], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            encoding="utf-8", timeout=TIMEOUT, check=False,
        )
    except subprocess.TimeoutExpired:
        return False, f"it did not end within {TIMEOUT} s"
    return done.returncode == 0, done.stdout
