"""The map of layers by heads: every head in its place, scale fixed, the chosen one ringed."""

from __future__ import annotations

import numpy as np

from attnviz.figures import encoding, headmap
from attnviz.types import HeadRef, HeadScores

VALUES = np.linspace(-0.9, 0.8, 6, dtype=np.float32).reshape(2, 3)


def test_every_head_is_in_its_row_and_column_with_its_own_number():
    picture = headmap.figure(HeadScores("share", VALUES, "", -1.0, 1.0), "light").data[0]
    np.testing.assert_array_equal(picture.z, VALUES)
    assert picture.customdata[1][2] == "L1·H2: +0.800"
    assert (picture.zmin, picture.zmax) == (-1.0, 1.0)


def test_a_scale_below_zero_diverges_and_others_do_not():
    diverging = headmap.figure(HeadScores("d", VALUES, "", -1.0, 1.0), "dark").data[0].colorscale
    sequential = headmap.figure(HeadScores("s", abs(VALUES), "bits", 0.0, 4.0), "dark").data[0].colorscale
    assert diverging[0][1] == encoding.DARK.diverging[0]
    assert sequential[-1][1] == encoding.DARK.sequential[-1]


def test_the_chosen_head_has_a_ring_with_a_halo():
    shapes = headmap.figure(HeadScores("s", abs(VALUES), "", 0.0, 1.0), "light", HeadRef(1, 2)).layout.shapes
    assert [(s.x0, s.y0) for s in shapes] == [(1.5, 0.5)] * 2
    assert [s.line.color for s in shapes] == [encoding.LIGHT.page, encoding.LIGHT.accent]


def test_the_ends_of_the_scale_are_named_by_words_that_cannot_be_markup():
    bar = headmap.figure(HeadScores("s", VALUES, "", -1.0, 1.0), "light", ends=("<b>", "cat")).data[0].colorbar
    assert bar.ticktext == ("&lt;b&gt;", "", "cat")


def test_a_head_without_a_number_is_blank_and_not_zero():
    values = np.array([[0.5, np.nan]], np.float32)
    assert np.isnan(headmap.figure(HeadScores("s", values, "", 0.0, 1.0), "light").data[0].z[0][1])


def test_signs_are_on_their_cells():
    picture = headmap.figure(HeadScores("s", VALUES, "", -1.0, 1.0), "light", marks=[["a", "b", "c"], ["d", "e", "f"]]).data[0]
    assert list(picture.text[1]) == ["d", "e", "f"]
    assert picture.texttemplate == "%{text}"
    assert headmap.figure(HeadScores("s", VALUES, "", -1.0, 1.0), "light").data[0].texttemplate is None
