"""How far a model is read, and how long the rest takes: by the tensors that the library reads, or by the bytes of a file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from transformers.utils import logging

from attnviz.progress import OnProgress, ProgressEvent, time_left

FIRST, EVERY = 0.5, 0.2  # seconds before the first event of a step, and between two: a quick step has none
Counted = Callable[[int, int], None]  # of how many are done, of how many
_counted: ContextVar[Counted | None] = ContextVar("counted", default=None)


def counter(report: OnProgress, message: str, unit: str = "tensors", size: int = 1) -> Counted:
    """Return what reports "`message`: 120 of 272 `unit`, about 3 s left" a few times a second; `size` is that of one unit."""
    started = due = last = 0.0

    def count(done: int, total: int) -> None:
        nonlocal started, due, last
        now = time.monotonic()
        if done <= last or not started:  # a step begins
            started, due = now, now + FIRST
        last = done
        if now >= due and total:
            due = now + EVERY
            left = time_left(now - started, done / total)
            report(ProgressEvent(f"{message}: {done // size:,} of {total // size:,} {unit}{left}.", "progress", done / total))

    return count


@contextmanager
def counting(counted: Counted) -> Iterator[None]:
    """Inside, `counted` is called for each tensor that the library reads in this thread."""
    token = _counted.set(counted)
    try:
        yield
    finally:
        _counted.reset(token)


class _Tensors(logging.EmptyTqdm):
    """Stands for the library's progress bar."""

    def __iter__(self) -> Iterator[Any]:
        counted, items = _counted.get(), list(self._iterator or ())
        for done, item in enumerate(items):
            if counted is not None:
                counted(done, len(items))
            yield item


def _bar(factory: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return the bar that the library asks for; with a listener, one that counts."""
    return factory(*args, **kwargs) if _counted.get() is None or not args else _Tensors(*args)


logging.set_tqdm_hook(_bar)
