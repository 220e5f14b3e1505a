"""A real HTTP server in a thread of the test, with a real model or a small fake backend."""

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
def running_server(
    backend: Backend, settings: Settings | None = None, warm: Sequence[str] = (), port: int = 0
) -> Iterator[str]:
    """Run a server with `backend` during the block, and give its address."""
    listener = server.listen("127.0.0.1", port)
    app = server.create_app(backend, settings or Settings(), warm)
    running = uvicorn.Server(
        uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=2, http=TimeoutProtocol, ws="none")
    )
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not running.started:
            assert thread.is_alive()
            time.sleep(0.005)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        running.should_exit = True
        thread.join(20)
        listener.close()


class FakeBackend:
    """A backend with the models of the catalogue that answers with a small trace of random weights."""

    def __init__(self, answer: Callable[[AttentionRequest], object] = lambda _: None) -> None:
        """`answer` is called before each answer: it may wait, or raise."""
        self.answer = answer
        self.closed = 0

    def models(self) -> tuple[ModelCard, ...]:
        """Return the catalogue."""
        return catalog.cards()

    def attend(self, request: AttentionRequest) -> Trace:
        """Return a trace whose weights are random, and the same for each text."""
        catalog.card(request.model)
        self.answer(request)
        part = one((projections(5, 5), projections(5, 5, seed=len(request.text))), 5).parts[0]
        end = len(request.text)
        here = tuple(replace(token, start=min(token.start, end), end=min(token.end, end), word=None) for token in part.keys)
        return Trace(request, (replace(part, queries=here, keys=here),), "c0ffee")

    def close(self) -> None:
        """Count the calls."""
        self.closed += 1


def wait_until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until a condition is true; fail after some seconds."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def metric(url: str, name: str, key: str = "") -> float:
    """Return the value of a metric without labels, or of one sample with `name` as in the text."""
    answer = CLIENT.get(f"{url}/metrics", headers={"authorization": f"Bearer {key}"} if key else {})
    found = re.search(rf"^{re.escape(name)} (\S+)$", answer.text, re.M)
    return float(found[1]) if found else 0.0


def small_send_buffer(listen: Callable[[str, int], socket.socket]) -> Callable[[str, int], socket.socket]:
    """Return `listen` with a small send buffer for the connections, so that unread bytes stay in the process."""

    def listen_with_small_buffer(host: str, port: int) -> socket.socket:
        listener = listen(host, port)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        return listener

    return listen_with_small_buffer


@contextmanager
def slow_client(url: str) -> Iterator[socket.socket]:
    """Open a connection with a small receive buffer."""
    place = urlsplit(url)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(0.8)
        connection.connect((place.hostname, place.port))
        yield connection
