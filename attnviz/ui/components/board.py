"""The board on a Streamlit page; what the reader chooses on it comes back as a Choice.

Two components: the board itself, which gets a small JSON, and an invisible carrier that brings the
bytes. So a chosen head never sends the weights again, and the board stays where it is while they change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st
from streamlit.components import v2

from attnviz.board import digest, scripts
from attnviz.board.choice import DEFAULT_OPTIONS, Choice
from attnviz.selection import VIEWS, TokenSelection
from attnviz.types import HeadRef
from attnviz.ui.components.messages import answered, listener, received
from attnviz.view_state import ViewOptions

__all__ = ["Choice", "board", "carry"]

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
    corpus: Mapping[str, Any] | None = None,
    key: str = "board",
    on_choice: Callable[[Choice], None] | None = None,
) -> Choice | None:
    """Draw the board; returns what the reader has just chosen on it, and None in every other run.

    `frame`, `sheets` and `layers` come from `attnviz.board`, `pins` from its tray's `listed`, `corpus` (the
    ranks of heads on annotated texts) from `linguistics.corpus_rank`; of an outline the layers are sent one by one, while the
    board stands there already. `on_choice` is called with the
    choice before the page runs again: put the choice into the session there, and fields drawn above the board show it in
    the same run.
    """
    parse = partial(Choice.parse, block=head.block)
    data = {
        "frame": digest(frame),
        "sheets": [digest(sheet) for sheet in sheets],
        "selection": {**Choice(head, focus, options, view).as_dict(), "pins": list(pins)},
        "corpus": corpus,
        "answered": answered(key),
    }
    with st.container(gap=None):
        carry(frame, f"{key}_frame")
        for sheet in sheets:  # by its own name, so that one that was here stays here when another comes
            carry(sheet, f"{key}_{digest(sheet)}")
        result = _board(key=key, data=data, on_choice_change=listener(key, "choice", parse, on_choice))
        for number, layer in enumerate(layers):  # each is made while those before it are on their way
            carry(layer, f"{key}_layer_{number}")
    return received(result, "choice", parse)


def carry(data: bytes, key: str) -> None:
    """Bring the bytes of a frame or sheet to the components that wait for them."""
    _carrier(key=key, data=data, height="content")
