"""Any backend in, the same backend out, with its answers kept: bounded in bytes, computed once when many ask."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

import numpy as np

from attnviz.backends.base import Backend, CheckingBackend, PlacingBackend, TryingBackend, WalkingBackend, WholeBackend
from attnviz.backends.scheduler import wait_for_error
from attnviz.engine.reference.head_steps import HeadSteps
from attnviz.engine.reference.intervened import InterventionResult
from attnviz.engine.reference.intervention import Intervention
from attnviz.engine.reference.word_order import WordOrderResult
from attnviz.engine.trace import Trace
from attnviz.engine.verify import Check
from attnviz.errors import BadInputError
from attnviz.types import AttentionRequest, HeadRef, ModelCard

T = TypeVar("T")


class Store:
    """Values by key, at most `limit` bytes of them; the one unused for longest goes first. Thread-safe.

    When several threads want the same missing value, one makes it and the others wait for it. A value that could not
    be made is not kept: whoever waits gets the error, whoever comes later tries again. Where the one who makes it is
    called away (a reader who types on, Ctrl+C), one of those who wait goes on in its place. Who waits calls `still` now
    and then, and is called away by what that raises.
    """

    def __init__(self, limit: int, still: Callable[[], object] = lambda: None) -> None:
        self.limit, self.still = limit, still
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._under_way: dict[Hashable, Future[Any]] = {}
        self._bytes = 0

    @property
    def nbytes(self) -> int:
        """Bytes kept now."""
        return self._bytes

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of `key`, made by `make` where it is not kept."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][0]
            future = self._under_way.get(key)
            mine = future is None
            if future is None:
                future = self._under_way[key] = Future()
        if not mine:
            error = wait_for_error(future, self.still)
            away = error is not None and not isinstance(error, Exception)  # meant for the one who made it, not for us
            return self.get(key, make) if away else future.result()
        try:
            value = make()
        except BaseException as error:
            with self._lock:
                del self._under_way[key]
            future.set_exception(error)
            raise
        with self._lock:
            del self._under_way[key]
            self._keep(key, value)
        future.set_result(value)
        return value

    def kept(self, key: Hashable) -> Any | None:
        """The value of `key`, None where it is not kept: waits for nobody."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def _keep(self, key: Hashable, value: Any) -> None:
        """Keep a value if it fits at all, and let go of the oldest until all fit. The lock is held."""
        size = weight(value) + weight(key)
        if size > self.limit:
            return
        self._kept[key] = (value, size)
        self._bytes += size
        while self._bytes > self.limit:
            _, (_, gone) = self._kept.popitem(last=False)
            self._bytes -= gone

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
            self._bytes = 0


def weight(value: Any) -> int:
    """About how many bytes a value holds; never less than 256, so that many small ones are bounded too."""
    if isinstance(value, Trace | np.ndarray):
        return 256 + value.nbytes
    if isinstance(value, bytes):
        return 256 + len(value)
    if isinstance(value, str):
        return 256 + 4 * len(value)
    if isinstance(value, AttentionRequest):
        return 256 + 4 * len(value.text) + 4 * len(value.text_b or "")
    if isinstance(value, tuple | list):
        return 256 + sum(weight(part) for part in value)
    if isinstance(value, Mapping):
        return 256 + sum(weight(part) for part in value.values())
    if hasattr(value, "__dict__"):
        return 256 + sum(weight(part) for part in vars(value).values() if not isinstance(part, int | float | bool))
    return 256


class CachedBackend:
    """A backend that remembers. Results are cached here, once; nothing above keeps its own."""

    def __init__(self, inner: Backend, limit: int, still: Callable[[], object] = lambda: None) -> None:
        """At most `limit` bytes are kept; who waits for what another is asking for calls `still` meanwhile."""
        self.inner = inner
        self.store = Store(limit, still)

    def models(self) -> tuple[ModelCard, ...]:
        """As the inner backend says."""
        return self.inner.models()

    def attend(self, request: AttentionRequest) -> Trace:
        """The trace, from memory where it is there."""
        return self.store.get(request, lambda: self.inner.attend(request))

    def full_trace(self, request: AttentionRequest) -> Trace:
        """The trace with values and outputs, also where the inner backend leaves them out at first."""
        inner = self.inner
        if not isinstance(inner, WholeBackend):
            return self.attend(request)
        return self.store.get(("full_trace", request), lambda: inner.full_trace(request))

    def has_weights(self, name: str) -> bool:
        """Whether a model's weights are at hand; True where that is not known."""
        return self.inner.has_weights(name) if isinstance(self.inner, PlacingBackend) else True

    @property
    def checks(self) -> bool:
        """Whether the inner backend can compare its answers with the eager model: where it cannot, no page offers to."""
        return isinstance(self.inner, CheckingBackend)

    def check(self, request: AttentionRequest) -> Check:
        """The check against the eager model, done once a request. BadInputError where the inner backend has none."""
        inner = self.inner
        if not isinstance(inner, CheckingBackend):
            raise BadInputError("This backend has no eager model to compare with. Open the backend `local:` for that.")
        return self.store.get(("check", request), lambda: inner.check(request))

    @property
    def walks(self) -> bool:
        """Whether the inner backend has its models in this process, so that the steps to a weight can be shown."""
        return isinstance(self.inner, WalkingBackend)

    def step_trace(self, request: AttentionRequest, head: HeadRef) -> HeadSteps:
        """One head step by step; its layer is kept, so that others cost nothing. BadInputError where there are no models."""
        inner = self.inner
        if not isinstance(inner, WalkingBackend):
            raise BadInputError("This backend has no model to walk through. Open the backend `local:` for that.")
        return self.store.get(("step_trace", request, head.layer), lambda: inner.step_trace(request, head.layer)).head(head)

    def intervene(self, request: AttentionRequest, layer: int, change: Intervention, other: str = "") -> InterventionResult:
        """The text with something changed, from memory where it is there. BadInputError where there is no model for it."""
        inner = self._trying()
        return self.store.get(
            ("intervene", request, layer, change, other), lambda: inner.intervene(request, layer, change, other)
        )

    def compare_orders(self, request: AttentionRequest, head: HeadRef, change: Intervention, seed: int) -> WordOrderResult:
        """The text and its words shuffled, from memory where it is there. BadInputError as for `tried`."""
        inner = self._trying()
        return self.store.get(
            ("compare_orders", request, head, change, seed), lambda: inner.compare_orders(request, head, change, seed)
        )

    def _trying(self) -> TryingBackend:
        """The inner backend, if it can change a forward pass."""
        if not isinstance(self.inner, TryingBackend):
            raise BadInputError("This backend has no model to change anything in. Open the backend `local:` for that.")
        return self.inner

    def derived(self, request: AttentionRequest, name: Hashable, make: Callable[[Trace], T]) -> T:
        """What `make` says of the request's trace, kept beside it under `name`: for all that costs more than 5 ms."""
        return self.store.get((request, name), lambda: make(self.attend(request)))

    def close(self) -> None:
        """Forget the results and close the inner backend."""
        self.store.clear()
        self.inner.close()
