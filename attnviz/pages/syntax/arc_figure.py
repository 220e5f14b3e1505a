"""A sentence's links and one head's choices as arcs over and under its words, as SVG.

Above, the links: from head to dependent, as grammar books draw them. Below, each word's top key in the attention head: a
solid arc with a check where it is right, a dashed one with a cross where it is not, dots at a word that cannot see the
right one. The thickness of such an arc is its weight. All text is escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from attnviz.errors import ShapeError
from attnviz.figures import encoding
from attnviz.figures.encoding import Theme
from attnviz.figures.geometry import pixels
from attnviz.pages.syntax import arc_layout

WORD, LABEL = 20, 13  # sizes of type
STEP = 27.0  # from one level to the next
FIRST = 30.0  # between the words and the lowest arcs
PAD = 14.0  # around the picture
BAND = 30.0  # height of the words
MAX_LABEL = 24  # characters; longer words are shortened
THIN, THICK = 1.5, 4.5  # width of a prediction's line at weight 0 and 1
DASH = "5 4"


@dataclass(frozen=True)
class LinkArc:
    """A link above the words: their numbers and its relation; `own` if the reader drew it."""

    dependent: int
    head: int
    label: str
    own: bool = False


@dataclass(frozen=True)
class PredictionArc:
    """The word that a word looks at most, and whether it is right; `label` is the relation that it got right, or ""."""

    source: int
    target: int
    weight: float
    hit: bool
    label: str = ""


@dataclass(frozen=True)
class ArcDiagram:
    """Content of the picture. `unseen` are words that look and cannot see a right word, `selected` is the highlighted word.

    `unknown` are words that the model cannot read.
    """

    words: tuple[str, ...]
    arcs: tuple[LinkArc, ...]
    choices: tuple[PredictionArc, ...] = ()
    unseen: tuple[int, ...] = ()
    selected: int | None = None
    title: str = ""
    description: str = ""
    unknown: tuple[int, ...] = ()


@dataclass(frozen=True)
class ArcPlan:
    """The place of every part: words at `middles`, the arcs' ends and levels, `base` in the middle of the words."""

    labels: tuple[str, ...]
    widths: tuple[float, ...]
    middles: tuple[float, ...]
    base: float
    width: float
    height: float
    above: tuple[tuple[tuple[float, float], int], ...]
    below: tuple[tuple[tuple[float, float], int], ...]


def plan(picture: ArcDiagram, measure: Callable[[str, int], float] = pixels) -> ArcPlan:
    """Return the layout; `measure` returns the width of a text of a size. Raises ShapeError for an arc to a missing word."""
    above = [(arc.head, arc.dependent) for arc in picture.arcs]
    below = [(choice.source, choice.target) for choice in picture.choices]
    _checked([*above, *below], len(picture.words))
    labels = tuple(marked(encoding.label(word, MAX_LABEL), n in picture.unknown) for n, word in enumerate(picture.words))
    widths = tuple(measure(word, WORD) + 6 for word in labels)
    label_widths = (
        [measure(named(arc), LABEL) + 8 for arc in picture.arcs],
        [measure(prediction_label(choice), LABEL) + 24 for choice in picture.choices],
    )
    middles = _middles(widths, (above, below), label_widths)
    over, under = arc_layout.levels(above), arc_layout.levels(below)
    placed = [
        tuple(
            (_xs(ends, offset, middles), level)
            for ends, offset, level in zip(arcs, arc_layout.shifts(arcs), levels, strict=True)
        )
        for arcs, levels in ((above, over), (below, under))
    ]
    width = middles[-1] + widths[-1] / 2 + PAD if middles else 2 * PAD
    return ArcPlan(labels, widths, middles, PAD + _rise(over) + BAND / 2, width, float(height(picture)), placed[0], placed[1])


