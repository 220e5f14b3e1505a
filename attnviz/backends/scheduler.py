"""More requests than can be worked on at once in; a turn for each out: fair between clients, bounded, given up by who leaves.

A client is a reader's session or a caller of the server. Of those who wait, the one goes first whose client holds the
fewest places, then the one whose client has had the fewest turns since it began to wait: who asks for much waits for
himself, not others for him (start-time fair queueing, Goyal et al. 1996, doi:10.1145/248156.248171, with each turn of
length 1). Long texts never take all places. Nothing here computes or knows models; a place is only a permission.
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

LOOK = 0.25  # seconds after which who waits looks whether he is still there
SELDOM = 1.0  # seconds between two looks of one who has waited for some time: of many who wait, each look costs the others
LEARNT = 0.2  # how much the newest duration counts in the mean
LONGEST = 60  # seconds: nobody is sent away for longer
CLIENTS = 4096  # whose turns are remembered, those who asked last


class Left(BaseException):
    """Whoever asked is gone. No Exception: nothing went wrong, and those who wait for the same answer go on by themselves."""


@dataclass(eq=False)
class Ticket:
    """One request's place in the queue, and then at work.

    `until` is when its answer is no longer wanted, by the clock; `round` in which round of turns it comes.
    """

    client: Hashable
    come: Callable[[], object]
    until: float
    long: bool
    round: int
    state: str = "waiting"
    since: float = 0.0
    gone: threading.Event = field(default_factory=threading.Event)


class Turns:
    """At most `at_once` at work, `waiting` in the queue and `each` of them of one client. Thread-safe."""

    def __init__(self, at_once: int, waiting: int, each: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.at_once, self.most, self.each, self.clock = at_once, waiting, each, clock
        self.mean = 0.1  # seconds that one takes, as far as is known
        self._lock = threading.Lock()
        self._queue: list[Ticket] = []
        self._working: set[Ticket] = set()
        self._round = 0  # of the newest turn
        self._rounds: dict[Hashable, int] = {}  # of each client's newest ticket, while it is not behind

    @property
    def working(self) -> int:
        """How many have a place now."""
        return len(self._working)

    @property
    def waiting(self) -> int:
        """How many wait now."""
        return len(self._queue)

    def ask(self, client: Hashable, come: Callable[[], object], seconds: float = math.inf, *, long: bool = False) -> Ticket:
        """A ticket; `come` is called once its turn has come, at once or by the thread that leaves a place.

        Raises BusyError where too many wait already, all together or of this client.
        """
        with self._lock:
            if len(self._queue) >= self.most:
                raise self._busy(f"{self.most} requests wait already")
            if sum(ticket.client == client for ticket in self._queue) >= self.each:
                raise self._busy(f"{self.each} of your requests wait already")
            turn = self._rounds[client] = max(self._round, self._rounds.pop(client, -1) + 1)
            if len(self._rounds) > CLIENTS:
                del self._rounds[next(iter(self._rounds))]
            ticket = Ticket(client, come, self.clock() + seconds, long, turn)
            self._queue.append(ticket)
            called = self._called()
        self._call(called)
        return ticket

    def leave(self, ticket: Ticket, *, unused: bool = False) -> None:
        """Give a place back, or step out of the queue. Leaving twice is harmless.

        Of a place that was `unused` nothing is learnt about how long one takes.
        """
        with self._lock:
            if ticket.state == "waiting":
                self._queue.remove(ticket)
            elif ticket.state == "working":
                self._working.discard(ticket)
                self.mean += 0.0 if unused else LEARNT * (self.clock() - ticket.since - self.mean)
            ticket.state = "left"
            called = self._called()
        self._call(called)

    def busy(self, waited: float) -> BusyError:
        """The error for those whose turn has not come in time."""
        with self._lock:
            return self._busy(f"no place came free within {waited:.0f} s")

    def _busy(self, why: str) -> BusyError:
        """The same error; the lock is held."""
        wait = min(LONGEST, max(1, math.ceil(self.mean * (1 + len(self._queue)) / self.at_once)))
        return BusyError(f"The models are busy, try again in {wait} s: {why}.", wait)

    def _called(self) -> list[Ticket]:
        """Those whose turn comes now; the lock is held."""
        called, before = [], self._round
        while len(self._working) < self.at_once and (ticket := self._next()) is not None:
            self._queue.remove(ticket)
            ticket.state, ticket.since = "working", self.clock()
            self._working.add(ticket)
            self._round = max(self._round, ticket.round)
            called.append(ticket)
        if not self._working and not self._queue:
            self._rounds.clear()  # nobody is there to whom anybody could be unfair
        elif self._round > before:
            self._rounds = {client: turn for client, turn in self._rounds.items() if turn >= self._round}
        return called

    def _next(self) -> Ticket | None:
        """Whose turn it is: of equals, who came first. The lock is held."""
        held = Counter(ticket.client for ticket in self._working)
        room = sum(ticket.long for ticket in self._working) < max(1, self.at_once - 1)
        able = [ticket for ticket in self._queue if room or not ticket.long]
        return min(able, key=lambda ticket: (held[ticket.client], ticket.round), default=None)

    def _call(self, called: list[Ticket]) -> None:
        """Tell them, outside the lock: what they do then may ask for a turn again."""
        for ticket in called:
            ticket.come()

    @contextmanager
    def turn(self, client: Hashable, seconds: float, still: Callable[[int], None], *, long: bool = False) -> Iterator[Ticket]:
        """A turn for the thread that asks; it waits at most `seconds`, and then raises BusyError.

        What is worked on in it is late after as many seconds from now, as over HTTP: see `go_on`.
        While it waits, `still` is called now and then with the number of others who wait; what it raises ends the wait.
        """
        mine = _AT_WORK.get()
        if mine is not None and mine.state == "working":  # work that is part of other work has its place
            yield mine
            return
        come = threading.Event()
        ticket = self.ask(client, come.set, seconds, long=long)
        mark = _AT_WORK.set(ticket)
        try:
            end, pause = time.monotonic() + seconds, LOOK
            while not come.wait(max(0.0, min(pause, end - time.monotonic()))):
                pause = min(2 * pause, SELDOM)
                still(max(0, self.waiting - 1))
                if time.monotonic() >= end and not come.is_set():
                    raise self.busy(seconds)
            yield ticket
        finally:
            _AT_WORK.reset(mark)
            self.leave(ticket)

    async def awaited(self, client: Hashable, seconds: float, *, long: bool = False) -> Ticket:
        """A ticket whose turn has come, for a coroutine: no thread waits. Who gets it must `leave` it in the end."""
        loop = asyncio.get_running_loop()
        come: asyncio.Future[None] = loop.create_future()

        def told() -> None:
            with suppress(RuntimeError):  # a loop that is closed has nobody left who waits
                loop.call_soon_threadsafe(_settle, come)

        ticket = self.ask(client, told, seconds, long=long)
        try:
            async with asyncio.timeout(seconds):  # wait_for would hide that we are cancelled when the turn comes
                await come
        except TimeoutError:
            self.leave(ticket)
            raise self.busy(seconds) from None
        except BaseException:
            self.leave(ticket)
            raise
        return ticket


def error_of(work: Future[Any], still: Callable[[], object]) -> BaseException | None:
    """The error of what another thread is doing, None where it ends well; who waits for it calls `still` now and then."""
    while True:
        try:
            return work.exception(LOOK)
        except TimeoutError:
            still()


def _settle(come: asyncio.Future[None]) -> None:
    """The turn has come, unless nobody waits for it any more."""
    if not come.done():
        come.set_result(None)


_AT_WORK: ContextVar[Ticket | None] = ContextVar("attnviz_at_work", default=None)


@contextmanager
def at_work(ticket: Ticket) -> Iterator[Ticket]:
    """Inside, this thread works for the holder of a ticket."""
    mark = _AT_WORK.set(ticket)
    try:
        yield ticket
    finally:
        _AT_WORK.reset(mark)


def go_on(clock: Callable[[], float] = time.monotonic) -> None:
    """Called between the steps of long work: raises Left where who asked is gone, LateError where it is too late."""
    ticket = _AT_WORK.get()
    if ticket is None:
        return
    if ticket.gone.is_set():
        raise Left
    if clock() > ticket.until:
        raise LateError("This text was not read by its deadline. Shorten it, or try again when less is asked.")
