"""The page Glossary: every term with its anchor, formula and sources, and short answers to common questions."""

from __future__ import annotations

from attnviz.pages.glossary import view


def show() -> None:
    """Draw the page for the current reader."""
    view.page()
