"""Rows behind a ranking: where the source word of each link looks in one head, strongest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from attnviz.analysis import specificity
from attnviz.analysis.view import sides, summed
from attnviz.engine.trace import Trace
from attnviz.text import tokens_of
from attnviz.types import HeadRef, Link, Unit, unknown_mark
from attnviz.view_state import ViewOptions

MAX_ENTRIES = 5  # words of a row, the target among them


@dataclass(frozen=True)
class RowEntry:
    """One place in a row: its name, its weight, and its kind: target, word, source or special."""

    text: str
    weight: float
    kind: str


@dataclass(frozen=True)
class LinkRow:
    """Where the source of one link looks: the strongest places, largest first, the target always among them.

    `rest` is the weight of all other places together (including a learned sink). `first` says that no other word gets as
    much as the target: the rule by which a head's choice counts as right (Clark et al. 2019, section 4). `others` is what the
    `n` other words give the target on average, None without any; `looking` of them look there too (see `specificity`).
    """

    source: str
    target: str
    places: tuple[RowEntry, ...]
    rest: float
    first: bool
    others: float | None = None
    n: int = 0
    looking: int = 0


def link_rows(trace: Trace, head: HeadRef, links: Sequence[Link]) -> tuple[LinkRow, ...]:
    """Return what the source of each link looks at in one head. Raises BadInputError for a span in which no token starts."""
    part = trace.block(head.block)
    if head.layer >= part.layers or head.head >= part.calls[head.layer].heads:
        part.weights(head.layer, head.head)  # raises, and says which there are
    layer = replace(part, calls=part.calls[head.layer : head.layer + 1])
    queries, keys = sides(part, ViewOptions())
    segment = min((token.segment for token in part.queries if not token.special), default=0)
    sources = [tokens_of(link.source, part.queries, segment) for link in links]
    looking = sorted({token for source in sources for token in source})
    rows = layer.rows(looking)[0][head.head]  # never all rows: for a long text they take seconds
    targets = [tokens_of(link.target, part.keys, segment) for link in links]
    compared = specificity.of_links(part, sources, targets, head)
    found = []
    for at, (source, target) in enumerate(zip(sources, targets, strict=True)):
        row = rows[[looking.index(token) for token in source]].mean(0)
        aim = RowEntry(_text_of(target, keys), float(row[list(target)].sum()), "target")
        others = [unit for unit in keys if not set(unit.tokens) & set(target)]
        sums = summed(row[None], others, -1)[0] if others else ()
        places = [RowEntry(_named(unit), float(w), _kind(unit, source)) for unit, w in zip(others, sums, strict=True)]
        most = max((place.weight for place in places if place.kind == "word"), default=0.0)
        best = sorted(places, key=lambda place: -place.weight)[: MAX_ENTRIES - 1]
        shown = tuple(sorted((aim, *best), key=lambda place: -place.weight))
        rest = max(0.0, 1.0 - sum(place.weight for place in shown))
        n, too = int(compared.n[at]), int(compared.looking[0, 0, at])
        given = float(compared.mean[0, 0, at]) if n else None
        found.append(LinkRow(_text_of(source, queries), aim.text, shown, rest, aim.weight > most, given, n, too))
    return tuple(found)


def _kind(unit: Unit, source: Sequence[int]) -> str:
    """Return what a place is to the source."""
    return "special" if unit.special else "source" if set(unit.tokens) & set(source) else "word"


def _text_of(tokens: Sequence[int], parts: Sequence[Unit]) -> str:
    """Return the words that some tokens belong to, as the reader typed them, unknown ones marked."""
    return " ".join(_named(unit) for unit in parts if set(unit.tokens) & set(tokens))


def _named(unit: Unit) -> str:
    """Return a word, with its mark if the model cannot read it."""
    mark = unknown_mark(unit)
    return f"{unit.text} {mark}" if mark else unit.text
