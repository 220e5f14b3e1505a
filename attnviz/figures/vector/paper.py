"""Write a drawing as a PDF or PNG file with matplotlib: no window, no browser, no date.

Text is real text in an embedded DejaVu Sans (TrueType, only the letters used); text in other fonts is outlined.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, Any

from attnviz.figures.vector import lettering
from attnviz.figures.vector.marks import DASH, Box, Dots, Drawing, Field, Mark, Ribbon, Stroke, Words

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

DENSITY = 192  # pixels an inch of a PNG: twice a screen's 96
PRINT_DENSITY = 300  # what journals ask for
CODES = {"M": 1, "L": 2, "Q": 3, "C": 4, "Z": 79}  # matplotlib's path codes
# Type 42 is TrueType; many publishers refuse matplotlib's default, Type 3.
SETTINGS: dict[Any, Any] = {
    "pdf.fonttype": 42,
    "pdf.compression": 6,
    "pdf.use14corefonts": False,
    "text.usetex": False,
    "text.hinting": "none",
}


def pdf(drawing: Drawing, facts: str) -> bytes:
    """Return one page of the drawing's size."""
    about = {"Title": drawing.title, "Subject": drawing.description, "Keywords": facts, "Creator": "attnviz"}
    return _file(drawing, "pdf", {name: _valid_text(value) for name, value in about.items()} | {"CreationDate": None})


def png(drawing: Drawing, facts: str, density: int = DENSITY) -> bytes:
    """Return a picture with `density` pixels to the inch: by default two to each of a screen's."""
    about = {"Title": drawing.title, "Description": drawing.description, "Source": facts, "Software": "attnviz"}
    return _file(drawing, "png", {name: _valid_text(value) for name, value in about.items()}, density)


def _file(drawing: Drawing, kind: str, about: Mapping[str, str | None], density: int = DENSITY) -> bytes:
    """Return the file that matplotlib writes; its settings are shared by the process, so one file is written at a time."""
    out = io.BytesIO()
    with _settings():
        figure = _figure(drawing, outlined=kind == "png")
        figure.savefig(out, format=kind, dpi=density, metadata=about, facecolor=drawing.ground)
    return out.getvalue()


@contextmanager
def _settings() -> Iterator[None]:
    """Use matplotlib's default settings inside the block, and restore the user's settings afterwards."""
    import matplotlib

    with lettering.LOCK, matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)
        yield


def _figure(drawing: Drawing, *, outlined: bool) -> Figure:
    """Return the drawing on one axes that fills the page and counts in points, y running down."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(drawing.width / 72, drawing.height / 72))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    order = 0
    for plain, run in groupby(drawing.marks, _is_plain):
        if plain:
            found = list(run)
            axes.add_artist(_boxes([mark for mark in found if isinstance(mark, Box)], order))
            order += len(found)
            continue
        for mark in run:
            if isinstance(mark, Field):
                extent = (mark.x, mark.x + mark.width, mark.y + mark.height, mark.y)
                axes.imshow(mark.pixels, extent=extent, interpolation="none", aspect="auto", zorder=order)
            for artist in _artists(mark, outlined=outlined):
                artist.set_zorder(order)
                axes.add_artist(artist)
            order += 1
    axes.set(xlim=(0, drawing.width), ylim=(drawing.height, 0))
    return figure


def _is_plain(mark: Mark) -> bool:
    """Return whether a mark is a filled rectangle without an edge, such as a cell."""
    return isinstance(mark, Box) and mark.radius == 0.0 and bool(mark.fill) and not mark.edge


def _boxes(boxes: Sequence[Box], order: int) -> Artist:
    """Return filled rectangles as one artist: thousands of cells take a fraction of the time that as many artists take."""
    import numpy as np
    from matplotlib.collections import PolyCollection

    left, top, width, height = np.array([(box.x, box.y, box.width, box.height) for box in boxes]).T
    corners = np.stack([left, top, left + width, top, left + width, top + height, left, top + height], -1).reshape(-1, 4, 2)
    return PolyCollection(list(corners), facecolors=[box.fill for box in boxes], edgecolors="none", linewidths=0, zorder=order)


def _artists(mark: Mark, *, outlined: bool) -> list[Artist]:
    """Return one mark as matplotlib's artists."""
    from matplotlib.patches import FancyBboxPatch, PathPatch, Rectangle
    from matplotlib.path import Path

    match mark:
        case Box(radius=0.0):
            style = {"facecolor": mark.fill or "none", "edgecolor": mark.edge or "none", "linewidth": mark.line}
            return [Rectangle((mark.x, mark.y), mark.width, mark.height, **style)]
        case Box():
            round_ = f"round,pad=0,rounding_size={mark.radius}"
            return [FancyBboxPatch((mark.x, mark.y), mark.width, mark.height, round_, facecolor=mark.fill, linewidth=0)]
        case Ribbon():
            path = Path([(mark.x0, mark.y0), *mark.bends, (mark.x1, mark.y1)], [1, 4, 4, 4])
            style = {"linewidth": mark.thick, "alpha": mark.opacity, "capstyle": "butt"}
            # matplotlib measures dashes in widths of the line.
            dash = (0, [part / mark.thick for part in DASH]) if mark.dashed else "solid"
            return [PathPatch(path, facecolor="none", edgecolor=mark.colour, linestyle=dash, **style)]
        case Stroke():
            return [_stroke(mark)]
        case Dots():
            discs = Path.make_compound_path(*(Path.circle(place, mark.radius) for place in mark.places))
            return [PathPatch(discs, facecolor=mark.fill, linewidth=0)]
        case Words():
            return _words(mark, outlined=outlined)
        case Field():
            return []


