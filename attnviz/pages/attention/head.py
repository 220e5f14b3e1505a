"""One head on the Attention page: its fields, what it does in words, and whether its weights are the model's own."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from attnviz.analysis import head_roles
from attnviz.engine import verify
from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError
from attnviz.figures import encoding
from attnviz.pages.attention.head_view import HeadView, selected_rows, strongest_row
from attnviz.types import HeadRef
from attnviz.ui import caution, glossary_links, pinned_heads, state, token_picker, widget_values, widgets
from attnviz.ui.backend import backend

_BESIDE = "attnviz_beside"
DESCRIBED = 3  # selected words that get a sentence each


def fields(trace: Trace) -> None:
    """Draw the fields: layer, head, the block where there are several, and a second head beside the first."""
    head = state.current().head
    block = trace.block(head.block)
    beside = pinned_heads.second_head()
    with st.container(horizontal=True, gap="small", key="fields"):
        token_picker.block_field(trace.blocks)
        _number("Layer", "layer", head.layer, block.layers, lambda n: state.choose_head(n, state.current().head.head))
        _number("Head", "head", head.head, block.heads, lambda n: state.choose_head(state.current().head.layer, n))
        st.toggle(
            "A second head beside it",
            key=widget_values.fill(_BESIDE, beside is not None),
            on_change=widget_values.answer(_BESIDE, _switch_second_head),
        )
        if beside is not None:
            _number(
                "Second layer",
                "layer_2",
                beside.layer,
                block.layers,
                lambda n: pinned_heads.pin_second_head(HeadRef(n, beside.head, head.block)),
            )
            _number(
                "Second head",
                "head_2",
                beside.head,
                block.heads,
                lambda n: pinned_heads.pin_second_head(HeadRef(beside.layer, n, head.block)),
            )


def _number(label: str, key: str, value: int, count: int, choose: Callable[[int], None]) -> None:
    """Draw a field for a number from 0."""
    widget_values.fill(key, value)
    explained = glossary_links.help(label.split()[-1].casefold())
    st.number_input(label, 0, count - 1, key=key, on_change=widget_values.answer(key, choose), width=120, help=explained)


def _switch_second_head(on: bool) -> None:
    """Switch the second head on (first the next one of the same layer) or off."""
    head, heads = state.current().head, state.card().heads
    pinned_heads.pin_second_head(HeadRef(head.layer, (head.head + 1) % heads, head.block) if on else None)


def described(first: HeadView, second: HeadView | None) -> None:
    """What the head does in words and numbers, beside it a second one, and whether their weights are the model's own."""
    shown = [one for one in (first, second) if one is not None]
    if second is None:
        _in_words(first)
    else:
        for column, one in zip(st.columns(len(shown), gap="large"), shown, strict=True):
            with column:
                _in_words(one)
    caution.show()
    _badge(first.trace, [one.head for one in shown])


def _in_words(head_view: HeadView) -> None:
    """Write the selected words' rows, what the head does on the whole text, and what was hidden, merged or left out.

    Sentences describe all weights of the head; only the note is about filters.
    """
    pattern, name = head_view.unfiltered, encoding.head_name(head_view.head)
    rows = selected_rows(pattern, head_view.focus)
    described = (rows[:DESCRIBED] or (strongest_row(pattern),)) if pattern.queries else ()
    lines = [widgets.plain(head_roles.as_text(pattern, row)) for row in described]
    lines.append(glossary_links.linked(widgets.plain(head_roles.role(pattern, head_view.options.words).sentence)))
    st.markdown("\n\n".join(f"**{name}:** {line}" for line in lines))
    if len(rows) > DESCRIBED:
        st.caption(f"{len(rows) - DESCRIBED} more words are selected.")
    if head_view.pattern.note:
        st.caption(glossary_links.linked(widgets.plain(head_view.pattern.note)))


def _badge(trace: Trace, heads: list[HeadRef]) -> None:
    """Say whether the weights on screen reproduce the model's output; a button checks all heads with the eager model."""
    request, card = state.current().request, state.card()
    check = verify.against_kernel(trace, heads)
    badge = ":gray-badge[Verified]" if check.ok else ":orange-badge[Not verified]"
    st.markdown(f"{badge} {glossary_links.linked(widgets.plain(check.note))}")
    if card.quantised:
        st.caption(glossary_links.linked(widgets.plain(f"{card.name} here is {card.quantised}.")))
    if backend().capabilities.check is None:
        return
    if len(trace.tokens) > verify.EAGER_TOKENS:
        st.caption(
            glossary_links.linked(
                f"All heads can be checked against the model library for up to {verify.EAGER_TOKENS} tokens; "
                f"this text has {len(trace.tokens):,}."
            )
        )
        return
    sizes = [(call.heads, len(part.queries) * len(part.keys)) for part in trace.parts for call in part.calls]
    weights = sum(heads * cells for heads, cells in sizes)
    clicked = st.button(
        f"Check all {sum(heads for heads, _ in sizes)} heads",
        help=f"Compares all {weights:,} weights with those that the model library returns; takes as long as reading twice.",
    )
    if clicked:
        try:
            with st.spinner("Checking all heads against the model library …", show_time=True):
                st.markdown(glossary_links.linked(widgets.plain(backend().check(request).note)))
        except AttnvizError as error:
            widgets.show_error(error)
