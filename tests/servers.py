"""A real server in a thread of the test, over a real model or a backend of ten lines."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import httpx
import uvicorn

from attnviz.backends.base import Backend
from attnviz.engine.trace import Trace
from attnviz.models import catalog
from attnviz.server import app as server
from attnviz.server.http_timeouts import TimeoutProtocol
from attnviz.settings import Settings
from attnviz.types import AttentionRequest, ModelCard
from tests.wires import one, projections

CLIENT = httpx.Client(timeout=30, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))


@contextmanager
def served(backend: Backend, settings: Settings | None = None, warm: Sequence[str] = (), port: int = 0) -> Iterator[str]:
    """The address of a server over `backend`, while the block runs."""
    found = server.listen("127.0.0.1", port)
    app = server.create_app(backend, settings or Settings(), warm)
    running = uvicorn.Server(
        uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=2, http=TimeoutProtocol, ws="none")
    )
    thread = threading.Thread(target=running.run, kwargs={"sockets": [found]})
    thread.start()
    try:
        while not running.started:
            assert thread.is_alive()
            time.sleep(0.005)
        yield f"http://127.0.0.1:{found.getsockname()[1]}"
    finally:
        running.should_exit = True
        thread.join(20)
        found.close()


class Plain:
    """A backend of three methods that knows the catalogue and answers with one small trace of the text."""

    def __init__(self, answer: Callable[[AttentionRequest], object] = lambda _: None) -> None:
        """`answer` is called first: it may wait, or raise."""
        self.answer = answer
        self.closed = 0

    def models(self) -> tuple[ModelCard, ...]:
        """The catalogue."""
        return catalog.cards()

    def attend(self, request: AttentionRequest) -> Trace:
        """A trace whose weights are random but always the same."""
        catalog.card(request.model)
        self.answer(request)
        part = one((projections(5, 5), projections(5, 5, seed=len(request.text))), 5).parts[0]
        end = len(request.text)
        here = tuple(replace(token, start=min(token.start, end), end=min(token.end, end), word=None) for token in part.keys)
        return Trace(request, (replace(part, queries=here, keys=here),), "c0ffee")

    def close(self) -> None:
        """Counts."""
        self.closed += 1


def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    """Waits until something is true; fails after some seconds."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def number(url: str, name: str, key: str = "") -> float:
    """A metric."""
    answer = CLIENT.get(f"{url}/metrics", headers={"authorization": f"Bearer {key}"} if key else {})
    found = re.search(rf"^{re.escape(name)} (\S+)$", answer.text, re.M)
    return float(found[1]) if found else 0.0


def narrow(listening: Callable[[str, int], socket.socket]) -> Callable[[str, int], socket.socket]:
    """`listening`, whose lines hold little of what is not read yet."""

    def found(host: str, port: int) -> socket.socket:
        made = listening(host, port)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        return made

    return found


@contextmanager
def narrowed(url: str) -> Iterator[socket.socket]:
    """A connection that takes little before it reads."""
    place = urlsplit(url)
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.settimeout(0.8)
        line.connect((place.hostname, place.port))
        yield line
