"""One head's pattern, or the difference of two, as a drawing for print: the board's picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Bool

from attnviz.figures import encoding, heatmap
from attnviz.figures.vector import lettering
from attnviz.figures.vector.marks import MIDDLE, Box, Dots, Drawing, Field, Mark, Ribbon, Words
from attnviz.figures.vector.plan import ANGLE, Plan, plan
from attnviz.figures.vector.style import HeadPicture
from attnviz.types import Pattern, Unit

CELLS = 10_000  # up to here every weight is a cell with its value; beyond, the matrix is one picture, a pixel for each weight
BAND = 0.84  # of a row's height: a query's whole 1.0, which is divided among the keys
THINNEST = 0.004  # smaller weights leave their part of the band empty
RIBBONS = 1500  # the strongest ones, if there are more
LABELLED_FROM = 0.005  # hidden shares from here up are written
TINTED_FROM = 0.02  # keys of a selected row are tinted from here up
NUMBERED = 12.5  # points that a cell needs for its number
SMALL, TITLE = 6.5, 11.0  # sizes of type
MEANING = (
    "Row: the word that looks (query). Column: the word it looks at (key). "
    "Ribbons show how each word divides its attention: the thicker, the more weight."
)
GREEN = "Green: more in the first. Purple, dashed, \u2212: more in the second."


def drawing(picture: HeadPicture, width: str = "page", part: str = "both") -> Drawing:
    """Return the picture, at most one or two journal columns wide. Raises BadInputError for an unknown width or theme.

    `part` is "both", or the "matrix" or the "curves" alone: without name, legend and notes.
    """
    pattern = picture.pattern
    lost = bool((np.abs(pattern.hidden) >= LABELLED_FROM).any())
    sides = (pattern.queries, pattern.query_units), (pattern.keys, pattern.key_units)
    queries, keys = ([(picture.visible(text), _mark(units, at)) for at, text in enumerate(texts)] for texts, units in sides)
    layout = plan(queries, keys, width, lost=lost, part=part)
    unseen = picture.unseen if picture.unseen is not None else np.triu(pattern.weights == 0.0, 1) & pattern.causal
    if part == "matrix":
        marks = [
            *_cells(picture, layout, unseen),
            *_slanted(picture, layout),
            *_column(picture, layout, layout.y, layout.row, layout.query_x, "query"),
            *([*_hidden(picture, layout), _hidden_caption(picture, layout)] if lost else []),
        ]
        return _drawing(picture, layout, marks, layout.height, _notes(picture, 0))
    ribbons, left_out = _ribbons(picture, layout)
    if part == "curves":
        marks = [
            *_column(picture, layout, layout.curves_y, layout.curve_row, layout.curve_query_x, "query"),
            *ribbons,
            *_bands(picture, layout),
            *_column(picture, layout, layout.curves_y, layout.curve_row, layout.key_x, "key"),
            *_captions(picture, layout, False),
        ]
        return _drawing(picture, layout, marks, layout.height, _notes(picture, left_out))
    marks: list[Mark] = [
        *_header(picture, layout),
        *_cells(picture, layout, unseen),
        *_slanted(picture, layout),
        *_column(picture, layout, layout.y, layout.row, layout.query_x, "query"),
        *(_column(picture, layout, layout.curves_y, layout.curve_row, layout.curve_query_x, "query") if layout.stacked else []),
        *(_hidden(picture, layout) if lost else []),
        *ribbons,
        *_bands(picture, layout),
        *_column(picture, layout, layout.curves_y, layout.curve_row, layout.key_x, "key"),
        *_captions(picture, layout, lost),
    ]
    lines = _notes(picture, left_out)
    below = layout.height + 14.0
    for line in (part for text in lines for part in lettering.wrapped(text, layout.width, SMALL)):
        marks.append(Words(line, 0.0, below, SMALL, picture.colours.mute, role="note"))
        below += 8.5
    return _drawing(picture, layout, marks, below - (8.5 - 2.5) if lines else layout.height + 2.0, lines)


def _drawing(picture: HeadPicture, layout: Plan, marks: Sequence[Mark], height: float, lines: Sequence[str]) -> Drawing:
    """Return the marks as a drawing with its description; `lines` are the notes, written in the picture or not."""
    pattern = picture.pattern
    described = heatmap.description(pattern, picture.name) if isinstance(pattern, Pattern) else ""
    fonts = ", ".join(lettering.used(mark.text for mark in marks if isinstance(mark, Words)))
    summary = " ".join([described, MEANING, *lines, f"Letters: {fonts}."])
    return Drawing(
        layout.width, height, picture.colours.page, tuple(marks), f"{picture.name}: {picture.line}", " ".join(summary.split())
    )


def _header(picture: HeadPicture, layout: Plan) -> list[Mark]:
    """Return the head's name, its model and text, and the legend at the right."""
    colours = picture.colours
    long = min(90.0, layout.width * 0.3)
    x, ticks = layout.width - long - 4.0, encoding.DIFFERENCE_LEGEND if picture.signed else encoding.LEGEND
    steps = encoding.steps(colours.diverging if picture.signed else colours.sequential, 48)
    bars: list[Mark] = [Box(x + i * long / 48, 2.0, long / 48 + 0.2, 5.0, colour) for i, colour in enumerate(steps)]
    for tick in ticks:
        along = (1.0 + encoding.ramp_position(tick)) / 2.0 if picture.signed else encoding.ramp_position(tick)
        written = encoding.summed(tick * picture.most, picture.most) if picture.most > 1.0 else encoding.tick(tick)
        bars.append(Words(written, x + along * long, 13.5, 5.5, colours.mute, "center", role="tick"))
    room = x - 8.0
    name = lettering.shortened(picture.name, room, TITLE, bold=True)
    line = lettering.shortened(picture.visible(picture.line), room, SMALL)
    return [
        Words(name, 0.0, 9.5, TITLE, colours.ink, bold=True, role="name"),
        Words(line, 0.0, 19.0, SMALL, colours.mute, full_text=picture.line, role="model"),
        *bars,
    ]


