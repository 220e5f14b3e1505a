"""A trace in; the sizes of its layers out, which is all that cost depends on."""

from __future__ import annotations

from dataclasses import dataclass

from attnviz.analysis.token_counts import USUAL
from attnviz.engine.layers import Dense
from attnviz.engine.trace import Trace
from attnviz.pages.cost.flops import Layer
from attnviz.ui import state


@dataclass(frozen=True)
class Sizes:
    """The chosen model's name, one of its layers, how many it has, and how many tokens the reader's text."""

    model: str
    layer: Layer
    layers: int
    tokens: int


def sizes(trace: Trace) -> Sizes:
    """The sizes of a trace's first block; where a layer does not show its own, those of most models."""
    block = trace.parts[0]
    call = block.calls[0]
    dim, groups = (USUAL, call.heads) if isinstance(call, Dense) else (call.dim, call.groups)
    return Sizes(state.card().name, Layer(call.heads, dim, groups), block.layers, len(block.queries))
