"""HTTP to one server: bounded in bytes and time, retried where that can help, with the server's errors raised as ours.

A repeated request does no harm here, so what fails on the way is sent again, later each time; a busy server is asked again
when it says, if that is soon. Never more bytes are read than an answer may have. Requests with `bypass_pool` need none of
the connections for ordinary requests, so that a busy server is not mistaken for one that is down.
"""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from attnviz.backends.circuit_breaker import CircuitBreaker
from attnviz.errors import AttnvizError, BackendError, BusyError, LateError, kinds
from attnviz.types import quoted

T = TypeVar("T")
ATTEMPTS = 4
FIRST_WAIT, WAIT_FACTOR, MAX_WAIT = 0.1, 4.0, 2.0  # seconds before the second attempt; growth per attempt; at most
MAX_RETRY_AFTER = 3.0  # seconds to wait for a busy server; a longer wait is an error for the reader
CONNECT_TIMEOUT = 2.0
MAX_REQUESTS = 16  # at the same time
EXTRA_CONNECTIONS = 4  # for requests with bypass_pool
CLOSE_TIMEOUT = 10.0  # seconds in which everything that runs must have ended
MAX_ERROR = 65_536  # bytes of an answer that is an error
MAX_MESSAGE = 2000  # characters of its message


class NoAnswer(Exception):
    """No answer came, or none that can be used; the message says why."""


@dataclass(frozen=True)
class HttpRequest:
    """What to send: GET without a body, or POST with JSON. At most `max_bytes` may come back, within `timeout` seconds.

    With `bypass_pool` it waits for no free connection, and its timeout is short: being late then does not mean that the
    server is down.
    """

    path: str
    body: bytes | None
    max_bytes: int
    timeout: float
    headers: dict[str, str]
    attempts: int = ATTEMPTS
    bypass_pool: bool = False


class HttpClient:
    """Requests to one server. Its coroutines belong to one event loop."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        name: str,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._free = asyncio.Semaphore(MAX_REQUESTS)
        self._client, self.name, self.clock, self.sleep, self.chance = client, name, clock, sleep, chance
        self.breaker = CircuitBreaker(name, clock)

    async def request(self, request: HttpRequest) -> bytes:
        """Return the body of the answer. Raises the server's error, BackendError without an answer, LateError in time out."""
        deadline, reason = self.clock() + request.timeout, ""
        for number in range(request.attempts):
            last = number == request.attempts - 1
            try:
                status, body, retry_after = await self._attempt(request, deadline)
            except NoAnswer as error:
                reason = str(error)
                wait = min(MAX_WAIT, FIRST_WAIT * WAIT_FACTOR**number)
            else:
                if status == 200:
                    return body
                error = self._error(status, body, retry_after)
                if not isinstance(error, BusyError) or error.retry_after > MAX_RETRY_AFTER or last:
                    raise error
                wait = float(error.retry_after)
            wait *= 0.75 + 0.5 * self.chance()  # so that requests that failed together do not come back together
            if self.clock() + wait >= deadline:
                raise self._late_error(request)
            if not last:
                await self.sleep(wait)
        raise BackendError(f"The backend {self.name} does not answer ({reason}). Start it there, or try again in a moment.")

    async def _attempt(self, request: HttpRequest, deadline: float) -> tuple[int, bytes, str]:
        """Send once, at most until `deadline`, and record the outcome in the breaker."""
        async with self._connection(request, deadline):
            self.breaker.check()
            try:
                found = await asyncio.wait_for(self._send(request), max(0.0, deadline - self.clock()))
            except TimeoutError as error:
                self.breaker.record_late() if request.bypass_pool else self.breaker.record_failure()
                raise self._late_error(request) from error
            except NoAnswer:
                self.breaker.record_failure()
                raise
            except BaseException:
                self.breaker.abandon()
                raise
            self.breaker.record_success()
            return found

    @asynccontextmanager
    async def _connection(self, request: HttpRequest, deadline: float) -> AsyncIterator[None]:
        """Hold one of the connections. Raises BusyError if none comes free, which says nothing about the server."""
        if request.bypass_pool:
            yield
            return
        try:
            async with asyncio.timeout(max(0.0, deadline - self.clock())):
                await self._free.acquire()
        except TimeoutError as error:
            message = (
                f"All connections to the backend {self.name} are busy, try again in 1 s: {MAX_REQUESTS} requests are running."
            )
            raise BusyError(message) from error
        try:
            yield
        finally:
            self._free.release()

    def _late_error(self, request: HttpRequest) -> LateError:
        """Return the error for a request that took too long."""
        remedy = "Try again." if request.body is None else "Try again, or shorten the text."
        return LateError(f"The backend {self.name} has not answered within {request.timeout:.0f} s. {remedy}")

    async def _send(self, request: HttpRequest) -> tuple[int, bytes, str]:
        """Return status, body and Retry-After of one attempt."""
        method = "GET" if request.body is None else "POST"
        try:
            built = self._client.build_request(method, request.path, content=request.body, headers=request.headers)
            answer = await self._client.send(built, stream=True)
            try:
                max_bytes = request.max_bytes if answer.status_code == 200 else MAX_ERROR
                body = await _body(answer, max_bytes)
            finally:
                await answer.aclose()
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise NoAnswer(_reason(error)) from error
        if answer.status_code in (502, 504) and _decoded(body) is None:
            raise NoAnswer("the proxy before it cannot reach it")
        return answer.status_code, body, answer.headers.get("retry-after", "")

    def _error(self, status: int, body: bytes, retry_after: str) -> AttnvizError:
        """Return the server's error with its kind and message; for an answer that is none of ours, an error of the client's."""
        if (found := _decoded(body)) is not None:
            return found
        if status in (429, 503):
            wait = _valid_wait(int(retry_after) if retry_after.isdecimal() and len(retry_after) < 5 else 1)
            return BusyError(f"The backend {self.name} is busy, try again in {wait} s.", wait)
        return BackendError(f"The backend {self.name} answers {status}, as no attnviz backend does. Correct ATTNVIZ_BACKEND.")

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()


