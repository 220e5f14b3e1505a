"""Find heads on data of one's own: a class's sentences as a tally, and a claim tested on an annotated file."""

from __future__ import annotations

import streamlit as st

from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError
from attnviz.pages.find_heads import own_file, own_sentences
from attnviz.ui import page_url, widget_values, widgets

PARAMETER = "own"
CHOICES = {"sentences": "A class’s sentences", "file": "An annotated file"}
_PARTS = {"sentences": own_sentences.own_sentences, "file": own_file.own_file}


go_to_board = own_sentences.go_to_board


def own_data(trace: Trace) -> None:
    """Draw the choice, and the chosen part; nothing of either is sent before it is chosen."""
    st.header("Your own data", anchor=False)
    now = page_url.parameter(PARAMETER)
    name = widget_values.fill("heads-own", now if now in CHOICES else None)
    st.segmented_control(
        "Your own data", list(CHOICES), format_func=CHOICES.__getitem__, key=name, label_visibility="collapsed",
        on_change=widget_values.answer(name, lambda value: page_url.set_parameter(PARAMETER, value or "")),
    )  # fmt: skip
    if now not in CHOICES:
        st.caption(
            "Put sentences of your class through this head and count where it is right, or test a claim on a file that is "
            "annotated: CoNLL-U, GAP or TOML."
        )
        return
    with st.container(key="own-data"):
        try:
            _PARTS[now](trace)
        except AttnvizError as error:
            st.error(widgets.plain(str(error)))
