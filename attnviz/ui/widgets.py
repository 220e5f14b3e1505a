"""Values in, pieces of a page out: messages, controls, pictures, tables. Text of readers is shown as text, never as markup."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import streamlit as st

from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError, UnavailableError
from attnviz.lessons import examples
from attnviz.lessons.long import LongText, long_texts
from attnviz.progress import ProgressEvent
from attnviz.selection import Selection
from attnviz.types import HeadRef, joined
from attnviz.ui import legibility_note, retry, shell, state
from attnviz.ui.backend import backend, listening
from attnviz.ui.markdown import plain

theme = shell.theme


def notices(lines: Sequence[str]) -> None:
    """What could not be used of a link, in one quiet message."""
    if lines:
        st.info("  \n".join(plain(line) for line in lines))


def aside(note: str) -> None:
    """What must be known of a trace beside its numbers, if there is anything."""
    if note:
        st.caption(plain(note))


def problem(error: AttnvizError) -> None:
    """Rule, value and remedy, of a part of a page; the rest of it stays as it is."""
    st.error(plain(str(error)))
    if isinstance(error, UnavailableError) and error.command:
        st.code(error.command, language=None)  # with a button that copies it
    retry.record(error)


def refused(error: AttnvizError) -> None:
    """The same where nothing can be shown of this text by this model; the reader's text and pins stay where they are."""
    problem(error)
    if not isinstance(error, retry.TRANSIENT):
        st.caption("Your text and your choices are kept. Change the text or the model above.")


@contextmanager
def told() -> Iterator[None]:
    """Around all that a page does: an error of ours that nobody nearer has shown ends the page with its message."""
    try:
        yield
    except AttnvizError as error:
        refused(error)


INVITED = (("tired", "who is “it”?"), ("thanks-he", "who is “he”?"), ("cataphora", "who is “she”?"))


def invitation() -> None:
    """What an empty page says: what to do, and three sentences to begin with."""
    st.header("Type a sentence, and see who looks at whom", anchor=False)
    st.markdown("Or start from one of these: each asks one thing that a head may answer.")
    for name, asks in INVITED:
        found = examples.example(name)
        st.button(
            f"{plain(found.text)}   _{asks}_", key=f"invited-{name}", type="tertiary", on_click=ask_example, args=(found,)
        )


def ask_example(example: examples.Example | LongText) -> None:
    """Read a ready text, with its word held; a long one by a model that reads so much, and with the head that it is about."""
    before = state.card()
    if isinstance(example, LongText):
        state.choose_model(example.model)
        state.choose_text(example.text)
        state.change(head=example.head, focus=example.focus)
    else:
        state.choose_text(example.text)
        state.hold(example.focus)
    if (now := state.card()) != before:
        words = len(example.text.split())
        reads = f"which reads {before.max_tokens:,} tokens, to {now.name}, which reads {now.max_tokens:,}"
        state.keep_notices([f"“{example.title}” has {words} words: the model was changed from {before.name}, {reads}."])


def _about(selection: Selection) -> None:
    """What is to be seen in a prepared long text, while it is read by the model that this was measured on."""
    for one in long_texts():
        if (one.text, one.model) == (selection.request.text, selection.request.model):
            st.caption(plain(one.note))


def attended(selection: Selection) -> Trace | None:
    """The trace of the selection, or None after a message that says why there is none.

    All that is said stands in one container: what comes after it keeps its place, and so is not mounted anew, when a
    message goes.
    """
    with st.container(key="said"):
        trace = _attended(selection)
        if trace is not None:
            _about(selection)
            legibility_note.line(trace)
        return trace


def _attended(selection: Selection) -> Trace | None:
    """The trace, or a message."""
    notices(state.notices())
    if not selection.request.text.strip():
        invitation()
        return None
    if not selection.fits:
        st.info("This text is too long for a link: the address bar does not carry it, and a reload starts anew.")
    try:
        return _waited(selection)
    except AttnvizError as error:
        refused(error)
        if isinstance(error, UnavailableError):
            st.caption("Models marked “not here” have to be fetched once; the ones without the mark work offline.")
        return None


def _waited(selection: Selection) -> Trace:
    """The trace, with what it takes so long said in one line; what stays true of it is kept until the reader moves on."""
    kept: list[str] = []
    bar = st.empty()
    with ExitStack() as waiting:

        def show(event: ProgressEvent) -> None:
            message = plain(event.message)
            match event.kind:
                case "notice":
                    kept.append(event.message)
                case "waiting":
                    bar.caption(message)
                case "progress":  # many, and quickly: a spinner for each would flicker
                    waiting.close()
                    bar.progress(event.share, text=message)
                case "step":
                    waiting.close()
                    waiting.enter_context(st.spinner(message, show_time=True))

        show(ProgressEvent("Reading the text …"))
        try:
            with listening(show):
                trace = backend().attend(selection.request)
        finally:
            bar.empty()
    kept += _fitted(trace)
    state.keep_notices(kept)
    notices(kept)
    return trace


def _fitted(trace: Trace) -> list[str]:
    """Let go of heads that the weights on this machine lack, as a smaller model in a folder of that name does; what to say."""
    now, said = state.current(), state.notices()
    lacking = [head for head in (now.head, *(p.head for p in now.pins if p.request == now.request)) if not _has(trace, head)]
    if not lacking:
        return []
    head = HeadRef(0, 0, trace.blocks[0]) if now.head in lacking else now.head
    pins = tuple(pin for pin in now.pins if pin.request != now.request or pin.head not in lacking)
    state.change(head=head, pins=pins, panels=now.panels if pins == now.pins else ())
    state.keep_notices(said)
    names = joined([str(head) for head in dict.fromkeys(lacking)], "or")
    return [f"{state.card().name} as it is on this machine has no {names}: showing {head}."]


def _has(trace: Trace, head: HeadRef) -> bool:
    """Whether a trace has a head."""
    part = trace.block(head.block) if head.block in trace.blocks else None
    return part is not None and head.layer < part.layers and head.head < part.calls[head.layer].heads
