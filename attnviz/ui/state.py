"""The Selection of this reader: the only place that decides what the reader looks at.

The Selection in the session is the truth. `page_url` reads it from links and writes it to the URL, `widget_values`
fills widgets from it, whose callbacks change it here, and `pinned_heads` changes its pins and panels.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import streamlit as st

from attnviz.models import catalog
from attnviz.selection import Selection
from attnviz.text import words
from attnviz.types import AttentionRequest, HeadRef, Link, ModelCard
from attnviz.view_state import TokenSelection

_SELECTION, _NOTICES, _LAST_BY_MODEL = "attnviz_selection", "attnviz_notices", "attnviz_last_by_model"
_CHANGED = "attnviz_changed"  # by the reader, since the URL was written
_HEADS_CHOSEN = "attnviz_heads_chosen"  # models of which the reader or a link chose the head


def current() -> Selection:
    """Return the current selection."""
    return st.session_state[_SELECTION]


def card() -> ModelCard:
    """Return the card of the chosen model."""
    return catalog.card(current().request.model)


def is_open() -> bool:
    """Return whether there is a selection yet."""
    return _SELECTION in st.session_state


def open_link(selection: Selection, notices: tuple[str, ...], *, names_head: bool) -> None:
    """Take the selection of a link, with messages on its unusable parts. `names_head`: whether the link names a head."""
    st.session_state[_SELECTION] = selection
    st.session_state[_NOTICES] = notices
    _mark_head(selection.request.model, chosen=names_head)


def mark_changed() -> None:
    """Record that the reader changed something: until the URL is written, it is older than the selection."""
    st.session_state[_CHANGED] = True


def take_changed() -> bool:
    """Return whether the reader changed something since this was last called."""
    return st.session_state.pop(_CHANGED, False)


def notices() -> tuple[str, ...]:
    """Return messages, such as on unusable parts of a link; they stay until the reader changes something."""
    return st.session_state.get(_NOTICES, ())


def set_notices(lines: Iterable[str]) -> None:
    """Show these messages in place of all others."""
    st.session_state[_NOTICES] = tuple(lines)


def keep_notices(lines: Iterable[str]) -> None:
    """Add messages; they stay until the reader changes something."""
    st.session_state[_NOTICES] = (*notices(), *lines)


def open_on(head: HeadRef) -> None:
    """Show a head that suits the open page, if neither the reader nor a link has chosen one of this model.

    Other pages do not keep it.
    """
    if current().request.model not in st.session_state.get(_HEADS_CHOSEN, frozenset()):
        st.session_state[_SELECTION] = replace(current(), head=head)


def _mark_head(model: str, *, chosen: bool) -> None:
    """Remember whether the head of a model was chosen."""
    others = st.session_state.get(_HEADS_CHOSEN, frozenset()) - {model}
    st.session_state[_HEADS_CHOSEN] = others | {model} if chosen else others


def change(**parts: Any) -> None:
    """Replace parts of the selection, and drop the messages about the link."""
    _replace(**parts)
    if "head" in parts:
        _mark_head(current().request.model, chosen=True)


def _replace(**parts: Any) -> None:
    """Replace parts of the selection; a head does not count as chosen by the reader."""
    st.session_state[_SELECTION] = replace(current(), **parts)
    st.session_state[_NOTICES] = ()
    mark_changed()


def choose_text(text: str, text_b: str | None = None) -> None:
    """Choose another text. The selected word stays selected if the same word stands at the same place, else no word is.

    Pins stay with the texts that they were pinned on; links stay where all of their words do.
    """
    before = current()
    request = AttentionRequest(before.request.model, text, text_b)
    candidates, meant = (before.candidates, before.meant) if text == before.request.text else ((), None)
    focus = same_word(before.focus, before.request, request)
    links = same_links(before.links, before.request.text, text)
    change(request=request, focus=focus, candidates=candidates, meant=meant, links=links)


def choose_model(name: str) -> None:
    """Choose another model, with its default head, or the one last chosen there; a second text is kept until a model takes it.

    After a model that turns out to be missing or damaged, head and texts are as they were. Pins stay.
    """
    chosen, before = catalog.card(name), current()
    last = st.session_state.setdefault(_LAST_BY_MODEL, {})
    last[before.request.model] = before
    text_b, earlier = before.request.text_b, last.get(name)
    if earlier and not card().pairs and earlier.request.text == before.request.text:
        text_b = earlier.request.text_b
    request = AttentionRequest(name, before.request.text, text_b if chosen.pairs else None)
    focus = before.focus if before.focus and not before.focus.special else None
    _replace(request=request, head=earlier.head if earlier else HeadRef(*chosen.head, chosen.blocks[0]), focus=focus)


def choose_head(layer: int, head: int) -> None:
    """Choose another head of the same block."""
    change(head=HeadRef(layer, head, current().head.block))


def choose_block(block: str) -> None:
    """Choose another block of an encoder-decoder, same layer and head."""
    change(head=replace(current().head, block=block), focus=None)


def select_word(focus: TokenSelection | None) -> None:
    """Select a word, or none."""
    change(focus=focus)


def same_links(links: tuple[Link, ...] | None, before: str, after: str) -> tuple[Link, ...] | None:
    """Return the links, if the same words stand at their places in both texts; else None."""
    same = {place for place in set(words(before)) & set(words(after)) if before[slice(*place)] == after[slice(*place)]}

    def stays(span: tuple[int, int]) -> bool:
        return any(start <= span[0] and span[1] <= end for start, end in same)

    return links if links and all(stays(link.source) and stays(link.target) for link in links) else None


def same_word(focus: TokenSelection | None, before: AttentionRequest, after: AttentionRequest) -> TokenSelection | None:
    """Return the selected word, if the text there has not changed."""
    if focus is None or focus.special or focus.segment:
        return None
    old, new = (text[focus.start :].split(" ", 1)[0] for text in (before.text, after.text))
    starts_word = focus.start == 0 or after.text[focus.start - 1 : focus.start].isspace()
    return focus if old == new and old and starts_word else None
