"""Progress and results of one benchmark run, as a value."""

from __future__ import annotations

from dataclasses import dataclass

from attnviz.pages.cost.bench.algorithms import Measurement
from attnviz.pages.cost.bench.plan import BenchmarkPlan

RUNNING, DONE, STOPPED, ABANDONED, LATE, BROKEN = "running", "done", "stopped", "abandoned", "late", "broken"


@dataclass(frozen=True)
class BenchmarkReport:
    """State of one run; `number` counts the runs of a server.

    `found` holds the measurements, `failed` the algorithm and length of those that ran out of memory, `now` the current one.
    `state` is running, done, stopped (by its owner), abandoned (its owner has left), late (it took too long) or broken (the
    process ended by itself; `why` says how). `seconds` is the run time so far, `pid` the process. `overloaded`: at the start
    more programs wanted a processor than the machine has.
    """

    number: int
    plan: BenchmarkPlan
    found: tuple[Measurement, ...] = ()
    failed: tuple[tuple[str, int], ...] = ()
    now: tuple[str, int] | None = None
    state: str = RUNNING
    why: str = ""
    seconds: float = 0.0
    pid: int = 0
    overloaded: bool = False

    @property
    def running(self) -> bool:
        """Return whether the run is active."""
        return self.state == RUNNING

    @property
    def share(self) -> float:
        """Return the finished part of the plan, 0 to 1."""
        return (len(self.found) + len(self.failed)) / len(self.plan.cells)

    def at(self, algorithm: str, tokens: int) -> Measurement | None:
        """Return the measurement of one algorithm at one length, or None."""
        return next((one for one in self.found if (one.algorithm, one.tokens) == (algorithm, tokens)), None)

    def longest(self, *names: str) -> int:
        """Return the longest text on which all of these algorithms were measured; 0 if there is none."""
        sets = [{one.tokens for one in self.found if one.algorithm == algorithm} for algorithm in names]
        return max(set.intersection(*sets), default=0)
