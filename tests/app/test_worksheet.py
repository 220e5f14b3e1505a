"""The worksheet of each page: opened by its link, with answers that are the model's own, and the way back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from attnviz.ui.worksheet import ANSWERS, PARAMETER, SHEET

TEXT = "The animal didn't cross the street because it was too tired"
PAGES = {  # an answer of each page, in its own words
    "pages/explore/attention.py": "Most at “animal” (0.640), then [CLS] (0.124).",
    "pages/explore/compare.py": "Most at “animal” (0.640), then [CLS] (0.124).",
    "pages/explore/heads.py": "L5·H11: 0.647.",
    "pages/learn/coreference.py": "at “animal”: “animal” 0.640, “street” 0.052.",
    "pages/learn/syntax.py": "L3·H1 is right on ",
    "pages/learn/inside.py": "From unrounded scores the model has",
    "pages/learn/glossary.py": "The glossary marks as such",
}


def sheet(app: AppTest) -> str:
    """Return the HTML of the sheet; "" if there is none."""
    assert not app.exception
    return next((one.proto.body for one in app.get("html") if 'class="worksheet"' in one.proto.body), "")


@pytest.mark.parametrize("page", PAGES)
def test_a_link_opens_the_worksheet_with_its_answers(opened: Callable[..., AppTest], page: str) -> None:
    app = opened(page, model="minilm", text=TEXT, layer="3", head="1", focus="43", **{PARAMETER: SHEET, ANSWERS: "1"})
    found = sheet(app)
    first, _, second = found.partition('class="worksheet answers"')
    assert PAGES[page] in second
    assert PAGES[page] not in first
    assert 3 <= first.partition("</style>")[2].count("<li>") <= 5


def test_the_page_comes_back_and_without_answers_none_is_sent(opened: Callable[..., AppTest]) -> None:
    app = opened(model="minilm", text=TEXT, layer="3", head="1", focus="43")
    assert sheet(app) == ""
    app.button(key="worksheet-open").click().run()
    assert "0.640" not in sheet(app)
    assert "Find the row of “it”" in sheet(app)
    app.button(key="worksheet-close").click().run()
    assert sheet(app) == ""
    assert app.button(key="worksheet-open")


def test_find_heads_without_a_link_says_that_it_needs_one(opened: Callable[..., AppTest]) -> None:
    app = opened("pages/explore/heads.py", model="minilm", text="It rained.", **{PARAMETER: SHEET})
    assert sheet(app) == ""
    assert any("needs a link" in one.value for one in app.info)


def test_another_value_in_the_link_is_left_out_with_a_notice(opened: Callable[..., AppTest]) -> None:
    app = opened(model="minilm", text=TEXT, **{PARAMETER: "poster"})
    assert any("poster" in one.value for one in app.info)
    assert app.button(key="worksheet-open")


def test_another_page_and_the_way_back_to_this_one_open_no_worksheet(opened: Callable[..., AppTest]) -> None:
    app = opened(model="minilm", text=TEXT, **{PARAMETER: SHEET, ANSWERS: "1"})
    assert sheet(app)
    for page in ("pages/learn/glossary.py", "pages/explore/start.py", "pages/explore/attention.py"):
        app.query_params.clear()  # as the row of pages opens another one
        app.switch_page(page).run()
        assert sheet(app) == ""
        assert not {PARAMETER, ANSWERS} & app.query_params.keys()
    app.query_params[PARAMETER] = SHEET  # a step back of the browser, or a link
    assert sheet(app.run())
