"""A long text's board, filled layer by layer: its outline and the exact sheets first, then each layer as it is made."""

from __future__ import annotations

from collections.abc import Iterator

from attnviz.board import frame, is_whole, layer, outline, sheet
from attnviz.board.roles import roles
from attnviz.engine.trace import Trace
from attnviz.types import HeadRef
from attnviz.ui.backend import backend


def bytes_of(trace: Trace, block: str, name: str) -> bytes:
    """Return what the board of a block begins with: every head's weights, or the outline of their pictures for a long text."""
    part, request = trace.block(block), trace.request
    if is_whole(part):
        return backend().derived(request, ("frame", block), lambda t: frame(t, block, name=name, roles=roles(t, block)))
    return backend().derived(request, ("outline", block), lambda t: outline(t, block, name=name, roles=roles(t, block)))


def layers_of(trace: Trace, block: str, data: bytes) -> Iterator[bytes]:
    """Yield the pictures of each layer, computed once for all readers; none where `data` is a frame that holds all weights."""
    part = trace.block(block)
    for number in () if is_whole(part) else range(part.layers):
        yield backend().derived(trace.request, ("layer", block, number), lambda t, n=number: layer(t, n, data, block))


def exact(trace: Trace, head: HeadRef, data: bytes) -> bytes | None:
    """Return one head's exact weights, None if they are too many; those of a long text are kept, since they take a while."""
    if is_whole(trace.block(head.block)):
        return sheet(trace, head, data)
    return backend().derived(trace.request, ("sheet", head), lambda t: sheet(t, head, data))
