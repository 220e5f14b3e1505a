"""The coreference page on sentences of the reader's own, on pairs, and on what a link says."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from attnviz.selection import TEXT

OWN = "Anna met \x07 Ruth in the garden and she laughed"
PAGE = "pages/learn/coreference.py"


@pytest.fixture
def asked(opened: Callable[..., AppTest]) -> Callable[..., AppTest]:
    """Opens the page as a link with these parameters does."""
    return lambda **params: opened(**params).switch_page(PAGE).run()


def text(app: AppTest) -> str:
    return "\n".join(str(part.value).replace("\\", "") for part in (*app.markdown, *app.caption, *app.info, *app.error))


def test_of_a_pair_of_texts_only_the_first_is_read_and_the_page_says_so(asked: Callable[..., AppTest]):
    app = asked(text=TEXT, text_b="The street is wide", focus="43")
    assert "“it” gives animal **0.640**" in text(app)
    assert "animal **−0.374**" in text(app)
    assert "the second one is left out here" in text(app)


def test_the_held_word_is_the_pronoun_and_the_candidates_stay_in_the_link(asked: Callable[..., AppTest]):
    app = asked(text=OWN, focus=str(OWN.index("garden")))
    assert app.selectbox(key="pronoun").value == (OWN.index("garden"), OWN.index("garden") + 6)
    she = (OWN.index("she"), OWN.index("she") + 3)
    app.selectbox(key="pronoun").set_value(she).run()
    assert app.query_params["focus"] == str(she[0])
    app.multiselect(key="candidates").set_value([(0, 4), (OWN.index("Ruth"), OWN.index("Ruth") + 4)]).run()
    assert app.query_params["candidates"] == f"0,{OWN.index('Ruth')}"
    assert "ranked by the share of Anna** (the first you chose)" in text(app)
    assert "the right one" not in text(app)

    again = asked(**app.query_params)
    assert "ranked by the share of Anna** (the first you chose)" in text(again)
    again.switch_page("pages/explore/attention.py").run().switch_page(PAGE).run()
    assert "ranked by the share of Anna** (the first you chose)" in text(again)


def test_a_word_that_the_model_does_not_read_is_not_offered(asked: Callable[..., AppTest]):
    app = asked(text=OWN)
    assert not any("\x07" in option for option in app.selectbox(key="pronoun").options)
    assert not app.exception


@pytest.mark.parametrize(
    "params", [{"layer": "99", "text": OWN}, {"candidates": "nobody", "text": OWN}], ids=["layer", "candidates"]
)
def test_what_is_wrong_with_a_link_is_said_before_a_question_is_asked(asked: Callable[..., AppTest], params: dict[str, str]):
    value = next(iter(params.values()))
    assert value in text(asked(**params))


def test_another_text_forgets_the_candidates(asked: Callable[..., AppTest]):
    app = asked(text=OWN, candidates="0,11")
    assert "Every head" in text(app)
    app.text_input[0].set_value("Ben met Tom and he laughed").run()
    assert "candidates" not in app.query_params
    assert not app.exception
