"""The arcs of a sentence as a drawing for print: the picture of the page, in points."""

from __future__ import annotations

from attnviz.figures import encoding
from attnviz.figures.vector import lettering
from attnviz.figures.vector.marks import Box, Dots, Drawing, Mark, Stroke, Words
from attnviz.figures.vector.placing import PAGE, Frame, framed
from attnviz.pages.syntax import arc_figure, arc_layout
from attnviz.pages.syntax.arc_figure import BAND, FIRST, LABEL, STEP, THICK, THIN, WORD, ArcDiagram, PredictionArc

SCALES = 0.4, 0.75  # points a pixel: smallest, so that labels stay legible, and largest
TURN = arc_layout.BEND


def drawing(picture: ArcDiagram, frame: Frame) -> Drawing:
    """Return links above the words and one head's choices below, as wide as a page if the words fit."""
    shown = ArcDiagram(
        tuple(map(frame.visible, picture.words)), picture.arcs, picture.choices, picture.unseen, None, unknown=picture.unknown
    )
    found = arc_figure.plan(shown, lambda text, size: lettering.width(text, float(size)))
    scale = max(SCALES[0], min(SCALES[1], PAGE / found.width))
    lines: list[Mark] = []
    labels: list[Mark] = []
    colours, top, bottom = encoding.LIGHT, found.base - BAND / 2, found.base + BAND / 2
    for arc, (xs, level) in zip(shown.arcs, found.above, strict=True):
        height, colour = top - FIRST - STEP * (level - 1), colours.accent if arc.own else colours.mute
        title = f"{shown.words[arc.head]} to {shown.words[arc.dependent]}, {arc.label}"
        lines += [_arc(xs, top - 2, height, 1.5, colour, scale, (), title), _tip(xs[1], top - 1, 8.0, colour, scale)]
        labels += _label(arc_figure.named(arc), sum(xs) / 2, height, colours.accent if arc.own else colours.ink, scale)
    for choice, (xs, level) in zip(shown.choices, found.below, strict=True):
        height, colour = bottom + FIRST + STEP * (level - 1), colours.sequential[4] if choice.hit else colours.mute
        thick, dash = THIN + (THICK - THIN) * choice.weight, () if choice.hit else (5 * scale, 4 * scale)
        title = f"{shown.words[choice.source]} looks at {shown.words[choice.target]} {encoding.three(choice.weight)}"
        lines += [_arc(xs, bottom + 2, height, thick, colour, scale, dash, title), _tip(xs[1], bottom + 1, -8.0, colour, scale)]
        labels += _judged(choice, sum(xs) / 2, height, scale)
    for number, word in enumerate(found.labels):
        x, full = found.middles[number] * scale, picture.words[number]
        labels.append(
            Words(word, x, (found.base + 7) * scale, WORD * scale, colours.ink, "center", full_text=full, role="word")
        )
        if number in shown.unseen:
            places = tuple((x + shift * scale, (bottom - 1) * scale) for shift in (-6, 0, 6))
            labels.append(Dots(places, 1.6 * scale, colours.mute))
    return framed([*lines, *labels], found.width * scale, found.height * scale, frame)


def _arc(
    xs: tuple[float, float],
    start: float,
    far: float,
    thick: float,
    colour: str,
    scale: float,
    dash: tuple[float, ...],
    title: str,
) -> Stroke:
    """Return a line from the first word up or down to `far`, along, and back to the other, with round corners."""
    side, turn = (TURN if xs[1] > xs[0] else -TURN), (TURN if far > start else -TURN)
    points = (
        ("M", (xs[0], start)), ("L", (xs[0], far - turn)), ("Q", (xs[0], far, xs[0] + side, far)), ("L", (xs[1] - side, far)),
        ("Q", (xs[1], far, xs[1], far - turn)), ("L", (xs[1], start)),
    )  # fmt: skip
    scaled = tuple((letter, tuple(one * scale for one in places)) for letter, places in points)
    return Stroke(scaled, colour, thick * scale, dash=dash, title=title)


def _tip(x: float, y: float, size: float, colour: str, scale: float) -> Stroke:
    """Return an arrow head that ends at (x, y); with a size below 0 it points up."""
    corners = ((x, y), (x - 4.5, y - size), (x + 4.5, y - size))
    parts = tuple((letter, (a * scale, b * scale)) for letter, (a, b) in zip("MLL", corners, strict=True))
    return Stroke((*parts, ("Z", ())), fill=colour)


def _plate(x: float, y: float, width: float, scale: float) -> Box:
    """Return the ground of a label, so that lines stop beside it."""
    return Box((x - width / 2) * scale, (y - 9) * scale, width * scale, 18 * scale, encoding.LIGHT.page)


def _label(text: str, x: float, y: float, colour: str, scale: float) -> list[Mark]:
    """Return a relation on its line."""
    size = LABEL * scale
    words = Words(text, x * scale, (y + 4.5) * scale, size, colour, "center", role="relation")
    return [_plate(x, y, lettering.width(text, float(LABEL)) + 8, scale), words]


def _judged(choice: PredictionArc, x: float, y: float, scale: float) -> list[Mark]:
    """Return check or cross with the relation that is right and the weight."""
    colours, text = encoding.LIGHT, arc_figure.prediction_label(choice)
    width = lettering.width(text, float(LABEL)) + 24
    left = x - width / 2 + 5
    corners = (
        (("M", (0.0, 0.0)), ("L", (3.5, 4.0)), ("L", (9.5, -4.5))) if choice.hit
        else (("M", (0.0, -4.0)), ("L", (8.0, 4.0)), ("M", (8.0, -4.0)), ("L", (0.0, 4.0)))
    )  # fmt: skip
    sign = tuple((letter, ((left + a) * scale, (y + b) * scale)) for letter, (a, b) in corners)
    colour = colours.ink if choice.hit else colours.mute
    role = "hit" if choice.hit else "miss"
    words = Words(text, (left + 14) * scale, (y + 4.5) * scale, LABEL * scale, colour, role=role)
    return [_plate(x, y, width, scale), Stroke(sign, colours.ink, 1.8 * scale), words]
