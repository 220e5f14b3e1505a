"""Coreference: what does the pronoun refer to? Every head ranked by how it divides its attention."""

from __future__ import annotations

from attnviz.pages.coreference import view
from attnviz.pages.coreference.question import opening_head
from attnviz.ui import single_text, state, widgets


def show() -> None:
    """Draw the page for the current reader."""
    state.open_on(opening_head(state.current().request.text, state.card()))
    selection = single_text.read(state.current())
    view.title()
    trace = widgets.trace_or_message(selection)
    question = view.question(selection.request, trace) if trace is not None else None
    if question and trace is not None:
        view.show(question, trace)
