"""The sentence on which links are drawn, and the map and list of heads, on a Streamlit page.

Both are Streamlit components. A half-drawn link stays in the browser; whole ones, and a chosen head, come back checked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from streamlit.components import v2

from attnviz.board import scripts
from attnviz.board.linking import ChosenHead, DrawnLinks
from attnviz.ui.components.messages import answered, listener, received

_links = v2.component("attnviz_links", js=scripts.loader("links"))
_ranking = v2.component("attnviz_head_ranking", js=scripts.loader("ranking"))


def drawing(data: Mapping[str, Any], *, key: str, on_links: Callable[[DrawnLinks], None]) -> None:
    """Draw the sentence with its links; `on_links` is called with what the reader has drawn before the page runs again.

    `data` has the `text`, its `units` (word, start, end, whether it touches the one before, its mark), `links` as
    `linking.to_json` writes them, `refused` (for each link why no head can follow it, or ""), and `most`, how many are
    drawn by hand.
    """
    on_message = listener(key, "drawn", DrawnLinks.parse, on_links)
    _links(key=key, data={**data, "answered": answered(key)}, on_drawn_change=on_message)


def choosing(data: Mapping[str, Any], *, block: str, key: str, on_head: Callable[[ChosenHead], None]) -> bool:
    """Draw the map and the list; `on_head` gets a chosen head. Returns True in the run that opens that head's page.

    `data` is made by `attnviz.board.ranking.to_json`.
    """
    parse = partial(ChosenHead.parse, block=block)
    result = _ranking(
        key=key, data={**data, "answered": answered(key)}, on_picked_change=listener(key, "picked", parse, on_head)
    )
    chosen = received(result, "picked", parse)
    return chosen is not None and chosen.go == "board"
