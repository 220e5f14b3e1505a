"""A real server with several users: texts never mix and never reach a log, and no other server is contacted."""

from __future__ import annotations

import asyncio
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.app.visitors import ROOT, Server, Visitor, open_page, running_app
from tests.pages import PATHS

# Words of one token, so that messages quote them unchanged.
MINE, YOURS = "zebra", "tiger"
FAULTY = """
import streamlit as st

if __name__ == "__main__":
    typed = st.text_input("Sentence")
    if typed:
        raise ValueError(typed)
else:
    from attnviz.web import middleware

    app = st.App(__file__, middleware=middleware.middleware())
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The app with folders of its own."""
    with running_app(ROOT / "app.py", tmp_path_factory.mktemp("server"), ATTNVIZ_OFFLINE="") as found:
        yield found


def hostile(word: str) -> str:
    """Return a query string with the word in every parameter, valid and invalid."""
    text = f"The {word} didn't cross <b>{word}</b> because it was too tired"
    wrong = {name: f"{word}{name}" for name in ("layer", "head", "block", "special", "keep", "between", "focus")}
    wrong |= {name: f"{word},{name}" for name in ("panels", "set", "view", "candidates", "meant", "links", "term", "step")}
    pinned = {"texts": f'[["minilm","Another {word} here"],["{word}","x"],3]', "pins": f"1:3.1={word},{word},3.1={word}"}
    return urlencode({"model": "minilm", "text": text, "text_b": f"Second {word}", **wrong, **pinned, word: word})


async def use_app(server: Server, word: str, other: str) -> None:
    """Do everything that one user does; no message may contain the word of the other one."""
    async with open_page(server, query=f"text=It+was+a+{word}") as visitor:
        await visitor.run()
        for turn in range(3):
            assert not await visitor.run(f"The {word} number {turn} did not cross the street because it was tired")
        assert "at most 512 tokens" in await visitor.run(f"{word} " * 600)
        assert "200,000" in (await visitor.run(f"{word} " * 50_000)).replace("\\", "")
        assert not await visitor.run(f"One more {word}")
        seen = visitor.seen
    async with open_page(server, query=hostile(word)) as visitor:
        assert word in await visitor.run()
        seen += visitor.seen
    assert word.encode() in seen
    assert other.encode() not in seen


async def open_every_page(server: Server, word: str) -> None:
    """Open every page by a link with the word in every parameter."""
    for page in PATHS:
        async with open_page(server, page, hostile(word)) as visitor:
            assert "exception" not in await visitor.run()


def request(server: Server, method: str, size: int = 1) -> int:
    """Return the status of an HTTP request whose address repeats the word `size` times."""
    address = f"http://127.0.0.1:{server.port}/heads?text={MINE * size}"
    try:
        with urllib.request.urlopen(urllib.request.Request(address, method=method), timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


async def attack(server: Server) -> None:
    """Send requests of another origin, and invalid messages."""
    assert [request(server, "GET"), request(server, "PUT"), request(server, "GET", 4000)] == [200, 405, 414]
    with pytest.raises(InvalidStatus, match="403"):
        async with open_page(server, origin="http://other.example"):
            pass
    for message in (b"\x0a\xff" + MINE.encode() + b"x" * 4_000_000, MINE):
        async with open_page(server) as visitor:
            await visitor.socket.send(message)
            with pytest.raises(ConnectionClosed):
                await read_to_end(visitor)


async def read_to_end(visitor: Visitor) -> None:
    """Read until the server closes the connection."""
    while True:
        await visitor.socket.recv()


def test_texts_of_two_users_never_mix_and_reach_no_log_and_no_other_server(server: Server):
    async def both() -> None:
        await asyncio.gather(use_app(server, MINE, YOURS), use_app(server, YOURS, MINE))
        await open_every_page(server, MINE)
        await attack(server)

    asyncio.run(both())
    log = server.log.read_text()
    assert MINE not in log
    assert YOURS not in log
    assert "Traceback" not in log
    assert server.calls() == []


def test_the_log_of_a_bug_has_type_and_location_and_not_the_text(tmp_path: Path):
    script = tmp_path / "app.py"
    script.write_text(FAULTY)

    async def one(server: Server) -> None:
        async with open_page(server) as visitor:
            await visitor.run()
            assert MINE not in await visitor.run(f"A {MINE}")

    with running_app(script, tmp_path) as server:
        asyncio.run(one(server))
        log = server.log.read_text()
    assert re.search(r"ValueError at .*app\.py:7 \(<module>\)", log)
    assert MINE not in log
    assert "Traceback" not in log
