"""A trace in, what each head does on this text out: the sentence that stands beside a head's name on the board."""

from __future__ import annotations

from attnviz.analysis import head_roles, view
from attnviz.engine.trace import Trace
from attnviz.view_state import ViewOptions

ROLED, MANY = 64, 144  # tokens and heads up to which every head's role is told; beyond, the page tells the chosen one's


def roles(trace: Trace, block: str) -> tuple[tuple[str, ...], ...]:
    """One sentence a head, by layer; nothing where that would keep the reader waiting."""
    part = trace.block(block)
    if len(part.queries) > ROLED or part.layers * part.heads > MANY:
        return ()
    layers = list(view.patterns(trace, ViewOptions(), block))
    said = head_roles.roles(found for layer in layers for found in layer)
    return tuple(tuple(next(said).sentence for _ in layer) for layer in layers)
