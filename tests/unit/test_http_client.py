"""Asking a server: tried again, later each time; given up in time; the server's own errors by kind and text."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import httpx
import pytest

from attnviz.backends.circuit_breaker import Breaker
from attnviz.backends.http_client import Exchange, Question
from attnviz.errors import AttnvizError, BackendError, BusyError, LateError, RateError, TooLongError, kinds

NAME = "http://127.0.0.1:8600"


class Server:
    """Answers in turn as it is told, and time that only passes while somebody sleeps."""

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

    def exchange(self) -> Exchange:
        client = httpx.AsyncClient(base_url=NAME, transport=httpx.MockTransport(self))
        return Exchange(client, NAME, lambda: self.now, self.sleep, lambda: 0.5)

    def ask(self, seconds: float = 60.0, tries: int = 4) -> bytes:
        """One question of a new exchange."""
        return asyncio.run(self.exchange().ask(question(seconds, tries)))


def question(seconds: float = 60.0, tries: int = 4, aside: bool = False) -> Question:
    """A question to which 1,000 bytes may be answered."""
    return Question("v1/attention", b"{}", 1000, seconds, {}, tries, aside)


def told(status: int, kind: str, message: str, **more: object) -> httpx.Response:
    """An error as a server of ours tells it."""
    return httpx.Response(status, content=json.dumps({"error": {"kind": kind, "message": message, **more}}))


GONE = httpx.ConnectError("refused")
CUT = httpx.RemoteProtocolError("peer closed connection")
GOOD = httpx.Response(200, content=b"good")


def test_what_fails_on_the_way_is_asked_again_later_each_time():
    server = Server(GONE, CUT, httpx.ReadError("reset"), GOOD)

    assert server.ask() == b"good"
    assert server.slept == [0.1, 0.4, 1.6]


def test_after_four_tries_a_reader_is_told_why_and_what_to_do():
    server = Server(GONE)

    with pytest.raises(
        BackendError, match=r"The backend http://127\.0\.0\.1:8600 does not answer \(nobody listens there\)\. Start"
    ):
        server.ask()
    assert server.asked == 4


def test_a_proxy_that_cannot_reach_it_counts_as_no_answer():
    server = Server(httpx.Response(502, text="<html>Bad Gateway</html>"), GOOD)

    assert server.ask() == b"good"


def test_a_busy_server_is_asked_again_when_it_says_if_that_is_soon():
    server = Server(told(503, "BusyError", "Busy.", retry_after=2), httpx.Response(503, headers={"retry-after": "3"}), GOOD)

    assert server.ask() == b"good"
    assert server.slept == [2.0, 3.0]


@pytest.mark.parametrize(
    "answer",
    [
        told(503, "BusyError", "The models are busy, try again in 30 s: 3 wait.", retry_after=30),
        httpx.Response(503, headers={"retry-after": "30"}, text="Service Unavailable"),
    ],
)
def test_of_a_server_that_is_busy_for_longer_the_reader_is_told(answer: httpx.Response):
    server = Server(answer)

    with pytest.raises(BusyError, match="busy, try again in 30 s") as error:
        server.ask()
    assert (server.asked, error.value.retry_after) == (1, 30)


@pytest.mark.parametrize("kind", kinds())
def test_every_error_of_the_server_is_raised_here_by_its_kind_and_in_its_words(kind: str):
    with pytest.raises(AttnvizError, match=r"^rule, value, remedy: 你好 \?$") as error:
        Server(told(422, kind, "rule, value, remedy: 你好 \ud800", retry_after=9)).ask()

    assert type(error.value) is kinds()[kind]


def test_what_is_wrong_is_not_asked_twice():
    server = Server(told(413, "TooLongError", "Shorten it."))

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
        told(400, "SystemExit", "no"),
    ],
)
def test_what_is_no_backend_of_ours_is_told_and_followed_nowhere(answer: httpx.Response):
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
def test_an_answer_that_is_larger_than_any_can_be_is_not_read(answer: httpx.Response):
    class Fixed(Server):
        async def __call__(self, request: httpx.Request) -> httpx.Response:
            self.asked += 1
            return answer

    with pytest.raises(BackendError, match=r"its answer may have 1,000 bytes"):
        Fixed(answer).ask(tries=1)


def test_a_retry_that_would_come_too_late_is_not_waited_for():
    server = Server(GONE)

    with pytest.raises(LateError, match="has not answered within 1 s"):
        server.ask(seconds=1.0)
    assert server.slept == [0.1, 0.4]


def test_a_server_that_does_not_answer_in_time_is_given_up():
    class Slow(Server):
        async def __call__(self, request: httpx.Request) -> httpx.Response:
            await asyncio.sleep(30)
            raise AssertionError

    with pytest.raises(LateError, match="has not answered within 0 s"):
        Slow().ask(seconds=0.05)


def test_a_server_that_sends_drop_by_drop_is_given_up_too():
    async def drops():
        while True:
            yield b"x"
            await asyncio.sleep(0.01)

    class Dripping(Server):
        async def __call__(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, content=drops())

    with pytest.raises(LateError, match="has not answered"):
        Dripping().ask(seconds=0.1)


def run(body: Callable[[Exchange], object], server: Server) -> None:
    """Several questions of one exchange."""
    asyncio.run(body(server.exchange()))  # type: ignore[arg-type]


def test_after_five_failures_nobody_waits_for_a_backend_that_is_down_and_one_finds_out_that_it_is_back():
    server = Server(GONE)

    async def body(exchange: Exchange) -> None:
        for _ in range(5):
            with pytest.raises(BackendError, match="nobody listens there"):
                await exchange.ask(question(tries=1))
        with pytest.raises(BackendError, match="It is tried again in 1 s"):
            await exchange.ask(question(tries=1))
        assert server.asked == 5
        server.now += 1.01
        with pytest.raises(BackendError, match="nobody listens there"):
            await exchange.ask(question(tries=1))
        with pytest.raises(BackendError, match="It is tried again"):
            await exchange.ask(question(tries=1))
        assert server.asked == 6
        server.now += 1.01
        server.answers = [GOOD]
        assert [await exchange.ask(question()) for _ in range(3)] == [b"good"] * 3

    run(body, server)


def test_an_error_that_the_server_tells_is_no_failure_of_the_line():
    server = Server(told(404, "UnknownModelError", "There is none."))

    async def body(exchange: Exchange) -> None:
        for _ in range(9):
            with pytest.raises(AttnvizError, match="There is none"):
                await exchange.ask(question())
        assert exchange.breaker.failures == 0

    run(body, server)


class Slow(Server):
    """Does not answer before anybody gives up."""

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        await asyncio.sleep(30)
        raise AssertionError


def test_what_is_asked_aside_may_be_late_without_a_word_against_the_server():
    async def body(exchange: Exchange) -> None:
        for _ in range(6):
            with pytest.raises(LateError):
                await exchange.ask(question(0.01, aside=True))
        assert exchange.breaker.failures == 0
        for _ in range(5):
            with pytest.raises(LateError):
                await exchange.ask(question(0.01))
        assert exchange.breaker.failures == 5

    run(body, Slow())


def test_who_finds_no_free_line_is_told_that_it_is_busy_here_and_what_is_asked_aside_needs_none():
    server = Slow()

    async def body(exchange: Exchange) -> None:
        async with asyncio.TaskGroup() as group:
            taken = [group.create_task(exchange.ask(question())) for _ in range(16)]
            while server.asked < 16:
                await asyncio.sleep(0)
            with pytest.raises(BusyError, match="busy, try again in 1 s: 16 questions are under way"):
                await exchange.ask(question(0.01))
            assert (server.asked, exchange.breaker.failures) == (16, 0)
            with pytest.raises(LateError):
                await exchange.ask(question(0.01, aside=True))
            assert server.asked == 17
            for task in taken:
                task.cancel()

    run(body, server)


def tried_again() -> tuple[Breaker, list[float]]:
    """The breaker of a server that failed five times, when one who asks tries whether it is back; and its clock."""
    now = [0.0]
    breaker = Breaker("it", lambda: now[0])
    for _ in range(5):
        breaker.failed()
    now[0] = 1.1
    breaker.may()
    return breaker, now


def test_of_a_server_that_is_down_a_late_answer_to_who_tries_is_one_more_failure():
    breaker, _ = tried_again()
    breaker.late()
    with pytest.raises(BackendError, match="tried again in 1 s"):
        breaker.may()


def test_of_many_who_ask_one_tries_for_all():
    now = [0.0]
    breaker = Breaker("it", lambda: now[0])
    for _ in range(5):
        breaker.may()
        breaker.failed()
    now[0] = 1.1

    breaker.may()
    with pytest.raises(BackendError):
        breaker.may()
    breaker.stopped()  # the one who tried left
    breaker.may()
    breaker.worked()
    breaker.may()
    breaker.may()


def test_where_the_one_who_tries_hears_nothing_another_one_tries():
    breaker, now = tried_again()
    now[0] = 6.0  # 4.9 s later
    with pytest.raises(BackendError):
        breaker.may()
    now[0] = 6.2
    breaker.may()
    with pytest.raises(BackendError):
        breaker.may()


def test_a_rate_is_told_with_its_wait():
    with pytest.raises(RateError) as error:
        Server(
            httpx.Response(429, content=json.dumps({"error": {"kind": "RateError", "message": "Often.", "retry_after": 7}}))
        ).ask()
    assert error.value.retry_after == 7
