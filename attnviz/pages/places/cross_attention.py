"""Draw self- and cross-attention: an encoder-decoder reads the sentence and a second text; three pictures of one head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st
from jaxtyping import Float

from attnviz.analysis import view
from attnviz.backends.local import trace_model
from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError
from attnviz.figures import encoding, heatmap
from attnviz.lessons.template import fill
from attnviz.models import catalog
from attnviz.pages.places import figure, lesson
from attnviz.text import words
from attnviz.types import AttentionRequest, HeadRef, Pattern
from attnviz.ui import glossary_links, heatmap_chart, input_bar, state, widgets
from attnviz.ui.backend import backend
from attnviz.view_state import ViewOptions

MAX_WORDS = 24  # words of a text, since three pictures are side by side
PARTS = ("encoder", "decoder", "cross")


@dataclass(frozen=True, eq=False)
class EncoderDecoderReading:
    """Two texts as an encoder-decoder read them, and notes on that model."""

    trace: Trace
    note: str
    is_trained: bool


def cross_attention(trace: Trace) -> int:
    """Draw the three kinds of attention of an encoder-decoder; return the number of tokens of the second text.

    Random weights of an untrained model are drawn only behind a click: what is seen first is which token can look at which.
    """
    st.header("Self-attention and cross-attention", anchor="across")
    st.markdown(glossary_links.linked(lesson.text("across", "lead")))
    target = st.text_input("Second text", key="places-target", value=lesson.text("across", "target"), width=560)
    source = _short(trace.request.text)
    both = _read(source, _short(target))
    if both.is_trained:
        st.caption(glossary_links.linked(both.note))
        _heads(both.trace)
    else:
        st.caption(glossary_links.linked(lesson.text("across", "untrained")))
        _shapes(both.trace)
        opened = st.expander(lesson.text("across", "fold"), key="places-random", on_change="rerun")
        if opened.open:
            with opened:
                st.markdown(glossary_links.linked(both.note))
                _heads(both.trace)
    if source != trace.request.text:
        st.caption(glossary_links.linked(fill(lesson.text("across", "cut"), {"most": str(MAX_WORDS)})))
    return len(both.trace.block("decoder").queries)


def _shapes(trace: Trace) -> None:
    """Draw which token can look at which in each of the three blocks."""
    shapes = []
    for part in PARTS:
        pattern = view.pattern(trace, HeadRef(0, 0, part), ViewOptions(words=False))
        words_ = lesson.content()["across"][part]
        text = fill(words_["text"], _numbers(trace, pattern))
        shapes.append(figure.Shape(words_["title"], text, ~heatmap.unseen(pattern), pattern.queries, pattern.keys))
    with st.container(key="places-shapes"):
        st.html(figure.shapes(shapes, encoding.LIVE.name))


def _heads(trace: Trace) -> None:
    """Draw one head of each block as a heatmap, with fields for the head."""
    head = _head(trace)
    with st.container(key="places-across"):
        for column, part in zip(st.columns(3, gap="medium"), PARTS, strict=True):
            with column:
                _picture(trace, HeadRef(head.layer, head.head, part))


def _short(text: str) -> str:
    """Return the first words of a text."""
    spans = words(text)
    return text if len(spans) <= MAX_WORDS else text[: spans[MAX_WORDS - 1][1]]


def _read(source: str, target: str) -> EncoderDecoderReading:
    """Read the texts with the chosen model if it is an encoder-decoder, else an installed one, else an untrained one."""
    cards = [card for card in (state.card(), *catalog.cards()) if card.kind == "encoder-decoder" and input_bar.available(card)]
    if cards:
        try:
            with st.spinner(f"{cards[0].name} reads both texts …", show_time=True):
                found = backend().attend(AttentionRequest(cards[0].id, source, target or None))
            return EncoderDecoderReading(found, _noted("trained", found, name=widgets.plain(cards[0].name)), is_trained=True)
        except AttnvizError as error:
            widgets.show_error(error)
    found = _untrained(source, target or lesson.text("across", "target"))
    return EncoderDecoderReading(found, _noted("random", found), is_trained=False)


def _noted(which: str, trace: Trace, **more: str) -> str:
    """Return notes on the model that read the texts."""
    numbers = {"layers": str(trace.layers), "heads": str(trace.heads), **more}
    return fill(lesson.text("across", which), numbers)


def _untrained(source: str, target: str) -> Trace:
    """Read the texts with a small random model; cached for each pair of texts."""
    from attnviz.models import untrained  # imports a model's code, which most pages do not need

    def made() -> Trace:
        return trace_model(*untrained.encoder_decoder(source, target), source, target)

    return backend().cache.get(("untrained", source, target), made)


def _head(trace: Trace) -> HeadRef:
    """Draw the fields for the head of the encoder-decoder, whose heads are not those of the chosen model."""
    with st.container(horizontal=True, gap="small"):
        layer = st.number_input("Layer there", 0, trace.layers - 1, key=f"places-layer-{trace.layers}", width=120)
        head = st.number_input("Head there", 0, trace.heads - 1, key=f"places-head-{trace.heads}", width=120)
    return HeadRef(int(layer), int(head), "cross")


def sums(weights: Float[np.ndarray, "query key"]) -> str:
    """Write the sums of the rows: `1.000`, or the range."""
    found = weights.sum(-1)
    least, largest = encoding.three(found.min()), encoding.three(found.max())
    return least if least == largest else f"{least} to {largest}"


def _picture(trace: Trace, head: HeadRef) -> None:
    """Draw one block's head as a heatmap, with a heading above and its numbers below."""
    pattern = view.pattern(trace, head, ViewOptions(words=False))
    block = trace.block(head.block)
    st.subheader(lesson.content()["across"][head.block]["title"], anchor=False)
    heatmap_chart.show(pattern, head.block, f"{head.block} {head}")
    text = lesson.content()["across"][head.block]["text"]
    st.markdown(glossary_links.linked(fill(text, _numbers(trace, pattern))))
    if block.source == "dense":
        st.caption("These weights are the library's own.")


def _numbers(trace: Trace, pattern: Pattern) -> dict[str, str]:
    """Return the numbers of a block's sentence."""
    n, m = len(trace.block("encoder").queries), len(trace.block("decoder").queries)
    return {
        "n": str(n), "m": str(m), "square": str(m * m), "blank": str(int(np.sum(heatmap.unseen(pattern)))),
        "cells": str(pattern.weights.size), "sums": sums(pattern.weights),
    }  # fmt: skip