def svg(picture: ArcDiagram, theme: str) -> str:
    """Return the picture at its natural size, in pixels. Raises ShapeError for an arc to a missing word."""
    found, colours = plan(picture), encoding.theme(theme)
    base, width, tall = found.base, found.width, height(picture)
    drawn = [
        _above(arc, xs, base - BAND / 2, level, colours) for arc, (xs, level) in zip(picture.arcs, found.above, strict=True)
    ]
    drawn += [
        _prediction_arc(choice, xs, base + BAND / 2, level, colours)
        for choice, (xs, level) in zip(picture.choices, found.below, strict=True)
    ]
    words = [_word(n, word, found.middles[n], base, found.widths[n], picture, colours) for n, word in enumerate(found.labels)]
    # Every line first and every label after, so that no line runs through a label.
    parts = [line for line, _ in drawn] + [label for _, label in drawn] + words
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{tall}" '
        f'viewBox="0 0 {width:.0f} {tall}" role="img" aria-label="{escape(picture.title)}" '
        f'font-family="{escape(encoding.FONT)}" font-size="{LABEL}"><title>{escape(picture.title)}</title>'
        f"<desc>{escape(picture.description)}</desc>{''.join(parts)}</svg>"
    )


def marked(word: str, unknown: bool) -> str:
    """Return a word, with a mark if the model cannot read it."""
    return f"{word} {encoding.UNKNOWN}" if unknown else word


def height(picture: ArcDiagram) -> int:
    """Return the height of the picture in pixels before it is drawn, to reserve room for it."""
    above = arc_layout.levels([(arc.head, arc.dependent) for arc in picture.arcs])
    below = arc_layout.levels([(choice.source, choice.target) for choice in picture.choices])
    return round(PAD + _rise(above) + BAND + _rise(below) + PAD)


def _checked(arcs: Sequence[arc_layout.Ends], count: int) -> None:
    """Raise ShapeError for an arc to a missing word, or from a word to itself."""
    for one, other in arcs:
        if not (0 <= one < count and 0 <= other < count) or one == other:
            raise ShapeError(f"Arcs run between two of {count} words, counted from 0; got one from {one} to {other}.")


def _middles(
    widths: Sequence[float],
    arcs: tuple[Sequence[arc_layout.Ends], Sequence[arc_layout.Ends]],
    label_widths: tuple[list[float], list[float]],
) -> tuple[float, ...]:
    """Return the middles of the words, with room for the arcs above and below."""
    found = [arc_layout.places(widths, ends, label_width, PAD) for ends, label_width in zip(arcs, label_widths, strict=True)]
    # Compare gaps, not positions: a word that moves to the right moves all words after it.
    middles = [found[0][0]] if widths else []
    for word in range(1, len(widths)):
        middles.append(middles[-1] + max(side[word] - side[word - 1] for side in found))
    return tuple(middles)


def _rise(found: Sequence[int]) -> float:
    """Return the height of the highest arc."""
    return FIRST + STEP * (max(found) - 1) + LABEL if found else 4.0


def _xs(ends: arc_layout.Ends, offset: tuple[float, float], middles: Sequence[float]) -> tuple[float, float]:
    """Return where an arc starts and ends."""
    return middles[ends[0]] + offset[0], middles[ends[1]] + offset[1]


def _line(xs: tuple[float, float], start: float, top: float) -> str:
    """Return a path from the first word up (or down) to `top`, along, and back to the other, with round corners."""
    way, turn = (1 if xs[1] > xs[0] else -1) * arc_layout.BEND, (arc_layout.BEND if top > start else -arc_layout.BEND)
    return (
        f"M{xs[0]:.1f} {start:.1f}V{top - turn:.1f}q0 {turn:.1f} {way:.1f} {turn:.1f}"
        f"H{xs[1] - way:.1f}q{way:.1f} 0 {way:.1f} {-turn:.1f}V{start:.1f}"
    )


def _tip(x: float, y: float, size: float, colour: str) -> str:
    """Return an arrow head that ends at (x, y); with a size below 0 it points up."""
    return f'<path d="M{x:.1f} {y:.1f}l-4.5 {-size:.1f}h9z" fill="{colour}"/>'


def _label(name: str, x: float, y: float, width: float, content: str, colours: Theme) -> str:
    """Return a label on a line, on the page's colour, so that lines stop beside it."""
    plate = f'<rect x="{x - width / 2:.1f}" y="{y - 9:.1f}" width="{width:.1f}" height="18" fill="{colours.page}"/>'
    return f'<g class="{name}">{plate}{content}</g>'


