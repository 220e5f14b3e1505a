"""The one backend that all readers of this server share: in turns, a reader's session being whose turn it is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from attnviz import logs
from attnviz.backends import open_backend
from attnviz.backends.cached import CachedBackend
from attnviz.backends.http_client import CONNECTIONS
from attnviz.backends.remote import RemoteBackend
from attnviz.backends.request_context import RequestContext
from attnviz.backends.scheduled import Row, TurnedBackend, turned
from attnviz.backends.scheduler import Scheduler
from attnviz.progress import Still
from attnviz.settings import Settings

EACH = 4  # of a reader that may wait: a page asks for one at a time, and may be open in some tabs


def _silent(line: str) -> None:
    """Nobody listens."""


_listener: ContextVar[Callable[[str], None]] = ContextVar("listener", default=_silent)


@st.cache_resource(show_spinner=False)
def backend() -> CachedBackend:
    """Opened once a server. Only this object is cached by Streamlit: results are cached inside it, bounded in bytes."""
    settings = Settings.from_env()
    inner = open_backend(settings.backend, settings, _said, client=reader).inner
    at_once = CONNECTIONS if isinstance(inner, RemoteBackend) else settings.at_once  # there the server has turns of its own
    logs.enable_page_log()
    row = Row(Scheduler(at_once, settings.waiting, EACH), reader, _still, float(settings.seconds), _log)
    alike = Still("Waiting for this text, which another reader asked for too.")
    return CachedBackend(turned(inner, row), settings.cache_bytes, lambda: _said(alike))


def answers() -> bool:
    """Whether the backend answers now; one in this process always does."""
    inner = backend().inner
    there = inner.inner if isinstance(inner, TurnedBackend) else inner
    return there.answers() if isinstance(there, RemoteBackend) else True


def reader() -> str:
    """Which reader asks: a name made of the session's, from which nobody gets that back."""
    context = get_script_run_ctx(suppress_warning=True)
    return hashlib.sha256(context.session_id.encode()).hexdigest()[:16] if context is not None else ""


def _said(line: str) -> None:
    """A line of progress goes to whoever waits for it."""
    if isinstance(line, Still):
        st.session_state.get("attnviz_still")  # here Streamlit stops the script of a reader who has moved on
    _listener.get()(line)


def _still(others: int) -> None:
    """What a reader is told while others are served."""
    _said(Still(f"Waiting for a turn; so do {others} others." if others else "Waiting for a turn."))


def _log(context: RequestContext) -> None:
    """Write a log line of a request: where its time went and how it ended. The backend's line of it has the same id."""
    seconds = {name: round(getattr(context, name), 4) for name in ("queue_seconds", "remote_seconds", "compute_seconds")}
    logs.log_page_event("page_request", id=context.id, model=context.model, **seconds, error=context.error)


@contextmanager
def heard(listener: Callable[[str], None]) -> Iterator[None]:
    """What the backend says of slow things while this reader waits for it goes to `listener`."""
    before = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(before)
