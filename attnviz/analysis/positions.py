"""Where a head can look on one text: the first token, the word before, itself, … Each cell of its weights is in one line.

The classes depend on the text alone, so they are computed once for all heads of a model. This file also decides which rows
count for role, profile, entropy, scores and sinks. board/js/draw/headProfile.js has the same rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from attnviz.analysis.row_stats import after, before, quoted, repeats, units_of, visible, words_among
from attnviz.types import Pattern, Unit

REST = ""  # the kind of a line that gives no head its name
MIN_REPEATS = 2  # one word that looks at its repetition says nothing about a head


@dataclass(frozen=True)
class PositionClass:
    """One line of "On average, this head looks at".

    `kind` is first, separator, previous, itself, next, or REST; `label` is its name in the profile, `place` in a sentence.
    `uniform` is the share that a head without preferences would give it, averaged over the rows that count.
    """

    kind: str
    label: str
    place: str
    uniform: float


@dataclass(frozen=True, eq=False)
class PositionClasses:
    """Classes of query-key cells that all heads share on one text with the same units.

    `rows` are those that count: words that see more than one place, since a row with one place shows no choice. Of these
    rows alone, `visible` says what each can see, and `at` in which of `lines` each cell is, or `len(lines)` where it is the
    same word elsewhere: these cells are in the line `rest` too. The first token is no repeat of a word: heads rest there
    whatever it says. `repeat` is the line for those cells, None if fewer than MIN_REPEATS rows have one; `repeat_rows`
    are the rows that do.
    """

    queries: tuple[Unit, ...]
    keys: tuple[Unit, ...]
    causal: bool
    word: str
    rows: Bool[np.ndarray, " query"]
    visible: Bool[np.ndarray, "row key"]
    lines: tuple[PositionClass, ...]
    rest: int
    at: Int[np.ndarray, "row key"]
    repeat: PositionClass | None
    repeat_rows: Bool[np.ndarray, " row"]

    @classmethod
    def of(cls, pattern: Pattern, words: bool = True) -> PositionClasses:
        """Return the classes of a pattern, which do not depend on its weights. `words` decides what units are called."""
        return cls.among(*units_of(pattern), pattern.causal, words)

    @classmethod
    def among(cls, queries: tuple[Unit, ...], keys: tuple[Unit, ...], causal: bool, words: bool = True) -> PositionClasses:
        """Return the classes of all patterns with these units; `causal` if later keys are out of sight."""
        word, sight = "word" if words else "token", visible(len(queries), len(keys), causal)
        rows = words_among(queries) & (sight.sum(-1) > 1)
        visible_keys = sight[rows]
        places = list(_classes(queries, keys, causal, word))
        rest = next(index for index, place in enumerate(places) if place.cells is None)
        at = np.full(sight.shape, rest, np.intp)
        for index, place in enumerate(places):
            if place.cells is not None:
                at[np.broadcast_to(place.cells, at.shape)] = index
        at = at[rows]
        again = repeats(queries, keys)[rows] & visible_keys & (at == rest)
        at[again] = len(places)
        flat = visible_keys / np.maximum(visible_keys.sum(-1, keepdims=True), 1)
        uniform = np.bincount(at.ravel(), flat.ravel(), len(places) + 1) / max(len(at), 1)
        same = f"the same {word} {'elsewhere' if queries == keys else 'in the other text'}"
        repeat = PositionClass("same", same, same, float(uniform[-1]))
        uniform[rest] += uniform[-1]
        lines = tuple(
            PositionClass(place.kind, place.label, place.name, float(part))
            for place, part in zip(places, uniform, strict=False)
        )
        repeat_rows = again.any(-1)
        shared = repeat if repeat_rows.sum() >= MIN_REPEATS else None
        return cls(queries, keys, causal, word, rows, visible_keys, lines, rest, at, shared, repeat_rows)

    def covers(self, pattern: Pattern) -> bool:
        """Return whether another pattern has the same units and mask, and so the same classes."""
        return (*units_of(pattern), pattern.causal) == (self.queries, self.keys, self.causal)


def resting(keys: Sequence[Unit], key: int) -> bool:
    """Return whether attention to this key may be called a sink: the first token of all, or one that the model adds itself.

    Sinks were found at the first token whatever it says (Xiao et al. 2023, arXiv:2309.17453; Gu et al. 2025,
    arXiv:2410.10781) and at special tokens (Clark et al. 2019, section 3.2, arXiv:1906.04341). Of any other word it is not
    known, from one text, whether heads rest there or mean it.
    """
    return _added(keys[key]) or 0 in keys[key].tokens


class _ClassCells(NamedTuple):
    """A line without its share of uniform attention yet; `cells` is None for everything that is in no other line."""

    kind: str
    label: str
    name: str
    cells: np.ndarray | None


def _classes(queries: Sequence[Unit], keys: Sequence[Unit], causal: bool, word: str) -> Iterator[_ClassCells]:
    """Yield the lines in reading order; no cell is in two of them.

    Special tokens have lines with their names. A first token that is a word has its own line; it does not count as the word
    before another word or, for itself, as the word itself. A causal model has no word after; cross-attention has no
    neighbours and no itself.
    """
    own = queries == keys
    opening, closing = _named(keys)
    first = np.zeros(len(keys), bool)
    first[:1] = bool(keys) and not keys[0].special and 0 in keys[0].tokens
    yield from (_special(keys, name) for name in opening)
    if first.any():
        yield _ClassCells("first", f"the first {word}", f"the first {word}, {quoted(keys, 0)}", first)
    if own:
        yield _ClassCells("previous", f"the {word} before", f"the {word} before", before(keys) & ~first)
        yield _ClassCells("itself", "itself", f"the {word} itself", np.diag(words_among(queries)) & ~first)
        if not causal:
            yield _ClassCells("next", f"the {word} after", f"the {word} after", after(keys) & ~first)
    other = f"other {word}s" if own else f"{word}s of the other text"
    yield _ClassCells(REST, other, other, None)
    yield from (_special(keys, name) for name in closing)


def _special(keys: Sequence[Unit], name: str) -> _ClassCells:
    """Return the line of all special tokens with one name. A mask is special but counts as a word: it names no head."""
    marked = np.array([key.special and key.text == name for key in keys], bool)
    if not any(_added(key) for key, under in zip(keys, marked, strict=True) if under):
        return _ClassCells(REST, name, name, marked)
    alone = marked[0] and marked.sum() == 1
    return _ClassCells("first" if alone else "separator", name, f"{name}, the first token" if alone else name, marked)


def _added(key: Unit) -> bool:
    """Return whether the model added a token itself: it takes no characters of the text."""
    return key.special and key.start == key.end


def _named(keys: Sequence[Unit]) -> tuple[list[str], list[str]]:
    """Return the names of the special tokens: those before the first word, and the others."""
    start = next((at for at, key in enumerate(keys) if not key.special), len(keys))
    first = list(dict.fromkeys(key.text for key in keys[:start]))
    return first, list(dict.fromkeys(key.text for key in keys[start:] if key.special and key.text not in first))
