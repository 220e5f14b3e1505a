"""Find heads: links drawn on the sentence, every head ranked by them, and how often the chosen one is right on other texts."""

from __future__ import annotations

import streamlit as st

from attnviz.pages.find_heads import claim_tester, downloads, habits, own_data, probes, relation_picker, view
from attnviz.ui import caution, figure_and_data, single_text, state, widgets, worksheet


def show() -> None:
    """Draw the page for the current reader."""
    own_data.go_to_board()
    trace = widgets.trace_or_message(single_text.read(state.current()))
    if trace is None:
        return
    if worksheet.wanted():
        view.worksheet(trace)
        return
    view.sentence(trace)
    relation_picker.relation_picker(trace)
    view.ranking(trace)
    atlas = claim_tester.claim_tester(trace)
    caution.show()
    place = st.container()
    if atlas is not None:
        habits.habits(atlas)
        probes.probes(atlas)
    source = figure_and_data.source
    figure_and_data.fold("heads", lambda: downloads.figures(source(trace, single_text.chosen()), trace, atlas))
    worksheet.offer()
    with place:  # drawn last: a run over a file takes its time
        own_data.own_data(trace)