def named(arc: LinkArc) -> str:
    """Return a relation, with a star if the reader drew it."""
    return f"{arc.label} *" if arc.own else arc.label


def _above(arc: LinkArc, xs: tuple[float, float], base: float, level: int, colours: Theme) -> tuple[str, str]:
    """Return the line and label of one link; the reader's own has the accent colour."""
    colour, top, middle = colours.accent if arc.own else colours.mute, base - FIRST - STEP * (level - 1), sum(xs) / 2
    line = (
        f'<g class="arc-line" data-dependent="{arc.dependent}" data-head="{arc.head}">'
        f'<path d="{_line(xs, base - 2, top)}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        f"{_tip(xs[1], base - 1, 8.0, colour)}</g>"
    )
    text = (
        f'<text x="{middle:.1f}" y="{top + 4.5:.1f}" text-anchor="middle" fill="{colours.accent if arc.own else colours.ink}">'
        f"{escape(named(arc))}</text>"
    )
    return line, _label("arc", middle, top, pixels(named(arc), LABEL) + 8, text, colours)


def prediction_label(choice: PredictionArc) -> str:
    """Return the label of a prediction: the relation that it got right, and its weight."""
    return f"{choice.label} {encoding.three(choice.weight)}".strip()


def _label_width(choice: PredictionArc) -> float:
    """Return the width of that label with its sign."""
    return pixels(prediction_label(choice), LABEL) + 24


def _prediction_arc(choice: PredictionArc, xs: tuple[float, float], base: float, level: int, colours: Theme) -> tuple[str, str]:
    """Return one prediction: its line, the arrow head at the predicted word, check or cross, and weight."""
    name, colour = ("hit", colours.sequential[4]) if choice.hit else ("miss", colours.mute)
    bottom, middle = base + FIRST + STEP * (level - 1), sum(xs) / 2
    dash = "" if choice.hit else f' stroke-dasharray="{DASH}"'
    thick = THIN + (THICK - THIN) * choice.weight
    line = (
        f'<g class="{name}-line" data-source="{choice.source}" data-target="{choice.target}">'
        f'<path d="{_line(xs, base + 2, bottom)}" fill="none" stroke="{colour}" stroke-width="{thick:.2f}"{dash}/>'
        f"{_tip(xs[1], base + 1, -8.0, colour)}</g>"
    )
    left = middle - _label_width(choice) / 2 + 5
    sign = "l3.5 4 6-8.5" if choice.hit else "m0-4 8 8m0-8-8 8"
    content = (
        f'<path d="M{left:.1f} {bottom:.1f}{sign}" fill="none" stroke="{colours.ink}" stroke-width="1.8"/>'
        f'<text x="{left + 14:.1f}" y="{bottom + 4.5:.1f}" fill="{colours.ink if choice.hit else colours.mute}">'
        f"{escape(prediction_label(choice))}</text>"
    )
    return line, _label(name, middle, bottom, _label_width(choice), content, colours)


def _word(number: int, word: str, x: float, base: float, width: float, picture: ArcDiagram, colours: Theme) -> str:
    """Return one word; the selected one on the accent colour; dots where it cannot see the right word."""
    selected, whole = number == picture.selected, marked(picture.words[number], number in picture.unknown)
    box = (
        f'<rect x="{x - width / 2:.1f}" y="{base - BAND / 2 + 2:.1f}" width="{width:.1f}" height="{BAND - 4:.0f}" rx="3" '
        f'fill="{colours.accent if selected else colours.page}"/>'
    )
    dots = "".join(
        f'<circle cx="{x + shift:.1f}" cy="{base + BAND / 2 - 1:.1f}" r="1.6" fill="{colours.mute}"/>' for shift in (-6, 0, 6)
    )
    return (
        f'<g class="word" data-word="{number}">{box}'
        f'<text x="{x:.1f}" y="{base + 7:.1f}" text-anchor="middle" font-size="{WORD}" '
        f'font-family="{escape(encoding.SENTENCE_FONT)}" fill="{colours.on_accent if selected else colours.ink}">'
        f"{escape(word)}</text>{dots if number in picture.unseen else ''}<title>{escape(whole)}</title></g>"
    )
