"""Starts a kernel that compiles its cells into a folder which no other running kernel uses.

    python launch.py BUILDS KERNEL ARGUMENT...

Every kernel calls the crate of its cells by the same name. In one build folder, two kernels that run
at the same time load each other's cells. So BUILDS has a numbered folder for each kernel that runs at
the same time as others. A kernel takes the first that is free and keeps it as long as it lives. A new
folder begins with what another one has compiled, but for its cells: the library is not compiled
again.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Iterator

if os.name == "nt":
    import msvcrt
else:
    import fcntl

# A kernel that was restarted leaves its folder a moment after the new one has begun.
PATIENCE = 1.0

# Cells end at a panic, as a program does, and what they call is compiled as in a release. What a cell
# would gain from an incremental build of the library, every first cell would pay for. The kernel takes
# the build folder from here alone, and not from its own environment.
SETTINGS = """[evcxr]
preserve_vars_on_panic = false
prelude = '''
:build_env CARGO_BUILD_BUILD_DIR={folder}
:build_env CARGO_INCREMENTAL=0
:build_env CARGO_PROFILE_DEV_DEBUG_ASSERTIONS=false
:build_env CARGO_PROFILE_DEV_OVERFLOW_CHECKS=false
'''
"""

# What belongs to the cells of one kernel: the crate's name is evcxr's.
CELLS = shutil.ignore_patterns("ctx-*", "ctx.*", "libctx*", "ctx*.dll", "code_*", "libcode_*")


def locked(folder: Path) -> IO[str] | None:
    """The lock on `folder`, held as long as it is open, or None where another process holds it."""
    file = open(folder / "kernel.lock", "a", encoding="utf-8")
    try:
        if os.name == "nt":
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def folders(builds: Path) -> Iterator[Path]:
    """The folders for kernels, those that are there and those that could be."""
    return (builds / str(number) for number in itertools.count(1))


def free_folder(builds: Path) -> tuple[Path, IO[str]]:
    """The first free folder, with its lock. A new one is made where others stay taken."""
    deadline = time.monotonic() + PATIENCE
    while True:
        for folder in folders(builds):
            is_new = not folder.exists()
            if is_new and folder.name != "1" and time.monotonic() < deadline:
                break
            folder.mkdir(parents=True, exist_ok=True)
            if lock := locked(folder):
                if is_new:
                    seed(folder)
                return folder, lock
        time.sleep(0.05)


def seed(folder: Path) -> None:
    """Copies what the first folder has compiled, and no cells."""
    first = folder.with_name("1")
    if folder == first:
        return
    # The records come first: what they call compiled is there whole, also where the kernel of the
    # first folder goes on compiling meanwhile.
    for kind in (".fingerprint", "build", "deps"):
        for source in first.glob(f"**/debug/{kind}"):
            target = folder / source.relative_to(first)
            # What vanishes while it is copied was not finished.
            with contextlib.suppress(shutil.Error):
                shutil.copytree(source, target, ignore=CELLS)


def main() -> int | str:
    """Becomes the kernel; on Windows, where that cannot be, waits for it. Returns the exit code, or
    why there is no kernel."""
    builds, *kernel = sys.argv[1:]
    try:
        folder, lock = free_folder(Path(builds))
        settings = SETTINGS.format(folder=folder)
        (folder / "evcxr.toml").write_text(settings, encoding="utf-8")
    except OSError as error:
        return f"cells are compiled in {builds}, which cannot be written: {error}. Is the disk full?"
    os.environ["EVCXR_CONFIG_DIR"] = str(folder)
    try:
        if os.name == "nt":
            return subprocess.call(kernel)
        os.set_inheritable(lock.fileno(), True)
        os.execv(kernel[0], kernel)
    except OSError as error:
        lab = "`cargo run --release -- lab --no-open` installs it"
        return f"the kernel {kernel[0]} does not start: {error}. {lab}"


if __name__ == "__main__":
    sys.exit(main())
