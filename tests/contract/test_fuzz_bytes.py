"""The HTTP server under malformed HTTP: it refuses or disconnects, and answers the next client."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from hypothesis import strategies as st

from attnviz.server import admission, app, http_timeouts
from attnviz.settings import Settings
from tests.fuzz import amounts, check_promise, no_faults
from tests.servers import CLIENT, FakeBackend, metric, running_server, slow_client, small_send_buffer, wait_until

QUESTION = json.dumps({"model": "minilm", "text": "It slept."}).encode()
CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (len(QUESTION), QUESTION)
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
LIMITS = Settings(rate=1_000_000)

METHODS = st.sampled_from([b"POST", b"POST", b"POST", b"GET", b"HEAD", b"PUT", b"CONNECT", b"post", b"PRI", b"\xff"])
TARGETS = st.sampled_from(
    [
        b"/v1/attention", b"/v1/attention", b"/v1/attention", b"/healthz", b"/v1/models", b"*", b"/%", b"/%ff%00",
        b"http://elsewhere/healthz", b"//", b"", b"/v1/attention?" + b"a" * 9000, b"/\xc3\xa4", b"/a b",
    ]
)  # fmt: skip
VERSIONS = st.sampled_from([b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"HTTP/9.99", b""])
LENGTHS = st.sampled_from(
    [b"%d" % len(QUESTION), b"0", b"5", b"-1", b"+5", b"1e3", b"0x10", b"9" * 30, b"5, 5", b"", b"\xd9\xa3", b"2404097"]
)
HEADERS = st.one_of(
    st.tuples(st.just(b"Content-Length"), LENGTHS),
    st.tuples(
        st.just(b"Transfer-Encoding"), st.sampled_from([b"chunked", b"Chunked", b"gzip, chunked", b"identity", b"xchunked"])
    ),
    st.tuples(
        st.just(b"Content-Type"), st.sampled_from([b"application/json", b"text/plain", b"application/json;charset=\xff"])
    ),
    st.tuples(st.just(b"Connection"), st.sampled_from([b"close", b"keep-alive", b"upgrade", b"\x00"])),
    st.tuples(st.just(b"Upgrade"), st.sampled_from([b"websocket", b"h2c"])),
    st.tuples(st.just(b"Expect"), st.sampled_from([b"100-continue", b"200-ok"])),
    st.tuples(
        st.sampled_from([b"Host", b"Authorization", b"X-Request-Id", b"X-Attnviz-Client", b"Cookie", b"X y", b"", b"\x00"]),
        st.binary(max_size=12) | st.sampled_from([b"127.0.0.1", b"x" * 5000, b"x" * 70_000, b"a\r\n b"]),
    ),
)
USUAL = [(b"Host", b"here"), (b"Content-Type", b"application/json")]
BODIES = st.sampled_from(
    [
        QUESTION, CHUNKED, b"", b"{" * 5000, b"\x00" * 300, QUESTION + b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n",
        b"ffffffffffffffff\r\nx\r\n", b"-5\r\nabcde\r\n0\r\n\r\n", b"5;" + b"x" * 20_000 + b"\r\nabcde\r\n", b"zz\r\n",
        b"0\r\nA: b\r\n\r\n",
    ]
) | st.binary(max_size=60)  # fmt: skip


@st.composite
def messages(draw: st.DrawFn) -> list[bytes]:
    """Draw something like a request, in the chunks in which it is sent."""
    headers = draw(st.permutations(USUAL + draw(st.lists(HEADERS, max_size=5))))
    lines = [b" ".join((draw(METHODS), draw(TARGETS), draw(VERSIONS))), *(name + b": " + value for name, value in headers)]
    data = b"\r\n".join(lines) + b"\r\n\r\n" + draw(BODIES)
    if draw(st.integers(0, 3)) == 0:  # one mutation
        at = draw(st.integers(0, min(len(data), 400)))
        data = (
            data[:at]
            + draw(st.binary(max_size=6) | st.just(b"\n") | st.just(b"\r\n\r\n"))
            + data[at + draw(st.integers(0, 9)) :]
        )
    cuts = sorted(draw(st.lists(st.integers(0, min(len(data), 400)), max_size=2)))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@contextmanager
def connected(url: str, seconds: float = 0.15) -> Iterator[socket.socket]:
    """Connect to the server, with a timeout for each read."""
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port), timeout=10) as line:
        line.settimeout(seconds)
        yield line


def read_all(line: socket.socket) -> bytes:
    """Return all bytes until the server disconnects or is silent for a while."""
    found = b""
    try:
        while part := line.recv(65536):
            found += part
    except (TimeoutError, ConnectionError):
        pass
    return found


def exchange(url: str, parts: list[bytes], *, leaves: bool) -> bytes:
    """Send these chunks, then disconnect or wait, and return the answer."""
    with connected(url) as line:
        try:
            for part in parts:
                line.sendall(part)
            if leaves:
                line.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the server has disconnected
        return read_all(line)


@pytest.fixture(scope="module")
def url():
    with no_faults(), running_server(FakeBackend(), LIMITS) as found:
        yield found


@pytest.mark.slow
@amounts(250, 4000)
def test_malformed_http_is_refused_or_disconnected(url: str, examples: int):
    seen = set()

    def promise(case: tuple[list[bytes], bool]) -> None:
        found = exchange(url, case[0], leaves=case[1])
        if found:
            status = STATUS.match(found)
            assert status, found[:80]
            assert int(status[1]) < 500 or int(status[1]) == 503
            seen.add(int(status[1]))

    check_promise(examples, st.tuples(messages(), st.integers(0, 3).map(bool)), promise)
    assert {200, 400, 404, 405, 422} <= seen
    assert CLIENT.get(f"{url}/healthz").status_code == 200
    wait_until(lambda: metric(url, "attnviz_waiting") == metric(url, "attnviz_working") == 0)


def head(length: int) -> bytes:
    """Return the head of a question of so many bytes."""
    return b"POST /v1/attention HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % length


def test_a_question_that_arrives_byte_by_byte_is_answered(url: str):
    assert exchange(url, [bytes([one]) for one in head(len(QUESTION)) + QUESTION], leaves=False).startswith(b"HTTP/1.1 200 ")


def test_a_question_that_stops_arriving_is_refused(url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(admission, "BODY_SECONDS", 0.2)
    with connected(url, 0.5) as line:
        line.sendall(head(1000) + QUESTION)
        found = read_all(line)
    assert found.startswith(b"HTTP/1.1 408 ")
    assert b"must arrive within" in found


def test_silent_connections_do_not_block_other_clients(url: str):
    place = urlsplit(url)
    silent = [socket.create_connection((place.hostname, place.port), timeout=10) for _ in range(60)]
    try:
        for line in silent[::2]:
            line.sendall(b"POST /v1/attention HTTP/1.1\r\nHost: ")
        assert (
            CLIENT.post(f"{url}/v1/attention", content=QUESTION, headers={"content-type": "application/json"}).status_code
            == 200
        )
    finally:
        for line in silent:
            line.close()


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([], id="nothing"),
        pytest.param([b"POST /v1/att", b"ention HTTP/1.1\r\n", b"Host: he"], id="half a head"),
        pytest.param([b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n", b"GET /hea"], id="half of the second head"),
        pytest.param(
            [b"GET /healthz HTTP/1.1\r\nHost: here\r\nContent-Length: 99\r\n\r\n", b"x", b"y"], id="more than is read"
        ),
    ],
)
def test_a_connection_without_a_complete_request_is_closed(url: str, monkeypatch: pytest.MonkeyPatch, parts: list[bytes]):
    monkeypatch.setattr(http_timeouts, "HEAD_SECONDS", 0.3)
    with connected(url, 10) as line:
        for part in parts:
            line.sendall(part)
            time.sleep(0.02)
        start = time.monotonic()
        read_all(line)
        assert time.monotonic() - start < 5  # without the timeout it would stay for a minute, or forever


@pytest.mark.parametrize("questions", [3, 100])  # a few answers fit into the buffers of a connection that stays open
def test_a_client_that_does_not_read_its_answers_is_disconnected(questions: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http_timeouts, "WRITE_SECONDS", 0.2)
    monkeypatch.setattr(app, "listen", small_send_buffer(app.listen))
    with running_server(FakeBackend(), LIMITS) as url, slow_client(url) as line:
        whole = len(CLIENT.get(f"{url}/openapi.json").content) * questions
        line.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: here\r\n\r\n" * questions)
        time.sleep(0.45)
        assert len(read_all(line)) < whole  # the rest was dropped


@pytest.mark.slow
def test_a_client_that_reads_late_gets_its_answers_and_stays_connected(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http_timeouts, "WRITE_SECONDS", 1.5)
    monkeypatch.setattr(app, "listen", small_send_buffer(app.listen))
    with running_server(FakeBackend(), LIMITS) as url, slow_client(url) as line:
        whole = len(CLIENT.get(f"{url}/openapi.json").content) * 3
        line.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: here\r\n\r\n" * 3)
        time.sleep(0.3)
        assert len(read_all(line)) > whole
        time.sleep(1)  # the timer has stopped
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n")
        assert read_all(line).startswith(b"HTTP/1.1 200 ")


def test_a_client_that_sends_a_second_request_later_stays_connected(url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http_timeouts, "HEAD_SECONDS", 0.3)
    with connected(url, 5) as line:
        for _ in range(2):
            line.sendall(b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n")
            time.sleep(0.45)  # the answer is complete, and more time has passed than a head may take
            assert line.recv(65536).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("gap", [0.0, 0.1])
@pytest.mark.parametrize(
    "head", [b"GET /healthz HTTP/1.1\r\n", b"POST /v1/attention HTTP/1.1\r\nContent-Type: application/json\r\n"]
)
def test_bytes_that_stop_being_http_are_refused_once_and_log_no_error(gap: float, head: bytes):
    """Before the answer, and after it."""
    with no_faults(), running_server(FakeBackend(), LIMITS) as url, connected(url, 1) as line:
        line.sendall(head + b"Host: here\r\nTransfer-Encoding: chunked\r\n\r\n")
        time.sleep(gap)
        line.sendall(b"zz\r\n")
        found = read_all(line)
        assert found.count(b"HTTP/1.1 ") == 1
        assert CLIENT.get(f"{url}/healthz").status_code == 200


def test_clients_that_disconnect_during_an_answer_leave_nothing_behind(url: str):
    before = threading.active_count()
    for _ in range(30):
        with connected(url) as line:
            line.sendall(head(len(QUESTION)) + QUESTION)
            line.recv(20)
    wait_until(lambda: metric(url, "attnviz_working") == 0)
    time.sleep(0.05)
    assert threading.active_count() <= before + Settings().at_once
