"""Inside attention on the page: which head and token, which step, its words, picture and formula, and the numbers behind it."""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest

import numpy as np
import streamlit as st

from attnviz.engine.reference.head_steps import MOST, HeadSteps
from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError, BadInputError
from attnviz.figures import encoding
from attnviz.lessons import template
from attnviz.pages.inside import analysis as walked
from attnviz.pages.inside import figure, lesson, values
from attnviz.pages.inside.analysis import Shown
from attnviz.pages.inside.lesson import Step
from attnviz.pages.inside.quiz import guess
from attnviz.ui import state, token_picker, widgets
from attnviz.ui.backend import backend
from attnviz.ui.lesson_text import linked

STEP = "step"  # in the address
ALIKE = 1e-4  # as far as two computations of one weight may lie apart
OTHERWISE = {"position": "order", "scaled": "scale", "mask": "mask", "mix": "zeroed", "heads": "heads"}  # steps, experiments
COLOURS = {
    "vectors": "Green is above 0, purple below; each row has its own strongest colour.",
    "sums": "Green is above 0, purple below; all rows share one scale.",
}


def walked_through(trace: Trace) -> HeadSteps | None:
    """The head's steps; None after a message where this model or text cannot be walked through, which says what can."""
    head = state.current().head
    try:
        return _as_elsewhere(backend().step_trace(trace.request, head), trace.weights(head.layer, head.head))
    except AttnvizError as error:
        widgets.problem(error)
        token_picker.instead(error, trace, MOST, "walked through", "inside")
    return None


def _as_elsewhere(one: HeadSteps, weights: np.ndarray) -> HeadSteps:
    """The walk with the weights that all other pages show: computed by another way, they differ in their last bits at most.

    Of 38,880 weights of smollm2 on one sentence, four would have another third digit here.
    """
    alike = one.weights.shape == weights.shape and np.allclose(one.weights, weights, rtol=0.0, atol=ALIKE)
    return replace(one, weights=weights) if alike else one


def show(one: HeadSteps) -> None:
    """The whole page for one head: what is chosen, where one is, and the step."""
    content = lesson.content()
    with st.container(key="inside"):
        st.header(content["title"], anchor=False)
        st.caption(linked(content["lead"]))
        steps = lesson.steps(one.family, first=one.head.layer == 0)
        number = _number(steps)
        with st.container(horizontal=True, gap="small", key="inside-fields", vertical_alignment="bottom"):
            at = token_picker.fields(one.tokens, one.heads, "inside")
            _ways(steps, number)
        _step(one, at, steps[number])
        if number + 1 < len(steps):
            guess(one, at, steps[number + 1])
        _otherwise(steps[number])
        st.caption(linked(_differ(one)))
        st.caption(widgets.plain("; ".join(content["sources"]) + "."))


def _number(steps: tuple[Step, ...]) -> int:
    """Which step the address asks for; the first, and a notice, where there is no such step."""
    try:
        return lesson.number(steps, state.own(STEP) or steps[0].id)
    except BadInputError as error:
        widgets.notices([f"{error} Showing the first."])
        return 0


def _ways(steps: tuple[Step, ...], number: int) -> None:
    """One step back, any step, one step on: by button, list, and arrow key."""

    def go(to: int) -> None:
        state.keep_own(STEP, steps[to].id)

    last = number + 1 == len(steps)
    st.button("Back", key="inside-back", shortcut="Left", disabled=number == 0, on_click=go, args=(number - 1,))
    key = state.fill("inside-step", number)
    st.selectbox(
        f"Step (of {len(steps)})", range(len(steps)), format_func=lambda n: f"{n + 1}. {steps[n].name}", key=key,
        on_change=state.answer(key, go), width=180,
    )  # fmt: skip
    st.button("Next", key="inside-next", shortcut="Right", type="primary", disabled=last, on_click=go, args=(number + 1,))


def _otherwise(step: Step) -> None:
    """A link to the experiment that does this step otherwise, on the same text and head."""
    if step.id in OTHERWISE:
        params = {**state.current().params(), "what": OTHERWISE[step.id]}
        st.page_link("pages/learn/whatif.py", label="What if this were done otherwise?", query_params=params)


def _step(one: HeadSteps, at: int, step: Step) -> None:
    """Title, sentences, formula, picture, numbers. What is an everyday word elsewhere is a term here, and linked."""
    numbers = {name: widgets.plain(value) for name, value in values.sentence(one, at, step.id).items()}
    st.subheader(template.filled(step.title, numbers), anchor=False)
    st.markdown(linked(template.filled(step.text, numbers)))
    with st.container(key="inside-formula"):
        st.latex(template.filled(step.formula, values.formula(one, at, step.id)))
    shown = walked.shown(one, at, step.id)
    labels = [token.text for token in one.tokens]
    with st.container(key="inside-picture"):
        st.markdown(template.filled(step.picture, numbers))
    st.html(figure.drawn(shown, labels, at, walked.best(one, at), widgets.theme()))
    if shown.kind in COLOURS:
        st.caption(COLOURS[shown.kind])
    _numbers(shown, labels)


def _numbers(shown: Shown, labels: list[str]) -> None:
    """All that the picture shows, as a table."""
    if shown.kind == "seen":
        return
    with st.expander("The numbers"):
        names = [name for name, _ in shown.rows]
        columns = [[float(value) if np.isfinite(value) else None for value in row] for _, row in shown.rows]
        if shown.kind not in COLOURS:
            names, columns = ["token", *names], [[encoding.label(label) for label in labels], *columns]
        rows = [{"number": number, **dict(zip(names, row, strict=True))} for number, row in enumerate(zip_longest(*columns))]
        st.dataframe(rows, hide_index=True, height=320, alt=f"The numbers: {', '.join(names)}")


def _differ(one: HeadSteps) -> str:
    """What kind of model this is, and where it differs from the other kind."""
    name = widgets.plain(state.card().name)
    return lesson.content()["differ"][one.family].format(name=name, heads=one.heads, groups=one.groups)
