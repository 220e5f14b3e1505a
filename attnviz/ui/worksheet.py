"""The worksheet of a page: opened from “Share” or by the URL (`print=worksheet`), it takes the page's place and is printed.

A page with a worksheet asks `wanted`: if it is, the page draws nothing but `show`; else it calls `offer`.
"""

from __future__ import annotations

import streamlit as st

from attnviz.figures import worksheet
from attnviz.figures.worksheet import Sheet
from attnviz.types import quoted
from attnviz.ui import page_url, widget_values, widgets

PARAMETER, ANSWERS = page_url.NOT_CARRIED  # of the URL; ANSWERS is "1" with the page of answers
SHEET = "worksheet"
_HTML = '<a class="print-sheet" href="./" role="button" data-print>Print</a>'


def wanted() -> bool:
    """Return whether the worksheet is open; another value of the parameter is left out, with a notice."""
    found = page_url.parameter(PARAMETER)
    if found and found != SHEET:
        widgets.show_notices([f"“{PARAMETER}” cannot be {quoted(found)} in a link: left out."])
        page_url.set_parameter(PARAMETER, "")
    return found == SHEET


def offer() -> None:
    """Say that this page has a worksheet: “Share” passes its click on to this button, which is not shown."""
    st.button("Worksheet", key="worksheet-open", on_click=page_url.set_parameter, args=(PARAMETER, SHEET))


def show(sheet: Sheet) -> None:
    """Draw the sheet, and above it what prints it, adds the answers, and leads back."""
    answers = page_url.parameter(ANSWERS) == "1"
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="worksheet-tools"):
        st.html(_HTML, width="content")
        key = widget_values.fill("worksheet-answers", answers)
        st.toggle(
            "Answers, on a page of their own", key=key,
            on_change=widget_values.answer(key, lambda on: page_url.set_parameter(ANSWERS, "1" if on else "")),
        )  # fmt: skip
        close()
    with st.container(key="worksheet"):
        st.html(worksheet.html(sheet, answers))


def close() -> None:
    """Draw the way back."""
    st.button("Back to the page", key="worksheet-close", on_click=_close)


def _close() -> None:
    """Return to the page."""
    page_url.set_parameter(PARAMETER, "")
    page_url.set_parameter(ANSWERS, "")
