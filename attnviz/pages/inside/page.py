"""Inside attention: one head on one token, step by step, from the word to the head's output, with the model's own numbers."""

from __future__ import annotations

from attnviz.pages.inside import view
from attnviz.ui import state, widgets


def show() -> None:
    """Draw the page for the current reader."""
    trace = widgets.trace_or_message(state.current())
    one = view.head_steps(trace) if trace is not None else None
    if one is not None:
        view.show(one)
