"""A cache bounded in bytes, and a backend that keeps its answers in one: each is computed once, however many ask."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from typing import Any, ParamSpec, TypeVar

import numpy as np

from attnviz.backends.base import Backend, capabilities
from attnviz.backends.scheduler import wait_for_error
from attnviz.engine.reference.head_steps import HeadSteps
from attnviz.engine.reference.intervened import InterventionResult
from attnviz.engine.reference.intervention import Intervention
from attnviz.engine.reference.word_order import WordOrderResult
from attnviz.engine.trace import Trace
from attnviz.engine.verify import Check
from attnviz.errors import BadInputError
from attnviz.progress import OnProgress, ProgressEvent, ignore
from attnviz.types import AttentionRequest, HeadRef, ModelCard

P = ParamSpec("P")
T = TypeVar("T")
NO_CHANGES = "This backend has no model to change anything in. Open the backend `local:` for that."
SHARED_WAIT = ProgressEvent("Waiting for this text, which another reader asked for too.", "waiting")


class LruCache:
    """Values by key, at most `limit` bytes of them; the least recently used goes first. Thread-safe.

    When several threads want the same missing value, one makes it and the others wait for it. A failure is not kept: those
    that wait get the error, the next caller tries again. Where the thread that makes it is interrupted by a BaseException
    (a reader who types on, Ctrl+C), one of those that wait takes over. A waiting thread calls `on_wait` now and then; an
    error that it raises ends the wait.
    """

    def __init__(self, limit: int, on_wait: Callable[[], object] = lambda: None) -> None:
        self.limit, self.on_wait = limit, on_wait
        self._lock = threading.Lock()
        self._values: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._pending: dict[Hashable, Future[Any]] = {}
        self._bytes = 0

    @property
    def nbytes(self) -> int:
        """Bytes kept now."""
        return self._bytes

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the value of `key`, made by `make` where it is not kept."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key][0]
            future = self._pending.get(key)
            mine = future is None
            if future is None:
                future = self._pending[key] = Future()
        if not mine:
            error = wait_for_error(future, self.on_wait)
            interrupted = error is not None and not isinstance(error, Exception)  # meant for the other thread, not for us
            return self.get(key, make) if interrupted else future.result()
        try:
            value = make()
        except BaseException as error:
            with self._lock:
                del self._pending[key]
            future.set_exception(error)
            raise
        with self._lock:
            del self._pending[key]
            self._keep(key, value)
        future.set_result(value)
        return value

    def peek(self, key: Hashable) -> Any | None:
        """Return the value of `key`, None if it is not kept, without waiting."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key][0]

    def _keep(self, key: Hashable, value: Any) -> None:
        """Keep a value if it fits at all, and drop the oldest until all fit. The lock is held."""
        size = size_in_bytes(value) + size_in_bytes(key)
        if size > self.limit:
            return
        self._values[key] = (value, size)
        self._bytes += size
        while self._bytes > self.limit:
            _, (_, dropped) = self._values.popitem(last=False)
            self._bytes -= dropped

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()
            self._bytes = 0


def size_in_bytes(value: Any) -> int:
    """Return about how many bytes a value holds; at least 256, so that many small values are bounded too."""
    if isinstance(value, Trace | np.ndarray):
        return 256 + value.nbytes
    if isinstance(value, bytes):
        return 256 + len(value)
    if isinstance(value, str):
        return 256 + 4 * len(value)
    if isinstance(value, AttentionRequest):
        return 256 + 4 * len(value.text) + 4 * len(value.text_b or "")
    if isinstance(value, tuple | list):
        return 256 + sum(map(size_in_bytes, value))
    if isinstance(value, Mapping):
        return 256 + sum(map(size_in_bytes, value.values()))
    if hasattr(value, "__dict__"):
        return 256 + sum(size_in_bytes(part) for part in vars(value).values() if not isinstance(part, int | float | bool))
    return 256


class CachedBackend:
    """A backend that keeps its answers, bounded in bytes. Nothing above it keeps results of its own."""

    def __init__(self, inner: Backend, limit: int, on_progress: OnProgress = ignore) -> None:
        """At most `limit` bytes are kept; `on_progress` gets an event while one caller waits for another's same request."""
        self.inner = inner
        self.cache = LruCache(limit, lambda: on_progress(SHARED_WAIT))
        can = capabilities(inner)
        self.capabilities = replace(
            can, full_trace=self._cached("full_trace", can.full_trace), check=self._cached("check", can.check),
            step_trace=self._cached("step_trace", can.step_trace), intervene=self._cached("intervene", can.intervene),
            compare_orders=self._cached("compare_orders", can.compare_orders),
        )  # fmt: skip

    def _cached(self, name: str, work: Callable[P, T] | None) -> Callable[P, T] | None:
        """Return the same work, done once for the same arguments; None if there is none."""
        if work is None:
            return None

        def once(*args: P.args, **kwargs: P.kwargs) -> T:
            return self.cache.get((name, args, tuple(kwargs.items())), lambda: work(*args, **kwargs))

        return once

    def models(self) -> tuple[ModelCard, ...]:
        """Return the models of the inner backend."""
        return self.inner.models()

    def attend(self, request: AttentionRequest) -> Trace:
        """Return the trace, from memory where it is kept."""
        return self.cache.get(request, lambda: self.inner.attend(request))

    def full_trace(self, request: AttentionRequest) -> Trace:
        """Return the trace with values and kernel outputs."""
        return (self.capabilities.full_trace or self.attend)(request)

    def has_weights(self, name: str) -> bool:
        """Return whether a model's weights are at hand; True where that is not known."""
        known = self.capabilities.has_weights
        return known is None or known(name)

    def check(self, request: AttentionRequest) -> Check:
        """Compare all heads with the eager model. Raises BadInputError if the backend has none."""
        check = self.capabilities.check
        if check is None:
            raise BadInputError("This backend has no eager model to compare with. Open the backend `local:` for that.")
        return check(request)

    has, whole = has_weights, full_trace  # their names in attnviz 0.1.0, which scripts may use

    def step_trace(self, request: AttentionRequest, head: HeadRef) -> HeadSteps:
        """Return one head step by step; its whole layer is kept. Raises BadInputError if the backend has no models."""
        step_trace = self.capabilities.step_trace
        if step_trace is None:
            raise BadInputError("This backend has no model to walk through. Open the backend `local:` for that.")
        return step_trace(request, head.layer).head(head)

    def intervene(self, request: AttentionRequest, layer: int, change: Intervention, other: str = "") -> InterventionResult:
        """Read the text with a change; see Capabilities. Raises BadInputError if the backend has no models."""
        if (intervene := self.capabilities.intervene) is None:
            raise BadInputError(NO_CHANGES)
        return intervene(request, layer, change, other)

    def compare_orders(self, request: AttentionRequest, head: HeadRef, change: Intervention, seed: int) -> WordOrderResult:
        """Read the text as typed and with its words shuffled. Raises BadInputError if the backend has no models."""
        if (compare_orders := self.capabilities.compare_orders) is None:
            raise BadInputError(NO_CHANGES)
        return compare_orders(request, head, change, seed)

    def derived(self, request: AttentionRequest, name: Hashable, make: Callable[[Trace], T]) -> T:
        """Return what `make` computes from the trace, kept under `name`: for everything that costs more than 5 ms."""
        return self.cache.get((request, name), lambda: make(self.attend(request)))

    def close(self) -> None:
        """Forget all results and close the inner backend."""
        self.cache.clear()
        self.inner.close()
