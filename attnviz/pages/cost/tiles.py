"""Show tiled attention step by step: the chosen head on the reader's text, with the running numbers of one row."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import streamlit as st

from attnviz.engine.block import Block
from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError
from attnviz.figures import encoding
from attnviz.pages.cost import lesson, tile_figure
from attnviz.pages.cost.bench.tile_trace import TileTrace, TileUpdate, trace_tiles
from attnviz.types import Token
from attnviz.ui import glossary_links, state, token_picker, widgets
from attnviz.ui.backend import backend

PART = "tiles"
MAX_TOKENS = 64  # tokens shown
MAX_REMOTE_TOKENS = 512  # tokens up to which a remote backend also sends values
SIDES = (2, 4, 8, 16)
ACROSS = 8  # most tiles from side to side
PACE = 1.0  # seconds per tile in playback
_STEP, _MOVED, _ABOUT = "cost-tile", "cost-moved", "cost-about"


def tiles(trace: Trace) -> None:
    """Draw this part. The stepper is a fragment: the rest of the page does not rerun."""
    head = state.current().head
    st.header(lesson.text(PART, "title"), anchor="tiles")
    st.markdown(glossary_links.linked(lesson.text(PART, "lead"), "softmax"))
    block = _block(trace)
    queries, keys, sides = _sides(trace)
    try:
        layer = block.calls[head.layer]
        whole = {side: trace_tiles(layer, head.head, side, MAX_TOKENS) for side in sides}
    except AttnvizError as error:
        st.info(glossary_links.linked(lesson.text(PART, "none", {"why": widgets.plain(str(error))})))
        return
    if len(block.keys) > MAX_TOKENS:
        st.caption(
            glossary_links.linked(
                lesson.text(PART, "cut", {"tokens": str(MAX_TOKENS), "all": encoding.thousands(len(block.keys))})
            )
        )
    playing = st.session_state.get("cost-play", False)
    st.fragment(_stepper, run_every=PACE if playing else None)(whole, queries, keys)


@dataclass(frozen=True)
class TileView:
    """The tile on screen: all tiles, the names of rows and columns, the step and the row."""

    found: TileTrace
    queries: tuple[str, ...]
    keys: tuple[str, ...]
    step: int
    at: int


def on_screen(trace: Trace) -> TileView | None:
    """Return the tile in the fields, which are drawn; None where this text or model has no tiles."""
    head, session = state.current().head, st.session_state
    queries, keys, sides = _sides(trace)
    at, side = session.get(f"cost-row-{len(queries)}"), session.get(_side_key(sides))
    if at is None or side is None:
        return None
    try:
        found = trace_tiles(_block(trace).calls[head.layer], head.head, side, MAX_TOKENS)
    except AttnvizError:  # the page says why
        return None
    step = min(session.get(_STEP, 0), len(found.tiles) - 1)
    return TileView(found, tuple(one.text for one in queries), tuple(one.text for one in keys), step, at)


def _block(trace: Trace) -> Block:
    """Return the block of the head on screen, with values where a remote backend is asked for them."""
    whole = backend().full_trace(trace.request) if len(trace.tokens) <= MAX_REMOTE_TOKENS else trace
    return whole.block(state.current().head.block)


def _sides(trace: Trace) -> tuple[tuple[Token, ...], tuple[Token, ...], list[int]]:
    """Return the rows and columns that are shown, and the sides of a tile."""
    block = _block(trace)
    queries, keys = block.queries[:MAX_TOKENS], block.keys[:MAX_TOKENS]
    return queries, keys, [side for side in SIDES if -(-max(len(queries), len(keys)) // side) <= ACROSS]


def _side_key(sides: list[int]) -> str:
    return f"cost-side-{'-'.join(map(str, sides))}"


def _stepper(traces: dict[int, TileTrace], tokens: tuple[Token, ...], keys: tuple[Token, ...]) -> None:
    """Draw fields, picture and numbers of one tile."""
    head = encoding.head_name(state.current().head)
    with st.container(horizontal=True, gap="small", key="cost-tile-fields", vertical_alignment="bottom"):
        at = st.selectbox(
            f"Row in {head}", range(len(tokens)), index=token_picker.place(tokens, state.current().focus),
            width=180, key=f"cost-row-{len(tokens)}",
            format_func=lambda number: f"{number}: {encoding.label(tokens[number].text)}",
        )  # fmt: skip
        sides = list(traces)
        side = st.selectbox("Side of a tile", sides, index=min(1, len(sides) - 1), key=_side_key(sides), width=120)
        found = traces[side]
        row = found.row(at)
        last = len(found.tiles) - 1
        step = _step((head, at, side, tokens), row[0].step, last)
        _navigation(step, last)
    now = next((one for one in row if one.step == step), None)
    left, right = st.columns([5, 6], gap="large")
    with left:
        st.html(tile_figure.drawn(found, [token.text for token in tokens], step, at, encoding.LIVE.name))
        st.caption(glossary_links.linked(lesson.text(PART, "legend")))
    with right:
        _numbers(found, row, now, step, (at, tokens[at].text), [token.text for token in keys])
    _peak_bytes(found, step)


def _step(about: tuple, first: int, last: int) -> int:
    """Return the tile to show: the row's first tile after a change of row, text or head; the next one in playback."""
    session = st.session_state
    if session.get(_ABOUT) != about:
        session[_ABOUT], session[_STEP] = about, first
    if session.get("cost-play") and time.monotonic() - session.get(_MOVED, 0.0) > 0.8 * PACE:
        session[_STEP], session[_MOVED] = session[_STEP] + 1, time.monotonic()
        if session[_STEP] >= last:
            session["cost-play"] = False
            session[_STEP] = last
            st.rerun()
    return min(session[_STEP], last)


