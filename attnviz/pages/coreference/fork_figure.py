"""A small drawing as HTML: one line from the pronoun to each candidate, as thick as its weight."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass

from attnviz.figures import encoding

ROW, REACH = 52, 72  # pixels: the height of a candidate's row, and how far a line goes from the pronoun to it
THINNEST, THICKEST = 1.5, 10.0


@dataclass(frozen=True)
class Branch:
    """One candidate: its name, its share (a sum over pieces), its largest piece, and whether it is the right one.

    `late`: it comes after the pronoun of a causal model. `peak` is None if it is not needed.
    """

    name: str
    share: float
    peak: float | None = None
    right: bool = False
    late: bool = False


def fork(pronoun: str, branches: Sequence[Branch], theme: str, hit: bool | None = None) -> str:
    """Return the drawing: a line is as thick as its weight, solid to the right candidate and dashed to others.

    `hit` adds a sign and a word for right or wrong; None adds neither. Text is escaped, and a screen reader hears
    everything in one sentence.
    """
    colours = encoding.theme(theme)
    picture = encoding.each_theme(theme, lambda name: _lines(branches, encoding.theme(name)))
    rows = "".join(_row(branch, colours, hit if branch.right else None) for branch in branches)
    chip = f"background:{colours.accent};color:{colours.on_accent};padding:.04em .3em;border-radius:.14em"
    label = html.escape(description(pronoun, branches, hit))
    return (
        f'<div role="img" aria-label="{label}" dir="auto" style="display:flex;align-items:center;overflow:hidden">'
        f'<span style="font:24px/1.25 {html.escape(encoding.SENTENCE_FONT)};{chip}">{_name(pronoun)}</span>'
        f"{picture}"
        f'<span style="display:grid;min-width:0;font-variant-numeric:tabular-nums">{rows}</span></div>'
    )


def description(pronoun: str, branches: Sequence[Branch], hit: bool | None) -> str:
    """Return the drawing in words: `it: animal 0.640, the right one, hit; street 0.101`."""
    parts = []
    for branch in branches:
        phrase = f"{branch.name} {'comes too late to be seen' if branch.late else encoding.three(branch.share)}"
        if piece := _piece(branch):
            phrase += f" ({piece})"
        if branch.right:
            phrase += ", the right one" + ("" if hit is None else ", hit" if hit else ", miss")
        parts.append(phrase)
    return f"{pronoun}: {'; '.join(parts)}"


def _lines(branches: Sequence[Branch], colours: encoding.Theme) -> str:
    """Return the lines as an image: of drawings in a page's own text Streamlit leaves nothing."""
    high = ROW * len(branches)
    lines = "".join(_line(at, branch, high, colours) for at, branch in enumerate(branches))
    picture = f'<svg xmlns="http://www.w3.org/2000/svg" width="{REACH}" height="{high}">{lines}</svg>'
    source = base64.b64encode(picture.encode()).decode()
    return f'<img alt="" width="{REACH}" height="{high}" src="data:image/svg+xml;base64,{source}" style="flex:none">'


def _line(at: int, branch: Branch, high: int, colours: encoding.Theme) -> str:
    """Return the line to one candidate, thin and dotted for one that the model cannot see."""
    start, end = high / 2, ROW * (at + 0.5)
    path = f"M2 {start} C{REACH / 2} {start} {REACH / 2} {end} {REACH - 6} {end}"
    dashes = "" if branch.right else ' stroke-dasharray="7 5"'
    if branch.late:
        return f'<path d="{path}" fill="none" stroke="{colours.mute}" stroke-width="1" stroke-dasharray="1 6"/>'
    thick = THINNEST + (THICKEST - THINNEST) * min(branch.share, 1.0)
    colour = encoding.weight_colour(max(branch.share, 0.25), colours.name)  # a pale line would not be seen
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{thick:.2f}"{dashes}/>'


def _row(branch: Branch, colours: encoding.Theme, hit: bool | None) -> str:
    """Return one candidate: name, weight, and whether it is chosen."""
    line = "solid" if branch.right else "dotted"
    name = (
        f'<span style="font:20px/1.25 {html.escape(encoding.SENTENCE_FONT)};overflow:hidden;text-overflow:ellipsis;'
        f'text-decoration:underline {line} {colours.accent} 2px;text-underline-offset:.2em">{_name(branch.name)}</span>'
    )
    if branch.late:
        value = f'<span style="font-size:14px;color:{colours.mute}">too late to be seen</span>'
    else:
        value = f'<b style="font-weight:600;font-size:20px">{encoding.three(branch.share)}</b>'
    badge = ""
    if hit is not None:
        edge = "solid" if hit else "dashed"
        look = f"border:1.5px {edge} {colours.ink};border-radius:12px;padding:1px 10px;font-size:14px;font-weight:600"
        badge = f'<span style="{look};white-space:nowrap">{encoding.verdict(hit)}</span>'
    piece = _piece(branch)
    aside = f'<span style="font-size:13px;color:{colours.mute}">{piece}</span>' if piece else ""
    style = f"display:flex;flex-wrap:wrap;align-items:center;align-content:center;gap:0 12px;height:{ROW}px;white-space:nowrap"
    return f'<span style="{style}">{name}{value}{badge}{aside}</span>'  # on a phone in two lines


def _piece(branch: Branch) -> str:
    """Return the largest piece of a word, which decides a hit, where it differs from the sum; else ""."""
    if branch.peak is None or branch.late or encoding.three(branch.peak) == encoding.three(branch.share):
        return ""
    return f"largest piece {encoding.three(branch.peak)}"


def _name(text: str) -> str:
    """Return a word as it is shown, escaped."""
    return html.escape(encoding.label(text))