class HttpThread:
    """One server's client on an event loop in a thread of its own, so that any thread can send and give up requests.

    All that belongs to the loop is made with it and ends with it. After `close` it is of no more use; the owner makes sure
    that nothing is started then.
    """

    def __init__(self, url: str) -> None:
        connections = MAX_REQUESTS + EXTRA_CONNECTIONS
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        timeout = httpx.Timeout(None, connect=CONNECT_TIMEOUT)  # for the rest, each request has its own
        client = httpx.AsyncClient(base_url=url, timeout=timeout, limits=limits, trust_env=False, follow_redirects=False)
        self.client = HttpClient(client, url)
        self._shared: dict[str, asyncio.Task[Any]] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="attnviz-remote", daemon=True)
        self._thread.start()

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Start a coroutine in the loop; cancelling the future cancels it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def share(self, name: str, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine once for all that want its result at this moment; it continues when one of them leaves."""
        task = self._shared.get(name)
        if task is None:
            task = self._shared[name] = asyncio.ensure_future(work())
            task.add_done_callback(lambda done: self._end_share(name, done))
        return await asyncio.shield(task)

    def _end_share(self, name: str, task: asyncio.Task[Any]) -> None:
        """Let the next caller start anew; retrieve the error of an abandoned task, so that asyncio does not log it."""
        del self._shared[name]
        if not task.cancelled():
            task.exception()

    def close(self) -> None:
        """End all requests, all connections and the loop."""
        self.start(self._cancel_all()).result(CLOSE_TIMEOUT)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSE_TIMEOUT)
        self._loop.close()

    async def _cancel_all(self) -> None:
        """Cancel every other task, then close the client."""
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self.client.close()


async def _body(answer: httpx.Response, max_bytes: int) -> bytes:
    """Read a body; stop as soon as it is too long. It is read raw, so that nothing decompresses to more than was sent."""
    length = answer.headers.get("content-length", "")
    if "content-encoding" in answer.headers or (length.isdecimal() and int(length[:20]) > max_bytes):
        raise NoAnswer(f"its answer may have {max_bytes:,} bytes, as they are, and has more")
    body = bytearray()
    async for part in answer.aiter_raw():
        body += part
        if len(body) > max_bytes:
            raise NoAnswer(f"its answer may have {max_bytes:,} bytes and has more")
    return bytes(body)


def _decoded(body: bytes) -> AttnvizError | None:
    """Return the error that a body holds, None if it is none of ours."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    match found:
        case {"error": {"kind": str(kind), "message": str(message)} as entry}:
            return _made(kind, _printable(message[:MAX_MESSAGE]), entry.get("retry_after"))
    return None


def _made(kind: str, message: str, retry_after: Any) -> AttnvizError:
    """Make an error of ours by its name."""
    made = kinds().get(kind, BackendError)
    if issubclass(made, BusyError):
        return made(message, _valid_wait(retry_after if type(retry_after) is int else 1))
    return made(message)


def _valid_wait(seconds: int) -> int:
    """Limit a wait to 1 to 3600 seconds."""
    return min(max(seconds, 1), 3600)


def _printable(text: str) -> str:
    """Replace lone surrogates, which cannot be printed."""
    return text.encode("utf-8", "replace").decode()


def _reason(error: Exception) -> str:
    """Say in words why there was no answer."""
    match error:
        case httpx.ConnectTimeout() | httpx.ConnectError():
            return "no server listens there"
        case httpx.RemoteProtocolError() | httpx.ReadError() | httpx.WriteError():
            return "it closed the connection before its answer was complete"
        case httpx.TimeoutException():
            return "it took too long"
    return quoted(str(error)) if str(error) else type(error).__name__
