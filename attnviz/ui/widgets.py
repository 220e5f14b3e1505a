"""Parts of a page: messages, controls, pictures, tables. Text of readers is shown as text, never as markup."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError, UnavailableError
from attnviz.lessons import examples
from attnviz.lessons.long import LongText, long_texts
from attnviz.progress import ProgressEvent
from attnviz.selection import Selection
from attnviz.types import HeadRef, joined
from attnviz.ui import legibility_note, page_url, retry, shell, state, widget_values
from attnviz.ui.backend import backend, listening
from attnviz.ui.markdown import plain

theme = shell.theme
SORT = "sort"  # of the URL


def show_notices(lines: Sequence[str]) -> None:
    """Show messages, such as on unusable parts of a link, in one box."""
    if lines:
        st.info("  \n".join(plain(line) for line in lines))


def show_note(note: str) -> None:
    """Show a note below numbers, if there is one."""
    if note:
        st.caption(plain(note))


def show_error(error: AttnvizError) -> None:
    """Show an error of one part of a page, with rule, value and remedy; the rest of the page stays."""
    st.error(plain(str(error)))
    if isinstance(error, UnavailableError) and error.command:
        st.code(error.command, language=None)  # with a button that copies it
    retry.record(error)


def show_final_error(error: AttnvizError) -> None:
    """Show an error that ends the page, and that the reader's text and pins are kept."""
    show_error(error)
    if not isinstance(error, retry.TRANSIENT):
        st.caption("Your text and your choices are kept. Change the text or the model above.")


@contextmanager
def errors_shown() -> Iterator[None]:
    """Wrap a whole page: an AttnvizError that reaches this ends the page with its message."""
    try:
        yield
    except AttnvizError as error:
        show_final_error(error)


INVITED = (("tired", "who is “it”?"), ("thanks-he", "who is “he”?"), ("cataphora", "who is “she”?"))


def show_examples() -> None:
    """Show what to do on an empty page, and three sentences to start from."""
    st.header("Type a sentence, and see which word looks at which", anchor=False)
    st.markdown("Or start from one of these. Each asks one question that a head may answer.")
    for name, asks in INVITED:
        found = examples.example(name)
        st.button(
            f"{plain(found.text)}   _{asks}_", key=f"invited-{name}", type="tertiary", on_click=choose_example, args=(found,)
        )


def choose_example(example: examples.Example | LongText) -> None:
    """Choose a ready text with its selected word; a long one also with its own model and head."""
    before = state.card()
    if isinstance(example, LongText):
        state.choose_model(example.model)
        state.choose_text(example.text)
        state.change(head=example.head, focus=example.focus)
    else:
        state.choose_text(example.text)
        state.select_word(example.focus)
    if (now := state.card()) != before:
        words = len(example.text.split())
        reads = f"which reads {before.max_tokens:,} tokens, to {now.name}, which reads {now.max_tokens:,}"
        state.keep_notices([f"“{example.title}” has {words} words: the model was changed from {before.name}, {reads}."])


def _show_long_text_note(selection: Selection) -> None:
    """Show the note of a prepared long text, if the model is the one that the note was measured on."""
    for one in long_texts():
        if (one.text, one.model) == (selection.request.text, selection.request.model):
            st.caption(plain(one.note))


def trace_or_message(selection: Selection) -> Trace | None:
    """Return the trace of the selection, or None after a message that says why there is none.

    All messages stand in one container: so what follows keeps its place, and is not mounted again when a message goes.
    """
    with st.container(key="text-messages"):
        trace = _attended(selection)
        if trace is not None:
            _show_long_text_note(selection)
            legibility_note.line(trace)
        return trace


def _attended(selection: Selection) -> Trace | None:
    """Return the trace, or show a message."""
    show_notices(state.notices())
    if not selection.request.text.strip():
        show_examples()
        return None
    if not selection.fits:
        st.info("This text is too long for a link: the address does not contain it, and a reload loses it.")
    try:
        return _attend_with_progress(selection)
    except AttnvizError as error:
        show_final_error(error)
        if isinstance(error, UnavailableError):
            st.caption("Models marked “not here” must be downloaded once; the others work offline.")
        return None


def _attend_with_progress(selection: Selection) -> Trace:
    """Return the trace, with progress shown in one line; its notices stay until the reader changes something."""
    kept: list[str] = []
    bars: list[DeltaGenerator] = []  # made when there is something to show: a run that waits for nothing sends less
    with ExitStack() as waiting:

        def bar() -> DeltaGenerator:
            if not bars:
                bars.append(st.empty())
            return bars[0]

        def show(event: ProgressEvent) -> None:
            message = plain(event.message)
            match event.kind:
                case "notice":
                    kept.append(event.message)
                case "waiting":
                    bar().caption(message)
                case "progress":  # many, and quickly: a spinner for each would flicker
                    waiting.close()
                    bar().progress(event.share, text=message)
                case "step":
                    waiting.close()
                    for one in bars:  # of the step before
                        one.empty()
                    waiting.enter_context(st.spinner(message, show_time=True))

        show(ProgressEvent("Reading the text …"))
        try:
            with listening(show):
                trace = backend().attend(selection.request)
        finally:
            for one in bars:
                one.empty()
    kept += _drop_missing_heads(trace)
    state.keep_notices(kept)
    show_notices(kept)
    return trace


def _drop_missing_heads(trace: Trace) -> list[str]:
    """Drop chosen heads that the weights lack (a smaller model in a folder of the same name), and return the notices."""
    now, notes = state.current(), state.notices()
    lacking = [head for head in (now.head, *(p.head for p in now.pins if p.request == now.request)) if not _has(trace, head)]
    if not lacking:
        return []
    head = HeadRef(0, 0, trace.blocks[0]) if now.head in lacking else now.head
    pins = tuple(pin for pin in now.pins if pin.request != now.request or pin.head not in lacking)
    state.change(head=head, pins=pins, panels=now.panels if pins == now.pins else ())
    state.keep_notices(notes)
    names = joined([str(head) for head in dict.fromkeys(lacking)], "or")
    return [f"{state.card().name} as it is on this machine has no {names}: showing {head}."]


def _has(trace: Trace, head: HeadRef) -> bool:
    """Return whether a trace has a head."""
    part = trace.block(head.block) if head.block in trace.blocks else None
    return part is not None and head.layer < part.layers and head.head < part.calls[head.layer].heads


def rank_by_difference(page: str, other: str) -> bool:
    """Draw by what heads are ranked on a page, `other` or the difference from other words; returns whether it is the latter.

    The choice stands in the URL as `sort=difference`.
    """
    orders = {(usual := other.lower()): other, "difference": "Difference from other words"}
    now = "difference" if page_url.parameter(SORT) == "difference" else usual
    key = widget_values.fill(f"{page}-sort", now)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.caption("Rank by", width="content")
        st.segmented_control(
            "Rank by", list(orders), format_func=orders.__getitem__, key=key, required=True, label_visibility="collapsed",
            on_change=widget_values.answer(key, lambda order: page_url.set_parameter(SORT, "" if order == usual else order)),
        )  # fmt: skip
    return now == "difference"
