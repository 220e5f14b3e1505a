"""The picture of how often heads are right: what stands where, and in which colour."""

from __future__ import annotations

import pytest

from attnviz.figures import encoding, evidence
from attnviz.types import Evidence

GOOD = Evidence(61, 100, (("offset", 0.4), ("chance", 0.1)), (0.5, 0.7), "named", "UD", "Trees")
WEAK = Evidence(45, 100, (("nearest", 0.5),), (0.35, 0.55), "named", "UD", "Trees")
NONE = Evidence(0, 0, (), (0.0, 1.0), "named", "UD", "Trees")


def lines(figure):
    return [trace for trace in figure.data if trace.mode == "lines"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_bar_is_blue_if_it_is_above_every_baseline_and_grey_if_not(theme: str):
    found = evidence.figure([("L3·H1", GOOD), ("L0·H0", WEAK)], theme)
    colours = encoding.theme(theme)
    assert [line.line.color for line in lines(found)] == [colours.sequential[3 if theme == "light" else 4], colours.mute]
    assert [tuple(line.x) for line in lines(found)] == [(0.5, 0.7), (0.35, 0.55)]


def test_the_rate_its_baselines_and_its_count_are_in_its_row():
    found = evidence.figure([("L3·H1", GOOD)], "light")
    dots = {trace.hovertemplate.removesuffix("<extra></extra>"): trace.x[0] for trace in found.data if trace.mode == "markers"}
    assert dots == {
        "61.0\u202f%, 95 % interval 50.0 to 70.0\u202f%": 0.61, "fixed offset: 40.0\u202f%": 0.4, "chance: 10.0\u202f%": 0.1
    }  # fmt: skip
    texts = [note.text for note in found.layout.annotations]
    assert texts == ["<b>61.0\u202f%</b>  L3·H1, n = 100", "fixed offset 40.0\u202f%"]


def test_without_a_count_there_is_no_dot():
    found = evidence.figure([("L3·H1", NONE)], "light")
    assert len(found.data) == 0
    assert found.layout.annotations[0].text == "L3·H1: nothing counted"
    assert evidence.description([("L3·H1", NONE)]) == ""


def test_a_name_is_text_and_never_markup():
    found = evidence.figure([("<b>L3</b> & co", GOOD)], "light")
    assert "&lt;b>L3&lt;/b> &amp; co" in found.layout.annotations[0].text


def test_the_same_in_words():
    assert evidence.description([("L3·H1", GOOD)], {"offset": "fixed offset +1"}) == (
        "L3·H1: 61.0\u202f% of 100, interval 50.0 to 70.0\u202f%, fixed offset +1 40.0\u202f%"
    )


def test_what_may_be_an_accident_of_the_choice_is_grey_too():
    found = evidence.figure([("L3·H1", GOOD), ("L0·H0", GOOD)], "light", doubted=["L0·H0"])
    colours = encoding.theme("light")
    assert [line.line.color for line in lines(found)] == [colours.sequential[3], colours.mute]


def test_wordings_are_counted_by_their_sentences():
    jobs = Evidence(61, 100, (("chance", 0.4),), (0.45, 0.75), "named", "UD", "Jobs", groups=20)
    assert evidence.figure([("L3·H1", jobs)], "light").layout.annotations[0].text == "<b>61.0\u202f%</b>  L3·H1, 20 sentences"
    caption = "61 of n = 100 wordings of 20 sentences, 95\u202f% interval by sentences 45.0 to 75.0\u202f%"
    assert evidence.counts(jobs) == caption
    assert "61.0\u202f% of 100 wordings of 20 sentences" in evidence.description([("L3·H1", jobs)])
