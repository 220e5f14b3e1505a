"""URL parameters to selections and back: whatever comes in, nothing is raised and nothing is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnviz.models import catalog
from attnviz.selection import PARAMETERS, TEXT, Selection
from attnviz.types import AttentionRequest, Focus, HeadRef, Pin, ViewOptions


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
        ({"focus": "-3"}, "-3"),
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


@st.composite
def selections(draw):
    card = draw(st.sampled_from(cards))
    text = draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
    pair = draw(st.none() | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9)) if card.pairs else None
    request = AttentionRequest(card.id, text, pair)

    def head(block):
        return HeadRef(draw(st.integers(0, card.layers - 1)), draw(st.integers(0, card.heads - 1)), block)

    focus = draw(
        st.none() | st.builds(Focus, st.integers(0, 9999), st.integers(0, 1), st.sampled_from(["query", "key"]), st.booleans())
    )
    options = ViewOptions(draw(st.booleans()), draw(st.sampled_from(["show", "hide", "renormalise"])))
    pins = tuple(Pin(request, head(card.blocks[0])) for _ in range(draw(st.integers(0, 8))))
    return Selection(request, head(draw(st.sampled_from(card.blocks))), options, focus, pins)


@given(selections())
def test_a_selection_survives_its_own_link(selection):
    assert Selection.parse(selection.params()) == (selection, ())


@given(st.dictionaries(st.sampled_from(PARAMETERS), st.text(max_size=40)))
def test_no_link_raises(params):
    selection, _ = Selection.parse(params)
    assert Selection.parse(selection.params())[0] == selection


def test_a_text_too_long_for_a_link_stays_out_of_it():
    selection = Selection(AttentionRequest("smollm2", "é" * 4001))
    assert not selection.fits
    assert "text" not in selection.params()
    assert Selection(AttentionRequest("smollm2", "é" * 4000)).fits
