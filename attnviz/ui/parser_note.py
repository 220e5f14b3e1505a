"""parser_note."""

from __future__ import annotations

from attnviz.linguistics import parse

WORTH = "by its makers’ own figures, nine in ten of its arcs are right, of English text like newspapers"
FOREIGN = "Most letters of this text are not Latin, and the parser knows English alone: its arcs mean nothing here."


def foreign(text: str) -> str:
    """That a parse of this text means nothing, where its letters say so; else nothing."""
    return "" if parse.latin(text) else FOREIGN


def drawn(text: str) -> str:
    """The same of links that the parser drew on another page, in a line."""
    return foreign(text) or f"An English parser drew these, and nobody has checked it; {WORTH}."
