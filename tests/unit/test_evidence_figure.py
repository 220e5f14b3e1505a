"""The picture of how often heads are right: what stands where, and in which colour."""

from __future__ import annotations

import re
from dataclasses import replace

from attnviz.figures import evidence
from attnviz.types import Evidence

GOOD = Evidence(61, 100, (("offset", 0.4), ("chance", 0.1)), (0.5, 0.7), "named", "UD", "Trees")
WEAK = Evidence(45, 100, (("nearest", 0.5),), (0.35, 0.55), "named", "UD", "Trees")
NONE = Evidence(0, 0, (), (0.0, 1.0), "named", "UD", "Trees")


def parts(picture: str, kind: str) -> list[tuple[str, str]]:
    """Return place and words on hover of every bar, ring or tick."""
    return re.findall(rf'<i class="{kind}" style="([^"]*)" title="([^"]*)">', picture)


def test_a_bar_is_blue_if_it_is_above_every_baseline_and_grey_if_not():
    picture = evidence.drawn([("L3·H1", GOOD), ("L0·H0", WEAK)])
    assert [place for place, _ in parts(picture, "bar strong")] == ["left:50.00%;width:20.00%"]
    assert [place for place, _ in parts(picture, "bar")] == ["left:35.00%;width:20.00%"]


def test_the_rate_its_baselines_and_its_count_are_in_its_row():
    picture = evidence.drawn([("L3·H1", GOOD)])
    assert parts(picture, "ring strong") == [("left:61.00%", "L3·H1: 61.0\u202f%, 95 % interval 50.0 to 70.0\u202f%")]
    ticks = [("left:40.00%", "fixed offset: 40.0\u202f%"), ("left:10.00%", "chance: 10.0\u202f%")]
    assert parts(picture, "tick") == ticks
    assert '<b>61.0\u202f%</b> <span dir="auto">L3·H1, n = 100</span>' in picture
    assert ">fixed offset 40.0\u202f%</span>" in picture
    assert "chance 10.0" not in picture, "only the strongest baseline is named below its tick"


def test_without_a_count_there_is_no_ring():
    picture = evidence.drawn([("L3·H1", NONE)])
    assert "L3·H1: nothing counted" in picture
    assert "<i" not in picture.partition("</style>")[2]
    assert evidence.description([("L3·H1", NONE)]) == ""


def test_a_name_is_text_and_never_markup():
    picture = evidence.drawn([('<b>L3</b> & "co"', GOOD)], {"offset": "<i>"})
    assert "&lt;b&gt;L3&lt;/b&gt; &amp; &quot;co&quot;" in picture
    assert "<b>L3" not in picture
    assert "<i>" not in picture


def test_the_area_above_a_ceiling_is_shaded():
    low = replace(GOOD, ceiling=0.8)
    assert parts(evidence.drawn([("L3·H1", low)]), "ceiling") == [("left:80.00%;width:20.00%", "above the ceiling")]
    assert not parts(evidence.drawn([("L3·H1", GOOD)]), "ceiling")


def test_the_same_in_words():
    assert evidence.description([("L3·H1", GOOD)], {"offset": "fixed offset +1"}) == (
        "L3·H1: 61.0\u202f% of 100, 95\u202f% interval 50.0 to 70.0\u202f%, fixed offset +1 40.0\u202f%"
    )


def test_what_may_be_an_accident_of_the_choice_is_grey_too():
    picture = evidence.drawn([("L3·H1", GOOD), ("L0·H0", GOOD)], doubted=["L0·H0"])
    assert [title[:5] for _, title in parts(picture, "bar strong")] == ["L3·H1"]
    assert [title[:5] for _, title in parts(picture, "bar")] == ["L0·H0"]


def test_wordings_are_counted_by_their_sentences():
    jobs = Evidence(61, 100, (("chance", 0.4),), (0.45, 0.75), "named", "UD", "Jobs", groups=20)
    assert "L3·H1, 20 sentences" in evidence.drawn([("L3·H1", jobs)])
    caption = "61 of n = 100 wordings of 20 sentences, 95\u202f% interval by sentences 45.0 to 75.0\u202f%"
    assert evidence.counts(jobs) == caption
    assert "61.0\u202f% of 100 wordings of 20 sentences" in evidence.description([("L3·H1", jobs)])


def test_the_legend_names_each_tick_from_the_left_and_says_when_a_bar_is_blue():
    three = Evidence(70, 100, (("nearest", 0.55), ("mentioned", 0.6), ("chance", 0.5)), (0.65, 0.75), "named", "GAP", "Texts")
    same = evidence.reading([("a", three), ("b", three)])
    assert "blue if it lies above the strongest baseline and the lead is significant" in same
    assert same.endswith("from the left chance, nearer candidate, name mentioned more often.")
    level = Evidence(60, 100, (("nearest", 0.5), ("chance", 0.5)), (0.51, 0.63), "named", "W", "Texts")
    assert evidence.reading([("a", three), ("b", level)]).endswith(
        "chance, nearer candidate, name mentioned more often (a); nearer candidate = chance (b)."
    )
    assert "Ticks" not in evidence.reading([("L3·H1", NONE)])


def test_in_words_a_lead_is_significant_doubted_or_reaches_the_baseline():
    rows = [("a", GOOD), ("b", GOOD), ("c", WEAK)]
    leads = [part.rpartition("(")[2] for part in evidence.description(rows, doubted=["b"]).split("; ")]
    assert leads == ["significant lead)", "no significant lead)", "the interval reaches it)"]
