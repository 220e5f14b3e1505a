"""The one list of pages: each has a script, and every other list of pages agrees with it."""

from __future__ import annotations

import re
from pathlib import Path

from attnviz.web import index_page, navigation

ROOT = Path(__file__).parents[2]


def test_every_page_has_a_script_and_every_script_a_page():
    scripts = {str(path.relative_to(ROOT)) for path in (ROOT / "pages").rglob("*.py")}
    assert {page.script for page in navigation.PAGES} == scripts
    assert len({page.name for page in navigation.PAGES}) == len(navigation.PAGES)


def test_the_proxy_logs_the_paths_of_these_pages():
    (listed,) = re.findall(r'"~\^/\(([a-z|]+)\)\?\$"', (ROOT / "deploy/nginx.conf").read_text())
    assert set(listed.split("|")) == {page.name for page in navigation.PAGES}


def test_the_index_page_has_a_link_to_each_page_that_holds_under_any_base_path():
    (row,) = re.findall(r"<nav id=\"attnviz-pages\".*?</nav>", index_page.html(), re.S)
    links = re.findall(r'href="([^"]*)" data-page="([^"]*)"', row)
    assert [name for _, name in links] == [page.name for page in navigation.PAGES]
    assert all(address in (name, "./") for address, name in links)
    assert [name for address, name in links if address == "./"] == [navigation.DEFAULT]
