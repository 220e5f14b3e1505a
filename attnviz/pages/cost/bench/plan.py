"""Plan a benchmark: which algorithm is measured at which length, and which is left out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property

from attnviz.errors import BadInputError
from attnviz.pages.cost import flops
from attnviz.pages.cost.bench import algorithms
from attnviz.pages.cost.flops import LayerSizes

SHORTEST = 128
REACHES = (2048, 8192)  # tokens: seconds, or most of a minute
MAX_PEAK_BYTES = 512_000_000  # computed peak bytes that one algorithm may need
MAX_PROCESS_BYTES = 1_500_000_000  # bytes that the process may allocate
MAX_REPEAT_SECONDS = 0.2  # seconds for repeating one measurement
WIDTHS = (1, 4096)  # allowed width of a layer, in numbers per token


@dataclass(frozen=True)
class BenchmarkPlan:
    """Measurements of every algorithm on texts of up to `longest` tokens, for one layer of heads."""

    heads: int
    dim: int
    longest: int

    def __post_init__(self) -> None:
        if self.longest not in REACHES:
            raise BadInputError(f"The longest text is one of {', '.join(map(str, REACHES))} tokens; got {self.longest}.")
        if min(self.heads, self.dim) < 1 or not WIDTHS[0] <= self.heads * self.dim <= WIDTHS[1]:
            raise BadInputError(
                f"A layer that is measured is {WIDTHS[0]} to {WIDTHS[1]} numbers wide; got {self.heads} heads of {self.dim}."
            )

    @property
    def layer(self) -> LayerSizes:
        """Return the sizes of the layer: every head has its own keys and values."""
        return LayerSizes(self.heads, self.dim, self.heads)

    @cached_property
    def lengths(self) -> tuple[int, ...]:
        """Return the lengths, shortest first: each is the square root of 2 times the one before."""
        found, half = [], 0
        while (tokens := round(self.longest / 2 ** (half / 2))) >= SHORTEST:
            found.append(tokens)
            half += 1
        return tuple(reversed(found))

    @cached_property
    def cells(self) -> tuple[tuple[str, int], ...]:
        """Return algorithm and length of each measurement, in order: all algorithms on the shortest text first."""
        return tuple(
            (algorithm, tokens)
            for tokens in self.lengths
            for algorithm in algorithms.ALGORITHMS
            if self._peak_bytes(algorithm, tokens) <= MAX_PEAK_BYTES
        )

    @property
    def left_out(self) -> tuple[tuple[str, int, int], ...]:
        """Return each algorithm that would need too much memory, with the first such length and its computed bytes."""
        found: dict[str, tuple[str, int, int]] = {}
        for tokens in self.lengths:
            for algorithm in algorithms.ALGORITHMS:
                if (peak_bytes := self._peak_bytes(algorithm, tokens)) > MAX_PEAK_BYTES:
                    found.setdefault(algorithm, (algorithm, tokens, peak_bytes))
        return tuple(found.values())

    def _peak_bytes(self, algorithm: str, tokens: int) -> int:
        """Return the computed peak bytes."""
        return flops.estimate(algorithm, tokens, self.layer).peak_bytes

    def to_json(self) -> str:
        """Return the plan as JSON for `bench.worker`."""
        limits = {"bytes": MAX_PROCESS_BYTES, "repeat_seconds": MAX_REPEAT_SECONDS}
        return json.dumps({"heads": self.heads, "dim": self.dim, **limits, "cells": self.cells})
