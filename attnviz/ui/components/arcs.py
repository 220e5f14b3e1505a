"""A picture of arcs on a Streamlit page: it scrolls where it is wider than the page, and its words can be clicked.

A component, because Streamlit's own elements let no SVG through, and an image would hide its words from a screen reader.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from streamlit.components import v2

BAR = 28  # pixels for the space around the picture and for a scroll bar under it
_CSS = """
.arcs { overflow-x: auto; padding: 4px 0 8px; }
.arcs svg { display: block; max-width: none; }
.arcs:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
.arcs .word { cursor: pointer; }
"""
# The picture is parsed as HTML, which runs no script of it; all text in it is escaped already.
_JS = """
export default ({ parentElement, data, setTriggerValue }) => {
  const box = parentElement.querySelector(".arcs");
  box.setAttribute("aria-label", data.label);
  if (box.drawn !== data.svg) {
    const left = box.scrollLeft;
    box.replaceChildren(new DOMParser().parseFromString(data.svg, "text/html").body.firstElementChild);
    box.scrollLeft = left;
    box.drawn = data.svg;
  }
  box.onclick = (event) => {
    const word = event.target.closest("[data-word]");
    if (word) setTriggerValue("word", Number(word.dataset.word));
  };
};
"""
_arcs = v2.component("attnviz_arcs", html='<div class="arcs" role="region" tabindex="0"></div>', css=_CSS, js=_JS)


def arcs(svg: str, *, height: int, label: str, words: int, key: str = "arcs", on_word: Callable[[int], None]) -> None:
    """Draw a picture made by `attnviz.pages.syntax.arc_figure`, `height` pixels tall: that room is kept until it is there.

    `on_word` gets the number of a clicked word, below `words`.
    """

    def on_message() -> None:
        number = st.session_state[key].get("word")
        if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < words:
            on_word(number)

    _arcs(key=key, data={"svg": svg, "label": label}, height=height + BAR, on_word_change=on_message)
