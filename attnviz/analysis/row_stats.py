"""Statistics of attention rows: entropy, shares as text, and which cells hold a neighbour or a repeated word."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from attnviz.rounding import fixed
from attnviz.types import Pattern, Unit, unknown_mark

NARROW = "\u202f"  # a number stays on the line of its percent sign


def percent(share: float) -> str:
    """Return a share for a sentence, `64 %` with a narrow no-break space; `under 1 %` if it rounds to 0 but is not 0."""
    return f"under 1{NARROW}%" if 0.0 < share < 0.005 else f"{fixed(100.0 * float(share))}{NARROW}%"


def entropy(weights: Float[np.ndarray, "*lead query key"]) -> Float[np.ndarray, "*lead query"]:
    """Return the Shannon entropy of each row, in bits: 0 if one key gets all, log2(keys) if every key gets the same.

    H = -sum_k a_k log2 a_k; Clark et al. 2019, section 3.3 (arXiv:1906.04341), who use nats. 0 log 0 counts as 0.
    """
    return np.abs((weights * np.log2(np.where(weights > 0.0, weights, 1.0))).sum(-1))  # abs: every term is <= 0


def before(parts: Sequence[Unit]) -> Bool[np.ndarray, "query key"]:
    """Return which key is the word just before each query: never a special token, never one of another sentence.

    Two words with a hidden token between them do not touch, so neither is before the other: hiding a token must not change
    the name of a head.
    """
    cells = np.zeros((len(parts), len(parts)), bool)
    for query in range(1, len(parts)):
        here, left = parts[query], parts[query - 1]
        cells[query, query - 1] = not left.special and left.segment == here.segment and left.tokens[-1] + 1 == here.tokens[0]
    return cells


def after(parts: Sequence[Unit]) -> Bool[np.ndarray, "query key"]:
    """Return which key is the word just after each query: never a special token, never one of another sentence."""
    return before(parts).T & words_among(parts)[None, :]


def repeats(queries: Sequence[Unit], keys: Sequence[Unit]) -> Bool[np.ndarray, "query key"]:
    """Return which keys are the same word elsewhere, in upper or lower case; a word is not a repeat of itself."""
    numbers: dict[str, int] = {}
    left, right = (
        np.array([numbers.setdefault(unit.text.casefold(), len(numbers)) for unit in side], int) for side in (queries, keys)
    )
    same = (left[:, None] == right[None, :]) & words_among(queries)[:, None] & words_among(keys)[None, :]
    return same & ~np.eye(len(keys), dtype=bool) if queries == keys else same


def units_of(pattern: Pattern) -> tuple[tuple[Unit, ...], tuple[Unit, ...]]:
    """Return the pattern's units, or plain ones made from its labels if it has none (a pattern built by hand)."""

    def plain(labels: tuple[str, ...]) -> tuple[Unit, ...]:
        return tuple(Unit(label, at, at + 1, (at,)) for at, label in enumerate(labels))

    return pattern.query_units or plain(pattern.queries), pattern.key_units or plain(pattern.keys)


def words_among(parts: Sequence[Unit]) -> Bool[np.ndarray, " unit"]:
    """Return which units are words: averages are over what the reader wrote, not over what the model added."""
    return np.array([not unit.special for unit in parts], bool)


def visible(queries: int, keys: int, causal: bool) -> Bool[np.ndarray, "query key"]:
    """Return which keys each query can see at all."""
    return np.tri(queries, keys, dtype=bool) if causal else np.ones((queries, keys), bool)


def choosing(pattern: Pattern) -> Bool[np.ndarray, " query"]:
    """Return the words that see more than one key: a row with one key gives it everything, which is not a habit."""
    return words_among(units_of(pattern)[0]) & (visible(len(pattern.queries), len(pattern.keys), pattern.causal).sum(-1) > 1)


def first_choices(weights: Float[np.ndarray, "*lead query key"]) -> Bool[np.ndarray, "*lead query key"]:
    """Return the cell of each row with the most weight; a row has none if two keys tie or nothing is shown."""
    cells = (weights == weights.max(-1, keepdims=True, initial=0.0)) & (weights > 0.0)
    return cells & (cells.sum(-1, keepdims=True) == 1)


def spelled(parts: Sequence[Unit]) -> str:
    """Return neighbouring units as text, with a space where the text has one."""
    return "".join((" " if at and unit.start > parts[at - 1].end else "") + unit.text for at, unit in enumerate(parts))


def quoted(parts: Sequence[Unit], at: int) -> str:
    """Return a word in quotation marks, numbered where the text has it more than once; a special token by its bare name.

    A word that the model cannot read has its mark after it: `“😀” [UNK]`.
    """
    unit = parts[at]
    same = [i for i, other in enumerate(parts) if other.text == unit.text and other.special == unit.special]
    number = f" (no. {same.index(at) + 1})" if len(same) > 1 else ""
    mark = f" {found}" if (found := unknown_mark(unit)) else ""
    return f"{unit.text}{number}" if unit.special else f"“{unit.text}”{number}{mark}"
