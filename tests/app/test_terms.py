"""On every page, the terms of its captions lead to the glossary, and what a reader typed does not."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from attnviz.lessons import glossary
from attnviz.selection import TEXT
from attnviz.ui import widgets
from tests.pages import SCRIPTS

LINK = r"\(glossary\?term=([^)]*)\)"
# What a page links at least; another page links some term.
WANTED = {
    "attention": {"self-attention", "head", "token"},
    "compare": {"self-attention", "head"},
    "heads": {"self-attention", "head"},
    "coreference": {"self-attention", "head"},
    "syntax": {"self-attention", "head", "interval"},
}


def page_text(app: AppTest) -> str:
    return "\n".join(str(part.value) for part in (*app.markdown, *app.caption, *app.info))


@pytest.mark.parametrize("page", [name for name in SCRIPTS if name != "glossary"])
def test_a_page_links_the_terms_that_it_uses_and_each_link_has_its_anchor(opened: Callable[..., AppTest], page: str):
    app = opened(head="0", layer="5", page=SCRIPTS[page])
    assert not app.exception
    found = set(re.findall(LINK, page_text(app)))
    assert found
    assert found >= WANTED.get(page, set())
    assert found <= {one.id for one in glossary.terms()}


def test_what_is_typed_is_never_a_link(opened: Callable[..., AppTest]):
    app = opened(text="Softmax rollout and a decoder", focus="0")
    assert not app.exception
    assert not {"softmax", "rollout", "decoder"} & set(re.findall(LINK, page_text(app)))


def test_fields_explain_themselves(opened: Callable[..., AppTest]):
    app = opened(text=TEXT)
    helps = {field.label: field.help for field in app.number_input}
    assert "glossary?term=layer" in helps["Layer"]
    assert "glossary?term=head" in helps["Head"]


def test_an_address_that_is_typed_stays_text():
    typed = "see http://a.example/b, HTTPS://c.example, www.d.example or me.too@e.example"
    shown = widgets.plain(typed).replace("\\", "")
    assert shown.replace("\u2060", "") == typed
    assert not re.search(r"(?i)https?://|www\.|\w@", shown)  # what Markdown takes for an address
