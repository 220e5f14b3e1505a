"""Fields for token, layer and head, and models to choose instead: what the pages on the pass from scratch have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from attnviz.figures import encoding
from attnviz.models import catalog
from attnviz.types import Focus, Token, joined
from attnviz.ui import blocks, state
from attnviz.ui.backend import backend

ELSEWHERE = (
    "Here the models run on another machine than the pages, and it sends attention weights, not the steps that lead to them. "
    "The other pages work as ever; for this one, run attnviz where the models are."
)


def fields(tokens: Sequence[Token], heads: int, page: str) -> int:
    """Fields for token, layer and head; returns the token's place. `page` begins their keys."""
    at, head = place(tokens, state.current().focus), state.current().head
    key = state.fill(f"{page}-token", at)
    st.selectbox(
        "Token", range(len(tokens)), format_func=lambda number: name(tokens, number), key=key,
        on_change=state.answer(key, lambda number: state.hold(focus(tokens, number))), width=160,
    )  # fmt: skip
    _number("Layer", f"{page}-layer", head.layer, state.card().layers, lambda n: state.choose_head(n, head.head))
    _number("Head", f"{page}-head", head.head, heads, lambda n: state.choose_head(head.layer, n))
    return at


def _number(label: str, key: str, value: int, count: int, choose: Callable[[int], None]) -> None:
    """A field for a number from 0."""
    state.fill(key, value)
    st.number_input(label, 0, count - 1, key=key, on_change=state.answer(key, lambda n: choose(int(n))), width=88)


def name(tokens: Sequence[Token], at: int) -> str:
    """A token in a list: its place and its text, since the same text may stand at several."""
    return f"{at}: {encoding.label(tokens[at].text)}"


def place(tokens: Sequence[Token], held: Focus | None) -> int:
    """The token that the reader holds; with none held, the last one that is not special."""
    if held is not None and held.special and held.start < len(tokens):
        return held.start
    for at, token in enumerate(tokens):
        if held is not None and not token.special and token.segment == held.segment and token.start <= held.start < token.end:
            return at
    return max((at for at, token in enumerate(tokens) if not token.special), default=0)


def focus(tokens: Sequence[Token], at: int) -> Focus:
    """A token as the selection holds it."""
    token = tokens[at]
    return Focus(at, special=True) if token.special else Focus(token.start, token.segment)


def instead(what: str, page: str) -> None:
    """The models that come with the set-up, which are written out from scratch: `what` can be done with them.

    Where models run on another machine none can, and this is said instead.
    """
    if not backend().walks:
        st.markdown(ELSEWHERE)
        return
    found = [card for card in catalog.cards() if card.package and card.id != state.current().request.model]
    if found:
        st.markdown(f"{blocks.plain(joined([card.name for card in found]))} can be {what}:")
    for card in found:
        st.button(card.name, key=f"{page}-{card.id}", on_click=state.choose_model, args=(card.id,))
