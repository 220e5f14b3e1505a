"""A picture of how often heads are right: rates with their intervals against the baselines and the ceiling."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from attnviz.figures import encoding
from attnviz.rounding import fixed
from attnviz.types import Evidence

ROW = 68  # pixels a rate
CONFIG: dict[str, Any] = {"displayModeBar": False, "scrollZoom": False}
NAMES = {"offset": "fixed offset", "nearest": "nearer candidate", "mentioned": "name mentioned more often", "chance": "chance"}


def figure(
    rows: Sequence[tuple[str, Evidence]], theme: str, names: Mapping[str, str] = NAMES, doubted: Collection[str] = ()
) -> go.Figure:
    """Return a chart with one line per row, 0 to 100 %: the rate as a dot, its 95 % interval as a bar, each baseline as a tick.

    The area above a ceiling, which no head can pass, is shaded. A bar is blue if the whole interval is above the strongest
    baseline, and grey otherwise, or if the row's label is in `doubted`, because the choice of the head may explain it.
    `names` are the labels of baselines. Rows without a count (n = 0) say so and have no dot and no bar.
    """
    colours = encoding.theme(theme)
    drawn = go.Figure()
    for at, (label, one) in enumerate(rows):
        drawn.add_annotation(x=0, y=-at + 0.36, text=_line(label, one), **_text(colours.ink, 14))
        drawn.add_shape(type="line", x0=0, x1=1, y0=-at, y1=-at, line={"color": colours.line, "width": 1}, layer="below")
        if not one.n:
            continue
        if one.ceiling < 1.0:
            drawn.add_shape(
                type="rect", x0=one.ceiling, x1=1, y0=-at - 0.14, y1=-at + 0.14, layer="below", line_width=0,
                fillcolor=colours.line, opacity=0.8,
            )  # fmt: skip
        colour = colours.sequential[4 if theme == "dark" else 3] if one.beats and label not in doubted else colours.mute
        hover = f"{encoding.percent(one.rate, 1)}, 95 % interval {interval(one)}"
        drawn.add_scatter(
            x=list(one.interval), y=[-at, -at], mode="lines", line={"color": colour, "width": 7},
            hovertemplate=f"{hover}<extra></extra>",
        )  # fmt: skip
        drawn.add_scatter(
            x=[one.rate], y=[-at], mode="markers", hovertemplate=f"{hover}<extra></extra>",
            marker={"color": colours.page, "size": 11, "line": {"color": colour, "width": 3}},
        )  # fmt: skip
        for name, rate in one.baselines:
            drawn.add_scatter(
                x=[rate], y=[-at], mode="markers",
                hovertemplate=f"{names.get(name, name)}: {encoding.percent(rate, 1)}<extra></extra>",
                marker={"symbol": "line-ns", "size": 18, "line": {"color": colours.ink, "width": 2}},
            )  # fmt: skip
        best, rate = one.baseline
        anchor = "left" if rate < 0.15 else "right" if rate > 0.85 else "center"
        drawn.add_annotation(
            x=rate, y=-at - 0.34, text=f"{names.get(best, best)} {encoding.percent(rate, 1)}",
            **{**_text(colours.mute, 12), "xanchor": anchor},
        )  # fmt: skip
    drawn.update_layout(
        height=ROW * len(rows) + 44, margin={"l": 8, "r": 16, "t": 4, "b": 28}, showlegend=False,
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)", font={"family": encoding.FONT}, hovermode="closest",
        xaxis={"range": [-0.01, 1.01], "fixedrange": True, "showgrid": False, "zeroline": False,
               "tickvals": [0, 0.25, 0.5, 0.75, 1], "ticktext": ["0", "25", "50", "75", f"100{encoding.NARROW}%"],
               "tickfont": {"color": colours.mute, "size": 11}},
        yaxis={"range": [0.5 - len(rows), 0.6], "visible": False, "fixedrange": True},
    )  # fmt: skip
    return drawn


def description(rows: Sequence[tuple[str, Evidence]], names: Mapping[str, str] = NAMES) -> str:
    """Return the chart in words, for screen readers."""
    return "; ".join(
        f"{label}: {encoding.percent(one.rate, 1)} of {encoding.thousands(one.n)}{_group_note(one)}{ceiling_note(one)}, "
        f"interval {interval(one)}, "
        f"{names.get(one.baseline[0], one.baseline[0])} {encoding.percent(one.baseline[1], 1)}"
        for label, one in rows
        if one.n
    )


def interval(one: Evidence) -> str:
    """Return an interval: `58.9 to 63.4 %`."""
    low, high = one.interval
    return f"{fixed(100.0 * low, 1)} to {encoding.percent(high, 1)}"


def counts(one: Evidence) -> str:
    """Return hits, n and interval: `60 of n = 100, 95 % interval 50.2 to 69.1 %`; by sentences if these have wordings."""
    by = " by sentences" if one.groups else ""
    return (
        f"{encoding.thousands(one.hits)} of n = {encoding.thousands(one.n)}{_group_note(one)}, "
        f"95{encoding.NARROW}% interval{by} {interval(one)}{ceiling_note(one)}"
    )


def ceiling_note(one: Evidence) -> str:
    """Return the rate that no head can exceed, if it is below 1: `, at most 63.3 % possible`."""
    return f", at most {encoding.percent(one.ceiling, 1)} possible" if one.ceiling < 1.0 else ""


def _group_note(one: Evidence) -> str:
    """Return the number of sentences, if the instances are wordings of fewer sentences; else ""."""
    return f" wordings of {encoding.thousands(one.groups)} sentences" if one.groups else ""


def _line(label: str, one: Evidence) -> str:
    """Return the text above a bar: the rate and its label."""
    safe = label.replace("&", "&amp;").replace("<", "&lt;")
    if not one.n:
        return f"{safe}: nothing counted"
    many = f"{encoding.thousands(one.groups)} sentences" if one.groups else f"n = {encoding.thousands(one.n)}"
    return f"<b>{encoding.percent(one.rate, 1)}</b>  {safe}, {many}{ceiling_note(one)}"


def _text(colour: str, size: int) -> dict[str, Any]:
    """Return the style of an annotation."""
    return {"showarrow": False, "xanchor": "left", "yanchor": "middle", "font": {"color": colour, "size": size}}
