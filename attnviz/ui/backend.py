"""The one backend that all readers of this server share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import streamlit as st

from attnviz.backends import open_backend
from attnviz.backends.cached import CachedBackend
from attnviz.settings import Settings


def _silent(line: str) -> None:
    """Nobody listens."""


_listener: ContextVar[Callable[[str], None]] = ContextVar("listener", default=_silent)


@st.cache_resource(show_spinner=False)
def backend() -> CachedBackend:
    """Opened once a server. Only this object is cached by Streamlit: results are cached inside it, bounded in bytes."""
    settings = Settings.from_env()
    return open_backend(settings.backend, settings, lambda line: _listener.get()(line))


@contextmanager
def heard(listener: Callable[[str], None]) -> Iterator[None]:
    """What the backend says of slow things while this reader waits for it goes to `listener`."""
    before = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(before)
