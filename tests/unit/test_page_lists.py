"""Every page is in every list of pages: an incomplete list fails here, by the name of what is missing."""

from __future__ import annotations

import re

from tests.conftest import ROOT
from tests.pages import SCRIPTS
from tests.unit.test_outputs import loaded

ROW = re.compile(
    r"^\| (?P<title>[^|]+) \| `/(?P<name>\w+)` \| `(?P<script>[\w/.]+)` \| `(?P<folder>[\w/]+)/` \|$", re.MULTILINE
)
TITLES = {row["name"]: row["title"] for row in ROW.finditer((ROOT / "docs/architecture.md").read_text())}


def code(*rooms: str) -> str:
    """The sources of some rooms, together."""
    return "\n".join(path.read_text() for room in rooms for path in sorted((ROOT / "attnviz" / room).glob("*.py")))


def test_the_navigation_leads_to_every_page_by_its_title():
    found = code("ui", "web")
    assert [script for script in SCRIPTS.values() if f'"{script}"' not in found] == []
    assert [title for title in TITLES.values() if f'"{title}"' not in found] == []


def test_the_map_names_every_page_with_its_address_script_and_folder():
    rows = {row["name"]: row for row in ROW.finditer((ROOT / "docs/architecture.md").read_text())}
    assert {name: row["script"] for name, row in rows.items()} == SCRIPTS
    for name, row in rows.items():
        assert (ROOT / row["folder"] / "page.py").is_file(), name
        assert row["folder"].removeprefix("attnviz/pages/") in (ROOT / row["script"]).read_text(), name


def test_the_readme_describes_every_page():
    readme = (ROOT / "README.md").read_text()
    assert [title for title in TITLES.values() if f"- **{title}.**" not in readme] == []


def test_the_log_format_of_nginx_names_every_page():
    listed = re.search(r'"~\^/\(([\w|]+)\)\?\$" \$uri;', (ROOT / "deploy/nginx.conf").read_text())
    assert listed is not None
    assert set(listed[1].split("|")) == set(SCRIPTS)


def test_the_record_of_outputs_opens_every_page():
    assert {page for _, page, _ in loaded("recording.cases").LINKS} == set(SCRIPTS)


def test_axe_looks_at_every_page():
    source = (ROOT / "tests/browser/test_axe.py").read_text()
    states = source.partition("STATES: ")[2].partition("\n}\n")[0]
    assert set(re.findall(r'f?"/(\w+)', states)) | {"attention"} == set(SCRIPTS)
