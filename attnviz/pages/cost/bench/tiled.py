"""Attention in tiles with online softmax: the exact output, with one tile of the matrix in memory at a time.

Softmax divides by the sum of a whole row. Online softmax does not wait for it: it keeps each row's largest score, sum and mix
so far, and rescales sum and mix when a larger score appears. Milakov & Gimelshein 2018,
arXiv:1805.02867; in tiles, with values: Dao et al. 2022 (FlashAttention), arXiv:2205.14135, algorithm 1. The
outer loop runs over rows and the inner one over keys, as in FlashAttention-2 (arXiv:2307.08691); each row is divided once,
at its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from attnviz.engine import attention
from attnviz.errors import BadInputError

ROWS = KEYS = 128  # a tile of scores is 64 kB per head and fits any processor cache


@dataclass(frozen=True, eq=False)
class Tile:
    """One finished tile: its queries, keys and scores, and the running values of its rows.

    `maximum` and `total` are each row's largest score and sum of exp(score - maximum) so far; `mixed` is the sum of
    exp(score - maximum) times value. `first` and `last` mark the first and last tile of these rows.
    """

    rows: range
    keys: range
    scores: Float[Tensor, "head row key"]
    maximum: Float[Tensor, "head row"]
    total: Float[Tensor, "head row"]
    mixed: Float[Tensor, "head row dim"]
    first: bool
    last: bool

    @property
    def output(self) -> Float[Tensor, "head row dim"]:
        """Return the output of these rows if the text ended here; zeros for a row without visible keys."""
        return self.mixed / torch.where(self.total > 0, self.total, 1.0)[..., None]


def tiles(
    query: Float[Tensor, "head query dim"],
    key: Float[Tensor, "group key dim"],
    value: Float[Tensor, "group key out"],
    *,
    scale: float,
    mask: Tensor | None = None,
    causal: bool = False,
    window: int | None = None,
    rows: int = ROWS,
    keys: int = KEYS,
) -> Iterator[Tile]:
    """Yield attention tile by tile. Tiles without a visible key are skipped.

    `mask` is as in `attention.masked`; a `window` shows keys less than that many tokens away, as `attention.near_mask`.
    """
    if rows < 1 or keys < 1:
        raise BadInputError(f"A tile has at least one row and one key; got {rows} and {keys}.")
    if window is not None and window < 1:
        raise BadInputError(f"A window is at least 1 token, the query itself; got {window}.")
    query, key, value = attention.upcast(query), attention.upcast(key), attention.upcast(value)
    for top in range(0, query.shape[1], rows):
        block = range(top, min(top + rows, query.shape[1]))
        row = query[:, block.start : block.stop]  # [head, row, dim]
        state = _initial_state(row, value.shape[2])
        columns = _columns(block, query.shape[1], key.shape[1], causal, window, keys)
        for column in columns:
            part = key[:, column.start : column.stop]  # [group, key, dim]
            scores = attention.scores(row, part, scale)  # [head, row, key]
            for shown in (
                _visible(block, column, key.shape[1] - query.shape[1], causal, window),
                _mask_tile(mask, block, column),
            ):
                scores = attention.masked(scores, shown, causal=False)
            state = _update(state, scores, value[:, column.start : column.stop])
            yield Tile(block, column, scores, *state, first=column is columns[0], last=column is columns[-1])
            del scores, shown  # this tile is freed before the next one is made


def mix(
    query: Float[Tensor, "head query dim"],
    key: Float[Tensor, "group key dim"],
    value: Float[Tensor, "group key out"],
    *,
    scale: float,
    mask: Tensor | None = None,
    causal: bool = False,
    window: int | None = None,
    rows: int = ROWS,
    keys: int = KEYS,
) -> Float[Tensor, "head query out"]:
    """Return `attention.mix` of `attention.weights` without the matrix of weights in memory."""
    found = torch.zeros(*query.shape[:2], value.shape[2], dtype=attention.upcast(query).dtype)
    for tile in tiles(query, key, value, scale=scale, mask=mask, causal=causal, window=window, rows=rows, keys=keys):
        if tile.last:
            found[:, tile.rows.start : tile.rows.stop] = tile.output
        del tile  # free it before the next one is made
    return found


State = tuple[Tensor, Tensor, Tensor]  # maximum, total and mix of some rows so far


def _initial_state(row: Float[Tensor, "head row dim"], out: int) -> State:
    """Return the state of rows before their first tile."""
    lines = row.shape[:2]
    return row.new_full(lines, attention.NEVER), row.new_zeros(lines), row.new_zeros(*lines, out)


def _update(state: State, scores: Float[Tensor, "head row key"], value: Float[Tensor, "group key out"]) -> State:
    """Return the state after one more tile. Sums under the old maximum are multiplied by exp(old - new)."""
    before, total, mixed = state
    maximum = torch.maximum(before, scores.amax(-1))  # [head, row]
    shift = maximum.masked_fill(maximum == attention.NEVER, 0.0)  # no visible key so far: exp(-inf - 0) is 0
    exponentials = (scores - shift[..., None]).exp_()  # [head, row, key]; in place, to save memory
    rescale = torch.exp(before - shift)  # [head, row]
    return (
        maximum,
        total * rescale + exponentials.sum(-1),
        attention.mix(exponentials, value).addcmul_(mixed, rescale[..., None]),
    )


def _columns(block: range, queries: int, keys: int, causal: bool, window: int | None, width: int) -> list[range]:
    """Return the key ranges, left to right, that some of these rows may see."""
    offset = keys - queries  # the last query is at the last key
    first = 0 if window is None else max(0, block.start + offset - window + 1)
    stop = keys if window is None else min(keys, block.stop + offset + window - 1)
    if causal:
        stop = min(stop, block.stop + offset)
    if stop <= first:
        return []
    return [range(left, min(left + width, keys)) for left in range(first - first % width, stop, width)]


def _visible(block: range, column: range, offset: int, causal: bool, window: int | None) -> Tensor | None:
    """Return which rows may see which keys, [row, key]; None if all may."""
    if not causal and window is None:
        return None
    ahead = torch.tensor(column) - torch.tensor(block)[:, None] - offset  # tokens from row to key
    near = ahead.abs() < window if window is not None else torch.ones_like(ahead, dtype=torch.bool)
    return near & (ahead <= 0) if causal else near


def _mask_tile(mask: Tensor | None, block: range, column: range) -> Tensor | None:
    """Return the tile of the mask."""
    return None if mask is None else mask[..., block.start : block.stop, column.start : column.stop]
