"""The cost page: time and memory against text length, measured live, then tile by tile, then computed for a long text."""

from __future__ import annotations

from attnviz.pages.cost import view
from attnviz.ui import state, widgets


def show() -> None:
    """Draw the page for the current reader."""
    trace = widgets.trace_or_message(state.current())
    if trace is not None:
        view.show(trace)
