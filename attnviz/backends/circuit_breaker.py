"""Failures and successes in; whether it is worth while to ask, out: nobody waits again and again for a backend that is down."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from attnviz.errors import BackendError

FAILURES = 5  # one after the other, before nobody asks any more
PAUSE = 1.0  # seconds until one asks again, to see whether it is back
TRIAL = 5.0  # seconds after which another one asks, where the first has heard nothing: the line may have broken under him


class Breaker:
    """Closed while all goes well; open for a moment after several failures; then one request tries for all. Of one thread."""

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.name, self.clock = name, clock
        self.failures = 0
        self._until = -math.inf
        self._trying, self._began = False, -math.inf

    def may(self) -> None:
        """Raises BackendError where it is not worth while to ask now."""
        if self.failures < FAILURES:
            return
        trying = self._trying and self.clock() < self._began + TRIAL
        if trying or self.clock() < self._until:
            raise BackendError(f"The backend {self.name} does not answer. It is tried again in {PAUSE:.0f} s; then ask again.")
        self._trying, self._began = True, self.clock()

    def worked(self) -> None:
        """An answer came, whatever it was."""
        self.failures, self._trying = 0, False

    def failed(self) -> None:
        """None came."""
        self.failures += 1
        self._until, self._trying = self.clock() + PAUSE, False

    def late(self) -> None:
        """None came soon, from a server that may only have much to do: that counts where one tries whether it is back."""
        self.failed() if self.failures >= FAILURES else self.stopped()

    def stopped(self) -> None:
        """Whoever asked is gone before the answer: that tells nothing."""
        self._trying = False
