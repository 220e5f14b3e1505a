"""Draw both readings: the head's weights, the selected row, how far the change reaches, and the next tokens."""

from __future__ import annotations

import numpy as np
import streamlit as st

from attnviz.engine.reference.intervened import InterventionResult
from attnviz.figures import encoding
from attnviz.pages.whatif import analysis, figure
from attnviz.pages.whatif.analysis import BeforeAfter
from attnviz.pages.whatif.lesson import Experiment
from attnviz.types import Token

AXES = "Row: the word that looks (query). Column: the word it looks at (key). Stronger is more; hidden pairs are empty."


def names(tokens: tuple[Token, ...]) -> list[str]:
    """Return tokens as labels."""
    return [token.text for token in tokens]


def show_before(pair: BeforeAfter, at: int) -> None:
    """Draw the head as trained; the changed one follows after the guess."""
    st.html(figure.page(_before(pair, at)))


def show_result(chosen: Experiment, pair: BeforeAfter, at: int, *, everywhere: bool) -> None:
    """Draw both readings of the head and their difference."""
    same = not everywhere and np.array_equal(pair.weights_after, pair.weights_before)
    mixes = same and chosen.id in ("heads", "zeroed")  # the weights stay the same, but the mixed vectors change
    st.html(figure.page(figure.beside(_before(pair, at), *(_mixes(chosen, pair, at) if mixes else _after(pair, at)))))
    st.caption(AXES)


def show_further(pair: BeforeAfter, at: int, *, everywhere: bool) -> None:
    """Draw the selected row, how far the change reaches, and the next tokens; behind a click, the numbers of the row."""
    st.html(figure.page(figure.around(*_further(pair, at, everywhere=everywhere))))
    _table(pair, at)


def _before(pair: BeforeAfter, at: int) -> str:
    """Draw the head as trained."""
    reading, labels = pair.before, names(pair.before.tokens)
    inner = figure.weights(pair.weights_before, reading.seen, labels, names(reading.keys), at, encoding.LIVE.name)
    return figure.panel("Before", f"L{pair.layer}·H{pair.number}, as trained", inner)


def _after(pair: BeforeAfter, at: int) -> list[str]:
    """Draw the changed head, and the difference where both readings have the same keys."""
    theme, labels = encoding.LIVE.name, names(pair.after.tokens)
    joined = len(pair.after.weights[pair.layer]) < len(pair.before.weights[pair.layer])
    after = figure.weights(pair.weights_after, pair.after.seen, labels, names(pair.after.keys), at, theme)
    panels = [figure.panel("After", "all heads joined" if joined else f"L{pair.layer}·H{pair.number}", after)]
    if pair.comparable:
        less_more = figure.difference(analysis.difference(pair), labels, names(pair.before.keys), at, theme)
        panels.append(figure.panel("Difference", "green more, purple less (on paper with a minus)", less_more))
    return panels


def _mixes(chosen: Experiment, pair: BeforeAfter, at: int) -> list[str]:
    """Draw what each token contributes, before and after, where the weights stay the same."""
    theme, labels = encoding.LIVE.name, names(pair.before.tokens)
    if chosen.id == "heads":
        most, token = float(pair.before.adds[:, at].max()), encoding.label(pair.before.tokens[at].text)
        drawn = [figure.heads(reading.adds[:, at], most, pair.number, theme) for reading in (pair.before, pair.after)]
        notes = ("length by head, before", "length by head, after")
        return [figure.panel(f"Added to “{token}”", note, inner) for note, inner in zip(notes, drawn, strict=True)]
    parts = [
        found * reading.values[pair.number]
        for found, reading in ((pair.weights_before, pair.before), (pair.weights_after, pair.after))
    ]
    most = float(parts[0].max()) or 1.0
    return [
        figure.panel(
            f"Passed on, {when}", "weight × length of the value",
            figure.weights(part / most, pair.before.seen, labels, labels, at, theme, "Weight times length of the value"),
        )
        for when, part in zip(("before", "after"), parts, strict=True)
    ]  # fmt: skip


def _further(pair: BeforeAfter, at: int, *, everywhere: bool) -> list[str]:
    """Draw the selected row, the change layer by layer, and the next tokens."""
    theme, token = encoding.LIVE.name, encoding.label(pair.before.tokens[at].text)
    if pair.comparable:
        rows = figure.panel(f"The row of “{token}”", "", figure.row(pair, at, theme))
    else:
        rows = figure.panel(
            f"The row of “{token}”", "in the second text", figure.one_row(pair.after, pair.weights_after[at], theme)
        )
    changed = -1 if everywhere else pair.layer
    states = figure.layers(analysis.state_change(pair)[:, at], changed + 1 if changed >= 0 else changed, theme, "start")
    moved = figure.layers(analysis.attention_change(pair), changed, theme)
    ways = figure.panel(f"The state of “{token}”", "change by layer, in parts of its length", states)
    ways += figure.panel("Attention that moved", "by layer, over all heads and rows", moved)
    found = [rows, f'<div class="stack">{ways}</div>']
    if pair.before.likely:
        found.append(f'<div class="stack">{_next("before", pair.before)}{_next("after", pair.after)}</div>')
    return found


def _next(when: str, reading: InterventionResult) -> str:
    """Return the most likely next tokens."""
    return figure.panel("The next token", when, figure.likely(reading.likely[:5], encoding.LIVE.name))


def _table(pair: BeforeAfter, at: int) -> None:
    """Draw the selected row as a table."""
    with st.expander("The numbers"):
        rows = [
            {"number": n, "token": encoding.label(token.text), "after": float(pair.weights_after[at, n])}
            | ({"before": float(pair.weights_before[at, n])} if pair.comparable else {})
            for n, token in enumerate(pair.after.keys)
        ]
        number = st.column_config.NumberColumn(format="%.3f")
        st.dataframe(
            rows, hide_index=True, height=320, column_config={"after": number, "before": number},
            alt="The row of the selected token, before and after",
        )  # fmt: skip
