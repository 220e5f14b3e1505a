"""Minus signs over the cells of a matrix, which only paper shows."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
from PIL import Image

from attnviz.figures import encoding, html_matrix


def test_cells_that_are_less_have_a_minus_on_paper_and_no_others() -> None:
    found = html_matrix.minus(np.array([[0.5, -0.5, 0.0], [-0.05, -0.2, 1.0]]))
    source = re.search(r"base64,([^\"]+)", found)
    assert source is not None
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(source[1]))))
    high, wide = html_matrix.MINUS
    shown = pixels.reshape(2, high, 3, wide, 4).max((1, 3))
    assert (shown[..., 3] > 0).tolist() == [[False, True, False], [False, True, False]]
    assert shown[0, 1, 0] == 255  # white on a dark cell
    assert shown[1, 1, 0] == 20


def test_the_signs_lie_over_the_cells_and_are_hidden_on_the_screen() -> None:
    cells = np.zeros((1, 1, 3), np.uint8)
    drawn = html_matrix.drawn(lambda _: cells, encoding.LIVE.name, ["a"], ["b"], None, "alt", marks="<i>signs</i>")
    assert "<i>signs</i>" in drawn
    assert ".inside .minus { display: none; }" in html_matrix.CSS
    assert "@media print" in html_matrix.CSS
