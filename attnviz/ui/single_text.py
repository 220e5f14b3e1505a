"""The selection for pages that read only the first text, with a head of that text's own block."""

from __future__ import annotations

from dataclasses import replace

from attnviz.selection import Selection
from attnviz.types import AttentionRequest, HeadRef
from attnviz.ui import state


def chosen() -> HeadRef:
    """Return the chosen head, in the block that these pages show (the encoder of an encoder-decoder)."""
    head, block = state.current().head, state.card().blocks[0]
    return head if head.block == block else HeadRef(head.layer, head.head, block)


def read(selection: Selection) -> Selection:
    """Return the selection with only its first text."""
    return replace(selection, request=AttentionRequest(selection.request.model, selection.request.text), head=chosen())
