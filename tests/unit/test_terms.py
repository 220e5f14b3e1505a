"""Key words in place: every meaning is in one file that a browser keeps, and a page has the card and the file's address."""

from __future__ import annotations

import json
import re

from attnviz.lessons import glossary
from attnviz.web import index_page, static_files, terms


def test_the_file_has_the_sentence_of_every_term_and_its_name_changes_with_it():
    ((name, body),) = terms.files().items()
    assert re.fullmatch(r"terms-[0-9a-f]{16}\.js", name)
    meanings = json.loads(body.decode().rpartition("\nstart(")[2].removesuffix(");\n"))
    assert meanings == {one.id: {"name": one.name, "short": one.short} for one in glossary.terms()}


def test_a_page_asks_for_the_file_by_an_address_that_holds_under_any_base_path():
    (address,) = re.findall(r'<script type="module" async fetchpriority="low" src="\./([^"]+)"></script>', index_page.html())
    assert static_files.name_of(f"/school/{address}") == f"attnviz/{next(iter(terms.files()))}"
    assert index_page.html().count('id="attnviz-term"') == 1
    assert terms.css() in index_page.html()


def test_meanings_are_written_as_text_only():
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", next(iter(terms.files().values())).decode())
