"""What habits and probes show alike: a list to pick one from, its map over all heads, and buttons for its best heads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from attnviz.types import HeadRef, quoted
from attnviz.ui import page_url, state, widget_values, widgets
from attnviz.ui.single_text import chosen

BEST = 6  # heads with a button


def pick(kind: str, names: Mapping[str, str], renamed: Mapping[str, str] | None = None) -> str:
    """Draw the list of measures, `names` by their keys; return the key of the picked one.

    `kind` is `habit` or `probe`, also the name of the URL parameter. A key that does not exist there becomes a notice, and
    the first measure is shown. `renamed` gives the present keys of older links.
    """
    wanted, now = _wanted(kind, renamed), picked(kind, names, renamed)
    if wanted not in ("", now):
        widgets.show_notices([f"There is no {kind} {quoted(wanted)} here: showing {names[now]}."])
    key = widget_values.fill(f"heads-{kind}", now)
    st.selectbox(
        kind.capitalize(), list(names), format_func=lambda name: names[name].capitalize(), key=key, width=280,
        on_change=widget_values.answer(key, lambda name: page_url.set_parameter(kind, name)),
    )  # fmt: skip
    return now


def picked(kind: str, names: Mapping[str, object], renamed: Mapping[str, str] | None = None) -> str:
    """Return the key of the measure on screen: that of the URL, or the first one."""
    wanted = _wanted(kind, renamed)
    return wanted if wanted in names else next(iter(names))


def _wanted(kind: str, renamed: Mapping[str, str] | None) -> str:
    asked = page_url.parameter(kind)
    return (renamed or {}).get(asked, asked)


def best_heads(
    kind: str,
    order: Sequence[HeadRef],
    value: Callable[[HeadRef], float],
    number: Callable[[float], str],
    *,
    least: bool = False,
) -> None:
    """Draw a button for each of the best heads, the largest (or `least`) number first; it chooses the head.

    Where the best are chosen on one half of the texts, their numbers are from the other and may be in another order. The chosen
    head is marked, and opens on the board.
    """
    mine = chosen()
    with st.container(horizontal=True, gap="small", key=f"{kind}-best"):
        for head in sorted(order[:BEST], key=lambda one: value(one) if least else -value(one)):
            now = (head.layer, head.head) == (mine.layer, mine.head)
            st.button(
                f"{head}  {number(value(head))}", key=f"{kind}-{head}", on_click=_choose, args=(head,),
                type="primary" if now else "secondary", help="The chosen head" if now else "Choose this head",
            )  # fmt: skip
        if st.button(f"Open {mine} on the board", key=f"{kind}-board", type="tertiary", icon=":material/arrow_forward:"):
            st.switch_page("pages/explore/attention.py")


def _choose(head: HeadRef) -> None:
    state.change(head=head)
