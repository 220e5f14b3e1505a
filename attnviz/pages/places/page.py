"""The page Beyond text: two texts, other media, other mechanisms, and four myths with live numbers."""

from __future__ import annotations

from attnviz.pages.places import view
from attnviz.ui import state, widgets


def show() -> None:
    """Draw the page for the current reader."""
    trace = widgets.trace_or_message(state.current())
    if trace is not None:
        view.show(trace)
