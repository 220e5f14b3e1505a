"""A run over texts of one's own: one text after the other, with progress, the time left and a stop, kept in the session."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import streamlit as st

from attnviz.errors import AttnvizError
from attnviz.figures import encoding
from attnviz.ui import widgets

T = TypeVar("T")
R = TypeVar("R")
SHOWN_SECONDS = 0.2  # between two updates of the progress


@dataclass(eq=False)
class OwnRun(Generic[R]):
    """What was read of some texts so far.

    `about` says of which texts, and with which model; `problem` why it ended early; `size` how many bytes it takes, where what
    reads the texts counts that.
    """

    about: Hashable
    done: list[R] = field(default_factory=list)
    running: bool = True
    problem: str = ""
    size: int = 0


def started(key: str, about: Hashable, label: str, note: str = "") -> OwnRun[Any] | None:
    """Draw the button that starts a run, with a note under it, if there is none yet; returns the run of these texts."""
    found, place = st.session_state.get(key), st.empty()  # which takes the button away as soon as the run begins
    if isinstance(found, OwnRun) and found.about == about:
        return found
    with place.container(gap="small"):
        _button(key, about, label)
        if note:
            st.caption(note)
    return None


def failed(key: str, about: Hashable, label: str, error: AttnvizError) -> None:
    """Draw the button again, to start anew, with the reason why there is no result of the run."""
    _button(key, about, label)
    st.error(widgets.plain(str(error)))


def _button(key: str, about: Hashable, label: str) -> None:
    st.button(label, key=f"{key}-start", type="primary", on_click=_start, args=(key, about))


def proceed(key: str, run: OwnRun[R], texts: Sequence[T], read: Callable[[T], R]) -> None:
    """Read the texts that are left, as long as the run goes on. Any action of the reader interrupts it here, and a later run
    of the page continues it."""
    if run.running and len(run.done) < len(texts):
        place = st.empty()
        with place.container(horizontal=True, vertical_alignment="center", gap="small", key=f"{key}-progress"):
            bar = st.progress(0.0)
            st.button("Stop", key=f"{key}-stop", on_click=_stop, args=(run,))
        _read(run, texts, read, bar)
        place.empty()
    if len(run.done) < len(texts):
        left = f"{_many(len(run.done))} of {_many(len(texts))} were read."
        if run.problem:
            st.warning(widgets.plain(f"{left} {run.problem}"))
        else:
            st.info(f"Stopped: {left} What follows is about these.")
        st.button("Go on", key=f"{key}-on", on_click=_continue, args=(run,))


def _read(run: OwnRun[R], texts: Sequence[T], read: Callable[[T], R], bar: Any) -> None:
    """Read texts until all are done, one fails, or Streamlit interrupts an update of the progress."""
    first, begun, shown = len(run.done), time.monotonic(), 0.0
    while len(run.done) < len(texts):
        now = time.monotonic()
        if now - shown >= SHOWN_SECONDS:
            done, shown = len(run.done), now
            bar.progress(done / len(texts), text=_progress(done, len(texts), done - first, now - begun))
        try:
            run.done.append(read(texts[len(run.done)]))
        except AttnvizError as error:
            run.problem = str(error)
            break
    run.running = False


def _progress(done: int, total: int, lately: int, seconds: float) -> str:
    """Return the line at the progress: how many are read, and about how long the others take."""
    line = f"{_many(done)} of {_many(total)} read"
    if lately < 5:
        return line
    left = seconds / lately * (total - done)
    return f"{line}, about {left / 60:.0f} min left" if left >= 90 else f"{line}, about {max(left, 1):.0f} s left"


def _many(count: int) -> str:
    return encoding.thousands(count)


def _start(key: str, about: Hashable) -> None:
    st.session_state[key] = OwnRun(about)


def _stop(run: OwnRun[Any]) -> None:
    run.running = False


def _continue(run: OwnRun[Any]) -> None:
    run.running, run.problem = True, ""
