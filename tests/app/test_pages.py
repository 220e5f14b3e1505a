"""Every page, run from app.py as Streamlit does, on the real model."""

from __future__ import annotations

import json
import re

import pytest
from streamlit.testing.v1 import AppTest

from attnviz.selection import TEXT
from attnviz.ui.caution import CAUTION
from tests.app.conftest import unlinked, written
from tests.pages import scripts

MAKES_NO_CLAIM = ("start", "cost", "glossary")  # about heads: doors, times and terms


@pytest.fixture
def app(opened) -> AppTest:
    return opened()


def heatmap(app: AppTest, number: int = 0) -> dict:
    return json.loads(app.get("plotly_chart")[number].proto.spec)


def labels(app: AppTest) -> list[str]:
    """Every label that the first heatmap shows."""
    return list(heatmap(app)["layout"]["xaxis"]["labelalias"].values())


def text(app: AppTest) -> str:
    return "\n".join(
        unlinked(str(part.value).replace("\\", ""))
        for part in (*app.markdown, *app.caption, *app.header, *app.subheader, *app.info, *app.error)
    ) + "\n".join(html.proto.body for html in app.get("html"))


def test_a_first_visit_shows_l3h1_on_the_missions_sentence(app):
    assert not app.exception
    assert app.text_input[0].value == TEXT
    assert "L3·H1" in text(app)
    assert "“it” looks most at “animal” (0.640)" in text(app)
    assert any("animal" in label for label in labels(app))
    assert "Row: the word that looks (query). Column: the word it looks at (key). Each row sums to 1." in text(app)


@pytest.mark.parametrize("page", scripts(*MAKES_NO_CLAIM))
def test_every_page_that_makes_a_claim_about_heads_shows_the_caution(opened, page):
    app = opened(pins="3.1,5.11", focus="43").switch_page(page).run()
    assert not app.exception
    assert not app.error
    assert written(app).count(CAUTION) == 1


def test_layer_and_head_fields_change_the_heatmap(app):
    before = heatmap(app)["data"][0]["z"]
    app.number_input(key="layer").set_value(5).run()
    app.number_input(key="head").set_value(11).run()
    assert "L5·H11" in text(app)
    assert "“it” looks most at “animal” (0.647)" in text(app)
    assert heatmap(app)["data"][0]["z"] != before


def test_a_second_head_is_shown_beside_the_first(app):
    app.toggle(key="attnviz_beside").set_value(True).run()
    assert len(app.get("plotly_chart")) == 2
    assert "L3·H2" in text(app)
    app.number_input(key="head_2").set_value(7).run()
    assert "L3·H7" in text(app)


def test_filters_change_the_picture_and_its_note_but_not_the_description_of_the_head(app, opened):
    filtered = opened(keep="top:1", focus="43+4")
    assert not filtered.exception
    habit = next(line for line in text(app).splitlines() if "On this text" in line)
    assert habit in text(filtered)
    assert "“it” looks most at “animal” (0.640)" in text(filtered)
    assert "“animal” looks most at [CLS] (0." in text(filtered)
    assert "Only the largest weight of a row is shown: on average" in text(filtered)
    assert "Each row sums to 1 less what is hidden" in text(filtered)


def test_another_sentence_keeps_the_selected_word_where_it_still_stands(app):
    app.text_input[0].set_value(TEXT.replace("tired", "wide")).run()
    assert "then at “animal” (0.266)" in text(app)
    app.text_input[0].set_value("Cats sleep").run()
    assert app.session_state["attnviz_selection"].focus is None


def test_the_other_model_shows_its_own_head_and_says_that_it_is_a_copy_in_four_bits(app):
    app.selectbox(key="model").set_value("smollm2").run()
    assert not app.exception
    assert "L16·H5" in text(app)
    assert "4-bit" in text(app)


def test_the_badge_names_the_largest_difference(app):
    figure = r"largest difference \d\.\de-0[6-9], allowed 1e-05"
    assert len(re.findall(figure, text(app))) == 1
    button = next(b for b in app.button if b.label.startswith("Check all"))
    button.click().run()
    assert "those of the model library" in text(app)
    assert len(re.findall(figure, text(app))) == 2
    assert not app.exception


def test_the_page_keeps_its_selection_across_pages(app):
    app.number_input(key="layer").set_value(5).run()
    app.switch_page("pages/learn/coreference.py").run()
    app.switch_page("pages/explore/attention.py").run()
    assert app.number_input(key="layer").value == 5


def test_the_large_field_opens_and_takes_the_same_text(app):
    app.toggle(key="attnviz_large").set_value(True).run()
    assert app.text_area[0].value == TEXT
    app.text_area[0].set_value("Two\nlines here").run()
    assert not app.exception
    assert app.session_state["attnviz_selection"].request.text == "Two\nlines here"


def test_a_second_sentence_is_read_as_a_pair(app):
    app.toggle(key="attnviz_second").set_value(True).run()
    app.text_input(key="second").set_value("It slept well").run()
    assert not app.exception
    assert app.session_state["attnviz_selection"].request.text_b == "It slept well"
    assert any("slept" in label for label in labels(app))


def test_the_mask_button_replaces_the_selected_word(app):
    next(b for b in app.button if b.label == "Insert a mask").click().run()
    assert any("[MASK]" in label for label in labels(app))
    assert "it" not in app.session_state["attnviz_selection"].request.text.split()


def test_coreference_ranks_every_head_and_shows_the_pair(app):
    app.switch_page("pages/learn/coreference.py").run()
    assert "All 72 heads" in text(app)
    assert "0.640" in text(app)
    assert "0.266" in text(app)
    assert "change to animal" in app.dataframe[0].value.columns


def test_coreference_says_why_a_causal_model_cannot_show_it(app):
    app.selectbox(key="model").set_value("smollm2").run()
    app.switch_page("pages/learn/coreference.py").run()
    assert "reads from left to right" in text(app)
    change = app.dataframe[0].value["change to animal"]
    assert change.abs().max() < 1e-4


def test_coreference_takes_a_sentence_of_the_readers_own(app):
    app.text_input[0].set_value("Lena called Ruth before she left").run()
    app.switch_page("pages/learn/coreference.py").run()
    assert not app.exception
    app.multiselect[0].set_value([(0, 4), (12, 16)]).run()
    assert not app.exception
    assert "All 72 heads" in text(app)


def test_the_table_of_links_has_what_other_words_give_the_same_key(opened):
    app = opened(text=TEXT, layer="3", head="1", open="table")
    table = app.dataframe[0].value
    row = table[(table["query"] == "it") & (table["key"] == "animal")].iloc[0]
    assert (round(row["weight"], 3), round(row["others"], 3), row[""]) == (0.640, 0.099, "")
    assert (table[table["key"] == "[CLS]"][""] == "∗").any(), "most words look at it"
    assert "Others: the weight that the other words give the same key on average" in text(app)
