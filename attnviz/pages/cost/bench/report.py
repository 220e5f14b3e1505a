"""What a measuring process has said so far, and how it fares, as a value that all readers may look at."""

from __future__ import annotations

from dataclasses import dataclass

from attnviz.pages.cost.bench.algorithms import Measured
from attnviz.pages.cost.bench.plan import Plan

RUNNING, DONE, STOPPED, LEFT, LATE, BROKEN = "running", "done", "stopped", "left", "late", "broken"


@dataclass(frozen=True)
class Report:
    """One run, as it is now: `number` counts the runs of a server.

    `found` is what was measured, `failed` what memory did not suffice for, `now` what is being measured. `state` is
    running, done, stopped (by the reader who started it), left (that reader is gone), late (it took too long) or broken
    (the process ended by itself: `why` says how). `seconds` is how long it has been going on or went on, `pid` its process.
    `crowded`: more wanted a processor when it began than the machine has.
    """

    number: int
    plan: Plan
    found: tuple[Measured, ...] = ()
    failed: tuple[tuple[str, int], ...] = ()
    now: tuple[str, int] | None = None
    state: str = RUNNING
    why: str = ""
    seconds: float = 0.0
    pid: int = 0
    crowded: bool = False

    @property
    def running(self) -> bool:
        """Whether more may come."""
        return self.state == RUNNING

    @property
    def share(self) -> float:
        """How much of the plan has been gone through, 0 to 1."""
        return (len(self.found) + len(self.failed)) / len(self.plan.cells)

    def at(self, way: str, tokens: int) -> Measured | None:
        """What one way took at one length, if that was measured."""
        return next((one for one in self.found if (one.way, one.tokens) == (way, tokens)), None)

    def longest(self, *names: str) -> int:
        """The longest text on which all of these ways were measured; 0 where there is none."""
        sets = [{one.tokens for one in self.found if one.way == way} for way in names]
        return max(set.intersection(*sets), default=0)