def _cells(picture: HeadPicture, layout: Plan, unseen: Bool[np.ndarray, "query key"]) -> list[Mark]:
    """Return the matrix: a cell for each value, or one picture if there are too many.

    Dots show where a causal head cannot look; cells that a filter leaves out are blank.
    """
    blank = unseen | heatmap.left_out(picture.pattern) if isinstance(picture.pattern, Pattern) else unseen
    weights, shares, colours = picture.pattern.weights, picture.shares, picture.colours
    rows, columns = weights.shape
    if weights.size > CELLS:
        pixels = (encoding.difference_rgb if picture.signed else encoding.weight_rgb)(shares, picture.theme)
        pixels[blank] = encoding.rgb(colours.page)
        title = f"{picture.name}: {rows} rows, {columns} columns, a pixel each"
        return [Field(layout.x, layout.y, columns * layout.cell, rows * layout.row, pixels, title)]
    gap = 0.5 if min(layout.cell, layout.row) >= 5 else 0.0
    marks: list[Mark] = []
    for q, k in zip(*np.nonzero(~blank), strict=True):
        value, x, y = float(shares[q, k]), layout.x + k * layout.cell, layout.y + q * layout.row
        facts = (("query", str(q)), ("key", str(k)), ("difference" if picture.signed else "weight", str(weights[q, k])))
        colour = picture.colour(value)
        marks.append(Box(x, y, layout.cell - gap, layout.row - gap, colour, title=picture.exact(int(q), int(k)), facts=facts))
        if abs(value) >= encoding.WRITTEN_FROM and min(layout.cell, layout.row) >= NUMBERED:
            size = min(layout.cell * (0.24 if picture.signed else 0.3), 7.0)  # so that neighbours do not touch
            middle = x + (layout.cell - gap) / 2, y + (layout.row - gap) / 2 + MIDDLE * size
            marks.append(
                Words(picture.number(float(weights[q, k])), *middle, size, encoding.text_on(colour), "center", role="value")
            )
        elif picture.signed and value <= -encoding.WRITTEN_FROM and min(layout.cell, layout.row) >= 3:
            middle = y + (layout.row - gap) / 2 - 0.3
            marks.append(Box(x + layout.cell * 0.3, middle, layout.cell * 0.4, 0.6, encoding.text_on(colour)))
    centres = [
        (layout.x + (k + 0.5) * layout.cell, layout.y + (q + 0.5) * layout.row)
        for q, k in zip(*np.nonzero(unseen), strict=True)
    ]
    marks += [Dots(tuple(centres), min(0.6, layout.cell / 6), colours.mute)] if centres else []
    for row in picture.selected_rows:
        edge = Box(layout.x - 1, layout.y + row * layout.row - 1, columns * layout.cell + 1.5, layout.row + 1.5)
        marks += [replace(edge, edge=colours.page, line=2.4), replace(edge, edge=colours.accent, line=1.2)]
    return marks


