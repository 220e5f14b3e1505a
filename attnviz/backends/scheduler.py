"""A fair, bounded queue: which requests run now, and which wait.

A client is a reader's session or a caller of the server. Of those that wait, the client with the fewest running requests
goes first, then the client with the fewest turns since it began to wait: a heavy client delays only itself (start-time
fair queueing, Goyal et al. 1996, doi:10.1145/248156.248171, with each turn of length 1). Long texts never take all slots.
Nothing here computes or knows models; a slot is only a permission.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from attnviz.errors import BusyError, LateError

POLL = 0.25  # seconds between two checks of a waiting thread: is its caller still there?
MAX_POLL = 1.0  # seconds between two checks after some time: with many waiting, each check costs the others
MEAN_WEIGHT = 0.2  # of the newest duration in the running mean
MAX_RETRY = 60  # seconds: the longest wait that a refusal names
MAX_CLIENTS = 4096  # clients whose turns are remembered, the newest


class Cancelled(BaseException):
    """The caller is gone. Not an Exception: nothing went wrong, and others that wait for the same answer continue."""


@dataclass(eq=False)
class Ticket:
    """One request, waiting or running.

    `deadline` is when its answer is no longer wanted, by the scheduler's clock; `round` is the round of turns it belongs to.
    """

    client: Hashable
    on_granted: Callable[[], object]
    deadline: float
    long: bool
    round: int
    state: str = "waiting"
    granted_at: float = 0.0
    cancelled: threading.Event = field(default_factory=threading.Event)


class Scheduler:
    """At most `max_running` requests run and `max_waiting` wait, `max_per_client` of them of one client. Thread-safe."""

    def __init__(
        self, max_running: int, max_waiting: int, max_per_client: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.max_running, self.max_waiting, self.max_per_client = max_running, max_waiting, max_per_client
        self.clock = clock
        self.mean_seconds = 0.1  # that one request takes, as far as is known
        self._lock = threading.Lock()
        self._queue: list[Ticket] = []
        self._running: set[Ticket] = set()
        self._round = 0  # of the newest turn
        self._rounds: dict[Hashable, int] = {}  # of each client's newest ticket, while it is not behind

    @property
    def running(self) -> int:
        """Requests that run now."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Requests that wait now."""
        return len(self._queue)

    def acquire(
        self, client: Hashable, on_granted: Callable[[], object], timeout: float = math.inf, *, long: bool = False
    ) -> Ticket:
        """Return a ticket; `on_granted` is called when it gets a slot: now, or by the thread that releases one.

        Raises BusyError if too many requests wait already, of all clients or of this one.
        """
        with self._lock:
            if len(self._queue) >= self.max_waiting:
                raise self._busy_error(f"{self.max_waiting} requests wait already")
            if sum(ticket.client == client for ticket in self._queue) >= self.max_per_client:
                raise self._busy_error(f"{self.max_per_client} of your requests wait already")
            turn = self._rounds[client] = max(self._round, self._rounds.pop(client, -1) + 1)
            if len(self._rounds) > MAX_CLIENTS:
                del self._rounds[next(iter(self._rounds))]
            ticket = Ticket(client, on_granted, self.clock() + timeout, long, turn)
            self._queue.append(ticket)
            granted = self._grant()
        self._notify(granted)
        return ticket

    def release(self, ticket: Ticket, *, unused: bool = False) -> None:
        """Give a slot back, or leave the queue. Releasing twice is harmless.

        A slot that was `unused` does not count in the mean duration.
        """
        with self._lock:
            if ticket.state == "waiting":
                self._queue.remove(ticket)
            elif ticket.state == "running":
                self._running.discard(ticket)
                self.mean_seconds += 0.0 if unused else MEAN_WEIGHT * (self.clock() - ticket.granted_at - self.mean_seconds)
            ticket.state = "released"
            granted = self._grant()
        self._notify(granted)

    def timeout_error(self, waited: float) -> BusyError:
        """Return the error for a request that got no slot in time."""
        with self._lock:
            return self._busy_error(f"no place came free within {waited:.0f} s")

    def _busy_error(self, reason: str) -> BusyError:
        """Return the same error with any reason; the lock is held."""
        wait = min(MAX_RETRY, max(1, math.ceil(self.mean_seconds * (1 + len(self._queue)) / self.max_running)))
        return BusyError(f"The models are busy, try again in {wait} s: {reason}.", wait)

    def _grant(self) -> list[Ticket]:
        """Give free slots to the next tickets, and return those; the lock is held."""
        granted, before = [], self._round
        while len(self._running) < self.max_running and (ticket := self._next()) is not None:
            self._queue.remove(ticket)
            ticket.state, ticket.granted_at = "running", self.clock()
            self._running.add(ticket)
            self._round = max(self._round, ticket.round)
            granted.append(ticket)
        if not self._running and not self._queue:
            self._rounds.clear()  # no client is left to be unfair to
        elif self._round > before:
            self._rounds = {client: turn for client, turn in self._rounds.items() if turn >= self._round}
        return granted

    def _next(self) -> Ticket | None:
        """Return the ticket that goes next; among equals, the one that came first. The lock is held."""
        running = Counter(ticket.client for ticket in self._running)
        long_fits = sum(ticket.long for ticket in self._running) < max(1, self.max_running - 1)
        able = [ticket for ticket in self._queue if long_fits or not ticket.long]
        return min(able, key=lambda ticket: (running[ticket.client], ticket.round), default=None)

    def _notify(self, granted: list[Ticket]) -> None:
        """Call `on_granted` of each ticket, outside the lock: the callback may acquire again."""
        for ticket in granted:
            ticket.on_granted()

    @contextmanager
    def slot(self, client: Hashable, timeout: float, on_wait: Callable[[int], None], *, long: bool = False) -> Iterator[Ticket]:
        """Hold a slot for this thread; it waits at most `timeout` seconds, and then raises BusyError.

        The work inside has the same `timeout` as its deadline, counted from now: see `check_cancelled`. While the thread
        waits, `on_wait` is called now and then with the number of others that wait; an error that it raises ends the wait.
        """
        current = _CURRENT.get()
        if current is not None and current.state == "running":  # work inside other work already has its slot
            yield current
            return
        granted = threading.Event()
        ticket = self.acquire(client, granted.set, timeout, long=long)
        token = _CURRENT.set(ticket)
        try:
            end, pause = time.monotonic() + timeout, POLL
            while not granted.wait(max(0.0, min(pause, end - time.monotonic()))):
                pause = min(2 * pause, MAX_POLL)
                on_wait(max(0, self.waiting - 1))
                if time.monotonic() >= end and not granted.is_set():
                    raise self.timeout_error(timeout)
            yield ticket
        finally:
            _CURRENT.reset(token)
            self.release(ticket)

    async def acquire_async(self, client: Hashable, timeout: float, *, long: bool = False) -> Ticket:
        """Return a ticket that has its slot; no thread waits. The caller must `release` it in the end."""
        loop = asyncio.get_running_loop()
        granted: asyncio.Future[None] = loop.create_future()

        def on_granted() -> None:
            with suppress(RuntimeError):  # the loop is closed: no coroutine waits any more
                loop.call_soon_threadsafe(_settle, granted)

        ticket = self.acquire(client, on_granted, timeout, long=long)
        try:
            async with asyncio.timeout(timeout):  # wait_for would hide a cancellation at the moment of the grant
                await granted
        except TimeoutError:
            self.release(ticket)
            raise self.timeout_error(timeout) from None
        except BaseException:
            self.release(ticket)
            raise
        return ticket


def wait_for_error(work: Future[Any], on_wait: Callable[[], object]) -> BaseException | None:
    """Wait for another thread's work and return its error, None if it succeeds; `on_wait` is called now and then."""
    while True:
        try:
            return work.exception(POLL)
        except TimeoutError:
            on_wait()


def _settle(granted: asyncio.Future[None]) -> None:
    """Wake the coroutine, unless it has stopped waiting."""
    if not granted.done():
        granted.set_result(None)


_CURRENT: ContextVar[Ticket | None] = ContextVar("attnviz_current_ticket", default=None)


@contextmanager
def working_for(ticket: Ticket) -> Iterator[Ticket]:
    """Inside, this thread works for the holder of a ticket."""
    token = _CURRENT.set(ticket)
    try:
        yield ticket
    finally:
        _CURRENT.reset(token)


def check_cancelled(clock: Callable[[], float] = time.monotonic) -> None:
    """Raise Cancelled if the caller is gone, LateError after its deadline. Long work calls this between its steps."""
    ticket = _CURRENT.get()
    if ticket is None:
        return
    if ticket.cancelled.is_set():
        raise Cancelled
    if clock() > ticket.deadline:
        raise LateError("This text was not read by its deadline. Shorten it, or try again later.")
