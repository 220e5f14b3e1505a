"""One head of a layer and the side of a tile in; every tile of its attention as it is worked on, in numbers, out."""

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
class Worked:
    """One tile, done: its rows and keys, its scores, and what is known of these rows after it.

    `maximum` is each row's largest score so far, `total` its sum of exp(score - maximum), `answer` the mix, if the text
    ended here.
    """

    rows: range
    keys: range
    scores: Float[np.ndarray, "row key"]
    maximum: Float[np.ndarray, " row"]
    total: Float[np.ndarray, " row"]
    answer: Float[np.ndarray, "row dim"]

    @property
    def grown(self) -> Float[np.ndarray, "row key"]:
        """exp(score - maximum): weights before they are divided by the total, 0 to 1."""
        seen = np.where(np.isfinite(self.maximum), self.maximum, 0.0)
        return np.exp(self.scores - seen[:, None])


@dataclass(frozen=True)
class Row:
    """What one tile did to one row: number `step` of all tiles, the scores that it brought, and what it changed.

    `maximum` and `total` are those before and after; `worth` is exp(maximum before - after), by which the total so far
    shrinks; `added` what the new scores add to it; `away` how far the answer so far lies at most from the last one.
    """

    step: int
    scores: tuple[float, ...]
    maximum: tuple[float, float]
    total: tuple[float, float]
    worth: float
    added: float
    away: float


@dataclass(frozen=True, eq=False)
class Tiling:
    """All tiles of one head in the order in which they are worked on, over the first tokens of a text.

    `weights` is the whole matrix as softmax makes it, `difference` the largest difference between what is mixed by it and
    what the tiles mix.
    """

    side: int
    worked: tuple[Worked, ...]
    weights: Float[np.ndarray, "query key"]
    difference: float

    def row(self, at: int) -> tuple[Row, ...]:
        """What each tile that has the row did to it, in order."""
        own = [(step, one) for step, one in enumerate(self.worked) if at in one.rows]
        last = own[-1][1].answer[at - own[-1][1].rows.start]
        found, maximum, total = [], -np.inf, 0.0
        for step, one in own:
            place = at - one.rows.start
            now, after = float(one.maximum[place]), float(one.total[place])
            worth = float(np.exp(maximum - now)) if np.isfinite(now) else 0.0
            added = float(one.grown[place].sum())
            away = float(np.abs(one.answer[place] - last).max())
            scores = tuple(float(score) for score in one.scores[place])
            found.append(Row(step, scores, (maximum, now), (total, after), worth, added, away))
            maximum, total = now, after
        return tuple(found)


def tiling(layer: Projections | Dense | RemoteWeights, head: int, side: int, most: int) -> Tiling:
    """The tiles of one head over at most so many tokens of the text.

    Raises NoAttentionError where a layer has no queries, keys and values to show, or squeezes its scores or shares them with
    a learned sink, which tiles do too, but not these.
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
    worked = tuple(
        Worked(one.rows, one.keys, *(part[0].numpy() for part in (one.scores, one.maximum, one.total, one.output)))
        for one in tiles
    )
    return Tiling(side, worked, weights[0].numpy(), difference)


def _mask(layer: Projections, head: int, most: int) -> Tensor | None:
    """What hides keys from this head or is added to its scores, as one additive mask; None where nothing is."""
    if layer.mask is None and layer.bias is None:
        return None
    whole = layer.query.shape[1], layer.key.shape[1]
    found = torch.zeros(whole)[:most, :most]
    for one in (layer.mask, layer.bias):
        if one is not None:
            own = torch.tensor(one[head] if one.ndim == 3 else one).expand(whole)[:most, :most]
            found = torch.where(own, found, attention.NEVER) if own.dtype == torch.bool else found + own
    return found
