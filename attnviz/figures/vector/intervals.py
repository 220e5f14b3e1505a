"""How often heads are right, for print: rates with their intervals against the baselines and the ceiling."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from attnviz.figures import encoding, evidence
from attnviz.figures.vector import lettering
from attnviz.figures.vector.marks import Box, Drawing, Mark, Stroke, Words
from attnviz.figures.vector.placing import Frame, framed
from attnviz.figures.vector.plan import POINTS
from attnviz.types import Evidence

ROW, LINE, MARGIN, WIDTH = 38.0, 21.0, 4.0, 120.0 * POINTS  # a row's height, its line in it, margins, the width of 0 to 100 %
SIZE, SMALL = 8.0, 6.5
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


def drawing(
    rows: Sequence[tuple[str, Evidence]], frame: Frame, names: Mapping[str, str] = evidence.NAMES, doubted: Collection[str] = ()
) -> Drawing:
    """Return a line for each row, 0 to 100 %: the rate as a ring, its 95 % interval as a bar, each baseline as a tick.

    A bar is blue and thick if `evidence.leads` says so, else grey and thin. The area above a ceiling is shaded. Rows without a
    count say so.
    """
    marks: list[Mark] = []
    for at, (label, one) in enumerate(rows):
        marks += _row(frame, label, one, at * ROW, names, strong=evidence.leads(label, one, doubted))
    bottom = len(rows) * ROW
    for tick in TICKS:
        written = encoding.percent(tick) if tick == 1.0 else f"{100 * tick:.0f}"
        marks.append(Words(written, _x(tick), bottom + 7.0, SMALL, encoding.LIGHT.mute, "center", role="tick"))
    return framed(marks, MARGIN + WIDTH + 14.0, bottom + 10.0, frame)


def _row(frame: Frame, label: str, one: Evidence, top: float, names: Mapping[str, str], *, strong: bool) -> list[Mark]:
    """Return the text of one row, its line, interval, rate and baselines."""
    colours, y = encoding.LIGHT, top + LINE
    if not one.n:
        return [Words(f"{frame.visible(label)}: nothing counted", MARGIN, top + 10.0, SIZE, colours.mute, role="row")]
    rate = encoding.percent(one.rate, 1)
    many = f"{encoding.thousands(one.groups)} sentences" if one.groups else f"n = {encoding.thousands(one.n)}"
    text = lettering.shortened(f"{frame.visible(label)}, {many}{evidence.ceiling_note(one)}", WIDTH - 44.0, SIZE)
    after = MARGIN + lettering.width(rate, SIZE, bold=True) + 6.0
    found: list[Mark] = [
        Words(rate, MARGIN, top + 10.0, SIZE, colours.ink, bold=True, role="rate"),
        Words(text, after, top + 10.0, SIZE, colours.ink, full_text=label, role="row"),
        Box(_x(0.0), y - 0.4, WIDTH, 0.8, colours.line),
    ]
    if one.ceiling < 1.0:
        found.append(Box(_x(one.ceiling), y - 4.0, WIDTH * (1.0 - one.ceiling), 8.0, colours.line, title="above the ceiling"))
    colour, thick = (colours.sequential[4], 5.0) if strong else (colours.mute, 3.0)
    low, high = one.interval
    title = f"{label}: {rate}, 95 % interval {evidence.interval(one)}"
    facts = (("rate", str(one.rate)), ("low", str(low)), ("high", str(high)), ("n", str(one.n)))
    found.append(Box(_x(low), y - thick / 2, max(WIDTH * (high - low), 0.5), thick, colour, title=title, facts=facts))
    found.append(_ring(_x(one.rate), y, colour))
    for name, share in one.baselines:
        found.append(Box(_x(share) - 0.6, y - 5.5, 1.2, 11.0, colours.ink, title=f"{names.get(name, name)}: {share:.3f}"))
    if one.baselines:
        name, share = one.baseline
        align = "left" if share < 0.15 else "right" if share > 0.85 else "center"
        written = f"{names.get(name, name)} {encoding.percent(share, 1)}"
        found.append(Words(written, _x(share), y + 12.5, SMALL, colours.mute, align, role="baseline"))
    return found


def _ring(x: float, y: float, colour: str) -> Stroke:
    """Return a small circle with an open middle: four curves."""
    r, k = 3.4, 3.4 * 0.5523
    parts = (
        ("M", (x + r, y)), ("C", (x + r, y + k, x + k, y + r, x, y + r)), ("C", (x - k, y + r, x - r, y + k, x - r, y)),
        ("C", (x - r, y - k, x - k, y - r, x, y - r)), ("C", (x + k, y - r, x + r, y - k, x + r, y)), ("Z", ()),
    )  # fmt: skip
    return Stroke(parts, colour, 1.8, encoding.LIGHT.page)


def _x(share: float) -> float:
    return MARGIN + WIDTH * share
