"""Describe what each head does on this text: the sentence beside its name on the board."""

from __future__ import annotations

from attnviz.analysis import head_roles, view
from attnviz.engine.trace import Trace
from attnviz.view_state import ViewOptions

MAX_TOKENS, MAX_HEADS = 64, 144  # up to here a frame has every head's role; beyond, the page shows the chosen head's


def roles(trace: Trace, block: str) -> tuple[tuple[str, ...], ...]:
    """Return one sentence for each head, by layer; empty if computing them would take too long."""
    part = trace.block(block)
    if len(part.queries) > MAX_TOKENS or part.layers * part.heads > MAX_HEADS:
        return ()
    layers = list(view.patterns(trace, ViewOptions(), block))
    found_roles = head_roles.roles(found for layer in layers for found in layer)
    return tuple(tuple(next(found_roles).sentence for _ in layer) for layer in layers)
