"""Texts that wait at the same moment, gathered into passes over several of them. Knows no model.

Requests are never delayed to fill a batch: where a slot is free, a text is read at once, and alone. While all slots are
taken, texts gather, and the next pass reads those that fit together. A pass that fails is repeated text by text, so that
the error of one text does not reach another. The thread of one of the texts does the work for all of them.
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
MAX_TOKENS = 512  # of a pass, padding included
CLOSE = 32  # tokens up to which texts of any lengths share a pass; beyond, none is more than twice as long as another


@dataclass(eq=False)
class Entry(Generic[T]):
    """One text that waits. Only texts of the same `kind` share a pass, None with none; `size` is its number of tokens.

    `batch` are the texts that the thread of this one reads once it is `started`, itself the first of them. `abandoned` is
    whether its caller is gone while another thread reads it.
    """

    kind: Hashable | None
    size: int
    item: T
    context: Context = field(default_factory=copy_context)  # of the caller, for check_cancelled
    started: threading.Event = field(default_factory=threading.Event)
    batch: Sequence[Entry[T]] = ()
    abandoned: bool = False
    result: Any = None

    @property
    def long(self) -> bool:
        """Whether it is read alone because of its length."""
        return self.size > SHORT

    def wanted(self) -> bool:
        """Return whether the caller still waits, and its deadline is not over."""
        try:
            self.context.run(scheduler.check_cancelled)
        except BaseException:  # noqa: BLE001  # it is raised again in the caller's own thread
            return False
        return True


class Batcher(Generic[T, R]):
    """At most `rows` texts a pass and `max_passes` passes at once, at least 2; long texts never take the last slot.

    `read` returns the results of some texts, in their order; it calls its second argument now and then to learn whether to
    stop. Thread-safe.
    """

    def __init__(self, read: Callable[[Sequence[T], Callable[[], None]], Sequence[R]], rows: int, max_passes: int) -> None:
        self._read, self.rows, self.max_passes = read, rows, max(2, max_passes)
        self._lock = threading.Lock()
        self._queue: list[Entry[T]] = []
        self._short = self._long = 0  # passes that run now

    @property
    def waiting(self) -> int:
        """Texts that wait now."""
        return len(self._queue)

    @property
    def running(self) -> int:
        """Passes that run now."""
        return self._short + self._long

    def result(self, kind: Hashable | None, size: int, item: T) -> R:
        """Return the result for one text. Raises what reading it alone raises, and what `check_cancelled` does."""
        entry = Entry(kind if size <= SHORT else None, size, item)
        with self._lock:
            self._queue.append(entry)
            self._start_passes()
        while True:
            self._wait(entry)
            if not entry.batch:
                return entry.result
            if (results := self._run_pass(entry)) is not None:
                return results[0]

    def _wait(self, entry: Entry[T]) -> None:
        """Wait until the result is there, or this text's thread is to read."""
        try:
            while not entry.started.wait(scheduler.POLL):
                scheduler.check_cancelled()
        except BaseException:
            with self._lock:
                entry.abandoned = True  # a pass that fails later does not wait for this thread
                if entry in self._queue:
                    self._queue.remove(entry)
                elif entry.batch:
                    self._end_pass(entry)
                    self._requeue(entry.batch[1:])
                self._start_passes()
            raise

    def _run_pass(self, first: Entry[T]) -> Sequence[R] | None:
        """Read all texts of a batch; None if each, this one too, has to be read alone."""
        batch, results = first.batch, None
        try:
            scheduler.check_cancelled()
            results = self._read([entry.item for entry in batch], lambda: _check_batch(batch))
            return results
        except Exception:
            if len(batch) == 1:
                raise
            return None
        except BaseException:
            batch = batch[1:]  # only this caller is gone; the others are read again
            raise
        finally:
            with self._lock:
                self._end_pass(first)
                if results is None and len(first.batch) > 1:
                    self._requeue(batch)
                elif results is not None:
                    for entry, result in zip(batch[1:], results[1:], strict=True):
                        entry.result = result
                        entry.started.set()
                self._start_passes()

    def _requeue(self, entries: Sequence[Entry[T]]) -> None:
        """Put each text whose caller still waits before all others, to be read alone. The lock is held."""
        wanted = [entry for entry in entries if not entry.abandoned]
        for entry in wanted:
            entry.kind, entry.batch = None, ()
            entry.started.clear()
        self._queue[:0] = wanted

    def _end_pass(self, first: Entry[T]) -> None:
        """Give the slot of a pass back. The lock is held."""
        if first.long:
            self._long -= 1
        else:
            self._short -= 1

    def _start_passes(self) -> None:
        """While a slot is free, start a pass with the oldest text and those that fit with it. The lock is held."""
        while self.running < self.max_passes:
            first = next((entry for entry in self._queue if not entry.long or self._long < self.max_passes - 1), None)
            if first is None:
                return
            first.batch = self._batch_for(first)
            self._queue = [entry for entry in self._queue if entry not in first.batch]
            if first.long:
                self._long += 1
            else:
                self._short += 1
            first.started.set()

    def _batch_for(self, first: Entry[T]) -> list[Entry[T]]:
        """Return the texts to read with the first, in the order in which they came. The lock is held."""
        batch = [first]
        for entry in self._queue if first.wanted() else ():
            if len(batch) == self.rows:
                break
            sizes = [one.size for one in (*batch, entry)]
            fits = max(sizes) <= max(CLOSE, 2 * min(sizes)) and len(sizes) * max(sizes) <= MAX_TOKENS
            if entry is not first and entry.kind == first.kind is not None and fits and entry.wanted():
                batch.append(entry)
        return batch


def _check_batch(batch: Sequence[Entry[Any]]) -> None:
    """Stop the work for a batch only when none of its callers waits any more."""
    if len(batch) == 1 or not any(entry.wanted() for entry in batch):
        scheduler.check_cancelled()
