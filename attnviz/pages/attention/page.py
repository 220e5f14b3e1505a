"""Attention: every head of the model on the reader's text, one of them large, and what it does in numbers and words."""

from __future__ import annotations

from attnviz.pages.attention import head
from attnviz.pages.attention import worksheet as own_sheet
from attnviz.pages.attention.board import canvas
from attnviz.pages.attention.head_view import HeadView
from attnviz.pages.attention.more import more
from attnviz.ui import pinned_heads, state, widgets, worksheet


def show() -> None:
    """Draw the page for the current reader."""
    trace = widgets.trace_or_message(state.current())
    if trace is not None:
        if worksheet.wanted():
            now = state.current()
            worksheet.show(own_sheet.sheet(HeadView(trace, now.head, now.options, now.focus)))
            return
        widgets.show_note(trace.note)
        canvas(trace)
        now, beside = state.current(), pinned_heads.second_head()
        first = HeadView(trace, now.head, now.options, now.focus)
        second = HeadView(trace, beside, now.options, now.focus) if beside else None
        more(first, second)
        head.fields(trace)
        head.described(first, second)
        worksheet.offer()
