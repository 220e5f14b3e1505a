"""What a test reads off the board's canvases: where cells were drawn, and the pixels that stand there."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from playwright.sync_api import Locator, Page, expect

# The rectangles that each canvas was given since it was last cleared; they say where to look, never what colour is there.
WATCH = """() => {
  if (window.boxes) return;
  const seen = new WeakMap();
  const of = (c) => seen.get(c.canvas) ?? seen.set(c.canvas, { fillRect: [], strokeRect: [] }).get(c.canvas);
  window.boxes = (canvas) => seen.get(canvas);
  const proto = CanvasRenderingContext2D.prototype;
  for (const name of ["fillRect", "strokeRect"]) {
    const draw = proto[name];
    proto[name] = function (...box) { of(this)[name].push(box); return draw.apply(this, box); };
  }
  const clear = proto.clearRect;
  proto.clearRect = function (...box) { seen.delete(this.canvas); return clear.apply(this, box); };
}"""
REST = """async () => { dispatchEvent(new Event("resize"));
  for (let i = 0; i < 12; i++) await new Promise(requestAnimationFrame); }"""
PIXELS = """(canvas, points) => { const c = canvas.getContext("2d");
  return points.map(([x, y]) => [...c.getImageData(Math.round(x), Math.round(y), 1, 1).data]); }"""
BARE = 3  # pixels from a cell's corner that no ring and no number reaches


@dataclass(frozen=True)
class MatrixPlace:
    """Where the board says that the matrix is on the head's canvas, in pixels.

    Its first row and its first shown column begin at x, y.
    """

    x: float
    y: float
    cell: float  # from one column to the next
    row: float
    column: int  # the first shown column, and how many are shown
    columns: int
    first: int  # the shown rows: from the first to before the last
    last: int

    @property
    def start(self) -> tuple[float, float]:
        """The corner of the first cell."""
        return self.x, self.y

    @property
    def center(self) -> tuple[float, float]:
        """The middle of what is shown of the matrix."""
        return self.x + self.columns * self.cell / 2, self.y + (self.first + self.last) * self.row / 2

    def middle_of(self, row: int, column: int) -> tuple[float, float]:
        """The middle of one cell."""
        return self.x + (column - self.column + 0.5) * self.cell, self.y + (row + 0.5) * self.row


def matrix_place(page: Page) -> MatrixPlace:
    """The place of the matrix on the board's canvas of a head, when it is drawn."""
    canvas = page.locator("canvas.head")
    expect(canvas).to_have_attribute("data-matrix", re.compile("{"))
    return MatrixPlace(**json.loads(canvas.get_attribute("data-matrix") or ""))


def watched(page: Page) -> Page:
    """The page, drawn once more, with every rectangle noted."""
    page.evaluate(WATCH)
    page.evaluate(REST)
    return page


def boxes(canvas: Locator, name: str = "fillRect") -> np.ndarray:
    """x, y, width and height of each rectangle that was drawn on a canvas."""
    return np.array(canvas.evaluate("(canvas, name) => window.boxes(canvas)[name]", name), np.float64).reshape(-1, 4)


def pixels(canvas: Locator, points: Any) -> np.ndarray:
    """Red, green, blue and alpha at points of a canvas."""
    return np.array(canvas.evaluate(PIXELS, np.asarray(points, float).tolist()), int)


def cells(canvas: Locator, rows: int, columns: int, start: tuple[float, float] | None = None) -> np.ndarray:
    """[row, column, 4]: the colour at the bare corner of each cell of a matrix; alpha 0 where nothing was drawn.

    `start` is the first cell's corner, for a matrix whose first row or column may be blank.
    """
    drawn = boxes(canvas)
    drawn = drawn[drawn[:, 2] >= 2 * BARE]  # a dot of a causal head is smaller
    sizes, counts = np.unique(drawn[:, 2:], axis=0, return_counts=True)
    size = sizes[counts.argmax()]
    left, top = start or drawn[(drawn[:, 2:] == size).all(1), :2].min(0)
    pitch = np.where(size >= 17, size + 1, size)  # from 18 pixels on, cells stand 1 apart
    points = [(left + j * pitch[0] + BARE, top + i * pitch[1] + BARE) for i in range(rows) for j in range(columns)]
    return pixels(canvas, points).reshape(rows, columns, 4)


def small_pictures(page: Page, layers: int, heads: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Left and top of the first head's picture in the overview, from one head to the next, and its side, in pixels.

    Found by the ring around the chosen head: at the first one, and after one step to the right and one down.
    """
    canvas = page.locator("canvas.overview")
    canvas.focus()
    for key in ["ArrowUp"] * (layers - 1) + ["ArrowLeft"] * (heads - 1):
        page.keyboard.press(key)
    page.evaluate(REST)
    first = boxes(canvas, "strokeRect")[0]
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.evaluate(REST)
    second = boxes(canvas, "strokeRect")[0]
    return first[:2] + 1.5, second[:2] - first[:2], round(first[2] - 3)
