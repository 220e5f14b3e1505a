"""Fields for token, layer, head and block, and alternatives where a text or model does not fit."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import streamlit as st

from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError, TooLongError
from attnviz.figures import encoding
from attnviz.lessons import examples
from attnviz.models import catalog
from attnviz.text import words
from attnviz.types import Token, joined
from attnviz.ui import state, widget_values, widgets
from attnviz.ui.backend import backend
from attnviz.view_state import TokenSelection

ELSEWHERE = (
    "Here the models run on another machine. It sends attention weights, but not the steps that lead to them. "
    "All other pages work; for this one, run attnviz on the machine with the models."
)
STOP = re.compile(r"""[.!?…][.!?…"'”’)\]]*(?=\s)|[。！？]""")  # the end of a sentence
WORDS = 3  # with fewer before a stop it is no sentence


def head_fields(tokens: Sequence[Token], heads: int, page: str) -> int:
    """Draw the fields for token, layer and head; return the token's place. `page` begins their keys."""
    at, head = token_field(tokens, page), state.current().head
    _number("Layer", f"{page}-layer", head.layer, state.card().layers, lambda n: state.choose_head(n, head.head))
    _number("Head", f"{page}-head", head.head, heads, lambda n: state.choose_head(head.layer, n))
    return at


def token_field(tokens: Sequence[Token], page: str) -> int:
    """Draw the field for the token alone; return its place. `page` begins its key."""
    at = place(tokens, state.current().focus)
    key = widget_values.fill(f"{page}-token", at)
    st.selectbox(
        "Token", range(len(tokens)), format_func=lambda number: name(tokens, number), key=key,
        on_change=widget_values.answer(key, lambda number: state.select_word(focus(tokens, number))), width=160,
    )  # fmt: skip
    return at


def block_field(blocks: Sequence[str]) -> None:
    """Draw the field for the block of an encoder-decoder; nothing if there is only one."""
    if len(blocks) > 1:
        block = state.current().head.block
        key = widget_values.fill("block", block)
        st.segmented_control(
            "Block", blocks, key=key, on_change=widget_values.answer(key, lambda chosen: state.choose_block(chosen or block)),
            required=True,
        )  # fmt: skip


def _number(label: str, key: str, value: int, count: int, choose: Callable[[int], None]) -> None:
    """Draw a field for a number from 0."""
    widget_values.fill(key, value)
    st.number_input(label, 0, count - 1, key=key, on_change=widget_values.answer(key, lambda n: choose(int(n))), width=88)


def name(tokens: Sequence[Token], at: int) -> str:
    """Return a token in a list: its place and its text, since the same text may stand at several."""
    return f"{at}: {encoding.marked(encoding.label(tokens[at].text), tokens[at])}"


def place(tokens: Sequence[Token], selected: TokenSelection | None) -> int:
    """Return the place of the selected token; with none selected, the last one that is not special."""
    if selected is not None and selected.special and selected.start < len(tokens):
        return selected.start
    for at, token in enumerate(tokens):
        if selected is None or token.special or token.segment != selected.segment:
            continue
        if token.start <= selected.start < token.end:
            return at
    return max((at for at, token in enumerate(tokens) if not token.special), default=0)


def focus(tokens: Sequence[Token], at: int) -> TokenSelection:
    """Return the selection of the token at place `at`."""
    token = tokens[at]
    return TokenSelection(at, special=True) if token.special else TokenSelection(token.start, token.segment)


def instead(error: AttnvizError, trace: Trace, most: int, what: str, page: str) -> None:
    """Offer what can be `what` (a participle, such as "traced"): a text that fits if this one is too long, else other models.

    `most` is how many tokens fit. Only models that come with the set-up can be computed step by step; where models run on
    another machine none can, and a message says so.
    """
    if backend().capabilities.step_trace is None:
        st.markdown(ELSEWHERE)
    elif isinstance(error, TooLongError):
        _shorter(trace, most, what, page)
    else:
        _models(what, page)


def _shorter(trace: Trace, most: int, what: str, page: str) -> None:
    """Offer the first sentence of the text, where that fits, and a ready one."""
    st.markdown(f"Shorter texts that can be {what}:")
    first, tokens = first_sentence(trace.request.text), trace.parts[0].queries
    kept = sum(token.special or (not token.segment and token.start < len(first)) for token in tokens)
    if first != trace.request.text and kept <= most:
        st.button(
            "The first sentence of your text", key=f"{page}-first", help=widgets.plain(first.strip()),
            on_click=state.choose_text, args=(first.strip(),),
        )  # fmt: skip
    ready = examples.examples()[0]
    st.button(widgets.plain(ready.text), key=f"{page}-ready", on_click=widgets.choose_example, args=(ready,))


def first_sentence(text: str) -> str:
    """Return the text up to the first stop after at least three words (so `Dr.` ends none), or all of it."""
    ends = (found.end() for found in STOP.finditer(text))
    return next((text[:end] for end in ends if len(words(text[:end])) >= WORDS), text)


def _models(what: str, page: str) -> None:
    """Offer the other models that come with the set-up."""
    found = [card for card in catalog.cards() if card.package and card.id != state.current().request.model]
    if found:
        st.markdown(f"{widgets.plain(joined([card.name for card in found]))} can be {what}:")
    for card in found:
        st.button(card.name, key=f"{page}-{card.id}", on_click=state.choose_model, args=(card.id,))