def _navigation(step: int, last: int) -> None:
    """Draw the buttons: back, next, and play or pause."""

    def go(to: int) -> None:
        st.session_state[_STEP] = to
        st.session_state["cost-play"] = False

    st.button("Back", key="cost-back", disabled=step == 0, on_click=go, args=(step - 1,))
    st.button("Next tile", key="cost-next", type="primary", disabled=step == last, on_click=go, args=(step + 1,))
    playing = st.session_state.get("cost-play", False)
    if st.button("Pause" if playing else "Play", key="cost-playing"):
        st.session_state["cost-play"] = not playing
        st.session_state[_MOVED] = time.monotonic()
        if step == last:
            st.session_state[_STEP] = 0
        st.rerun()


def _numbers(
    found: TileTrace,
    row: tuple[TileUpdate, ...],
    now: TileUpdate | None,
    step: int,
    row_token: tuple[int, str],
    labels: list[str],
) -> None:
    """Show what the tile does to the row: in a sentence, a formula, key by key, and tile by tile."""
    tile, (at, token) = found.tiles[step], row_token
    numbers = {
        "step": str(step + 1), "steps": str(len(found.tiles)), "at": str(at), "token": widgets.plain(token),
        "keys": _span(tile.keys), "rows": _span(tile.rows),
    }  # fmt: skip
    if now is None:
        waits = lesson.text(PART, "before" if step < row[0].step else "after")
        st.markdown(glossary_links.linked(lesson.text(PART, "wait", numbers | {"waits": waits})))
    else:
        st.markdown(glossary_links.linked(lesson.text(PART, "row", numbers)))
        _formula(now, numbers)
        st.html(tile_figure.numbers(found, now, labels, encoding.LIVE.name))
        if now is row[-1]:
            st.markdown(_end(found, now, at, labels))
    lines = ["| Keys | m | ℓ | Error so far |", "|:--|--:|--:|--:|"]
    for one in row:
        known = one.step <= step
        cells = (encoding.digits(one.maximum[1]), encoding.digits(one.total[1]), encoding.digits(one.error))
        visible = cells if known and np.isfinite(one.maximum[1]) else ("", "", "")
        bold = "**" if one.step == step else ""
        keys = _span(found.tiles[one.step].keys)
        lines.append(f"| {bold}{keys}{bold} | " + " | ".join(f"{bold}{cell}{bold}" if cell else "" for cell in visible) + " |")
    with st.container(key="cost-ledger"):
        st.markdown("\n".join(lines))


def _formula(now: TileUpdate, of_row: dict[str, str]) -> None:
    """Show how the running maximum and sum change."""
    if not np.isfinite(now.maximum[1]):
        st.markdown(glossary_links.linked(lesson.text(PART, "blind", of_row)))
        return
    most = max(now.scores)
    numbers = {
        "before": encoding.digits(now.maximum[0]) if np.isfinite(now.maximum[0]) else "", "most": encoding.digits(most),
        "now": encoding.digits(now.maximum[1]), "rescale": encoding.digits(now.rescale), "sum": encoding.digits(now.total[0]),
        "added": encoding.digits(now.added), "total": encoding.digits(now.total[1]),
    }  # fmt: skip
    begins = not np.isfinite(now.maximum[0])
    with st.container(key="cost-formula"):
        st.latex(lesson.text(PART, "first" if begins else "next", numbers))
    if not begins:
        st.markdown(glossary_links.linked(lesson.text(PART, "larger" if now.maximum[1] > now.maximum[0] else "same", numbers)))


def _end(found: TileTrace, now: TileUpdate, at: int, labels: list[str]) -> str:
    """Return the final weights of the row: the same as with the whole matrix."""
    best = int(np.argmax(found.weights[at]))
    share = encoding.three(found.weights[at, best])
    return lesson.text(
        PART, "end", {"total": encoding.digits(now.total[1]), "best": widgets.plain(labels[best]), "share": share}
    )


def _peak_bytes(found: TileTrace, step: int) -> None:
    """Say how little memory a tile needs, and that the answer is the same."""
    tile = found.tiles[step]
    numbers = {
        "tile": str(len(tile.rows) * len(tile.keys)), "rows": str(len(tile.rows)),
        "whole": encoding.thousands(found.weights.size), "difference": _power(found.difference),
    }  # fmt: skip
    st.markdown(glossary_links.linked(lesson.text(PART, "memory", numbers)))


def _power(number: float) -> str:
    """Write `3.6e-07` as a formula."""
    whole, power = f"{number:.1e}".split("e")
    return rf"{whole} \cdot 10^{{{int(power)}}}" if number else "0"


def _span(places: range) -> str:
    """Return `4 to 7`, or a single number."""
    return f"{places.start} to {places.stop - 1}" if len(places) > 1 else str(places.start)
