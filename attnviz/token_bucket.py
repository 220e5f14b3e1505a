"""Token buckets: a limit on how often something may happen, for one client or for each of many."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

Clock = Callable[[], float]


class TokenBucket:
    """Up to `capacity` tokens, refilled at `rate` a second; each action takes one. For one event loop or thread."""

    def __init__(self, capacity: float, rate: float, clock: Clock = time.monotonic) -> None:
        self.capacity, self.rate, self.clock = capacity, rate, clock
        self.tokens, self.updated = capacity, clock()

    def take(self) -> float:
        """Take a token and return 0; where there is none, take nothing and return the seconds until there is one."""
        now = self.clock()
        self.tokens = min(self.capacity, self.tokens + (now - self.updated) * self.rate)
        self.updated = now
        if self.tokens < 1:
            return (1 - self.tokens) / self.rate
        self.tokens -= 1
        return 0.0


class ClientBuckets:
    """A token bucket for each client, of the `max_clients` that came last. For one event loop or thread."""

    def __init__(self, capacity: float, rate: float, max_clients: int, clock: Clock = time.monotonic) -> None:
        self.capacity, self.rate, self.max_clients, self.clock = capacity, rate, max_clients, clock
        self.buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def take(self, client: str) -> float:
        """Take a token of this client: see `TokenBucket.take`."""
        bucket = self.buckets.pop(client, None) or TokenBucket(self.capacity, self.rate, self.clock)
        self.buckets[client] = bucket
        while len(self.buckets) > self.max_clients:
            self.buckets.popitem(last=False)
        return bucket.take()
