"""Chart of how the time or memory of each algorithm grows with the text length, on two logarithmic axes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from attnviz.figures import encoding, units
from attnviz.pages.cost.bench.algorithms import Measurement

HEIGHT = 340
CONFIG: dict[str, Any] = {"displayModeBar": False, "scrollZoom": False}
FORMATS = {"seconds": units.duration, "peak_bytes": units.byte_size}
# Blue: the algorithms that give the answer of attention. Ink and grey: those that compute something else. Each also has its
# own marker and dash, and its name at the end of its line.
STYLES = {
    "matrix": ("blue", 5, "square", "solid"),
    "tiled": ("blue", 4, "diamond", "solid"),
    "fused": ("blue", 3, "circle", "dash"),
    "window": ("mute", 0, "triangle-up", "dot"),
    "recurrent": ("ink", 0, "x", "dashdot"),
}
LABEL_GAP = 0.055  # least distance between two names, as a part of the height
GUIDES = {1: "linear", 2: "quadratic"}


def figure(found: Sequence[Measurement], cost: str, lengths: Sequence[int], theme: str, names: Mapping[str, str]) -> go.Figure:
    """Return a chart with one line per algorithm: its `seconds` or `peak_bytes` against the number of tokens.

    Both axes are logarithmic, so a power is a straight line. Dotted guides show linear and quadratic growth; they are no
    measurements. `lengths` are all lengths of the plan, so that the axis does not move while results arrive.
    """
    colours = encoding.theme(theme)
    low, high = bounds(found, cost)
    drawn = go.Figure()
    _guides(drawn, lengths, low, colours)
    ends: dict[str, float] = {}
    last: dict[str, int] = {}
    for algorithm, name in names.items():
        own = sorted((one for one in found if one.algorithm == algorithm), key=lambda one: one.tokens)
        if not own:
            continue
        values = [getattr(one, cost) for one in own]
        ends[algorithm], last[algorithm] = math.log10(values[-1]), own[-1].tokens
        colour, symbol, dash = style(algorithm, colours)
        drawn.add_scatter(
            x=[one.tokens for one in own], y=values, mode="lines+markers", name=name,
            line={"color": colour, "width": 2, "dash": dash}, marker={"color": colour, "size": 8, "symbol": symbol},
            text=[f"{name}, {encoding.thousands(one.tokens)} tokens: {FORMATS[cost](getattr(one, cost))}" for one in own],
            hovertemplate="%{text}<extra></extra>",
        )  # fmt: skip
    _names(drawn, names, ends, last, (low, high), colours)
    drawn.update_layout(
        height=HEIGHT, margin={"l": 58, "r": 88, "t": 8, "b": 40}, showlegend=False, hovermode="closest",
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)", font={"family": encoding.FONT, "color": colours.mute},
        xaxis=_axis(colours) | {
            "range": [math.log10(lengths[0] / 1.1), math.log10(lengths[-1] * 1.1)], "title": {"text": "tokens"},
            "tickvals": (shown := labelled(lengths)), "ticktext": [encoding.thousands(one) for one in shown],
        },
        yaxis=_axis(colours) | {
            "range": [low, high], "tickvals": (decades := [10.0**power for power in range(round(low), round(high) + 1)]),
            "ticktext": [power_text(FORMATS[cost](one)) for one in decades],
        },
    )  # fmt: skip
    return drawn


def description(found: Sequence[Measurement], cost: str, names: Mapping[str, str]) -> str:
    """Describe the chart in words for screen readers: first and last point of each algorithm."""
    parts = []
    for algorithm, name in names.items():
        own = sorted((one for one in found if one.algorithm == algorithm), key=lambda one: one.tokens)
        if own:
            first, last = (
                f"{FORMATS[cost](getattr(one, cost))} at {encoding.thousands(one.tokens)} tokens" for one in (own[0], own[-1])
            )
            parts.append(f"{name}: {first}" + (f", {last}" if len(own) > 1 else ""))
    what = "Time" if cost == "seconds" else "Memory"
    return f"{what} by length. {'; '.join(parts) or 'Nothing measured yet'}."


def spread_labels(ends: Mapping[str, float], low: float, high: float) -> dict[str, float]:
    """Place the names so that none covers another: each near the end of its line, in the same order."""
    least, placed = LABEL_GAP * (high - low), {}
    before = -math.inf
    for algorithm, at in sorted(ends.items(), key=lambda one: one[1]):
        placed[algorithm] = before = max(at, before + least)
    above = max(0.0, before - high)  # the uppermost may have been pushed out of the picture
    return {algorithm: at - above for algorithm, at in placed.items()}


def _names(
    drawn: go.Figure,
    names: Mapping[str, str],
    ends: Mapping[str, float],
    last: Mapping[str, int],
    bounds: tuple[float, float],
    colours: encoding.Theme,
) -> None:
    """Write the name of each algorithm: in one column at the right, or above the last point of a line that ends early."""
    longest = max(last.values(), default=0)
    early = {algorithm for algorithm, tokens in last.items() if tokens * 1.5 <= longest}
    placed = spread_labels({algorithm: at for algorithm, at in ends.items() if algorithm not in early}, *bounds)
    for algorithm in ends:
        where = {"x": math.log10(last[algorithm]), "y": ends[algorithm], "yshift": 8, "xanchor": "center", "yanchor": "bottom"}
        if algorithm in placed:
            where = {"x": math.log10(longest), "y": placed[algorithm], "xshift": 10, "xanchor": "left"}
        font = {"color": style(algorithm, colours)[0], "size": 12}
        drawn.add_annotation(text=names[algorithm], showarrow=False, font=font, **where)


def bounds(found: Sequence[Measurement], cost: str) -> tuple[float, float]:
    """Return the powers of ten below and above all measurements, at least two decades apart."""
    values = [getattr(one, cost) for one in found] or [1.0]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return float(low), float(max(high, low + 2))


def _guides(drawn: go.Figure, lengths: Sequence[int], low: float, colours: encoding.Theme) -> None:
    """Draw two dotted guides from the corner."""
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


def style(algorithm: str, colours: encoding.Theme) -> tuple[str, str, str]:
    """Return an algorithm's colour, marker and dash."""
    role, step, symbol, dash = STYLES[algorithm]
    return (colours.sequential[step] if role == "blue" else getattr(colours, role)), symbol, dash


def labelled(lengths: Sequence[int]) -> list[int]:
    """Return the labelled lengths: powers of two, every second one if there are many."""
    whole = [one for one in lengths if one & (one - 1) == 0]
    return whole if len(whole) <= 5 else whole[::-2][::-1]


def _axis(colours: encoding.Theme) -> dict[str, Any]:
    """Return the settings that both axes share."""
    return {
        "type": "log", "fixedrange": True, "gridcolor": colours.hair, "zeroline": False, "linecolor": colours.line,
        "tickfont": {"color": colours.mute, "size": 11},
    }  # fmt: skip


def power_text(text: str) -> str:
    """Write a power of ten without decimals: `10 ms` for `10.0 ms`."""
    number, unit = text.rsplit(encoding.NARROW, 1)
    if not number[0].isdigit():  # less than any that is measured
        return text
    return f"{float(number.replace(',', '')):,g}{encoding.NARROW}{unit}"
