"""What is known of one request of a reader: the id by which all logs know it, and where its time went. Never its text."""

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
class RequestContext:
    """One request. `model` is its id in the catalogue, "other" for one that is not there.

    `error` is the kind of error it ended with, "" if it was answered.
    """

    model: str
    id: str = field(default_factory=lambda: secrets.token_hex(6))
    queue_seconds: float = 0.0  # until its model was loaded and it had a slot
    remote_seconds: float = 0.0  # waiting for another machine
    compute_seconds: float = 0.0  # in this process
    error: str = ""


_CURRENT: ContextVar[RequestContext | None] = ContextVar("attnviz_request", default=None)


def current_id() -> str:
    """Return the id of the request that this thread works on, "" if there is none."""
    context = _CURRENT.get()
    return context.id if context else ""


@contextmanager
def track(request: AttentionRequest, on_done: Callable[[RequestContext], None]) -> Iterator[Callable[[], None]]:
    """Measure a request: call what this yields when it gets its slot; in the end `on_done` gets the result.

    An AttnvizError takes the request's id with it, so that a page can name what the logs have.
    """
    known = request.model in {card.id for card in catalog.cards()}
    context, start = RequestContext(request.model if known else "other"), time.monotonic()
    granted_at: list[float] = []
    token = _CURRENT.set(context)
    try:
        yield lambda: granted_at.append(time.monotonic())
    except BaseException as error:
        context.error = type(error).__name__
        if isinstance(error, AttnvizError):
            error.id = error.id or context.id
        raise
    finally:
        _CURRENT.reset(token)
        end = time.monotonic()
        granted = granted_at[0] if granted_at else end
        context.queue_seconds = granted - start
        context.compute_seconds = end - granted - context.remote_seconds
        on_done(context)


@contextmanager
def remote_call() -> Iterator[None]:
    """Inside, this thread waits for another machine: count that time."""
    start = time.monotonic()
    try:
        yield
    finally:
        if (context := _CURRENT.get()) is not None:
            context.remote_seconds += time.monotonic() - start
