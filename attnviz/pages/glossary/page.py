"""The page Glossary: every term with its anchor, formula and sources, and short answers to common questions."""

from __future__ import annotations

from attnviz.lessons import glossary
from attnviz.pages.glossary import view
from attnviz.pages.glossary import worksheet as own_sheet
from attnviz.ui import worksheet


def show() -> None:
    """Draw the page for the current reader."""
    if worksheet.wanted():
        worksheet.show(own_sheet.sheet(glossary.terms()))
        return
    view.page()
    worksheet.offer()