def _stroke(stroke: Stroke) -> Artist:
    """Return a path, with or without a line and a fill."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    points: list[tuple[float, float]] = []
    codes: list[int] = []
    for letter, places in stroke.parts:
        found = list(zip(places[::2], places[1::2], strict=True)) or [(0.0, 0.0)]
        points += found
        codes += [CODES[letter]] * len(found)
    dash = (0, [part / stroke.thick for part in stroke.dash]) if stroke.dash else "solid"
    style = {"facecolor": stroke.fill or "none", "edgecolor": stroke.colour or "none", "linewidth": stroke.thick}
    return PathPatch(Path(points, codes), **style, linestyle=dash, capstyle="butt", joinstyle="miter")


def _words(words: Words, *, outlined: bool) -> list[Artist]:
    """Return a line of type: as text if the bundled font has its letters, or else as outlines."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.text import Text

    if not words.text.strip():
        return []
    if outlined or lettering.outlined(words.text):
        return _outlines(words)
    font = FontProperties(fname=str(lettering.file(words.bold)), size=words.size)
    style: dict[str, Any] = {"horizontalalignment": words.align, "verticalalignment": "baseline", "parse_math": False}
    turn = {"rotation": words.angle, "rotation_mode": "anchor"}
    return [Text(words.x, words.y, words.text, color=words.colour, fontproperties=font, **style, **turn)]


def _outlines(words: Words) -> list[Artist]:
    """Return the outlines of a line of type, rotated and in their place."""
    import numpy as np
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path
    from matplotlib.transforms import Affine2D

    line = lettering.laid(words.text, words.bold)
    start = {"left": 0.0, "center": -line.width / 2, "right": -line.width}[words.align]
    places: list[tuple[float, float]] = []
    codes: list[int] = []
    for name, x, y in line.glyphs:
        for code, points in lettering.shape(name):
            found = np.array(points or (0.0, 0.0)).reshape(-1, 2) + np.array((start + x, y))
            places += [tuple(point) for point in found.tolist()]
            codes += [code] * len(found)
    if not places:
        return []
    scale = words.size / lettering.UNIT
    put = Affine2D().rotate_deg(words.angle).scale(scale, -scale).translate(words.x, words.y)
    return [PathPatch(put.transform_path(Path(places, codes)), facecolor=words.colour, linewidth=0)]


def _valid_text(text: str) -> str:
    """Return text with half surrogate pairs, which no file can contain, replaced by their code points."""
    return "".join(f"U+{ord(c):04X}" if "\ud800" <= c <= "\udfff" else c for c in text)
