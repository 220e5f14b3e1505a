"""URL parameters to selections and back: whatever comes in, nothing is raised and nothing is lost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnviz.models import catalog
from attnviz.selection import PARAMETERS, SETS, TEXT, VIEWS, Selection
from attnviz.types import AttentionRequest, HeadRef, Keep, Link
from attnviz.view_state import BETWEEN, SPECIAL, Panel, Pin, TokenSelection, ViewOptions


def test_a_first_visit_shows_l3h1_on_it():
    selection, notices = Selection.parse({})
    assert notices == ()
    assert selection.request == AttentionRequest("minilm", TEXT)
    assert str(selection.head) == "L3·H1"
    assert selection.focus is not None
    assert TEXT[selection.focus.start :].startswith("it was")


def test_a_hostile_link_gives_defaults_and_a_notice_for_each_bad_value():
    selection, notices = Selection.parse({"layer": "99", "head": "x", "model": "../../etc/passwd"})
    assert selection.request.model == "minilm"
    assert selection.head == HeadRef(0, 0)
    assert len(notices) == 3
    assert "../../etc/passwd" in notices[0]
    assert "99" in notices[1]
    assert "0 to 5" in notices[1]
    assert "“x”" in notices[2]


@pytest.mark.parametrize(
    ("params", "word"),
    [
        ({"special": "purple"}, "special"),
        ({"words": "perhaps"}, "words"),
        ({"block": "cross"}, "block"),
        ({"pins": "99.1"}, "L99·H1"),
        ({"pins": "nonsense"}, "nonsense"),
        ({"pins": "2:3.1"}, "number 2"),
        ({"pins": ",".join(["3.1"] * 9)}, "At most 8"),
        ({"pins": "3.1/cross"}, "cross"),
        ({"texts": '[["minilm"]]'}, "minilm"),
        ({"texts": "[[["}, "[[["),
        ({"texts": '[["gpt9","a"]]', "pins": "1:3.1"}, "gpt9"),
        ({"texts": '[["smollm2","a","b"]]'}, "second text"),
        ({"panels": "1-1", "pins": "3.1,3.2"}, "difference of two"),
        ({"panels": "1-3", "pins": "3.1,3.2"}, "1-3"),
        ({"keep": "top:0"}, "top:0"),
        ({"keep": "least:1.5"}, "least:1.5"),
        ({"between": "a-c"}, "between"),
        ({"set": "all"}, "set"),
        ({"view": "tree"}, "view"),
        ({"focus": "-3"}, "-3"),
        ({"focus": "59"}, "59 characters"),
        ({"focus": "4+9999999"}, "9999999"),
        ({"focus": "b3"}, "second text"),
        ({"candidates": "4,x"}, "4,x"),
        ({"candidates": "1,2,3,4,5"}, "at most 4"),
        ({"candidates": "59"}, "59"),
        ({"candidates": "4,28", "meant": "5"}, "one of its candidates"),
        ({"meant": "4"}, "nothing is right"),
        ({"links": "43-45"}, "43-45"),
        ({"links": "43-45:4-10,45-43:4-10,4-10:4-10,0-3:4-60"}, "2 more"),
        ({"links": "0-3:4-60"}, "59 characters"),
        ({"links": "٣-4:5-6"}, "٣"),
        ({"links": ",".join(f"{n}-{n + 1}:58-59" for n in range(50)) + ",0-1:2-3" * 15}, "At most 64"),
        ({"layer": "٣"}, "٣"),
        ({"layer": "1" * 5000}, "111"),
    ],
)
def test_each_bad_value_is_named_in_its_notice(params, word):
    _, notices = Selection.parse(params)
    assert len(notices) == 1
    assert word in notices[0]
    assert len(notices[0]) < 200


def test_a_second_text_is_refused_for_a_decoder_and_kept_for_an_encoder():
    kept, no_notice = Selection.parse({"text": "a", "text_b": "b"})
    assert (kept.request.text_b, no_notice) == ("b", ())
    dropped, notices = Selection.parse({"model": "smollm2", "text": "a", "text_b": "b"})
    assert dropped.request.text_b is None
    assert len(notices) == 1


cards = catalog.cards()


characters = st.characters(exclude_categories=["Cs"])


@st.composite
def requests(draw):
    card = draw(st.sampled_from(cards))
    pair = draw(st.none() | st.text(characters, min_size=1, max_size=9)) if card.pairs else None
    return AttentionRequest(card.id, draw(st.text(characters, max_size=30)), pair)


@st.composite
def heads(draw, request):
    card = catalog.card(request.model)
    layer, head = st.integers(0, card.layers - 1), st.integers(0, card.heads - 1)
    return HeadRef(draw(layer), draw(head), draw(st.sampled_from(card.blocks)))


@st.composite
def pinned(draw, request):
    over = draw(st.sampled_from(["", "", "sum", "mean"]))
    head = draw(heads(request))
    return Pin(request, HeadRef(head.layer, 0, head.block) if over else head, draw(st.text(characters, max_size=9)), over)


@st.composite
def focuses(draw, request):
    side = st.just(draw(st.sampled_from(["query", "key"])))
    places = st.builds(TokenSelection, st.integers(0, 9999), st.integers(0, 1), side, st.just(True))
    for segment, text in enumerate((request.text, request.text_b)):
        if text:
            places |= st.builds(TokenSelection, st.integers(0, len(text) - 1), st.just(segment), side, st.just(False))
    return replace(draw(places), also=tuple(draw(st.lists(places, max_size=3))))


@st.composite
def panels(draw, pins):
    of = draw(st.lists(st.integers(0, pins - 1), min_size=2, max_size=pins, unique=True))
    return Panel("difference", tuple(of)) if len(of) == 2 else Panel(draw(st.sampled_from(["sum", "mean"])), tuple(of))


@st.composite
def links(draw, text):
    """Any links that stand in a text."""
    spans = st.tuples(st.integers(0, len(text) - 1), st.integers(1, 4)).map(lambda one: (one[0], min(len(text), sum(one))))
    made = st.builds(Link, spans, spans).filter(lambda link: link.source != link.target)
    return tuple(draw(st.lists(made, max_size=5, unique=True)))


@st.composite
def selections(draw):
    asked = draw(st.lists(requests(), min_size=1, max_size=4))
    digits = st.integers(1, 9999).map(lambda n: n / 10_000)
    keep = (
        st.none()
        | st.builds(Keep, st.sampled_from(["least", "mass"]), digits)
        | st.builds(Keep, st.just("top"), st.integers(1, 9).map(float))
    )
    options = ViewOptions(draw(st.booleans()), draw(st.sampled_from(SPECIAL)), draw(keep), draw(st.sampled_from(BETWEEN)))
    pins = tuple(draw(pinned(draw(st.sampled_from(asked)))) for _ in range(draw(st.integers(0, 8))))
    made = tuple(dict.fromkeys(draw(st.lists(panels(len(pins)), max_size=3)))) if len(pins) > 1 else ()
    places = st.integers(0, max(0, len(asked[0].text) - 1))
    candidates = draw(st.lists(places, max_size=4, unique=True) if asked[0].text else st.just([]))
    return Selection(
        asked[0], draw(heads(asked[0])), options, draw(st.none() | focuses(asked[0])), pins, made,
        draw(st.sampled_from(SETS)), draw(st.sampled_from(VIEWS)), tuple(candidates),
        draw(st.none() | (links(asked[0].text) if len(asked[0].text) > 1 else st.just(()))),
        draw(st.sampled_from([None, *candidates])),
    )  # fmt: skip


@given(selections())
def test_a_selection_survives_its_own_link(selection):
    assert Selection.parse(selection.params()) == (selection, ())


@given(st.dictionaries(st.sampled_from(PARAMETERS), st.text(max_size=40)))
def test_no_link_raises(params):
    selection, _ = Selection.parse(params)
    assert Selection.parse(selection.params())[0] == selection


def test_a_text_too_long_for_a_link_stays_out_of_it():
    selection = Selection(AttentionRequest("smollm2", "é" * 1334))
    assert not selection.fits
    assert "text" not in selection.params()
    assert Selection(AttentionRequest("smollm2", "é" * 1333)).fits


def test_pins_of_other_texts_and_models_are_written_once_each_and_counted():
    own, wide = AttentionRequest("minilm", "a"), AttentionRequest("minilm", "b, [c]")
    other = AttentionRequest("smollm2", "b, [c]")
    pins = (
        Pin(own, HeadRef(3, 1)),
        Pin(wide, HeadRef(3, 1), "wide, ours"),
        Pin(other, HeadRef(16, 5)),
        Pin(wide, HeadRef(4, 0), over="mean"),
    )
    params = Selection(own, pins=pins, panels=(Panel("difference", (0, 1)), Panel("mean", (0, 1, 3)))).params()
    assert params["texts"] == '[["minilm","b, [c]"],["smollm2","b, [c]"]]'
    assert params["pins"] == "3.1,1:3.1=wide%2C%20ours,2:16.5,1:4.mean"
    assert params["panels"] == "1-2,mean.1.2.4"


def test_a_pin_that_is_left_out_takes_its_panels_along_and_the_others_keep_their_heads():
    found, notices = Selection.parse({"pins": "3.1,99.0,5.11,2.2", "panels": "1-3,1-2,sum.3.4"})
    assert [str(pin.head) for pin in found.pins] == ["L3·H1", "L5·H11", "L2·H2"]
    assert found.panels == (Panel("difference", (0, 1)), Panel("sum", (1, 2)))
    assert len(notices) == 2


def test_where_the_texts_are_too_long_only_the_pins_of_the_shown_text_stay_in_the_link():
    own = AttentionRequest("smollm2", "short")
    pins = (Pin(own, HeadRef(1, 1)), Pin(AttentionRequest("smollm2", "long " * 2000), HeadRef(1, 1)))
    selection = Selection(own, HeadRef(1, 1), pins=pins, panels=(Panel("difference", (0, 1)),))
    assert not selection.fits
    assert "texts" not in selection.params()
    assert "panels" not in selection.params()
    assert selection.params()["pins"] == "1.1"


def test_what_a_link_leaves_out_of_a_head_is_the_models_own():
    assert Selection.parse({"layer": "5"})[0].head == HeadRef(5, 1)
    assert Selection.parse({"head": "2"})[0].head == HeadRef(3, 2)


def test_links_are_written_by_the_characters_of_their_words_and_no_links_are_not_the_same_as_none_given():
    drawn = (Link((43, 45), (4, 10)), Link((4, 10), (0, 3)))
    assert Selection(links=drawn).params()["links"] == "43-45:4-10,4-10:0-3"
    assert Selection(links=()).params()["links"] == ""
    assert "links" not in Selection().params()
    assert Selection.parse({"links": ""})[0].links == ()
    assert Selection.parse({})[0].links is None
    assert Selection.parse({"links": "43-45:4-10,43-45:4-10"})[0].links == drawn[:1]
