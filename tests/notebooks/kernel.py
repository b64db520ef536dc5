"""A run of a notebook from the top on a fresh kernel, by Jupyter's own client."""

from __future__ import annotations

import queue
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import NoSuchKernel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from form import KERNEL
from outputs import failure

START_SECONDS = 180

# The kernel may send what a cell wrote to stderr after it has called the cell done, and names the
# request that is the latest by then. So the next request waits until the kernel is quiet.
QUIET_SECONDS = 0.5

# Without this, a panic is a success. With it, the cell's process ends, which is an error.
END_ON_PANIC = ":preserve_vars_on_panic 0"


class NoKernel(Exception):
    """Why there is no kernel to run a notebook on."""


class Stopped(Exception):
    """A cell that failed, and why. The cells below it were not run."""

    def __init__(self, cell: str, reason: str) -> None:
        super().__init__(reason)
        self.cell = cell


class Run:
    """One run of a notebook: its client, and the seconds of each code cell by id, in order."""

    def __init__(self, notebook: nbformat.NotebookNode, timeout: int) -> None:
        self.seconds: dict[str, float] = {}
        self.client = NotebookClient(
            notebook,
            kernel_name=KERNEL,
            timeout=timeout,
            startup_timeout=START_SECONDS,
            record_timing=False,
            shutdown_kernel="immediate",
            on_notebook_start=self.on_notebook_start,
            on_cell_execute=self.on_cell_execute,
            on_cell_executed=self.on_cell_executed,
        )

    async def on_notebook_start(self, notebook: nbformat.NotebookNode) -> None:
        """The kernel is up."""
        await self.client.kc.execute(END_ON_PANIC, reply=True, timeout=START_SECONDS)

    def on_cell_execute(self, cell: nbformat.NotebookNode, cell_index: int) -> None:
        """A cell is about to be sent."""
        self.seconds[cell.id] = -time.monotonic()

    async def on_cell_executed(
        self, cell: nbformat.NotebookNode, cell_index: int, execute_reply: dict[str, Any]
    ) -> None:
        """The kernel has called a cell done."""
        self.seconds[cell.id] += time.monotonic()
        request = execute_reply["parent_header"]["msg_id"]
        while True:
            try:
                message = await self.client.kc.get_iopub_msg(timeout=QUIET_SECONDS)
            except queue.Empty:
                return
            if message["parent_header"].get("msg_id") == request:
                self.client.process_message(message, cell, cell_index)


def execute(notebook: nbformat.NotebookNode, folder: Path, timeout: int) -> dict[str, float]:
    """Runs `notebook` in `folder`, and replaces its outputs. Returns the seconds of each cell.

    Raises `Stopped` at the first cell that fails, that takes more than `timeout` seconds, or that
    the kernel does not survive; and `NoKernel`.
    """
    run = Run(notebook, timeout)
    with ExitStack() as kernel:
        try:
            # The kernel's own process prints which configuration it found: no cell's output.
            kernel.enter_context(
                run.client.setup_kernel(cwd=str(folder), stdout=subprocess.DEVNULL)
            )
        except (NoSuchKernel, OSError, RuntimeError) as error:
            raise NoKernel(str(error)) from error
        for index, cell in enumerate(notebook.cells):
            if cell.cell_type == "code":
                execute_cell(run.client, cell, index)
    return run.seconds


def execute_cell(client: NotebookClient, cell: nbformat.NotebookNode, index: int) -> None:
    """Runs one cell. Raises `Stopped`."""
    try:
        client.execute_cell(cell, index)
    except CellExecutionError:
        pass  # Its outputs say more.
    except CellTimeoutError:
        limit = f"it did not end within {client.timeout} s. Let it do less, or raise `--timeout`"
        raise Stopped(cell.id, limit) from None
    except DeadKernelError:
        raise Stopped(cell.id, "the kernel died in it. Run it in Jupyter to see more") from None
    if reason := failure(cell.outputs):
        raise Stopped(cell.id, reason)
