"""Where arcs stand, worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnviz.pages.syntax import arc_layout
from attnviz.pages.syntax.arc_layout import APART, BEND, GAP


def test_an_arc_is_one_level_above_the_shorter_arcs_below_it():
    #   0 1 2 3 4: 0-1 and 1-2 share only a word; 0-2 spans both; 3-4 is apart; 0-4 spans all
    assert arc_layout.levels([(0, 4), (1, 0), (1, 2), (2, 0), (3, 4)]) == (3, 1, 1, 2, 1)


def test_arcs_that_cross_and_arcs_over_the_same_words_have_different_levels():
    assert arc_layout.levels([(0, 2), (1, 3)]) == (1, 2)
    assert arc_layout.levels([(0, 2), (2, 0)]) == (1, 2)


def test_at_a_word_the_arcs_spread_and_the_longest_are_in_the_middle():
    # Word 2 has arcs to 1 and 0 on its left, to 3 and 4 on its right: from left to right they end 1, 0, 4, 3.
    found = arc_layout.shifts([(2, 0), (2, 1), (2, 3), (4, 2)])
    assert [found[0][0], found[1][0], found[2][0], found[3][1]] == [-APART / 2, -1.5 * APART, 1.5 * APART, APART / 2]
    assert [found[0][1], found[1][1], found[2][1], found[3][0]] == [0.0, 0.0, 0.0, 0.0]


def test_words_are_next_to_each_other_with_a_gap():
    assert arc_layout.places([20.0, 40.0, 10.0], [], []) == (10.0, 10 + 10 + GAP + 20, 10 + 10 + GAP + 20 + 20 + GAP + 5)


def test_an_arc_between_neighbours_pushes_them_apart_until_its_label_fits():
    assert arc_layout.places([20.0, 20.0], [(1, 0)], [100.0], left=5.0) == (15.0, 15 + 100 + 2 * BEND)


def test_no_words_have_no_places():
    assert arc_layout.places([], [], []) == ()


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda arc: arc[0] != arc[1]), max_size=20))
def test_two_arcs_on_one_level_share_at_most_a_word(arcs: list[tuple[int, int]]):
    found = arc_layout.levels(arcs)
    for one in range(len(arcs)):
        for other in range(one):
            if found[one] == found[other]:
                assert max(min(arcs[one]), min(arcs[other])) >= min(max(arcs[one]), max(arcs[other]))


@given(
    st.lists(st.floats(4, 90), min_size=6, max_size=6),
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)).filter(lambda arc: arc[0] != arc[1]), max_size=9),
)
def test_every_label_has_room_between_the_ends_of_its_arc(widths: list[float], arcs: list[tuple[int, int]]):
    labels = [30.0 + 5 * n for n in range(len(arcs))]
    found, offsets = arc_layout.places(widths, arcs, labels), arc_layout.shifts(arcs)
    for (first, second), offset, label in zip(arcs, offsets, labels, strict=True):
        ends = found[first] + offset[0], found[second] + offset[1]
        assert abs(ends[1] - ends[0]) >= label + 2 * BEND - 1e-6
    for word in range(1, 6):
        assert found[word] - found[word - 1] >= (widths[word] + widths[word - 1]) / 2 + GAP - 1e-6


def test_a_picture_of_many_words_is_laid_out_at_once():
    arcs = [(at, at + 1) for at in range(400)]
    assert arc_layout.levels(arcs) == (1,) * 400
    # Each inner word has two arcs, so the ends of an arc stand APART closer than their words, at either end half of that.
    inner, outer = 20 + 2 * BEND + APART, 30 + GAP
    assert arc_layout.places([30.0] * 401, arcs, [20.0] * 400)[-1] == pytest.approx(15 + 398 * inner + 2 * outer)
