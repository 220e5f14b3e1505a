"""Retries of a page whose backend failed: by itself when the backend is back, or by a button.

A fragment checks the backend: it runs beside the page, so that typed text, the selection and pins stay as they are. Where the
backend answers but fails again, the page retries less and less often.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from attnviz.errors import AccessError, AttnvizError, BackendError, BusyError, LateError, OutputError
from attnviz.ui.backend import is_reachable

CHECK_SECONDS = 3.0  # between two checks of the backend, and before the first retry
MAX_SECONDS = 60.0  # before a retry
MAX_TIMEOUTS = 3  # retries by itself of what took too long: each costs the backend its whole deadline
TRANSIENT = (BackendError, OutputError)  # nothing is wrong with the input: the same may be answered later
FAILED_KEY, ATTEMPTS_KEY, BUTTON_KEY = "attnviz_failed", "attnviz_attempts", "attnviz_again"  # in the session


@contextmanager
def retry_failed() -> Iterator[None]:
    """Wrap a whole page: where the backend failed in it, end the page with a message, a button and a check for retries."""
    st.session_state.pop(FAILED_KEY, None)
    yield
    error = st.session_state.pop(FAILED_KEY, None)
    if error is None:
        st.session_state.pop(ATTEMPTS_KEY, None)
        return
    attempts = st.session_state.get(ATTEMPTS_KEY, 0)
    wait = delay(error, attempts)
    automatic = not isinstance(error, LateError) or attempts < MAX_TIMEOUTS
    message = _message(error, automatic) + (f" In the logs this request is {error.id}." if error.id else "")
    retry_at = time.monotonic() + wait if automatic else None
    st.fragment(_check, run_every=CHECK_SECONDS if automatic else None)(retry_at, message)


def record(error: AttnvizError) -> None:
    """Remember an error that the page shows, so that the page is retried if the error is transient."""
    if isinstance(error, TRANSIENT):
        st.session_state[FAILED_KEY] = error


def delay(error: AttnvizError, attempts: int) -> float:
    """Return the seconds before the next retry: doubled after each attempt, times 1 to 1.5 at random.

    Because of the random factor, users whose pages failed at the same time do not retry at the same time.
    """
    if isinstance(error, BusyError):
        first = float(error.retry_after)
    else:
        first = MAX_SECONDS if isinstance(error, OutputError) else CHECK_SECONDS
    return min(MAX_SECONDS, first * 2.0 ** min(attempts, 10)) * random.uniform(1.0, 1.5)


def _message(error: AttnvizError, automatic: bool) -> str:
    """Return what the user can expect."""
    kept = "Your text, your pins and your choices are kept."
    if not automatic:
        return f"{kept} It took too long several times; this page does not try again by itself."
    if isinstance(error, AccessError):
        return f"{kept} The operator of this server must set the key; this page continues as soon as the backend accepts it."
    if isinstance(error, BusyError | OutputError):
        return f"{kept} This page tries again by itself after a while."
    return f"{kept} This page tries again by itself, and continues as soon as the backend answers."


def _check(retry_at: float | None, message: str) -> None:
    """Show the message and the button; from `retry_at` on (None: never) rerun the page once the backend answers."""
    st.caption(message)
    if st.button("Try again now", key=BUTTON_KEY):
        st.session_state.pop(ATTEMPTS_KEY, None)
        st.rerun()
    if retry_at is not None and time.monotonic() >= retry_at and is_reachable():
        st.session_state[ATTEMPTS_KEY] = st.session_state.get(ATTEMPTS_KEY, 0) + 1
        st.rerun()
