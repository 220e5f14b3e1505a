"""Coreference: what does the pronoun refer to? Every head ranked by how it divides its attention."""

from __future__ import annotations

from attnviz.pages.coreference import view
from attnviz.pages.coreference import worksheet as own_sheet
from attnviz.pages.coreference.question import HeadAnswers, opening_head, partner
from attnviz.ui import single_text, state, widgets, worksheet


def show() -> None:
    """Draw the page for the current reader."""
    state.open_on(opening_head(state.current().request.text, state.card()))
    selection = single_text.read(state.current())
    view.title()
    trace = widgets.trace_or_message(selection)
    question = view.question(selection.request, trace) if trace is not None else None
    if question and trace is not None:
        if worksheet.wanted():
            answers = HeadAnswers(question, trace)
            worksheet.show(own_sheet.sheet(answers, partner(answers), single_text.chosen()))
            return
        view.show(question, trace)
        worksheet.offer()
