"""A page whose backend failed in; the same page asked again when the backend is back, by itself or by a button, out.

What looks for the backend is a fragment: it runs beside the page, so that what is typed, held and pinned stays as it is.
Of a backend that is there and fails all the same, a page asks less and less often.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from attnviz.errors import AccessError, AttnvizError, BackendError, BusyError, LateError, OutputError
from attnviz.ui.backend import is_reachable

LOOK = 3.0  # seconds between two looks
MOST = 60.0  # seconds that a page waits between two questions
LATE = 3  # times that a page asks by itself for what took too long: each costs the backend all of its deadline
PASSES = (BackendError, OutputError)  # nothing is wrong with what was asked: the same may be answered later
_FAILED, _TRIED, _BUTTON = "attnviz_failed", "attnviz_tried", "attnviz_again"


@contextmanager
def watched() -> Iterator[None]:
    """Around a whole page: where the backend failed somewhere on it, the page ends with what becomes of that."""
    st.session_state.pop(_FAILED, None)
    yield
    error = st.session_state.pop(_FAILED, None)
    if error is None:
        st.session_state.pop(_TRIED, None)
        return
    tried = st.session_state.get(_TRIED, 0)
    wait = pause(error, tried)
    alone = not isinstance(error, LateError) or tried < LATE
    said = _told(error, alone) + (f" In the logs this question is {error.id}." if error.id else "")
    st.fragment(_looked, run_every=LOOK if alone else None)(time.monotonic() + wait if alone else None, said)


def noted(error: AttnvizError) -> None:
    """An error that the page shows: where nothing is wrong with what was asked, it is asked again."""
    if isinstance(error, PASSES):
        st.session_state[_FAILED] = error


def pause(error: AttnvizError, tried: int) -> float:
    """Seconds until a page asks again that has asked by itself `tried` times: twice as long each time, and at random
    somewhat more or less, so that readers who failed together do not come back together."""
    first = float(error.retry_after) if isinstance(error, BusyError) else MOST if isinstance(error, OutputError) else LOOK
    return min(MOST, first * 2.0 ** min(tried, 10)) * random.uniform(1.0, 1.5)


def _told(error: AttnvizError, alone: bool) -> str:
    """What a reader may expect."""
    kept = "Your text, your pins and your choices are kept."
    if not alone:
        return f"{kept} It took too long several times; this page does not ask again by itself."
    if isinstance(error, AccessError):
        return f"{kept} Whoever runs these pages sets the key; this page goes on as soon as the backend takes it."
    if isinstance(error, BusyError | OutputError):
        return f"{kept} This page asks again by itself when it is time."
    return f"{kept} This page asks again by itself, and goes on as soon as the backend answers."


def _looked(when: float | None, said: str) -> None:
    """What is said of it, the button, and a look from `when` on (None: never) whether the backend is back."""
    st.caption(said)
    if st.button("Try again now", key=_BUTTON):
        st.session_state.pop(_TRIED, None)
        st.rerun()
    if when is not None and time.monotonic() >= when and is_reachable():
        st.session_state[_TRIED] = st.session_state.get(_TRIED, 0) + 1
        st.rerun()
