"""Draw the page Inside attention: head, token and step, with its words, formula, picture and numbers."""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest

import numpy as np
import streamlit as st

from attnviz.analysis import tables
from attnviz.engine.reference.head_steps import MAX_TOKENS, HeadSteps
from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError, BadInputError
from attnviz.figures import encoding
from attnviz.lessons import template
from attnviz.pages.inside import analysis, closing, downloads, figure, lesson, values
from attnviz.pages.inside.analysis import StepPicture
from attnviz.pages.inside.lesson import Step
from attnviz.pages.inside.quiz import show_question
from attnviz.ui import caution, figure_and_data, page_url, state, token_picker, widget_values, widgets
from attnviz.ui.backend import backend
from attnviz.ui.lesson_text import linked

STEP_PARAM = "step"  # URL parameter
TOLERANCE = 1e-4  # largest difference between two computations of one weight
EXPERIMENTS = {"position": "order", "scaled": "scale", "mask": "mask", "mix": "zeroed", "heads": "heads"}  # step to experiment
COLOURS = {
    "vectors": "Green is above 0, purple below 0 (on paper with a minus). Each row has its own colour scale.",
    "sums": "Green is above 0, purple below 0 (on paper with a minus). All rows share one colour scale.",
}


def head_steps(trace: Trace) -> HeadSteps | None:
    """Return the steps of the chosen head; None after a message if this model or text does not support it."""
    head = state.current().head
    try:
        return with_trace_weights(backend().step_trace(trace.request, head), trace.weights(head.layer, head.head))
    except AttnvizError as error:
        widgets.show_error(error)
        token_picker.instead(error, trace, MAX_TOKENS, "shown step by step", "inside")
    return None


def with_trace_weights(one: HeadSteps, weights: np.ndarray) -> HeadSteps:
    """Return the steps with the weights of the trace, so that all pages show the same digits.

    The two computations differ in their last bits at most: 4 of 38,880 weights of smollm2 on one sentence differ in the
    third digit.
    """
    close = one.weights.shape == weights.shape and np.allclose(one.weights, weights, rtol=0.0, atol=TOLERANCE)
    return replace(one, weights=weights) if close else one


def show(one: HeadSteps) -> None:
    """Draw the whole page for one head."""
    content = lesson.content()
    with st.container(key="inside"):
        steps = lesson.steps(one.family, first=one.head.layer == 0)
        number = _number(steps)
        with st.container(horizontal=True, gap="large", key="inside-top", vertical_alignment="bottom"):
            with st.container(key="inside-title", gap=None):
                st.header(content["title"], anchor=False)
                st.caption(linked(content["lead"]))
            with st.container(horizontal=True, gap="small", key="inside-fields", vertical_alignment="bottom", width="content"):
                at = token_picker.head_fields(one.tokens, one.heads, "inside")
        _progress(steps, number)
        with st.container(key="inside-step"):
            _step(one, at, steps, number)
        figure_and_data.fold("inside", lambda: downloads.figures(figure_and_data.source(), one, at), now=steps[number].id)
        caution.show(linked(_model_note(one)))
        st.caption(widgets.plain("; ".join(content["sources"]) + "."))


def _number(steps: tuple[Step, ...]) -> int:
    """Return the step in the address; the first one, with a notice, if there is no such step."""
    try:
        return lesson.number(steps, page_url.parameter(STEP_PARAM) or steps[0].id)
    except BadInputError as error:
        widgets.show_notices([f"{error} Showing the first."])
        return 0


def _go(steps: tuple[Step, ...], to: int) -> None:
    """Open a step."""
    page_url.set_parameter(STEP_PARAM, steps[to].id)


def _progress(steps: tuple[Step, ...], number: int) -> None:
    """Draw all steps in order, each a button: with their names where there is room, else as dots."""
    key = widget_values.fill("inside-progress", number)
    st.pills(
        "Steps", range(len(steps)), format_func=lambda n: steps[n].name, key=key, required=True, label_visibility="collapsed",
        on_change=widget_values.answer(key, lambda to: _go(steps, to)), width="stretch",
    )  # fmt: skip


def _navigation(steps: tuple[Step, ...], number: int) -> None:
    """Draw the buttons back and next, which the arrow keys press too."""
    last = number + 1 == len(steps)
    with st.container(horizontal=True, gap="small", key="inside-buttons", vertical_alignment="center"):
        st.button("Back", key="inside-back", shortcut="Left", disabled=number == 0, on_click=_go, args=(steps, number - 1))
        st.button(
            "Next", key="inside-next", shortcut="Right", type="primary", disabled=last, on_click=_go, args=(steps, number + 1)
        )  # fmt: skip


def _experiment_link(step: Step) -> None:
    """Link to the experiment that changes this step, on the same text and head."""
    if step.id in EXPERIMENTS:
        params = {**state.current().params(), "what": EXPERIMENTS[step.id]}
        st.page_link("pages/learn/whatif.py", label="Change this step in an experiment", query_params=params)


def _step(one: HeadSteps, at: int, steps: tuple[Step, ...], number: int) -> None:
    """Draw a step: words and formula, the picture beside them, and what leads to the next one."""
    step = steps[number]
    numbers = {name: widgets.plain(value) for name, value in values.sentence(one, at, step.id).items()}
    with st.container(key="inside-text"):
        st.caption(f"Step {number + 1} of {len(steps)}")
        st.subheader(template.fill(step.title, numbers), anchor=False)
        st.markdown(linked(template.fill(step.text, numbers)))
        with st.container(key="inside-formula"):
            st.latex(template.fill(step.formula, values.formula(one, at, step.id)))
    with st.container(key="inside-shown"):
        picture = analysis.picture(one, at, step.id)
        labels = [token.text for token in one.tokens]
        with st.container(key="inside-picture"):
            st.markdown(template.fill(step.picture, numbers))
        st.html(figure.render(picture, labels, at, analysis.best_key(one, at), encoding.LIVE.name))
        if picture.kind in COLOURS:
            st.caption(COLOURS[picture.kind])
        _numbers(picture, labels)
    with st.container(key="inside-on"):
        if number + 1 < len(steps):
            show_question(one, at, steps[number + 1])
        else:
            with st.container(key="inside-closing"):
                st.markdown(f"**{closing.title(one, at)}** {linked(closing.text(one, at))}")
        _navigation(steps, number)
        _experiment_link(step)


def _numbers(picture: StepPicture, labels: list[str]) -> None:
    """Draw the numbers of the picture as a table."""
    if picture.kind == "seen":
        return
    with st.expander("The numbers"):
        names = [name for name, _ in picture.rows]
        columns = [[float(value) if np.isfinite(value) else None for value in row] for _, row in picture.rows]
        if picture.kind not in COLOURS:
            names, columns = ["token", *names], [[encoding.label(label) for label in labels], *columns]
        rows = [{"number": number, **dict(zip(names, row, strict=True))} for number, row in enumerate(zip_longest(*columns))]
        forms = {name: encoding.three if name == "share" else encoding.digits for name in names if name != "token"}
        st.dataframe(
            tables.formatted(rows, forms), hide_index=True, height=320, alt=f"The numbers: {', '.join(names)}"
        )  # fmt: skip


def _model_note(one: HeadSteps) -> str:
    """Return a note on this kind of model and how it differs from the other kind."""
    name = widgets.plain(state.card().name)
    return lesson.content()["differ"][one.family].format(name=name, heads=one.heads, groups=one.groups)
