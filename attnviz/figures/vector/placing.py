"""Drawings put together: moved, side by side, one below the other, and under a title with notes below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from attnviz.figures import encoding
from attnviz.figures.vector import lettering
from attnviz.figures.vector.marks import Dots, Drawing, Mark, Ribbon, Stroke, Words
from attnviz.figures.vector.plan import HEADER, POINTS, WIDTHS

GUTTER = 5.0 * POINTS
SPACE = 22.0  # points between rows of drawings
PAGE = WIDTHS["page"] * POINTS
CODED = "Letters that no font here has stand by their code points (U+…). The SVG file shows them in the reader's own fonts."
TITLE, SMALL, STEP = 11.0, 6.5, 8.5  # sizes of type, and from one line of notes to the next


def sheet(drawings: Sequence[Drawing], title: str, columns: int = 2) -> Drawing:
    """Return all drawings, `columns` in a row, each row as high as its tallest; a single drawing is returned as it is."""
    if len(drawings) == 1:
        return drawings[0]
    marks: list[Mark] = []
    top, right, bottom = 0.0, 0.0, 0.0
    for start in range(0, len(drawings), columns):
        row, left = drawings[start : start + columns], 0.0
        for one in row:
            marks += [moved(mark, left, top) for mark in one.marks]
            left += one.width + GUTTER
        right, bottom = max(right, left - GUTTER), top + max(one.height for one in row)
        top = bottom + SPACE
    described = " ".join(f"{one.title}. {one.description}" for one in drawings)
    return Drawing(right, bottom, drawings[0].ground, tuple(marks), title, described)


@dataclass(frozen=True)
class Frame:
    """What stands around a picture: its name, the line below it, and notes at the foot; `line` is the reader's text.

    `whole` is False for the picture alone; then only the description has the notes. `coded` writes letters without a font
    as code points.
    """

    name: str
    line: str = ""
    notes: tuple[str, ...] = ()
    description: str = ""
    whole: bool = True
    coded: bool = False

    def visible(self, text: str) -> str:
        """Return the reader's text as it is shown here."""
        return lettering.readable(encoding.visible(text)) if self.coded else encoding.visible(text)


def framed(marks: Sequence[Mark], width: float, height: float, frame: Frame) -> Drawing:
    """Return marks as a drawing: under its title, with notes below, or alone."""
    colours, described = encoding.LIGHT, " ".join(" ".join((frame.description, *frame.notes)).split())
    title = f"{frame.name}: {frame.line}" if frame.line else frame.name
    typed = "".join([frame.line, *(mark.full_text for mark in marks if isinstance(mark, Words))])
    notes = (*frame.notes, *([CODED] if frame.coded and lettering.missing(encoding.visible(typed)) else []))
    if not frame.whole:
        return Drawing(width, height, colours.page, tuple(marks), title, described)
    wide = max(width, WIDTHS["column"] * POINTS)
    name = lettering.shortened(frame.visible(frame.name), wide, TITLE, bold=True)
    head: list[Mark] = [Words(name, 0.0, 9.5, TITLE, colours.ink, bold=True, full_text=frame.name, role="name")]
    if frame.line:
        line = lettering.shortened(frame.visible(frame.line), wide, SMALL)
        head.append(Words(line, 0.0, 19.0, SMALL, colours.mute, full_text=frame.line, role="model"))
    below = HEADER + height + 10.0
    for line in (part for text in notes for part in lettering.wrapped(frame.visible(text), wide, SMALL)):
        head.append(Words(line, 0.0, below, SMALL, colours.mute, role="note"))
        below += STEP
    bottom = below - STEP + 2.5 if notes else HEADER + height
    return Drawing(wide, bottom, colours.page, (*head, *(moved(mark, 0.0, HEADER) for mark in marks)), title, described)


def moved(mark: Mark, right: float, down: float) -> Mark:
    """Return the same mark, moved right and down."""
    match mark:
        case Ribbon():
            return replace(mark, x0=mark.x0 + right, y0=mark.y0 + down, x1=mark.x1 + right, y1=mark.y1 + down)
        case Dots():
            return replace(mark, places=tuple((x + right, y + down) for x, y in mark.places))
        case Stroke():
            shift = right, down
            parts = ((letter, tuple(one + shift[at % 2] for at, one in enumerate(places))) for letter, places in mark.parts)
            return replace(mark, parts=tuple(parts))
        case _:
            return replace(mark, x=mark.x + right, y=mark.y + down)