def _slanted(picture: HeadPicture, layout: Plan) -> list[Mark]:
    """Return the words that are looked at, above their columns."""
    pattern = picture.pattern
    keys, units = pattern.keys, pattern.key_units
    return [
        Words(
            _label(picture, keys, units, k, layout), layout.x + (k + 0.5) * layout.cell + 0.3 * layout.size, layout.y - 4.0,
            layout.size, _ink(picture, pattern.key_units, k), angle=ANGLE,
            full_text=picture.marked(keys[k], units, k), role="column",
        )
        for k in range(0, len(pattern.keys), layout.every_column)
    ]  # fmt: skip


def _column(picture: HeadPicture, layout: Plan, top: float, row: float, x: float, role: str) -> list[Mark]:
    """Return a column of words: those that look end at `x`, those that are looked at begin there."""
    pattern, colours = picture.pattern, picture.colours
    left = role == "query"
    texts, units = (pattern.queries, pattern.query_units) if left else (pattern.keys, pattern.key_units)
    marks: list[Mark] = []
    for i in range(0, len(texts), layout.every_row):
        label, colour, ground = _label(picture, texts, units, i, layout), _ink(picture, units, i), ""
        value = 0.0 if left else float(picture.shares[list(picture.selected_rows), i].mean()) if picture.selected_rows else 0.0
        if left and i in picture.selected_rows:
            colour, ground = colours.on_accent, colours.accent
        elif abs(value) >= TINTED_FROM:
            ground = picture.colour(value)
            colour = encoding.text_on(ground)
        y, bold = top + (i + 0.5) * row, bool(ground) and (left or abs(value) >= 0.1)
        if ground:
            wide = lettering.width(label, layout.size, bold=bold)
            start = x - wide - 2.0 if left else x - 2.0
            marks.append(Box(start, y - 0.46 * row, wide + 4.0, 0.92 * row, ground, radius=1.5))
        align = "right" if left else "left"
        full = picture.marked(texts[i], units, i)
        marks.append(Words(label, x, y + MIDDLE * layout.size, layout.size, colour, align, bold, full_text=full, role=role))
    return marks


def _hidden(picture: HeadPicture, layout: Plan) -> list[Mark]:
    """Return the share of each row that is not shown, beside the words that look."""
    marks: list[Mark] = []
    for i in range(0, len(picture.pattern.queries), layout.every_row):
        share = float(picture.pattern.hidden[i]) / picture.most
        if abs(share) >= LABELLED_FROM:
            text = ("+" if share > 0 else encoding.MINUS) * picture.signed + encoding.percent(abs(share))
            y = layout.y + (i + 0.5) * layout.row + MIDDLE * layout.size * 0.86
            marks.append(Words(text, layout.lost_x, y, layout.size * 0.86, picture.colours.mute, "right", role="hidden"))
    return marks


