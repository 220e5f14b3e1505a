"""The sentence as HTML: everything typed is there, nothing of it is markup, and each weight stands at its word."""

from __future__ import annotations

import html
import re

import numpy as np
import pytest

from attnviz.errors import ShapeError
from attnviz.figures import encoding
from attnviz.figures.sentence import Marks, tinted
from attnviz.types import Unit

TEXT = "a <b>  cat"
UNITS = (Unit("[CLS]", 0, 0, (0,), special=True), Unit("a", 0, 1, (1,)), Unit("<b>", 2, 5, (2,)), Unit("cat", 7, 10, (3, 4)))


def written(page: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", page))


def test_the_text_stands_as_it_was_typed():
    assert written(tinted(TEXT, UNITS, "light", Marks())) == "[CLS] " + TEXT


def test_markup_in_the_text_stays_text():
    page = tinted("<img src=x onerror=alert(1)>", (Unit("<img src=x onerror=alert(1)>", 0, 28, (0,)),), "dark", Marks())
    assert "<img" not in page


def test_a_weight_tints_its_word_and_stands_below_it():
    page = tinted(TEXT, UNITS, "light", Marks(held=(0, 1)), np.array([0.03, 0.07, 0.2, 0.7], np.float32))
    assert f"background:{encoding.weight_colour(0.7, 'light')}" in page
    assert f"background:{encoding.LIGHT.accent}" in page
    assert re.findall(r">(\.\d\d)<", page) == [".07", ".20", ".70"]


def test_candidates_are_underlined_and_only_the_right_one_with_a_solid_line():
    page = tinted(TEXT, UNITS, "light", Marks(candidates=((2, 5), (7, 10)), right=(7, 10)))
    assert page.count("underline dotted") == 1
    assert page.index("underline dotted") < page.index("underline solid")


def test_weights_must_fit_the_units():
    with pytest.raises(ShapeError, match="4 units"):
        tinted(TEXT, UNITS, "light", Marks(), np.ones(3, np.float32))
