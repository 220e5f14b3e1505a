"""The reader's own sentence: its words as buttons (and lists) to choose the pronoun and its candidates."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from attnviz import text as texts
from attnviz.engine.trace import Trace
from attnviz.figures import encoding
from attnviz.lessons.examples import Span
from attnviz.linguistics import anaphor
from attnviz.pages.coreference import sentence_figure
from attnviz.pages.coreference.question import PronounQuestion, numbered
from attnviz.selection import CANDIDATES
from attnviz.text.english import is_english
from attnviz.ui import state, widget_values, widgets
from attnviz.ui.single_text import chosen
from attnviz.view_state import TokenSelection

NONE = "No English pronoun found: click a word to use as the pronoun. Then choose at least two words that it could refer to."
CLICKABLE = 80  # words that are buttons; in a longer text, those around the pronoun
PRONOUN, COULD, DOES = "the pronoun", "a word that it could refer to", "the word that it does refer to"
SELECTED = "selected"
_NEXT = "click_chooses"


def reader_question(text: str, trace: Trace) -> PronounQuestion | None:
    """The question that the reader chooses for their own sentence, kept in the link; None after saying what is missing."""
    starts = {token.start for token in trace.block(chosen().block).queries if not token.special}
    places = [place for place in texts.words(text) if starts & set(range(*place))]
    if len(places) < 3:
        st.info("Type a sentence with a pronoun and at least two words that it could refer to, or choose a ready one above.")
        return None
    english = is_english(text, trace.block(chosen().block).queries)
    pronoun = _pronoun(text, places, english)
    known = pronoun is None or (english and anaphor.is_pronoun(text, pronoun))
    wanted = [start for start in state.current().candidates if pronoun is None or start != pronoun[0]]
    named = tuple(place for start in wanted for place in places if place[0] == start)  # in the order of choosing
    _buttons(text, places, pronoun, named, "pronoun" if known else SELECTED)
    if pronoun is not None and not known:
        st.caption(
            widgets.plain(f"“{text[slice(*pronoun)]}” is the selected word. The rule for English pronouns does not know it.")
        )
    _lists(text, places, pronoun, named, "Pronoun" if known else "Selected word")
    if pronoun is None:
        st.info(NONE)
        return None
    if len(named) < 2:
        st.info(
            "Choose the pronoun and at least two words that it could refer to. Then every head "
            "is ranked by how it divides its attention between them. If you know which word is right, choose that too."
        )
        return None
    meant = state.current().meant
    right = next((at for at, place in enumerate(named) if place[0] == meant), None)
    return PronounQuestion(text, pronoun, named, right)


def _pronoun(text: str, places: Sequence[Span], english: bool) -> Span | None:
    """Return the selected word; else the most likely pronoun; None if there is none, as where the text is not English."""
    focus = state.current().focus
    if focus is not None and not focus.special and not focus.segment:
        for place in places:
            if place[0] <= focus.start < place[1]:
                return place
    return anaphor.likely_pronoun(text, places) if english else None


def _buttons(text: str, places: Sequence[Span], pronoun: Span | None, named: Sequence[Span], role: str) -> None:
    """Draw the sentence, each word a button; the pronoun (as `role`) and the candidates are labelled.

    While there is no pronoun, a click chooses one.
    """
    if pronoun is None:
        st.session_state[_NEXT] = PRONOUN
    st.radio("A click on a word chooses", [COULD, DOES, PRONOUN], key=_NEXT, horizontal=True, disabled=pronoun is None)
    middle = 0 if pronoun is None else places.index(pronoun)
    first = max(0, min(middle - CLICKABLE // 2, len(places) - CLICKABLE))
    shown = places[first : first + CLICKABLE]
    meant = state.current().meant
    roles = ({} if pronoun is None else {pronoun: role}) | {
        place: f"candidate {at}{', right' if place[0] == meant else ''}" for at, place in enumerate(named, 1)
    }
    style = sentence_figure.button_style(
        "" if pronoun is None else f"word-{pronoun[0]}", [f"word-{place[0]}" for place in named]
    )
    st.html(f"<style>{style}</style>")
    with st.container(horizontal=True, gap=None, key="words"):
        for place in shown:
            word = widgets.plain(encoding.label(text[place[0] : place[1]]))
            label = f"{word} :small[{roles[place]}]" if place in roles else word
            st.button(label, key=f"word-{place[0]}", type="tertiary", on_click=partial(_clicked, place, pronoun, named))
    if len(shown) < len(places):
        around = "the first ones" if pronoun is None else "those around the pronoun"
        st.caption(f"{len(shown)} of {len(places)} words are buttons, {around}; the lists have all of them.")


def _clicked(place: Span, pronoun: Span | None, named: Sequence[Span]) -> None:
    """Make a word the pronoun, a candidate or the right candidate, or take that back."""
    kept, chooses, meant = [one[0] for one in named], st.session_state[_NEXT], state.current().meant
    others = tuple(start for start in kept if start != place[0])
    if pronoun is None or chooses == PRONOUN:
        _keep(place, others, meant)
        st.session_state[_NEXT] = COULD
    elif place == pronoun:
        _show_notice(f"A word cannot refer to itself. Choose “{PRONOUN}” above first, if another word is the pronoun.")
    elif chooses == DOES and place[0] in kept:
        _keep(pronoun, tuple(kept), None if meant == place[0] else place[0])
    elif place[0] in kept:
        _keep(pronoun, others, meant)
    elif len(kept) == CANDIDATES:
        _show_notice(f"At most {CANDIDATES} words can be candidates. Click one of them to remove it first.")
    else:
        _keep(pronoun, (*kept, place[0]), place[0] if chooses == DOES else meant)


def _keep(pronoun: Span, candidates: tuple[int, ...], meant: int | None) -> None:
    """Store the pronoun, its candidates, and the right one if it is among them."""
    state.change(focus=TokenSelection(pronoun[0]), candidates=candidates, meant=meant if meant in candidates else None)


def _show_notice(line: str) -> None:
    """Show one notice instead of earlier ones."""
    state.change()
    state.keep_notices([line])


def _lists(text: str, places: Sequence[Span], pronoun: Span | None, named: Sequence[Span], label: str) -> None:
    """Draw the same choices as lists, that of the pronoun with this label."""
    labels = {place: numbered(text, places, place) for place in places}
    with st.expander("The same as lists"), st.container(horizontal=True, gap="small"):
        key = widget_values.fill("pronoun", pronoun)
        st.selectbox(
            label, places if pronoun else [None, *places], key=key, width=208,
            format_func=lambda place: labels[place] if place else "None found",
            on_change=widget_values.answer(key, lambda place: state.select_word(TokenSelection(place[0]) if place else None)),
        )  # fmt: skip
        several = widget_values.fill("candidates", list(named))
        st.multiselect(
            "What could it refer to? Choose two or more words",
            [place for place in places if place != pronoun],
            format_func=labels.__getitem__,
            key=several,
            max_selections=CANDIDATES,
            width=520,
            on_change=widget_values.answer(several, lambda found: state.change(candidates=tuple(place[0] for place in found))),
        )
        one = widget_values.fill("meant", next((place for place in named if place[0] == state.current().meant), None))
        st.selectbox(
            "What does it refer to?", [None, *named], key=one, width=208,
            format_func=lambda place: labels[place] if place else "Not chosen",
            on_change=widget_values.answer(one, lambda place: state.change(meant=place[0] if place else None)),
        )  # fmt: skip
