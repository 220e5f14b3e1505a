"""Record tiled attention of one head: the state after every tile, as numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from attnviz.engine import attention
from attnviz.engine.layers import Dense, Projections, RemoteWeights
from attnviz.errors import NoAttentionError
from attnviz.pages.cost.bench import tiled


@dataclass(frozen=True, eq=False)
class TileState:
    """State after one tile: its rows, keys and scores, and the running values of these rows.

    `maximum` is each row's largest score so far, `total` its sum of exp(score - maximum), `output` the mix if the text
    ended here.
    """

    rows: range
    keys: range
    scores: Float[np.ndarray, "row key"]
    maximum: Float[np.ndarray, " row"]
    total: Float[np.ndarray, " row"]
    output: Float[np.ndarray, "row dim"]

    @property
    def exponentials(self) -> Float[np.ndarray, "row key"]:
        """Return exp(score - maximum): weights before the division by the total, 0 to 1."""
        seen = np.where(np.isfinite(self.maximum), self.maximum, 0.0)
        return np.exp(self.scores - seen[:, None])


@dataclass(frozen=True)
class TileUpdate:
    """Effect of one tile on one row: `step` is the tile's number, `scores` the row's scores in it.

    `maximum` and `total` are pairs before and after; the old total is multiplied by `rescale`, exp(maximum before - after),
    and `added` comes from the new scores. `error` is the largest difference of the output so far from the final one.
    """

    step: int
    scores: tuple[float, ...]
    maximum: tuple[float, float]
    total: tuple[float, float]
    rescale: float
    added: float
    error: float


@dataclass(frozen=True, eq=False)
class TileTrace:
    """All tiles of one head in processing order, over the first tokens of a text.

    `weights` is the whole matrix from softmax, `difference` the largest difference between its output and that of the tiles.
    """

    side: int
    tiles: tuple[TileState, ...]
    weights: Float[np.ndarray, "query key"]
    difference: float

    def row(self, at: int) -> tuple[TileUpdate, ...]:
        """Return the effect of each tile on one row, in order."""
        own = [(step, one) for step, one in enumerate(self.tiles) if at in one.rows]
        last = own[-1][1].output[at - own[-1][1].rows.start]
        found, maximum, total = [], -np.inf, 0.0
        for step, one in own:
            place = at - one.rows.start
            now, after = float(one.maximum[place]), float(one.total[place])
            rescaling = float(np.exp(maximum - now)) if np.isfinite(now) else 0.0
            added = float(one.exponentials[place].sum())
            away = float(np.abs(one.output[place] - last).max())
            scores = tuple(float(score) for score in one.scores[place])
            found.append(TileUpdate(step, scores, (maximum, now), (total, after), rescaling, added, away))
            maximum, total = now, after
        return tuple(found)


def trace_tiles(layer: Projections | Dense | RemoteWeights, head: int, side: int, most: int) -> TileTrace:
    """Return the tiles of one head over at most `most` tokens of the text.

    Raises NoAttentionError for a layer without queries, keys and values, and for one with capped scores or a learned sink,
    which these tiles leave out.
    """
    if not isinstance(layer, Projections) or layer.value is None:
        raise NoAttentionError("Tiles are made of queries, keys and values, and of this layer only weights are here.")
    if layer.unfused:
        raise NoAttentionError("This model caps its scores or has a learned sink, which these tiles leave out.")
    group = head * layer.groups // layer.heads
    query, key, value = (
        torch.tensor(array[which : which + 1, :most])
        for array, which in ((layer.query, head), (layer.key, group), (layer.value, group))
    )
    mask = _mask(layer, head, most)
    scale, causal = layer.scale, layer.causal
    with torch.inference_mode():
        tiles = list(tiled.tiles(query, key, value, scale=scale, mask=mask, causal=causal, rows=side, keys=side))
        mixed = tiled.mix(query, key, value, scale=scale, mask=mask, causal=causal, rows=side, keys=side)
        weights = attention.weights(query, key, scale=scale, mask=mask, causal=causal)
        difference = float((attention.mix(weights, value) - mixed).abs().max())
    states = tuple(
        TileState(one.rows, one.keys, *(part[0].numpy() for part in (one.scores, one.maximum, one.total, one.output)))
        for one in tiles
    )
    return TileTrace(side, states, weights[0].numpy(), difference)


def _mask(layer: Projections, head: int, most: int) -> Tensor | None:
    """Return mask and bias of this head as one additive mask; None if it has neither."""
    if layer.mask is None and layer.bias is None:
        return None
    whole = layer.query.shape[1], layer.key.shape[1]
    found = torch.zeros(whole)[:most, :most]
    for one in (layer.mask, layer.bias):
        if one is not None:
            own = torch.tensor(one[head] if one.ndim == 3 else one).expand(whole)[:most, :most]
            found = torch.where(own, found, attention.NEVER) if own.dtype == torch.bool else found + own
    return found
