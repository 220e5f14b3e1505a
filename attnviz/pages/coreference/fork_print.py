"""The lines from a pronoun to its candidates, for print."""

from __future__ import annotations

from collections.abc import Sequence

from attnviz.figures import encoding
from attnviz.figures.vector import lettering
from attnviz.figures.vector.marks import MIDDLE, Box, Mark, Stroke, Words
from attnviz.figures.vector.placing import Frame
from attnviz.pages.coreference.fork_figure import THICKEST, THINNEST, Branch

ROW, REACH, SIZE, SMALL = 24.0, 54.0, 12.0, 7.5
SCALE = 0.6  # points a pixel of the page


def marks(pronoun: str, branches: Sequence[Branch], frame: Frame, hit: bool | None) -> tuple[list[Mark], float, float]:
    """Return a line to each candidate, as thick as its weight, solid to the right one; and the width and height of all."""
    colours, tall = encoding.LIGHT, ROW * len(branches)
    name = frame.visible(encoding.label(pronoun))
    wide = lettering.width(name, SIZE) + 6.0
    found: list[Mark] = [
        Box(0.0, tall / 2 - 9.0, wide, 18.0, colours.accent, radius=1.5),
        Words(name, 3.0, tall / 2 + MIDDLE * SIZE, SIZE, colours.on_accent, full_text=pronoun, role="pronoun"),
    ]
    width = wide + REACH
    for at, branch in enumerate(branches):
        y = ROW * (at + 0.5)
        found.append(_line(branch, wide + 2.0, tall / 2, wide + REACH - 6.0, y))
        x = wide + REACH
        label = frame.visible(encoding.label(branch.name))
        found.append(Words(label, x, y + MIDDLE * SIZE, SIZE, colours.ink, full_text=branch.name, role="candidate"))
        end = x + lettering.width(label, SIZE)
        dash = () if branch.right else (1.6, 1.6)
        found.append(Stroke((("M", (x, y + 8.0)), ("L", (end, y + 8.0))), colours.accent, 1.2, dash=dash))
        for text, size, bold in _values(branch, hit if branch.right else None):
            end += 8.0
            found.append(Words(text, end, y + MIDDLE * size, size, colours.ink, bold=bold, role="value"))
            end += lettering.width(text, size, bold=bold)
        width = max(width, end)
    return found, width, tall


def _line(branch: Branch, x0: float, y0: float, x1: float, y1: float) -> Stroke:
    """Return the line to one candidate, thin and dotted for one that the model cannot see."""
    colours, middle = encoding.LIGHT, (x0 + x1) / 2
    path = (("M", (x0, y0)), ("C", (middle, y0, middle, y1, x1, y1)))
    if branch.late:
        return Stroke(path, colours.mute, 0.8, dash=(0.8, 4.0), title=f"{branch.name} comes too late to be seen")
    thick = SCALE * (THINNEST + (THICKEST - THINNEST) * min(branch.share, 1.0))
    colour = encoding.weight_colour(max(branch.share, 0.25), colours.name)  # a pale line would not be seen
    title = f"{branch.name} {encoding.three(branch.share)}"
    return Stroke(path, colour, thick, dash=() if branch.right else (5.0, 3.5), title=title)


def _values(branch: Branch, hit: bool | None) -> list[tuple[str, float, bool]]:
    """Return what stands beside a candidate: its weight, hit or miss, and its largest piece where that differs."""
    if branch.late:
        return [("too late to be seen", SMALL, False)]
    found = [(encoding.three(branch.share), SIZE, True)]
    found += [] if hit is None else [(encoding.verdict(hit), SMALL, False)]
    if branch.peak is not None and encoding.three(branch.peak) != encoding.three(branch.share):
        found.append((f"largest piece {encoding.three(branch.peak)}", SMALL, False))
    return found
