"""Settings of an experiment, as fields and as URL parameters; every URL parameter is checked."""

from __future__ import annotations

import numpy as np
import streamlit as st

from attnviz.engine.reference.intervened import InterventionResult
from attnviz.errors import BadInputError
from attnviz.pages.whatif.lesson import Experiment, Setting
from attnviz.ui import page_url, state, token_picker, widget_values, widgets

SEEN_PARAM = "seen"  # URL parameter: the result is shown
SLIDER_FROM = 4  # more options than these become a slider


def fields(chosen: Experiment, before: InterventionResult, at: int) -> dict[str, str]:
    """Draw a field for each setting and return the values; an invalid URL parameter gives a notice and the default."""
    values, notices = {}, []
    for setting in chosen.settings:
        usual = setting.start or str(int(np.argmax(before.weights[state.current().head.layer][state.current().head.head][at])))
        try:
            found = setting.read(page_url.parameter(setting.id) or usual)
            if setting.id == "zeroed" and int(found) >= len(before.tokens):
                raise BadInputError(f"zeroed is a token from 0 to {len(before.tokens) - 1}; got {found}. Choose one of these.")
        except BadInputError as error:
            notices.append(f"{error} Showing {usual}.")
            found = usual
        values[setting.id] = found
    widgets.show_notices(notices)
    with st.container(horizontal=True, gap="medium", key="whatif-settings", vertical_alignment="bottom"):
        for setting in chosen.settings:
            if _needed(setting, values):
                _field(setting, values[setting.id], before)
    return values


def _needed(setting: Setting, values: dict[str, str]) -> bool:
    """Return whether the setting has an effect: strides alone have no width, and a window alone has no stride."""
    unused = {"width": "stride", "stride": "window"}.get(setting.id)
    return unused is None or values.get("pattern") != unused


def _field(setting: Setting, value: str, before: InterventionResult) -> None:
    """Draw one field; its value goes into the URL."""
    key = f"whatif-{setting.id}"

    def keep(found: object) -> None:
        page_url.set_parameter(setting.id, str(found))

    if setting.id == "zeroed":
        widget_values.fill(key, int(value))
        st.pills(
            setting.label, range(len(before.tokens)),
            format_func=lambda n: token_picker.name(before.tokens, n).partition(": ")[2],
            key=key, required=True, on_change=widget_values.answer(key, keep), wrap=True,
        )  # fmt: skip
    elif setting.options:
        widget_values.fill(key, value)
        options, named, chosen = list(setting.options), setting.options.__getitem__, widget_values.answer(key, keep)
        if len(options) > SLIDER_FROM:
            st.select_slider(
                setting.label, options, format_func=named, key=key, help=setting.help, on_change=chosen, width=240
            )  # fmt: skip
        else:
            st.segmented_control(
                setting.label, options, format_func=named, key=key, help=setting.help, on_change=chosen, required=True
            )  # fmt: skip
    elif setting.longest:
        widget_values.fill(key, value)
        st.text_input(setting.label, key=key, max_chars=setting.longest, on_change=widget_values.answer(key, keep), width=480)
    else:
        widget_values.fill(key, int(value))
        st.number_input(setting.label, setting.low, setting.high, key=key, on_change=widget_values.answer(key, keep), width=120)
    if setting.id == "seed":
        st.button("Shuffle again", key="whatif-again", on_click=keep, args=((int(value) + 1) % (setting.high + 1),))


def result_shown() -> bool:
    """Return whether the result of the experiment is shown."""
    return page_url.parameter(SEEN_PARAM) == "1"


def reveal() -> None:
    """Show the result, and note it in the URL."""
    page_url.set_parameter(SEEN_PARAM, "1")


def hide() -> None:
    """Hide the result, as before a guess."""
    page_url.set_parameter(SEEN_PARAM, "")
