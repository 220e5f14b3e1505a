"""Draw the page What if: an experiment and its settings, the reader's prediction, and both readings side by side."""

from __future__ import annotations

import streamlit as st

from attnviz.engine.reference import AS_TRAINED
from attnviz.engine.reference.intervened import MAX_TOKENS, InterventionResult
from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError, BadInputError
from attnviz.lessons.template import fill
from attnviz.pages.whatif import analysis, downloads, layout, lesson, pictures, settings, word_order
from attnviz.pages.whatif import values as sentence_values
from attnviz.pages.whatif.analysis import BeforeAfter
from attnviz.pages.whatif.lesson import Experiment
from attnviz.pages.whatif.quiz import show_question
from attnviz.ui import caution, figure_and_data, page_url, state, token_picker, widget_values, widgets
from attnviz.ui.backend import backend
from attnviz.ui.lesson_text import linked

__all__ = ["show"]

EXPERIMENT_PARAM = "what"  # URL parameter: the experiment
INSIDE_STEPS = {  # experiments, and the steps of “Inside attention” that they change
    "scale": "scaled", "mask": "mask", "order": "position", "heads": "heads", "cross": "qkv", "window": "mask", "zeroed": "mix",
}  # fmt: skip


def show(trace: Trace) -> None:
    """Draw the whole page; where this model or text has no experiments, a message says which have."""
    content = lesson.content()
    with st.container(key="whatif"):
        with st.container(horizontal=True, gap="large", key="whatif-top", vertical_alignment="bottom"):
            with st.container(key="whatif-title", gap=None):
                st.header(content["title"], anchor=False)
                st.caption(linked(content["lead"]))
            fields = st.container(
                horizontal=True, gap="small", key="whatif-fields", vertical_alignment="bottom", width="content"
            )
        chosen = _chosen()
        try:
            before = backend().intervene(trace.request, state.current().head.layer, AS_TRAINED)
        except AttnvizError as error:
            widgets.show_error(error)
            token_picker.instead(error, trace, MAX_TOKENS, "tried", "whatif")
            return
        with fields:
            at = token_picker.head_fields(before.tokens, len(before.weights[0]), "whatif")
        if chosen.id == "order":
            word_order.show(chosen, before, at)
        else:
            _experiment(chosen, before, at)
        _notes(chosen, before)


def _chosen() -> Experiment:
    """Draw the choice of experiments and return the one in the URL; the first, with a notice, if there is no such one."""
    known = {one.id: one for one in lesson.experiments()}
    chosen = next(iter(known.values()))
    try:
        chosen = lesson.experiment(page_url.parameter(EXPERIMENT_PARAM) or chosen.id)
    except BadInputError as error:
        widgets.show_notices([f"{error} Showing the first."])
    key = widget_values.fill("whatif-what", chosen.id)

    def choose(id: str) -> None:
        page_url.set_parameter(EXPERIMENT_PARAM, id)
        settings.hide()

    st.pills(
        "Experiment", list(known), format_func=lambda id: known[id].name, key=key, required=True,
        on_change=widget_values.answer(key, choose), label_visibility="collapsed", wrap=True,
    )  # fmt: skip
    return chosen


def _experiment(chosen: Experiment, before: InterventionResult, at: int) -> None:
    """Draw an experiment on one text, or on two: the change, both readings under it, and what they say.

    Before the guess, the question stands where the changed reading will be.
    """
    selection = state.current()
    head, heads = selection.head, len(before.weights[selection.head.layer])
    choice = layout.choice()
    with choice:
        values = settings.fields(chosen, before, at)
    try:
        change = analysis.intervention(chosen.id, values, head, heads, before.family)
        after = backend().intervene(selection.request, head.layer, change, values.get("other", ""))
    except AttnvizError as error:
        widgets.show_error(error)
        return
    pair = BeforeAfter(before, after, head.layer, head.head)
    numbers = {name: widgets.plain(found) for name, found in sentence_values.sentence(pair, at, values).items()}
    kinds, everywhere = (before.family, *values.values()), values["where"] == lesson.ALL
    right = analysis.correct_answer(chosen.id, pair, at)
    formula = fill(chosen.text("formula", *kinds), sentence_values.formula(pair, values))
    layout.show_change(choice, chosen, _linked_text(chosen.text("text", *kinds), numbers))
    if not settings.result_shown():
        with layout.covered():
            pictures.show_before(pair, at)
            show_question(chosen, pair.after, at, numbers, right)
        layout.show_formula(formula)
        figure_and_data.fold(
            "whatif", lambda: downloads.figures(figure_and_data.source(), chosen, pair, at, values, shown=False)
        )
        return
    pictures.show_result(chosen, pair, at, everywhere=everywhere)
    with layout.explained():
        with st.container():
            show_question(chosen, pair.after, at, numbers, right)
            parts = [chosen.text("finding", *kinds)]
            if chosen.id == "heads" and not everywhere and values["pass"] != "join":
                parts.append(chosen.words["unchanged"])
            st.markdown(_linked_text("".join(parts), numbers))
            st.markdown(_linked_text(lesson.content()["outcome"][before.family], numbers))
            st.markdown(f"**What to look for.** {_linked_text(chosen.text('look_for', before.family), numbers)}")
            layout.show_formula(formula)
        with st.container():
            pictures.show_further(pair, at, everywhere=everywhere)
            figure_and_data.fold(
                "whatif", lambda: downloads.figures(figure_and_data.source(), chosen, pair, at, values, shown=True)
            )


def _linked_text(text: str, numbers: dict[str, str]) -> str:
    """Fill a text of ours with its numbers, and link its terms to the glossary."""
    return linked(fill(text, numbers))


def _notes(chosen: Experiment, before: InterventionResult) -> None:
    """Draw the notes: how the models differ, the limits, a link to the same head step by step, and the sources."""
    numbers = {
        "dim": str(before.mix.shape[2]), "root": "", "heads": str(len(before.weights[0])), "groups": str(before.groups)
    }  # fmt: skip
    st.caption(f"{widgets.plain(state.card().name)}: {_linked_text(chosen.text('note', before.family), numbers)}")
    caution.show(lesson.content()["outside"])
    params = {**state.current().params(), "step": INSIDE_STEPS[chosen.id]}
    st.page_link("pages/learn/inside.py", label="The same head, step by step", query_params=params)
    st.caption(widgets.plain("; ".join(lesson.sources(chosen)) + "."))
