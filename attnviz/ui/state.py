"""URL and session in, the Selection out: the only place that decides what this reader looks at.

The Selection in the session is the truth. Widgets are filled from it before they are drawn and change it by callbacks;
the URL is written from it. A link, or a step back in the browser, is read when the URL is not what we wrote last.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import streamlit as st

from attnviz.models import catalog
from attnviz.selection import Selection
from attnviz.types import AttentionRequest, Focus, HeadRef, ModelCard, Pin, ViewOptions

_KEPT, _WRITTEN, _NOTICES, _LEFT = "attnviz_selection", "attnviz_url", "attnviz_notices", "attnviz_left"


def current() -> Selection:
    """What the reader looks at now."""
    return st.session_state[_KEPT]


def card() -> ModelCard:
    """The card of the chosen model."""
    return catalog.card(current().request.model)


def read_url() -> None:
    """Take the selection from the URL on a first visit, and whenever the URL was changed by somebody else."""
    params = st.query_params.to_dict()
    if _KEPT not in st.session_state or (params and params != st.session_state.get(_WRITTEN)):
        selection, notices = Selection.parse(params)
        st.session_state[_KEPT] = selection
        st.session_state[_NOTICES] = notices


def write_url() -> None:
    """Let the address bar carry the selection, so that a reload or a copied link shows the same."""
    params = current().params()
    if st.query_params.to_dict() != params:
        st.query_params.from_dict(params)
    st.session_state[_WRITTEN] = params


def notices() -> tuple[str, ...]:
    """What could not be used of the link, until the reader changes something."""
    return st.session_state.get(_NOTICES, ())


def keep_notices(lines: Iterable[str]) -> None:
    """More that the reader should know, until the reader changes something."""
    st.session_state[_NOTICES] = (*notices(), *lines)


def fill(key: str, value: Any) -> str:
    """Give a widget its value before it is drawn; returns the key."""
    if st.session_state.get(key) != value:
        st.session_state[key] = value
    return key


def change(**parts: Any) -> None:
    """A new selection with some parts exchanged; whatever was wrong with the link is forgotten."""
    st.session_state[_KEPT] = replace(current(), **parts)
    st.session_state[_NOTICES] = ()


def choose_text(text: str, text_b: str | None = None) -> None:
    """Another text: the held word stays where the same word stands at the same place, and is let go elsewhere."""
    before = current()
    request = AttentionRequest(before.request.model, text, text_b)
    change(request=request, focus=_same_word(before.focus, before.request, request), pins=_moved(before.pins, request))


def choose_model(name: str) -> None:
    """Another model: its own head to begin with, or what was left there; a second text rests where it takes none.

    Whoever tries a model that turns out to be missing or damaged finds head, pins and texts as they were.
    """
    chosen, before = catalog.card(name), current()
    left = st.session_state.setdefault(_LEFT, {})
    left[before.request.model] = before
    text_b, earlier = before.request.text_b, left.get(name)
    if earlier and not card().pairs and earlier.request.text == before.request.text:
        text_b = earlier.request.text_b
    request = AttentionRequest(name, before.request.text, text_b if chosen.pairs else None)
    focus = before.focus if before.focus and not before.focus.special else None
    head, pins = (earlier.head, earlier.pins) if earlier else (HeadRef(*chosen.head, chosen.blocks[0]), ())
    change(request=request, head=head, focus=focus, pins=_moved(pins, request))


def choose_head(layer: int, head: int) -> None:
    """Another head of the same block."""
    change(head=HeadRef(layer, head, current().head.block))


def choose_block(block: str) -> None:
    """Another block of an encoder-decoder, same layer and head."""
    change(head=replace(current().head, block=block), focus=None, pins=())


def choose_options(words: bool, special: str) -> None:
    """By words or tokens; special tokens shown, hidden or rescaled."""
    change(options=ViewOptions(words, special))


def hold(focus: Focus | None) -> None:
    """Hold a word, or let go."""
    change(focus=focus)


def keep_beside(head: HeadRef | None) -> None:
    """The one head shown beside the first, or none."""
    change(pins=() if head is None else (Pin(current().request, head),))


def _moved(pins: tuple[Pin, ...], request: AttentionRequest) -> tuple[Pin, ...]:
    """The same heads, asked about another text."""
    return tuple(replace(pin, request=request) for pin in pins)


def _same_word(focus: Focus | None, before: AttentionRequest, after: AttentionRequest) -> Focus | None:
    """The held word, if what stands there has not changed."""
    if focus is None or focus.special or focus.segment:
        return None
    old, new = (text[focus.start :].split(" ", 1)[0] for text in (before.text, after.text))
    starts_word = focus.start == 0 or after.text[focus.start - 1 : focus.start].isspace()
    return focus if old == new and old and starts_word else None
