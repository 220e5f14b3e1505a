"""lesson_text."""

from __future__ import annotations

from attnviz.ui import glossary_links

VERDICT = 520  # pixels: beside the guess where there is room, under it on a phone


def linked(text: str) -> str:
    """Terms as links; what is an everyday word elsewhere is a term here."""
    return glossary_links.linked(glossary_links.linked(text), "key", "value")
