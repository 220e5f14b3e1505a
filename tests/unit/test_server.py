"""The HTTP service: answers, refusals, order of service, metrics and logs."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import httpx
import jsonschema
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.requests import Request

from attnviz import cli
from attnviz.backends import scheduler, wire
from attnviz.backends.base import Capabilities
from attnviz.errors import BadInputError, NotArrivedError, OutputError, TooLongError, UnavailableError, kinds
from attnviz.logs import JsonFormatter
from attnviz.models import catalog
from attnviz.server import admission, openapi, responder
from attnviz.server import app as server
from attnviz.settings import Settings
from attnviz.types import AttentionRequest
from tests.servers import CLIENT, FakeBackend, metric, running_server, slow_client, small_send_buffer, wait_until
from tests.wires import one, projections, same

KEY = "0123456789abcdef"
QUESTION = {"model": "minilm", "text": "It slept.", "text_b": "Well \u2028 <b>&"}
SECRET = "a secret text that must not be in a log"
METRICS = {
    "attnviz_requests": "counter", "attnviz_errors": "counter", "attnviz_answers_kept": "counter",
    "attnviz_answer_bytes": "counter", "attnviz_left": "counter", "attnviz_seconds": "histogram",
    "attnviz_waiting": "gauge", "attnviz_working": "gauge", "attnviz_sharing": "gauge", "attnviz_kept_bytes": "gauge",
    "attnviz_model_held": "gauge", "process_resident_memory_bytes": "gauge",
}  # fmt: skip
DESCRIBED = openapi.describe(Settings(), 2_404_096)


def post(url: str, body: object = QUESTION, **more: object) -> httpx.Response:
    """Send a question; the answer must be as the OpenAPI description says."""
    headers = {"content-type": "application/json", **more.pop("headers", {})}
    answer = CLIENT.post(f"{url}/v1/attention", content=json.dumps(body), timeout=30, headers=headers, **more)
    return validated(answer, "/v1/attention", "post")


def validated(answer: httpx.Response, path: str, method: str = "get") -> httpx.Response:
    """Return an answer whose status, content type and body fit the OpenAPI description."""
    described = DESCRIBED["paths"][path][method]["responses"]
    assert str(answer.status_code) in described, (answer.status_code, answer.text)
    kind = answer.headers["content-type"].partition(";")[0]
    schema = described[str(answer.status_code)]["content"][kind]["schema"]
    if kind == "application/json":
        jsonschema.validate(answer.json(), schema | {"components": DESCRIBED["components"]})
    assert answer.headers["x-request-id"]
    return answer


def error(answer: httpx.Response) -> tuple[int, str]:
    """Return status and kind of error."""
    return answer.status_code, answer.json()["error"]["kind"]


@pytest.fixture(scope="module")
def url():
    with running_server(FakeBackend()) as found:
        yield found


def test_a_question_is_answered_with_the_trace_as_bytes(url: str):
    answer = post(url)

    request = AttentionRequest("minilm", QUESTION["text"], QUESTION["text_b"])
    assert same(wire.loads(answer.content), FakeBackend().attend(request))
    assert wire.loads(answer.content).parts[0].calls[0].array.shape == (6, 5, 5)
    assert int(answer.headers["content-length"]) == len(answer.content)


def test_values_and_outputs_are_sent_on_request(url: str):
    assert wire.loads(post(url, QUESTION | {"whole": True}).content).parts[0].calls[0].value.shape == (3, 5, 5)


def test_the_models_are_those_of_the_backend_without_folders_of_its_machine(url: str):
    class Own(FakeBackend):
        def models(self):
            return (replace(catalog.card("minilm"), id="own", folder="/home/somebody/model", package=""),)

    listed = validated(CLIENT.get(f"{url}/v1/models"), "/v1/models").json()["models"]
    with running_server(Own()) as other:
        (own,) = CLIENT.get(f"{other}/v1/models").json()["models"]

    wanted = [json.loads(json.dumps(asdict(card))) | {"here": True} for card in catalog.cards()]
    assert listed == wanted
    assert (own["id"], own["folder"]) == ("own", "")


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({"model": "no-such", "text": "a"}, (404, "UnknownModelError")),
        ({"model": "../../etc/passwd", "text": "a"}, (404, "UnknownModelError")),
        ({"model": "minilm", "text": ""}, (422, "EmptyTextError")),
        ({"model": "minilm", "text": "half \ud800"}, (422, "BadTextError")),
        ({"model": "minilm", "text": "x" * 200_001}, (413, "TooLongError")),
        ({"model": "minilm", "text": 5}, (422, "BadInputError")),
        ({"model": None, "text": "a"}, (422, "BadInputError")),
        ({"model": "minilm", "text": "a", "text_b": ["b"]}, (422, "BadInputError")),
        ({"model": "minilm", "text": "a", "whole": 1}, (422, "BadInputError")),
        ({"model": "minilm", "text": "a", "path": "/"}, (422, "BadInputError")),
        ({"model": "minilm"}, (422, "BadInputError")),
        (["minilm", "a"], (422, "BadInputError")),
        (None, (422, "BadInputError")),
    ],
)
def test_an_invalid_question_is_refused_with_its_kind_of_error(url: str, body: object, wanted: tuple[int, str]):
    assert error(post(url, body)) == wanted


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"9" * 5000, b'{"model": "minilm", "text": "\xc3"}'])
def test_a_body_that_is_not_json_is_refused(url: str, body: bytes):
    answer = CLIENT.post(f"{url}/v1/attention", content=body, headers={"content-type": "application/json"})

    assert error(validated(answer, "/v1/attention", "post")) == (422, "BadInputError")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("header", ["application/json", "application/json; charset={}"])
def test_a_question_is_read_in_every_encoding_of_unicode(url: str, encoding: str, header: str):
    content_type = header.format(encoding.removesuffix("-sig"))
    answer = CLIENT.post(
        f"{url}/v1/attention", content=json.dumps(QUESTION).encode(encoding), headers={"content-type": content_type}
    )

    assert answer.status_code == 200
    assert wire.loads(answer.content).request.text == QUESTION["text"]


@pytest.mark.parametrize(
    ("charset", "body", "wanted", "says"),
    [
        ("latin-1", b"{}", (415, "ContentTypeError"), "names the charset “latin-1”. Convert it."),
        ("utf-99", b"{}", (415, "ContentTypeError"), "“utf-99” is no charset"),
        (
            "utf-8",
            b'{"model": "minilm", "text": "caf\xe9"}',
            (422, "BadInputError"),
            "byte 33 of this one belongs to no character",
        ),
        ("utf-16", b"\xff\xfe{", (422, "BadTextError"), "is marked as UTF-16"),
    ],
)
def test_a_question_in_another_encoding_is_refused_with_a_remedy(url: str, charset: str, body: bytes, wanted: tuple, says: str):
    headers = {"content-type": f"application/json; charset={charset}"}
    answer = CLIENT.post(f"{url}/v1/attention", content=body, headers=headers)

    assert error(validated(answer, "/v1/attention", "post")) == wanted
    assert says in answer.json()["error"]["message"]


def test_a_form_sent_by_another_site_is_refused(url: str):
    answer = CLIENT.post(f"{url}/v1/attention", content=json.dumps(QUESTION), headers={"content-type": "text/plain"})

    assert error(validated(answer, "/v1/attention", "post")) == (415, "ContentTypeError")


async def parse(limits: admission.Admission, request: Request) -> admission.ParsedRequest:
    """Return the parsed request."""
    async with limits.parse(request) as found:
        return found


def test_a_body_is_read_up_to_its_limit_and_no_further(url: str):
    read = []

    async def receive() -> dict:
        read.append(1)
        return {"type": "http.request", "body": b"x" * 65536, "more_body": True}

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", b"application/json")]}
    with pytest.raises(TooLongError, match="A question may have 2,404,096 bytes"):
        asyncio.run(parse(admission.Admission(Settings()), Request(scope, receive)))
    assert len(read) == 37  # 36 parts are 2,359,296 bytes
    long = CLIENT.post(f"{url}/v1/attention", content=b"x" * 2_404_097, headers={"content-type": "application/json"})
    assert error(validated(long, "/v1/attention", "post")) == (413, "TooLongError")


def test_a_body_that_does_not_arrive_in_time_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(admission, "BODY_SECONDS", 0.0)

    async def receive() -> dict:
        await asyncio.sleep(60)
        raise AssertionError

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", b"application/json")]}
    with pytest.raises(NotArrivedError, match="must arrive within 0 s"):
        asyncio.run(parse(admission.Admission(Settings()), Request(scope, receive)))


def test_long_questions_share_a_byte_budget_and_short_ones_are_free(monkeypatch: pytest.MonkeyPatch):
    """Two texts of 60 kB do not fit into 100 kB: neither while one arrives, nor while it is computed."""
    monkeypatch.setattr(admission, "MAX_QUESTION_BYTES", 100_000)
    go, long = threading.Event(), QUESTION | {"text": "x" * 60_000}
    head = f"POST /v1/attention HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nContent-Length: {2**16}\r\n\r\n"
    with (
        running_server(FakeBackend(lambda request: len(request.text) < 100 or go.wait(20))) as url,
        ThreadPoolExecutor(1) as pool,
    ):
        place = httpx.URL(url)
        with socket.create_connection((place.host, place.port)) as line:
            line.sendall(head.encode() + b" " * 65_000)
            wait_until(lambda: error(post(url, long)) == (503, "BusyError"))
            busy = post(url, long)
            assert post(url).status_code == 200
        assert "busy, try again in 1 s: 0 MB of questions are in progress." in busy.json()["error"]["message"]
        assert busy.headers["retry-after"] == "1"
        wait_until(lambda: metric(url, "attnviz_left_total") == 1)
        first = pool.submit(post, url, long)
        wait_until(lambda: metric(url, "attnviz_working") == 1)
        assert error(post(url, long)) == (503, "BusyError")
        go.set()
        assert first.result(20).status_code == 200
        assert post(url, long).status_code == 200


class Large(FakeBackend):
    """A backend whose answers are larger than a chunk and than the buffers of a connection."""

    def attend(self, request: AttentionRequest):
        return replace(one((projections(200, 200, dim=64, seed=len(request.text)),), 200), request=request)


def test_answers_that_are_being_sent_share_a_byte_budget(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(server, "listen", small_send_buffer(server.listen))
    monkeypatch.setattr(server, "MAX_SENDING_BYTES", 2 * server.CHUNK_BYTES)
    body = json.dumps(QUESTION).encode()
    head = f"POST /v1/attention HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with running_server(Large()) as url:
        with slow_client(url) as line:
            line.sendall(head.encode() + body)
            assert line.recv(12) == b"HTTP/1.1 200"
            busy = post(url)
        assert error(busy) == (503, "BusyError")
        assert "0 MB of answers are in progress" in busy.json()["error"]["message"]
        wait_until(lambda: post(url).status_code == 200)
        assert server.CHUNK_BYTES < len(post(url).content) < 2 * server.CHUNK_BYTES


def test_the_longest_allowed_text_fits_however_it_is_escaped(url: str):
    body = json.dumps({"model": "minilm", "text": "\x01" * 199_999 + "x", "text_b": "\x01" * 199_999 + "x"}).encode()
    answer = CLIENT.post(f"{url}/v1/attention", content=body, headers={"content-type": "application/json"}, timeout=30)

    assert answer.status_code == 200


def test_a_command_closes_its_connections(url: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture):
    monkeypatch.setenv("ATTNVIZ_BACKEND", url)
    assert cli.main(["attend", "a", "--layer", "0", "--head", "0"]) == 0
    gc.collect()  # an open socket would be a warning here, and warnings are errors
    assert '"weights"' in capfd.readouterr().out


def test_unknown_paths_and_methods_are_answered_as_json(url: str):
    assert error(CLIENT.get(f"{url}/nowhere")) == (404, "BadInputError")
    wrong = [CLIENT.get(f"{url}/v1/attention"), CLIENT.put(f"{url}/v1/models")]
    assert [error(answer) for answer in wrong] == [(405, "BadInputError")] * 2
    assert [set(answer.headers["allow"].split(", ")) for answer in wrong] == [{"POST"}, {"GET", "HEAD"}]
    assert error(CLIENT.get(f"{url}/../../etc/passwd")) == (404, "BadInputError")


def test_the_description_has_every_path_method_limit_and_kind_of_error(url: str):
    described = CLIENT.get(f"{url}/openapi.json").json()
    routes = {
        (route.path, method.lower())
        for route in server.create_app(FakeBackend(), Settings()).routes
        for method in route.methods
    }

    assert {(path, method) for path, entry in described["paths"].items() for method in entry} == {
        one for one in routes if one[1] != "head"
    }
    assert described == json.loads(json.dumps(DESCRIBED))
    question = described["components"]["schemas"]["Question"]
    assert set(question["properties"]) == {"model", "text", "text_b", "whole"}
    assert question["properties"]["text"]["maxLength"] == 200_000
    assert described["components"]["schemas"]["ErrorDetail"]["properties"]["kind"]["enum"] == sorted(kinds())


def test_without_the_key_only_health_and_description_are_answered():
    with running_server(FakeBackend(), Settings(key=KEY)) as url:
        for given in (
            {},
            {"authorization": "Bearer wrong"},
            {"authorization": f"Basic {KEY}"},
            {"authorization": f"Bearer {KEY}x"},
            {"authorization": KEY},
            {"authorization": f"Bearer{KEY}"},
        ):
            assert error(post(url, headers=given)) == (401, "AccessError")
            assert CLIENT.get(f"{url}/v1/models", headers=given).status_code == 401
            assert CLIENT.get(f"{url}/metrics", headers=given).status_code == 401
        for scheme in ("Bearer", "bearer", "BEARER "):  # not case-sensitive (RFC 9110, 11.1)
            assert post(url, headers={"authorization": f"{scheme} {KEY}"}).status_code == 200
        assert CLIENT.get(f"{url}/metrics", headers={"authorization": f"Bearer {KEY}"}).status_code == 200
        assert [CLIENT.get(f"{url}{path}").status_code for path in ("/healthz", "/readyz", "/openapi.json")] == [200] * 3


def test_an_address_with_too_many_requests_learns_when_to_try_again():
    now = [0.0]
    limits = admission.Admission(Settings(rate=60), lambda: now[0])  # one a second, ten of them at once

    def admit(address: str) -> None:
        limits.admit(Request({"type": "http", "headers": [], "client": (address, 1)}))

    for _ in range(10):
        admit("a")
    with pytest.raises(admission.RateError, match=r"may send 60 requests a minute\. Try again in 1 s\."):
        admit("a")
    admit("b")
    now[0] = 2.0
    admit("a")
    admit("a")
    with pytest.raises(admission.RateError) as error:
        admit("a")
    assert error.value.retry_after == 1


def test_requests_beyond_the_queue_are_refused_and_the_others_are_answered():
    go = threading.Event()
    with (
        running_server(FakeBackend(lambda _: go.wait(20)), Settings(at_once=1, waiting=8)) as url,
        ThreadPoolExecutor(3) as pool,
    ):
        first = pool.submit(post, url, QUESTION | {"text": "1"})
        wait_until(lambda: metric(url, "attnviz_working") == 1)
        waiting = [pool.submit(post, url, QUESTION | {"text": text}) for text in "23"]
        wait_until(lambda: metric(url, "attnviz_waiting") == 2)
        answer = post(url, QUESTION | {"text": "4"})  # one client may fill a quarter of the queue
        go.set()

        assert error(answer) == (503, "BusyError")
        assert int(answer.headers["retry-after"]) == answer.json()["error"]["retry_after"] >= 1
        assert [one.result(20).status_code for one in (first, *waiting)] == [200] * 3
        assert post(url, QUESTION | {"text": "4"}).status_code == 200


@pytest.mark.parametrize(("key", "waiting"), [("", 2), (KEY, 3)])
def test_the_user_named_by_a_front_end_is_trusted_only_with_the_key(key: str, waiting: int):
    go = threading.Event()

    def ask(name: str) -> Future[httpx.Response]:
        headers = {"authorization": f"Bearer {KEY}", "x-attnviz-client": name}
        return pool.submit(post, url, QUESTION | {"text": name}, headers=headers)

    def there() -> tuple[bool, int]:
        text = CLIENT.get(f"{url}/metrics", headers={"authorization": f"Bearer {KEY}"}).text
        return f"\nattnviz_waiting {float(waiting)}\n" in text, sum(one.done() for one in asked)

    with (
        running_server(FakeBackend(lambda _: go.wait(20)), Settings(at_once=1, waiting=8, key=key)) as url,
        ThreadPoolExecutor(4) as pool,
    ):
        asked = [ask(name) for name in "abcd"]  # one is worked on; a quarter of the queue is two
        wait_until(lambda: there() == (True, 3 - waiting))
        go.set()
        statuses = [one.result(20).status_code for one in asked]

    assert sorted(statuses) == [200] * (waiting + 1) + [503] * (3 - waiting)


def test_a_client_that_disconnects_frees_its_place_in_the_queue():
    go, started = threading.Event(), threading.Event()

    def wait(_: AttentionRequest) -> None:
        started.set()
        assert go.wait(20)

    with running_server(FakeBackend(wait), Settings(at_once=1, waiting=8)) as url, ThreadPoolExecutor(1) as pool:
        first = pool.submit(post, url)
        assert started.wait(20)
        with pytest.raises(httpx.ReadTimeout):
            CLIENT.post(f"{url}/v1/attention", json=QUESTION | {"text": "2"}, timeout=0.2)
        wait_until(lambda: metric(url, "attnviz_waiting") == 0)
        assert metric(url, "attnviz_left_total") == 1
        go.set()
        assert first.result(20).status_code == 200


def test_the_same_question_of_many_clients_is_computed_once():
    go, asked = threading.Event(), []

    def wait(request: AttentionRequest) -> None:
        asked.append(request)
        assert go.wait(20)

    with running_server(FakeBackend(wait), Settings(at_once=2)) as url, ThreadPoolExecutor(6) as pool:
        answers = [pool.submit(post, url) for _ in range(6)]
        wait_until(lambda: metric(url, "attnviz_sharing") == 5)
        assert (metric(url, "attnviz_working"), metric(url, "attnviz_waiting")) == (1, 0)
        go.set()
        found = {answer.result(20).content for answer in answers}

        assert (len(found), len(asked)) == (1, 1)
        post(url)
        assert len(asked) == 1
        assert metric(url, "attnviz_answers_kept_total") >= 1


def test_a_request_for_what_is_in_progress_takes_no_slot_and_may_disconnect():
    gates = {text: threading.Event() for text in ("one", "two", "same")}

    def wait(request: AttentionRequest) -> None:
        if request.text in gates:
            assert gates[request.text].wait(20)

    def ask(text: str) -> Future[httpx.Response]:
        return pool.submit(post, url, {"model": "minilm", "text": text})

    with running_server(FakeBackend(wait), Settings(at_once=2, waiting=16)) as url, ThreadPoolExecutor(6) as pool:
        first = [ask("one"), ask("two")]
        wait_until(lambda: metric(url, "attnviz_working") == 2)
        waiting = [ask("same"), ask("same")]  # not in progress yet: each waits for a slot of its own
        wait_until(lambda: metric(url, "attnviz_waiting") == 2)
        gates["one"].set()
        gates["two"].set()
        wait_until(lambda: (metric(url, "attnviz_working"), metric(url, "attnviz_sharing")) == (1, 1))
        with pytest.raises(httpx.ReadTimeout):
            CLIENT.post(f"{url}/v1/attention", json={"model": "minilm", "text": "same"}, timeout=0.2)
        wait_until(lambda: metric(url, "attnviz_sharing") == 1)
        assert ask("another").result(5).status_code == 200, "the second slot is free"
        gates["same"].set()
        assert [one.result(20).status_code for one in (*first, *waiting)] == [200] * 4


def test_where_the_first_client_disconnects_another_with_the_same_question_is_answered():
    go, asked = threading.Event(), []

    def wait(request: AttentionRequest) -> None:
        asked.append(request)
        while not go.wait(0.005):
            scheduler.check_cancelled()

    with running_server(FakeBackend(wait), Settings(at_once=2)) as url, ThreadPoolExecutor(2) as pool:
        leaves = pool.submit(CLIENT.post, f"{url}/v1/attention", json=QUESTION, timeout=0.3)
        wait_until(lambda: metric(url, "attnviz_working") == 1)
        stays = pool.submit(post, url)
        with pytest.raises(httpx.ReadTimeout):
            leaves.result(20)
        wait_until(lambda: len(asked) == 2)
        assert (metric(url, "attnviz_working"), metric(url, "attnviz_sharing")) == (1, 0)
        go.set()
        assert stays.result(20).status_code == 200


@pytest.mark.slow
def test_the_deadline_of_the_first_request_is_not_that_of_the_next():
    go, asked = threading.Event(), []

    def wait(request: AttentionRequest) -> None:
        asked.append(request)
        while not go.wait(0.005):
            scheduler.check_cancelled()

    with running_server(FakeBackend(wait), Settings(at_once=2, seconds=1)) as url, ThreadPoolExecutor(2) as pool:
        first = pool.submit(post, url)
        wait_until(lambda: metric(url, "attnviz_working") == 1)
        time.sleep(0.5)
        second = pool.submit(post, url)
        assert error(first.result(20)) == (504, "LateError")
        wait_until(lambda: len(asked) == 2)
        go.set()
        assert second.result(20).status_code == 200


@pytest.mark.slow
def test_texts_of_two_users_never_mix():
    with running_server(FakeBackend(), Settings(at_once=4)) as url, ThreadPoolExecutor(8) as pool:
        texts = [f"text {n}" * (1 + n % 3) for n in range(30)]
        for text, answer in zip(texts, pool.map(lambda text: post(url, {"model": "minilm", "text": text}), texts), strict=True):
            trace = wire.loads(answer.content)
            assert trace.request == AttentionRequest("minilm", text)
            assert np.array_equal(trace.weights(1), FakeBackend().attend(trace.request).weights(1))


class Loading(FakeBackend):
    """A backend whose second model loads slowly."""

    def __init__(self) -> None:
        super().__init__()
        self.go, self.asked, self.there = threading.Event(), [], {"minilm"}

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(is_loaded=self.there.__contains__, prepare=self.prepare)

    def prepare(self, request: AttentionRequest) -> None:
        catalog.card(request.model)
        self.asked.append(request.model)
        assert self.go.wait(20)
        self.there.add(request.model)


def test_a_model_is_loaded_once_and_delays_no_other_model():
    backend = Loading()
    with running_server(backend, Settings(at_once=1)) as url, ThreadPoolExecutor(3) as pool:
        late = [pool.submit(post, url, {"model": "smollm2", "text": str(n)}) for n in range(3)]
        wait_until(lambda: backend.asked == ["smollm2"])

        assert post(url).status_code == 200
        assert error(post(url, {"model": "no-such", "text": "a"})) == (404, "UnknownModelError")
        backend.go.set()
        assert [one.result(20).status_code for one in late] == [200] * 3
        assert backend.asked == ["smollm2"]


def test_a_local_model_does_not_wait_for_downloads():
    class Placing(Loading):
        """The hub hangs; minilm is on this machine, and in memory after its first use."""

        @property
        def capabilities(self) -> Capabilities:
            return replace(super().capabilities, has_weights=lambda name: name == "minilm")

        def prepare(self, request: AttentionRequest) -> None:
            if request.model == "minilm":
                self.there.add(request.model)
            else:
                super().prepare(request)

    backend = Placing()
    backend.there.clear()
    away = [card.id for card in catalog.cards() if card.id != "minilm"][: responder.FETCHERS + 2]
    with running_server(backend, warm=away[:1]) as url, ThreadPoolExecutor(len(away)) as pool:
        late = [pool.submit(post, url, {"model": name, "text": "a"}) for name in away]
        wait_until(lambda: len(backend.asked) >= responder.LOADERS)

        assert CLIENT.post(f"{url}/v1/attention", json=QUESTION, timeout=5).status_code == 200
        assert len(backend.asked) <= responder.FETCHERS, "simultaneous downloads are bounded"
        backend.go.set()
        assert [one.result(20).status_code for one in late] == [200] * len(away)


def test_the_server_is_ready_when_all_its_models_are_loaded():
    go = threading.Event()

    def wait(request: AttentionRequest) -> None:
        assert go.wait(20)
        if request.model == "gpt2":
            raise UnavailableError("Its weights are not here.")

    backend = FakeBackend(wait)
    with running_server(backend, warm=("minilm", "smollm2")) as url:
        answer = validated(CLIENT.get(f"{url}/readyz"), "/readyz")
        assert (answer.status_code, answer.json()["loading"]) == (503, ["minilm", "smollm2"])
        go.set()
        wait_until(lambda: validated(CLIENT.get(f"{url}/readyz"), "/readyz").status_code == 200)
    assert backend.closed == 1
    with running_server(FakeBackend(wait), warm=("gpt2",)) as url:
        wait_until(lambda: CLIENT.get(f"{url}/readyz").json()["failed"] == {"gpt2": "UnavailableError"})
        assert CLIENT.get(f"{url}/readyz").status_code == 503


def test_a_full_disk_is_a_server_error_that_names_no_folder():
    def write(_: AttentionRequest) -> None:
        raise OutputError("The weights cannot be kept in /srv/own (No space left on device).")

    with running_server(FakeBackend(write)) as url:
        answer = post(url)
    assert (error(answer), answer.headers["retry-after"]) == ((503, "DiskError"), "60")
    assert answer.json()["error"]["retry_after"] == 60
    assert "disk" in answer.text
    assert "/srv" not in answer.text


def test_a_model_that_could_not_be_loaded_is_tried_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(server, "FIRST_RETRY_SECONDS", 0.05)
    room, attempts = threading.Event(), []

    def write(_: AttentionRequest) -> None:
        attempts.append(1)
        if not room.is_set():
            raise OutputError("The disk is full. Make room.")

    with running_server(FakeBackend(write), warm=("minilm",)) as url:
        wait_until(lambda: len(attempts) >= 2)
        answer = validated(CLIENT.get(f"{url}/readyz"), "/readyz")
        assert (answer.status_code, answer.json()) == (
            503,
            {"ready": False, "loading": [], "failed": {"minilm": "OutputError"}},
        )
        room.set()
        wait_until(lambda: CLIENT.get(f"{url}/readyz").json() == {"ready": True, "loading": [], "failed": {}})
        so_far = len(attempts)
        assert CLIENT.get(f"{url}/readyz").status_code == 200
        assert len(attempts) == so_far


@pytest.mark.slow
def test_an_answer_that_misses_its_deadline_is_an_error():
    go = threading.Event()
    with running_server(FakeBackend(lambda _: go.wait(20)), Settings(seconds=1)) as url:
        assert error(post(url)) == (504, "LateError")
        go.set()


def test_a_bug_is_answered_without_its_message_and_logged_with_the_request_id(caplog: pytest.LogCaptureFixture):
    def fail(_: AttentionRequest) -> None:
        raise RuntimeError(SECRET)

    with running_server(FakeBackend(fail)) as url, caplog.at_level(logging.INFO, "attnviz.server.app"):
        answer = CLIENT.post(f"{url}/v1/attention", json=QUESTION, headers={"x-request-id": "lesson-3"})

    assert error(answer) == (500, "BackendError")
    assert "lesson-3" in answer.json()["error"]["message"]
    assert answer.headers["x-request-id"] == "lesson-3"
    lines = [json.loads(JsonFormatter().format(record)) for record in caplog.records]
    (fault,) = (line for line in lines if line["event"] == "fault")
    assert (fault["id"], fault["error"]) == ("lesson-3", "RuntimeError")
    assert any(place.startswith("test_server.py:") for place in fault["stack"])
    assert SECRET not in json.dumps(lines)


def test_an_exception_in_the_arguments_of_a_log_message_is_redacted():
    def line(name: str, text: str, *args: object) -> str:
        return JsonFormatter().format(logging.LogRecord(name, logging.ERROR, "", 0, text, args, None))

    assert (
        json.loads(line("uvicorn.error", "failed: %s", ValueError(SECRET)))["event"] == "failed: ValueError at unknown location"
    )
    assert json.loads(line("asyncio", f"never retrieved\nfuture: {SECRET}"))["event"] == "never retrieved"


def test_no_text_of_a_user_is_in_the_log(url: str, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.DEBUG):
        post(url, {"model": "minilm", "text": SECRET})
        post(url, {"model": SECRET, "text": SECRET})
        post(url, {"model": "minilm", "text": SECRET, SECRET: 1})
        CLIENT.get(f"{url}/{SECRET.replace(' ', '-')}")
        CLIENT.get(f"{url}/healthz", headers={"x-request-id": SECRET})
        wait_until(lambda: sum(record.getMessage() == "request" for record in caplog.records) >= 5)
    ours = [record for record in caplog.records if record.name in ("attnviz.server.app", "uvicorn.error")]
    lines = [JsonFormatter().format(record) for record in ours]

    assert len(lines) >= 5
    assert not [line for line in lines if "secret" in line]
    first = json.loads(lines[0])
    assert (first["route"], first["status"], first["model"]) == ("/v1/attention", 200, "minilm")
    assert first["seconds"] >= first["compute_seconds"] >= 0
    assert "secret" not in CLIENT.get(f"{url}/metrics").text


def test_metrics_are_as_prometheus_reads_them():
    with running_server(FakeBackend()) as url:
        post(url)
        post(url)
        post(url, {"model": "no-such", "text": "a"})
        text = validated(CLIENT.get(f"{url}/metrics"), "/metrics").text

    families = {family.name: family for family in text_string_to_metric_families(text)}
    samples = {(one.name, *one.labels.values()): one.value for family in families.values() for one in family.samples}
    assert {name: family.type for name, family in families.items()} == METRICS
    assert samples["attnviz_requests_total", "/v1/attention", "200"] == 2
    assert samples["attnviz_requests_total", "/v1/attention", "404"] == 1
    assert samples["attnviz_errors_total", "UnknownModelError"] == 1
    assert samples["attnviz_answers_kept_total",] == 1
    assert samples["attnviz_seconds_count", "work"] == 1 + 1  # of the first and the third; the second came from memory
    assert samples["attnviz_seconds_bucket", "+Inf", "all"] == 3
    edges = re.findall(r'attnviz_seconds_bucket\{le="(.+)",stage="all"\}', text)
    assert edges == "0.005 0.01 0.025 0.05 0.1 0.25 0.5 1.0 2.5 5.0 10.0 30.0 60.0 +Inf".split()


def test_the_second_write_of_an_answer_does_not_wait_for_an_acknowledgement():
    found = server.listen("127.0.0.1", 0)
    with found, socket.create_connection(found.getsockname()):
        accepted, _ = found.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_port_in_use_is_refused_with_a_remedy(capsys: pytest.CaptureFixture[str]):
    taken = server.listen("127.0.0.1", 0)
    port = taken.getsockname()[1]
    with taken:
        with pytest.raises(
            BadInputError, match=rf"127\.0\.0\.1 port {port} cannot be listened on \(Address already in use\)\. "
        ):
            server.listen("127.0.0.1", port)
        assert cli.main(["serve", "--port", str(port)]) == 2
    assert capsys.readouterr().err.startswith(f"attnviz: 127.0.0.1 port {port} cannot be listened on")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--port", "65536"], "--port is a whole number from 0 to 65535"),
        (["--host", "no.such.host.invalid"], "cannot be listened on"),
        (["--warm", "minilm,no-such"], "There is no model 'no-such'"),
    ],
)
def test_invalid_options_are_refused_with_a_remedy(options: list[str], message: str, capsys: pytest.CaptureFixture[str]):
    assert cli.main(["serve", *options]) == 2
    assert message in capsys.readouterr().err


def test_a_server_over_another_server_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setenv("ATTNVIZ_BACKEND", "http://127.0.0.1:1")
    assert cli.main(["serve"]) == 2
    assert "Unset it where the server runs" in capsys.readouterr().err


@pytest.mark.slow
def test_the_command_serves_until_it_is_stopped_and_shuts_down_cleanly(tmp_path: Path):
    place = str(Path(__file__).parents[2] / ".cache")
    environment = {"PATH": os.environ["PATH"], "ATTNVIZ_CACHE_DIR": place, "ATTNVIZ_KEY": KEY, "ATTNVIZ_OFFLINE": "1"}
    options = ["serve", "--port", "0", "--warm", "minilm"]
    with (tmp_path / "log").open("wb") as out:
        running = subprocess.Popen([sys.executable, "-m", "attnviz", *options], stderr=out, stdout=out, env=environment)
    try:
        wait_until(lambda: "(Ctrl+C stops it)" in (tmp_path / "log").read_text(), 60.0)
        url = re.search(r"http://127\.0\.0\.1:\d+", (tmp_path / "log").read_text())[0]
        wait_until(lambda: _status(f"{url}/readyz") == 200, 60.0)
        assert _status(f"{url}/{SECRET.replace(' ', '-')}") == 404
        answer = post(url, {"model": "minilm", "text": SECRET}, headers={"authorization": f"Bearer {KEY}"})
        assert wire.loads(answer.content).layers == 6
        running.send_signal(signal.SIGTERM)
        assert running.wait(20) in (0, -signal.SIGTERM)
    finally:
        running.kill()
        running.wait()
    lines = (tmp_path / "log").read_text().splitlines()
    assert [json.loads(line)["event"] for line in lines[1:]][-1].startswith("Finished")
    assert "stopped" in [json.loads(line)["event"] for line in lines[1:]]
    assert not [line for line in lines if "secret" in line or KEY in line]


def _status(url: str) -> int:
    """Return the status of an answer, 0 while there is none."""
    try:
        return CLIENT.get(url).status_code
    except httpx.TransportError:
        return 0
