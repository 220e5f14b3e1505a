"""The live picture of the page Start: one head on one sentence, with the real model's weights."""

from __future__ import annotations

from typing import Any

import streamlit as st
from streamlit.components import v2

from attnviz.analysis import view
from attnviz.board import scripts
from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError
from attnviz.figures import encoding
from attnviz.models import catalog
from attnviz.selection import HEAD, PRONOUN, REQUEST
from attnviz.types import HeadRef
from attnviz.ui import widgets
from attnviz.ui.backend import backend
from attnviz.view_state import ViewOptions

_picture = v2.component("attnviz_start_picture", js=scripts.loader("start"))


def show() -> None:
    """Draw the picture, or say why the model cannot be read; the rest of the page stands without it."""
    try:
        with st.spinner("Reading the sentence …"):
            trace = backend().attend(REQUEST)
    except AttnvizError as error:
        widgets.show_error(error)
        return
    _picture(key="start-picture", data=data(trace, HEAD, PRONOUN.start), height="content")


def data(trace: Trace, head: HeadRef, start: int) -> dict[str, Any]:
    """Return what the picture needs: words, weights [word, word] of a head, and the word at `start`, which is held at first.

    Special tokens have no word on the picture; `apart` is what each of them takes of each word's row [word, special token].
    """
    pattern = view.pattern(trace, head, ViewOptions())
    words = [i for i, unit in enumerate(pattern.query_units) if not unit.special]
    special = [i for i, unit in enumerate(pattern.query_units) if unit.special]
    units = [pattern.query_units[i] for i in words]
    return {
        "words": [unit.text for unit in units],
        "weights": [[round(float(pattern.weights[i, j]), 4) for j in words] for i in words],
        "held": next(i for i, unit in enumerate(units) if unit.start == start),
        "head": encoding.head_name(head),
        "model": catalog.card(trace.request.model).name,
        "specials": [pattern.query_units[i].text for i in special],
        "apart": [[round(float(pattern.weights[i, j]), 4) for j in special] for i in words],
    }
