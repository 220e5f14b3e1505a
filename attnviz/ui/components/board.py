"""The board on a Streamlit page; what the reader chooses on it comes back as a Choice.

Two components: the board itself, which gets a small JSON, and an invisible carrier that brings the
bytes. So a chosen head never sends the weights again, and the board stays where it is while they change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import streamlit as st
from streamlit.components import v2

from attnviz.board import digest, scripts
from attnviz.board.choice import DEFAULT_OPTIONS, Choice
from attnviz.board.linking import message_number
from attnviz.errors import BadInputError
from attnviz.selection import VIEWS, TokenSelection
from attnviz.types import HeadRef
from attnviz.view_state import ViewOptions

__all__ = ["Choice", "board", "carry", "read_choice"]

_board = v2.component("attnviz_board", js=scripts.loader("board"))
_carrier = v2.component("attnviz_frame", js=scripts.loader("carrier"))


def board(
    frame: bytes,
    *,
    head: HeadRef,
    focus: TokenSelection | None = None,
    options: ViewOptions = DEFAULT_OPTIONS,
    view: str = VIEWS[0],
    sheets: Sequence[bytes] = (),
    layers: Iterable[bytes] = (),
    pins: Sequence[Mapping[str, Any]] = (),
    key: str = "board",
    on_choice: Callable[[Choice], None] | None = None,
) -> Choice | None:
    """Draw the board; returns what the reader has just chosen on it, and None in every other run.

    `frame`, `sheets` and `layers` come from `attnviz.board`, `pins` from its tray's `listed`; of an outline the
    layers are sent one by one, while the board stands there already. `on_choice` is called with the
    choice before the page runs again: put the choice into the session there, and fields drawn above the board show it in
    the same run.
    """
    mailbox = f"{key}_answered"

    def on_message() -> None:
        found = read_choice(st.session_state[key].get("choice"), head.block)
        if found is None:
            return
        choice, st.session_state[mailbox] = found
        if on_choice is not None:
            on_choice(choice)

    data = {
        "frame": digest(frame),
        "sheets": [digest(sheet) for sheet in sheets],
        "selection": {**Choice(head, focus, options, view).as_dict(), "pins": list(pins)},
        "answered": st.session_state.get(mailbox, 0),
    }
    with st.container(gap=None):
        carry(frame, f"{key}_frame")
        for sheet in sheets:  # by its own name, so that one that was here stays here when another comes
            carry(sheet, f"{key}_{digest(sheet)}")
        result = _board(key=key, data=data, on_choice_change=on_message)
        for number, layer in enumerate(layers):  # each is made while those before it are on their way
            carry(layer, f"{key}_layer_{number}")
    found = read_choice(result.get("choice"), head.block)
    return None if found is None else found[0]


def carry(data: bytes, key: str) -> None:
    """Bring the bytes of a frame or sheet to the components that wait for them."""
    _carrier(key=key, data=data, height="content")


def read_choice(value: Any, block: str) -> tuple[Choice, int] | None:
    """Return the choice that the browser sent, and its number; None for anything else."""
    try:
        return (Choice.parse(value, block), message_number(value)) if value else None
    except BadInputError:
        return None
