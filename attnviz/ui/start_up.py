"""What a server does once: it loads the engine, the first model and the drawing library, before a reader has to wait for them.

It begins in a thread when the server starts, and also serves `streamlit run app.py`, where no visit precedes the first reader.
"""

from __future__ import annotations

import importlib
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from streamlit.runtime.pages_manager import PagesManager

ENGINE = "attnviz.engine.capture"  # brings torch and transformers
_LOADED = threading.Event()  # the same for all readers: set once the engine is imported whole
_LOCK = threading.Lock()  # a library that is half imported by another thread cannot be used
_LOG = logging.getLogger(__name__)


def is_loaded() -> bool:
    """Return whether the engine is imported."""
    return _LOADED.is_set()


def load_engine() -> None:
    """Import the engine, or wait while another thread imports it."""
    with _LOCK:
        if not is_loaded():
            importlib.import_module(ENGINE)
            _LOADED.set()


@asynccontextmanager
async def lifespan(_: Any) -> AsyncIterator[None]:
    """Begin to warm the server; for `st.App`.

    Until a page has run, Streamlit takes a folder `pages/` for its older kind of app, in which our addresses are not found.
    """
    PagesManager.uses_pages_directory = False
    threading.Thread(target=warm, name="warm-up", daemon=True).start()
    yield


def warm() -> None:
    """Load the engine, read the first sentence with the first model, and draw it to files; a failure is left to readers."""
    load_engine()
    from attnviz.analysis import view
    from attnviz.errors import AttnvizError
    from attnviz.figures import vector
    from attnviz.figures.provenance import provenance
    from attnviz.models import catalog
    from attnviz.selection import Selection
    from attnviz.ui.backend import backend

    first = Selection()
    try:
        trace = backend().attend(first.request)
        pattern = view.pattern(trace, first.head, first.options)
        source = provenance(catalog.card(first.request.model), trace, first.head, first.options, first.focus)
        for draw in (vector.svg, vector.pdf):  # imports matplotlib and reads its fonts
            draw(pattern, source)
    except AttnvizError as error:
        _LOG.info("not warmed: %s", type(error).__name__)
