"""Ready sets of panels, as buttons: each compares heads that answer one question."""

from __future__ import annotations

import streamlit as st

from attnviz.lessons import examples
from attnviz.models import catalog
from attnviz.selection import PINS, TEXT, Selection
from attnviz.types import AttentionRequest, HeadRef
from attnviz.ui import input_bar, pinned_heads, state
from attnviz.view_state import Panel, Pin, TokenSelection

EMBEDDED = ("minilm", "smollm2")
PAIR = (TEXT, TEXT.replace("tired", "wide"))
DIFFERENCE = (Panel("difference", (0, 1)),)
_SECOND = "attnviz_second_sentence"


def sets() -> None:
    """Draw one row of buttons, and offer the reader's own pins if a set has replaced them.

    All of it is in one container, so that what follows keeps its place and is not mounted again when a line disappears.
    """
    selection = state.current()
    with st.container():
        _row(selection)
        if selection.pins and not selection.shown:
            _apart(selection)


def _row(selection: Selection) -> None:
    """Draw the buttons."""
    layer = selection.head.layer
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="sets"):
        st.caption("Ready sets", width="content")
        st.button(
            "Tired / wide", on_click=tired_wide, help="One head on two sentences that differ in one word, and another head"
        )
        whole = selection.shown == "layer"
        st.button(
            f"All heads of layer {layer}", on_click=lambda: state.change(shown="" if whole else "layer"),
            key="set-layer-on" if whole else "set-layer", help="Press again to get your pins back",
        )  # fmt: skip
        with st.popover("Same head, two sentences"):
            _sentences()
        other = other_model()
        st.button(
            "Same sentence, two models", on_click=two_models, args=(other,), disabled=not other, key="set-models",
            help=f"{catalog.card(other).name} reads the text too, with its own head" if other else "No other model is here",
        )  # fmt: skip
        if away := pinned_heads.replaced_pins():
            st.button(
                f"Back to your {len(away)} pins" if len(away) > 1 else "Back to your pin", on_click=pinned_heads.restore_pins
            )


def _apart(selection: Selection) -> None:
    """After another sentence is typed, say that the panels are of other texts, and offer what to do."""
    if not selection.request.text.strip() or any(pin.request == selection.request for pin in selection.pins):
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="apart"):
        st.caption("The pinned heads belong to other texts: no panel shows the sentence above.", width="content")
        if len(selection.pins) < PINS:
            st.button(f"Pin {selection.head} of it", on_click=_pin_chosen)


def _pin_chosen() -> None:
    """Pin the chosen head on the shown sentence."""
    now = state.current()
    state.change(pins=(*now.pins, Pin(now.request, now.head)))


def tired_wide() -> None:
    """Show the tired / wide pair: one head on both sentences, the difference, and a second head."""
    first, second = (AttentionRequest("minilm", text) for text in PAIR)
    state.change(request=first, head=HeadRef(3, 1), focus=TokenSelection(TEXT.index("it was")))
    pins = (Pin(first, HeadRef(3, 1)), Pin(second, HeadRef(3, 1)), Pin(first, HeadRef(5, 11)))
    pinned_heads.show_set(pins, DIFFERENCE)


def _sentences() -> None:
    """Draw the choice of the second sentence: typed, or an example; first the pair of the shown one."""
    own = state.current().request.text
    ready = {one.text: one.title for one in examples.examples() if one.text != own}
    proposed = partner(own)
    typed = st.text_input("Second sentence", value=proposed, key=f"{_SECOND}-{own}", help="Enter puts both side by side")
    chosen = st.selectbox("Or an example", [None, *ready], format_func=lambda text: ready[text] if text else "Choose one")
    st.button("Side by side", on_click=two_sentences, args=(chosen or typed,), disabled=not (chosen or typed).strip())


def partner(text: str) -> str:
    """Return the other sentence of a minimal pair, or the one that pairs with the first sentence of the pages."""
    for one in examples.examples():
        if one.text == text and one.pair:
            return examples.example(one.pair).text
    return PAIR[1] if text != PAIR[1] else PAIR[0]


def two_sentences(text: str) -> None:
    """Show the chosen head on the shown sentence and on another one, and the difference."""
    now = state.current()
    if text.strip() and text != now.request.text:
        second = AttentionRequest(now.request.model, text)
        pinned_heads.show_set((Pin(now.request, now.head), Pin(second, now.head)), DIFFERENCE)


def other_model() -> str:
    """Return another bundled model than the shown one, "" if there is none."""
    own = state.current().request.model
    return next((name for name in EMBEDDED if name != own and input_bar.available(catalog.card(name))), "")


def two_models(name: str) -> None:
    """Show the sentence with its head, and the same sentence read by another model with its own head."""
    now, card = state.current(), catalog.card(name)
    request = AttentionRequest(name, now.request.text, now.request.text_b if card.pairs else None)
    pinned_heads.show_set((Pin(now.request, now.head), Pin(request, HeadRef(*card.head, card.blocks[0]))))
