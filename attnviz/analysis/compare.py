"""Difference, sum and mean of patterns, with the words of their texts aligned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np
from jaxtyping import Float

from attnviz.errors import ShapeError
from attnviz.text import units
from attnviz.types import HiddenPart, Pattern, Token, Unit, frozen_copy, joined

ORDINALS = ("second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")


@dataclass(frozen=True, eq=False)
class Difference:
    """First pattern minus second, -1 to 1: `weights` is above 0 where the first gives more.

    Row i sums to `-hidden[i]` if no word is left out. `queries` and `keys` are labels, `tired/wide` where the texts differ
    (at the indices in `changed_queries` and `changed_keys`); `query_pairs` and `key_pairs` are the rows and columns of the
    first and of the second pattern for each label; `query_units` and `key_units` belong to the first. `note` names the words
    that have no counterpart and are left out, and repeats the notes of both patterns.
    """

    queries: tuple[str, ...]
    keys: tuple[str, ...]
    weights: Float[np.ndarray, "query key"]
    hidden: Float[np.ndarray, " query"]
    note: str = ""
    query_units: tuple[Unit, ...] = ()
    key_units: tuple[Unit, ...] = ()
    causal: bool = False
    query_pairs: tuple[tuple[int, int], ...] = ()
    key_pairs: tuple[tuple[int, int], ...] = ()
    changed_queries: tuple[int, ...] = ()
    changed_keys: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        want = (len(self.queries), len(self.keys))
        if self.weights.shape != want:
            raise ShapeError(f"{want[0]} queries and {want[1]} keys need weights {want}, got {self.weights.shape}.")
        object.__setattr__(self, "weights", frozen_copy(self.weights))
        object.__setattr__(self, "hidden", frozen_copy(self.hidden))


def aligned(first: Sequence[str], second: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Return the pairs of corresponding words of two texts, in order.

    Equal words pair up (longest common runs first, difflib); so do words of replaced runs of equal length, as in
    tired/wide. A run that was inserted, deleted, or replaced by one of another length has no counterpart: any pairing of its
    words would be a guess, and its differences would look like findings.
    """
    pairs: list[tuple[int, int]] = []
    for tag, a, a_end, b, b_end in SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        if tag == "equal" or (tag == "replace" and a_end - a == b_end - b):
            pairs += zip(range(a, a_end), range(b, b_end), strict=True)
    return tuple(pairs)


def _pairs(first: Pattern, second: Pattern) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]:
    """Return the corresponding rows and columns of two patterns; a special token never corresponds to a word."""
    rows = _comparable(aligned(first.queries, second.queries), first.query_units, second.query_units)
    return rows, _comparable(aligned(first.keys, second.keys), first.key_units, second.key_units)


def _comparable(
    pairs: tuple[tuple[int, int], ...], first: Sequence[Unit], second: Sequence[Unit]
) -> tuple[tuple[int, int], ...]:
    """Return the pairs of two words or of two special tokens; all of them if units are unknown."""
    return tuple((a, b) for a, b in pairs if not first or not second or first[a].special == second[b].special)


def difference(first: Pattern, second: Pattern) -> Difference:
    """Return what the first pattern gives more (above 0) or less (below 0) than the second, for each pair of aligned words.

    Works for one text under two heads, for a minimal pair, and for two models that split a text differently. Words
    without a counterpart are left out, and the note names them.
    """
    rows, columns = _pairs(first, second)
    left = first.weights[np.ix_([a for a, _ in rows], [a for a, _ in columns])]
    right = second.weights[np.ix_([b for _, b in rows], [b for _, b in columns])]
    return Difference(
        queries=_labels(first.queries, second.queries, rows),
        keys=_labels(first.keys, second.keys, columns),
        weights=left - right,
        hidden=first.hidden[[a for a, _ in rows]] - second.hidden[[b for _, b in rows]],
        note=" ".join(part for part in (_left_out(first, second, rows, columns), _notes(first.note, second.note)) if part),
        query_units=tuple(first.query_units[a] for a, _ in rows) if first.query_units else (),
        key_units=tuple(first.key_units[a] for a, _ in columns) if first.key_units else (),
        causal=first.causal and second.causal,
        query_pairs=rows,
        key_pairs=columns,
        changed_queries=tuple(at for at, (a, b) in enumerate(rows) if first.queries[a] != second.queries[b]),
        changed_keys=tuple(at for at, (a, b) in enumerate(columns) if first.keys[a] != second.keys[b]),
    )


