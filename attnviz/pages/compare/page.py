"""Compare: any heads side by side, of any layers, models and sentences, with their difference, sum or mean."""

from __future__ import annotations

from attnviz.pages.compare import presets, view
from attnviz.ui import state


def show() -> None:
    """Draw the page for the current reader."""
    presets.sets()
    found = view.compare(state.current())
    view.draw_panels(found)
    view.table(found)
    view.downloads(found)
    view.figure_fold(found)
