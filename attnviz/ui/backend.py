"""The one backend that all readers of this server share: with a fair queue, in which each session is a client."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from attnviz import logs
from attnviz.backends import open_backend
from attnviz.backends.cached import CachedBackend
from attnviz.backends.request_context import RequestContext
from attnviz.backends.scheduled import Scheduling
from attnviz.progress import OnProgress, ProgressEvent, ignore
from attnviz.settings import Settings

MAX_PER_READER = 4  # requests that wait: a page sends one at a time, and may be open in several tabs
_listener: ContextVar[OnProgress] = ContextVar("listener", default=ignore)


@st.cache_resource(show_spinner=False)
def backend() -> CachedBackend:
    """Opened once per server. Streamlit caches only this object: results are cached inside it, bounded in bytes."""
    settings = Settings.from_env()
    logs.enable_page_log()
    scheduling = Scheduling(
        settings.at_once, settings.waiting, MAX_PER_READER, float(settings.seconds), client=reader_id, on_done=_log
    )
    return open_backend(settings.backend, settings, _report, client=reader_id, scheduling=scheduling)


def is_reachable() -> bool:
    """Return whether the backend answers now; one in this process always does."""
    ask = backend().capabilities.is_reachable
    return ask is None or ask()


def reader_id() -> str:
    """Return a name for the current reader: a hash of the session's id, from which the session cannot be computed."""
    context = get_script_run_ctx(suppress_warning=True)
    return hashlib.sha256(context.session_id.encode()).hexdigest()[:16] if context is not None else ""


def _report(event: ProgressEvent) -> None:
    """Pass an event to the listener of the reader who waits."""
    if event.kind == "waiting":
        st.session_state.get("attnviz_waiting")  # here Streamlit stops the script of a reader who has moved on
    _listener.get()(event)


def _log(context: RequestContext) -> None:
    """Write a log line of a request: where its time went and how it ended. The backend's line of it has the same id."""
    seconds = {name: round(getattr(context, name), 4) for name in ("queue_seconds", "remote_seconds", "compute_seconds")}
    logs.log_page_event("page_request", id=context.id, model=context.model, **seconds, error=context.error)


@contextmanager
def listening(listener: OnProgress) -> Iterator[None]:
    """Inside, `listener` gets the events of slow work that this reader waits for."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
