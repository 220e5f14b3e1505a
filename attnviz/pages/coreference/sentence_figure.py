"""A sentence in large type as HTML, its words tinted by weight."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from attnviz.errors import ShapeError
from attnviz.figures import encoding
from attnviz.types import Unit


@dataclass(frozen=True)
class Marks:
    """The marks in a sentence: the selected word, candidates (underlined, in this order) and the right one among them.

    `cue` are the deciding words (framed); `hit` says whether the right candidate is chosen, None if that is not known.
    """

    selected: tuple[int, int] | None = None
    candidates: tuple[tuple[int, int], ...] = ()
    right: tuple[int, int] | None = None
    cue: tuple[tuple[int, int], ...] = ()
    hit: bool | None = None


def tinted_sentence(
    text: str, units: Sequence[Unit], theme: str, marks: Marks, weights: Float[np.ndarray, "key"] | None = None
) -> str:
    """Return the sentence as typed, each unit a span, tinted by its weight and with the number below it.

    Special tokens are small labels where the model reads them. Text is escaped.
    Raises ShapeError if units and weights do not fit.
    """
    if weights is not None and len(weights) != len(units):
        raise ShapeError(f"{len(units)} units need {len(units)} weights, got {len(weights)}.")
    colours = encoding.theme(theme)
    parts, at = [], 0
    for index, unit in enumerate(units):
        if not unit.special:
            parts.append(html.escape(text[at : unit.start]))
            at = max(at, unit.end)
        spaced = index and (unit.special or units[index - 1].special) and not parts[-1].endswith(" ")
        parts += [" "] if spaced else []
        parts.append(_span(unit, colours, marks, None if weights is None else float(weights[index])))
    parts.append(html.escape(text[at:]))
    return f'<div class="attnviz-sentence" dir="auto" style="{_LINE}">{"".join(parts)}</div>'


_LINE = f"font-family:{html.escape(encoding.SENTENCE_FONT)};font-size:30px;line-height:1.9;overflow-wrap:anywhere"
_UNREAD = "position:absolute;left:50%;bottom:100%;transform:translateX(-50%);white-space:nowrap;font:500 11px/1.1 sans-serif"
_NUMBER = "position:absolute;left:50%;top:100%;transform:translateX(-50%);white-space:nowrap;font:500 13px/1.3 sans-serif"


def _span(unit: Unit, colours: encoding.Theme, marks: Marks, weight: float | None) -> str:
    """One unit: tinted, selected, or plain; candidates underlined, the right one with a solid line, unknown ones marked."""
    place = (unit.start, unit.end)
    style = ["position:relative;display:inline-block;line-height:1.25;padding:.04em .12em;border-radius:.14em"]
    if unit.special:
        style.append(f"font:500 .44em/1.8 sans-serif;vertical-align:.3em;color:{colours.mute}")
    if not unit.special and place == marks.selected:
        style.append(f"background:{colours.accent};color:{colours.on_accent}")
    elif weight is not None and weight >= 0.004:
        background = encoding.weight_colour(weight, colours.name)
        style.append(f"background:{background};color:{encoding.text_on_weight(weight, colours.name)}")
    if not unit.special and place in marks.candidates:
        line = "solid" if place == marks.right else "dotted"
        style.append(f"text-decoration:underline {line} {colours.accent} 3px;text-underline-offset:.2em")
    if not unit.special and place in marks.cue:
        style.append(f"outline:1.5px dashed {colours.mute};outline-offset:2px")
    number = ""
    if weight is not None and (weight >= encoding.WRITTEN_FROM or place in marks.candidates):
        mark = f"{encoding.mark(marks.hit)} " if marks.hit is not None and place == marks.right else ""
        below = ";margin-top:4px" if place in marks.cue else ""  # under its frame
        number = f'<span style="{_NUMBER}{below};color:{colours.mute}">{mark}{encoding.three(weight)}</span>'
    unread = encoding.unknown_mark(unit)
    if unread:
        style.append(f"box-shadow:0 0 0 1px {colours.line};border-radius:.14em")
    above = f'<span style="{_UNREAD};color:{colours.mute}">{unread}</span>' if unread else ""
    return f'<span style="{html.escape(";".join(style))}">{html.escape(encoding.label(unit.text, 200))}{above}{number}</span>'


def button_style(pronoun: str, candidates: Sequence[str]) -> str:
    """CSS of the word buttons, by the class `st-key-…` around each: the pronoun, if any, filled, candidates underlined."""
    filled = f".st-key-{pronoun} button{{background:var(--accent);color:var(--on-accent)}}" if pronoun else ""
    lined = [f".st-key-{name} button p{{text-decoration:underline solid var(--accent) 3px}}" for name in candidates]
    return "\n".join([filled, *lined])
