"""Answers to questions, as bytes: from memory, or computed by one of a few threads when the scheduler grants a slot.

A model that is not in memory is loaded in a thread of its own, once for all who wait for it, and takes no slot meanwhile.
A request whose client disconnects leaves the queue; its computation stops at the next layer. A request for what is already
being computed takes no slot either: it waits for that, and starts anew where the other one is cancelled.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from attnviz.backends import wire
from attnviz.backends.base import Backend, capabilities
from attnviz.backends.cached import LruCache
from attnviz.backends.scheduled import LONG
from attnviz.backends.scheduler import Cancelled, Scheduler, Ticket, working_for
from attnviz.engine.trace import Trace
from attnviz.errors import BusyError, LateError
from attnviz.server.admission import ParsedRequest
from attnviz.server.metrics import Metrics
from attnviz.settings import Settings
from attnviz.types import AttentionRequest

CLIENT_SHARE = 4  # one client may fill 1/4 of the queue: an address, or with a key a user of a front end
LOADERS = 2  # models that are on this machine, loaded at the same time
FETCHERS = 4  # models that are fetched first, which is mostly waiting
LOADING_RETRY_SECONDS = 5  # after which a client tries again while its model is being loaded
GRACE_SECONDS = 1.0  # in which a computation notices by itself that it is late
WARM_UP_TEXT = "Ready."  # read once by a model that is made ready

Key = tuple[bool, int, AttentionRequest]


@dataclass
class Timings:
    """Where the time of one request went, in seconds, for the log."""

    queue_seconds: float = 0.0
    compute_seconds: float = 0.0
    cached: bool = False
    model: str = ""
    error: str = ""


@runtime_checkable  # so that the tests can check signatures that name it
class Responder(Protocol):
    """Answers the questions that a server lets in: in this process, or by handing them to others."""

    async def answer(self, parsed: ParsedRequest, client: tuple[str, str], timings: Timings) -> bytes:
        """Return the answer, or raise an AttnvizError."""
        ...

    def warm_up(self, name: str) -> Future[None]:
        """Make a model ready to answer."""
        ...

    def close(self) -> None:
        """Release everything."""
        ...


class LocalResponder:
    """Answers in this process. One for all requests; its coroutines belong to one event loop."""

    def __init__(self, backend: Backend, settings: Settings, metrics: Metrics) -> None:
        self.backend, self.settings, self.metrics = backend, settings, metrics
        self._can = capabilities(backend)
        self.scheduler = Scheduler(settings.at_once, settings.waiting, max(1, settings.waiting // CLIENT_SHARE))
        self.cache = LruCache(settings.cache_bytes)
        self._workers = ThreadPoolExecutor(settings.at_once, "attnviz-work")
        self._loaders = ThreadPoolExecutor(LOADERS, "attnviz-load")
        self._fetchers = ThreadPoolExecutor(FETCHERS, "attnviz-fetch")
        self._loading: dict[str, Future[None]] = {}
        self._in_progress: dict[Key, Future[bytes]] = {}
        self._sharing = 0  # requests that wait for what is in progress
        metrics.registry.register(self)

    async def answer(self, parsed: ParsedRequest, client: tuple[str, str], timings: Timings) -> bytes:
        """Return the answer within the deadline. Raises BusyError, LateError, and what the backend raises."""
        key, start = (parsed.full_trace, parsed.form, parsed.request), time.monotonic()
        deadline = start + self.settings.seconds
        long = len(parsed.request.text) + len(parsed.request.text_b or "") >= LONG
        while True:
            if (answer := await self._existing(key, deadline, timings)) is not None:
                timings.queue_seconds = time.monotonic() - start
                return answer
            await self._wait_for_model(parsed.request, deadline)
            ticket = await self.scheduler.acquire_async(client, max(0.0, deadline - time.monotonic()), long=long)
            if key not in self._in_progress and self.cache.peek(key) is None:
                break
            self.scheduler.release(ticket, unused=True)  # another request for the same got its slot first
        timings.queue_seconds = time.monotonic() - start
        return await self._compute_in_thread(ticket, key, parsed, timings, deadline)

    async def _existing(self, key: Key, deadline: float, timings: Timings) -> bytes | None:
        """Return an answer from memory, or of the same question in progress; None if it must be computed."""
        if (answer := self.cache.peek(key)) is not None:
            timings.cached = True
            self.metrics.cached.inc()
            return answer
        work = self._in_progress.get(key)
        if work is None:
            return None
        self._sharing += 1
        try:
            return await self._wait_for(work, deadline)
        except Cancelled:  # the request that started it was cancelled, not this one
            return None
        except LateError:
            if time.monotonic() < deadline:  # the other request's deadline, not this one's
                return None
            raise
        finally:
            self._sharing -= 1

    async def _compute_in_thread(
        self, ticket: Ticket, key: Key, parsed: ParsedRequest, timings: Timings, deadline: float
    ) -> bytes:
        """Return the answer, computed by a worker in the slot of `ticket`."""
        start = time.monotonic()
        try:
            work = self._workers.submit(self._compute, ticket, key, parsed)
        except BaseException:
            self.scheduler.release(ticket)
            raise
        self._in_progress[key] = work
        work.add_done_callback(lambda _: self._in_progress.pop(key, None))
        try:
            return await self._wait_for(work, deadline)
        finally:
            ticket.cancelled.set()  # without effect where the answer is ready
            timings.compute_seconds = time.monotonic() - start
            self.metrics.seconds.labels("wait").observe(timings.queue_seconds)
            self.metrics.seconds.labels("work").observe(timings.compute_seconds)

    async def _wait_for(self, work: Future[bytes], deadline: float) -> bytes:
        """Return the result of a worker. Raises LateError after the deadline."""
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic()) + GRACE_SECONDS):
                return await _shielded(work)
        except TimeoutError as error:
            raise late_error(self.settings) from error

    def _compute(self, ticket: Ticket, key: Key, parsed: ParsedRequest) -> bytes:
        """Compute the answer, in a worker thread, and release the slot."""
        try:
            with working_for(ticket):
                return self.cache.get(key, lambda: wire.dumps(self._trace(parsed), full=parsed.full_trace))
        finally:
            self.scheduler.release(ticket)

    def _trace(self, parsed: ParsedRequest) -> Trace:
        """Return the backend's trace in the form that the client reads."""
        full_trace = self._can.full_trace if parsed.full_trace else None
        trace = (full_trace or self.backend.attend)(parsed.request)
        return trace if parsed.form >= wire.FORM else wire.first_form(trace)

    async def _wait_for_model(self, request: AttentionRequest, deadline: float) -> None:
        """Wait until the request's model is in memory, without a slot; a short text of ours is prepared, not the request's.

        Raises BusyError if that takes longer than the deadline.
        """
        name, is_loaded, prepare = request.model, self._can.is_loaded, self._can.prepare
        if is_loaded is None or prepare is None or is_loaded(name):
            return
        if name not in {card.id for card in self.backend.models()}:
            prepare(request)  # raises at once, and names the models that exist
            return
        loading = self._loading.get(name)
        if loading is None:
            loading = self._loading[name] = self._pool_for(name).submit(prepare, AttentionRequest(name, WARM_UP_TEXT))
            loading.add_done_callback(lambda _: self._loading.pop(name, None))
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                await _shielded(loading)
        except TimeoutError as error:
            seconds = LOADING_RETRY_SECONDS
            raise BusyError(f"{name} is being loaded: busy, try again in {seconds} s.", seconds) from error

    def _pool_for(self, name: str) -> ThreadPoolExecutor:
        """Return the threads that load a model: one that is on this machine never waits for a download."""
        has_weights = self._can.has_weights
        return self._loaders if has_weights is None or has_weights(name) else self._fetchers

    def warm_up(self, name: str) -> Future[None]:
        """Load a model and let it read one text, so that the first user waits for neither."""

        def read() -> None:
            self.backend.attend(AttentionRequest(name, WARM_UP_TEXT))

        return self._pool_for(name).submit(read)

    def collect(self) -> Iterator[Metric]:
        """Yield the current state for Prometheus: the queue, the memory of answers, the loaded models."""
        yield GaugeMetricFamily("attnviz_waiting", "Requests in the queue.", self.scheduler.waiting)
        yield GaugeMetricFamily("attnviz_working", "Requests being computed.", self.scheduler.running)
        sharing = "Requests that wait, without a slot, for the same question in progress."
        yield GaugeMetricFamily("attnviz_sharing", sharing, self._sharing)
        yield GaugeMetricFamily("attnviz_kept_bytes", "Bytes of answers kept in memory.", self.cache.nbytes)
        loaded = GaugeMetricFamily("attnviz_model_held", "1 for each model in memory, 0 for the others.", labels=("model",))
        if self._can.is_loaded is not None:
            for card in self.backend.models():
                loaded.add_metric((card.id,), float(self._can.is_loaded(card.id)))
        yield loaded

    def close(self) -> None:
        """Start nothing new; what is in progress ends by itself."""
        for pool in (self._workers, self._loaders, self._fetchers):
            pool.shutdown(wait=False, cancel_futures=True)
        self.cache.clear()
        self.backend.close()


def late_error(settings: Settings) -> LateError:
    """Return the error for an answer that was not ready by the deadline."""
    return LateError(f"No answer was ready within {settings.seconds} s. Shorten the text, or try later.")


def _shielded(work: Future) -> asyncio.Future:
    """Return a thread's work for a coroutine that may stop waiting: the work continues, and its error counts as seen."""
    wrapped = asyncio.wrap_future(work)
    wrapped.add_done_callback(lambda done: done.cancelled() or done.exception())
    return asyncio.shield(wrapped)
