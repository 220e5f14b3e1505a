"""Queries, keys and values in; the same mix as ever out, a tile of the matrix at a time, never the whole of it.

Softmax needs the sum of a whole row before it can divide. Online softmax does not wait for it: it keeps each row's largest
score, sum and mix so far, and shrinks the last two whenever a larger score turns up. Milakov & Gimelshein 2018,
arXiv:1805.02867; in tiles, with values: Dao et al. 2022 (FlashAttention), arXiv:2205.14135, algorithm 1. We go through the
rows outside and the keys inside, as FlashAttention-2 (arXiv:2307.08691) does, and divide once, where a row ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from attnviz.engine import attention
from attnviz.errors import BadInputError

ROWS = KEYS = 128  # a tile of scores is 64 kB a head: it stays in the fast memory of any processor


@dataclass(frozen=True, eq=False)
class Tile:
    """One tile, done: which queries and keys, their scores, and what is known of these rows after it.

    `maximum` and `total` are each row's largest score and sum of exp(score - maximum) so far; `mixed` is the sum of
    exp(score - maximum) times value. `first` and `last` tell where the rows begin and end.
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
        """What these rows mix, if the text ended with this tile; zeros for a row that has seen nothing."""
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
    """Attention, tile by tile, as it goes. Tiles in which no query may look anywhere are left out.

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
        state = _nothing(row, value.shape[2])
        columns = _columns(block, query.shape[1], key.shape[1], causal, window, keys)
        for column in columns:
            part = key[:, column.start : column.stop]  # [group, key, dim]
            scores = attention.scores(row, part, scale)  # [head, row, key]
            for shown in (_visible(block, column, key.shape[1] - query.shape[1], causal, window), _cut(mask, block, column)):
                scores = attention.masked(scores, shown, causal=False)
            state = _after(state, scores, value[:, column.start : column.stop])
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
    """What every query mixes: `attention.mix` of `attention.weights`, without ever holding the weights."""
    found = torch.zeros(*query.shape[:2], value.shape[2], dtype=attention.upcast(query).dtype)
    for tile in tiles(query, key, value, scale=scale, mask=mask, causal=causal, window=window, rows=rows, keys=keys):
        if tile.last:
            found[:, tile.rows.start : tile.rows.stop] = tile.output
        del tile  # or it would be held while the next one is made
    return found


State = tuple[Tensor, Tensor, Tensor]  # the maximum, the total and the mix of some rows so far


def _nothing(row: Float[Tensor, "head row dim"], out: int) -> State:
    """What is known of rows before their first tile."""
    lines = row.shape[:2]
    return row.new_full(lines, attention.NEVER), row.new_zeros(lines), row.new_zeros(*lines, out)


def _after(state: State, scores: Float[Tensor, "head row key"], value: Float[Tensor, "group key out"]) -> State:
    """What is known after one more tile. Sums under an old maximum are worth exp(old - new) of what they were."""
    before, total, mixed = state
    maximum = torch.maximum(before, scores.amax(-1))  # [head, row]
    shift = maximum.masked_fill(maximum == attention.NEVER, 0.0)  # a row that has seen nothing: exp(-inf - 0) is 0
    grown = (scores - shift[..., None]).exp_()  # [head, row, key]; in place, so that scores and weights are all that is held
    worth = torch.exp(before - shift)  # [head, row]
    return maximum, total * worth + grown.sum(-1), attention.mix(grown, value).addcmul_(mixed, worth[..., None])


def _columns(block: range, queries: int, keys: int, causal: bool, window: int | None, width: int) -> list[range]:
    """The tiles, left to right, in which some of these rows may look somewhere."""
    offset = keys - queries  # the last query stands at the last key
    first = 0 if window is None else max(0, block.start + offset - window + 1)
    stop = keys if window is None else min(keys, block.stop + offset + window - 1)
    if causal:
        stop = min(stop, block.stop + offset)
    if stop <= first:
        return []
    return [range(left, min(left + width, keys)) for left in range(first - first % width, stop, width)]


def _visible(block: range, column: range, offset: int, causal: bool, window: int | None) -> Tensor | None:
    """Which of these rows may look at which of these keys, [row, key]; None where all may."""
    if not causal and window is None:
        return None
    ahead = torch.tensor(column) - torch.tensor(block)[:, None] - offset  # how many tokens a key stands after a row
    near = ahead.abs() < window if window is not None else torch.ones_like(ahead, dtype=torch.bool)
    return near & (ahead <= 0) if causal else near


def _cut(mask: Tensor | None, block: range, column: range) -> Tensor | None:
    """The mask's own tile."""
    return None if mask is None else mask[..., block.start : block.stop, column.start : column.stop]
