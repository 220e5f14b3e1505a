"""A question in, the bytes of its answer out: from memory, or worked out in its turn by one of a few threads.

A model that has to be loaded first is loaded in a thread of its own, once for all who ask, and takes no turn meanwhile.
Whoever leaves is taken out of the queue; what is worked on for him stops at its next layer. Who asks what is being worked
out for another takes no turn either: he waits for that, and where the other leaves, asks anew.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from attnviz.backends import wire
from attnviz.backends.base import Backend, capabilities
from attnviz.backends.cached import LruCache
from attnviz.backends.scheduled import LONG
from attnviz.backends.scheduler import Cancelled, Scheduler, Ticket, working_for
from attnviz.engine.trace import Trace
from attnviz.errors import BusyError, LateError
from attnviz.server.admission import Asked
from attnviz.server.metrics import Labels, Metrics
from attnviz.settings import Settings
from attnviz.types import AttentionRequest

EACH = 4  # the queue is never more than a quarter one client's: an address's, or where there is a key, a reader's
LOADERS = 2  # models that are here, read at the same time
FETCHERS = 4  # models that are fetched first, which mostly is waiting
LOADING = 5  # seconds after which to ask again for a model that is being loaded
GRACE = 1.0  # seconds for work to notice by itself that it is late
FIRST = "Ready."  # what a model reads so that it is warm

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
class Answering(Protocol):
    """Who answers the questions that a server lets in: a desk in this process, or one that hands them on."""

    async def answer(self, asked: Asked, client: tuple[str, str], timings: Timings) -> bytes:
        """The answer, or an error of ours."""
        ...

    def warm(self, name: str) -> Future[None]:
        """Makes a model ready."""
        ...

    def gauges(self, models: Iterable[str]) -> dict[tuple[str, Labels], float]:
        """What there is now."""
        ...

    def close(self) -> None:
        """The end."""
        ...


class Desk:
    """Who answers. One for all requests; its coroutines belong to one event loop."""

    def __init__(self, backend: Backend, settings: Settings, metrics: Metrics) -> None:
        self.backend, self.settings, self.metrics = backend, settings, metrics
        self._can = capabilities(backend)
        self.scheduler = Scheduler(settings.at_once, settings.waiting, max(1, settings.waiting // EACH))
        self.kept = LruCache(settings.cache_bytes)
        self._workers = ThreadPoolExecutor(settings.at_once, "attnviz-work")
        self._loaders = ThreadPoolExecutor(LOADERS, "attnviz-load")
        self._fetchers = ThreadPoolExecutor(FETCHERS, "attnviz-fetch")
        self._loading: dict[str, Future[None]] = {}
        self._under_way: dict[Key, Future[bytes]] = {}
        self._sharing = 0  # wait for what is under way

    async def answer(self, asked: Asked, client: tuple[str, str], timings: Timings) -> bytes:
        """The answer within the deadline, or BusyError, LateError, or what the backend raises."""
        key, start = (asked.whole, asked.form, asked.request), time.monotonic()
        until = start + self.settings.seconds
        long = len(asked.request.text) + len(asked.request.text_b or "") >= LONG
        while True:
            if (found := await self._had(key, until, timings)) is not None:
                timings.queue_seconds = time.monotonic() - start
                return found
            await self._loaded(asked.request, until)
            ticket = await self.scheduler.acquire_async(client, max(0.0, until - time.monotonic()), long=long)
            if key not in self._under_way and self.kept.peek(key) is None:
                break
            self.scheduler.release(ticket, unused=True)  # who asked the same had his turn first
        timings.queue_seconds = time.monotonic() - start
        return await self._worked(ticket, key, asked, timings, until)

    async def _had(self, key: Key, until: float, timings: Timings) -> bytes | None:
        """An answer that is kept, or what comes of the same question under way; None where it is to be worked out."""
        if (found := self.kept.peek(key)) is not None:
            timings.cached = True
            self.metrics.count("attnviz_answers_kept_total")
            return found
        work = self._under_way.get(key)
        if work is None:
            return None
        self._sharing += 1
        try:
            return await self._by(until, work)
        except Cancelled:  # meant for the one who asked first
            return None
        except LateError:
            if time.monotonic() < until:  # his deadline, not ours
                return None
            raise
        finally:
            self._sharing -= 1

    async def _worked(self, ticket: Ticket, key: Key, asked: Asked, timings: Timings, until: float) -> bytes:
        """The answer worked out by one of the threads, in the turn that has come."""
        begun = time.monotonic()
        try:
            work = self._workers.submit(self._work, ticket, key, asked)
        except BaseException:
            self.scheduler.release(ticket)
            raise
        self._under_way[key] = work
        work.add_done_callback(lambda _: self._under_way.pop(key, None))
        try:
            return await self._by(until, work)
        finally:
            ticket.cancelled.set()  # where it is ready nobody looks at this any more
            timings.compute_seconds = time.monotonic() - begun
            self.metrics.took(timings.queue_seconds, "wait")
            self.metrics.took(timings.compute_seconds, "work")

    async def _by(self, until: float, work: Future[bytes]) -> bytes:
        """What a thread works out, if that is ready by the deadline; else LateError."""
        try:
            async with asyncio.timeout(max(0.0, until - time.monotonic()) + GRACE):
                return await _shielded(work)
        except TimeoutError as error:
            raise LateError(f"No answer was ready within {self.settings.seconds} s. Shorten the text, or try later.") from error

    def _work(self, ticket: Ticket, key: Key, asked: Asked) -> bytes:
        """The answer worked out, in a thread; its place is given back in the end, whoever still waits."""
        try:
            with working_for(ticket):
                return self.kept.get(key, lambda: wire.dumps(self._trace(asked), whole=asked.whole))
        finally:
            self.scheduler.release(ticket)

    def _trace(self, asked: Asked) -> Trace:
        """What the backend makes of the question."""
        attend = self._can.full_trace if asked.whole else None
        trace = (attend or self.backend.attend)(asked.request)
        return trace if asked.form >= wire.FORM else wire.first_form(trace)

    async def _loaded(self, request: AttentionRequest, until: float) -> None:
        """Waits for the model where it is not in memory yet; BusyError where that takes longer than there is time."""
        name, is_loaded, prepare = request.model, self._can.is_loaded, self._can.prepare
        if is_loaded is None or prepare is None or is_loaded(name):
            return
        if name not in {card.id for card in self.backend.models()}:
            prepare(request)  # raises at once, and says which there are
            return
        under_way = self._loading.get(name)
        if under_way is None:
            under_way = self._loading[name] = self._lane(name).submit(prepare, AttentionRequest(name, FIRST))
            under_way.add_done_callback(lambda _: self._loading.pop(name, None))
        try:
            async with asyncio.timeout(max(0.0, until - time.monotonic())):
                await _shielded(under_way)
        except TimeoutError as error:
            raise BusyError(f"{name} is being loaded: busy, try again in {LOADING} s.", LOADING) from error

    def _lane(self, name: str) -> ThreadPoolExecutor:
        """Who loads a model: one that is here never waits behind those that are fetched, be the line ever so slow."""
        has_weights = self._can.has_weights
        return self._loaders if has_weights is None or has_weights(name) else self._fetchers

    def warm(self, name: str) -> Future[None]:
        """Loads a model and lets it read once, so that the first reader waits for neither."""

        def read() -> None:
            self.backend.attend(AttentionRequest(name, FIRST))

        return self._lane(name).submit(read)

    def gauges(self, models: Iterable[str]) -> dict[tuple[str, Labels], float]:
        """What there is now."""
        is_loaded = self._can.is_loaded
        held = {name: float(is_loaded(name)) for name in models} if is_loaded is not None else {}
        return {
            ("attnviz_waiting", ()): float(self.scheduler.waiting),
            ("attnviz_working", ()): float(self.scheduler.running),
            ("attnviz_sharing", ()): float(self._sharing),
            ("attnviz_kept_bytes", ()): float(self.kept.nbytes),
            **{("attnviz_model_held", (("model", name),)): value for name, value in held.items()},
        }

    def close(self) -> None:
        """Nothing new is begun; what is under way ends by itself."""
        for pool in (self._workers, self._loaders, self._fetchers):
            pool.shutdown(wait=False, cancel_futures=True)
        self.kept.clear()
        self.backend.close()


def _shielded(work: Future) -> asyncio.Future:
    """A thread's work for a coroutine that may stop waiting for it: the work goes on, and its error is not missed."""
    found = asyncio.wrap_future(work)
    found.add_done_callback(lambda done: done.cancelled() or done.exception())
    return asyncio.shield(found)
