"""For any fault of the server, a reader gets the right answer or an error of ours in time, and recovers afterwards."""

from __future__ import annotations

import json
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from attnviz.backends import http_client, remote
from attnviz.backends.remote import RemoteBackend
from attnviz.errors import AnswerError, AttnvizError, BackendError, BusyError, LateError
from attnviz.settings import Settings
from attnviz.types import AttentionRequest
from tests.hostile import Deed, Hostile, answer, changed, endless, hostile, silent, whatever
from tests.servers import FakeBackend, running_server, wait_until
from tests.servers import metric as number_of
from tests.wires import same

REQUEST = AttentionRequest("minilm", "the animal was tired")
LIMITS = Settings(seconds=1, text_bytes=2**20)
SLACK = 0.9  # seconds beyond the deadline, on a machine that does other things too
CHUNKS = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
PAGE = b"<html><h1>It works!</h1><script>alert(1)</script></html>"
CONNECTION_CLOSED = "it closed the connection before its answer was complete"
OTHER = "as no attnviz backend does. Correct ATTNVIZ_BACKEND."


def drip(client: socket.socket, good: bytes) -> None:
    """A byte, and a while later another one."""
    for byte in good:
        client.sendall(bytes([byte]))
        time.sleep(0.05)


def garbage(good: bytes) -> bytes:
    """As many bytes as there should be, and none of them right."""
    head, _, body = good.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n" + random.Random(5).randbytes(len(body))


