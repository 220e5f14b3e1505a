"""The experiments page: every experiment on both models, its settings, predictions, and any link."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from attnviz.pages.whatif import lesson
from tests.app.conftest import say, written
from tests.small_models import saved

PAGE = "pages/learn/whatif.py"
EXPERIMENTS = [one.id for one in lesson.experiments()]
OTHER = "Every evening my neighbour waters the small garden"


@pytest.fixture
def shown(opened: Callable[..., AppTest]) -> Callable[..., AppTest]:
    """Opens the page as a link with these parameters does."""
    return lambda **params: opened(**params, page=PAGE)


def page_text(app: AppTest) -> str:
    """All that the page says, links as their words."""
    return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", written(app))


def pictures(app: AppTest) -> str:
    return "".join(html.proto.body for html in app.get("html"))


def param(app: AppTest, name: str) -> str:
    found = app.query_params.get(name, "")
    return found if isinstance(found, str) else found[0]


@pytest.mark.slow
@pytest.mark.parametrize("model", ["minilm", "smollm2"])
def test_every_experiment_is_shown_on_request(shown: Callable[..., AppTest], model: str):
    app = shown(model=model)
    for id in EXPERIMENTS:
        if id != EXPERIMENTS[0]:
            app.pills(key="whatif-what").set_value(id).run()
            assert param(app, "what") == id
        assert "What to look for" not in page_text(app), "shown before it is asked for"
        app.button(key="whatif-show").click().run()
        checked(app)
        assert "What to look for" in page_text(app)
    before = page_text(app)
    say(app, OTHER)
    checked(app)
    assert page_text(app) != before
    assert "street" not in pictures(app)


def checked(app: AppTest) -> None:
    """Nothing went wrong, and no gap was left."""
    assert not app.exception
    assert not app.error, written(app)
    assert "@{" not in page_text(app)
    assert ">nan" not in pictures(app)


@pytest.mark.parametrize("id", EXPERIMENTS)
@pytest.mark.parametrize(
    "model", [pytest.param("minilm", marks=pytest.mark.slow), pytest.param("smollm2", marks=pytest.mark.soak)]
)
def test_every_setting_works_from_end_to_end(shown: Callable[..., AppTest], model: str, id: str):
    settings = lesson.experiment(id).settings
    ends = [(list(one.options) or [str(one.low), "12"], one) for one in settings if one.options or one.high]
    for place in (0, -1):
        checked(shown(model=model, what=id, seen="1", **{one.id: values[place] for values, one in ends}))


def test_a_link_opens_at_its_experiment_with_its_setting(shown: Callable[..., AppTest]):
    app = shown(what="scale", seen="1", divide="on", temperature="2", where="all", layer="5", head="11")

    assert "Here scores are divided by 11.3, in every layer" in page_text(app)  # √32 times 2
    assert "L5·H11" in pictures(app)
    app.segmented_control(key="whatif-divide").set_value("off").run()
    assert "divided by 2.00" in page_text(app)
    assert (param(app, "divide"), param(app, "temperature"), param(app, "where")) == ("off", "2", "all")


@pytest.mark.parametrize(
    ("params", "wanted"),
    [
        ({"what": "nothing"}, "There is no experiment “nothing”. There are scale, mask"),
        ({"what": "scale", "temperature": "hot"}, "temperature is 0.25, 0.5, 0.7"),
        ({"what": "window", "width": "0"}, "width is a whole number from 1 to 40; got “0”"),
        ({"what": "window", "width": "٣"}, "width is a whole number from 1 to 40; got “٣”"),
        ({"what": "order", "seed": "1e3"}, "seed is a whole number from 0 to 9999"),
        ({"what": "zeroed", "zeroed": "39"}, "zeroed is a token from 0 to 14; got 39"),
        ({"what": "cross", "other": "x" * 301}, "other is a text of 1 to 300 characters; got 301"),
        ({"what": "heads", "pass": "<script>"}, "pass is keep, drop or join; got “<script>”"),
    ],
)
def test_a_bad_value_of_a_link_is_reported_and_the_default_taken(shown: Callable[..., AppTest], params: dict, wanted: str):
    app = shown(seen="1", **params)

    assert not app.exception
    assert not app.error
    assert wanted in page_text(app)
    assert "Showing" in page_text(app)
    assert "What to look for" in page_text(app)


def test_a_prediction_uncovers_the_answer_with_right_or_wrong_under_it(shown: Callable[..., AppTest]):
    app = shown(what="scale")
    app.selectbox[-1].set_value(1).run()  # more of one token: nothing divides the scores any more
    assert "✓ Right." in page_text(app)
    assert param(app, "seen") == "1"
    app.selectbox[-1].set_value(0).run()
    assert "✗ Not this time.** The answer is: More focused on one token." in page_text(app)
    app.select_slider(key="whatif-temperature").set_value("100").run()
    assert app.selectbox[-1].value is None, "another setting is another question"


def test_words_shuffled_again_have_another_order(shown: Callable[..., AppTest]):
    app = shown(what="order", seen="1")
    first = page_text(app)
    assert "That is rounding" in first
    app.button(key="whatif-again").click().run()
    assert param(app, "seed") == "2"
    assert page_text(app) != first
    app.segmented_control(key="whatif-mask").set_value("on").run()
    assert "the mask itself gives information about positions" in page_text(app)


def test_the_second_text_is_the_readers(shown: Callable[..., AppTest]):
    app = shown(what="cross", seen="1", other="<b>Bells</b> ring")
    assert "&lt;" in pictures(app), "each mark is a token, and shown as such"
    assert "<b>" not in pictures(app)
    app.text_input(key="whatif-other").set_value("word " * 50).run()
    assert "the other text has" in page_text(app)
    assert app.text_input(key="whatif-other").value.startswith("word")
    app.text_input(key="whatif-other").set_value("A dog slept").run()
    assert not app.error


@pytest.mark.slow
def test_an_empty_a_long_and_a_short_text_are_answered(shown: Callable[..., AppTest]):
    assert not shown(text="").exception
    app = shown(text="word " * 60)
    assert "at most 40 tokens" in page_text(app)
    assert "Change the text" not in page_text(app), "it was read, and a shorter one is offered"
    assert [button.key for button in app.button if str(button.key).startswith("whatif-")] == ["whatif-ready"]
    app.button(key="whatif-ready").click().run()
    assert not app.error
    assert "no weight differs by more than" in page_text(shown(what="order", seen="1"))
    app = shown(model="smollm2", what="order", seen="1", mask="on")
    found = re.search(
        r"one weight differs by 1.00, the largest possible difference, and of ([\d,]+) .* ([\d,]+) differ by more than 0.01",
        page_text(app),
    )
    assert found is not None
    assert 0 < int(found[2].replace(",", "")) < int(found[1].replace(",", ""))
    app = shown(text="Hello", what="order", seen="1")
    assert not app.exception
    assert "no other order" in page_text(app)


def test_a_model_that_cannot_be_tried_names_those_that_can(shown: Callable[..., AppTest], own_models: Path):
    saved(own_models / "gpt2", "gpt2")
    app = shown(model="gpt2")
    assert "this model is of the family 'gpt2'" in page_text(app)
    assert "can be tried" in page_text(app)
