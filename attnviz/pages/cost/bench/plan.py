"""The sizes of a layer and the longest text in; which way is measured at which length, and which is left out, out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property

from attnviz.errors import BadInputError
from attnviz.pages.cost import flops
from attnviz.pages.cost.bench import algorithms
from attnviz.pages.cost.flops import Layer

SHORTEST = 128
REACHES = (2048, 8192)  # tokens: seconds, or most of a minute
HELD = 512_000_000  # bytes that one way may hold, on paper
PROCESS = 1_500_000_000  # bytes that the process may take, whatever it does with them
MOST = 0.2  # seconds for repeating one measurement
WIDTHS = (1, 4096)  # numbers a token: what a layer may be wide


@dataclass(frozen=True)
class Plan:
    """What is to be measured: every way of `engine.ways`, on texts of up to `longest` tokens, for one layer of heads."""

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
    def layer(self) -> Layer:
        """The layer on paper: every head has keys and values of its own."""
        return Layer(self.heads, self.dim, self.heads)

    @cached_property
    def lengths(self) -> tuple[int, ...]:
        """Each is longer than the one before by the square root of 2, up to the longest; shortest first."""
        found, half = [], 0
        while (tokens := round(self.longest / 2 ** (half / 2))) >= SHORTEST:
            found.append(tokens)
            half += 1
        return tuple(reversed(found))

    @cached_property
    def cells(self) -> tuple[tuple[str, int], ...]:
        """Way and length of each measurement, in order: all ways of the shortest text first."""
        return tuple((way, tokens) for tokens in self.lengths for way in algorithms.WAYS if self._held(way, tokens) <= HELD)

    @property
    def left_out(self) -> tuple[tuple[str, int, int], ...]:
        """What would hold more memory than is allowed: each way with the first such length and its bytes on paper."""
        found: dict[str, tuple[str, int, int]] = {}
        for tokens in self.lengths:
            for way in algorithms.WAYS:
                if (held := self._held(way, tokens)) > HELD:
                    found.setdefault(way, (way, tokens, held))
        return tuple(found.values())

    def _held(self, way: str, tokens: int) -> int:
        """Bytes on paper."""
        return flops.of(way, tokens, self.layer).held

    def as_json(self) -> str:
        """The plan as `engine.measuring` reads it."""
        return json.dumps({"heads": self.heads, "dim": self.dim, "bytes": PROCESS, "most": MOST, "cells": self.cells})
