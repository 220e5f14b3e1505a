"""What a printed page says about itself."""

from __future__ import annotations

import re

import pytest

from attnviz.selection import Selection
from attnviz.types import AttentionRequest, HeadRef
from attnviz.ui import paper
from tests.pages import SCRIPTS


def written(address: str, text: str = "It rained.", second: str | None = None) -> str:
    return paper.html(address, Selection(AttentionRequest("minilm", text, second), HeadRef(3, 1)))


def test_a_page_on_one_head_names_model_and_head() -> None:
    found = written("attention")
    assert 'data-model="all-MiniLM-L6-v2"' in found
    assert f'data-head="{HeadRef(3, 1)}"' in found


def test_a_page_on_no_head_names_none_and_a_page_on_no_model_names_no_sentence() -> None:
    assert "data-head" not in written("cost")
    assert 'data-text=""' in written("glossary")
    assert "data-model" not in written("glossary")


def test_the_sentence_is_written_only_if_the_address_does_not_have_it_and_is_escaped() -> None:
    assert "data-text" not in written("attention")
    long = '<b onclick="x">' + "word " * 4000
    found = written("attention", long)
    assert "<b" not in found
    assert "&lt;b onclick=&quot;x&quot;&gt;word" in found


@pytest.mark.parametrize("address", [*paper.WITHOUT_MODEL, *paper.WITH_HEAD])
def test_every_named_page_exists(address: str) -> None:
    assert address in SCRIPTS


def test_what_is_written_is_not_shown() -> None:
    assert re.match(r'<p class="paper-facts" hidden( data-\w+="[^"<>]*")*></p>$', written("attention"))
