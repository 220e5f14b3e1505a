"""The glossary page: the term that a link names stands first, a search narrows it, and links to terms stand on other pages."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from attnviz.lessons import glossary
from tests.app.conftest import written

PAGE = "pages/learn/glossary.py"


@pytest.fixture
def shown(opened: Callable[..., AppTest]) -> Callable[..., AppTest]:
    """Opens the page as a link with these parameters does."""
    return lambda **params: opened(**params, page=PAGE)


def names(app: AppTest) -> list[str]:
    """The terms on the page, in its order."""
    return [one.value for one in app.subheader]


def test_every_term_is_shown_once_with_its_anchor_its_formula_and_its_questions(shown: Callable[..., AppTest]):
    app = shown()
    assert not app.exception
    assert not app.error
    assert names(app) == [one.name for one in glossary.terms()]
    assert [one.proto.anchor for one in app.subheader] == [one.id for one in glossary.terms()]
    assert [one.label for one in app.expander][-len(glossary.questions()) :] == [one.question for one in glossary.questions()]
    assert [one.value.strip("$\n ") for one in app.latex] == [one.formula for one in glossary.terms() if one.formula]


def test_the_contents_lead_to_the_questions_and_to_every_term_that_the_search_finds(shown: Callable[..., AppTest]):
    def anchors(app: AppTest) -> list[str]:
        (nav,) = [one.proto.body for one in app.get("html") if 'class="contents"' in one.proto.body]
        return re.findall(r'<li><a href="#([^"]+)">', nav)

    app = shown()
    assert anchors(app) == ["questions", *(one.id for one in glossary.terms())]
    app.text_input(key="glossary-search").set_value("GAP").run()
    assert anchors(app) == [one.proto.anchor for one in app.subheader]


def test_the_term_of_a_link_comes_first_and_stays_in_the_address(shown: Callable[..., AppTest]):
    app = shown(term="softmax")
    assert names(app)[0] == "Softmax"
    assert names(app).count("Softmax") == 1
    assert app.query_params["term"] == "softmax"
    next(one for one in app.button if one.label == "Back to all terms").click().run()
    assert names(app)[0] == glossary.terms()[0].name
    assert "term" not in app.query_params


def test_a_term_leaves_the_address_on_another_page(shown: Callable[..., AppTest]):
    app = shown(term="softmax").switch_page("pages/explore/attention.py").run()
    assert "term" not in app.query_params


def test_an_unknown_term_is_reported_and_the_page_stays(shown: Callable[..., AppTest]):
    app = shown(term="<b>soft")
    text = written(app)
    assert "no term “<b>soft”" in text
    assert "Go to [Softmax](#softmax) · [" in text
    assert "or [search the glossary](#search)" in text
    assert len(names(app)) == len(glossary.terms())


def test_a_search_narrows_terms_and_opens_the_questions_it_finds(shown: Callable[..., AppTest]):
    app = shown(term="softmax")
    app.text_input(key="glossary-search").set_value("many heads").run()
    assert "Softmax" not in names(app)[:1]
    assert "Multi-head attention" in names(app)
    assert "Residual connection" not in names(app)
    assert "Why so many heads?" in [one.label for one in app.expander]
    assert "term" not in app.query_params
    app.text_input(key="glossary-search").set_value("<nothing> like it").run()
    assert not app.exception
    assert "Nothing here for “<nothing> like it”" in written(app)
