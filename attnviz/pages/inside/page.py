"""Inside attention: one head on one token, step by step, from the word to the head's output, with the model's own numbers."""

from __future__ import annotations

from attnviz.pages.inside import view
from attnviz.pages.inside import worksheet as own_sheet
from attnviz.ui import state, token_picker, widgets, worksheet


def show() -> None:
    """Draw the page for the current reader."""
    trace = widgets.trace_or_message(state.current())
    one = view.head_steps(trace) if trace is not None else None
    if one is not None:
        if worksheet.wanted():
            request = state.current().request
            at = token_picker.head_fields(one.tokens, one.heads, "inside")
            worksheet.show(own_sheet.sheet(one, at, request.text, request.model))
            return
        view.show(one)
        worksheet.offer()
