"""Patterns of heads by words or tokens: merge pieces, hide special tokens, filter, rescale; a note says what was changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from attnviz.analysis import filters
from attnviz.analysis.row_stats import percent
from attnviz.engine.block import Block
from attnviz.engine.trace import Trace
from attnviz.errors import ShapeError
from attnviz.text import units
from attnviz.types import HeadRef, HiddenPart, Pattern, Unit, joined
from attnviz.view_state import ViewOptions

NOTHING = 1e-6  # below this, the rest of a row is float32 noise of the softmax, and rescaling it would invent a pattern
ROWS = 1e-4  # how far a row's sum may be from 1 without a learned sink (as in a Trace)
HIDDEN = "Special tokens are hidden"


def merged(
    weights: Float[np.ndarray, "*lead query key"], queries: Sequence[Unit], keys: Sequence[Unit]
) -> Float[np.ndarray, "*lead rows columns"]:
    """Return attention between units: to a word the sum over its pieces, from a word the mean over its pieces.

    Rows keep their sums, because shares of one row add up and rows of one word are averaged. Clark et al. 2019,
    section 4.1 (arXiv:1906.04341).
    """
    sums = summed(weights, queries, -2)  # keys are gathered second: their axis is then already shorter
    pieces = np.array([len(unit.tokens) for unit in queries], np.float32)
    if (pieces > 1).any():
        sums /= pieces[:, None]
    return summed(sums, keys, -1)


def summed(weights: np.ndarray, parts: Sequence[Unit], axis: int) -> np.ndarray:
    """Return sums over each unit's tokens along one of the last two axes. Raises ShapeError for a unit without tokens.

    First pieces are taken at once, further pieces added for those units that have them: most words are one piece, so
    this is five times faster than np.add.reduceat and three times faster than a matrix product.
    """
    if empty := [unit.text for unit in parts if not unit.tokens]:
        raise ShapeError(f"Every word or token shown holds at least one token; {empty[0]!r} holds none. Leave it out.")
    first = np.array([unit.tokens[0] for unit in parts], np.intp)
    sums = np.take(weights, first, axis)
    for piece in range(1, max((len(unit.tokens) for unit in parts), default=0)):
        longer = [i for i, unit in enumerate(parts) if len(unit.tokens) > piece]
        further = np.take(weights, [parts[i].tokens[piece] for i in longer], axis)
        if axis == -1:
            sums[..., longer] += further
        else:
            sums[..., longer, :] += further
    return sums


def row_means(shares: Float[np.ndarray, "*lead query"], queries: Sequence[Unit]) -> Float[np.ndarray, "*lead row"]:
    """Return a share of each query's row by units: the mean over the pieces of a word, as in `merged`."""
    return merged(shares[..., None], queries, (Unit("", 0, 0, (0,)),))[..., 0]


def sides(block: Block, options: ViewOptions) -> tuple[tuple[Unit, ...], tuple[Unit, ...]]:
    """Return all units of a block's queries and of its keys, special ones included whether they are shown or not."""
    queries = units(block.queries, words=options.words)
    return queries, queries if block.keys == block.queries else units(block.keys, words=options.words)


def visible_units(parts: Sequence[Unit], options: ViewOptions) -> tuple[Unit, ...]:
    """Return the units that have a row or column under these options."""
    return tuple(unit for unit in parts if options.special == "show" or not unit.special)


def pattern(trace: Trace, head: HeadRef, options: ViewOptions) -> Pattern:
    """One head by words or tokens; `note` says in sentences what was merged, hidden, rescaled or left out ("" if nothing was).

    Words are merged first, then special tokens hidden, then rows and columns of one text taken, then weak weights left
    out. Row i sums to `1 - hidden[i]`: hidden special tokens, a learned sink, the other text and weak weights leave
    their share there. Rescaled rows sum to 1 before `between` and `keep` take their part, and the note says how much they
    had lost. Raises UnknownHeadError for a head or block that is not there.
    """
    block = trace.block(head.block)
    weights, sink = block.weights(head.layer, head.head), block.sink(head.layer, head.head)
    parts = _UnitWeights.of(block, options)
    return _pattern(*_sums(weights, sink, parts), parts, options)


def layer_pattern(trace: Trace, head: HeadRef, options: ViewOptions, over: str) -> Pattern:
    """Return the mean of all heads of a layer, shown as one head is; or, with `over="sum"`, the same times the number of heads.

    Then row i sums to that number times `1 - hidden[i]` of the mean.
    """
    block = trace.block(head.block)
    weights = block.weights(head.layer)
    sinks = np.stack([block.sink(head.layer, one) for one in range(len(weights))])
    parts = _UnitWeights.of(block, options)
    found = _pattern(*_sums(weights.mean(0), sinks.mean(0), parts), parts, options)
    if over != "sum":
        return found
    return replace(found, weights=found.weights * len(weights), hidden=found.hidden * len(weights))


