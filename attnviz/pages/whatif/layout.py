"""Where the parts of an experiment stand: its change, the readings under it, the explanation, and the formula, folded."""

from __future__ import annotations

from contextlib import AbstractContextManager

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from attnviz.pages.whatif.lesson import Experiment


def choice() -> DeltaGenerator:
    """Return the place of the settings, and beside them of what they change."""
    return st.container(key="whatif-choice")


def show_change(beside: DeltaGenerator, chosen: Experiment, text: str) -> None:
    """Draw what the experiment changes (Markdown)."""
    with beside, st.container(key="whatif-change"):
        st.subheader(chosen.title, anchor=False)
        st.markdown(text)


def covered() -> AbstractContextManager:
    """Return the place of the reading as trained, and beside it of the question, where the answer will be."""
    return st.container(key="whatif-covered")


def explained() -> AbstractContextManager:
    """Return the place of two containers under the readings: what is said about them, and further pictures."""
    return st.container(key="whatif-explained")


def show_formula(*formulas: str, text: str = "") -> None:
    """Draw the formula behind a click, with a text (Markdown) between two of them."""
    with st.expander("The formula"):
        first, *more = formulas
        st.latex(first)
        if text:
            st.markdown(text)
        for formula in more:
            st.latex(formula)
