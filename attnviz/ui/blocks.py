"""Values in, pieces of a page out: messages, controls, pictures, tables. Text of readers is shown as text, never as markup."""

from __future__ import annotations

import re
from collections.abc import Sequence

import streamlit as st

from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError, UnavailableError
from attnviz.lessons import examples
from attnviz.selection import Selection
from attnviz.ui import state
from attnviz.ui.backend import backend


def plain(text: str) -> str:
    """Text as Markdown that shows exactly this text: every mark that could start markup, a link or a formula is escaped."""
    return re.sub(r"([\\`*_{}\[\]()<>#+\-.!|~$:/@&=^])", r"\\\1", text).replace("\n", "  \n")


def theme() -> str:
    """`light` or `dark`, as the reader's browser shows the page."""
    return "dark" if st.context.theme.type == "dark" else "light"


def notices(lines: Sequence[str]) -> None:
    """What could not be used of a link, in one quiet message."""
    if lines:
        st.info("  \n".join(plain(line) for line in lines))


def problem(error: AttnvizError) -> None:
    """Rule, value and remedy; the reader's text and pins stay where they are."""
    st.error(plain(str(error)))
    st.caption("Your text and your choices are kept. Change the text or the model above.")


INVITED = (("tired", "who is “it”?"), ("thanks-he", "who is “he”?"), ("cataphora", "who is “she”?"))


def invitation() -> None:
    """What an empty page says: what to do, and three sentences to begin with."""
    st.subheader("Type a sentence, and see who looks at whom", anchor=False)
    st.markdown("Or start from one of these: each asks one thing that a head may answer.")
    for name, asks in INVITED:
        found = examples.example(name)
        st.button(
            f"{plain(found.text)}   _{asks}_", key=f"invited-{name}", type="tertiary", on_click=ask_example, args=(found,)
        )


def ask_example(example: examples.Example) -> None:
    """Read a ready sentence, with its pronoun held."""
    state.choose_text(example.text)
    state.hold(example.focus)


def attended(selection: Selection) -> Trace | None:
    """The trace of the selection, or None after a message that says why there is none."""
    notices(state.notices())
    if not selection.request.text.strip():
        invitation()
        return None
    if not selection.fits:
        st.info("This text is too long for a link: the address bar does not carry it, and a reload starts anew.")
    try:
        with st.spinner("Reading the text …", show_time=True):
            return backend().attend(selection.request)
    except AttnvizError as error:
        problem(error)
        if isinstance(error, UnavailableError):
            st.caption("Models marked “not here” have to be fetched once; the ones without the mark work offline.")
        return None
