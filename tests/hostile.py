"""A server in a thread of the test that answers right, or does whatever wrong thing a test tells it to."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from attnviz.backends import wire
from attnviz.backends.base import Backend
from attnviz.backends.wire import model_cards
from attnviz.errors import AttnvizError
from attnviz.types import AttentionRequest
from tests.servers import FakeBackend

Deed = Callable[[socket.socket, bytes], None]  # handles a client; the bytes would be the right answer
TIMEOUT = 20.0  # seconds after which a deed without an end ends


class Hostile:
    """One server. As long as `does` is None it answers as one of ours would, one request a connection."""

    def __init__(self, backend: Backend, port: int) -> None:
        self.backend, self.does, self.asked = backend, None, 0
        self._listens = socket.create_server(("127.0.0.1", port))
        self._clients: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self.port = self._listens.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._begin(self._accept)

    does: Deed | None

    def _begin(self, work: Callable[..., None], *what: object) -> None:
        self._threads.append(threading.Thread(target=work, args=what))
        self._threads[-1].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listens.accept()
                client.settimeout(TIMEOUT)
                self._clients.add(client)
                self._begin(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            path, body = _request(client)
            self.asked += 1
            does, good = self.does, self.good(path, body)
            does(client, good) if does else client.sendall(good)

    def good(self, path: str, body: bytes) -> bytes:
        """The right answer."""
        if path != "/v1/attention":
            return answer(json.dumps({"models": [model_cards.to_json(card, True) for card in self.backend.models()]}).encode())
        asked = json.loads(body)
        try:
            return answer(wire.dumps(self.backend.attend(AttentionRequest(asked["model"], asked["text"], asked["text_b"]))))
        except AttnvizError as error:
            payload = {"error": {"kind": type(error).__name__, "message": str(error)}}
            return answer(json.dumps(payload).encode(), "422 Unprocessable Content")

    def close(self) -> None:
        """Ends whatever it does."""
        for one in (self._listens, *self._clients):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join(TIMEOUT)


@contextmanager
def hostile(backend: Backend | None = None, port: int = 0) -> Iterator[Hostile]:
    """Such a server, while the block runs."""
    server = Hostile(backend or FakeBackend(), port)
    try:
        yield server
    finally:
        server.close()


def _request(client: socket.socket) -> tuple[str, bytes]:
    """Path and body of a request."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = client.recv(65_536)
        if not part:
            raise ConnectionError
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    while length and len(body) < int(length[1]):
        body += client.recv(65_536)
    return head.split()[1].decode(), body


def answer(body: bytes, status: str = "200 OK", **headers: object) -> bytes:
    """An answer in HTTP. Headers are named with _ for -."""
    fields = {"content-type": "application/octet-stream", "content-length": len(body), "connection": "close"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def whatever(data: bytes) -> Deed:
    """Says this, and hangs up."""
    return lambda client, _: client.sendall(data)


def changed(change: Callable[[bytes], bytes]) -> Deed:
    """Says the right answer, changed."""
    return lambda client, good: client.sendall(change(good))


def silent(client: socket.socket, _: bytes) -> None:
    """Says nothing as long as the client waits."""
    client.recv(1)


def endless(first: bytes, part: bytes) -> Deed:
    """Says `part` again and again as long as the client listens."""

    def deed(client: socket.socket, _: bytes) -> None:
        client.sendall(first)
        while True:
            client.sendall(part)

    return deed


def right(client: socket.socket, good: bytes) -> None:
    """As it should be."""
    client.sendall(good)


def reads(does: Deed) -> Deed:
    """Does something wrong when it is asked to read, and says right which models it has."""
    return lambda client, good: (right if b'{"models"' in good else does)(client, good)
