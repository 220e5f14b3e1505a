"""A sentence for print, its words tinted by weight, with the numbers below them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from attnviz.figures import encoding
from attnviz.figures.vector import lettering
from attnviz.figures.vector.marks import Box, Mark, Stroke, Words
from attnviz.figures.vector.placing import PAGE, Frame, moved

SIZE, NUMBER, LINE, PAD, SPACE = 13.0, 6.0, 32.0, 2.5, 4.0
TINTED_FROM = 0.004
EDGE = 1.2  # of a frame around a word, beyond the word


@dataclass(frozen=True)
class TintedWord:
    """One word or token: its weight, None for none, and how it is marked.

    `line` is "solid" or "dotted" under a candidate, `touches` whether no space is before it (after a special token there is one
    in any case), `mark` what the model cannot
    read, `number` what stands below it.
    """

    text: str
    weight: float | None = None
    number: str = ""
    selected: bool = False
    line: str = ""
    boxed: bool = False
    special: bool = False
    touches: bool = False
    mark: str = ""


def marks(words: Sequence[TintedWord], frame: Frame, width: float = PAGE - 2.0) -> tuple[list[Mark], float, float]:
    """Return the sentence in lines of at most `width`, and its own width and height; frames at its sides have room."""
    edge = EDGE if any(word.boxed for word in words) else 0.0
    width -= 2 * edge
    right = _right_to_left("".join(word.text for word in words))
    found: list[Mark] = []
    x, top, widest, special = 0.0, 0.0, 0.0, False
    for word in words:
        size = SIZE * 0.6 if word.special else SIZE
        text = lettering.shortened(frame.visible(word.text), width - 2 * PAD, size)
        wide = max(lettering.width(text, size), lettering.width(word.number, NUMBER)) + 2 * PAD
        gap = 0.0 if word.touches and not special and x else SPACE * (x > 0.0)
        if x and x + gap + wide > width:
            x, gap, top = 0.0, 0.0, top + LINE
        left = x + gap
        found += _word(word, text, size, width - left - wide if right else left, top, wide)
        x = left + wide
        widest, special = max(widest, x), word.special
    return [moved(mark, edge, 0.0) for mark in found], (width if right else widest) + 2 * edge, top + LINE


def _word(word: TintedWord, text: str, size: float, x: float, top: float, wide: float) -> list[Mark]:
    """Return one word on its tint, with lines, frame and number."""
    colours, ground, ink = encoding.LIGHT, "", encoding.LIGHT.mute if word.special else encoding.LIGHT.ink
    if word.selected:
        ground, ink = colours.accent, colours.on_accent
    elif word.weight is not None and word.weight >= TINTED_FROM:
        ground = encoding.weight_colour(word.weight, colours.name)
        ink = encoding.text_on(ground)
    base = top + 14.0
    found: list[Mark] = []
    if ground:
        facts = () if word.weight is None else (("weight", str(word.weight)),)
        found.append(Box(x, top + 1.5, wide, 18.0, ground, radius=1.5, title=word.text, facts=facts))
    found.append(Words(text, x + wide / 2, base, size, ink, "center", full_text=word.text, role="word"))
    if word.boxed:
        found.append(Box(x - 0.8, top + 0.7, wide + 1.6, 19.6, edge=colours.mute, line=0.8))
    if word.line:
        dash = () if word.line == "solid" else (1.6, 1.6)
        found.append(
            Stroke((("M", (x + PAD, base + 3.6)), ("L", (x + wide - PAD, base + 3.6))), colours.accent, 1.4, dash=dash)
        )
    if word.number:
        found.append(Words(word.number, x + wide / 2, top + 27.0, NUMBER, colours.mute, "center", role="number"))
    if word.mark:
        found.append(Words(word.mark, x + wide / 2, top + 0.5, 4.5, colours.mute, "center", role="mark"))
    return found


def _right_to_left(text: str) -> bool:
    """Return whether a line runs from right to left: as its first letter does."""
    return next((kind != "L" for kind in map(unicodedata.bidirectional, text) if kind in ("L", "R", "AL")), False)


def shown(weight: float, always: bool) -> str:
    """Return the number below a word, if it is large enough or always wanted."""
    return encoding.three(weight) if always or weight >= encoding.WRITTEN_FROM else ""
