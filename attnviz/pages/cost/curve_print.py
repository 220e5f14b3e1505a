"""Curves of time or memory on two logarithmic axes for print, each with its fitted slope."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from attnviz.figures import encoding
from attnviz.figures.vector import lettering
from attnviz.figures.vector.marks import MIDDLE, Box, Drawing, Mark, Stroke, Words
from attnviz.figures.vector.placing import PAGE, Frame, framed
from attnviz.pages.cost import figure
from attnviz.pages.cost.bench.algorithms import Measurement
from attnviz.pages.cost.growth import PowerLawFit

TALL, MARGIN, BOTTOM, TOP, SIZE, MARK = 210.0, 44.0, 24.0, 6.0, 7.0, 3.2
Place = Callable[[int, float], tuple[float, float]]  # where a length and a cost are in the picture
DASHES = {"solid": (), "dash": (6.0, 3.0), "dot": (1.2, 2.4), "dashdot": (6.0, 2.0, 1.2, 2.0)}
SHAPES = {  # corners around a point, in halves of a marker
    "square": ((-1, -1), (1, -1), (1, 1), (-1, 1)), "diamond": ((0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)),
    "triangle-up": ((0, -1.2), (1.2, 1), (-1.2, 1)),
    "circle": tuple((math.cos(at * math.pi / 6), math.sin(at * math.pi / 6)) for at in range(12)),
    "x": ((-1, -0.4), (-0.4, -1), (0, -0.5), (0.4, -1), (1, -0.4), (0.5, 0), (1, 0.4), (0.4, 1), (0, 0.5), (-0.4, 1), (-1, 0.4),
          (-0.5, 0)),
}  # fmt: skip


def drawing(
    found: Sequence[Measurement], cost: str, lengths: Sequence[int], names: Mapping[str, str],
    fits: Mapping[str, PowerLawFit], frame: Frame,
) -> Drawing:  # fmt: skip
    """Return one line for each algorithm: its `seconds` or `peak_bytes` against the tokens, its slope beside its name.

    Dotted guides show linear and quadratic growth.
    """
    labels = {algorithm: _label(name, fits.get(algorithm)) for algorithm, name in names.items()}
    room = max(lettering.width(text, SIZE) for text in labels.values()) + 14.0
    low, high = figure.bounds(found, cost)
    first, last = math.log10(lengths[0] / 1.1), math.log10(lengths[-1] * 1.1)
    width = PAGE - MARGIN - room

    def place(tokens: int, value: float) -> tuple[float, float]:
        along = (math.log10(tokens) - first) / (last - first)
        return MARGIN + width * along, TOP + TALL * (high - math.log10(value)) / (high - low)

    marks: list[Mark] = [*_axes(lengths, cost, (low, high), width, place), *_guides(lengths, low, place)]
    ends: dict[str, float] = {}
    for algorithm in names:
        own = sorted((one for one in found if one.algorithm == algorithm), key=lambda one: one.tokens)
        if own:
            points = [place(one.tokens, getattr(one, cost)) for one in own]
            marks += _line(algorithm, own, points, cost, names[algorithm])
            ends[algorithm] = math.log10(getattr(own[-1], cost))
    for algorithm, at in figure.spread_labels(ends, low, high).items():
        colour = figure.style(algorithm, encoding.LIGHT)[0]
        y = TOP + TALL * (high - at) / (high - low) + MIDDLE * SIZE
        marks.append(Words(labels[algorithm], MARGIN + width + 6.0, y, SIZE, colour, role="curve"))
    return framed(marks, PAGE, TOP + TALL + BOTTOM, frame)


def _label(name: str, fit: PowerLawFit | None) -> str:
    """Return a name with its slope: `Tiled, slope 1.98 (1.91 to 2.05)`."""
    if fit is None:
        return name
    return f"{name}, slope {fit.slope:.2f} ({fit.low:.2f} to {fit.high:.2f})".replace("-", encoding.MINUS)


def _axes(lengths: Sequence[int], cost: str, bounds: tuple[float, float], width: float, place: Place) -> list[Mark]:
    """Return grid lines with their numbers, and the axes."""
    colours = encoding.LIGHT
    low, high = bounds
    found: list[Mark] = []
    for power in range(round(low), round(high) + 1):
        y = place(lengths[0], 10.0**power)[1]
        found.append(Box(MARGIN, y - 0.25, width, 0.5, colours.line))
        text = figure.power_text(figure.FORMATS[cost](10.0**power))
        found.append(Words(text, MARGIN - 5.0, y + MIDDLE * SIZE, SIZE, colours.mute, "right", role="tick"))
    for tokens in figure.labelled(lengths):
        x = place(tokens, 10.0**low)[0]
        found.append(Box(x - 0.25, TOP, 0.5, TALL, colours.hair))
        found.append(Words(encoding.thousands(tokens), x, TOP + TALL + 10.0, SIZE, colours.mute, "center", role="tick"))
    middle = MARGIN + width / 2
    return [*found, Words("tokens", middle, TOP + TALL + 20.0, SIZE, colours.mute, "center", role="axis")]


def _guides(lengths: Sequence[int], low: float, place: Place) -> list[Mark]:
    """Return two dotted guides from the corner, as far as the picture reaches."""
    colours, found = encoding.LIGHT, []
    start = place(lengths[0], 10.0**low)
    for power, name in figure.GUIDES.items():
        end = place(lengths[-1], 10.0**low * (lengths[-1] / lengths[0]) ** power)
        if end[1] >= TOP:
            found.append(Stroke((("M", start), ("L", end)), colours.mute, 0.7, dash=(0.8, 3.0)))
            found.append(Words(name, end[0], end[1] + 8.0, 6.0, colours.mute, "right", role="guide"))
    return found


def _line(
    algorithm: str, own: Sequence[Measurement], points: Sequence[tuple[float, float]], cost: str, name: str
) -> list[Mark]:
    """Return the line of one algorithm and a marker for each measurement."""
    colour, symbol, dash = figure.style(algorithm, encoding.LIGHT)
    path = tuple(("M" if at == 0 else "L", point) for at, point in enumerate(points))
    found: list[Mark] = [Stroke(path, colour, 1.5, dash=DASHES[dash], title=name)] if len(points) > 1 else []
    for one, (x, y) in zip(own, points, strict=True):
        corners = [(x + MARK * a, y + MARK * b) for a, b in SHAPES[symbol]]
        parts = (("M" if at == 0 else "L", corner) for at, corner in enumerate(corners))
        title = f"{name}, {encoding.thousands(one.tokens)} tokens: {figure.FORMATS[cost](getattr(one, cost))}"
        found.append(Stroke((*parts, ("Z", ())), fill=colour, title=title))
    return found
