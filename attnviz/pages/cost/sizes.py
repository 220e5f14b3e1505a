"""Sizes of the chosen model's layers, on which alone the cost depends."""

from __future__ import annotations

from dataclasses import dataclass

from attnviz.analysis.token_counts import USUAL
from attnviz.engine.layers import Dense
from attnviz.engine.trace import Trace
from attnviz.pages.cost.flops import LayerSizes
from attnviz.ui import state


@dataclass(frozen=True)
class ModelSizes:
    """Name of the chosen model, the sizes of one layer, the number of layers, and the tokens of the reader's text."""

    model: str
    layer: LayerSizes
    layers: int
    tokens: int


def sizes(trace: Trace) -> ModelSizes:
    """Return the sizes of a trace's first block; a layer that hides its own gets the head size of most models."""
    block = trace.parts[0]
    call = block.calls[0]
    dim, groups = (USUAL, call.heads) if isinstance(call, Dense) else (call.dim, call.groups)
    return ModelSizes(state.card().name, LayerSizes(call.heads, dim, groups), block.layers, len(block.queries))
