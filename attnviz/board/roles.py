"""Describe what each head does on this text: the sentence beside its name on the board."""

from __future__ import annotations

from itertools import islice

import numpy as np

from attnviz.analysis import head_roles, view
from attnviz.analysis.positions import PositionClasses
from attnviz.engine.trace import Trace
from attnviz.types import HiddenPart
from attnviz.view_state import ViewOptions

MAX_TOKENS, MAX_HEADS = 64, 144  # up to here a frame has every head's role; beyond, the page shows the chosen head's


def roles(trace: Trace, block: str) -> tuple[tuple[str, ...], ...]:
    """Return one sentence for each head, by layer; empty if computing them would take too long.

    The same as `head_roles.role` of each pattern; without the patterns, it takes half the time.
    """
    part = trace.block(block)
    if len(part.queries) > MAX_TOKENS or part.layers * part.heads > MAX_HEADS:
        return ()
    queries, keys = view.sides(part, ViewOptions())
    weights = view.merged(np.concatenate(list(part.by_layer())), queries, keys)
    sinks = np.stack([part.sink(layer, head) for layer, call in enumerate(part.calls) for head in range(call.heads)])
    classes = PositionClasses.among(queries, keys, part.causal)
    hidden = view.row_means(sinks, queries)
    found = head_roles.array_roles(weights, hidden, HiddenPart.LEARNED_SINK.value, classes)
    return tuple(tuple(role.sentence for role in islice(found, call.heads)) for call in part.calls)
