"""Measure the time and memory of each algorithm on this machine.

All algorithms get the same random vectors: cost does not depend on the numbers, so no trained model is needed. Every token
may look at every token. Threads are torch's own; one thread gives steadier figures when other programs want the same cores.
`pages.cost.flops` computes the same costs by arithmetic.
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
class BenchmarkInputs:
    """Inputs of the algorithms: queries, keys and values of every head, and the vectors and network for the recurrent one."""

    query: Float[Tensor, "head token dim"]
    key: Float[Tensor, "head token dim"]
    value: Float[Tensor, "head token dim"]
    text: Float[Tensor, "token width"]
    network: recurrent.RecurrentNetwork

    @property
    def scale(self) -> float:
        """Return the factor on the scores, 1 / sqrt(dim)."""
        return self.query.shape[-1] ** -0.5


@dataclass(frozen=True)
class Measurement:
    """Cost of one algorithm at one length: seconds, and peak bytes beside the inputs, with the output."""

    algorithm: str
    tokens: int
    seconds: float
    peak_bytes: int


def random_inputs(tokens: int, heads: int, dim: int, seed: int = 0) -> BenchmarkInputs:
    """Return random vectors; the same seed gives the same numbers."""
    chance = torch.Generator().manual_seed(seed)
    query, key, value = (torch.randn(heads, tokens, dim, generator=chance) for _ in range(3))
    text = torch.randn(tokens, heads * dim, generator=chance)
    return BenchmarkInputs(query, key, value, text, recurrent.random(heads * dim, seed))


def matrix(g: BenchmarkInputs) -> Tensor:
    """Return attention by the whole matrix of weights, [head, token, dim]."""
    return attention.mix(attention.weights(g.query, g.key, scale=g.scale), g.value)


def tiled_attention(g: BenchmarkInputs) -> Tensor:
    """Return the same, in tiles with online softmax."""
    return tiled.mix(g.query, g.key, g.value, scale=g.scale)


def fused(g: BenchmarkInputs) -> Tensor:
    """Return the same, by torch's own kernel."""
    found = torch.nn.functional.scaled_dot_product_attention(g.query[None], g.key[None], g.value[None], scale=g.scale)
    return found[0]  # [1, head, token, dim] -> [head, token, dim]


def windowed(g: BenchmarkInputs) -> Tensor:
    """Return attention in a sliding window, in tiles: a different answer, without far keys."""
    return tiled.mix(g.query, g.key, g.value, scale=g.scale, window=WINDOW)


def recurrent_network(g: BenchmarkInputs) -> Tensor:
    """Return the states of a recurrent network, token by token, [token, width]."""
    return recurrent.states(g.network, g.text)


ALGORITHMS: Mapping[str, Callable[[BenchmarkInputs], Tensor]] = MappingProxyType(
    {"matrix": matrix, "tiled": tiled_attention, "fused": fused, "window": windowed, "recurrent": recurrent_network}
)


def measure(
    algorithm: str,
    tokens: int,
    heads: int = 12,
    dim: int = 32,
    max_seconds: float = 1.0,
    clock: Callable[[], float] = time.perf_counter,
) -> Measurement:
    """Run one algorithm once for its memory, then for its time: the fastest of up to five runs within `max_seconds`.

    The fastest run counts, because other programs can only make a run slower. `clock` returns seconds: wall time, or with
    `time.process_time` the processor time of this process.
    """
    if algorithm not in ALGORITHMS:
        raise BadInputError(f"The algorithms are {', '.join(ALGORITHMS)}; got {algorithm!r}.")
    if tokens < 1:
        raise BadInputError(f"A text has at least one token; got {tokens}.")
    with torch.inference_mode():
        g = random_inputs(tokens, heads, dim)
        parts = (g.query, g.key, g.value, g.text, g.network.input_weights, g.network.recurrent_weights, g.network.bias)
        peak_bytes = peak_memory.peak_bytes(lambda: ALGORITHMS[algorithm](g), parts)
        seconds: list[float] = []
        while not seconds or (len(seconds) < RUNS and sum(seconds) < max_seconds):
            start = clock()
            ALGORITHMS[algorithm](g)
            seconds.append(clock() - start)
    return Measurement(algorithm, tokens, min(seconds), peak_bytes)
