"""Compare: any heads side by side, of any layers, models and sentences, with their difference, sum or mean."""

from __future__ import annotations

from attnviz.pages.compare import presets, view
from attnviz.ui import state


def show() -> None:
    """Draw the page for the current reader."""
    presets.sets()
    found = view.gathered(state.current())
    view.panels_(found)
    view.table(found)
    view.downloads(found)
