"""What a component's browser side sends: each message is checked, and its number goes back as the answer to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import streamlit as st

from attnviz.board.linking import message_number
from attnviz.errors import BadInputError

T = TypeVar("T")


def listener(key: str, trigger: str, parse: Callable[[Any], T], on_value: Callable[[T], None] | None) -> Callable[[], None]:
    """Return the callback of the component `key`: it calls `on_value` before the page runs again, and keeps the number.

    A message that `parse` refuses with BadInputError, or that has no number, is ignored.
    """

    def on_message() -> None:
        message = _checked(st.session_state[key].get(trigger), parse)
        if message is None:
            return
        value, st.session_state[f"{key}_answered"] = message
        if on_value is not None:
            on_value(value)

    return on_message


def answered(key: str) -> int:
    """Return the number of the last message of the component `key` that was accepted, 0 before the first."""
    return st.session_state.get(f"{key}_answered", 0)


def received(result: Mapping[str, Any], trigger: str, parse: Callable[[Any], T]) -> T | None:
    """Return the value that a component sent in this run; None where there is none that `listener` would accept."""
    message = _checked(result.get(trigger), parse)
    return None if message is None else message[0]


def _checked(sent: Any, parse: Callable[[Any], T]) -> tuple[T, int] | None:
    """Return the value of a message and its number; None for anything else."""
    try:
        return (parse(sent), message_number(sent)) if sent else None
    except BadInputError:
        return None
