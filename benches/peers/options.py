"""What the programs of this folder are asked for."""

import os


def positive(kind):
    """A parser of numbers above 0."""

    def parse(text):
        number = kind(text)
        if not 0 < number < float("inf"):
            raise ValueError
        return number

    parse.__name__ = "number above 0"
    return parse


def cores():
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
