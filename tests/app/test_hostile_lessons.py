"""A file of ready sentences from another author: its content is shown as text, like what is typed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from streamlit.testing.v1 import AppTest

from attnviz.lessons import examples

EVIL = "![a](http://evil.example/a.png) [b](javascript:alert(1)) <img src=x onerror=alert(2)> $c$"
TEXT = f"The animal {EVIL} street because it was too tired"
RAW = re.compile(r"(?<!\\)(!\[a|\[b\]\(|<img|\$c)")  # what Markdown would take for more than text


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The first ready sentence has a hostile title, text and note."""
    read = examples._content

    def changed(name: str) -> str:
        found = read(name).replace("The animal didn't cross the street because it was too tired", TEXT)
        return found.replace('title = "Animal: tired"', f'title = "{EVIL}"')

    monkeypatch.setattr(examples, "_content", changed)
    for kept in (examples.examples, examples.sentences):
        kept.cache_clear()
    yield
    for kept in (examples.examples, examples.sentences):
        kept.cache_clear()


@pytest.mark.parametrize("page", ["", "pages/learn/coreference.py"])
@pytest.mark.usefixtures("hostile")
def test_a_hostile_lesson_is_only_text(opened: Callable[..., AppTest], page: str):
    app = opened(text=TEXT if page else "")
    if page:
        app.switch_page(page).run()
    assert not app.exception
    shown = [*app.markdown, *app.caption, *app.info, *app.header, *app.subheader, *app.error, *app.warning]
    messages = [str(one.value) for one in shown] + [str(one.label) for one in app.button]
    drawn = [one.proto.body for one in app.get("html")]
    assert any("onerror" in body for body in drawn) if page else any("evil" in line for line in messages)
    assert not [line for line in messages if RAW.search(line)]
    assert not [body for body in drawn if "<img src=x" in body]
