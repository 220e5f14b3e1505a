"""Link glossary terms in the sentences of a lesson."""

from __future__ import annotations

from attnviz.ui import glossary_links

VERDICT = 520  # pixels: beside the guess if there is room, below it on a phone


def linked(text: str) -> str:
    """Return the text with its terms as links; `key` and `value` count as terms here."""
    return glossary_links.linked(text, everyday=("key", "value"))
