"""A picture of how often heads are right: rates with their intervals against the baselines and the ceiling."""

from __future__ import annotations

import html
from collections.abc import Collection, Mapping, Sequence

from attnviz.figures import encoding
from attnviz.rounding import fixed
from attnviz.types import Evidence

TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
READING = (
    "Ring: rate. Bar: its 95 % interval; blue if it lies above the strongest baseline and the lead is significant, also after "
    "correcting for the heads tried, else grey."
)
NAMES = {"offset": "fixed offset", "nearest": "nearer candidate", "mentioned": "name mentioned more often", "chance": "chance"}

CSS = f"""
.rates {{ font: 14px/1.4 {encoding.FONT}; color: var(--ink); max-width: 720px; }}
.rates p {{ margin: 0; }}
.rates b {{ font-weight: 700; margin-right: 4px; font-variant-numeric: tabular-nums; }}
.rates .line {{ position: relative; height: 22px;
  background: linear-gradient(var(--line), var(--line)) center / 100% 1px no-repeat; }}
.rates .line i {{ position: absolute; top: 50%; transform: translateY(-50%); }}
.rates .bar {{ height: 5px; min-width: 1px; background: var(--mute); }}
.rates .bar.strong {{ height: 8px; background: var(--w4); }}
.rates .ceiling {{ height: 12px; background: var(--line); }}
.rates .line .tick {{ width: 2px; height: 18px; background: var(--ink); transform: translate(-50%, -50%); }}
.rates .line .ring {{ box-sizing: border-box; width: 14px; height: 14px; border: 3px solid var(--mute); border-radius: 50%;
  background: var(--page); transform: translate(-50%, -50%); }}
.rates .line .ring.strong {{ border-color: var(--w4); }}
.rates .below, .rates .axis, .rates .reading {{ font-size: 12px; color: var(--mute); }}
.rates .below {{ margin-bottom: 14px; }}
.rates .below span {{ position: relative; display: inline-block; max-width: 100%; }}
.rates .axis {{ position: relative; height: 24px; padding-top: 4px; border-top: 1px solid var(--line); }}
.rates .axis span {{ position: absolute; font-variant-numeric: tabular-nums; }}
.rates .reading {{ margin-top: 4px; }}
"""


def drawn(rows: Sequence[tuple[str, Evidence]], names: Mapping[str, str] = NAMES, doubted: Collection[str] = ()) -> str:
    """Return a line for each row as HTML, 0 to 100 %: the rate as a ring, its 95 % interval as a bar, each baseline as a tick.

    The area above a ceiling, which no head can pass, is shaded. A bar is blue and thick if `leads` says so, else grey and
    thin. `names` are the labels of baselines. Rows without a count (n = 0) say so and have no ring and no bar.
    """
    lines = "".join(_row(label, one, names, strong=leads(label, one, doubted)) for label, one in rows)
    ticks = "".join(_at(share, f"{100 * share:.0f}" if share < 1.0 else encoding.percent(share)) for share in TICKS)
    words = html.escape(description(rows, names, doubted) or "Nothing counted")
    return (
        f'<style>{CSS}</style><div class="rates"><div role="img" aria-label="{words}">{lines}'
        f'<p class="axis">{ticks}</p></div><p class="reading">{html.escape(reading(rows, names))}</p></div>'
    )


