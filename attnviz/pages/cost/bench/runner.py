"""Run one benchmark at a time for all readers of a server; others see its progress and wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from attnviz.pages.cost.bench.plan import BenchmarkPlan
from attnviz.pages.cost.bench.process import COMMAND, BenchmarkProcess
from attnviz.pages.cost.bench.report import ABANDONED, LATE, STOPPED, BenchmarkReport

OWNER_TIMEOUT = 10.0  # seconds without a request of its owner, whose page asks twice a second
TIME_LIMIT = 240.0  # seconds that a run may take


class BenchmarkRunner:
    """One runner for a server. Thread-safe. A reader is any unique string."""

    def __init__(
        self, command: Sequence[str] = COMMAND, owner_timeout: float = OWNER_TIMEOUT, time_limit: float = TIME_LIMIT
    ) -> None:
        self.time_limit = time_limit
        self._command, self._owner_timeout = command, owner_timeout
        self._lock = threading.Lock()
        self._run: BenchmarkProcess | None = None
        self._runs = 0
        self.owner, self._last_poll, self._stopped = "", 0.0, False

    def start(self, plan: BenchmarkPlan, reader: str) -> bool:
        """Start a run; return False and do nothing while another one is active."""
        with self._lock:
            if self._run is not None and self._run.report().running:
                return False
            self._runs += 1
            self.owner, self._last_poll, self._stopped = reader, time.monotonic(), False
            self._run = BenchmarkProcess(self._runs, plan, self._stop_reason, self._command)
            return True

    def stop(self, reader: str, wait: float = 5.0) -> None:
        """Stop the run if this reader owns it, and wait until its process has ended."""
        with self._lock:
            run = self._run if reader == self.owner else None
            self._stopped = self._stopped or run is not None
        if run is not None:
            run.wait(wait)

    def poll(self, reader: str) -> BenchmarkReport | None:
        """Return the report of the latest run; None before the first. A call by its owner keeps the run alive."""
        with self._lock:
            if reader == self.owner:
                self._last_poll = time.monotonic()
            run = self._run
        return None if run is None else run.report()

    def owns(self, reader: str) -> bool:
        """Return whether this reader started the latest run."""
        return reader == self.owner

    def _stop_reason(self, seconds: float) -> str:
        """Return why the run should end now, or ""."""
        if self._stopped:
            return STOPPED
        if seconds > self.time_limit:
            return LATE
        return ABANDONED if time.monotonic() - self._last_poll > self._owner_timeout else ""
