"""Panels side by side on a Streamlit page; what the reader chooses there comes back as a Choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.components import v2

from attnviz.board import digest, scripts
from attnviz.ui.components.board import Choice, carry
from attnviz.ui.components.messages import answered, listener, received

_compare = v2.component("attnviz_compare", js=scripts.loader("compare"))


@dataclass(frozen=True)
class Source:
    """One head as the panels need it: `pin` as a tray lists it, the digest of its frame, or the `problem` that keeps it away.

    `heads` counts those of its layer; `in_set` says that it stands there for a ready set, not for a pin.
    """

    pin: Mapping[str, Any]
    frame: str | None
    heads: int
    problem: str = ""
    in_set: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the same as JSON has it."""
        return {**self.pin, "frame": self.frame, "heads": self.heads, "problem": self.problem, "set": self.in_set}


def panels(
    sources: Sequence[Source],
    *,
    frames: Sequence[bytes],
    sheets: Sequence[bytes],
    base: bytes,
    own: Mapping[str, Any],
    selection: Mapping[str, Any],
    shown: str = "",
    key: str = "compare",
    on_choice: Callable[[Choice], None] | None = None,
) -> Choice | None:
    """Draw the panels; returns what the reader has just chosen there, and None in every other run.

    `frames` and `sheets` come from `attnviz.board`; the places of the selected word are counted in the frame `base`.
    `own` is the chosen head as a tray lists it: a newly pinned one has its model and text; `selection` is a Choice as JSON
    has it, with pins and panels.
    """
    data = {
        "sources": [source.as_dict() for source in sources],
        "frames": [digest(frame) for frame in frames],
        "sheets": [digest(sheet) for sheet in sheets],
        "base": digest(base),
        "own": dict(own),
        "shown": shown,
        "selection": dict(selection),
        "answered": answered(key),
    }
    with st.container(gap=None):
        for part in dict.fromkeys((*frames, *sheets)):
            carry(part, f"{key}_{digest(part)}")
        result = _compare(key=key, data=data, on_choice_change=listener(key, "choice", Choice.parse, on_choice))
    return received(result, "choice", Choice.parse)
