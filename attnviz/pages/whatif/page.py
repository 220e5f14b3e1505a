"""The page What if: one change in the forward pass, and the same text before and after."""

from __future__ import annotations

from attnviz.pages.whatif import view
from attnviz.ui import state, widgets


def show() -> None:
    """Draw the page for the current reader."""
    trace = widgets.trace_or_message(state.current())
    if trace is not None:
        view.show(trace)
