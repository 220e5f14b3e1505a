"""Self-attention, a recurrent network and cross-attention in one table, with the numbers of the reader's own sentence."""

from __future__ import annotations

import streamlit as st

from attnviz.analysis import token_counts
from attnviz.engine.trace import Trace
from attnviz.figures import encoding
from attnviz.figures.units import times
from attnviz.pages.places import lesson
from attnviz.ui import glossary_links

LINKED = ("self-attention", "cross-attention", "key", "value", "positional-encoding")


def compared(trace: Trace, target: int) -> None:
    """The table; `target` is how many tokens the second text has."""
    st.header("Beside other mechanisms", anchor="compared")
    numbers = _numbers(trace, target)
    table = lesson.content()["compared"]
    st.markdown(lesson.filled(table["lead"], numbers))
    lines = [f"| {' | '.join(table['columns'])} |", f"|{':--|' * len(table['columns'])}"]
    lines += [f"| {' | '.join((f'**{what}**', *cells))} |" for what, *cells in table["rows"]]
    with st.container(key="places-compared"):
        st.markdown(glossary_links.linked(lesson.filled("\n".join(lines), numbers), *LINKED))
    st.caption(table["note"])


def _numbers(trace: Trace, target: int) -> dict[str, str]:
    """Everything that the table says of the reader's sentence, worked out."""
    own = token_counts.sizes(trace)
    n, width = own.tokens, own.width
    cost, cross = token_counts.attention(n, width), token_counts.attention(target, width, n)
    found = {
        "n": n, "m": target, "width": width, "pairs": cost.pairs, "across": cross.pairs, "apart": n - 1,
        "selfwork": cost.work, "rnnwork": token_counts.recurrent(n, width), "crosswork": cross.work, "kept": n * own.kept,
    }  # fmt: skip
    twice = {
        "selftwice": times(token_counts.attention(2 * n, width).work / cost.work),
        "crosstwice": times(token_counts.attention(target, width, 2 * n).work / cross.work),
    }
    return {name: encoding.thousands(value) for name, value in found.items()} | twice
