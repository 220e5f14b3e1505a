"""The sentence as HTML: everything typed is there, nothing of it is markup, and each weight stands at its word."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import numpy as np
import pytest

from attnviz.errors import ShapeError
from attnviz.figures import encoding
from attnviz.pages.coreference.sentence_figure import Marks, button_style, tinted_sentence
from attnviz.types import Unit

TEXT = "a <b>  cat"
UNITS = (Unit("[CLS]", 0, 0, (0,), special=True), Unit("a", 0, 1, (1,)), Unit("<b>", 2, 5, (2,)), Unit("cat", 7, 10, (3, 4)))


def written(page: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", page))


def test_the_text_is_shown_as_typed():
    assert written(tinted_sentence(TEXT, UNITS, "light", Marks())) == "[CLS] " + TEXT


def test_markup_in_the_text_stays_text():
    page = tinted_sentence(
        "<img src=x onerror=alert(1)>", (Unit("<img src=x onerror=alert(1)>", 0, 28, (0,)),), "dark", Marks()
    )
    assert "<img" not in page


def test_a_weight_tints_its_word_and_is_written_below_it():
    page = tinted_sentence(TEXT, UNITS, "light", Marks(selected=(0, 1)), np.array([0.03, 0.07, 0.2, 0.7], np.float32))
    assert f"background:{encoding.weight_colour(0.7, 'light')}" in page
    assert f"background:{encoding.LIGHT.accent}" in page
    assert re.findall(r">(0\.\d{3})<", page) == ["0.070", "0.200", "0.700"]


def test_candidates_are_underlined_and_only_the_right_one_with_a_solid_line():
    page = tinted_sentence(TEXT, UNITS, "light", Marks(candidates=((2, 5), (7, 10)), right=(7, 10)))
    assert page.count("underline dotted") == 1
    assert page.index("underline dotted") < page.index("underline solid")


def test_weights_must_fit_the_units():
    with pytest.raises(ShapeError, match="4 units"):
        tinted_sentence(TEXT, UNITS, "light", Marks(), np.ones(3, np.float32))


def test_the_cue_is_framed_and_the_right_word_says_whether_it_is_chosen():
    weights = np.array([0.03, 0.07, 0.2, 0.7], np.float32)
    marks = Marks(candidates=((2, 5), (7, 10)), right=(7, 10), cue=((0, 1),))
    page = tinted_sentence(TEXT, UNITS, "light", marks, weights)
    assert page.count("outline:1.5px dashed") == 1
    assert page.index("outline:1.5px dashed") < page.index(">a<")
    assert re.findall(r">([^<]*\.\d{3})<", page) == ["0.070", "0.200", "0.700"]
    for hit, sign in ((True, "✓"), (False, "✗")):
        page = tinted_sentence(TEXT, UNITS, "light", replace(marks, hit=hit), weights)
        assert re.findall(r">([^<]*\.\d{3})<", page) == ["0.070", "0.200", f"{sign} 0.700"]


def test_a_word_button_that_is_chosen_is_filled_or_underlined():
    style = button_style("word-4", ["word-9", "word-12"])
    assert re.findall(r"\.st-key-(\S+) button\{background", style) == ["word-4"]
    assert re.findall(r"\.st-key-(\S+) button p\{text-decoration", style) == ["word-9", "word-12"]
