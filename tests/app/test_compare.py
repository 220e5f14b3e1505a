"""The page of panels side by side, run from app.py as Streamlit does, on the real models."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from attnviz.selection import TEXT
from attnviz.types import AttentionRequest, HeadRef
from attnviz.view_state import Panel, Pin
from tests.app.conftest import say

COMPARE = "pages/explore/compare.py"
WIDE = TEXT.replace("tired", "wide")
OWN, SECOND = AttentionRequest("minilm", TEXT), AttentionRequest("minilm", WIDE)
PINNED = {"texts": json.dumps([["minilm", WIDE]]), "pins": "3.1,1:3.1,5.11", "panels": "1-2", "focus": "43"}


@pytest.fixture
def compared(opened) -> Callable[..., AppTest]:
    """The page with these URL parameters."""
    return lambda **params: opened(**params, page=COMPARE)


def button(app: AppTest, name: str):
    return next(found for found in app.button if found.label == name)


def selection(app: AppTest):
    return app.session_state["attnviz_selection"]


def weights(app: AppTest) -> list[float]:
    """Weights and differences in the table below the panels."""
    return [round(float(value.replace("−", "-")), 3) for value in app.dataframe[0].value["weight"]]


def test_the_missions_numbers_are_shown_side_by_side(compared):
    app = compared(text=TEXT, layer="3", head="1", **PINNED)
    assert not app.exception
    assert weights(app) == [0.640, 0.266, 0.647, 0.374]
    assert list(app.dataframe[0].value["panel"]) == ["1 L3·H1", "2 L3·H1", "3 L5·H11", "1 − 2"]


def test_a_sentence_that_no_panel_shows_is_named_and_can_be_put_beside_them(compared):
    app = compared(text=TEXT, layer="3", head="1", **PINNED)
    message = "The pinned heads belong to other texts: no panel shows the sentence above."
    assert message not in [one.value for one in app.caption]
    say(app, "The dog barked because it was hungry")
    assert message in [one.value for one in app.caption]
    button(app, "Pin L3·H1 of it").click().run()
    assert not app.exception
    assert [pin.request.text for pin in selection(app).pins][2:] == [TEXT, "The dog barked because it was hungry"]
    assert selection(app).panels == (Panel("difference", (0, 1)),)
    assert message not in [one.value for one in app.caption]


def test_without_pins_only_the_chosen_head_is_shown(compared):
    app = compared()
    assert not app.exception
    assert weights(app) == [0.640]


def test_tired_and_wide_are_one_button_away_and_ones_own_pins_come_back(compared):
    app = compared(pins="2.2")
    button(app, "Tired / wide").click().run()
    assert weights(app) == [0.640, 0.266, 0.647, 0.374]
    assert selection(app).panels == (Panel("difference", (0, 1)),)
    button(app, "Back to your pin").click().run()
    assert selection(app).pins == (Pin(OWN, HeadRef(2, 2)),)
    assert not [found for found in app.button if found.label.startswith("Back to")]


def test_all_heads_of_a_layer_are_more_than_may_be_pinned_and_leave_the_pins_alone(compared):
    app = compared(pins="2.2", layer="3", head="1")
    button(app, "All heads of layer 3").click().run()
    assert len(weights(app)) == 12
    assert weights(app)[1] == 0.640
    assert selection(app).params()["set"] == "layer"
    button(app, "All heads of layer 3").click().run()
    assert selection(app).pins == (Pin(OWN, HeadRef(2, 2)),)


def test_the_same_head_reads_a_second_sentence_the_pair_to_begin_with(compared):
    app = compared(layer="3", head="1")
    assert app.text_input[1].value == WIDE
    button(app, "Side by side").click().run()
    assert selection(app).pins == (Pin(OWN, HeadRef(3, 1)), Pin(SECOND, HeadRef(3, 1)))
    assert weights(app) == [0.640, 0.266, 0.374]


def test_a_second_sentence_of_ones_own_is_typed(compared):
    app = compared(layer="3", head="1")
    app.text_input[1].set_value("The cat slept because it was old").run()
    button(app, "Side by side").click().run()
    assert selection(app).pins[1].request.text == "The cat slept because it was old"
    assert not app.exception


def test_the_same_sentence_is_read_by_another_model_with_its_own_head(compared):
    app = compared(layer="3", head="1")
    button(app, "Same sentence, two models").click().run()
    assert selection(app).pins[1] == Pin(AttentionRequest("smollm2", TEXT), HeadRef(16, 5))
    assert len(weights(app)) == 2
    assert not app.exception


def test_a_missing_model_is_reported_in_its_row_and_the_others_stay(compared):
    texts = json.dumps([["distilbert-base-uncased", TEXT]])
    app = compared(texts=texts, pins="3.1,1:2.2", panels="1-2", focus="43")
    assert not app.exception
    rows = app.dataframe[0].value
    assert round(float(rows["weight"][0]), 3) == 0.640
    assert "distilbert-base-uncased" in rows["link"][1]
    assert "needs panel 2" in rows["link"][2]


@pytest.mark.parametrize("text", ["", " "])
def test_an_empty_text_shows_an_invitation_and_pins_of_other_texts_stay(compared, text):
    assert any("Type a sentence" in str(found.value) for found in compared(text=text).header)
    app = compared(text=text, texts=json.dumps([["minilm", WIDE]]), pins="1:3.1,3.1")
    assert not app.exception
    assert not app.error
    assert any("Select a word" in str(found.value) for found in app.caption)


def test_a_hostile_link_is_shown_as_text_and_named(compared):
    evil = "</script><img src=x onerror=alert(1)>"
    texts = json.dumps([["minilm", f"{evil} it"], ["../../etc", "x"]])
    app = compared(texts=texts, pins=f"1:3.1={evil},2:1.1,9.9,1:0.mean", panels="1-2,1-9,sum.1.1", set="x", view="y")
    assert not app.exception
    assert selection(app).pins[0].request.text == f"{evil} it"
    assert len(selection(app).pins) == 2


def test_pins_stay_through_another_text_another_model_and_another_page(opened):
    app = opened(pins="3.1,5.11=second", focus="43")
    pins = selection(app).pins
    app.text_input[0].set_value("Cats sleep").run()
    assert selection(app).pins == pins
    app.selectbox(key="model").set_value("smollm2").run()
    assert selection(app).pins == pins
    app.switch_page("pages/learn/coreference.py").run()
    app.switch_page(COMPARE).run()
    assert selection(app).pins == pins
    assert not app.exception


def test_the_second_head_is_a_pin_and_switching_it_off_takes_only_that_pin(opened):
    app = opened(pins="3.1,5.11", layer="3", head="1")
    assert app.toggle(key="attnviz_beside").value
    app.toggle(key="attnviz_beside").set_value(False).run()
    assert selection(app).pins == (Pin(OWN, HeadRef(3, 1)),)
    app.toggle(key="attnviz_beside").set_value(True).run()
    assert [str(pin.head) for pin in selection(app).pins] == ["L3·H1", "L3·H2"]
    app.number_input(key="head_2").set_value(1).run()
    assert [str(pin.head) for pin in selection(app).pins] == ["L3·H1", "L3·H0"], "the chosen head is stepped over"


def test_a_ninth_pin_is_refused_with_a_reason(opened):
    app = opened(layer="3", head="1", texts=json.dumps([["minilm", WIDE]]), pins=",".join(f"1:0.{i}" for i in range(8)))
    app.toggle(key="attnviz_beside").set_value(True).run()
    assert len(selection(app).pins) == 8
    assert any("At most 8 heads can be pinned" in str(info.value) for info in app.info)
