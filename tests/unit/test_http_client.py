"""Requests to a server are retried, later each time, given up in time, and raise the server's own errors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import pytest

from attnviz.backends.circuit_breaker import CircuitBreaker
from attnviz.backends.http_client import HttpClient, HttpRequest
from attnviz.errors import AttnvizError, BackendError, BusyError, LateError, RateError, TooLongError, kinds

NAME = "http://127.0.0.1:8600"


class Server:
    """Gives the answers one after the other; its time passes only in `sleep`."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers, self.asked, self.slept, self.now = list(answers), 0, [], 1000.0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, stream=httpx.ByteStream(answer.content))

    async def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        self.now += seconds

    def http_client(self) -> HttpClient:
        client = httpx.AsyncClient(base_url=NAME, transport=httpx.MockTransport(self))
        return HttpClient(client, NAME, lambda: self.now, self.sleep, lambda: 0.5)

    def ask(self, seconds: float = 60.0, attempts: int = 4) -> bytes:
        """One question of a new client."""
        return asyncio.run(self.http_client().request(question(seconds, attempts)))


def question(seconds: float = 60.0, attempts: int = 4, bypass_pool: bool = False) -> HttpRequest:
    """A request whose answer may have 1,000 bytes."""
    return HttpRequest("v1/attention", b"{}", 1000, seconds, {}, attempts, bypass_pool)


def error_answer(status: int, kind: str, message: str, **more: object) -> httpx.Response:
    """An error as a server of ours sends it."""
    return httpx.Response(status, content=json.dumps({"error": {"kind": kind, "message": message, **more}}))


GONE = httpx.ConnectError("refused")
CUT = httpx.RemoteProtocolError("peer closed connection")
GOOD = httpx.Response(200, content=b"good")


def test_a_request_that_fails_on_the_way_is_sent_again_later_each_time():
    server = Server(GONE, CUT, httpx.ReadError("reset"), GOOD)

    assert server.ask() == b"good"
    assert server.slept == [0.1, 0.4, 1.6]


def test_after_four_attempts_the_error_says_why_and_what_to_do():
    server = Server(GONE)

    with pytest.raises(
        BackendError, match=r"The backend http://127\.0\.0\.1:8600 does not answer \(no server listens there\)\. Start"
    ):
        server.ask()
    assert server.asked == 4


def test_a_proxy_that_cannot_reach_it_counts_as_no_answer():
    server = Server(httpx.Response(502, text="<html>Bad Gateway</html>"), GOOD)

    assert server.ask() == b"good"


def test_a_request_to_a_busy_server_is_repeated_when_the_server_says_if_that_is_soon():
    server = Server(
        error_answer(503, "BusyError", "Busy.", retry_after=2), httpx.Response(503, headers={"retry-after": "3"}), GOOD
    )

    assert server.ask() == b"good"
    assert server.slept == [2.0, 3.0]


@pytest.mark.parametrize(
    "answer",
    [
        error_answer(503, "BusyError", "The models are busy, try again in 30 s: 3 wait.", retry_after=30),
        httpx.Response(503, headers={"retry-after": "30"}, text="Service Unavailable"),
    ],
)
def test_a_server_that_is_busy_for_longer_is_an_error(answer: httpx.Response):
    server = Server(answer)

    with pytest.raises(BusyError, match="busy, try again in 30 s") as error:
        server.ask()
    assert (server.asked, error.value.retry_after) == (1, 30)


@pytest.mark.parametrize("kind", kinds())
def test_each_error_of_the_server_is_raised_with_its_kind_and_message(kind: str):
    with pytest.raises(AttnvizError, match=r"^rule, value, remedy: 你好 \?$") as error:
        Server(error_answer(422, kind, "rule, value, remedy: 你好 \ud800", retry_after=9)).ask()

    assert type(error.value) is kinds()[kind]


def test_a_wrong_request_is_not_repeated():
    server = Server(error_answer(413, "TooLongError", "Shorten it."))

    with pytest.raises(TooLongError, match=r"^Shorten it\.$"):
        server.ask()
    assert server.asked == 1


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404, text="<html>"),
        httpx.Response(301, headers={"location": "http://elsewhere/"}),
        httpx.Response(500, text="Internal Server Error"),
        httpx.Response(400, content=b"[" * 60_000),
        httpx.Response(400, json={"error": {"kind": 5, "message": "no"}}),
        httpx.Response(400, json={"error": "no"}),
        error_answer(400, "SystemExit", "no"),
    ],
)
def test_an_answer_of_another_server_is_an_error_and_no_redirect_is_followed(answer: httpx.Response):
    server = Server(answer)

    with pytest.raises(BackendError, match=r"^no$|answers \d{3}, as no attnviz backend does"):
        server.ask()
    assert server.asked == 1


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, content=b"x" * 1001),
        httpx.Response(200, headers={"content-length": "9" * 30}),
        httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"x")),
    ],
)
def test_an_answer_that_is_too_large_is_not_read(answer: httpx.Response):
    class Fixed(Server):
        async def __call__(self, request: httpx.Request) -> httpx.Response:
            self.asked += 1
            return answer

    with pytest.raises(BackendError, match=r"its answer may have 1,000 bytes"):
        Fixed(answer).ask(attempts=1)