def combined(kind: str, patterns: Sequence[Pattern]) -> Pattern:
    """Return the `sum` or `mean` of several patterns, for the words that all of them have; a sum's rows sum to their number.

    Words without a counterpart in one of the others are left out, and the note names them.
    """
    first, *others = patterns
    found = [_pairs(first, other) for other in others]
    rows = _common(len(first.queries), [pairs for pairs, _ in found])
    columns = _common(len(first.keys), [pairs for _, pairs in found])
    cuts = [
        (p.weights[np.ix_([row[i] for row in rows], [column[i] for column in columns])], p.hidden[[row[i] for row in rows]])
        for i, p in enumerate(patterns)
    ]
    over = 1 if kind == "sum" else len(patterns)
    notes = [
        _left_out(first, o, [(r[0], r[i]) for r in rows], [(c[0], c[i]) for c in columns], ORDINALS[i - 1])
        for i, o in enumerate(others, start=1)
    ]
    return Pattern(
        queries=tuple(_label([p.queries[at] for p, at in zip(patterns, row, strict=True)]) for row in rows),
        keys=tuple(_label([p.keys[at] for p, at in zip(patterns, column, strict=True)]) for column in columns),
        weights=np.stack([weights for weights, _ in cuts]).sum(0) / np.float32(over),
        hidden=np.stack([hidden for _, hidden in cuts]).sum(0) / np.float32(over),
        note=" ".join(dict.fromkeys(note for note in (*notes, *(p.note for p in patterns)) if note)),
        query_units=tuple(first.query_units[row[0]] for row in rows) if first.query_units else (),
        key_units=tuple(first.key_units[column[0]] for column in columns) if first.key_units else (),
        causal=all(p.causal for p in patterns),
        hidden_parts=frozenset[HiddenPart]().union(*(p.hidden_parts for p in patterns)),
    )


def _common(count: int, pairings: Sequence[Sequence[tuple[int, int]]]) -> list[tuple[int, ...]]:
    """Return the places in all texts of each word of the first that has a counterpart in every other."""
    maps = [dict(pairs) for pairs in pairings]
    return [(at, *(found[at] for found in maps)) for at in range(count) if all(at in found for found in maps)]


def counterpart(token: int, first: Sequence[Token], second: Sequence[Token]) -> int | None:
    """Return the token of the second text that corresponds to `token` of the first; None if its word has no counterpart.

    Words are aligned, whatever is shown; within a word, pieces are counted, and a word with fewer pieces returns its last one.
    """
    here, there = units(first, words=True), units(second, words=True)
    pairs = dict(_comparable(aligned([unit.text for unit in here], [unit.text for unit in there]), here, there))
    at = next(place for place, unit in enumerate(here) if token in unit.tokens)
    if at not in pairs:
        return None
    pieces = there[pairs[at]].tokens
    return pieces[min(here[at].tokens.index(token), len(pieces) - 1)]


def _labels(first: Sequence[str], second: Sequence[str], pairs: Sequence[tuple[int, int]]) -> tuple[str, ...]:
    """Return one label for each pair, with both words if they differ."""
    return tuple(_label((first[a], second[b])) for a, b in pairs)


def _label(words: Sequence[str]) -> str:
    """Return the word, or all different ones, `tired/wide`."""
    return "/".join(dict.fromkeys(words))


def _left_out(
    first: Pattern,
    second: Pattern,
    rows: Sequence[tuple[int, int]],
    columns: Sequence[tuple[int, int]],
    other: str = ORDINALS[0],
) -> str:
    """Return the sentence on words that only one of the patterns has."""
    sentences = []
    for pattern, side, name in ((first, 0, "first"), (second, 1, other)):
        paired = {pair[side] for pair in rows}, {pair[side] for pair in columns}
        alone = [label for at, label in enumerate(pattern.keys) if at not in paired[1]]
        alone += [label for at, label in enumerate(pattern.queries) if at not in paired[0] and label not in alone]
        if alone:
            shown = [f"“{label}”" for label in alone[:5]] + ([f"{len(alone) - 5} more"] if len(alone) > 5 else [])
            sentences.append(f"Only the {name} has {joined(shown)}, left out here.")
    return " ".join(sentences)


def _notes(first: str, second: str) -> str:
    """Return both notes, or the one that they share."""
    if first == second:
        return first
    return " ".join(f"{name}: {note}" for name, note in (("First", first), ("Second", second)) if note)