def patterns(trace: Trace, options: ViewOptions, block: str = "self") -> Iterator[tuple[Pattern, ...]]:
    """Yield the pattern of every head, one layer at a time: several times cheaper than asking head by head."""
    part = trace.block(block)
    parts = _UnitWeights.of(part, options)
    for layer, weights in enumerate(part.by_layer()):
        sinks = np.stack([part.sink(layer, head) for head in range(len(weights))])
        sums = _sums(weights, sinks, parts)
        yield tuple(_pattern(*one, parts, options) for one in zip(*sums, strict=True))


class _UnitWeights(NamedTuple):
    """What all heads of a block share: the units of the rows and of the columns, the hidden ones, and which are left where
    only one text looks at one; whether later keys are out of sight, the rows that count, and the sentence on merged words.
    """

    queries: tuple[Unit, ...]
    keys: tuple[Unit, ...]
    hidden_units: tuple[Unit, ...]
    ends: tuple[np.ndarray, np.ndarray] | None
    causal: bool
    counting: list[int]
    merging: list[str]

    @classmethod
    def of(cls, block: Block, options: ViewOptions) -> _UnitWeights:
        """Return the units that these options show of a block: the same for all of its heads."""
        both = sides(block, options)
        queries, keys = (visible_units(side, options) for side in both)
        hidden_units = tuple(unit for unit in both[1] if unit.special) if len(keys) < len(both[1]) else ()
        ends = filters.ends(queries, keys, options.between)
        queries = tuple(queries[at] for at in ends[0]) if ends else queries
        counting = _counting(queries, keys, block.causal and queries == keys)
        return cls(queries, keys, hidden_units, ends, block.causal, counting, _merging(queries + keys))


def _sums(
    weights: Float[np.ndarray, "*lead query key"], sink: Float[np.ndarray, "*lead query"], parts: _UnitWeights
) -> tuple[Float[np.ndarray, "*lead row column"], Float[np.ndarray, "*lead row"], Float[np.ndarray, "*lead row"]]:
    """Return what each row gives to the units that are shown, to hidden special tokens, and to a learned sink."""
    taken = row_means(sink, parts.queries)
    special = merged(weights, parts.queries, parts.hidden_units).sum(-1)
    return merged(weights, parts.queries, parts.keys), special, taken


def _pattern(
    rows: Float[np.ndarray, "row column"],
    special: Float[np.ndarray, " row"],
    taken: Float[np.ndarray, " row"],
    parts: _UnitWeights,
    options: ViewOptions,
) -> Pattern:
    """Return one head's sums (see `_sums`) as they are shown."""
    queries, keys, hidden_units, ends, causal, counting, merging = parts
    hidden = special + taken
    sentences = merging
    if options.special == "renormalise" and hidden.any():
        rows, empty = _rescaled(rows)
        sentences = sentences + _rescaling(special, hidden_units, taken, int(empty.sum()))
        hidden = empty.astype(np.float32)
    else:
        sentences = sentences + _hiding(special, hidden_units, taken, counting)
    if ends:
        near = rows[:, ends[1]]
        away = _less(rows, near)
        sentences = [*sentences, filters.between_sentence(options.between, percent(float(away.mean())))]
        keys, rows, hidden = tuple(keys[at] for at in ends[1]), near, hidden + away
    if options.keep and rows.size:
        strong = filters.strongest(rows, options.keep)
        weak = _less(rows, strong)
        sentences = [*sentences, filters.keep_sentence(options.keep, percent(float(weak.mean())))]
        rows, hidden = strong, hidden + weak
    labels = tuple(unit.text for unit in queries), tuple(unit.text for unit in keys)
    takers = {
        HiddenPart.SPECIAL_TOKENS: bool(hidden_units),
        HiddenPart.LEARNED_SINK: taken.any(),
        HiddenPart.OTHER_TEXT: bool(ends),
    }
    return Pattern(
        *labels, rows, hidden, " ".join(sentences), queries, keys, causal and queries == keys, options.keep,
        frozenset(part for part, present in takers.items() if present),
    )  # fmt: skip


def _less(rows: Float[np.ndarray, "query key"], visible: Float[np.ndarray, "query column"]) -> Float[np.ndarray, " query"]:
    """Return how much less of each row is left: float64 sums, so that nothing left out is exactly 0."""
    return (rows.sum(-1, dtype=np.float64) - visible.sum(-1, dtype=np.float64)).clip(0.0).astype(np.float32)


def patterns_of_layer(trace: Trace, options: ViewOptions, block: str = "self") -> Iterator[Float[np.ndarray, "head query key"]]:
    """Yield every head's shown weights, one layer at a time, so that at most one layer is in memory."""
    part = trace.block(block)
    all_queries, all_keys = sides(part, options)
    queries, keys = visible_units(all_queries, options), visible_units(all_keys, options)
    ends = filters.ends(queries, keys, options.between)
    if ends:
        queries = tuple(queries[at] for at in ends[0])
    for weights in part.by_layer():
        rows = merged(weights, queries, keys)
        fell_short = len(keys) < len(all_keys) or bool((weights.sum(-1) < 1.0 - ROWS).any())
        rows = _rescaled(rows)[0] if options.special == "renormalise" and fell_short else rows
        rows = rows[..., ends[1]] if ends else rows
        # Head by head: the order of a long row's weights takes twice the memory of the weights.
        yield np.stack([filters.strongest(one, options.keep) for one in rows]) if options.keep and rows.size else rows


