"""The drawing of a panel that cannot be drawn."""

from __future__ import annotations

from attnviz.figures import encoding
from attnviz.figures.vector import lettering
from attnviz.figures.vector.marks import Drawing, Words
from attnviz.figures.vector.plan import POINTS, WIDTHS

NAME, LINE = 11.0, 6.5  # sizes of type


def missing(name: str, why: str, theme: str = "light") -> Drawing:
    """Return the drawing of a panel that cannot be drawn: its name, and why."""
    colours, width = encoding.theme(theme), WIDTHS["column"] * POINTS
    lines = lettering.wrapped(lettering.readable(encoding.visible(why)), width, LINE)
    title = lettering.shortened(lettering.readable(encoding.visible(name)), width, NAME, bold=True)
    head = Words(title, 0.0, 9.5, NAME, colours.ink, bold=True, full_text=name, role="name")
    reason = (Words(line, 0.0, 22.0 + i * 8.5, LINE, colours.mute, role="note") for i, line in enumerate(lines))
    return Drawing(width, 22.0 + 8.5 * len(lines), colours.page, (head, *reason), name, why)
