"""The row of pages: every page is in it, and its links hold under any base path."""

from __future__ import annotations

import re

from attnviz.web import index_page, navigation
from tests.pages import SCRIPTS


def test_every_page_is_there_once_with_its_script():
    assert {page.name: page.script for page in navigation.PAGES} == SCRIPTS
    assert len(navigation.PAGES) == len(SCRIPTS)


def test_the_index_page_has_a_link_to_each_page_that_holds_under_any_base_path():
    (row,) = re.findall(r"<nav id=\"attnviz-frame\".*?</nav>", index_page.html(), re.S)
    links = re.findall(r'href="([^"]*)" data-page="([^"]*)"', row)
    assert [name for _, name in links] == [page.name for page in navigation.PAGES]
    assert all(address in (name, "./") for address, name in links)
    assert [name for address, name in links if address == "./"] == [navigation.DEFAULT]
