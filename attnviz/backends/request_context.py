"""A question of a reader on its way: the id by which all logs know it, and where its time went. Its text is nowhere in it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from attnviz.errors import AttnvizError
from attnviz.models import catalog
from attnviz.types import AttentionRequest


@dataclass
class Asking:
    """One question. Seconds: `waited` for its model and its turn, `asked` another machine, and `made` its answer here.

    `error` is the kind of what it ended with, "" where it was answered.
    """

    model: str
    id: str = field(default_factory=lambda: secrets.token_hex(6))
    waited: float = 0.0
    asked: float = 0.0
    made: float = 0.0
    error: str = ""


_NOW: ContextVar[Asking | None] = ContextVar("attnviz_asking", default=None)


def mark() -> str:
    """The id of the question that this thread is asking, "" where it asks none."""
    mine = _NOW.get()
    return mine.id if mine else ""


@contextmanager
def asking(request: AttentionRequest, told: Callable[[Asking], None]) -> Iterator[Callable[[], None]]:
    """Inside, this thread asks a question, and calls what it is given when its turn has come; in the end it is `told`.

    An error of ours takes the id with it, so that a page can name what the logs have.
    """
    known = request.model in {card.id for card in catalog.cards()}
    mine, begun = Asking(request.model if known else "other"), time.monotonic()
    come: list[float] = []
    token = _NOW.set(mine)
    try:
        yield lambda: come.append(time.monotonic())
    except BaseException as error:
        mine.error = type(error).__name__
        if isinstance(error, AttnvizError):
            error.id = error.id or mine.id
        raise
    finally:
        _NOW.reset(token)
        end = time.monotonic()
        turn = come[0] if come else end
        mine.waited, mine.made = turn - begun, end - turn - mine.asked
        told(mine)


@contextmanager
def elsewhere() -> Iterator[None]:
    """Inside, this thread waits for another machine."""
    start = time.monotonic()
    try:
        yield
    finally:
        if (mine := _NOW.get()) is not None:
            mine.asked += time.monotonic() - start
