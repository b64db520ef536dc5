"""One measurement: a program, a workload, a process of its own."""

import json
import subprocess
from dataclasses import dataclass, field

from environments import start_of

# Above this the windows of a measurement differ by more than a quiet machine makes them.
LOADED = 0.1
# Seconds: `torch.compile` takes a minute or two before the first window.
PATIENCE = 900


@dataclass
class Result:
    """A variant of a rival on a workload: the windows of each round, in samples a second."""

    rounds: list = field(default_factory=list)
    parameters: int = 0
    # Before the first and after the twentieth step, in each round.
    losses: list = field(default_factory=list)

    @property
    def best(self):
        return max(max(windows) for windows in self.rounds)

    @property
    def spread(self):
        """What the slowest window of all rounds lacks to the fastest, as a share of that."""
        return 1 - min(min(windows) for windows in self.rounds) / self.best

    @property
    def loaded(self):
        return self.spread > LOADED


class Failed(Exception):
    """Why there is no number, in one line."""


def output_of(arguments, variables):
    """What a program prints: one JSON object."""
    try:
        ended = subprocess.run(
            arguments, env=variables, capture_output=True, text=True, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"it was not done after {PATIENCE} s") from None
    if ended.returncode != 0:
        lines = ended.stderr.strip().splitlines() or [f"it ended with status {ended.returncode}"]
        raise Failed(lines[-1].strip())
    try:
        return json.loads(ended.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        raise Failed(f"it printed no result, but {ended.stdout.strip()[-80:]!r}") from None


def chainrule(program, workload, options, variables, result):
    """Adds a round of Chainrule to the result, and returns all that `chainrule bench` says."""
    name = workload["name"]
    found = output_of([program, "bench", name, "--json", *options], variables)
    result.rounds.append(found["windows"][name])
    result.parameters = found["parameters"][name]
    return found


def rival(rival, variant, workload, options, variables, expected, result):
    """Adds a round of a rival to the result, where it trains the same network."""
    arguments = [*start_of(rival), workload["name"], "--variant", variant, *options]
    found = output_of(arguments, variables)
    if found["parameters"] != expected:
        raise Failed(f"{found['parameters']:,} parameters, where Chainrule has {expected:,}")
    first, last = found["losses"]
    if not last < first:
        raise Failed(f"twenty steps took its loss from {first} to {last}: it does not learn")
    result.rounds.append(found["samples_per_second"])
    result.parameters = found["parameters"]
    result.losses.append(found["losses"])
