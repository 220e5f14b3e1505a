"""A way of reading a text and a length in; the seconds and the bytes that it takes on this machine, out.

All ways get the same numbers: a text of random vectors, which no trained model is needed for, since cost does not depend on
what the numbers are. Every token may look at every token. Threads are torch's own: where other programs want the same cores,
a process with one thread gives steadier figures. `analysis.cost` has the same on paper.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from jaxtyping import Float
from torch import Tensor

from attnviz.engine import attention
from attnviz.errors import BadInputError
from attnviz.pages.cost.bench import peak_memory, recurrent, tiled

WINDOW = 128  # tokens, to either side
RUNS = 5  # of which the fastest counts


@dataclass(frozen=True, eq=False)
class Given:
    """What is read: queries, keys and values of every head, and the same text and a network of the same width."""

    query: Float[Tensor, "head token dim"]
    key: Float[Tensor, "head token dim"]
    value: Float[Tensor, "head token dim"]
    text: Float[Tensor, "token width"]
    network: recurrent.Recurrent

    @property
    def scale(self) -> float:
        """What scores are multiplied by."""
        return self.query.shape[-1] ** -0.5


@dataclass(frozen=True)
class Measured:
    """What one way took for one length: seconds, and the most bytes held beside what was given, the answer included."""

    way: str
    tokens: int
    seconds: float
    held: int


def given(tokens: int, heads: int, dim: int, seed: int = 0) -> Given:
    """A text of random vectors; the same seed gives the same numbers."""
    chance = torch.Generator().manual_seed(seed)
    query, key, value = (torch.randn(heads, tokens, dim, generator=chance) for _ in range(3))
    text = torch.randn(tokens, heads * dim, generator=chance)
    return Given(query, key, value, text, recurrent.random(heads * dim, seed))


def matrix(g: Given) -> Tensor:
    """Attention that builds the whole matrix of weights, [head, token, dim]."""
    return attention.mix(attention.weights(g.query, g.key, scale=g.scale), g.value)


def in_tiles(g: Given) -> Tensor:
    """The same, in tiles with online softmax."""
    return tiled.mix(g.query, g.key, g.value, scale=g.scale)


def fused(g: Given) -> Tensor:
    """The same, by torch's own kernel."""
    found = torch.nn.functional.scaled_dot_product_attention(g.query[None], g.key[None], g.value[None], scale=g.scale)
    return found[0]  # [1, head, token, dim] -> [head, token, dim]


def windowed(g: Given) -> Tensor:
    """A sliding window, in tiles: another answer, of which far keys have no part."""
    return tiled.mix(g.query, g.key, g.value, scale=g.scale, window=WINDOW)


def step_by_step(g: Given) -> Tensor:
    """A recurrent network, one token after the other, [token, width]."""
    return recurrent.states(g.network, g.text)


WAYS: Mapping[str, Callable[[Given], Tensor]] = MappingProxyType(
    {"matrix": matrix, "tiled": in_tiles, "fused": fused, "window": windowed, "recurrent": step_by_step}
)


def measured(
    way: str, tokens: int, heads: int = 12, dim: int = 32, most: float = 1.0, clock: Callable[[], float] = time.perf_counter
) -> Measured:
    """One way, run once for its memory and then for its time: the fastest of five runs, or of what fits into `most` seconds.

    The fastest, because other programs can make a run slower and nothing can make it faster. `clock` tells seconds:
    by the wall, or with `time.process_time` those in which this process had a processor, where others want it too.
    """
    if way not in WAYS:
        raise BadInputError(f"The ways of reading are {', '.join(WAYS)}; got {way!r}.")
    if tokens < 1:
        raise BadInputError(f"A text has at least one token; got {tokens}.")
    with torch.inference_mode():
        g = given(tokens, heads, dim)
        parts = (g.query, g.key, g.value, g.text, g.network.inward, g.network.onward, g.network.offset)
        held = peak_memory.most_held(lambda: WAYS[way](g), parts)
        seconds: list[float] = []
        while not seconds or (len(seconds) < RUNS and sum(seconds) < most):
            start = clock()
            WAYS[way](g)
            seconds.append(clock() - start)
    return Measured(way, tokens, min(seconds), held)
