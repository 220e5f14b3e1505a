"""A question for a server in, the bytes of its answer out, within a deadline; an error of ours, if it can be the server's.

Asking twice does no harm here, so what fails on the way is asked again, later each time; a busy server is asked again when
it says, if that is soon. Nothing is read beyond what an answer may have. Of the lines to the server some are kept for what
is asked beside the questions, so that a server with much to do is not taken for one that is down.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from attnviz.backends.circuit_breaker import Breaker
from attnviz.errors import AttnvizError, BackendError, BusyError, LateError, kinds
from attnviz.types import quoted

TRIES = 4
FIRST, GROWS, MOST = 0.1, 4.0, 2.0  # seconds before the second try, how much longer before each next one, and at most
PATIENCE = 3.0  # seconds for which a busy server is waited for; a reader is told of more
CONNECT = 2.0
CONNECTIONS = 16  # questions under way at the same time
ERROR = 65_536  # bytes of an answer that is an error
SAID = 2000  # characters of its message


class Lost(Exception):
    """No answer came, or none that is one; the message says why."""


@dataclass(frozen=True)
class Question:
    """What is sent: GET without a body, or POST with JSON. `most` bytes may come back, within `seconds`, in `tries` tries.

    What is asked `aside` waits for no line, and is soon given up: that it is late does not say that the server is down.
    """

    path: str
    body: bytes | None
    most: int
    seconds: float
    headers: dict[str, str]
    tries: int = TRIES
    aside: bool = False


class Exchange:
    """One server. Its coroutines belong to one event loop."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        name: str,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
        lines: int = CONNECTIONS,
    ) -> None:
        self.lines, self._free = lines, asyncio.Semaphore(lines)
        self.client, self.name, self.clock, self.sleep, self.chance = client, name, clock, sleep, chance
        self.breaker = Breaker(name, clock)

    async def ask(self, question: Question) -> bytes:
        """The answer. Raises what the server says, or BackendError where it says nothing, LateError where it takes too long."""
        until, why = self.clock() + question.seconds, ""
        for number in range(question.tries):
            try:
                status, body, after = await self._tried(question, until)
            except Lost as error:
                why = str(error)
                wait = min(MOST, FIRST * GROWS**number)
            else:
                if status == 200:
                    return body
                told = self._error(status, body, after)
                if not isinstance(told, BusyError) or told.retry_after > PATIENCE or number == question.tries - 1:
                    raise told
                wait = float(told.retry_after)
            wait *= 0.75 + 0.5 * self.chance()  # so that those who failed together do not come back together
            if self.clock() + wait >= until:
                raise self._late(question)
            if number < question.tries - 1:
                await self.sleep(wait)
        raise BackendError(f"The backend {self.name} does not answer ({why}). Start it there, or try again in a moment.")

    async def _tried(self, question: Question, until: float) -> tuple[int, bytes, str]:
        """One try, given up at `until`; what becomes of it is told to the breaker."""
        async with self._line(question, until):
            self.breaker.may()
            try:
                found = await asyncio.wait_for(self._once(question), max(0.0, until - self.clock()))
            except TimeoutError as error:
                self.breaker.late() if question.aside else self.breaker.failed()
                raise self._late(question) from error
            except Lost:
                self.breaker.failed()
                raise
            except BaseException:
                self.breaker.stopped()
                raise
            self.breaker.worked()
            return found

    @asynccontextmanager
    async def _line(self, question: Question, until: float) -> AsyncIterator[None]:
        """Inside, one of the lines is taken; BusyError where none comes free, which says nothing of the server."""
        if question.aside:
            yield
            return
        try:
            async with asyncio.timeout(max(0.0, until - self.clock())):
                await self._free.acquire()
        except TimeoutError as error:
            said = f"The lines to the backend {self.name} are busy, try again in 1 s: {self.lines} questions are under way."
            raise BusyError(said) from error
        try:
            yield
        finally:
            self._free.release()

    def _late(self, question: Question) -> LateError:
        """The error for what took too long."""
        remedy = "Try again." if question.body is None else "Try again, or shorten the text."
        return LateError(f"The backend {self.name} has not answered within {question.seconds:.0f} s. {remedy}")

    async def _once(self, question: Question) -> tuple[int, bytes, str]:
        """Status, body and Retry-After of one try."""
        method = "GET" if question.body is None else "POST"
        try:
            asked = self.client.build_request(method, question.path, content=question.body, headers=question.headers)
            answer = await self.client.send(asked, stream=True)
            try:
                most = question.most if answer.status_code == 200 else ERROR
                body = await self._read(answer, most)
            finally:
                await answer.aclose()
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise Lost(_why(error)) from error
        if answer.status_code in (502, 504) and _told(body) is None:
            raise Lost("what stands before it cannot reach it")
        return answer.status_code, body, answer.headers.get("retry-after", "")

    async def _read(self, answer: httpx.Response, most: int) -> bytes:
        """The body, given up as soon as it is too long; raw, so that nothing unfolds to more than it was."""
        length = answer.headers.get("content-length", "")
        if "content-encoding" in answer.headers or (length.isdecimal() and int(length[:20]) > most):
            raise Lost(f"its answer may have {most:,} bytes, as they are, and has more")
        body = bytearray()
        async for part in answer.aiter_raw():
            body += part
            if len(body) > most:
                raise Lost(f"its answer may have {most:,} bytes and has more")
        return bytes(body)

    def _error(self, status: int, body: bytes, after: str) -> AttnvizError:
        """The server's error by its kind and in its words; of what is none of ours, what can be said."""
        if (found := _told(body)) is not None:
            return found
        if status in (429, 503):
            wait = _seconds(int(after) if after.isdecimal() and len(after) < 5 else 1)
            return BusyError(f"The backend {self.name} is busy, try again in {wait} s.", wait)
        return BackendError(f"The backend {self.name} answers {status}, as no attnviz backend does. Correct ATTNVIZ_BACKEND.")


def _told(body: bytes) -> AttnvizError | None:
    """The error that a body tells, if it is one of ours."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    match told:
        case {"error": {"kind": str(kind), "message": str(message)} as entry}:
            return _made(kind, _printable(message[:SAID]), entry.get("retry_after"))
    return None


def _made(kind: str, message: str, after: Any) -> AttnvizError:
    """An error of ours by its name."""
    made = kinds().get(kind, BackendError)
    if issubclass(made, BusyError):
        return made(message, _seconds(after if type(after) is int else 1))
    return made(message)


def _seconds(value: int) -> int:
    """A wait that a reader can be told."""
    return min(max(value, 1), 3600)


def _printable(text: str) -> str:
    """The text without halves of characters, which nothing can print."""
    return text.encode("utf-8", "replace").decode()


def _why(error: Exception) -> str:
    """In words why there was no answer."""
    match error:
        case httpx.ConnectTimeout() | httpx.ConnectError():
            return "nobody listens there"
        case httpx.RemoteProtocolError() | httpx.ReadError() | httpx.WriteError():
            return "it hung up before its answer was whole"
        case httpx.TimeoutException():
            return "it took too long"
    return quoted(str(error)) if str(error) else type(error).__name__


def timeouts() -> httpx.Timeout:
    """A limit for the connection; for the rest a question has its own."""
    return httpx.Timeout(None, connect=CONNECT)
