"""Notes on the quality of the English parser's links."""

from __future__ import annotations

from attnviz.linguistics import parse

RELIABILITY = "Its makers report that nine in ten of its arcs are right on English text like newspapers"
FOREIGN = "Most letters of this text are not Latin, and the parser knows only English: its arcs mean nothing here."


def foreign(text: str) -> str:
    """Return a warning if the letters of the text show that it is not English; else ""."""
    return "" if parse.latin(text) else FOREIGN


def drawn(text: str) -> str:
    """Return one line about links that the parser drew on another page."""
    return foreign(text) or f"An English parser drew these links; they are unchecked. {RELIABILITY}."