def _ribbons(picture: HeadPicture, layout: Plan) -> tuple[list[Mark], int]:
    """Return the ribbons of each query, weakest first so that strong ones are on top, and how many had no room."""
    weights, band = np.abs(picture.shares), layout.curve_row * BAND
    seen = np.argwhere(weights > THINNEST)
    order = np.argsort(weights[weights > THINNEST], kind="stable")[-RIBBONS:]
    from_ = (np.cumsum(weights, -1) - weights / 2 - 0.5) * band
    meant, faded = [], []
    for q, k in seen[order].tolist():
        value, thick = float(picture.shares[q, k]), float(weights[q, k]) * band
        y0, y1 = (layout.curves_y + (i + 0.5) * layout.curve_row for i in (q, k))
        ribbon = Ribbon(
            layout.left, y0 + float(from_[q, k]), layout.right, y1, max(0.3, thick), picture.colours.mute, 0.06,
            picture.signed and value < 0, picture.exact(q, k),
        )  # fmt: skip
        if not picture.selected_rows or q in picture.selected_rows:
            strong = value if picture.signed else max(value, encoding.WRITTEN_FROM)
            meant.append(replace(ribbon, colour=picture.colour(strong), opacity=1.0 if picture.selected_rows else 0.8))
        else:
            faded.append(ribbon)
    return [*faded, *meant], len(seen) - len(order)


def _bands(picture: HeadPicture, layout: Plan) -> list[Mark]:
    """Return the ends of the bands."""
    colours, tall = picture.colours, layout.curve_row * BAND
    ends = [(layout.left - 1.5, len(picture.pattern.queries)), (layout.right, len(picture.pattern.keys))]
    marks: list[Mark] = [
        Box(x, layout.curves_y + (i + (1 - BAND) / 2) * layout.curve_row, 1.5, tall, colours.line)
        for x, n in ends
        for i in range(n)
    ]
    for row in picture.selected_rows:
        y = layout.curves_y + (row + (1 - BAND) / 2) * layout.curve_row
        marks.append(Box(layout.left - 1.5, y, 1.5, tall, colours.accent))
    return marks


def _captions(picture: HeadPicture, layout: Plan, lost: bool) -> list[Mark]:
    """Return captions of the columns of words."""
    style = {"size": 5.5, "colour": picture.colours.mute, "role": "caption"}
    y = layout.curves_y - 3.0
    marks: list[Mark] = [
        Words("looks", layout.curve_query_x, y, align="right", **style),
        Words("is looked at", layout.key_x, y, **style),
    ]
    return [*marks, _hidden_caption(picture, layout)] if lost else marks


def _hidden_caption(picture: HeadPicture, layout: Plan) -> Words:
    """Return the caption of the hidden shares."""
    return Words("hidden", layout.lost_x, layout.y - 3.0, 5.5, picture.colours.mute, "right", role="caption")


def _notes(picture: HeadPicture, left_out: int) -> list[str]:
    """Return sentences on what was hidden, merged, rescaled or left out, also on letters without a font."""
    pattern = picture.pattern
    lines = [GREEN] if picture.signed else []
    lines += [picture.visible(pattern.note)] if pattern.note else []
    unread = encoding.unread_note((*pattern.query_units, *pattern.key_units))
    lines += [unread] if unread else []
    if pattern.weights.size > CELLS:
        lines.append(
            f"The matrix has {pattern.weights.size:,} values, a pixel each; the CSV, NPZ and JSON files have them in numbers."
        )
    if left_out:
        lines.append(f"The {RIBBONS:,} strongest ribbons are drawn; {left_out:,} weaker ones are left out.")
    lost = any(lettering.missing(encoding.visible(text)) for text in (*pattern.queries, *pattern.keys, picture.line))
    if lost and picture.coded:
        lines.append(
            "Letters that no font here has stand by their code points (U+…). The SVG file shows them in the reader's own "
            "fonts; or install a font that has them, such as Noto Sans, and save again."
        )
    elif lost:
        lines.append("Letters that no font here had are text, set in the fonts of the viewer.")
    return lines


def _label(picture: HeadPicture, texts: Sequence[str], units: Sequence[Unit], at: int, layout: Plan) -> str:
    """Return a row's word, shortened to its column; its mark stays whole."""
    return lettering.label(picture.visible(texts[at]), _mark(units, at), layout.label, layout.size)


def _mark(units: Sequence[Unit], at: int) -> str:
    """Return the mark of the unit at a place, or ""."""
    return encoding.unknown_mark(units[at]) if at < len(units) else ""


def _ink(picture: HeadPicture, units: Sequence[Unit], at: int) -> str:
    """Return the text colour of a label; special tokens are muted."""
    return picture.colours.mute if at < len(units) and units[at].special else picture.colours.ink
