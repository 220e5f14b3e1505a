"""Attention: every head of the model on the reader's text, one of them large, and what it does in numbers and words."""

from __future__ import annotations

from attnviz.pages.attention import head
from attnviz.pages.attention.board import canvas
from attnviz.ui import state, widgets


def show() -> None:
    """Draw the page for the current reader."""
    trace = widgets.attended(state.current())
    if trace is not None:
        widgets.aside(trace.note)
        canvas(trace)
        head.fields(trace)
        head.heatmaps(trace)
        head.more(trace)
