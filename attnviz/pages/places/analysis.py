"""Numbers for common myths: how near heads attend, and how much weights differ from what is passed on.

All numbers are averages over words of the reader's text (tokens, where values are involved) and over all heads equally.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from attnviz.analysis.row_stats import words_among
from attnviz.analysis.view import patterns_of_layer, sides
from attnviz.engine.block import Block
from attnviz.engine.layers import Projections
from attnviz.engine.trace import Trace
from attnviz.errors import ShapeError
from attnviz.types import HeadRef
from attnviz.view_state import ViewOptions

NEAR = 2  # words of distance that count as nearby
HALF = 0.5
SIDE, PATCH = 40, 5  # pixels
SUN, SKY, SEA, BOAT = (2, 5), (1, 1), (6, 2), (4, 2)  # one patch (row, column) of each


@dataclass(frozen=True)
class NearbyShares:
    """Where the words of a text look, averaged over all heads: the share `resting`, and how the rest is divided.

    Of what does not go to resting places (special tokens, and in a causal model the first token), `itself`, `near` and
    `far` are the shares, and add up to 1; `next_to` is the part of `near` that goes to the very next word on either side.
    `even` is what `near` would be if every word gave the same to resting places as it does, and divided the rest evenly
    among all else it can see. `nearest` is the head with the largest `most` share of near words, of all that it gives;
    `near_heads` of `heads` give them more than half. A word that sees only itself does not count among `words`.
    """

    itself: float
    next_to: float
    near: float
    resting: float
    far: float
    even: float
    nearest: HeadRef
    most: float
    near_heads: int
    heads: int
    words: int


def nearby_shares(trace: Trace) -> NearbyShares | None:
    """Return where the first block's heads look, by words; None if no word sees a neighbour that is not a resting place."""
    block, options = trace.parts[0], ViewOptions()
    units = sides(block, options)[0]
    words, seen = words_among(units), np.ones((len(units), len(units)), bool)
    if words.sum() < 2:
        return None
    seen = np.tril(seen) if block.causal else seen
    rows, cells = words & (seen.sum(-1) > 1), _cells(words, seen, block.causal)
    if not (cells["near"] * seen)[rows].any():
        return None
    found = [
        np.stack([_share(weights, marked, rows) for marked in cells.values()], -1)
        for weights in patterns_of_layer(trace, options, block.name)
    ]
    shares = dict(zip(cells, np.concatenate(found).mean(0).tolist(), strict=True))
    near = [layer[:, list(cells).index("near")] for layer in found]
    layer = int(np.argmax([one.max() for one in near]))
    rest = shares["itself"] + shares["near"] + shares["far"]
    return NearbyShares(
        resting=shares["resting"],
        **{name: shares[name] / rest for name in ("itself", "next_to", "near", "far", "even")},
        nearest=HeadRef(layer, int(near[layer].argmax()), block.name),
        most=float(near[layer].max()),
        near_heads=int(sum((one > HALF).sum() for one in near)),
        heads=sum(len(one) for one in near),
        words=int(rows.sum()),
    )


def _cells(
    words: Bool[np.ndarray, " unit"], seen: Bool[np.ndarray, "query key"], causal: bool
) -> dict[str, Float[np.ndarray, "query key"]]:
    """Return for each kind of key 1 or 0: the word itself, next to it, near it, a resting place, or far.

    `even` has, for all that is no resting place, which part of it is near: what uniform attention would give to near words.
    """
    at = np.arange(len(words))
    away = np.abs(at[:, None] - at[None, :])
    resting = np.broadcast_to(~words | ((at == 0) & causal), away.shape) & (away > 0)
    near = (away > 0) & (away <= NEAR) & ~resting
    free = seen & ~resting
    found = {
        "itself": away == 0, "next_to": near & (away == 1), "near": near, "resting": resting,
        "far": (away > NEAR) & ~resting, "even": free * ((near & free).sum(-1) / free.sum(-1))[:, None],
    }  # fmt: skip
    return {name: marked.astype(np.float32) for name, marked in found.items()}


def _share(
    weights: Float[np.ndarray, "head query key"], cells: Float[np.ndarray, "query key"], rows: Bool[np.ndarray, " query"]
) -> Float[np.ndarray, " head"]:
    """Return the average share that each head's words give to the marked keys."""
    return (weights * cells).sum(-1)[:, rows].mean(-1)


@dataclass(frozen=True)
class ValueShares:
    """Weights compared with contributions, weight times the length of the value, over all heads and tokens.

    `resting` is the weight of special tokens (in a causal model: of the first token), `handed` their part of what is
    handed over; in `same` of `rows` rows the token with the most weight hands over most. `changed` is by how much of its
    length the mix of a head in the middle would change if it looked evenly at all it can see; `least` is the smallest
    such change, of the head `idle`.
    """

    resting: float
    handed: float
    same: int
    rows: int
    changed: float
    least: float
    idle: HeadRef


