"""The selection as pages read it that show one text alone: its first text, and the head on its own side of the model."""

from __future__ import annotations

from dataclasses import replace

from attnviz.selection import Selection
from attnviz.types import AttentionRequest, HeadRef
from attnviz.ui import state


def chosen() -> HeadRef:
    """The chosen head, in the block that these pages show: of an encoder-decoder its encoder."""
    head, block = state.current().head, state.card().blocks[0]
    return head if head.block == block else HeadRef(head.layer, head.head, block)


def read(selection: Selection) -> Selection:
    """The selection as these pages read it: the first text alone."""
    return replace(selection, request=AttentionRequest(selection.request.model, selection.request.text), head=chosen())
