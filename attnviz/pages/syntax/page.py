"""The page Syntax: a sentence's grammar as arcs, gold or parsed, compared with the words that a head looks at."""

from __future__ import annotations

from attnviz.pages.syntax import downloads, editor, opening, relation_table, view
from attnviz.pages.syntax import worksheet as own_sheet
from attnviz.ui import figure_and_data, single_text, state, widgets, worksheet


def show() -> None:
    """Draw the page for the current reader."""
    state.open_on(opening.opening_head(state.card()))
    selection = single_text.read(state.current())
    view.title()
    trace = widgets.trace_or_message(selection)
    shown = view.fields(trace) if trace is not None else None
    if shown is not None and trace is not None:
        found = view.outcomes(shown, trace)
        if worksheet.wanted():
            worksheet.show(own_sheet.sheet(shown, found, trace, single_text.chosen()))
            return
        view.picture(shown, found)
        editor.editor(shown)
        relation_table.table(shown, found, trace)
        figure_and_data.fold(
            "syntax", lambda: downloads.figures(figure_and_data.source(trace, single_text.chosen()), shown, found)
        )
        worksheet.offer()
