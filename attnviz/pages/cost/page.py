"""What it costs: time and memory against length, measured while one watches, tile by tile, and on paper for a long text."""

from __future__ import annotations

from attnviz.pages.cost import view
from attnviz.ui import state, widgets


def show() -> None:
    """Draw the page for the current reader."""
    trace = widgets.attended(state.current())
    if trace is not None:
        view.show(trace)