def test_no_retry_is_made_after_the_deadline():
    server = Server(GONE)

    with pytest.raises(LateError, match="has not answered within 1 s"):
        server.ask(seconds=1.0)
    assert server.slept == [0.1, 0.4]


def test_a_server_that_does_not_answer_in_time_is_an_error():
    class Slow(Server):
        async def __call__(self, request: httpx.Request) -> httpx.Response:
            await asyncio.sleep(30)
            raise AssertionError

    with pytest.raises(LateError, match="has not answered within 0 s"):
        Slow().ask(seconds=0.05)


def test_a_server_that_sends_byte_by_byte_is_an_error_in_time():
    async def drops():
        while True:
            yield b"x"
            await asyncio.sleep(0.01)

    class Dripping(Server):
        async def __call__(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, content=drops())

    with pytest.raises(LateError, match="has not answered"):
        Dripping().ask(seconds=0.1)


def run(body: Callable[[HttpClient], Coroutine[Any, Any, None]], server: Server) -> None:
    """Several questions of one client."""
    asyncio.run(body(server.http_client()))


def test_after_five_failures_requests_fail_at_once_until_one_succeeds():
    server = Server(GONE)

    async def body(http: HttpClient) -> None:
        for _ in range(5):
            with pytest.raises(BackendError, match="no server listens there"):
                await http.request(question(attempts=1))
        with pytest.raises(BackendError, match="It is tried again in 1 s"):
            await http.request(question(attempts=1))
        assert server.asked == 5
        server.now += 1.01
        with pytest.raises(BackendError, match="no server listens there"):
            await http.request(question(attempts=1))
        with pytest.raises(BackendError, match="It is tried again"):
            await http.request(question(attempts=1))
        assert server.asked == 6
        server.now += 1.01
        server.answers = [GOOD]
        assert [await http.request(question()) for _ in range(3)] == [b"good"] * 3

    run(body, server)


def test_an_error_of_the_server_is_no_failure_for_the_breaker():
    server = Server(error_answer(404, "UnknownModelError", "There is none."))

    async def body(http: HttpClient) -> None:
        for _ in range(9):
            with pytest.raises(AttnvizError, match="There is none"):
                await http.request(question())
        assert http.breaker.failures == 0

    run(body, server)


class Slow(Server):
    """Answers later than any deadline."""

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        await asyncio.sleep(30)
        raise AssertionError


def test_a_late_request_that_bypasses_the_pool_is_no_failure():
    async def body(http: HttpClient) -> None:
        for _ in range(6):
            with pytest.raises(LateError):
                await http.request(question(0.01, bypass_pool=True))
        assert http.breaker.failures == 0
        for _ in range(5):
            with pytest.raises(LateError):
                await http.request(question(0.01))
        assert http.breaker.failures == 5

    run(body, Slow())


def test_without_a_free_connection_a_request_is_busy_unless_it_bypasses_the_pool():
    server = Slow()

    async def body(http: HttpClient) -> None:
        async with asyncio.TaskGroup() as group:
            taken = [group.create_task(http.request(question())) for _ in range(16)]
            while server.asked < 16:
                await asyncio.sleep(0)
            with pytest.raises(BusyError, match="busy, try again in 1 s: 16 requests are running"):
                await http.request(question(0.01))
            assert (server.asked, http.breaker.failures) == (16, 0)
            with pytest.raises(LateError):
                await http.request(question(0.01, bypass_pool=True))
            assert server.asked == 17
            for task in taken:
                task.cancel()

    run(body, server)


def trial() -> tuple[CircuitBreaker, list[float]]:
    """The breaker of a server that failed five times, while a trial runs; and its clock."""
    now = [0.0]
    breaker = CircuitBreaker("it", lambda: now[0])
    for _ in range(5):
        breaker.record_failure()
    now[0] = 1.1
    breaker.check()
    return breaker, now


def test_a_late_trial_is_one_more_failure():
    breaker, _ = trial()
    breaker.record_late()
    with pytest.raises(BackendError, match="tried again in 1 s"):
        breaker.check()


def test_of_many_requests_one_tries_for_all():
    now = [0.0]
    breaker = CircuitBreaker("it", lambda: now[0])
    for _ in range(5):
        breaker.check()
        breaker.record_failure()
    now[0] = 1.1

    breaker.check()
    with pytest.raises(BackendError):
        breaker.check()
    breaker.abandon()  # the one that tried left
    breaker.check()
    breaker.record_success()
    breaker.check()
    breaker.check()


def test_where_a_trial_gets_no_answer_another_request_tries():
    breaker, now = trial()
    now[0] = 6.0  # 4.9 s later
    with pytest.raises(BackendError):
        breaker.check()
    now[0] = 6.2
    breaker.check()
    with pytest.raises(BackendError):
        breaker.check()


def test_a_rate_error_has_its_wait():
    with pytest.raises(RateError) as error:
        Server(
            httpx.Response(429, content=json.dumps({"error": {"kind": "RateError", "message": "Often.", "retry_after": 7}}))
        ).ask()
    assert error.value.retry_after == 7
