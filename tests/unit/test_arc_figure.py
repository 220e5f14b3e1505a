"""The arcs as SVG: sound XML, every word and label in it, and hits distinct from misses without colour."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from attnviz.errors import ShapeError
from attnviz.figures import encoding
from attnviz.pages.syntax import arc_figure
from attnviz.pages.syntax.arc_figure import ArcDiagram, LinkArc, PredictionArc

SVG = "{http://www.w3.org/2000/svg}"
PICTURE = ArcDiagram(
    ("The", "cat", "<b>sat</b>", "."),
    (LinkArc(0, 1, "det"), LinkArc(1, 2, "nsubj", own=True)),
    (PredictionArc(0, 1, 0.64, True, "det"), PredictionArc(1, 0, 0.25, False)),
    unseen=(2,),
    selected=1,
    title="Gold & links",
    description="The to cat, det: hit.",
)


def drawn(picture: ArcDiagram = PICTURE, theme: str = "light") -> ElementTree.Element:
    return ElementTree.fromstring(arc_figure.svg(picture, theme))


def group(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [one for one in root.iter(f"{SVG}g") if one.get("class") == name]


def texts(one: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in one.iter(f"{SVG}text")]


def test_every_word_is_shown_as_typed_and_none_of_it_is_markup():
    words = [texts(one)[0] for one in group(drawn(), "word")]
    assert words == ["The", "cat", "<b>sat</b>", "."]


def test_it_has_a_title_and_says_in_words_what_it_shows():
    root = drawn()
    assert root.get("role") == "img"
    assert root.get("aria-label") == "Gold & links"
    assert [root.findtext(f"{SVG}{name}") for name in ("title", "desc")] == ["Gold & links", "The to cat, det: hit."]


def test_links_are_above_the_words_and_choices_below():
    root = drawn()
    base = float(group(root, "word")[0].find(f"{SVG}text").get("y"))
    for name, above in (("arc", True), ("hit", False), ("miss", False)):
        for one in group(root, name):
            y = float(one.find(f"{SVG}text").get("y"))
            assert (y < base - 15) == above


def test_a_hit_is_solid_and_named_a_miss_is_dashed_and_crossed():
    root = drawn()
    dashes = [group(root, f"{name}-line")[0].findall(f"{SVG}path")[0].get("stroke-dasharray") for name in ("hit", "miss")]
    assert dashes == [None, arc_figure.DASH]
    (hit,), (miss,) = group(root, "hit"), group(root, "miss")
    assert texts(hit) == ["det 0.640"]
    assert texts(miss) == ["0.250"]
    signs = [re.sub(r"M[\d. ]+", "", str(one.findall(f"{SVG}path")[0].get("d"))) for one in (hit, miss)]
    assert signs[0] != signs[1], "a check and a cross"


def test_no_line_is_drawn_over_a_label():
    order = [one.get("class") for one in drawn().iter(f"{SVG}g")]
    assert order == ["arc-line", "arc-line", "hit-line", "miss-line", "arc", "arc", "hit", "miss", *["word"] * 4]


def test_the_thickness_of_a_choice_is_its_weight():
    widths = [float(group(drawn(), f"{name}-line")[0].find(f"{SVG}path").get("stroke-width")) for name in ("hit", "miss")]
    assert widths == pytest.approx([1.5 + 3 * 0.64, 1.5 + 3 * 0.25])


def test_a_readers_own_arc_has_a_star_and_a_word_that_cannot_see_has_dots():
    root = drawn()
    assert [texts(one)[0] for one in group(root, "arc")] == ["det", "nsubj *"]
    assert [len(list(one.iter(f"{SVG}circle"))) for one in group(root, "word")] == [0, 0, 3, 0]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_are_those_of_the_theme(theme: str):
    found = set(re.findall(r"#[0-9A-F]{6}", arc_figure.svg(PICTURE, theme)))
    colours = encoding.theme(theme)
    assert found <= {colours.page, colours.ink, colours.mute, colours.accent, colours.on_accent, colours.sequential[4]}
    assert colours.page in found


def test_a_wide_sentence_makes_a_wide_picture_and_never_a_smaller_type():
    words = tuple(f"word{n}" for n in range(60))
    wide = drawn(ArcDiagram(words, tuple(LinkArc(n, n + 1, "compound") for n in range(59))))
    assert float(wide.get("width", 0)) > 4000
    assert wide.get("viewBox") == f"0 0 {wide.get('width')} {wide.get('height')}"


def test_a_long_arc_makes_a_higher_picture():
    low = drawn(ArcDiagram(("a", "b", "c"), (LinkArc(0, 1, "x"),)))
    high = drawn(ArcDiagram(("a", "b", "c"), (LinkArc(0, 1, "x"), LinkArc(2, 0, "x"))))
    assert float(high.get("height", 0)) == pytest.approx(float(low.get("height", 0)) + arc_figure.STEP, abs=1)


def test_how_tall_it_will_be_is_known_before_it_is_drawn():
    assert str(arc_figure.height(PICTURE)) == drawn().get("height")


def test_an_arc_to_a_word_that_is_not_there_is_refused():
    for wrong in ((LinkArc(0, 4, "det"),), (LinkArc(-1, 0, "det"),), (LinkArc(1, 1, "det"),)):
        with pytest.raises(ShapeError, match="two of 2 words"):
            arc_figure.svg(ArcDiagram(("a", "b"), wrong), "light")


def test_an_empty_sentence_is_an_empty_picture():
    assert not group(drawn(ArcDiagram((), ())), "word")