def overview(
    trace: Trace, options: ViewOptions, block: str = "self", size: int | None = None
) -> Float[np.ndarray, "layer head query key"]:
    """Return every head of a block, shown weights from 0 to 1; zeros where a layer has fewer heads than another.

    With `size`, each head is pooled to at most `size` cells a side while the layers stream (see `pooled`), so that the
    whole of a long text is never in memory.
    """
    found: np.ndarray | None = None
    part = trace.block(block)
    for layer, rows in enumerate(patterns_of_layer(trace, options, block)):
        small = rows if size is None else pooled(rows, size)[0]
        if found is None:
            found = np.zeros((part.layers, part.heads, *small.shape[1:]), np.float32)
        found[layer, : len(small)] = small
    return np.zeros((0, 0, 0, 0), np.float32) if found is None else found


def pooled(weights: Float[np.ndarray, "*lead query key"], size: int) -> tuple[Float[np.ndarray, "*lead rows columns"], int]:
    """Return weights shrunk to at most `size` cells a side, and the number of units per cell along each axis.

    A cell holds the largest weight under it: a mean would wash out the single strong link that a reader looks for. Both
    axes shrink by the same factor, so that the diagonal stays a diagonal.
    """
    if size < 1:
        raise ShapeError(f"A picture has at least 1 cell a side; got {size}.")
    factor = -(-max(*weights.shape[-2:], 1) // size)
    if factor == 1:
        return weights, 1
    rows = np.maximum.reduceat(weights, np.arange(0, weights.shape[-2], factor), axis=-2)
    return np.maximum.reduceat(rows, np.arange(0, weights.shape[-1], factor), axis=-1), factor


def _rescaled(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rows rescaled to sum to 1, and which rows had nothing left to rescale: those become 0."""
    left = rows.sum(-1, dtype=np.float64)
    empty = left < NOTHING
    found = np.empty_like(rows)
    np.divide(rows, np.where(empty, np.inf, left)[..., None], out=found, dtype=np.float64, casting="same_kind")
    return found, empty


def _merging(parts: Sequence[Unit]) -> list[str]:
    """Return the sentence on words of several pieces, where there are some."""
    if all(len(unit.tokens) == 1 for unit in parts):
        return []
    return ["Words of several pieces are merged: attention to a word is the sum over its pieces, from a word their mean."]


def _names(hidden_units: Sequence[Unit]) -> str:
    """Return the hidden tokens by name, each once."""
    return joined(tuple(dict.fromkeys(unit.text for unit in hidden_units)))


def _counting(queries: Sequence[Unit], keys: Sequence[Unit], causal: bool) -> list[int]:
    """Return the rows that count in statistics of a head (see PositionClasses), or all rows if none does."""
    least = 1 if causal else 0 if len(keys) > 1 else len(queries)  # a row with one key in sight has no choice
    found = [at for at, unit in enumerate(queries) if at >= least and not unit.special]
    return found or list(range(len(queries)))


def _hiding(special: np.ndarray, hidden_units: Sequence[Unit], sink: np.ndarray, rows: Sequence[int]) -> list[str]:
    """Return the sentences on shares that are left out of the rows, as means over those that count."""
    sentences = []
    if hidden_units and not len(special):
        sentences.append(f"{HIDDEN}, and there is nothing beside {_names(hidden_units)}.")
    elif hidden_units:
        taken = percent(float(special[rows].mean(dtype=np.float64)))
        sentences.append(f"{HIDDEN}: on average {taken} of a row goes to {_names(hidden_units)} and is left out.")
    if sink.any():
        taken = percent(float(sink[rows].mean(dtype=np.float64)))
        sentences.append(
            f"On average {taken} of a row goes to {HiddenPart.LEARNED_SINK.value}, which is no token, and is left out."
        )
    return sentences


def _rescaling(special: np.ndarray, hidden_units: Sequence[Unit], sink: np.ndarray, empty: int) -> list[str]:
    """Return the sentences on rows that were rescaled, and on those that could not be."""
    places = ([_names(hidden_units)] if hidden_units else []) + ([HiddenPart.LEARNED_SINK.value] if sink.any() else [])
    lost = percent(float((special + sink).mean()))
    what = f"{HIDDEN} and each row" if hidden_units else "Each row"
    sentences = [f"{what} is rescaled to sum to 1: before, {lost} of it on average went to {joined(places)}."]
    if empty:
        who, stay = ("One row has", "stays") if empty == 1 else (f"{empty} rows have", "stay")
        sentences.append(f"{who} nothing left to rescale and {stay} 0.")
    return sentences
