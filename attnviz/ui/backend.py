"""The one backend that all readers of this server share."""

from __future__ import annotations

import streamlit as st

from attnviz.backends import open_backend
from attnviz.backends.cached import CachedBackend
from attnviz.settings import Settings


@st.cache_resource(show_spinner=False)
def backend() -> CachedBackend:
    """Opened once a server. Only this object is cached by Streamlit: results are cached inside it, bounded in bytes."""
    settings = Settings.from_env()
    return open_backend(settings.backend, settings)
