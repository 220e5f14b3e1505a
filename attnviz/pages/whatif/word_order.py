"""Draw the experiment on word order: the text, its words shuffled, the shuffle undone, and the difference from the text."""

from __future__ import annotations

import numpy as np
import streamlit as st

from attnviz.engine.reference.intervened import InterventionResult
from attnviz.engine.reference.word_order import WordOrderResult
from attnviz.errors import AttnvizError
from attnviz.figures import encoding
from attnviz.lessons.template import fill
from attnviz.pages.whatif import analysis, downloads, figure, layout, settings
from attnviz.pages.whatif import values as sentence_values
from attnviz.pages.whatif.analysis import Values
from attnviz.pages.whatif.lesson import Experiment
from attnviz.pages.whatif.pictures import AXES, names
from attnviz.pages.whatif.quiz import show_question
from attnviz.ui import figure_and_data, state, widgets
from attnviz.ui.backend import backend
from attnviz.ui.lesson_text import linked


def show(chosen: Experiment, before: InterventionResult, at: int) -> None:
    """Draw the change, the readings under it, the guess, and the proof."""
    choice = layout.choice()
    with choice:
        values = settings.fields(chosen, before, at)
    seed = int(values["seed"])
    selection = state.current()
    heads = len(before.weights[selection.head.layer])
    try:
        change = analysis.intervention(chosen.id, values, selection.head, heads, before.family)
        found = backend().compare_orders(selection.request, selection.head, change, seed)
    except AttnvizError as error:
        widgets.show_error(error)
        return
    numbers = {"token": widgets.plain(encoding.label(before.tokens[at].text)), **sentence_values.shuffle(found)}
    numbers |= {name: chosen.words[f"{name}_{values[name]}"] for name in ("positions", "mask")}
    numbers["limit"] = chosen.words["limit"] if analysis.reaches_one(found) else ""
    numbers["result"] = fill(chosen.words["same" if analysis.equivariant(found) else "differs"], numbers)
    right = 0 if analysis.equivariant(found) else 1
    order = f"**{widgets.plain(' '.join(_mixed(found, before)))}**"
    layout.show_change(choice, chosen, linked(fill(chosen.text("text"), numbers)) + f"\n\n{order}")
    panels = _panels(found, before, at, values)
    if not settings.result_shown():
        with layout.covered():
            st.html(figure.page(panels[0]))
            show_question(chosen, before, at, numbers, right)
        layout.show_formula(chosen.words["formula"])
        return
    st.html(figure.page(figure.beside(*panels)))
    st.caption(AXES)
    with layout.explained():
        with st.container():
            show_question(chosen, before, at, numbers, right)
            st.markdown(linked(fill(chosen.text("finding", analysis.order_explanation(found, values)), numbers)))
        with st.container():
            st.markdown(f"**What to look for.** {linked(fill(chosen.text('look_for'), numbers))}")
            layout.show_formula(chosen.words["formula"], chosen.words["steps"], text=linked(chosen.words["proof"]))
            figure_and_data.fold(
                "whatif", lambda: downloads.order_figures(figure_and_data.source(), found, before.tokens, at, values)
            )


def _mixed(found: WordOrderResult, before: InterventionResult) -> list[str]:
    """Draw the tokens in their new order."""
    return [encoding.label(before.tokens[place].text) for place in found.order]


def _panels(found: WordOrderResult, before: InterventionResult, at: int, values: Values) -> list[str]:
    """Return four matrices; the selected token is marked at its place in each."""
    theme, labels, mixed = encoding.LIVE.name, names(before.tokens), _mixed(found, before)
    n = len(labels)
    seen = np.tri(n, dtype=bool) if values["mask"] == "on" else np.ones((n, n), bool)
    back = np.argsort(found.order)
    head = str(state.current().head)
    undone = found.undone
    seen_back = seen[np.ix_(back, back)]
    return [
        figure.panel("Your text", f"{head}, changed", figure.weights(found.plain, seen, labels, labels, at, theme)),
        figure.panel("Shuffled", head, figure.weights(found.mixed, seen, mixed, mixed, int(back[at]), theme)),
        figure.panel("Back in the old order", head, figure.weights(undone, seen_back, labels, labels, at, theme)),
        figure.panel(
            "Difference", "old order minus your text", figure.difference(undone - found.plain, labels, labels, at, theme)
        ),
    ]