DEEDS: dict[str, tuple[Deed, type[AttnvizError], str]] = {
    "hangs up": (whatever(b""), BackendError, CONNECTION_CLOSED),
    "hangs up in its first line": (whatever(b"HTTP/1.1 20"), BackendError, CONNECTION_CLOSED),
    "hangs up in a header": (changed(lambda good: good[:40]), BackendError, CONNECTION_CLOSED),
    "sends half": (changed(lambda good: good[: len(good) // 2]), BackendError, CONNECTION_CLOSED),
    "sends all but one byte": (changed(lambda good: good[:-1]), BackendError, CONNECTION_CLOSED),
    "says nothing": (silent, LateError, "has not answered within 1 s"),
    "drips": (drip, LateError, "has not answered within 1 s"),
    "sends garbage of the right length": (changed(garbage), AnswerError, "An answer begins with ATW1"),
    "speaks another protocol": (whatever(b"SSH-2.0-OpenSSH_9.2\r\n"), BackendError, CONNECTION_CLOSED),
    "switches protocols": (whatever(b"HTTP/1.1 101 Other\r\nupgrade: x\r\n\r\n"), BackendError, "does not answer|101"),
    "is another program": (whatever(answer(PAGE, content_type="text/html")), AnswerError, "another version, or is none"),
    "is another program that misses something": (whatever(answer(PAGE, "404 No")), BackendError, f"answers 404, {OTHER}"),
    "fails": (whatever(answer(PAGE, "500 Internal Server Error")), BackendError, f"answers 500, {OTHER}"),
    "stands behind a proxy that misses it": (whatever(answer(PAGE, "502 Bad Gateway")), BackendError, "cannot reach it"),
    "is of a later version": (changed(lambda good: good.replace(b"ATW1", b"ATW2")), AnswerError, "another version"),
    "is busy for long": (whatever(answer(b"", "503 No", retry_after=100)), BusyError, "is busy, try again in 100 s"),
    "is busy without end": (whatever(answer(b"", "503 No", retry_after=1)), AttnvizError, "in 1 s|within 1 s"),
    "says more than may be": (whatever(answer(b"", content_length=10**15)), BackendError, "its answer may have"),
    "says less than nothing": (whatever(answer(b"", content_length=-1)), BackendError, CONNECTION_CLOSED),
    "says two lengths": (whatever(answer(b"x", Content_Length=9)), BackendError, CONNECTION_CLOSED),
    "streams without end": (endless(CHUNKS, b"10000\r\n" + b"x" * 65_536 + b"\r\n"), BackendError, "its answer may have"),
    "has headers without end": (endless(b"HTTP/1.1 200 OK\r\n", b"x: " + b"y" * 99 + b"\r\n"), BackendError, CONNECTION_CLOSED),
    "repeats 100 Continue": (endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), AttnvizError, "does not answer|within 1 s"),
    "has a chunk that is none": (whatever(CHUNKS + b"zz\r\n"), BackendError, CONNECTION_CLOSED),
    "compresses without being asked": (whatever(answer(b"x", content_encoding="gzip")), BackendError, "as they are"),
    "tells an error that is none": (whatever(answer(b'{"error": {"kind": []}}', "422 No")), BackendError, OTHER),
    "tells an error of great depth": (whatever(answer(b"[" * 60_000, "400 No")), BackendError, OTHER),
    "answers another request": (changed(lambda good: good), AnswerError, "for another text than requested"),
}  # fmt: skip
UNLISTED = ("is of a later version", "answers another request")  # a list of models is neither


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow each other at once, and there is no time beyond the deadline."""
    monkeypatch.setattr(http_client, "FIRST_WAIT", 0.002)
    monkeypatch.setattr(remote, "NETWORK_SECONDS", 0.0)


@pytest.fixture
def server() -> Iterator[Hostile]:
    with hostile() as made:
        yield made


@pytest.fixture
def client(server: Hostile) -> Iterator[RemoteBackend]:
    made = RemoteBackend(server.url, LIMITS)
    yield made
    made.close()


class Mistaken(FakeBackend):
    """Takes each text for another one."""

    def attend(self, request: AttentionRequest):
        return super().attend(AttentionRequest(request.model, "the text of another reader"))


def timed(work: Callable[[], object]) -> float:
    """Seconds that it takes."""
    start = time.monotonic()
    work()
    return time.monotonic() - start


@pytest.mark.parametrize("name", DEEDS)
def test_a_fault_is_an_error_in_time_and_has_no_effect_afterwards(server: Hostile, client: RemoteBackend, name: str):
    server.does, kind, says = DEEDS[name]
    if name == "answers another request":
        server.backend = Mistaken()

    def asked() -> None:
        with pytest.raises(kind, match=says) as caught:
            client.attend(REQUEST)
        assert str(caught.value).endswith((".", "?"))
        assert "<script>" not in str(caught.value)

    assert timed(asked) < LIMITS.seconds + SLACK

    server.does, server.backend = None, FakeBackend()
    assert same(client.attend(REQUEST), FakeBackend().attend(REQUEST))


@pytest.mark.parametrize("name", [name for name in DEEDS if name not in UNLISTED])
def test_a_broken_list_of_models_does_not_prevent_requests(
    server: Hostile, client: RemoteBackend, name: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(remote, "LIST_TIMEOUT", 0.3)
    server.does = DEEDS[name][0]

    assert timed(lambda: client.has_weights("minilm")) < 0.3 + SLACK
    assert client.has_weights("minilm"), "a request gets the details"
    assert not client.is_reachable()

    server.does = None
    assert client.is_reachable()
    assert {card.id for card in client.models()} == {card.id for card in FakeBackend().models()}


def test_requests_go_to_no_other_server(server: Hostile, client: RemoteBackend):
    with hostile() as elsewhere:
        server.does = whatever(answer(b"", "307 Temporary Redirect", location=f"{elsewhere.url}/v1/attention"))
        with pytest.raises(BackendError, match=f"answers 307, {OTHER}"):
            client.attend(REQUEST)
        assert elsewhere.asked == 0


def test_a_right_answer_under_a_wrong_name_is_right(server: Hostile, client: RemoteBackend):
    server.does = changed(lambda good: good.replace(b"application/octet-stream", b"text/html"))

    assert same(client.attend(REQUEST), FakeBackend().attend(REQUEST))


def test_a_failed_attempt_is_repaired_by_the_next(server: Hostile, client: RemoteBackend):
    deeds: list[Deed] = [whatever(b""), changed(lambda good: good[:-1]), whatever(answer(b"", "502 No"))]
    server.does = lambda connection, good: deeds.pop(0)(connection, good) if deeds else connection.sendall(good)

    assert same(client.attend(REQUEST), FakeBackend().attend(REQUEST))
    assert server.asked == 4


def test_no_flipped_bit_changes_a_number(server: Hostile, client: RemoteBackend):
    """In what HTTP says as in what we say: the answer is right, or there is none."""
    right, payload = (
        FakeBackend().attend(REQUEST),
        json.dumps({"model": "minilm", "text": REQUEST.text, "text_b": None}).encode(),
    )
    size, draw, refused = len(server.good("/v1/attention", payload)), random.Random(3), 0
    for bit in (*draw.sample(range(8 * 120), 20), *draw.sample(range(8 * 120, 8 * size), 20)):

        def flipped(good: bytes, bit: int = bit) -> bytes:
            found = bytearray(good)
            found[bit // 8] ^= 1 << bit % 8
            return bytes(found)

        server.does = changed(flipped)
        try:
            assert same(client.attend(REQUEST), right)
        except AttnvizError:
            refused += 1
            client.close()  # a new one, whose breaker is closed
    assert refused >= 20, "of what lies behind HTTP's own lines every bit counts"


def test_all_readers_of_a_silent_server_get_an_error_in_time(server: Hostile):
    client, took = RemoteBackend(server.url, LIMITS), []
    server.does = silent

    def ask(number: int) -> None:
        with pytest.raises(BackendError):
            client.attend(AttentionRequest("minilm", f"text {number}"))

    def asked(number: int) -> None:
        took.append(timed(lambda: ask(number)))

    threads = [threading.Thread(target=asked, args=(number,)) for number in range(24)]  # more than there are connections
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    client.close()
    assert len(took) == 24
    assert max(took) < LIMITS.seconds + SLACK


def test_clients_that_vanish_leave_nothing_behind():
    """As a browser that is closed, a laptop that is shut, a program that is killed: in the question and in the answer."""
    body = json.dumps({"model": "minilm", "text": REQUEST.text}).encode()
    head = b"POST /v1/attention HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    asked, draw = head % len(body) + body, random.Random(11)
    with running_server(FakeBackend(lambda _: time.sleep(0.005))) as url:
        port = int(url.rpartition(":")[2])
        for number in range(60):
            with socket.create_connection(("127.0.0.1", port), 5) as gone:
                gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, no goodbye
                gone.sendall(asked if number % 2 else asked[: draw.randrange(1, len(asked))])
                if number % 4 == 1:
                    gone.recv(draw.randrange(1, 400))
        wait_until(lambda: number_of(url, "attnviz_waiting") == number_of(url, "attnviz_working") == 0)
        client = RemoteBackend(url, LIMITS)
        assert same(client.attend(REQUEST), FakeBackend().attend(REQUEST))
        client.close()
