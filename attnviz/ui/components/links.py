"""The sentence on which links are drawn, and the map and list of heads, on a Streamlit page.

Both are Streamlit components. A half-drawn link stays in the browser; whole ones, and a chosen head, come back checked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st
from streamlit.components import v2

from attnviz.board import scripts
from attnviz.board.linking import ChosenHead, DrawnLinks, message_number
from attnviz.errors import BadInputError

_links = v2.component("attnviz_links", js=scripts.loader("links"))
_ranking = v2.component("attnviz_head_ranking", js=scripts.loader("ranking"))


def drawing(data: Mapping[str, Any], *, key: str, on_links: Callable[[DrawnLinks], None]) -> None:
    """Draw the sentence with its links; `on_links` is called with what the reader has drawn before the page runs again.

    `data` has the `text`, its `units` (word, start, end, whether it touches the one before, its mark), `links` as
    `linking.to_json` writes them, `refused` (for each link why no head can follow it, or ""), and `most`, how many are
    drawn by hand.
    """
    mailbox = f"{key}_answered"

    def on_message() -> None:
        sent = st.session_state[key].get("drawn")
        try:
            drawn, answered = DrawnLinks.parse(sent), message_number(sent)
        except BadInputError:
            return
        st.session_state[mailbox] = answered
        on_links(drawn)

    _links(key=key, data={**data, "answered": st.session_state.get(mailbox, 0)}, on_drawn_change=on_message)


def choosing(data: Mapping[str, Any], *, block: str, key: str, on_head: Callable[[ChosenHead], None]) -> bool:
    """Draw the map and the list; `on_head` gets a chosen head. Returns True in the run that opens that head's page.

    `data` is made by `attnviz.board.ranking.to_json`.
    """
    mailbox = f"{key}_answered"

    def on_message() -> None:
        sent = st.session_state[key].get("picked")
        try:
            picked, answered = ChosenHead.parse(sent, block), message_number(sent)
        except BadInputError:
            return
        st.session_state[mailbox] = answered
        on_head(picked)

    result = _ranking(key=key, data={**data, "answered": st.session_state.get(mailbox, 0)}, on_picked_change=on_message)
    try:
        return ChosenHead.parse(result.get("picked"), block).go == "board"
    except BadInputError:
        return False
