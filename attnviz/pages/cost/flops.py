"""Compute the cost of attention by arithmetic: operations, bytes and sequential steps.

The counts cover attention proper, for all heads of one layer: from ready queries, keys and values to the mixed values.
`projections` counts the matrices before and after it. A multiplication, an addition, a comparison, a division and an
exponential are one operation each; the dot product of two vectors of d numbers takes 2d operations.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from attnviz.errors import BadInputError
from attnviz.pages.cost.bench import algorithms

LONG = 128_000  # tokens: a whole novel, and the usual limit of long-context models
TILE = 128  # rows and keys of a tile
SHARE = 5  # operations per pair: compare with the largest, subtract it, exponential, add up, divide
RUNNING = 4  # the same without the division, which is done once at the end of the row


@dataclass(frozen=True)
class LayerSizes:
    """Sizes of one layer: `heads` query heads share `groups` key/value heads of `dim` numbers."""

    heads: int
    dim: int
    groups: int
    bytes_per_number: int = 4

    @property
    def width(self) -> int:
        """Return the numbers per token, over all heads."""
        return self.heads * self.dim

    @property
    def kv_width(self) -> int:
        """Return the numbers per token of its keys, over all groups; its values have as many."""
        return self.groups * self.dim


@dataclass(frozen=True)
class CostEstimate:
    """Cost of one layer's attention.

    `products` counts the operations in dot products, `other_operations` all others. `peak_bytes` is the largest memory at
    one time beside the inputs, with the output; `bytes_moved` is the least that main memory must read and write.
    `sequential_steps` must run one after the other, on any number of processors.
    """

    products: int
    other_operations: int
    peak_bytes: int
    bytes_moved: int
    sequential_steps: int

    @property
    def operations(self) -> int:
        """Return the number of all operations."""
        return self.products + self.other_operations


def matrix(tokens: int, layer: LayerSizes) -> CostEstimate:
    """Return the cost of attention that builds the whole matrix: all pairs, with those that a mask hides later.

    Scores and weights are in memory at the same time, and each is written once and read once.
    """
    pairs = tokens * tokens * layer.heads
    answer = tokens * layer.width
    return CostEstimate(
        products=4 * pairs * layer.dim,
        other_operations=SHARE * pairs,
        peak_bytes=layer.bytes_per_number * max(2 * pairs, pairs + answer),  # the answer comes when the scores are gone
        bytes_moved=layer.bytes_per_number * (4 * pairs + _input_numbers(tokens, layer) + answer),
        sequential_steps=1,
    )


def tiled(
    tokens: int, layer: LayerSizes, *, causal: bool = False, window: int | None = None, rows: int = TILE, keys: int = TILE
) -> CostEstimate:
    """Return the cost of tiles with online softmax: hidden tiles are skipped, and only one tile is in memory at a time.

    A tile needs its scores and weights, and the maximum, sum and mix of its rows, before and after. After each tile a
    row's sum and mix are rescaled to its new maximum: 5 operations, and 2 for each number. Keys and values are read again
    for every block of rows.
    """
    spans = tile_spans(tokens, causal=causal, window=window, rows=rows, keys=keys)
    pairs = sum(height * width for height, width, _ in spans) * layer.heads
    updates = sum(height * count for height, _, count in spans) * layer.heads
    answer = tokens * layer.width
    tile = layer.heads * min(rows, tokens) * 2 * (min(keys, tokens) + 2 + layer.dim)
    return CostEstimate(
        products=4 * pairs * layer.dim,
        other_operations=RUNNING * pairs + updates * (5 + 2 * layer.dim) + answer,
        peak_bytes=layer.bytes_per_number * (answer + tile),
        bytes_moved=layer.bytes_per_number * (2 * answer + 2 * layer.kv_width * sum(width for _, width, _ in spans)),
        sequential_steps=max(count for _, _, count in spans),
    )


def fused(tokens: int, layer: LayerSizes, *, causal: bool = False) -> CostEstimate:
    """Return the cost of a fused kernel: the same tiles, with scores that stay in the processor and one divisor per row."""
    found = tiled(tokens, layer, causal=causal)
    peak_bytes = layer.bytes_per_number * tokens * (layer.width + layer.heads)
    return CostEstimate(found.products, found.other_operations, peak_bytes, found.bytes_moved, found.sequential_steps)


def windowed(tokens: int, layer: LayerSizes, window: int, *, causal: bool = True) -> CostEstimate:
    """Return the cost of a sliding window: a token looks at keys less than `window` tokens away."""
    return tiled(tokens, layer, causal=causal, window=window)


def recurrent(tokens: int, layer: LayerSizes) -> CostEstimate:
    """Return the cost of a plain recurrent network of the same width: two square matrices per token, token by token.

    Its products use its own weights: compare it with attention and `projections` together.
    """
    width = layer.width
    return CostEstimate(
        products=4 * tokens * width * width,
        other_operations=3 * tokens * width,  # two sums and a tanh for each number
        peak_bytes=layer.bytes_per_number * (tokens * width + 2 * width),
        bytes_moved=layer.bytes_per_number * (2 * tokens * width + 2 * width * width),
        sequential_steps=tokens,
    )


def projections(tokens: int, layer: LayerSizes) -> int:
    """Return the operations of the four projections: query, key, value and output."""
    return 2 * tokens * layer.width * (2 * layer.width + 2 * layer.kv_width)


def break_even_length(layer: LayerSizes) -> int:
    """Return the number of tokens from which the dot products of all pairs cost more than the projections."""
    return layer.width + layer.kv_width


def kv_cache_bytes(tokens: int, layer: LayerSizes, layers: int) -> int:
    """Return the bytes of keys and values that a decoder keeps. Grouped queries divide them by heads / groups."""
    return 2 * tokens * layer.kv_width * layer.bytes_per_number * layers


def tile_spans(
    tokens: int, *, causal: bool = False, window: int | None = None, rows: int = TILE, keys: int = TILE
) -> tuple[tuple[int, int, int], ...]:
    """Return for each block of rows: its rows, the keys that its tiles span, and its number of tiles."""
    found = []
    for top in range(0, tokens, rows):
        bottom = min(top + rows, tokens)
        first = 0 if window is None else max(0, top - window + 1) // keys * keys
        last = tokens if window is None else min(tokens, bottom + window - 1)
        stop = min(last, bottom) if causal else last
        tiles = math.ceil((stop - first) / keys)
        found.append((bottom - top, min(tokens, first + tiles * keys) - first, tiles))
    return tuple(found)


def estimate(algorithm: str, tokens: int, layer: LayerSizes) -> CostEstimate:
    """Return the cost of an algorithm of `bench.algorithms` by its name: no mask, a window to both sides."""
    if algorithm == "window":
        return windowed(tokens, layer, algorithms.WINDOW, causal=False)
    known = {"matrix": matrix, "tiled": tiled, "fused": fused, "recurrent": recurrent}
    if algorithm not in known:
        raise BadInputError(f"The algorithms are {', '.join(algorithms.ALGORITHMS)}; got {algorithm!r}.")
    return known[algorithm](tokens, layer)


def _input_numbers(tokens: int, layer: LayerSizes) -> int:
    """Return how many numbers queries, keys and values have."""
    return tokens * (layer.width + 2 * layer.kv_width)
