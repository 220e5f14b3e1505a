"""What was measured at which lengths in; a picture of how each way's time or memory grows out, both axes by powers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from attnviz.figures import encoding, units
from attnviz.pages.cost.bench.algorithms import Measured

HEIGHT = 340
CONFIG: dict[str, Any] = {"displayModeBar": False, "scrollZoom": False}
SAID = {"seconds": units.lasting, "held": units.stored}
# Blue are the ways that give the answer of attention, ink and grey those that compute something else; each has a mark and a
# line of its own besides, and its name at its end.
LOOKS = {
    "matrix": ("blue", 5, "square", "solid"),
    "tiled": ("blue", 4, "diamond", "solid"),
    "fused": ("blue", 3, "circle", "dash"),
    "window": ("mute", 0, "triangle-up", "dot"),
    "recurrent": ("ink", 0, "x", "dashdot"),
}
APART = 0.055  # of the height: how far names stand from each other at least
GUIDES = {1: "linear", 2: "quadratic"}


def figure(found: Sequence[Measured], cost: str, lengths: Sequence[int], theme: str, names: Mapping[str, str]) -> go.Figure:
    """One line a way: its `seconds` or the bytes `held`, against the number of tokens.

    Both axes are logarithmic, so that a power is a straight line. Dotted lines show what linear and quadratic growth look
    like; they are no measurements. `lengths` are all that will be measured: the axis does not move while they come.
    """
    colours = encoding.theme(theme)
    low, high = _ends(found, cost)
    drawn = go.Figure()
    _guides(drawn, lengths, low, colours)
    ends: dict[str, float] = {}
    last: dict[str, int] = {}
    for way, name in names.items():
        own = sorted((one for one in found if one.way == way), key=lambda one: one.tokens)
        if not own:
            continue
        values = [getattr(one, cost) for one in own]
        ends[way], last[way] = math.log10(values[-1]), own[-1].tokens
        colour, symbol, dash = _look(way, colours)
        drawn.add_scatter(
            x=[one.tokens for one in own], y=values, mode="lines+markers", name=name,
            line={"color": colour, "width": 2, "dash": dash}, marker={"color": colour, "size": 8, "symbol": symbol},
            text=[f"{name}, {encoding.thousands(one.tokens)} tokens: {SAID[cost](getattr(one, cost))}" for one in own],
            hovertemplate="%{text}<extra></extra>",
        )  # fmt: skip
    _names(drawn, names, ends, last, (low, high), colours)
    drawn.update_layout(
        height=HEIGHT, margin={"l": 58, "r": 88, "t": 8, "b": 40}, showlegend=False, hovermode="closest",
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)", font={"family": encoding.FONT, "color": colours.mute},
        xaxis=_axis(colours) | {
            "range": [math.log10(lengths[0] / 1.1), math.log10(lengths[-1] * 1.1)], "title": {"text": "tokens"},
            "tickvals": (shown := _doubled(lengths)), "ticktext": [encoding.thousands(one) for one in shown],
        },
        yaxis=_axis(colours) | {
            "range": [low, high], "tickvals": (decades := [10.0**power for power in range(round(low), round(high) + 1)]),
            "ticktext": [_round(SAID[cost](one)) for one in decades],
        },
    )  # fmt: skip
    return drawn


def description(found: Sequence[Measured], cost: str, names: Mapping[str, str]) -> str:
    """The same in words, for those who do not see it: each way's first and last point."""
    parts = []
    for way, name in names.items():
        own = sorted((one for one in found if one.way == way), key=lambda one: one.tokens)
        if own:
            first, last = (
                f"{SAID[cost](getattr(one, cost))} at {encoding.thousands(one.tokens)} tokens" for one in (own[0], own[-1])
            )
            parts.append(f"{name}: {first}" + (f", {last}" if len(own) > 1 else ""))
    what = "Time" if cost == "seconds" else "Memory"
    return f"{what} by length. {'; '.join(parts) or 'Nothing measured yet'}."


def spaced(ends: Mapping[str, float], low: float, high: float) -> dict[str, float]:
    """Where names stand so that none covers another: as near as can be to the end of its line, in the same order."""
    least, placed = APART * (high - low), {}
    before = -math.inf
    for way, at in sorted(ends.items(), key=lambda one: one[1]):
        placed[way] = before = max(at, before + least)
    above = max(0.0, before - high)  # the uppermost may have been pushed out of the picture
    return {way: at - above for way, at in placed.items()}


def _names(
    drawn: go.Figure,
    names: Mapping[str, str],
    ends: Mapping[str, float],
    last: Mapping[str, int],
    bounds: tuple[float, float],
    colours: encoding.Theme,
) -> None:
    """Each way's name: in one column at the right, but for a way that ended long before, which has it above its end."""
    longest = max(last.values(), default=0)
    early = {way for way, tokens in last.items() if tokens * 1.5 <= longest}
    placed = spaced({way: at for way, at in ends.items() if way not in early}, *bounds)
    for way in ends:
        where = {"x": math.log10(last[way]), "y": ends[way], "yshift": 8, "xanchor": "center", "yanchor": "bottom"}
        if way in placed:
            where = {"x": math.log10(longest), "y": placed[way], "xshift": 10, "xanchor": "left"}
        font = {"color": _look(way, colours)[0], "size": 12}
        drawn.add_annotation(text=names[way], showarrow=False, font=font, **where)


def _ends(found: Sequence[Measured], cost: str) -> tuple[float, float]:
    """Powers of ten below and above all that was measured, two decades at least."""
    values = [getattr(one, cost) for one in found] or [1.0]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return float(low), float(max(high, low + 2))


def _guides(drawn: go.Figure, lengths: Sequence[int], low: float, colours: encoding.Theme) -> None:
    """Two dotted lines from the corner, for the eye."""
    first, last = lengths[0], lengths[-1]
    for power, name in GUIDES.items():
        ends = [10**low, 10**low * (last / first) ** power]
        drawn.add_scatter(
            x=[first, last], y=ends, mode="lines", line={"color": colours.mute, "width": 1, "dash": "1px,4px"}, hoverinfo="skip"
        )
        drawn.add_annotation(
            x=math.log10(last), y=math.log10(ends[1]), text=name, showarrow=False, xanchor="right", yanchor="top",
            font={"color": colours.mute, "size": 11},
        )  # fmt: skip


def _look(way: str, colours: encoding.Theme) -> tuple[str, str, str]:
    """A way's colour, mark and line."""
    role, step, symbol, dash = LOOKS[way]
    return (colours.sequential[step] if role == "blue" else getattr(colours, role)), symbol, dash


def _doubled(lengths: Sequence[int]) -> list[int]:
    """The lengths that are named: each twice the one before, or four times where there would be many."""
    whole = [one for one in lengths if one & (one - 1) == 0]
    return whole if len(whole) <= 5 else whole[::-2][::-1]


def _axis(colours: encoding.Theme) -> dict[str, Any]:
    """What both axes have in common."""
    return {
        "type": "log", "fixedrange": True, "gridcolor": colours.hair, "zeroline": False, "linecolor": colours.line,
        "tickfont": {"color": colours.mute, "size": 11},
    }  # fmt: skip


def _round(said: str) -> str:
    """A power of ten without its decimals: `10 ms` for `10.0 ms`."""
    number, unit = said.rsplit(encoding.NARROW, 1)
    return f"{float(number.replace(',', '')):,g}{encoding.NARROW}{unit}"