def _row(label: str, one: Evidence, names: Mapping[str, str], *, strong: bool) -> str:
    """Return the text of one row, its line with interval, rate and baselines, and the name of the strongest baseline."""
    if not one.n:
        return f'<p dir="auto">{html.escape(label)}: nothing counted</p><div class="line"></div>'
    rate = encoding.percent(one.rate, 1)
    many = f"{encoding.thousands(one.groups)} sentences" if one.groups else f"n = {encoding.thousands(one.n)}"
    hover = html.escape(f"{label}: {rate}, 95 % interval {interval(one)}")
    low, high = one.interval
    parts = [f'<i class="bar{" strong" if strong else ""}" style="{_span(low, high)}" title="{hover}"></i>']
    if one.ceiling < 1.0:
        parts.insert(0, f'<i class="ceiling" style="{_span(one.ceiling, 1.0)}" title="above the ceiling"></i>')
    for name, share in one.baselines:
        known = html.escape(f"{names.get(name, name)}: {encoding.percent(share, 1)}")
        parts.append(f'<i class="tick" style="left:{100 * share:.2f}%" title="{known}"></i>')
    parts.append(f'<i class="ring{" strong" if strong else ""}" style="left:{100 * one.rate:.2f}%" title="{hover}"></i>')
    below = ""
    if one.baselines:
        best, share = one.baseline
        below = f'<p class="below">{_at(share, f"{names.get(best, best)} {encoding.percent(share, 1)}")}</p>'
    text = html.escape(f"{label}, {many}{ceiling_note(one)}")
    return f'<p><b>{rate}</b> <span dir="auto">{text}</span></p><div class="line">{"".join(parts)}</div>{below}'


def _span(low: float, high: float) -> str:
    """Return the place of a bar in its line as a style."""
    return f"left:{100 * low:.2f}%;width:{100 * (high - low):.2f}%"


def _at(share: float, text: str) -> str:
    """Return words at a place of the line, which stay within it: their own point at `share` is at `share` of the line."""
    place = f"{100 * share:.2f}%"
    return f'<span dir="auto" style="left:{place};transform:translateX(-{place})">{html.escape(text)}</span>'


def leads(label: str, one: Evidence, doubted: Collection[str]) -> bool:
    """Return whether a bar is blue: its whole interval is above the strongest baseline, and its lead is significant.

    `doubted` are the labels whose lead is not, because among all the heads tried some get as far by luck.
    """
    return one.beats and label not in doubted


def reading(rows: Sequence[tuple[str, Evidence]], names: Mapping[str, str] = NAMES) -> str:
    """Return what ring, bar, colour and ticks of these rows mean; the ticks by name, in their order from the left."""
    orders: dict[str, list[str]] = {}
    for label, one in rows:
        if one.n and one.baselines:
            orders.setdefault(_order(one, names), []).append(label)
    alone = len(orders) == 1
    ticks = "; ".join(order if alone else f"{order} ({', '.join(labels)})" for order, labels in orders.items())
    return READING + (f" Ticks: guessing without reading, from the left {ticks}." if ticks else "")


def _order(one: Evidence, names: Mapping[str, str]) -> str:
    """Return the names of the baselines by their rates: `chance = nearer candidate, name mentioned more often`."""
    at: dict[float, list[str]] = {}
    for name, rate in sorted(one.baselines, key=lambda each: each[1]):
        at.setdefault(round(rate, 3), []).append(names.get(name, name))
    return ", ".join(" = ".join(same) for same in at.values())


def description(
    rows: Sequence[tuple[str, Evidence]], names: Mapping[str, str] = NAMES, doubted: Collection[str] | None = None
) -> str:
    """Return the chart in words, for screen readers and captions; with `doubted`, also which leads are significant."""
    return "; ".join(
        f"{label}: {encoding.percent(one.rate, 1)} of {encoding.thousands(one.n)}{_group_note(one)}{ceiling_note(one)}, "
        f"95{encoding.NARROW}% interval {interval(one)}, "
        f"{names.get(one.baseline[0], one.baseline[0])} {encoding.percent(one.baseline[1], 1)}"
        f"{'' if doubted is None else _lead(label, one, doubted)}"
        for label, one in rows
        if one.n
    )


def _lead(label: str, one: Evidence, doubted: Collection[str]) -> str:
    """Return whether the lead over the strongest baseline is significant."""
    if leads(label, one, doubted):
        return " (significant lead)"
    return " (no significant lead)" if label in doubted else " (the interval reaches it)"


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
