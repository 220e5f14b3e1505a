"""A text's units in; where a head can look on it, out: the word before, itself, the first token, each with its cells.

All heads of a model stand on the same ground, so it is made once for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from attnviz.analysis.shares import after, before, choosing, share, twins, units_of, visible, words_among
from attnviz.types import Pattern, Unit

REPEATS = 2  # one word that happens to find its twin says nothing about a head


@dataclass(frozen=True, eq=False)
class Kind:
    """One kind of place to look at: its cells in the `rows` words that have one.

    `even` is what it would get from a head without preferences.
    """

    name: str
    label: str
    cells: Bool[np.ndarray, "query key"]
    rows: int
    even: float


@dataclass(frozen=True, eq=False)
class Ground:
    """What all heads share that read one text by the same units: its kinds of places, and the rows of "looks at"."""

    queries: tuple[Unit, ...]
    keys: tuple[Unit, ...]
    causal: bool
    word: str
    seen: Bool[np.ndarray, "query key"]
    rows: Bool[np.ndarray, " query"]
    choosing: Bool[np.ndarray, " query"]
    kinds: tuple[Kind, ...]
    columns: tuple[tuple[str, Bool[np.ndarray, "query key"]], ...]

    @classmethod
    def of(cls, pattern: Pattern, words: bool = True) -> Ground:
        """The ground that a pattern stands on, whatever its weights; `words` says what its units are called."""
        queries, keys = units_of(pattern)
        word, seen, chosen = "word" if words else "token", visible(pattern), choosing(pattern)
        kinds = tuple(_kinds(queries, keys, pattern.causal, word, seen, chosen)) if chosen.any() else ()
        columns = tuple(_columns(queries, keys, pattern.causal, word).items())
        return cls(queries, keys, pattern.causal, word, seen, words_among(queries), chosen, kinds, columns)

    def holds(self, pattern: Pattern) -> bool:
        """Whether another pattern stands on it too."""
        return (*units_of(pattern), pattern.causal) == (self.queries, self.keys, self.causal)


def _kinds(
    queries: tuple[Unit, ...], keys: tuple[Unit, ...], causal: bool, word: str, seen: np.ndarray, rows: np.ndarray
) -> Iterator[Kind]:
    """Every kind of place that this text offers, each with the words that have one."""
    flat, own = seen / seen.sum(-1, keepdims=True), queries == keys

    def kind(name: str, label: str, cells: np.ndarray, among: np.ndarray) -> Iterator[Kind]:
        if among.any():
            yield Kind(name, label, cells & among[:, None], int(among.sum()), float(share(flat, cells, among)))

    if own:
        left, right = before(keys), after(keys)
        yield from kind("previous", f"the {word} before", left, rows & left.any(-1))
        if not causal:
            yield from kind("next", f"the {word} after", right, rows & right.any(-1))
        yield from kind("itself", f"the {word} itself", np.eye(len(keys), dtype=bool), rows)
    same = twins(queries, keys) & seen
    if (among := rows & same.any(-1)).sum() >= REPEATS:
        yield from kind("same", f"the same {word} {'elsewhere' if own else 'in the other text'}", same, among)
    column = np.zeros(seen.shape, bool)
    column[:, 0] = True
    others = rows & (np.arange(len(rows)) > 0) if own else rows
    first = f"{keys[0].text}, the first token" if keys[0].special else f"“{keys[0].text}”, the first {word}"
    yield from kind("first", first, column, others)
    # A mask is special too, but stands for a word; what the model adds itself takes no characters of the text.
    for name in dict.fromkeys(key.text for key in keys[1:] if key.special and key.start == key.end):
        yield from kind("separator", name, _under(queries, keys, name) & ~column, rows)


def _columns(queries: tuple[Unit, ...], keys: tuple[Unit, ...], causal: bool, word: str) -> dict[str, np.ndarray]:
    """The cells of each line of "On average, this head looks at", in reading order; every cell stands in one of them."""
    own, (first, last) = queries == keys, _named(keys)
    cells = {name: _under(queries, keys, name) for name in first}
    if own:
        cells |= {f"the {word} before": before(keys), "itself": np.diag(words_among(queries))}
        if not causal:
            cells[f"the {word} after"] = after(keys)
    ends = {name: _under(queries, keys, name) for name in last}
    rest = ~np.any([np.zeros((len(queries), len(keys)), bool), *cells.values(), *ends.values()], axis=0)
    return cells | {f"other {word}s" if own else f"{word}s of the other text": rest} | ends


def _under(queries: Sequence[Unit], keys: Sequence[Unit], name: str) -> np.ndarray:
    """The cells under every special token of this name."""
    marked = np.array([key.special and key.text == name for key in keys], bool)
    return np.broadcast_to(marked, (len(queries), len(keys)))


def _named(keys: Sequence[Unit]) -> tuple[list[str], list[str]]:
    """Names of the special tokens: those that stand before the first word, and the others."""
    start = next((at for at, key in enumerate(keys) if not key.special), len(keys))
    first = list(dict.fromkeys(key.text for key in keys[:start]))
    return first, list(dict.fromkeys(key.text for key in keys[start:] if key.special and key.text not in first))
