"""Glossary: every term under an anchor of its own, with its formula and sources, and short answers to what learners ask."""

from __future__ import annotations

from attnviz.pages.glossary import view


def show() -> None:
    """Draw the page for the current reader."""
    view.page()
