"""What if on the page: an experiment and its settings, what the reader predicts, and both readings side by side."""

from __future__ import annotations

import streamlit as st

from attnviz.engine.reference import AS_TRAINED
from attnviz.engine.reference.intervened import MOST, InterventionResult
from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError, BadInputError
from attnviz.lessons.template import filled
from attnviz.pages.whatif import analysis, lesson, pictures, settings, word_order
from attnviz.pages.whatif import values as sentence_values
from attnviz.pages.whatif.analysis import BeforeAfter
from attnviz.pages.whatif.lesson import Experiment
from attnviz.pages.whatif.quiz import ask
from attnviz.ui import state, token_picker, widgets
from attnviz.ui.backend import backend
from attnviz.ui.lesson_text import linked

__all__ = ["show"]

EXPERIMENT_PARAM = "what"  # in the address: the experiment
INSIDE_STEPS = {  # experiments, and the steps of “Inside attention” that they do otherwise
    "scale": "scaled", "mask": "mask", "order": "position", "heads": "heads", "cross": "qkv", "window": "mask", "zeroed": "mix",
}  # fmt: skip
WIDE = 760  # pixels: no formula stands far from its words


def show(trace: Trace) -> None:
    """The whole page; where this model or text cannot be tried, a message says what can."""
    content = lesson.content()
    with st.container(key="whatif"):
        st.header(content["title"], anchor=False)
        st.caption(content["lead"])
        chosen = _chosen()
        try:
            before = backend().intervene(trace.request, state.current().head.layer, AS_TRAINED)
        except AttnvizError as error:
            widgets.show_error(error)
            token_picker.instead(error, trace, MOST, "tried", "whatif")
            return
        with st.container(horizontal=True, gap="small", key="whatif-fields", vertical_alignment="bottom"):
            at = token_picker.fields(before.tokens, len(before.weights[0]), "whatif")
        if chosen.id == "order":
            word_order.show(chosen, before, at)
        else:
            _experiment(chosen, before, at)
        _notes(chosen, before)


def _chosen() -> Experiment:
    """The experiment that the address names, and the others to choose; the first, and a notice, where there is none such."""
    known = {one.id: one for one in lesson.experiments()}
    chosen = next(iter(known.values()))
    try:
        chosen = lesson.experiment(state.page_parameter(EXPERIMENT_PARAM) or chosen.id)
    except BadInputError as error:
        widgets.show_notices([f"{error} Showing the first."])
    key = state.fill("whatif-what", chosen.id)

    def choose(id: str) -> None:
        state.set_page_parameter(EXPERIMENT_PARAM, id)
        settings.hide()

    st.pills(
        "Experiment", list(known), format_func=lambda id: known[id].name, key=key, required=True,
        on_change=state.answer(key, choose), label_visibility="collapsed", wrap=True,
    )  # fmt: skip
    return chosen


def _experiment(chosen: Experiment, before: InterventionResult, at: int) -> None:
    """An experiment on one text, or on two: what is changed, the guess, and what comes of it."""
    selection = state.current()
    head, heads = selection.head, len(before.weights[selection.head.layer])
    st.subheader(chosen.title, anchor=False)
    above = st.container()
    values = settings.fields(chosen, before, at)
    try:
        change = analysis.intervention(chosen.id, values, head, heads, before.family)
        after = backend().intervene(selection.request, head.layer, change, values.get("other", ""))
    except AttnvizError as error:
        widgets.show_error(error)
        return
    pair = BeforeAfter(before, after, head.layer, head.head)
    numbers = {name: widgets.plain(found) for name, found in sentence_values.sentence(pair, at, values).items()}
    kinds = (before.family, *values.values())
    above.markdown(said(chosen.text("text", *kinds), numbers))
    above.container(width=WIDE).latex(filled(chosen.text("formula", *kinds), sentence_values.formula(pair, values)))
    if not ask(chosen, pair.after, at, numbers, analysis.correct_answer(chosen.id, pair, at)):
        pictures.show_before(pair, at)
        return
    parts = [chosen.text("finding", *kinds)]
    if chosen.id == "heads" and values["where"] != lesson.ALL and values["pass"] != "join":
        parts.append(chosen.words["unchanged"])
    st.markdown(said("".join(parts), numbers))
    st.markdown(said(lesson.content()["outcome"][before.family], numbers))
    pictures.show_both(chosen, pair, at, everywhere=values["where"] == lesson.ALL)
    st.markdown(f"**What to look for.** {said(chosen.text('look_for', before.family), numbers)}")


def said(text: str, numbers: dict[str, str]) -> str:
    """A text of ours with its numbers, and its terms linked to the glossary."""
    return linked(filled(text, numbers))


def _notes(chosen: Experiment, before: InterventionResult) -> None:
    """Where the models differ, what all of this is not, where the same head is walked through, and who says so."""
    numbers = {
        "dim": str(before.mix.shape[2]), "root": "", "heads": str(len(before.weights[0])), "groups": str(before.groups)
    }  # fmt: skip
    st.caption(f"{widgets.plain(state.card().name)}: {said(chosen.text('note', before.family), numbers)}")
    st.caption(lesson.content()["outside"])
    params = {**state.current().params(), "step": INSIDE_STEPS[chosen.id]}
    st.page_link("pages/learn/inside.py", label="The same head, step by step", query_params=params)
    st.caption(widgets.plain("; ".join(lesson.sources(chosen)) + "."))