def value_shares(trace: Trace) -> ValueShares | None:
    """Compare both in the first block; None if the model gives no values, or the text has no word but resting places.

    Kobayashi et al. 2020 (arXiv:2004.10102) measure values behind the head's part of the output matrix; here they are
    measured before it, as the attention function receives them.
    """
    block = trace.parts[0]
    special = np.array([token.special for token in block.queries])
    places = special.copy()
    if block.causal:
        places[0] = True
    rows = ~places
    found = [call.value for call in block.calls if isinstance(call, Projections) and call.value is not None]
    if len(found) < block.layers or not rows.any() or not places.any():
        return None
    resting, handed, same, changes = [], [], 0, []
    for layer, value in enumerate(found):
        weights = block.weights(layer)
        values = np.repeat(value, len(weights) // len(value), 0)  # [head, key, dim]
        given = contributions(weights, values)
        resting.append(weights[:, rows][..., places].sum(-1).mean(-1))
        handed.append(given[:, rows][..., places].sum(-1).mean(-1))
        same += int((weights.argmax(-1) == given.argmax(-1))[:, rows].sum())
        changes.append(_changed(weights, values, block)[:, rows].mean(-1))
    layer = int(np.argmin([one.min() for one in changes]))
    every = np.concatenate(changes)
    return ValueShares(
        resting=float(np.concatenate(resting).mean()),
        handed=float(np.concatenate(handed).mean()),
        same=same,
        rows=len(every) * int(rows.sum()),
        changed=float(np.median(every)),
        least=float(every.min()),
        idle=HeadRef(layer, int(changes[layer].argmin()), block.name),
    )


def contributions(
    weights: Float[np.ndarray, "head query key"], values: Float[np.ndarray, "head key dim"]
) -> Float[np.ndarray, "head query key"]:
    """Return weight times the length of the value, as shares of each row's sum."""
    given = weights * np.linalg.norm(values, axis=-1)[:, None, :]
    return given / np.maximum(given.sum(-1, keepdims=True), np.finfo(np.float32).tiny)


def _changed(
    weights: Float[np.ndarray, "head query key"], values: Float[np.ndarray, "head key dim"], block: Block
) -> Float[np.ndarray, "head query"]:
    """Return how far each mix would move if its row were uniform, relative to the length of the mix."""
    seen = np.tril(np.ones(weights.shape[-2:], np.float32)) if block.causal else np.ones(weights.shape[-2:], np.float32)
    even = seen / seen.sum(-1, keepdims=True)
    mixed = np.einsum("hqk,hkd->hqd", weights, values)
    moved = np.einsum("qk,hkd->hqd", even, values) - mixed
    return np.linalg.norm(moved, axis=-1) / np.maximum(np.linalg.norm(mixed, axis=-1), np.finfo(np.float32).tiny)


def scene() -> Float[np.ndarray, "height width colour"]:
    """Return a picture of 40 by 40 pixels, red, green and blue from 0 to 1, the same each time."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    down = y / SIDE
    made = np.stack([0.45 + 0.5 * down, 0.68 + 0.18 * down, np.full_like(y, 0.92)], -1)  # a sky that pales to the horizon
    wave = 0.05 * np.sin(0.9 * x + 1.7 * y)
    sea = y >= 24
    made[sea] = np.stack([0.08 + wave, 0.32 + wave, 0.52 + wave - 0.2 * (down - 0.6)], -1)[sea]
    made[(x - 27) ** 2 + (y - 12) ** 2 <= 30] = (1.0, 0.86, 0.3)
    made[(y >= 21) & (y < 25) & (np.abs(x - 12) <= 5 - (y - 21))] = (0.42, 0.2, 0.12)  # a hull
    made[(y >= 14) & (y < 21) & (x >= 12) & (x - 12 <= (y - 14) * 0.7)] = (0.96, 0.95, 0.92)  # and a sail
    return made.clip(0.0, 1.0)


def patches(image: Float[np.ndarray, "height width colour"], side: int) -> Float[np.ndarray, "patch numbers"]:
    """Return square patches from left to right and top to bottom, each as the sequence of its colours."""
    height, width, colours = image.shape
    if height % side or width % side:
        raise ShapeError(
            f"A picture of {height} by {width} pixels cannot be cut into patches of {side}. Choose a divisor of both."
        )
    cut = image.reshape(height // side, side, width // side, side, colours)
    return cut.transpose(0, 2, 1, 3, 4).reshape(-1, side * side * colours)  # [row * column, pixel * colour]
