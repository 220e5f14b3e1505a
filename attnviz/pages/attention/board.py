"""The board on the Attention page; the reader's choices there go to the session."""

from __future__ import annotations

import streamlit as st

from attnviz.board.tray import listed
from attnviz.engine.trace import Trace
from attnviz.linguistics import corpus_rank
from attnviz.models import catalog
from attnviz.selection import Selection
from attnviz.types import HeadRef
from attnviz.ui import board_data, pinned_heads, state
from attnviz.ui.components.board import Choice, board

COMPARE, DIFFERENCE = "compare", "difference"  # the board's requests for the Compare page


def canvas(trace: Trace) -> None:
    """Draw the board; choices on it reach the session before the page runs again."""
    selection = state.current()
    block, card = selection.head.block, state.card()
    data = board_data.bytes_of(trace, block, card.name)
    found = board(
        data,
        head=selection.head,
        focus=selection.focus,
        options=selection.options,
        view=selection.view,
        sheets=exact(trace, selection, data),
        layers=board_data.layers_of(trace, block, data),
        pins=listed(selection.pins, selection.request, block, names(selection)),
        corpus=corpus_rank.for_board(trace, block),
        on_choice=choose,
    )
    if found is not None and found.go in (COMPARE, DIFFERENCE):
        st.switch_page("pages/explore/compare.py")


def exact(trace: Trace, selection: Selection, data: bytes) -> tuple[bytes, ...]:
    """Return the exact weights of the chosen head and of the heads pinned on the same text."""
    block, request = selection.head.block, selection.request
    pinned = (pin.head for pin in selection.pins if (pin.request, pin.head.block, pin.over) == (request, block, ""))
    found = (board_data.exact(trace, head, data) for head in dict.fromkeys((selection.head, *pinned)))
    return tuple(one for one in found if one is not None)


def names(selection: Selection) -> dict[str, str]:
    """Return the names of the pins' models, by model id."""
    return {pin.request.model: catalog.card(pin.request.model).name for pin in selection.pins}


def choose(choice: Choice) -> None:
    """Store the head, word, view and pins that the reader chose on the board, and open a pin or the difference."""
    head, card = choice.head, state.card()
    if head.layer < card.layers and head.head < card.heads:
        state.change(
            head=HeadRef(head.layer, head.head, state.current().head.block),
            focus=choice.focus,
            options=choice.options,
            view=choice.view,
        )
    if choice.tray is not None:
        pinned_heads.take_pins(choice.tray)
    if choice.go == DIFFERENCE:
        pinned_heads.show_difference()
    elif choice.go:
        pinned_heads.open_pin(choice.go)
