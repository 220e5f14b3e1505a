"""Readers and their plans in, one run at a time out: who comes while somebody measures sees how it fares, and waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from attnviz.pages.cost.bench.plan import Plan
from attnviz.pages.cost.bench.process import COMMAND, Run
from attnviz.pages.cost.bench.report import LATE, LEFT, STOPPED, Report

PATIENCE = 10.0  # seconds without a word of the reader who started it, whose page asks twice a second
LIMIT = 240.0  # seconds that a run may take


class Desk:
    """A server has one. Thread-safe. A reader is known by any name of its own."""

    def __init__(self, command: Sequence[str] = COMMAND, patience: float = PATIENCE, limit: float = LIMIT) -> None:
        self.limit = limit
        self._command, self._patience = command, patience
        self._lock = threading.Lock()
        self._run: Run | None = None
        self._runs = 0
        self._owner, self._seen, self._stopped = "", 0.0, False

    def start(self, plan: Plan, reader: str) -> bool:
        """Begin to measure; False, and nothing happens, where somebody measures already."""
        with self._lock:
            if self._run is not None and self._run.report().running:
                return False
            self._runs += 1
            self._owner, self._seen, self._stopped = reader, time.monotonic(), False
            self._run = Run(self._runs, plan, self._due, self._command)
            return True

    def stop(self, reader: str, wait: float = 5.0) -> None:
        """End the run, if it is this reader's, and wait until its process is gone."""
        with self._lock:
            run = self._run if reader == self._owner else None
            self._stopped = self._stopped or run is not None
        if run is not None:
            run.wait(wait)

    def look(self, reader: str) -> Report | None:
        """How the run fares, or how the last one ended; None before the first. Its owner is thereby known to be there."""
        with self._lock:
            if reader == self._owner:
                self._seen = time.monotonic()
            run = self._run
        return None if run is None else run.report()

    def owns(self, reader: str) -> bool:
        """Whether this reader started the last run."""
        return reader == self._owner

    def _due(self, seconds: float) -> str:
        """Why the run should end now; "" where it should not."""
        if self._stopped:
            return STOPPED
        if seconds > self.limit:
            return LATE
        return LEFT if time.monotonic() - self._seen > self._patience else ""
