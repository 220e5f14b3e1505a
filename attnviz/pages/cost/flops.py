"""A number of tokens and a layer's sizes in; what its attention costs on paper out: operations, bytes, steps in a row.

Counted is attention proper, for all heads of one layer, from ready queries, keys and values to what the heads mix;
`projections` is what comes before and after it. A multiplication, an addition, a comparison, a division and an exponential
are one operation each, and a product of two vectors of d numbers is 2d of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from attnviz.errors import BadInputError
from attnviz.pages.cost.bench import algorithms

LONG = 128_000  # tokens: a whole novel, and what long-context models are sold with
TILE = 128  # rows and keys of a tile
SHARE = 5  # operations a pair: compare with the largest, subtract it, exponential, add up, divide
RUNNING = 4  # the same without dividing, which waits for the end of the row


@dataclass(frozen=True)
class Layer:
    """The sizes of one layer: `groups` key/value heads stand for `heads` query heads; `number` is bytes a number."""

    heads: int
    dim: int
    groups: int
    number: int = 4

    @property
    def width(self) -> int:
        """Numbers a token, over all heads."""
        return self.heads * self.dim

    @property
    def shared(self) -> int:
        """Numbers a token of its keys, over all groups; as many of its values."""
        return self.groups * self.dim


@dataclass(frozen=True)
class Cost:
    """What one layer's attention costs.

    `products` are the operations in products of vectors, `rest` all others. `held` is the most bytes at once beside what is
    handed in, its answer included; `moved` the bytes that main memory must read and write at least. `steps` have to be
    taken one after the other, however many processors there are.
    """

    products: int
    rest: int
    held: int
    moved: int
    steps: int

    @property
    def operations(self) -> int:
        """All operations."""
        return self.products + self.rest


def matrix(tokens: int, layer: Layer) -> Cost:
    """Attention that builds the whole matrix: all pairs, also those that a mask hides afterwards.

    Scores and the weights made of them are held side by side, and each of them is written once and read once.
    """
    pairs = tokens * tokens * layer.heads
    answer = tokens * layer.width
    return Cost(
        products=4 * pairs * layer.dim,
        rest=SHARE * pairs,
        held=layer.number * max(2 * pairs, pairs + answer),  # the answer comes when the scores are gone
        moved=layer.number * (4 * pairs + _handed(tokens, layer) + answer),
        steps=1,
    )


def tiled(
    tokens: int, layer: Layer, *, causal: bool = False, window: int | None = None, rows: int = TILE, keys: int = TILE
) -> Cost:
    """Tiles with online softmax: hidden tiles are left out, and no more than one tile is held.

    That is its scores and its weights, and maximum, sum and mix of its rows, before this tile and after it.
    After each tile a row's sum and mix are brought up to its new maximum: 5 operations and 2 for each number. Keys and
    values are read again for every block of rows.
    """
    spans = covered(tokens, causal=causal, window=window, rows=rows, keys=keys)
    pairs = sum(height * width for height, width, _ in spans) * layer.heads
    updates = sum(height * count for height, _, count in spans) * layer.heads
    answer = tokens * layer.width
    tile = layer.heads * min(rows, tokens) * 2 * (min(keys, tokens) + 2 + layer.dim)
    return Cost(
        products=4 * pairs * layer.dim,
        rest=RUNNING * pairs + updates * (5 + 2 * layer.dim) + answer,
        held=layer.number * (answer + tile),
        moved=layer.number * (2 * answer + 2 * layer.shared * sum(width for _, width, _ in spans)),
        steps=max(count for _, _, count in spans),
    )


def fused(tokens: int, layer: Layer, *, causal: bool = False) -> Cost:
    """A fused kernel: the same tiles, with scores that never leave the processor. It keeps a number a row to divide by."""
    found = tiled(tokens, layer, causal=causal)
    held = layer.number * tokens * (layer.width + layer.heads)
    return Cost(found.products, found.rest, held, found.moved, found.steps)


def windowed(tokens: int, layer: Layer, window: int, *, causal: bool = True) -> Cost:
    """A sliding window in tiles: a token looks at keys less than `window` tokens away, so its cost does not grow."""
    return tiled(tokens, layer, causal=causal, window=window)


def recurrent(tokens: int, layer: Layer) -> Cost:
    """A plain recurrent network of the same width: two square matrices a token, one token after the other.

    Its products are those of its own weights, to be set beside attention and `projections` together.
    """
    width = layer.width
    return Cost(
        products=4 * tokens * width * width,
        rest=3 * tokens * width,  # two sums and a tanh for each number
        held=layer.number * (tokens * width + 2 * width),
        moved=layer.number * (2 * tokens * width + 2 * width * width),
        steps=tokens,
    )


def projections(tokens: int, layer: Layer) -> int:
    """Operations that make queries, keys and values, and project what the heads mix: four matrices, the same for each token."""
    return 2 * tokens * layer.width * (2 * layer.width + 2 * layer.shared)


def even_length(layer: Layer) -> int:
    """The number of tokens at which the products of all pairs cost as much as the projections; beyond it they cost more."""
    return layer.width + layer.shared


def remembered(tokens: int, layer: Layer, layers: int) -> int:
    """Bytes of keys and values that a decoder keeps of what it has read. Grouped queries divide it by heads / groups."""
    return 2 * tokens * layer.shared * layer.number * layers


def covered(
    tokens: int, *, causal: bool = False, window: int | None = None, rows: int = TILE, keys: int = TILE
) -> tuple[tuple[int, int, int], ...]:
    """For each block of rows: how many rows it has, how many keys its tiles span, and how many tiles those are."""
    found = []
    for top in range(0, tokens, rows):
        bottom = min(top + rows, tokens)
        first = 0 if window is None else max(0, top - window + 1) // keys * keys
        last = tokens if window is None else min(tokens, bottom + window - 1)
        stop = min(last, bottom) if causal else last
        tiles = math.ceil((stop - first) / keys)
        found.append((bottom - top, min(tokens, first + tiles * keys) - first, tiles))
    return tuple(found)


def of(way: str, tokens: int, layer: Layer) -> Cost:
    """On paper, what `engine.ways` runs under this name: no mask, and its window to either side."""
    if way == "window":
        return windowed(tokens, layer, algorithms.WINDOW, causal=False)
    known = {"matrix": matrix, "tiled": tiled, "fused": fused, "recurrent": recurrent}
    if way not in known:
        raise BadInputError(f"The ways of reading are {', '.join(algorithms.WAYS)}; got {way!r}.")
    return known[way](tokens, layer)


def _handed(tokens: int, layer: Layer) -> int:
    """Numbers in queries, keys and values."""
    return tokens * (layer.width + 2 * layer.shared)
