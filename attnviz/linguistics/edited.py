"""A parse and a reader's own arcs in, the parse with those arcs out: one head a word, and never a ring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from attnviz.errors import BadInputError
from attnviz.linguistics.annotated import Parsed, Span
from attnviz.types import Link

Edits = Mapping[Span, Link | None]  # a word to its new link, or to None where its link was taken away


def edited(parsed: Parsed, edits: Edits) -> Parsed:
    """The parse with some words' links exchanged, added or taken away; links stand in the order of their words.

    Raises BadInputError for a word that is not there, for one that would be its own head, and for heads that run in a ring.
    """
    for word, link in edits.items():
        places = (word,) if link is None else (word, link.source, link.target)
        if any(place not in parsed.words for place in places):
            raise BadInputError("An arc runs between two words of the sentence. Choose both from the lists.")
        if link is not None and (link.source != word or link.target == word):
            raise BadInputError(f"“{_word(parsed, word)}” cannot be its own head. Choose another word as its head.")
    links = {link.source: link for link in parsed.links} | dict(edits)
    kept = [link for word in parsed.words if (link := links.get(word)) is not None]
    _checked(parsed, {link.source: link.target for link in kept})
    return replace(parsed, links=tuple(kept))


def _checked(parsed: Parsed, heads: Mapping[Span, Span]) -> None:
    """Raises BadInputError where a word is, over some others, its own head."""
    for word in heads:
        above = heads[word]
        for _ in heads:
            if above == word:
                raise BadInputError(
                    f"“{_word(parsed, word)}” would hang on itself, over “{_word(parsed, heads[word])}”. "
                    "Give one of the words another head, or delete its arc first."
                )
            if above not in heads:
                break
            above = heads[above]


def _word(parsed: Parsed, place: Span) -> str:
    """A word as the reader typed it."""
    return parsed.text[place[0] : place[1]]
