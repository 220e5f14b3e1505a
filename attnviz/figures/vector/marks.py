"""The parts of a drawing for print: boxes, ribbons, strokes, dots, words, a field of colours. In points; y runs down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jaxtyping import UInt8
from numpy import ndarray

Align = Literal["left", "center", "right"]
MIDDLE = 0.36  # ems from the middle of a line of type to its baseline


@dataclass(frozen=True)
class Box:
    """A filled or outlined rectangle; `title` describes it, `facts` are (name, value) for programs that read it."""

    x: float
    y: float
    width: float
    height: float
    fill: str = ""
    edge: str = ""
    line: float = 0.0
    radius: float = 0.0
    title: str = ""
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Ribbon:
    """A curve from (x0, y0) to (x1, y1) that starts and ends horizontally; `thick` is its width everywhere."""

    x0: float
    y0: float
    x1: float
    y1: float
    thick: float
    colour: str
    opacity: float = 1.0
    dashed: bool = False
    title: str = ""

    @property
    def bends(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """The two control points of the cubic Bézier curve."""
        middle = (self.x0 + self.x1) / 2
        return (middle, self.y0), (middle, self.y1)


@dataclass(frozen=True)
class Stroke:
    """A path: each part is a letter of SVG path data (M, L, Q, C, Z) and its coordinates.

    Its line is `thick` and has `colour`, none if that is ""; `fill` is the colour inside, "" for none; `dash` has lengths of
    line and gap.
    """

    parts: tuple[tuple[str, tuple[float, ...]], ...]
    colour: str = ""
    thick: float = 1.0
    fill: str = ""
    dash: tuple[float, ...] = ()
    title: str = ""


@dataclass(frozen=True)
class Dots:
    """Small discs of one colour: where a causal head cannot look."""

    places: tuple[tuple[float, float], ...]
    radius: float
    fill: str


@dataclass(frozen=True)
class Words:
    """One line of type, `size` points high, at (x, y) on its baseline, rotated by `angle` degrees counterclockwise.

    `full_text` is the text before it was shortened; `role` says what it is, e.g. `query`.
    """

    text: str
    x: float
    y: float
    size: float
    colour: str
    align: Align = "left"
    bold: bool = False
    angle: float = 0.0
    full_text: str = ""
    role: str = ""


@dataclass(frozen=True, eq=False)
class Field:
    """A picture with one pixel for each value, drawn without smoothing."""

    x: float
    y: float
    width: float
    height: float
    pixels: UInt8[ndarray, "row column 3"]
    title: str = ""


Mark = Box | Ribbon | Stroke | Dots | Words | Field
DASH = (4.0, 2.0)  # points of line and of gap


@dataclass(frozen=True)
class Drawing:
    """Marks in drawing order on a background; `title` and `description` describe them in words."""

    width: float
    height: float
    ground: str
    marks: tuple[Mark, ...]
    title: str
    description: str
