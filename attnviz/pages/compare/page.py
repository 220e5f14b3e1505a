"""Compare: any heads side by side, of any layers, models and sentences, with their difference, sum or mean."""

from __future__ import annotations

from attnviz.pages.compare import presets, view
from attnviz.pages.compare import worksheet as own_sheet
from attnviz.ui import state, worksheet


def show() -> None:
    """Draw the page for the current reader."""
    presets.sets()
    found = view.compare(state.current())
    if worksheet.wanted() and (sheet := own_sheet.sheet(found.panels, view.selected_rows(found))) is not None:
        worksheet.show(sheet)
        return
    view.draw_panels(found)
    view.table(found)
    view.downloads(found)
    view.figure_fold(found)
    worksheet.offer()
