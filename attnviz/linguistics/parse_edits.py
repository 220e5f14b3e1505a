"""Apply a reader's own arcs to a parse: one head for each word, no cycle; and write and read the arcs of a URL."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace

from attnviz.errors import BadInputError
from attnviz.linguistics.corpora.types import ParsedSentence, Span
from attnviz.types import Link, quoted

Edits = Mapping[Span, Link | None]  # a word to its new link, or to None where its link was removed
MAX_ARCS = 64  # arcs in a link
_ARC = re.compile(r"(\d{1,7})-(\d{1,7})(?::(\d{1,7})-(\d{1,7}):([A-Za-z]{1,20}))?", re.ASCII)


def apply_edits(parsed: ParsedSentence, edits: Edits) -> ParsedSentence:
    """Return the parse with some words' links replaced, added or removed; links are in the order of their words.

    Raises BadInputError for a word that is not there, for one that would be its own head, and for a cycle of heads.
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


def edits_to_url(edits: Edits) -> str:
    """Return edits as a URL has them, `9-13:4-8:nsubj` (a word, its head, the relation), and `9-13` for a removed arc."""
    return ",".join(
        "{}-{}".format(*word) + ("" if link is None else ":{}-{}:{}".format(*link.target, link.kind))
        for word, link in edits.items()
    )


def edits_from_url(raw: str, parsed: ParsedSentence, kinds: Collection[str]) -> dict[Span, Link | None]:
    """Read what `edits_to_url` wrote. Raises BadInputError if it does not fit the sentence or the links are not a tree."""
    found: dict[Span, Link | None] = {}
    for part in raw.split(",")[:MAX_ARCS]:
        match = _ARC.fullmatch(part)
        if match is None or (match[5] is not None and match[5] not in kinds):
            raise BadInputError(f"An arc is written 9-13:4-8:nsubj, or 9-13 where it is taken away; got {quoted(part)}.")
        word = int(match[1]), int(match[2])
        found[word] = None if match[5] is None else Link(word, (int(match[3]), int(match[4])), match[5])
    apply_edits(parsed, found)
    return found


def _checked(parsed: ParsedSentence, heads: Mapping[Span, Span]) -> None:
    """Raise BadInputError if a word is, through other words, its own head."""
    for word in heads:
        above = heads[word]
        for _ in heads:
            if above == word:
                raise BadInputError(
                    f"“{_word(parsed, word)}” would depend on itself, through “{_word(parsed, heads[word])}”. "
                    "Give one of the words another head, or delete its arc first."
                )
            if above not in heads:
                break
            above = heads[above]


def _word(parsed: ParsedSentence, place: Span) -> str:
    """Return a word as the reader typed it."""
    return parsed.text[place[0] : place[1]]
