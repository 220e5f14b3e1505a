"""Changed links and messages that no page of ours sends: read as far as possible or refused, never a fault."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import strategies as st

from attnviz.board.choice import Choice
from attnviz.board.linking import ChosenHead, DrawnLinks, message_number
from attnviz.board.tray import Tray
from attnviz.errors import BadInputError
from attnviz.pages.whatif import lesson
from attnviz.selection import PARAMETERS, Selection
from attnviz.web import middleware
from tests.fuzz import amounts, check_promise
from tests.unit.test_selection import selections

pytestmark = pytest.mark.slow

ANY = st.text(st.characters(exclude_categories=()), max_size=6)  # halves of characters too
ODD = ANY | st.sampled_from(
    ["٣", "-1", "1e9", "99999999999", ",", ":", "=", "%ff", "[[", '["', "\x00", "..", "/", " ", "1:3.1/cross=", "\u202e"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 12) | st.integers() | st.floats() | ANY,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY, inner, max_size=4),
    max_leaves=12,
)
CHOICE = {
    "head": [3, 1], "focus": {"side": "query", "start": 4, "segment": 0, "special": False, "also": []}, "words": True,
    "special": "show", "keep": {"rule": "top", "value": 3}, "between": "", "view": "curves", "go": "",
    "links": [[[0, 2], [3, 5]]],
    "pins": [{"key": None, "head": [1, 1], "name": "a", "over": ""}, {"key": "0123456789ab", "head": None, "name": ""}],
    "panels": [{"kind": "difference", "of": [0, 1]}], "number": 3,
}  # fmt: skip


@st.composite
def changed_links(draw: st.DrawFn) -> dict[str, str]:
    """The parameters of a selection, some of them cut, mixed up or written into."""
    params = draw(selections()).params()
    for _ in range(draw(st.integers(1, 4))):
        name = draw(st.sampled_from(PARAMETERS))
        value = params.get(draw(st.sampled_from(PARAMETERS)) if draw(st.integers(0, 3)) == 0 else name, "")
        start = draw(st.integers(0, len(value)))
        params[name] = value[:start] + draw(ODD) + value[start + draw(st.integers(0, 3)) :]
    return params


@amounts(100, 5000)
def test_a_changed_link_is_read_as_far_as_possible(examples: int):
    def promise(params: dict[str, str]) -> None:
        found, notices = Selection.parse(params)
        assert Selection.parse(found.params())[0] == found
        assert all(len(notice) < 300 for notice in notices)

    check_promise(examples, changed_links(), promise)


@st.composite
def changed(draw: st.DrawFn) -> Any:
    """A message as a page sends it, with something else in one place or two."""
    value: Any = CHOICE
    for _ in range(draw(st.integers(1, 2))):
        value = _changed(draw, value)
    return value


def _changed(draw: st.DrawFn, value: Any) -> Any:
    """The value with something else in one place."""
    if draw(st.integers(0, 4)) == 0 or not isinstance(value, dict | list) or not value:
        return draw(JSON)
    if isinstance(value, dict):
        name = draw(st.sampled_from(sorted(value)))
        rest = {key: part for key, part in value.items() if key != name}
        return rest if draw(st.integers(0, 5)) == 0 else rest | {name: _changed(draw, value[name])}
    at = draw(st.integers(0, len(value) - 1))
    return [*value[:at], _changed(draw, value[at]), *value[at + 1 :]]


@amounts(150, 5000)
@pytest.mark.parametrize("read", [Choice.parse, DrawnLinks.parse, ChosenHead.parse, message_number])
def test_a_message_that_no_page_sends_is_refused_in_words(read: Any, examples: int):
    read(CHOICE)

    def promise(value: Any) -> None:
        try:
            read(value)
        except BadInputError:
            return

    check_promise(examples, changed() | JSON, promise)


@amounts(100, 2000)
def test_pins_and_panels_that_no_page_sends_are_refused_in_words(examples: int):
    def promise(value: tuple[Any, Any]) -> None:
        try:
            Tray.parse(*value)
        except BadInputError:
            return

    check_promise(examples, st.tuples(JSON, JSON) | changed().map(lambda value: _part(value, "pins", "panels")), promise)


def _part(value: Any, *names: str) -> tuple[Any, ...]:
    """Entries of a text, whatever it is."""
    return tuple(value.get(name) if isinstance(value, dict) else value for name in names)


@amounts(100, 2000)
def test_a_setting_of_an_experiment_is_read_or_refused_in_words(examples: int):
    every = [setting for one in lesson.experiments() for setting in one.settings]

    def promise(case: tuple[lesson.Setting, str]) -> None:
        setting, text = case
        try:
            assert setting.read(setting.read(text)) == setting.read(text)
        except BadInputError:
            return

    check_promise(examples, st.tuples(st.sampled_from(every), ODD | st.text()), promise)


HEADER = st.tuples(
    st.sampled_from([b"host", b"origin", b"Origin", b"content-length", b"Transfer-Encoding", b"cookie"]),
    st.sampled_from([b"0", b"here:1", b"http://here:1", b"http://[", b"\xff", b"null", b""]) | st.binary(max_size=9),
)
SCOPES = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["http", "websocket"]),
        "method": st.sampled_from(["GET", "HEAD", "POST", ""]),
        "path": st.text(max_size=6),
        "raw_path": st.none() | st.binary(max_size=20),
        "query_string": st.binary(max_size=60),
        "headers": st.lists(HEADER, max_size=5),
    }
)


@amounts(150, 5000)
def test_every_request_of_a_browser_is_refused_or_passed_on(examples: int):
    def promise(case: tuple[dict[str, Any], bytes]) -> None:
        scope, data = case
        waiting, sent, passed = [{"type": "websocket.connect"}, {"type": "websocket.receive", "bytes": data}], [], []

        async def receive() -> dict[str, Any]:
            return waiting.pop(0) if waiting else {"type": "websocket.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        async def app(_: Any, receive: Any, send: Any) -> None:
            passed.append(True)
            if scope["type"] == "websocket":
                while (await receive())["type"] != "websocket.disconnect":
                    pass
            else:
                await send({"type": "http.response.start", "status": 200, "headers": []})

        asyncio.run(middleware.PageMiddleware(app)(scope, receive, send))
        first = sent[0] if sent else {}
        refused = first.get("status", 0) in (405, 413, 414) or first.get("type") == "websocket.close"
        assert refused != bool(passed)

    check_promise(examples, st.tuples(SCOPES, st.binary(max_size=80)), promise)
