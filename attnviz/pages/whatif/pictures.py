"""Both readings as pictures on the page: the head's weights, the held row, how far the change goes, and what is said next."""

from __future__ import annotations

import numpy as np
import streamlit as st

from attnviz.engine.reference.intervened import InterventionResult
from attnviz.figures import encoding
from attnviz.pages.whatif import analysis, figure
from attnviz.pages.whatif.analysis import Pair
from attnviz.pages.whatif.lesson import Experiment
from attnviz.types import Token
from attnviz.ui import widgets

AXES = {
    "light": "Row = who looks, column = at whom; the darker, the more. White may not be seen.",
    "dark": "Row = who looks, column = at whom; the brighter, the more. Black may not be seen.",
}


def names(tokens: tuple[Token, ...]) -> list[str]:
    """Tokens as labels."""
    return [token.text for token in tokens]


def covered(pair: Pair, at: int) -> None:
    """The head as it was trained, alone: the other half comes after the guess."""
    st.html(figure.page(figure.beside(_before(pair, at))))


def shown(chosen: Experiment, pair: Pair, at: int, *, everywhere: bool) -> None:
    """Everything that there is to see of a pair."""
    same = not everywhere and np.array_equal(pair.changed, pair.plain)
    mixes = same and chosen.id in ("heads", "zeroed")  # weights stay as they are: what is mixed does not
    st.html(figure.page(figure.beside(_before(pair, at), *(_mixes(chosen, pair, at) if mixes else _after(pair, at)))))
    st.caption(AXES[widgets.theme()])
    st.html(figure.page(figure.beside(*_further(chosen, pair, at, everywhere=everywhere))))
    _table(pair, at)


def _before(pair: Pair, at: int) -> str:
    """The head as it was trained."""
    tried, labels = pair.before, names(pair.before.tokens)
    inner = figure.weights(pair.plain, tried.seen, labels, names(tried.keys), at, widgets.theme())
    return figure.panel("Before", f"L{pair.layer}·H{pair.number}, as trained", inner)


def _after(pair: Pair, at: int) -> list[str]:
    """The head with the change, and the difference where both look at the same tokens."""
    theme, labels = widgets.theme(), names(pair.after.tokens)
    joined = len(pair.after.weights[pair.layer]) < len(pair.before.weights[pair.layer])
    after = figure.weights(pair.changed, pair.after.seen, labels, names(pair.after.keys), at, theme)
    panels = [figure.panel("After", "all heads joined" if joined else f"L{pair.layer}·H{pair.number}", after)]
    if pair.comparable:
        less_more = figure.difference(analysis.difference(pair), labels, names(pair.before.keys), at, theme)
        panels.append(figure.panel("Difference", "green more, purple less", less_more))
    return panels


def _mixes(chosen: Experiment, pair: Pair, at: int) -> list[str]:
    """Where the weights stay as they are, what is taken by them, before and after."""
    theme, labels = widgets.theme(), names(pair.before.tokens)
    if chosen.id == "heads":
        most, token = float(pair.before.adds[:, at].max()), encoding.label(pair.before.tokens[at].text)
        drawn = [figure.heads(tried.adds[:, at], most, pair.number, theme) for tried in (pair.before, pair.after)]
        notes = ("length by head, before", "length by head, after")
        return [figure.panel(f"Added to “{token}”", note, inner) for note, inner in zip(notes, drawn, strict=True)]
    parts = [found * tried.values[pair.number] for found, tried in ((pair.plain, pair.before), (pair.changed, pair.after))]
    most = float(parts[0].max()) or 1.0
    return [
        figure.panel(
            f"Passed on, {when}", "weight × length of the value",
            figure.weights(part / most, pair.before.seen, labels, labels, at, theme, "Weight times length of the value"),
        )
        for when, part in zip(("before", "after"), parts, strict=True)
    ]  # fmt: skip


def _further(chosen: Experiment, pair: Pair, at: int, *, everywhere: bool) -> list[str]:
    """The held row, both ways through the layers, and next tokens."""
    theme, token = widgets.theme(), encoding.label(pair.before.tokens[at].text)
    if pair.comparable:
        rows = figure.panel(f"The row of “{token}”", "", figure.row(pair, at, theme))
    else:
        rows = figure.panel(f"The row of “{token}”", "in the second text", figure.one_row(pair.after, pair.changed[at], theme))
    held = -1 if everywhere else pair.layer
    states = figure.layers(analysis.drift(pair)[:, at], held + 1 if held >= 0 else held, theme, "start")
    moved = figure.layers(analysis.travelled(pair), held, theme)
    ways = figure.panel(f"The state of “{token}”", "how far from what it was, by layer", states)
    ways += figure.panel("Attention that has moved", "all heads and rows, by layer", moved)
    found = [rows, f'<div class="stack">{ways}</div>']
    if pair.before.likely:
        found.append(f'<div class="stack">{_next("before", pair.before)}{_next("after", pair.after)}</div>')
    return found


def _next(when: str, tried: InterventionResult) -> str:
    """The tokens that may come after the text."""
    return figure.panel("The next token", when, figure.likely(tried.likely[:5], widgets.theme()))


def _table(pair: Pair, at: int) -> None:
    """The held row in all its digits."""
    with st.expander("The numbers"):
        rows = [
            {"number": n, "token": encoding.label(token.text), "after": float(pair.changed[at, n])}
            | ({"before": float(pair.plain[at, n])} if pair.comparable else {})
            for n, token in enumerate(pair.after.keys)
        ]
        st.dataframe(rows, hide_index=True, height=320, alt="The row of the held token, before and after")
