"""Values of widgets: filled before a widget is drawn, and answered only by what the reader chose."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import streamlit as st

_FILLED, _REPLACED = "attnviz_filled", "attnviz_replaced"
MOMENT = 2.0  # seconds in which a browser on a slow line may still send the value that a field had before we filled it


def fill(key: str, value: Any) -> str:
    """Give a widget its value before it is drawn; returns the key."""
    state, filled = st.session_state, st.session_state.setdefault(_FILLED, {})
    if state.get(key) != value or filled.get(key, value) != value:
        replaced = state.setdefault(_REPLACED, {}).setdefault(key, {})
        before = [values[key] for values in (state, filled) if key in values]  # a new field had no value
        replaced |= dict.fromkeys(map(_hashable, before), time.monotonic())
        state[key] = value
    filled[key] = value
    return key


def answer(key: str, choose: Callable[[Any], None]) -> Callable[[], None]:
    """Return the callback of a filled widget: it calls `choose` with the reader's value.

    With each action a browser sends the values of all widgets of a page. If we filled one of them a moment ago and the
    browser has not received the new value yet, it sends the old one: that is not a choice, so it is ignored.
    """

    def on_change() -> None:
        value, replaced = st.session_state[key], st.session_state.setdefault(_REPLACED, {})
        if time.monotonic() - replaced.get(key, {}).get(_hashable(value), float("-inf")) < MOMENT:
            return
        replaced.pop(key, None)  # the browser is up to date: an old value can now be a choice again
        st.session_state.setdefault(_FILLED, {})[key] = value
        choose(value)

    return on_change


def _hashable(value: Any) -> Any:
    """Return a widget's value as a key: the value of a multiselect is a list."""
    return tuple(value) if isinstance(value, list) else value
