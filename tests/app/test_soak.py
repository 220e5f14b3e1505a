"""A real server over many sentences, sessions and odd links: stable memory, closed sessions released, no error."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from urllib.parse import urlencode

import psutil
import pytest
from hypothesis import strategies as st

from tests.app.visitors import ROOT, Server, open_page, running_app
from tests.contract.test_fuzz_texts import TEXTS
from tests.fuzz import amounts, check_promise
from tests.pages import PATHS
from tests.servers import wait_until
from tests.unit.test_fuzz_links import changed_links

pytestmark = pytest.mark.slow
FULL, SENTENCES = 10, 30  # by the 10th sentence a cache of 4 MB is full
GROWTH = 50 * 2**20  # bytes; the thousand sentences of benchmarks/soak.py have the same bound


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The app with a small cache."""
    folder = tmp_path_factory.mktemp("server")
    with running_app(ROOT / "app.py", folder, ATTNVIZ_OFFLINE="1", ATTNVIZ_CACHE_MB="4") as found:
        yield found


def process(server: Server) -> psutil.Process:
    """Return the process of the server."""
    (found,) = (one for one in psutil.Process().children() if str(server.port) in one.cmdline())
    return found


def still_open(server: Server) -> int:
    """Return the number of connections that the server holds, half-closed ones included."""
    connections = process(server).net_connections("tcp")
    return sum(one.laddr.port == server.port and one.status != psutil.CONN_LISTEN for one in connections)


async def sentences(server: Server) -> list[int]:
    """Type the sentences of one user; return the resident memory after each."""
    found, memory = [], process(server)
    async with open_page(server, query="model=minilm") as visitor:
        await visitor.run()
        for number in range(SENTENCES):
            assert not await visitor.run(f"In house {number} the animal didn't cross the street because it was too tired")
            found.append(memory.memory_info().rss)
        assert still_open(server) == 1
        wait_until(lambda: server.sessions() == 1)
    return found


def test_memory_is_stable_with_a_full_cache_and_closed_sessions_are_released(server: Server):
    memory = asyncio.run(sentences(server))

    assert memory[-1] - memory[FULL - 1] <= GROWTH
    wait_until(lambda: (still_open(server), server.sessions()) == (0, 0))


@amounts(6, 600)
def test_no_link_and_no_text_breaks_a_page(server: Server, examples: int):
    async def visit(page: str, link: dict[str, str], text: str) -> None:
        async with open_page(server, page, urlencode(link, errors="replace")) as visitor:
            assert "exception" not in await visitor.run()
            if visitor.field:
                assert "exception" not in await visitor.run(text)

    cases = st.tuples(st.sampled_from(PATHS), changed_links(), TEXTS.map(lambda text: text.encode(errors="replace").decode()))
    check_promise(examples, cases, lambda case: asyncio.run(visit(*case)))
    assert process(server).is_running()
    assert not re.findall(r"\w+ at \S+\.py:\d+ \(.*", server.log.read_text())  # the form of a logged exception (logs.py)
    assert server.calls() == []
