"""A backend whose requests wait for a slot, so that only a few run at the same time.

Loading a model needs no slot: it takes long, and users of other models should not wait for it. Work in a slot waits for
nothing else, so that slots always come free.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Concatenate, ParamSpec, TypeVar

from attnviz.backends.base import Backend, capabilities
from attnviz.backends.request_context import RequestContext, track
from attnviz.backends.scheduler import Scheduler
from attnviz.engine.trace import Trace
from attnviz.progress import OnProgress, ProgressEvent, ignore
from attnviz.types import AttentionRequest, ModelCard

P = ParamSpec("P")
T = TypeVar("T")
LONG = 4000  # characters from which a text is a long one: about a thousand tokens


def _forget(context: RequestContext) -> None:
    """Do nothing with a finished request."""


@dataclass(frozen=True, eq=False)
class Scheduling:
    """How the requests of many clients share a backend.

    `max_running` holds where the backend has no limit of its own. A request waits at most `timeout` seconds for its slot.
    `client` returns whose request this is; `on_done` gets each request when it has ended.
    """

    max_running: int
    max_waiting: int
    max_per_client: int
    timeout: float
    client: Callable[[], Hashable]
    on_done: Callable[[RequestContext], None] = _forget


class ScheduledBackend:
    """Any backend with a fair queue before it; see `scheduler`."""

    def __init__(self, inner: Backend, scheduling: Scheduling, on_progress: OnProgress = ignore) -> None:
        """`on_progress` gets an event now and then while a request waits; an error that it raises ends the wait."""
        self.inner, self._scheduling, self._on_progress = inner, scheduling, on_progress
        can = self._can = capabilities(inner)
        max_running = can.max_requests or scheduling.max_running
        self.scheduler = Scheduler(max_running, scheduling.max_waiting, scheduling.max_per_client)
        self.capabilities = replace(
            can, full_trace=self._scheduled(can.full_trace), check=self._scheduled(can.check),
            step_trace=self._scheduled(can.step_trace), intervene=self._scheduled(can.intervene),
            compare_orders=self._scheduled(can.compare_orders), attend_input=None,
        )  # fmt: skip

    def models(self) -> tuple[ModelCard, ...]:
        """Return the models of the inner backend."""
        return self.inner.models()

    def attend(self, request: AttentionRequest) -> Trace:
        """Return the trace when the request gets a slot. Raises BusyError if too many wait, or if none comes free in time."""
        with self._slot(request):
            return self.inner.attend(request)

    def _scheduled(
        self, work: Callable[Concatenate[AttentionRequest, P], T] | None
    ) -> Callable[Concatenate[AttentionRequest, P], T] | None:
        """Return the same work in a slot; None if there is none."""
        if work is None:
            return None

        def in_slot(request: AttentionRequest, *args: P.args, **kwargs: P.kwargs) -> T:
            with self._slot(request):
                return work(request, *args, **kwargs)

        return in_slot

    @contextmanager
    def _slot(self, request: AttentionRequest) -> Iterator[None]:
        """Hold a slot for a request, once its model is loaded."""
        long = len(request.text) + len(request.text_b or "") >= LONG
        with track(request, self._scheduling.on_done) as on_granted:
            if self._can.prepare is not None:
                self._can.prepare(request)
            client = self._scheduling.client()
            with self.scheduler.slot(client, self._scheduling.timeout, self._report_wait, long=long):
                on_granted()
                yield

    def _report_wait(self, others: int) -> None:
        """Tell the caller that it waits, and how many others do."""
        message = f"Waiting for a turn; so do {others} others." if others else "Waiting for a turn."
        self._on_progress(ProgressEvent(message, "waiting"))

    def close(self) -> None:
        """Close the inner backend."""
        self.inner.close()
