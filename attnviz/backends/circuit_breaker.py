"""A circuit breaker: callers do not wait again and again for a server that is down."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from attnviz.errors import BackendError

MAX_FAILURES = 5  # one after the other, before requests are refused at once
PAUSE = 1.0  # seconds until one request tries whether the server is back
TRIAL = 5.0  # seconds after which another one tries, where the first got no answer: its connection may be broken


class CircuitBreaker:
    """Closed while all goes well; open for a moment after several failures; then one request tries. Not thread-safe."""

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.name, self.clock = name, clock
        self.failures = 0
        self._open_until = -math.inf
        self._trying, self._trial_began = False, -math.inf

    def check(self) -> None:
        """Raise BackendError while the breaker is open; otherwise the request may be sent."""
        if self.failures < MAX_FAILURES:
            return
        trying = self._trying and self.clock() < self._trial_began + TRIAL
        if trying or self.clock() < self._open_until:
            raise BackendError(f"The backend {self.name} does not answer. It is tried again in {PAUSE:.0f} s; then ask again.")
        self._trying, self._trial_began = True, self.clock()

    def record_success(self) -> None:
        """An answer came, even if it is an error of the server."""
        self.failures, self._trying = 0, False

    def record_failure(self) -> None:
        """No answer came."""
        self.failures += 1
        self._open_until, self._trying = self.clock() + PAUSE, False

    def record_late(self) -> None:
        """No answer came soon, from a server that may only be busy: a failure only where this was a trial."""
        self.record_failure() if self.failures >= MAX_FAILURES else self.abandon()

    def abandon(self) -> None:
        """The caller left before the answer: that says nothing about the server."""
        self._trying = False
