"""Texts that wait at the same moment in, passes over several of them out. Knows no model: who reads is told what to read.

Nobody waits for company: where a place is free, a text is read at once, and alone. While all places are taken texts gather,
and the next pass reads those that fit each other. A pass that fails is repeated text by text, so that no text's error
reaches a neighbour. The thread of one of the texts does the work for all of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from attnviz.backends import scheduler

T = TypeVar("T")
R = TypeVar("R")

SHORT = 64  # tokens up to which texts share a pass
PADDED = 512  # tokens of a pass, padding included
CLOSE = 32  # tokens up to which any lengths go together; of longer texts none is twice another


@dataclass(eq=False)
class Seat(Generic[T]):
    """One text that waits. `kind` says with which others it may be read, None with none; `size` is its tokens.

    `led` are those whom the thread of this text is to read once it is called, itself the first of them. `left` is whether
    who asked is gone while another's thread reads for him.
    """

    kind: Hashable | None
    size: int
    what: T
    context: Context = field(default_factory=copy_context)  # of who asks: whether he is still there
    called: threading.Event = field(default_factory=threading.Event)
    led: Sequence[Seat[T]] = ()
    left: bool = False
    found: Any = None

    @property
    def long(self) -> bool:
        """Whether it is read by itself because of its length."""
        return self.size > SHORT

    def here(self) -> bool:
        """Whether who asked still waits, and in time."""
        try:
            self.context.run(scheduler.check_cancelled)
        except BaseException:  # noqa: BLE001  # it is raised again in his own thread
            return False
        return True


class Together(Generic[T, R]):
    """At most `rows` texts a pass and `at_once` passes; long texts never take the last place. Thread-safe.

    `read` makes the results of some texts, in their order; it is told by what to ask whether to go on.
    """

    def __init__(self, read: Callable[[Sequence[T], Callable[[], None]], Sequence[R]], rows: int, at_once: int) -> None:
        self._read, self.rows, self.at_once = read, rows, max(2, at_once)
        self._lock = threading.Lock()
        self._queue: list[Seat[T]] = []
        self._short = self._long = 0  # passes under way

    def result(self, kind: Hashable | None, size: int, what: T) -> R:
        """The result for one text. Raises what reading it alone raises, and what `check_cancelled` does for its caller."""
        seat = Seat(kind if size <= SHORT else None, size, what)
        with self._lock:
            self._queue.append(seat)
            self._call()
        while True:
            self._wait(seat)
            if not seat.led:
                return seat.found
            if (found := self._pass(seat)) is not None:
                return found[0]

    def _wait(self, seat: Seat[T]) -> None:
        """Until the result is there, or it is this text's turn to read."""
        try:
            while not seat.called.wait(scheduler.POLL):
                scheduler.check_cancelled()
        except BaseException:
            with self._lock:
                seat.left = True  # a pass that fails later is not to wait for this thread
                if seat in self._queue:
                    self._queue.remove(seat)
                elif seat.led:
                    self._free(seat)
                    self._again(seat.led[1:])
                self._call()
            raise

    def _pass(self, seat: Seat[T]) -> Sequence[R] | None:
        """The results of all whom this text leads; None where they have to be read one by one, this one too."""
        led, found = seat.led, None
        try:
            scheduler.check_cancelled()
            found = self._read([one.what for one in led], lambda: _go_on(led))
            return found
        except Exception:
            if len(led) == 1:
                raise
            return None
        except BaseException:
            led = led[1:]  # who is called away takes nobody with him
            raise
        finally:
            with self._lock:
                self._free(seat)
                if found is None and len(seat.led) > 1:
                    self._again(led)
                elif found is not None:
                    for one, result in zip(led[1:], found[1:], strict=True):
                        one.found = result
                        one.called.set()
                self._call()

    def _again(self, seats: Sequence[Seat[T]]) -> None:
        """Each of these that is still there is read by itself, before all others. The lock is held."""
        here = [seat for seat in seats if not seat.left]
        for seat in here:
            seat.kind, seat.led = None, ()
            seat.called.clear()
        self._queue[:0] = here

    def _free(self, seat: Seat[T]) -> None:
        """A pass is over. The lock is held."""
        if seat.long:
            self._long -= 1
        else:
            self._short -= 1

    def _call(self) -> None:
        """As long as a place is free, who came first reads, for himself and those that fit. The lock is held."""
        while self._short + self._long < self.at_once:
            seat = next((one for one in self._queue if not one.long or self._long < self.at_once - 1), None)
            if seat is None:
                return
            seat.led = self._fitting(seat)
            self._queue = [one for one in self._queue if one not in seat.led]
            if seat.long:
                self._long += 1
            else:
                self._short += 1
            seat.called.set()

    def _fitting(self, first: Seat[T]) -> list[Seat[T]]:
        """Who is read together with the first, in the order in which they came. The lock is held."""
        led = [first]
        for seat in self._queue if first.here() else ():
            if len(led) == self.rows:
                break
            sizes = [one.size for one in (*led, seat)]
            close = max(sizes) <= max(CLOSE, 2 * min(sizes)) and len(sizes) * max(sizes) <= PADDED
            if seat is not first and seat.kind == first.kind is not None and close and seat.here():
                led.append(seat)
        return led


def _go_on(led: Sequence[Seat[Any]]) -> None:
    """Work for several goes on as long as one of them waits for it."""
    if len(led) == 1 or not any(seat.here() for seat in led):
        scheduler.check_cancelled()
