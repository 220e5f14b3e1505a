"""Inside attention: every step of both models on the page, predictions answered, links that open at a step."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from attnviz.pages.inside import lesson
from tests.app.conftest import say, written
from tests.small_models import saved

PAGE = "pages/learn/inside.py"
FAMILIES = {"minilm": "bert", "smollm2": "llama"}
OTHER = "Every evening my neighbour waters the small garden"


@pytest.fixture
def shown(opened: Callable[..., AppTest]) -> Callable[..., AppTest]:
    """Opens the page as a link with these parameters does."""
    return lambda **params: opened(**params, page=PAGE)


def page_text(app: AppTest) -> str:
    """All that the page says, links as their words, and its formula."""
    formula = "\n".join(part.value for part in app.latex)
    return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", written(app)) + formula


@pytest.mark.slow
@pytest.mark.parametrize("model", list(FAMILIES))
def test_every_step_of_both_models_is_shown_forward_and_back(shown: Callable[..., AppTest], model: str):
    app = shown(model=model)
    steps = lesson.steps(FAMILIES[model])
    seen = []
    for step in steps:
        assert not app.exception
        assert not app.error
        assert len(app.latex) == 1
        assert "@{" not in page_text(app)
        seen.append(page_text(app))
        if step != steps[-1]:
            app.button(key="inside-next").click().run()
            assert app.query_params["step"] in (steps[steps.index(step) + 1].id, [steps[steps.index(step) + 1].id])
    assert len(set(seen)) == len(steps)
    assert app.button(key="inside-next").disabled
    app.button(key="inside-back").click().run()
    assert page_text(app) == seen[-2]


def test_a_link_opens_at_its_step_and_another_text_changes_its_numbers(shown: Callable[..., AppTest]):
    app = shown(step="softmax")
    before = page_text(app)
    assert "“animal” has 37" in before
    assert r"= 0.640" in before
    say(app, OTHER)
    assert page_text(app) != before
    assert "animal" not in page_text(app)


def test_what_does_not_exist_is_reported_and_the_first_step_shown(shown: Callable[..., AppTest]):
    app = shown(step="nothing")
    assert "There is no step “nothing”" in page_text(app)
    assert "A token becomes a vector" in page_text(app)


def test_a_guess_is_answered_with_the_reason(shown: Callable[..., AppTest]):
    app = shown(step="qkv")
    field = next(one for one in app.selectbox if one.label == "Your guess")
    field.set_value(2).run()
    assert "✓ Right." in page_text(app)
    next(one for one in app.selectbox if one.label == "Your guess").set_value(5).run()
    assert "✗ Not this time." in page_text(app)
    assert "“t” scores" in page_text(app)
    app.selectbox(key="inside-token").set_value(3).run()
    assert next(one for one in app.selectbox if one.label == "Your guess").value is None


def test_a_model_without_steps_names_those_that_have_them(shown: Callable[..., AppTest], own_models: Path):
    saved(own_models / "gpt2", "gpt2")
    app = shown(model="gpt2")
    assert "this model is of the family 'gpt2'" in page_text(app)
    assert "can be shown step by step" in page_text(app)


def test_an_empty_and_a_long_text_are_answered(shown: Callable[..., AppTest]):
    assert not shown(text="").exception
    app = shown(text=f"Dr. Gray saw a cat. {'word ' * 120}")
    assert "at most 96 tokens" in page_text(app)
    assert "Change the text" not in page_text(app), "it was read, and a shorter one is offered"
    assert not [button for button in app.button if button.key == "inside-smollm2"]  # it would refuse the text as well
    app.button(key="inside-first").click().run()
    assert not app.error
    assert str(app.query_params["text"]).strip("[]'") == "Dr. Gray saw a cat."


def test_the_last_step_says_why_with_the_numbers_of_the_text(shown: Callable[..., AppTest]):
    app = shown(step="added")
    assert "Why “animal”?" in page_text(app)
    assert "“animal” gets 0.640" in page_text(app)
    assert "So “it” leaves this layer with a part of the value of “animal”" in page_text(app)
    say(app, OTHER)
    assert "Why “" in page_text(app)
    assert "animal" not in page_text(app)
