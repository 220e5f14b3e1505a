"""A backend on another machine: the same answers, cancelled when the reader leaves, usable again when the server is back."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import pytest

from attnviz.backends import open_backend, remote, wire
from attnviz.backends.base import Capabilities
from attnviz.backends.cached import CachedBackend
from attnviz.backends.local import LocalBackend
from attnviz.backends.remote import RemoteBackend
from attnviz.backends.scheduled import ScheduledBackend, Scheduling
from attnviz.backends.wire import model_cards
from attnviz.engine.trace import Trace
from attnviz.errors import (
    AccessError,
    AnswerError,
    BackendError,
    BadInputError,
    EmptyTextError,
    TooLongError,
    UnknownModelError,
)
from attnviz.models import catalog, load
from attnviz.progress import ProgressEvent
from attnviz.settings import Settings
from attnviz.types import AttentionRequest
from tests.hostile import hostile, silent
from tests.servers import FakeBackend, metric, running_server, wait_until
from tests.small_models import saved
from tests.wires import same

REQUEST = AttentionRequest("minilm", "你好 <b>", "second")
KEY = "0123456789abcdef"
SCHEDULING = Scheduling(1, 5, 5, 5.0, lambda: "a")


@pytest.fixture
def opened():
    """Remote backends that are closed in the end."""
    made = []

    def open(url: str, *more: object, **most: object) -> RemoteBackend:
        made.append(RemoteBackend(url, *more, **most))
        return made[-1]

    yield open
    for one in made:
        one.close()


def test_answers_and_models_are_those_of_the_server(opened):
    with running_server(FakeBackend()) as url:
        backend = opened(url)
        assert same(backend.attend(REQUEST), FakeBackend().attend(REQUEST))
        assert backend.full_trace(REQUEST).parts[0].calls[0].value.shape == (3, 5, 5)
        assert backend.models() == catalog.cards()
        with pytest.raises(UnknownModelError, match="There is no model 'none'"):
            backend.attend(AttentionRequest("none", "a"))


def test_a_text_that_no_model_reads_is_not_sent(opened):
    backend = opened("http://127.0.0.1:1")
    with pytest.raises(EmptyTextError):
        backend.attend(AttentionRequest("minilm", " "))
    with pytest.raises(TooLongError):
        backend.attend(AttentionRequest("minilm", "x" * 200_001))


def test_without_a_server_the_error_says_so_and_the_list_is_not_waited_for(opened):
    backend = opened("http://127.0.0.1:1")
    with pytest.raises(BackendError, match=r"http://127\.0\.0\.1:1 does not answer \(no server listens there\)"):
        backend.models()
    assert backend.has_weights("minilm")
    with pytest.raises(BackendError, match="does not say which models it has"):
        backend.models()


@pytest.mark.slow
def test_a_server_that_is_back_is_used_again(opened):
    with running_server(FakeBackend()) as url:
        backend = opened(url)
        backend.attend(REQUEST)
    with pytest.raises(BackendError):
        backend.attend(REQUEST)
    port = int(url.rpartition(":")[2])
    with running_server(FakeBackend(), port=port):
        assert same(backend.attend(REQUEST), FakeBackend().attend(REQUEST))


def test_the_key_is_sent_and_required(opened):
    with running_server(FakeBackend(), Settings(key=KEY)) as url:
        assert opened(url, Settings(key=KEY)).attend(REQUEST).layers == 2
        with pytest.raises(AccessError, match="Set ATTNVIZ_KEY to it"):
            opened(url, Settings()).attend(REQUEST)


class Interrupted(BaseException):
    """As Streamlit stops a script whose reader has typed something else."""


def test_when_a_reader_leaves_the_server_stops_its_work(opened):
    go, asked, events = threading.Event(), threading.Event(), []

    def wait(_: AttentionRequest) -> None:
        asked.set()
        assert go.wait(20)

    def listen(event: ProgressEvent) -> None:
        events.append(event)
        if asked.is_set():
            raise Interrupted

    with running_server(FakeBackend(wait), Settings(at_once=1)) as url:
        with pytest.raises(Interrupted):
            opened(url, Settings(), listen).attend(REQUEST)
        other = opened(url)
        go.set()
        assert other.attend(REQUEST).layers == 2
    assert {event.kind for event in events} == {"waiting"}


def test_a_backend_closed_during_a_request_says_so_and_opens_again(opened):
    go, asked = threading.Event(), threading.Event()
    found: list[BaseException] = []

    def wait(_: AttentionRequest) -> None:
        asked.set()
        assert go.wait(20)

    with running_server(FakeBackend(wait)) as url:
        backend = opened(url)

        def ask() -> None:
            try:
                backend.attend(REQUEST)
            except BaseException as error:  # noqa: BLE001
                found.append(error)

        waiting = threading.Thread(target=ask)
        waiting.start()
        assert asked.wait(20)
        backend.close()
        waiting.join(20)
        go.set()
        assert "was closed" in str(found[0])
        assert backend.attend(REQUEST).layers == 2
        backend.close()
        backend.close()


def test_a_request_during_close_gets_a_new_connection(opened, monkeypatch: pytest.MonkeyPatch):
    closes, go, asked, answers, end = (*(threading.Event() for _ in range(4)), httpx.AsyncClient.aclose)

    async def slowly(client: httpx.AsyncClient) -> None:
        closes.set()
        await asyncio.to_thread(go.wait, 20)
        await end(client)

    def wait(_: AttentionRequest) -> None:
        asked.set()
        assert answers.wait(20)

    with running_server(FakeBackend(wait)) as url, ThreadPoolExecutor(2) as threads:
        backend = opened(url)
        assert backend.models()
        monkeypatch.setattr(httpx.AsyncClient, "aclose", slowly)
        closing = threads.submit(backend.close)
        assert closes.wait(20)
        answer = threads.submit(backend.attend, REQUEST)
        assert asked.wait(20)
        go.set()
        closing.result(20)  # what is closed is the old line
        answers.set()
        assert same(answer.result(20), FakeBackend().attend(REQUEST))


def test_a_busy_server_counts_as_reachable(opened):
    go = threading.Event()
    with running_server(FakeBackend(lambda _: go.wait(20)), Settings(at_once=20)) as url, ThreadPoolExecutor(24) as threads:
        backend = opened(url)
        asked = [threads.submit(backend.attend, AttentionRequest("minilm", f"{n:05}")) for n in range(16)]
        wait_until(lambda: metric(url, "attnviz_working") == 16)

        assert list(threads.map(lambda _: backend.is_reachable(), range(6))) == [True] * 6
        go.set()
        assert all(one.result(20).layers == 2 for one in asked)


def test_the_list_of_models_is_fetched_once_and_an_old_one_is_used_meanwhile(opened, monkeypatch: pytest.MonkeyPatch):
    with hostile() as server, ThreadPoolExecutor(8) as threads:
        backend, came, go = opened(server.url), threading.Event(), threading.Event()

        def waits(client: socket.socket, good: bytes) -> None:
            came.set()
            assert go.wait(20)
            client.sendall(good)

        server.does = waits
        asked = [threads.submit(backend.models) for _ in range(8)]
        assert came.wait(20)
        time.sleep(0.1)  # so that all of them ask
        go.set()
        assert {one.result(20) for one in asked} == {catalog.cards()}
        assert server.asked == 1

        monkeypatch.setattr(remote, "LIST_AGE", 0.0)
        server.does = silent
        start = time.monotonic()
        assert [backend.models() for _ in range(3)] == [catalog.cards()] * 3
        assert time.monotonic() - start < 1, "no caller waits for the new list"
        wait_until(lambda: server.asked == 2)


def test_an_answer_to_another_text_is_refused(opened, monkeypatch: pytest.MonkeyPatch):
    other = wire.dumps(FakeBackend().attend(AttentionRequest("minilm", "another")))
    monkeypatch.setattr("attnviz.server.responder.wire.dumps", lambda trace, full=False: other)
    with running_server(FakeBackend()) as url, pytest.raises(AnswerError, match="for another text than requested"):
        opened(url).attend(REQUEST)


def test_an_answer_larger_than_the_model_is_refused(opened, monkeypatch: pytest.MonkeyPatch):
    part = FakeBackend().attend(REQUEST).parts[0]
    large = wire.dumps(Trace(REQUEST, (replace(part, calls=part.calls * 4),)))
    monkeypatch.setattr("attnviz.server.responder.wire.dumps", lambda trace, full=False: large)
    with (
        running_server(FakeBackend()) as url,
        pytest.raises(AnswerError, match="at most 6 layers of 12 heads; the answer has 8 of 6"),
    ):
        opened(url).attend(REQUEST)


def test_garbage_is_refused(opened, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("attnviz.server.responder.wire.dumps", lambda trace, full=False: b"garbage" * 50)
    with (
        running_server(FakeBackend()) as url,
        pytest.raises(AnswerError, match=r"gave no answer that can be read\. An answer begins with ATW1"),
    ):
        opened(url).attend(REQUEST)


def test_the_server_is_fair_among_the_readers_of_one_front_end(opened):
    came, go, first = [], threading.Event(), threading.Event()

    def wait(request: AttentionRequest) -> None:
        came.append(request.text)
        first.set()
        assert go.wait(20)

    with running_server(FakeBackend(wait), Settings(at_once=1, waiting=40, key=KEY)) as url:
        readers = {name: opened(url, Settings(key=KEY), None, lambda name=name: name) for name in "ab"}
        asked = [threading.Thread(target=readers["a"].attend, args=(AttentionRequest("minilm", f"a{n}"),)) for n in range(4)]
        asked[0].start()
        assert first.wait(20)
        for thread in asked[1:]:
            thread.start()
        wait_until(lambda: metric(url, "attnviz_waiting", KEY) == 3)
        late = threading.Thread(target=readers["b"].attend, args=(AttentionRequest("minilm", "b0"),))
        late.start()
        wait_until(lambda: metric(url, "attnviz_waiting", KEY) == 4)
        go.set()
        for thread in (*asked, late):
            thread.join(20)
    assert came.index("b0") == 1, "b has no slot and has had no turn"


@pytest.mark.parametrize(
    "url",
    [
        "http:/one-slash",
        "ftp://host",
        "host:8600",
        "",
        "http://",
        "http://[",
        "http://host:99999999",
        "local",
        "file:///etc/passwd",
    ],
)
def test_an_invalid_address_is_refused(url: str):
    with pytest.raises(BadInputError, match="A backend's address is `local:`"):
        open_backend(url)


@pytest.mark.parametrize("url", ["http://me:secret@host/", "http://host/?key=secret", "http://host/#secret"])
def test_an_address_with_more_is_refused_and_not_repeated(url: str):
    with pytest.raises(BadInputError, match="nothing before or behind that") as error:
        open_backend(url)
    assert "secret" not in str(error.value)


def test_an_address_may_have_a_path_and_a_slash():
    assert remote.address("http://Host:8600/models/") == "http://host:8600/models"


def test_a_folder_of_this_machine_cannot_be_read_by_a_server(tmp_path):
    card = load.local_card(saved(tmp_path / "model"))
    with pytest.raises(BadInputError, match=r"the backend is http://127\.0\.0\.1:1\. Unset ATTNVIZ_BACKEND"):
        open_backend("http://127.0.0.1:1", Settings(), folders=(card,))


def listed(card: dict) -> bytes:
    """The body of a list with one card."""
    return json.dumps({"models": [card]}).encode()


@pytest.mark.parametrize("card", catalog.cards(), ids=lambda card: card.id)
def test_a_card_survives_json(card):
    assert model_cards.from_json(listed(model_cards.to_json(card, here=True))) == [(card, True)]


@pytest.mark.parametrize(
    "change",
    [
        {"id": 5},
        {"layers": "6"},
        {"layers": True},
        {"layers": -1},
        {"kind": "other"},
        {"sha256": [["a"]]},
        {"head": ["a", "b"]},
        {"x": 1},
    ],
)
def test_an_invalid_card_is_refused(change: dict):
    with pytest.raises(AnswerError):
        model_cards.from_json(listed(model_cards.to_json(catalog.card("minilm"), here=True) | change))


def test_any_backend_can_be_scheduled():
    order = []

    def answer(request: AttentionRequest) -> None:
        order.append(backend.scheduler.running)

    backend = ScheduledBackend(FakeBackend(answer), SCHEDULING)

    assert backend.attend(REQUEST).layers == 2
    assert (order, backend.scheduler.running) == ([1], 0)
    assert backend.models() == catalog.cards()
    assert backend.capabilities == Capabilities()
    assert CachedBackend(backend, 2**20).has_weights("anything")


class Wide(FakeBackend):
    """Leaves out values at first."""

    @property
    def capabilities(self) -> Capabilities:
        """Values come with the full trace."""
        return Capabilities(full_trace=self.attend)


@pytest.mark.parametrize(("kind", "passes"), [(FakeBackend, 1), (Wide, 2)])
def test_a_full_trace_is_not_computed_twice(kind: type[FakeBackend], passes: int):
    read = []
    backend = CachedBackend(ScheduledBackend(kind(read.append), SCHEDULING), 2**20)

    assert same(backend.attend(REQUEST), backend.full_trace(REQUEST))
    assert read == [REQUEST] * passes
    assert backend.full_trace(REQUEST) is backend.full_trace(REQUEST)


def test_models_in_this_process_have_full_traces_at_once():
    backend = ScheduledBackend(LocalBackend(Settings()), SCHEDULING)

    assert backend.capabilities.full_trace is None
    assert backend.capabilities.check is not None


def test_a_waiting_reader_hears_how_many_others_wait():
    messages = []

    def listen(event: ProgressEvent) -> None:
        messages.append(event.message)
        raise Interrupted

    backend = ScheduledBackend(FakeBackend(), SCHEDULING, listen)
    for others in (1, 3):
        for _ in range(others):
            backend.scheduler.acquire("b", print)
        with pytest.raises(Interrupted):
            backend.attend(REQUEST)

    assert messages == ["Waiting for a turn.", "Waiting for a turn; so do 3 others."]
